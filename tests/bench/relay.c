/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * relay PORT: the least that a proxy does, without TLS, as a limit to compare with: accept,
 * connect to that port of 127.0.0.1, move bytes both ways by recv and send with a buffer of
 * 128 KiB, close when one side closes. One thread, epoll. Says "listening on port N".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256
#define BACKLOG 4096
#define BUFFER (128 * 1024)
#define RECORD 16384

struct side {
    int fd;
    bool closed; /* this pair is over */
    struct side *other;
};

static unsigned char buffer[BUFFER];
static int epoll_fd;
/* Pairs that are over: freed when no event of this turn can name them any more. */
static struct side *dead[2 * EVENTS];
static size_t deads;

static void
die(const char *what)
{
    fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static EVP_CIPHER_CTX *cipher; /* NULL: none */

static void
start_cipher(void)
{
    static const unsigned char key[16];

    cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL ||
        EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, key, NULL) != 1)
        die("cipher");
}

static void
encrypt(size_t len)
{
    static const unsigned char iv[12];
    static unsigned char out[RECORD + 16];

    for (size_t at = 0; at < len; at += RECORD) {
        size_t piece = len - at < RECORD ? len - at : RECORD;
        int n;

        if (EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, iv) != 1 ||
            EVP_EncryptUpdate(cipher, out, &n, buffer + at, (int)piece) != 1 ||
            EVP_EncryptFinal_ex(cipher, out + n, &n) != 1 ||
            EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, out) != 1)
            die("cipher");
    }
}

/* Waits where the socket takes no more: a limit needs no queues. */
static bool
send_all(int fd, size_t len)
{
    struct pollfd writable = {.fd = fd, .events = POLLOUT};

    for (size_t sent = 0; sent < len;) {
        ssize_t n = send(fd, buffer + sent, len - sent, MSG_NOSIGNAL);

        if (n > 0)
            sent += (size_t)n;
        else if (errno == EAGAIN)
            (void)poll(&writable, 1, -1);
        else
            return false;
    }
    return true;
}

static void
move(struct side *from)
{
    ssize_t got;

    if (from->closed)
        return;
    got = recv(from->fd, buffer, sizeof(buffer), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0 && cipher != NULL)
        encrypt((size_t)got);
    if (got > 0 && send_all(from->other->fd, (size_t)got))
        return;
    close(from->fd);
    close(from->other->fd);
    from->closed = from->other->closed = true;
    dead[deads++] = from < from->other ? from : from->other;
}

static void
watch(struct side *side, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = side};
    int one = 1;

    side->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll");
}

static void
welcome(int listener, uint16_t backend)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(backend),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    struct side *pair;
    int fd;

    if (client < 0)
        return;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    pair = calloc(2, sizeof(*pair));
    if (fd < 0 || pair == NULL ||
        (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS))
        die("connect");
    pair[0].other = &pair[1];
    pair[1].other = &pair[0];
    watch(&pair[0], client);
    watch(&pair[1], fd);
}

static int
open_listener(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        die("listen");
    printf("listening on port %u\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void
turn(int listener, uint16_t backend)
{
    struct epoll_event event[EVENTS];
    int got = epoll_wait(epoll_fd, event, EVENTS, -1);

    for (int i = 0; i < got; i++) {
        if (event[i].data.ptr == NULL)
            welcome(listener, backend);
        else
            move(event[i].data.ptr);
    }
    while (deads > 0)
        free(dead[--deads]);
}

int
main(int argc, char **argv)
{
    struct epoll_event event = {.events = EPOLLIN}; /* data.ptr NULL: the listener */
    uint16_t backend = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0;
    int listener;

    if (backend == 0 || argc > 3 || (argc == 3 && strcmp(argv[2], "cipher") != 0)) {
        fprintf(stderr, "usage: relay PORT [cipher]\n");
        return 2;
    }
    if (argc == 3)
        start_cipher();
    listener = open_listener();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) != 0)
        die("epoll");
    for (;;)
        turn(listener, backend);
}
