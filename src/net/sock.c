/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/sock.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* How long the kernel keeps a client that says nothing to itself (TCP_DEFER_ACCEPT,
 * tcp(7)). */
#define HELLO_WAIT_S 1

/* Where the kernel's local ports begin (net.ipv4.ip_local_port_range, its default). */
#define EPHEMERAL_PORTS 32768

/* A peer that sends without end must not hold up sock_drain for ever. */
#define CLOSE_DISCARD_MAX (4u << 20)

static void
set(int fd, int level, int option, int value)
{
    /* None of these can fail on a socket of the right kind, and none is worth a refusal. */
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

static void
set_linger(int fd, bool on)
{
    struct linger linger = {.l_onoff = on, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/*
 * TCP_NODELAY: a byte that can be sent is sent; Nagle would hold a close_notify back.
 * SO_OOBINLINE: urgent data is a part of the stream (RFC 6093).
 */
static void
set_stream_options(int fd)
{
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_OOBINLINE, 1);
}

void
sock_find_vanished(int fd, const struct config_frontend *f)
{
    set(fd, SOL_SOCKET, SO_KEEPALIVE, f->keepalive);
    if (f->keepalive) {
        set(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)(f->keepalive_idle_ms / 1000));
        set(fd, IPPROTO_TCP, TCP_KEEPINTVL, (int)(f->keepalive_interval_ms / 1000));
        set(fd, IPPROTO_TCP, TCP_KEEPCNT, (int)f->keepalive_count);
    }
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)f->tcp_user_timeout_ms);
}

static int
fail(int fd)
{
    int saved = errno;

    close(fd);
    errno = saved;
    return -1;
}

int
sock_bind(const struct addr *addr, bool shared)
{
    int fd = socket(addr->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (addr->u.sa.sa_family != AF_UNIX)
        set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (shared)
        set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (addr->u.sa.sa_family == AF_INET6)
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    return bind(fd, &addr->u.sa, addr->len) < 0 ? fail(fd) : fd;
}

uint32_t
sock_hello_wait_ms(const struct config_frontend *frontend)
{
    return frontend->handshake_timeout_ms > 1000 * HELLO_WAIT_S ? 1000 * HELLO_WAIT_S : 0;
}

int
sock_listen(int fd, const struct config_frontend *frontend)
{
    set_stream_options(fd); /* what is accepted inherits all of them */
    sock_find_vanished(fd, frontend);
    set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, (int)sock_hello_wait_ms(frontend) / 1000);
    /* For IPv6 as well: there is one such flag in a socket. */
    set(fd, IPPROTO_IP, IP_TRANSPARENT, frontend->original);
    return listen(fd, (int)frontend->backlog);
}

void
sock_steer(int fd, unsigned count)
{
    struct sock_filter code[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)},
        {BPF_ALU | BPF_MOD | BPF_K, 0, 0, count},
        {BPF_RET | BPF_A, 0, 0, 0},
    };
    struct sock_fprog program;

    memset(&program, 0, sizeof(program)); /* what is between its members goes along */
    program.len = COUNT_OF(code);
    program.filter = code;
    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
}

/*
 * A peer on this host answers while connect() is under way: to ask spares the wait for an
 * event. getpeername() leaves an error that has come meanwhile where it is.
 */
static bool
is_connected(int fd, const struct addr *addr)
{
    struct addr peer = {.len = sizeof(peer.u)};

    return addr_is_loopback(addr) && getpeername(fd, &peer.u.sa, &peer.len) == 0;
}

/*
 * SO_REUSEADDR: a client may have one port for connections to several of our addresses, and
 * a connection of before may be in TIME_WAIT. Without a port connect() chooses it, which
 * can be one that is in use for another backend (IP_BIND_ADDRESS_NO_PORT, ip(7)).
 */
static int
bind_source(int fd, const struct addr *from, bool transparent)
{
    static const int on = 1;

    if (transparent && setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on)) < 0)
        return -1;
    if (addr_port(from) == 0)
        set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    else
        set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    return bind(fd, &from->u.sa, from->len);
}

int
sock_dial(const struct addr *addr, const struct addr *from, bool transparent,
          bool *connecting)
{
    int fd = socket(addr->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (addr->u.sa.sa_family != AF_UNIX) {
        set_stream_options(fd);
        set_linger(fd, true);
    }
    if (from != NULL && bind_source(fd, from, transparent) < 0)
        return fail(fd);
    *connecting = false;
    if (connect(fd, &addr->u.sa, addr->len) < 0) {
        if (errno != EINPROGRESS)
            return fail(fd);
        *connecting = !is_connected(fd, addr);
    }
    return fd;
}

int
sock_local_addr(int fd, struct addr *addr)
{
    addr->len = sizeof(addr->u);
    if (getsockname(fd, &addr->u.sa, &addr->len) == 0)
        return 0;
    addr->len = 0;
    return -1;
}

bool
sock_is_itself(int fd, const struct addr *addr)
{
    struct addr local;

    return addr_port(addr) >= EPHEMERAL_PORTS && sock_local_addr(fd, &local) == 0 &&
           addr_equal(&local, addr);
}

int
sock_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

size_t
sock_unacked(int fd)
{
    int bytes = 0;

    return ioctl(fd, SIOCOUTQ, &bytes) < 0 || bytes < 0 ? 0 : (size_t)bytes;
}

ssize_t
sock_discard(int fd)
{
    static char bin[64 << 10];
    ssize_t n;

    /* With MSG_TRUNC TCP throws away without copying (tcp(7)). */
    do
        n = recv(fd, bin, sizeof(bin), MSG_DONTWAIT | MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    return n;
}

void
sock_mind_window(int fd, uint32_t timeout_ms)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    bool closed;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return;
    /* Nothing is in flight, and yet something waits: the window is closed. */
    closed = info.tcpi_unacked == 0 && sock_unacked(fd) > 0;
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, closed ? 0 : (int)timeout_ms);
}

void
sock_drain(int fd)
{
    size_t discarded = 0;
    ssize_t n;

    while (discarded < CLOSE_DISCARD_MAX && (n = sock_discard(fd)) > 0)
        discarded += (size_t)n;
}

void
sock_close(int fd)
{
    sock_drain(fd);
    close(fd);
}

void
sock_allow_fin(int fd)
{
    set_linger(fd, false);
}

void
sock_reset(int fd)
{
    set_linger(fd, true);
    close(fd);
}
