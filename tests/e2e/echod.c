/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * echod [PORT]: a plaintext backend for hammer, in one thread. It says "listening on port
 * N", sends back what it gets, and FIN after FIN. To a connection that begins with a number
 * in a line it sends so many bytes instead, byte i being i modulo 251, and then FIN.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define BUFFER 8192
#define PERIOD 251
#define EVENTS 64

struct conn {
    int fd;
    bool begun;    /* its first bytes are there */
    bool ended;    /* and its FIN */
    bool shut;     /* ours was said */
    bool sends;    /* the pattern */
    uint64_t left; /* bytes of the pattern */
    uint64_t sent;
    size_t have, gone; /* of the buffer: bytes in it, and those that were sent back */
    char buffer[BUFFER];
};

static unsigned char pattern[PERIOD * 261];

static void
die(const char *what)
{
    fprintf(stderr, "echod: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* Returns -1: the connection is over. 0: wait; 1: something was done. */
static int
outcome(ssize_t result)
{
    if (result > 0)
        return 1;
    return result < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* The first bytes: a number, or not? */
static void
look_at_request(struct conn *c)
{
    c->begun = true;
    if (c->buffer[0] < '0' || c->buffer[0] > '9' || c->buffer[c->have - 1] != '\n')
        return;
    c->buffer[c->have - 1] = '\0';
    c->sends = true;
    c->left = strtoull(c->buffer, NULL, 10);
    c->gone = c->have = 0;
}

static int
take(struct conn *c)
{
    ssize_t got = recv(c->fd, c->buffer + c->have, BUFFER - 1 - c->have, 0);

    if (got == 0) {
        c->ended = true;
        return 1;
    }
    if (got < 0)
        return outcome(got);
    c->have += (size_t)got;
    if (!c->begun)
        look_at_request(c);
    else if (c->sends)
        c->have = 0;
    return 1;
}

static int
give_back(struct conn *c)
{
    ssize_t put = send(c->fd, c->buffer + c->gone, c->have - c->gone, MSG_NOSIGNAL);

    if (put > 0)
        c->gone += (size_t)put;
    if (c->gone == c->have)
        c->gone = c->have = 0;
    return outcome(put);
}

static int
give_pattern(struct conn *c)
{
    size_t at = (size_t)(c->sent % PERIOD);
    size_t most = sizeof(pattern) - at;
    ssize_t put =
        send(c->fd, pattern + at, c->left < most ? (size_t)c->left : most, MSG_NOSIGNAL);

    if (put > 0) {
        c->sent += (uint64_t)put;
        c->left -= (uint64_t)put;
    }
    return outcome(put);
}

static int
give(struct conn *c)
{
    if (c->have != c->gone)
        return give_back(c);
    if (c->left != 0)
        return give_pattern(c);
    if ((c->sends || c->ended) && !c->shut) {
        c->shut = true;
        shutdown(c->fd, SHUT_WR);
    }
    return c->ended && c->shut ? -1 : 0;
}

static void
serve(struct conn *c)
{
    int gave = 0, took = 0;

    do {
        took = c->ended || (c->have != 0 && !c->sends) ? 0 : take(c);
        gave = took < 0 ? -1 : give(c);
    } while (took >= 0 && gave >= 0 && took + gave != 0);
    if (took < 0 || gave < 0) {
        close(c->fd);
        free(c);
    }
}

static void
welcome(int epoll, int listener)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    struct conn *c;
    int one = 1;
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        event.data.ptr = c = calloc(1, sizeof(*c));
        if (c == NULL)
            die("memory");
        c->fd = fd;
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
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
        bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        die("listen");
    printf("listening on port %u\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int
main(int argc, char **argv)
{
    int listener = open_listener(argc > 1 ? argv[1] : NULL);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event[EVENTS] = {
        {.events = EPOLLIN}}; /* data.ptr NULL: the listener */
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (unsigned char)(i % PERIOD);
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, event) != 0)
        die("epoll");
    for (;;) {
        int got = epoll_wait(epoll, event, EVENTS, -1);

        for (int i = 0; i < got; i++) {
            if (event[i].data.ptr == NULL)
                welcome(epoll, listener);
            else
                serve(event[i].data.ptr);
        }
    }
}
