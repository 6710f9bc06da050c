/* SPDX-License-Identifier: BSD-2-Clause */
#include "e2e/hammer_client.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TOLD_MAX 20
#define CHUNK_BYTES 16384
#define PERIOD 251        /* of the pattern: byte i is i modulo that, as in backend.py */
#define SLOW_RCVBUF 65536 /* what is not read soon has to wait at the other side */
#define PACE_US 5000
#define AGAIN_US 10000 /* after a failure */

static const char *const kind_names[] = {"brief", "held", "download"};
static const char *const stage_names[CLIENT_STAGES] = {
    "none", "connect", "handshake", "say", "echo", "idle", "download", "end"};

/* How a step came out. */
enum step {
    STEP_ON,   /* there may be more to do */
    STEP_WAIT, /* for the socket, or for due_us */
    STEP_FAIL
};

void
client_init(struct client *c, struct client_setup *setup, enum client_kind kind,
            unsigned number, uint64_t size)
{
    memset(c, 0, sizeof(*c));
    c->setup = setup;
    c->kind = kind;
    c->number = number;
    c->size = size;
    c->fd = -1;
}

static void
leave(struct client *c)
{
    SSL_free(c->ssl);
    c->ssl = NULL;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->stage = CLIENT_NONE;
}

void
client_clear(struct client *c)
{
    leave(c);
    SSL_SESSION_free(c->session);
    c->session = NULL;
}

static void
enter(struct client *c, enum client_stage stage)
{
    c->stage = stage;
    c->stage_us = clock_us();
    c->due_us = c->stage_us + c->setup->timeout_us;
}

static void
count_failure(struct client *c)
{
    struct tally *tally = &c->setup->tally;

    if (c->kind == CLIENT_BRIEF)
        tally->failed++;
    else if (c->kind == CLIENT_HELD)
        tally->broken++;
    else
        tally->download = "broken";
}

static enum step
fail(struct client *c, const char *why)
{
    struct tally *tally = &c->setup->tally;

    count_failure(c);
    if (tally->told++ < TOLD_MAX || c->kind != CLIENT_BRIEF) {
        printf("failed: %s %u port=%u at=%s after %.3f s: %s\n", kind_names[c->kind],
               c->number, c->local_port, stage_names[c->stage],
               (double)(clock_us() - c->start_us) / 1e6, why);
    }
    leave(c);
    c->over = true;
    c->due_us = clock_us() + c->setup->pause_us + AGAIN_US;
    return STEP_FAIL;
}

static enum step
fail_errno(struct client *c, int number)
{
    return fail(c, number == 0 ? "FIN without close_notify" : strerror(number));
}

/* After an SSL function that returned this. */
static enum step
judge(struct client *c, int result)
{
    int number = errno;
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);

    switch (SSL_get_error(c->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return STEP_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return fail(c, "close_notify");
    case SSL_ERROR_SYSCALL:
        return fail_errno(c, number);
    default:
        if (ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            return fail_errno(c, 0);
        return fail(c, reason == NULL ? "TLS error" : reason);
    }
}

/* ---- the stages ---- */

static enum step
step_connect(struct client *c)
{
    struct sockaddr_in at;
    socklen_t len = sizeof(at);
    int error = 0;
    socklen_t error_len = sizeof(error);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &error_len) != 0 || error != 0)
        return fail_errno(c, error);
    if (getpeername(c->fd, (struct sockaddr *)&at, &len) != 0)
        return errno == ENOTCONN ? STEP_WAIT : fail_errno(c, errno);
    enter(c, CLIENT_HANDSHAKE);
    return STEP_ON;
}

static void
make_line(struct client *c)
{
    int len;

    if (c->kind == CLIENT_DOWNLOAD)
        len = snprintf(c->line, sizeof(c->line), "%" PRIu64 "\n", c->size);
    else
        len = snprintf(c->line, sizeof(c->line), "line %u of %u\n", c->echoes, c->number);
    c->line_bytes = (size_t)len;
    c->echoed = 0;
}

static enum step
step_handshake(struct client *c)
{
    int result = SSL_do_handshake(c->ssl);

    if (result != 1)
        return judge(c, result);
    tally_handshake(&c->setup->tally, c->ssl, clock_us() - c->start_us);
    make_line(c);
    enter(c, CLIENT_SAY);
    return STEP_ON;
}

static enum step
step_say(struct client *c)
{
    int result = SSL_write(c->ssl, c->line, (int)c->line_bytes);

    if (result <= 0)
        return judge(c, result);
    enter(c, c->kind == CLIENT_DOWNLOAD ? CLIENT_READ : CLIENT_ECHO);
    c->read_us = c->stage_us;
    if (c->kind == CLIENT_DOWNLOAD && c->setup->rate != 0)
        c->due_us = c->stage_us;
    return STEP_ON;
}

static enum step
begin_end(struct client *c)
{
    int result = SSL_shutdown(c->ssl);

    if (result < 0)
        return judge(c, result);
    enter(c, CLIENT_END);
    return STEP_ON;
}

static enum step
step_echo(struct client *c)
{
    char got[sizeof(c->line)];
    int result = SSL_read(c->ssl, got, (int)(c->line_bytes - c->echoed));

    if (result <= 0)
        return judge(c, result);
    if (memcmp(got, c->line + c->echoed, (size_t)result) != 0)
        return fail(c, "another line came back");
    c->echoed += (uint64_t)result;
    if (c->echoed < c->line_bytes)
        return STEP_ON;
    c->echoes++;
    if (c->echoes == 1 && c->kind == CLIENT_HELD)
        printf("held %u port=%u\n", c->number, c->local_port);
    if (c->kind == CLIENT_BRIEF || c->setup->stop)
        return begin_end(c);
    enter(c, CLIENT_IDLE);
    c->due_us = c->stage_us + c->setup->beat_us;
    return STEP_ON;
}

static enum step
step_idle(struct client *c)
{
    char got;
    int result = SSL_read(c->ssl, &got, 1);

    if (result > 0)
        return fail(c, "a byte that nobody has said");
    if (judge(c, result) == STEP_FAIL)
        return STEP_FAIL;
    if (clock_us() < c->due_us && !c->setup->stop)
        return STEP_WAIT;
    make_line(c);
    enter(c, CLIENT_SAY);
    return STEP_ON;
}

/* How many bytes may be read now, at this rate. */
static size_t
budget(const struct client *c, uint64_t now)
{
    uint64_t allowed;

    if (c->setup->rate == 0 || c->setup->stop)
        return CHUNK_BYTES;
    allowed = (now - c->read_us) * c->setup->rate / 1000000;
    allowed = allowed > c->got ? allowed - c->got : 0;
    return allowed < CHUNK_BYTES ? (size_t)allowed : CHUNK_BYTES;
}

static bool
is_pattern(const unsigned char *bytes, size_t len, uint64_t at)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != (at + i) % PERIOD)
            return false;
    return true;
}

/* The download has its end: close_notify. */
static enum step
end_of_download(struct client *c)
{
    if (c->got != c->size)
        return fail(c, "close_notify before the last byte");
    return begin_end(c);
}

static enum step
step_read(struct client *c)
{
    unsigned char bytes[CHUNK_BYTES];
    uint64_t now = clock_us();
    size_t most = budget(c, now);
    int result;

    if (most == 0) {
        c->due_us = now + PACE_US;
        return STEP_WAIT;
    }
    result = SSL_read(c->ssl, bytes, (int)most);
    if (result <= 0 && SSL_get_error(c->ssl, result) == SSL_ERROR_ZERO_RETURN)
        return end_of_download(c);
    if (result <= 0) {
        c->due_us = c->stage_us + c->setup->timeout_us;
        return judge(c, result);
    }
    c->stage_us = now;
    if (!is_pattern(bytes, (size_t)result, c->got) || c->got + (uint64_t)result > c->size)
        return fail(c, "other bytes than those of the pattern");
    c->got += (uint64_t)result;
    return STEP_ON;
}

static enum step
end_well(struct client *c)
{
    struct tally *tally = &c->setup->tally;

    if (c->kind == CLIENT_BRIEF)
        tally->connections++;
    else if (c->kind == CLIENT_DOWNLOAD)
        tally->download = "whole";
    leave(c);
    c->over = true;
    c->due_us = clock_us() + c->setup->pause_us;
    return STEP_WAIT;
}

/* First close_notify, and then FIN: nothing may be between them, so that recv() will do. */
static enum step
step_end(struct client *c)
{
    char got;
    ssize_t raw;
    int result;

    if (!(SSL_get_shutdown(c->ssl) & SSL_RECEIVED_SHUTDOWN)) {
        result = SSL_read(c->ssl, &got, 1);
        if (result > 0)
            return fail(c, "bytes behind the last line");
        if (SSL_get_error(c->ssl, result) != SSL_ERROR_ZERO_RETURN)
            return judge(c, result);
    }
    raw = recv(c->fd, &got, 1, 0);
    if (raw > 0)
        return fail(c, "bytes behind close_notify");
    if (raw < 0)
        return errno == EAGAIN ? STEP_WAIT : fail_errno(c, errno);
    return end_well(c);
}

static enum step
step(struct client *c)
{
    ERR_clear_error();
    errno = 0;
    switch (c->stage) {
    case CLIENT_CONNECT:
        return step_connect(c);
    case CLIENT_HANDSHAKE:
        return step_handshake(c);
    case CLIENT_SAY:
        return step_say(c);
    case CLIENT_ECHO:
        return step_echo(c);
    case CLIENT_IDLE:
        return step_idle(c);
    case CLIENT_READ:
        return step_read(c);
    case CLIENT_END:
        return step_end(c);
    default:
        return STEP_WAIT;
    }
}

void
client_turn(struct client *c)
{
    enum client_stage before;
    enum step came;

    do {
        before = c->stage;
        came = step(c);
    } while (came == STEP_ON);
    if (came == STEP_WAIT && before != CLIENT_NONE && c->stage != CLIENT_NONE &&
        clock_us() >= c->stage_us + c->setup->timeout_us && c->stage != CLIENT_IDLE)
        (void)fail(c, "nothing came in time");
}

/* ---- the beginning ---- */

static int
begin_tls(struct client *c)
{
    struct client_setup *setup = c->setup;
    char host[32] = "localhost";

    if (setup->names > 0)
        snprintf(host, sizeof(host), "host%u.test", (unsigned)(random() % setup->names));
    c->ssl = SSL_new(setup->ctx);
    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 ||
        SSL_set_tlsext_host_name(c->ssl, host) != 1)
        return -1;
    if (c->session != NULL && SSL_set_session(c->ssl, c->session) != 1)
        return -1;
    SSL_set_app_data(c->ssl, c);
    SSL_set_connect_state(c->ssl);
    return 0;
}

static int
begin_tcp(struct client *c)
{
    bool download = c->kind == CLIENT_DOWNLOAD;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port =
                                 htons(download ? c->setup->download_port : c->setup->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = c};
    socklen_t len = sizeof(to);
    int on = 1, small = SLOW_RCVBUF;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return -1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (download && c->setup->rate != 0)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)
        return -1;
    if (getsockname(c->fd, (struct sockaddr *)&to, &len) == 0)
        c->local_port = ntohs(to.sin_port);
    return epoll_ctl(c->setup->epoll, EPOLL_CTL_ADD, c->fd, &event);
}

void
client_start(struct client *c)
{
    c->over = false;
    c->got = 0;
    c->echoes = 0;
    c->local_port = 0;
    enter(c, CLIENT_CONNECT);
    c->start_us = c->stage_us;
    if (begin_tcp(c) != 0)
        (void)fail_errno(c, errno);
    else if (begin_tls(c) != 0)
        (void)fail(c, "no memory");
    else
        client_turn(c);
}
