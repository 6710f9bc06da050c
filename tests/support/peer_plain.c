/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/peer_plain.h"

#include "base/clock.h"
#include "support/netns.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
#define PACE_MS 2

/* How long to wait for a header that is due at once. */
#define HEADER_MS 5000

void
peer_pace_start(struct peer_pace *pace, uint64_t rate)
{
    *pace = (struct peer_pace){.rate = rate, .since_us = clock_us()};
}

size_t
peer_pace_budget(const struct peer_pace *pace, size_t most)
{
    uint64_t allowed = (clock_us() - pace->since_us) * pace->rate / 1000000u;

    if (allowed <= pace->taken)
        return 0;
    return allowed - pace->taken < most ? (size_t)(allowed - pace->taken) : most;
}

int
peer_pace_wait_ms(const struct peer_pace *pace)
{
    uint64_t allowed = (clock_us() - pace->since_us) * pace->rate / 1000000u;
    uint64_t missing = pace->taken >= allowed ? pace->taken - allowed + 1 : 0;

    return PACE_MS + (int)(missing * 1000u / pace->rate);
}

size_t
peer_unacked(int fd)
{
    int bytes = 0;

    if (fd < 0 || ioctl(fd, SIOCOUTQ, &bytes) != 0 || bytes < 0)
        return 0;
    return (size_t)bytes;
}

int
peer_vanish(int fd)
{
    struct sock_filter drop_all = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &drop_all};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void
peer_note_error(struct observed *saw, int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error == 0)
        return;
    observe_errno(saw, error);
}

void
peer_plain_init(struct peer_plain *p, uint64_t send_salt, uint64_t expect_salt)
{
    memset(p, 0, sizeof(*p));
    p->listener = -1;
    p->fd = -1;
    p->salt = send_salt;
    observe_init(&p->saw, expect_salt);
}

static int
bind_listener(struct peer_plain *p, const struct addr *at, int rcvbuf_bytes, int backlog)
{
    int one = 1;

    if (setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0)
        return -1;
    if (rcvbuf_bytes != 0 && setsockopt(p->listener, SOL_SOCKET, SO_RCVBUF, &rcvbuf_bytes,
                                        sizeof(rcvbuf_bytes)) != 0)
        return -1;
    if (p->path[0] != '\0')
        unlink(p->path);
    if (bind(p->listener, &at->u.sa, at->len) != 0)
        return -1;
    return listen(p->listener, backlog);
}

int
peer_plain_listen(struct peer_plain *p, const struct addr *at, int rcvbuf_bytes,
                  int backlog)
{
    peer_plain_refuse(p);
    p->is_unix = at->u.sa.sa_family == AF_UNIX;
    p->path[0] = '\0';
    if (p->is_unix)
        snprintf(p->path, sizeof(p->path), "%s", at->u.un.sun_path);
    netns_enter(NETNS_BACKEND);
    p->listener = socket(at->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->listener < 0)
        return -1;
    return bind_listener(p, at, rcvbuf_bytes, backlog);
}

void
peer_plain_refuse(struct peer_plain *p)
{
    if (p->listener < 0)
        return;
    close(p->listener);
    p->listener = -1;
    if (p->path[0] != '\0')
        unlink(p->path);
}

void
peer_plain_send(struct peer_plain *p, uint64_t bytes)
{
    p->to_send += bytes;
}

void
peer_plain_fin(struct peer_plain *p)
{
    p->want_fin = true;
}

void
peer_plain_read_slowly(struct peer_plain *p, uint64_t rate)
{
    p->reading = PEER_READS_SLOWLY;
    peer_pace_start(&p->pace, rate);
}

void
peer_plain_reset(struct peer_plain *p)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (p->fd < 0)
        return;
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    peer_plain_close(p);
}

void
peer_plain_close(struct peer_plain *p)
{
    if (p->fd < 0)
        return;
    close(p->fd);
    p->fd = -1;
    p->to_send = 0;
    if (p->fin_sent_us == 0)
        p->fin_sent_us = clock_us();
}

bool
peer_plain_wrote_all(const struct peer_plain *p)
{
    return p->to_send == 0 && (!p->want_fin || p->fin_sent);
}

bool
peer_plain_acked_all(const struct peer_plain *p)
{
    return peer_plain_wrote_all(p) && peer_unacked(p->fd) == 0;
}

bool
peer_plain_has_unread(const struct peer_plain *p)
{
    int bytes = 0;

    return p->fd >= 0 && ioctl(p->fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

static bool
can_write(const struct peer_plain *p)
{
    return p->fd >= 0 && p->saw.write_failed_us == 0 && !(p->saw.ends & OBSERVED_RST) &&
           !peer_plain_wrote_all(p);
}

static bool
may_read(const struct peer_plain *p)
{
    if (p->fd < 0 || p->saw.ends & (OBSERVED_FIN | OBSERVED_ERROR))
        return false;
    if (p->reading == PEER_READS_LAST)
        return !can_write(p);
    if (p->reading == PEER_READS_SLOWLY)
        return peer_pace_budget(&p->pace, 1) != 0;
    return p->reading == PEER_READS;
}

/* Nothing that poll() could still tell. */
static bool
is_over(const struct peer_plain *p)
{
    if (p->saw.ends & (OBSERVED_RST | OBSERVED_ERROR))
        return !may_read(p);
    return (p->saw.ends & OBSERVED_FIN) && (p->fin_sent || p->is_unix) && !can_write(p);
}

int
peer_plain_poll(const struct peer_plain *p, struct pollfd *pfd)
{
    *pfd = (struct pollfd){.fd = -1};
    if (p->fd < 0) {
        if (p->accepted_us == 0) {
            pfd->fd = p->listener;
            pfd->events = POLLIN;
        }
        return -1;
    }
    if (is_over(p))
        return p->reading == PEER_READS_SLOWLY ? PACE_MS : -1;
    pfd->fd = p->fd;
    pfd->events = (short)((may_read(p) ? POLLIN : 0) | (can_write(p) ? POLLOUT : 0));
    if (p->reading == PEER_READS_SLOWLY && !may_read(p))
        return peer_pace_wait_ms(&p->pace);
    return -1;
}

/* Exactly so many bytes. Returns whether they have come. */
static bool
take_bytes(struct peer_plain *p, uint8_t *buf, size_t len)
{
    struct pollfd pfd = {.fd = p->fd, .events = POLLIN};
    ssize_t got;

    while (len > 0) {
        if (poll(&pfd, 1, HEADER_MS) != 1)
            return false;
        got = recv(p->fd, buf, len, 0);
        if (got < 0 && errno != EAGAIN)
            observe_errno(&p->saw, errno); /* it is told once only */
        if (got <= 0)
            return false;
        buf += got;
        len -= (size_t)got;
    }
    return true;
}

/* What is no header is left to be taken for bytes that nobody expects. */
static void
take_header(struct peer_plain *p)
{
    uint8_t header[16], rest[1024];
    size_t len;

    if (!take_bytes(p, header, sizeof(header)))
        return;
    len = (size_t)header[14] << 8 | header[15];
    if (memcmp(header, "\r\n\r\n\0\r\nQUIT\n\x21", 13) != 0 || len > sizeof(rest) ||
        !take_bytes(p, rest, len))
        observe_bytes(&p->saw, header, sizeof(header));
}

static void
accept_one(struct peer_plain *p)
{
    int one = 1;

    p->fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (p->fd < 0)
        return;
    p->accepted_us = clock_us();
    if (!p->is_unix)
        setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (p->expects_header)
        take_header(p);
}

/* Returns whether more may be there. */
static bool
read_some(struct peer_plain *p)
{
    static uint8_t buf[CHUNK_BYTES];
    size_t most = sizeof(buf);
    ssize_t got;

    if (p->reading == PEER_READS_SLOWLY)
        most = peer_pace_budget(&p->pace, most);
    if (most == 0)
        return false;
    got = recv(p->fd, buf, most, 0);
    if (got > 0) {
        observe_bytes(&p->saw, buf, (size_t)got);
        p->pace.taken += (size_t)got;
        return true;
    }
    if (got == 0) {
        if (!observe_eof(&p->saw))
            p->reading = PEER_READS_NOT;
    } else if (errno != EAGAIN && errno != EINTR) {
        observe_errno(&p->saw, errno);
        return (p->saw.ends & OBSERVED_RST) != 0;
    }
    return false;
}

static void
note_failed_write(struct peer_plain *p)
{
    p->saw.write_failed_us = clock_us();
    p->to_send = 0;
    if (!p->is_unix || errno != EPIPE)
        observe_errno(&p->saw, errno);
}

static void
write_some(struct peer_plain *p)
{
    static uint8_t buf[CHUNK_BYTES];
    size_t len = p->to_send < sizeof(buf) ? (size_t)p->to_send : sizeof(buf);
    ssize_t put;

    if (len != 0) {
        observe_pattern(p->salt, p->sent, buf, len);
        put = send(p->fd, buf, len, MSG_NOSIGNAL);
        if (put < 0) {
            if (errno != EAGAIN && errno != EINTR)
                note_failed_write(p);
            return;
        }
        p->sent += (size_t)put;
        p->to_send -= (size_t)put;
    }
    if (p->to_send == 0 && p->want_fin && !p->fin_sent) {
        p->fin_sent_us = clock_us();
        p->fin_sent = true;
        shutdown(p->fd, SHUT_WR);
    }
}

void
peer_plain_turn(struct peer_plain *p, short revents)
{
    if (p->fd < 0) {
        if (revents & POLLIN)
            accept_one(p);
        return;
    }
    while (may_read(p) && read_some(p))
        ;
    if (revents & POLLERR && !(p->saw.ends & OBSERVED_RST))
        peer_note_error(&p->saw, p->fd);
    if (can_write(p))
        write_some(p);
}

void
peer_plain_free(struct peer_plain *p)
{
    peer_plain_reset(p);
    peer_plain_refuse(p);
}
