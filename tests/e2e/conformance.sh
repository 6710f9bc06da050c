#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# For the scripts conformance-*: closing-test, the scripted client and backend, against sallyport.
#     SALLYPORT_E2E_REPEAT        how often each case is played (1)
#     SALLYPORT_E2E_ROUND_TRIPS   of the cases that count them (2000)
#     SALLYPORT_E2E_CASES         only these, as closing-test's --case takes them
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ -x "$CLOSING_TEST" ] || fail "there is no $CLOSING_TEST"
make_pki
pairs=()

# conf PAIRS BACKEND SETTING...: so many frontends, each with a backend of its own, of the kind tcp or
# unix. The pairs are those for closing-test.
conf() {
    local number=$1 kind=$2 i front back

    shift 2
    pairs=()
    printf 'workers = %s\ndrain-timeout = %s\n' "${workers:-auto}" "${drain:-5s}"
    printf 'defaults {\n    cert = "%s"\n' "$PKI/ec.pem"
    printf '    %s\n' "$@"
    printf '}\n'
    for ((i = 1; i <= number; i++)); do
        front=$(free_port)
        pairs+=(--connect "127.0.0.1:$front")
        if [ "$kind" = unix ]; then
            back=unix:$WORK/backend$i.sock
            pairs+=(--backend-unix "$WORK/backend$i.sock")
        else
            back=$(free_port)
            pairs+=(--backend-port "$back")
            back=127.0.0.1:$back
        fi
        printf 'frontend f%d {\n    listen = 127.0.0.1:%d\n    backend = "%s"\n}\n' \
            "$i" "$front" "$back"
    done
}

# conform PROFILE [OPTION...]: with the sallyport that was started last.
conform() {
    local options=(--profile "$@" --repeat "${SALLYPORT_E2E_REPEAT:-1}")

    options+=(--round-trips "${SALLYPORT_E2E_ROUND_TRIPS:-2000}" --patience 20000)
    [ -z "${SALLYPORT_E2E_CASES:-}" ] || options+=(--case "$SALLYPORT_E2E_CASES")
    STATUS=0
    "$CLOSING_TEST" "${pairs[@]}" "${options[@]}" || STATUS=$?
    case $STATUS in
    0) ok "profile $1" ;;
    77) [ -n "${SALLYPORT_E2E_CASES:-}" ] || fail "closing-test cannot run" ;;
    *) fail "closing-test: exit status $STATUS" ;;
    esac
    refuse main.log 'reason=(internal-error|none)'
    refuse main.log 'level=(error|warning)'
}
