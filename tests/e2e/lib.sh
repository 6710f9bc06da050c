#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What the scripts of this directory share. A script is run in the build directory:
#     SALLYPORT, MAKE_PKI, CLOSING_TEST, HAMMER, ECHOD
#                                         the programs (src/sallyport, tests/make-pki,
#                                         tests/closing-test, tests/hammer, tests/echod)
#     SALLYPORT_E2E_KEEP=1                leave the script's files behind
#     SALLYPORT_E2E_ONLY="NAME..."        skip all others
# It ends with 0: passed, 77: skipped, anything else: failed.
#
# shellcheck disable=SC2034 # some of these are for the scripts alone
set -Eeuo pipefail
export LC_ALL=C
exec < /dev/null

E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SALLYPORT=$(realpath -m "${SALLYPORT:-src/sallyport}")
MAKE_PKI=$(realpath -m "${MAKE_PKI:-tests/make-pki}")
CLOSING_TEST=$(realpath -m "${CLOSING_TEST:-tests/closing-test}")
HAMMER=$(realpath -m "${HAMMER:-tests/hammer}")
ECHOD=$(realpath -m "${ECHOD:-tests/echod}")
WORK=$(mktemp -d "${TMPDIR:-/tmp}/sallyport-e2e.XXXXXX")
chmod 711 "$WORK" # workers are somebody else, and have to reach the Unix sockets of backends
PORTS=${TMPDIR:-/tmp}/sallyport-e2e-ports.$(id -u) # who has which; see free_port
PKI=$WORK/pki
ANY='msg=(connection|"handshake failed") ' # how a line of the log about a connection begins
PATIENCE=20  # seconds to wait for what must come
LIMIT=120    # seconds that a client may run
PYTHON=
PROGRAM=$SALLYPORT # what wrapped() wraps
PID=         # of the process that was started last
STATUS=      # of the process that ended last
OTHERS=()    # ids of processes to be ended
PROXIES=()   # the same of sallyports, whose exit status is checked as well
trap 'echo "$0: line $LINENO: failed: $BASH_COMMAND" >&2' ERR
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
trap finish EXIT

# ---- Results ----

# fail SENTENCE: the test has failed.
fail() {
    local depth where=

    trap - ERR
    for ((depth = 0; depth < ${#FUNCNAME[@]} - 1; depth++)); do
        where="${BASH_SOURCE[depth + 1]##*/}:${BASH_LINENO[depth]}${where:+ > }$where"
    done
    echo "FAIL: $where: $*" >&2
    exit 1
}

# skip SENTENCE: the test cannot be run here.
skip() {
    echo "SKIP: $0: $*"
    exit 77
}

# ok SENTENCE: this has been shown.
ok() {
    echo "ok: $*"
}

# need PROGRAM...: skip where one of them is not installed.
need() {
    local program

    for program; do
        command -v "$program" > /dev/null || skip "$program is not installed"
    done
}

# need_python MODULE...: PYTHON is a python3 that has them all.
need_python() {
    local python

    for python in python3 /usr/bin/python3; do
        if "$python" -c "import $(IFS=,; echo "$*")" 2> /dev/null; then
            PYTHON=$python
            return
        fi
    done
    skip "there is no python3 with: $*"
}

dump_logs() {
    local file

    for file in "$WORK"/*.conf "$WORK"/*.log; do
        [ -s "$file" ] || continue
        echo "---- ${file##*/}" >&2
        tail -n 25 "$file" | cut -c 1-1000 >&2
    done
}

# End what is left; a sallyport has to end well: not by a signal, and not by a sanitizer; and its
# children with it.
finish() {
    local status=$? pid child good family

    trap - EXIT ERR HUP INT TERM
    set +e
    for pid in "${PROXIES[@]}"; do
        good='0|3'
        family=$(descendants "$pid")
        {
            kill -TERM "$pid"
            # Told twice, it may be told while it is ending already, and be killed by it.
            await_drain "$pid" || { kill -TERM "$pid" && good='0|3|143'; }
            await_end "$pid" || kill -KILL "$pid"
            wait "$pid"
            STATUS=$?
        } 2> /dev/null
        if [[ ! $STATUS =~ ^($good)$ ]] && [ $status -eq 0 ]; then
            echo "FAIL: $0: sallyport (process $pid) ended with status $STATUS" >&2
            status=1
        fi
        for child in $family; do
            await_end "$child" && continue
            echo "FAIL: $0: a child of sallyport (process $child) is left" >&2
            kill -KILL "$child"
            status=1
        done
    done
    for pid in "${OTHERS[@]}"; do
        kill -TERM "$pid"
        await_end "$pid" || kill -KILL "$pid"
        wait "$pid"
    done 2> /dev/null
    if grep -qE 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$WORK"/*.log 2> /dev/null; then
        echo "FAIL: $0: a sanitizer has found something" >&2
        status=1
    fi
    [ $status -eq 0 ] || [ $status -eq 77 ] || dump_logs
    release_ports
    if [ -z "${SALLYPORT_E2E_KEEP:-}" ]; then
        rm -rf "$WORK"
    else
        echo "left behind: $WORK"
    fi
    exit $status
}

# ---- Waiting ----

nap() {
    sleep 0.03
}

# wait_for WHAT COMMAND...: until the command succeeds.
wait_for() {
    local what=$1 deadline=$((SECONDS + PATIENCE))

    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || fail "waited $PATIENCE s in vain for: $what"
        nap
    done
}

not_listening() {
    ! is_listening "$1"
}

# Gone is also one that nobody has asked for its exit status: not every process 1 does.
is_gone() {
    local stat

    kill -0 "$1" 2> /dev/null || return 0
    { read -r stat < "/proc/$1/stat"; } 2> /dev/null || return 0
    [[ $stat == *') Z '* ]]
}

await_end() {
    local deadline=$((SECONDS + 10))

    until is_gone "$1"; do
        [ $SECONDS -lt $deadline ] || return 1
        nap
    done
}

# A sallyport without connections is gone soon; the others have to be told twice.
await_drain() {
    local tries=30

    until is_gone "$1"; do
        [ $((tries -= 1)) -gt 0 ] || return 1
        nap
    done
}

# await_exit PID: until it has ended; STATUS is its exit status.
await_exit() {
    local pid kept=()

    wait_for "the end of process $1" is_gone "$1"
    STATUS=0
    { wait "$1" || STATUS=$?; } 2> /dev/null # bash tells of a killed one
    for pid in "${PROXIES[@]}"; do
        [ "$pid" = "$1" ] || kept+=("$pid")
    done
    PROXIES=("${kept[@]}")
    kept=()
    for pid in "${OTHERS[@]}"; do
        [ "$pid" = "$1" ] || kept+=("$pid")
    done
    OTHERS=("${kept[@]}")
}

# ---- Ports ----

is_listening() {
    local hex

    hex=$(printf ':%04X' "$1")
    grep -qsE "^ *[0-9]+: [0-9A-F]+$hex [0-9A-F]+:0000 0A" /proc/net/tcp /proc/net/tcp6
}

# Ports lie below those that the kernel gives to clients. Scripts that run at the same time agree on
# who has which by symbolic links that name the owner's process id.
free_port() {
    local port owner link

    while mkdir -p "$PORTS"; do
        port=$((20000 + RANDOM % 12000))
        link=$PORTS/$port
        owner=$(readlink "$link" || :)
        if [ -n "$owner" ] && is_gone "$owner"; then
            rm -f "$link"
        fi
        if ln -s $$ "$link" 2> /dev/null; then
            if ! grep -qsE "^ *[0-9]+: [0-9A-F]+:$(printf '%04X' $port) " \
                /proc/net/tcp /proc/net/tcp6; then
                echo $port
                return
            fi
            rm -f "$link"
        fi
    done
}

release_ports() {
    local link

    for link in "$PORTS"/*; do
        [ "$(readlink "$link")" != $$ ] || rm -f "$link"
    done
    rmdir "$PORTS" 2> /dev/null
}

# ---- Processes ----

# start NAME COMMAND...: in the background, its output in $WORK/NAME.log, its input that of start.
start() {
    local name=$1

    shift
    "$@" <&0 >> "$WORK/$name.log" 2>&1 &
    PID=$!
    OTHERS+=("$PID")
}

# start_backend NAME MODE [OPTION...]: see backend.py; BACKEND_PORT is its port.
start_backend() {
    local name=$1

    shift
    [ -n "$PYTHON" ] || need_python ssl
    start "$name" "$PYTHON" -u "$E2E/backend.py" "$@"
    wait_for "backend $name to listen" says "$WORK/$name.log" '^listening'
    BACKEND_PORT=$(sed -n 's/^listening on port //p' "$WORK/$name.log")
}

serves_or_is_gone() {
    says "$WORK/$1.log" 'serves [0-9]+ frontend' || is_gone "$PID"
}

# launch NAME [ARGUMENT...]: a sallyport that logs to stderr at notice or below, until it serves.
launch() {
    local name=$1

    shift
    [ -x "$SALLYPORT" ] || fail "there is no $SALLYPORT"
    "$SALLYPORT" "$@" >> "$WORK/$name.log" 2>&1 &
    PID=$!
    PROXIES+=("$PID")
    wait_for "sallyport $name to serve" serves_or_is_gone "$name"
    says "$WORK/$name.log" 'serves [0-9]+ frontend' || fail "sallyport $name did not start"
}

# serve NAME < CONF: the same with a conf file, which is $WORK/NAME.conf.
serve() {
    cat > "$WORK/$1.conf"
    launch "$1" -c "$WORK/$1.conf"
}

# wrapped SHELL-COMMAND: sallyport is started by this from now on; unwrapped: no more.
wrapped() {
    SALLYPORT=$WORK/start
    printf '#!/bin/bash\n%s\n' "$1" > "$SALLYPORT"
    chmod 755 "$SALLYPORT"
}

unwrapped() {
    SALLYPORT=$PROGRAM
}

# unprivileged: sallyport is started without root from now on, if we are root.
unprivileged() {
    [ "$(id -u)" = 0 ] || return 0
    mkdir -p "$WORK/bin"
    cp "$PROGRAM" "$WORK/bin/sallyport"
    chown -R 65534:65534 "$PKI"
    wrapped "exec setpriv --reuid 65534 --regid 65534 --clear-groups '$WORK/bin/sallyport' \"\$@\""
}

# leaks_count: a build with LeakSanitizer wants to see /proc in its workers: no chroot, so no root.
leaks_count() {
    ! is_sanitized || unprivileged
}

# stop PID [SIGNAL]: and wait for its end; STATUS is its exit status.
stop() {
    kill -"${2:-TERM}" "$1"
    await_exit "$1"
}

# run STATUS COMMAND...: it has to end with that status; $WORK/out and $WORK/err are what it said.
run() {
    local wanted=$1

    shift
    STATUS=0
    timeout -k 1 "$LIMIT" "$@" > "$WORK/out" 2> "$WORK/err" || STATUS=$?
    [ "$STATUS" = "$wanted" ] && return
    cat "$WORK/out" "$WORK/err" >&2
    fail "exit status $STATUS, expected $wanted: $*"
}

# client [OPTION...]: client.py, which has to succeed; its report is in $WORK/out.
client() {
    [ -n "$PYTHON" ] || need_python ssl
    run 0 "$PYTHON" -u "$E2E/client.py" "$@"
}

# make_pki [OPTION...]: see make_pki.c.
make_pki() {
    [ -x "$MAKE_PKI" ] || fail "there is no $MAKE_PKI"
    mkdir -p "$PKI"
    "$MAKE_PKI" "$PKI" "$@" > "$WORK/make-pki.log" 2>&1
}

# ---- Load ----

# start_echod NAME: BACKEND_PORT is its port.
start_echod() {
    [ -x "$ECHOD" ] || fail "there is no $ECHOD"
    start "$1" "$ECHOD"
    wait_for "backend $1 to listen" says "$WORK/$1.log" '^listening'
    BACKEND_PORT=$(sed -n 's/^listening on port //p' "$WORK/$1.log")
}

hammers_or_is_gone() {
    says "$WORK/$1.log" '^serving$' || is_gone "$PID"
}

# hammer NAME OPTION...: hammer.c in the background, until it works; PID is its process id.
hammer() {
    [ -x "$HAMMER" ] || fail "there is no $HAMMER"
    forget "$1"
    start "$1" "$HAMMER" "${@:2}"
    wait_for "hammer $1 to work" hammers_or_is_gone "$1"
    says "$WORK/$1.log" '^serving$' || fail "hammer $1 did not work"
}

# hammered NAME PID [REGEX]: stop it; its exit status, by default 0: nothing may have failed.
hammered() {
    kill -TERM "$2" 2> /dev/null || :
    await_exit "$2"
    echo "$1: $(tail -n 1 "$WORK/$1.log")"
    [[ $STATUS =~ ^(${3:-0})$ ]] || fail "hammer $1: exit status $STATUS"
}

# figure NAME FIELD: that of the report of a hammer.
figure() {
    grep '^connections=' "$WORK/$1.log" | tr ' ' '\n' | sed -n "s/^$2=//p"
}

# have_connected COUNT PORT: so many clients of a port have, in the eyes of the kernel.
have_connected() {
    [ "$(count /proc/net/tcp "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$2") [0-9A-F:]+ 01 ")" -ge "$1" ]
}

# ---- The master and its children ----

# descendants PID: the ids of its children, and of theirs.
descendants() {
    local child

    for child in $(cat "/proc/$1/task/$1/children" 2> /dev/null || :); do
        echo "$child"
        descendants "$child"
    done
}

# title PID: what ps would show.
title() {
    { tr '\0' ' ' < "/proc/$1/cmdline"; } 2> /dev/null || :
}

# workers PID, admins PID: the ids of a master's children of that kind.
workers() {
    local child

    for child in $(descendants "$1"); do
        [[ $(title "$child") != sallyport:\ worker* ]] || echo "$child"
    done
}

admins() {
    local child

    for child in $(descendants "$1"); do
        [[ $(title "$child") != sallyport:\ admin* ]] || echo "$child"
    done
}

has_workers() {
    [ "$(workers "$1" | wc -l)" -eq "$2" ]
}

# has_worker PID WORKER
has_worker() {
    [[ " $(workers "$1" | tr '\n' ' ')" == *" $2 "* ]]
}

# in_force NAME: how often a reload has succeeded.
in_force() {
    count "$WORK/$1.log" 'reload: generation [0-9]+ is in force'
}

# reload NAME PID: and wait until it has succeeded.
reload() {
    local before

    before=$(in_force "$1")
    kill -HUP "$2"
    await "$1" 'reload: generation [0-9]+ is in force' $((before + 1))
}

# pss_kib PID: the memory of a master and all its children, shared pages counted once; without
# those of files, as how many share these depends on what else is running.
pss_kib() {
    local pid

    for pid in "$1" $(descendants "$1"); do
        cat "/proc/$pid/smaps_rollup"
    done | awk '/^Pss_(Anon|Shmem):/ { sum += $2 } END { print sum + 0 }'
}

# descriptors PID: all of theirs.
descriptors() {
    local pid

    for pid in "$1" $(descendants "$1"); do
        find "/proc/$pid/fd" -mindepth 1
    done | wc -l
}

# serial FILE: of its first certificate, as hammer writes it.
serial() {
    openssl x509 -noout -serial -in "$1" | sed 's/^serial=//'
}

is_sanitized() {
    grep -qa __asan_init "$PROGRAM"
}

# ---- What was said ----

# says FILE REGEX, count FILE REGEX: lines of a file.
says() {
    grep -qsE -e "$2" "$1"
}

count() {
    grep -csE -e "$2" "$1" || :
}

# expect FILE REGEX [WHY]: $WORK/FILE has such a line; refuse: it has none.
expect() {
    says "$WORK/$1" "$2" && return
    head -n 50 "$WORK/$1" >&2
    fail "$1 has no line like: $2${3:+ ($3)}"
}

refuse() {
    says "$WORK/$1" "$2" || return 0
    grep -E -e "$2" "$WORK/$1" >&2
    fail "$1 has a line like: $2${3:+ ($3)}"
}

has_lines() {
    [ "$(count "$1" "$2")" -ge "$3" ]
}

# await NAME REGEX [COUNT]: until the log of NAME has that many such lines.
await() {
    wait_for "${3:-1} lines like $2 in $1.log" has_lines "$WORK/$1.log" "$2" "${3:-1}"
}

# one NAME COMMAND...: run it, and wait until the one connection that it makes has ended; its line
# is what is in the log then.
one() {
    local name=$1

    shift
    forget "$name"
    "$@"
    await "$name" "$ANY"
}

# await_exactly NAME COUNT REGEX: COUNT connections have ended, and all of their lines are like that.
await_exactly() {
    await "$1" "$ANY" "$2"
    if [ "$(count "$WORK/$1.log" "$3")" -ne "$2" ]; then
        grep -E "$ANY" "$WORK/$1.log" | grep -vE -e "$3" |
            head -n 10 >&2
        fail "$(count "$WORK/$1.log" "$3") of $2 lines in $1.log are like: $3"
    fi
}

# forget NAME: begin its log anew (its writer appends).
forget() {
    : > "$WORK/$1.log"
}

[[ " ${SALLYPORT_E2E_ONLY:-$(basename "$0")} " == *" $(basename "$0") "* ]] || skip "not asked for"
