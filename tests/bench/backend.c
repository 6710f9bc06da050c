/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * backend [PORT]: the plaintext service behind the proxies, in one thread. It says
 * "listening on port N" (on 127.0.0.1) and serves until it is killed. The first byte of a
 * connection chooses:
 *
 *     e        echo: all bytes come back, this one as well
 *     dN\n     download: N bytes of the pattern, then FIN; without end if N is 0
 *     uN\n     upload: what follows must be the pattern; after each N bytes (at least
 * QUANTUM) the count so far is said as eight bytes, the highest first. A wrong byte resets
 *              the connection
 *
 * A PROXY header of version 1 or 2 before all that is passed over; it has to come as a
 * whole. FIN is answered by FIN.
 */
#include "pattern.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256
#define BACKLOG 8192
#define LINE_MAX_BYTES 24
/* What one connection may do before it is the turn of the others. */
#define QUANTUM (128 * 1024)

enum mode {
    MODE_NONE,
    MODE_ECHO,
    MODE_DOWNLOAD,
    MODE_UPLOAD
};
enum verdict {
    GO_ON,
    OVER
};

struct conn {
    int fd;
    enum mode mode;
    bool wants_out;            /* is what epoll was told of */
    char line[LINE_MAX_BYTES]; /* of a request */
    size_t line_len;
    uint64_t size; /* of a download, or between two acknowledgements */
    uint64_t moved;
    unsigned char *queue; /* an echo that could not be sent */
    size_t queue_at, queue_len;
};

static unsigned char scratch[QUANTUM];
static int epoll_fd;

static void
die(const char *what)
{
    fprintf(stderr, "backend: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static void
want_out(struct conn *c, bool wanted)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

    if (wanted == c->wants_out)
        return;
    if (wanted) /* nothing more is read until it has gone out; a download reads on */
        event.events = c->mode == MODE_DOWNLOAD ? EPOLLIN | EPOLLOUT : EPOLLOUT;
    c->wants_out = wanted;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) != 0)
        die("epoll");
}

/* Bytes that the kernel took; -1: the connection is broken. */
static ssize_t
put(struct conn *c, const void *bytes, size_t len)
{
    ssize_t sent = send(c->fd, bytes, len, MSG_NOSIGNAL);

    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

static enum verdict
queue_rest(struct conn *c, const unsigned char *bytes, size_t len)
{
    c->queue = malloc(len);
    if (c->queue == NULL)
        die("memory");
    memcpy(c->queue, bytes, len);
    c->queue_at = 0;
    c->queue_len = len;
    want_out(c, true);
    return GO_ON;
}

/* While something is queued, nothing is read, so that there is never a second queue. */
static enum verdict
put_or_queue(struct conn *c, const unsigned char *bytes, size_t len)
{
    ssize_t sent = put(c, bytes, len);

    if (sent < 0)
        return OVER;
    if ((size_t)sent < len)
        return queue_rest(c, bytes + sent, len - (size_t)sent);
    return GO_ON;
}

static enum verdict
put_queue(struct conn *c)
{
    ssize_t sent = put(c, c->queue + c->queue_at, c->queue_len - c->queue_at);

    if (sent < 0)
        return OVER;
    c->queue_at += (size_t)sent;
    if (c->queue_at < c->queue_len)
        return GO_ON;
    free(c->queue);
    c->queue = NULL;
    want_out(c, false);
    return GO_ON;
}

static enum verdict
put_pattern(struct conn *c)
{
    size_t most = QUANTUM;
    ssize_t sent;

    if (c->size != 0 && c->size - c->moved < most)
        most = (size_t)(c->size - c->moved);
    sent = put(c, pattern_at(c->moved), most);
    if (sent < 0)
        return OVER;
    c->moved += (uint64_t)sent;
    if (c->size != 0 && c->moved == c->size) {
        want_out(c, false);
        shutdown(c->fd, SHUT_WR);
    }
    return GO_ON;
}

static enum verdict
take_pattern(struct conn *c, const unsigned char *bytes, size_t len)
{
    uint64_t acks = c->moved / c->size;
    uint64_t count;

    if (memcmp(bytes, pattern_at(c->moved), len) != 0) {
        const struct linger reset = {1, 0};

        fprintf(stderr, "backend: wrong bytes after %llu\n", (unsigned long long)c->moved);
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        return OVER;
    }
    c->moved += len;
    if (c->moved / c->size == acks)
        return GO_ON;
    count = htobe64(c->moved / c->size * c->size);
    return put_or_queue(c, (const unsigned char *)&count, sizeof(count));
}

/* The request is complete: `rest` is what came behind it. */
static enum verdict
begin(struct conn *c, const unsigned char *rest, size_t len)
{
    c->line[c->line_len] = '\0';
    c->size = strtoull(c->line + 1, NULL, 10);
    if (c->line[0] == PATTERN_DOWNLOAD) {
        c->mode = MODE_DOWNLOAD;
        want_out(c, true);
        return GO_ON;
    }
    if (c->line[0] != PATTERN_UPLOAD || c->size < QUANTUM)
        return OVER;
    c->mode = MODE_UPLOAD;
    return len > 0 ? take_pattern(c, rest, len) : GO_ON;
}

static enum verdict
take_request(struct conn *c, const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len && c->line_len < sizeof(c->line) - 1; i++) {
        if (bytes[i] == '\n')
            return begin(c, bytes + i + 1, len - i - 1);
        c->line[c->line_len++] = (char)bytes[i];
    }
    return c->line_len < sizeof(c->line) - 1 ? GO_ON : OVER;
}

/* Length of the PROXY header at the beginning of these bytes, 0: there is none; more than
 * len: it is not whole. */
static size_t
header_len(const unsigned char *bytes, size_t len)
{
    static const char v2[12] = "\r\n\r\n\0\r\nQUIT\n";
    const unsigned char *end;

    if (len >= 6 && memcmp(bytes, "PROXY ", 6) == 0) {
        end = memchr(bytes, '\n', len);
        return end != NULL ? (size_t)(end - bytes) + 1 : len + 1;
    }
    if (len >= 16 && memcmp(bytes, v2, sizeof(v2)) == 0)
        return 16 + ((size_t)bytes[14] << 8) + bytes[15];
    return 0;
}

static enum verdict
take(struct conn *c, const unsigned char *bytes, size_t len)
{
    size_t header = c->mode == MODE_NONE ? header_len(bytes, len) : 0;

    if (header > len)
        return OVER;
    bytes += header;
    len -= header;
    if (len == 0)
        return GO_ON;
    if (c->mode == MODE_NONE && c->line_len == 0 && bytes[0] == PATTERN_ECHO)
        c->mode = MODE_ECHO;
    switch (c->mode) {
    case MODE_NONE:
        return take_request(c, bytes, len);
    case MODE_ECHO:
        return put_or_queue(c, bytes, len);
    case MODE_UPLOAD:
        return take_pattern(c, bytes, len);
    case MODE_DOWNLOAD:
        break;
    }
    return OVER; /* who downloads has nothing more to say */
}

static enum verdict
receive(struct conn *c)
{
    ssize_t got = recv(c->fd, scratch, sizeof(scratch), 0);

    if (got > 0)
        return take(c, scratch, (size_t)got);
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? GO_ON : OVER;
}

static void
serve(struct conn *c, uint32_t events)
{
    enum verdict verdict = GO_ON;

    if ((events & (EPOLLERR | EPOLLHUP)) != 0)
        verdict = OVER;
    if (verdict == GO_ON && (events & EPOLLOUT) != 0)
        verdict = c->queue != NULL ? put_queue(c) : put_pattern(c);
    if (verdict == GO_ON && (events & EPOLLIN) != 0)
        verdict = receive(c);
    if (verdict == GO_ON)
        return;
    close(c->fd);
    free(c->queue);
    free(c);
}

static void
welcome(int listener)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct conn *c;
    int one = 1;
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        event.data.ptr = c = calloc(1, sizeof(*c));
        if (c == NULL)
            die("memory");
        c->fd = fd;
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
            die("epoll");
    }
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        die("accept");
}

static int
open_listener(const char *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;

    if (port != NULL)
        at.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        die("listen");
    printf("listening on port %u\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void
raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool
is_port(const char *text)
{
    return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

int
main(int argc, char **argv)
{
    struct epoll_event event[EVENTS] = {
        {.events = EPOLLIN}}; /* data.ptr NULL: the listener */
    int listener;

    if (argc > 2 || (argc == 2 && !is_port(argv[1]))) {
        fprintf(stderr, "usage: backend [PORT]\n");
        return 2;
    }
    listener = open_listener(argv[1]);
    raise_limit();
    pattern_make();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, event) != 0)
        die("epoll");
    for (;;) {
        int got = epoll_wait(epoll_fd, event, EVENTS, -1);

        for (int i = 0; i < got; i++) {
            if (event[i].data.ptr == NULL)
                welcome(listener);
            else
                serve(event[i].data.ptr, event[i].events);
        }
    }
}
