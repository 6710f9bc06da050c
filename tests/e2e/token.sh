# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Keys that cannot leave their token. The scripts that read this say what the token is: EC_URI, RSA_URI and
# OTHER_URI are its keys (for ec.pem, rsa.pem, and for neither), PIN_FILE has its passphrase, and
# provider_conf writes the configuration of OpenSSL with its provider.
. "$(dirname "$0")/lib.sh"
need openssl
export LIMIT=20
make_pki token-ec.pem ec DNS:ec.test 30 token-rsa.pem rsa DNS:rsa.test 30 other.pem ec DNS:other.test 30 \
    plain.pem ec DNS:plain.test 30
for name in token-ec token-rsa other; do # the certificate in one file, the key in another
    openssl pkey -in "$PKI/$name.pem" -out "$WORK/$name.key" 2> /dev/null
    sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' "$PKI/$name.pem" > "$PKI/$name.crt"
done
start_echod echo
port=$(free_port)
plain=$(free_port)

# conf [CERT URI PIN-FILE]...: a frontend with these, and one whose key is in a file.
conf() {
    echo "workers = 2 openssl-conf = \"$WORK/openssl.cnf\""
    echo "frontend main { listen = 127.0.0.1:$port backend = 127.0.0.1:$BACKEND_PORT"
    while [ $# -gt 0 ]; do
        echo "cert = \"$PKI/$1\" ${2:+key = \"$2\"}"
        [ -z "$3" ] || echo "key-passphrase-file = \"$3\""
        shift 3
    done
    echo "}"
    echo "frontend plain { listen = 127.0.0.1:$plain backend = 127.0.0.1:$BACKEND_PORT cert = \"$PKI/plain.pem\" }"
}

# both: with the token's two keys.
both() {
    conf token-ec.crt "$EC_URI" "$PIN_FILE" token-rsa.crt "$RSA_URI" ""
}

# get PORT NAME [OPTION...]: its certificate is shown, and proven.
get() {
    timeout "$LIMIT" openssl s_client -connect "127.0.0.1:$1" -servername "$2" -CAfile "$PKI/ca.pem" \
        -verify_return_error -verify_hostname "$2" "${@:3}" < /dev/null > "$WORK/out" 2> "$WORK/err"
}

# proven NAME [OPTION...]
proven() {
    get "$port" "$@" || {
        cat "$WORK/out" "$WORK/err" >&2
        fail "no handshake for $*"
    }
}

keepers() {
    local child

    for child in $(descendants "$1"); do
        [[ $(title "$child") != sallyport:\ keeper* ]] || echo "$child"
    done
}

has_keepers() {
    [ "$(keepers "$1" | wc -l)" -eq "$2" ]
}

# all_work: each key, by each version and padding.
all_work() {
    proven ec.test -tls1_3
    proven ec.test -tls1_2
    proven rsa.test -tls1_3
    expect out '^Peer signature type: (RSA-PSS|rsa_pss_rsae_sha256)'
    proven rsa.test -tls1_2 -sigalgs RSA+SHA256
    expect out '^Peer signature type: (RSA|rsa_pkcs1_sha256)$'
    proven rsa.test -tls1_2 -sigalgs rsa_pss_rsae_sha384
    for _ in 1 2 3 4 5 6 7 8; do # both workers
        proven ec.test -sigalgs ECDSA+SHA256
    done
}

# refused REGEX: a reload to the conf file is, and what was served is served on.
refused() {
    forget main
    kill -HUP "$master"
    await main 'going on with generation'
    expect main.log "$1"
    proven ec.test
}

test_token() {
    provider_conf > "$WORK/openssl.cnf"
    both > "$WORK/main.conf"
    run 0 "$SALLYPORT" -t -c "$WORK/main.conf"
    launch main -c "$WORK/main.conf"
    master=$PID
    has_keepers "$master" 1 || fail "there is no keeper"
    all_work
    ok "EC and RSA, TLS 1.2 and 1.3, PKCS #1 and PSS"

    keeper=$(keepers "$master")
    kill -KILL "$keeper"
    await main 'the keeper process \([0-9]+\) was killed by signal 9'
    wait_for "a handshake by the next keeper" get "$port" ec.test
    [ "$(keepers "$master")" != "$keeper" ] || fail "the keeper was not replaced"
    worker=$(workers "$master" | sed -n 1p)
    kill -KILL "$worker"
    wait_for "another worker" replaced "$worker"
    all_work
    ok "a keeper and a worker are replaced"

    conf token-ec.crt "${EC_URI}x" "$PIN_FILE" > "$WORK/main.conf"
    refused "main.conf:3: .*x: there is no private key to be had"
    conf token-ec.crt "$OTHER_URI" "$PIN_FILE" > "$WORK/main.conf"
    refused "main.conf:3: .*: the private key does not belong to the certificate in .*token-ec.crt"
    echo 0000 > "$WORK/wrong-pin"
    chmod 600 "$WORK/wrong-pin"
    conf token-ec.crt "$EC_URI" "$WORK/wrong-pin" > "$WORK/main.conf"
    run 2 "$SALLYPORT" -t -c "$WORK/main.conf"
    expect err "main.conf:3: .*: there is no private key to be had"
    ok "a key that is not there, another's, and a wrong passphrase are mistakes"

    conf plain.pem "" "" > "$WORK/main.conf"
    reload main "$master"
    wait_for "the keeper to go" has_keepers "$master" 0
    get "$port" plain.test || fail "the key in a file"
    both > "$WORK/main.conf"
    reload main "$master"
    has_keepers "$master" 1 || fail "there is no keeper again"
    all_work
    ok "reloads to and from keys in files"

    forget main
    kill -USR2 "$master"
    await main 'the workers of before end'
    all_work
    ok "an upgrade"
}

replaced() {
    has_workers "$master" 2 && ! has_worker "$master" "$1"
}

finish_token() {
    stop "$master"
    [ "$STATUS" = 0 ] || fail "exit status $STATUS"
    refuse main.log 'was killed by signal [^9]'
    ok "a good end"
}
