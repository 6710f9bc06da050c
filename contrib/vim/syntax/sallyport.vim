" SPDX-License-Identifier: BSD-2-Clause
" Vim syntax of sallyport.conf(5)
if exists('b:current_syntax')
    finish
endif

syntax iskeyword @,48-57,_,-

syntax keyword sallyportBlock log admin defaults frontend client-cert
syntax keyword sallyportInclude include

" tests/lint/options compares these with the table of settings.
syntax keyword sallyportSetting workers cert-cache user group sandbox watch pidfile openssl-conf key-log
syntax keyword sallyportSetting accept-grace drain-timeout resolver
syntax keyword sallyportSetting max-connections max-connections-per-source limits-exempt
syntax keyword sallyportSetting max-handshakes max-handshakes-per-source
syntax keyword sallyportSetting handshake-rate handshake-burst
syntax keyword sallyportSetting handshake-rate-per-source handshake-burst-per-source
syntax keyword sallyportSetting listen
syntax keyword sallyportSetting level format to facility
syntax keyword sallyportSetting listen cert key key-passphrase-file cert-default sni-strict ocsp backend
syntax keyword sallyportSetting source sni-backend alpn-backend accept-proxy proxy-protocol
syntax keyword sallyportSetting server balance proxy-protocol queue-length queue-timeout eject-after eject-time eject-max slow-start
syntax keyword sallyportSetting check check-interval check-timeout rise fall check-send check-expect
syntax keyword sallyportSetting tls-min tls-max ciphers ciphersuites groups alpn own-records
syntax keyword sallyportSetting acme-tls-dir
syntax keyword sallyportSetting verify ca crl depth allow
syntax keyword sallyportSetting sigalgs security-level dh ssl-conf
syntax keyword sallyportSetting session-lifetime ticket-rotation ticket-secret
syntax keyword sallyportSetting handshake-timeout connect-timeout idle-timeout
syntax keyword sallyportSetting half-closed-timeout close-wait linger-timeout linger-max
syntax keyword sallyportSetting on-truncation
syntax keyword sallyportSetting keepalive keepalive-idle keepalive-interval keepalive-count
syntax keyword sallyportSetting tcp-user-timeout backlog max-connections allow deny

syntax match sallyportNumber /[A-Za-z0-9_.:\/*@+-]\@1<!\d\+\(ms\|s\|m\|h\|d\)\?[A-Za-z0-9_.:\/*@+-]\@!/
syntax keyword sallyportWord on off v1 v2 auto optional required reset eof text json stderr syslog daemon
syntax keyword sallyportWord error warning notice info probe debug

syntax match sallyportEscape /\\["\\$nt]/ contained
syntax match sallyportVariable /\${\w\+\(:-[^}"]*\)\?}/ contained
syntax region sallyportString start=/"/ skip=/\\./ end=/"/ oneline contains=sallyportEscape,sallyportVariable
syntax region sallyportString start=/'/ end=/'/ oneline

syntax match sallyportComment /#.*$/
syntax match sallyportComment /[A-Za-z0-9_.:\/*@+-]\@1<!\/\/.*$/
syntax region sallyportComment start=/[A-Za-z0-9_.:\/*@+-]\@1<!\/\*/ end=/\*\//

highlight default link sallyportBlock Structure
highlight default link sallyportInclude Include
highlight default link sallyportSetting Identifier
highlight default link sallyportNumber Number
highlight default link sallyportWord Constant
highlight default link sallyportEscape SpecialChar
highlight default link sallyportVariable PreProc
highlight default link sallyportString String
highlight default link sallyportComment Comment

let b:current_syntax = 'sallyport'
