/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_CTX_H
#define TLS_TLS_CTX_H

#include "base/attr.h"
#include "base/diag.h"
#include "config/config.h"
#include "tls/cert.h"

#include <openssl/ssl.h>

/* The defaults of the settings of the same names, as OpenSSL's lists. */
#define TLS_CTX_CIPHERS                                          \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define TLS_CTX_CIPHERSUITES \
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/*
 * What a frontend's connections share: an SSL_CTX for servers, made of its settings
 * and its certificate (copied by reference: cert stays the caller's).
 *
 * TLS 1.2 and 1.3 as tls-min and tls-max allow; server preference, but ChaCha20 goes
 * first for a client that puts it first (SSL_OP_PRIORITIZE_CHACHA); no compression, no
 * renegotiation, no 0-RTT (max_early_data 0), one session ticket, no session cache;
 * SSL_MODE_RELEASE_BUFFERS; SSL_OP_IGNORE_UNEXPECTED_EOF never. groups: X25519MLKEM768
 * first where the library knows it (3.5 and newer), then X25519, P-256 and P-384. ALPN: the
 * first of the frontend's list that the client offers; no overlap is refused with
 * no_application_protocol (RFC 7301, 3.2); a client without ALPN goes on without.
 *
 * Sessions last session-lifetime; see tls_ticket.h, also for the secret of tickets, which
 * each SSL_CTX has of its own until it is given others. A session is good for a frontend of
 * the same name only, and for the same rules on certificates of clients (see tls_verify).
 *
 * A list that OpenSSL refuses is an error in diag at its place that names the offending
 * part. A part that means nothing to OpenSSL in a list that it takes is a warning. All
 * mistakes are told in one run. Returns NULL after an error; else an SSL_CTX for
 * SSL_CTX_free. frontend has to outlive it (the ALPN list is borrowed).
 */
SSL_CTX *tls_ctx_new(const struct config_frontend *frontend, const struct cert *cert,
                     struct diag *diag);

/* The name of the key exchange's group ("X25519", "P-256"), or NULL. Static or lent by ssl.
 */
const char *tls_group_name(SSL *ssl);

#endif
