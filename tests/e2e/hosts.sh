#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# For the scripts transparent*: three hosts, each a network namespace of this script's own.
#
#     client --------------- proxy --------------- server
#     10.77.1.2    10.77.1.1 c   s 10.77.2.1    10.77.2.2
#     fd77:1::2    fd77:1::1       fd77:2::1    fd77:2::2
#
# The proxy is the router between the two. What goes by it untouched reaches the server all the same.
[ -n "${E2E:-}" ] || . "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need ip nft
[ "$(id -u)" = 0 ] || skip "only root makes network namespaces"
NFTABLES=$E2E/../../contrib/nftables
CLIENT=sp-client-$$
PROXY=sp-proxy-$$
SERVER=sp-server-$$

leave() {
    local status=$? host

    trap - ERR
    set +e
    for host in "$CLIENT" "$PROXY" "$SERVER"; do
        ip netns del "$host" 2> /dev/null # the processes in it keep it until they end
    done
    (exit $status)
    finish
}
trap leave EXIT

# on HOST COMMAND...
on() {
    ip netns exec "$@"
}

# link HOST NAME THIRD-NUMBER: a wire from the host to the interface NAME of the proxy.
link() {
    ip -n "$1" link add eth0 type veth peer name "$2" netns "$PROXY"
    ip -n "$1" addr add "10.77.$3.2/24" dev eth0
    ip -n "$1" addr add "fd77:$3::2/64" dev eth0 nodad
    ip -n "$PROXY" addr add "10.77.$3.1/24" dev "$2"
    ip -n "$PROXY" addr add "fd77:$3::1/64" dev "$2" nodad
    ip -n "$1" link set eth0 up
    ip -n "$PROXY" link set "$2" up
    ip -n "$1" route add default via "10.77.$3.1"
    ip -n "$1" route add default via "fd77:$3::1"
}

make_hosts() {
    local host

    ip netns add "$CLIENT" 2> /dev/null || skip "network namespaces cannot be made here"
    ip netns add "$PROXY"
    ip netns add "$SERVER"
    for host in "$CLIENT" "$PROXY" "$SERVER"; do
        ip -n "$host" link set lo up
    done
    link "$CLIENT" c 1
    link "$SERVER" s 2
    on "$PROXY" sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward
        echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
    # Routes that an interface gets with its address are not there at once.
    wait_for "the server to be reached" on "$CLIENT" sh -c 'ip route get 10.77.2.2 && ip route get fd77:2::2' > /dev/null
    printf '%s\n' 'table inet try {' 'chain try {' 'type filter hook prerouting priority mangle' \
        'meta l4proto tcp socket transparent 1 fib daddr type local tproxy to :1' '}' '}' |
        on "$PROXY" nft -c -f - > "$WORK/nft.out" 2>&1 || skip "this kernel has no TPROXY"
    wrapped "exec ip netns exec $PROXY '$PROGRAM' \"\$@\""
}

# rules FILE [NAME=VALUE...]: load contrib/nftables/FILE with other definitions.
rules() {
    local file=$1 set edits=(-e 's/^define clients = .*/define clients = "c"/'
        -e 's/^define backends = .*/define backends = "s"/')

    shift
    for set; do
        edits+=(-e "s/^define ${set%%=*} = .*/define ${set%%=*} = ${set#*=}/")
    done
    sed "${edits[@]}" "$NFTABLES/$file" > "$WORK/$file"
    on "$PROXY" nft -f "$WORK/$file"
}

no_rules() {
    on "$PROXY" nft flush ruleset
}

# routes up|down
routes() {
    on "$PROXY" "$NFTABLES/routes" "$1"
}
