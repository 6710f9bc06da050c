/* SPDX-License-Identifier: BSD-2-Clause */
#include "e2e/closing_stage.h"

#include "base/clock.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PROMPT_US 1000000u
#define UP_SALT 1
#define DOWN_SALT 2
#define BACKLOG 16
#define LOOK_MS 1 /* an acknowledgement wakes nobody: one has to look for it */

void
stage_init(struct stage *s, const struct closing_settings *settings, SSL_CTX *ctx,
           int version)
{
    memset(s, 0, sizeof(*s));
    s->settings = settings;
    s->ctx = ctx;
    s->version = version;
    s->is_unix = settings->backend.u.sa.sa_family == AF_UNIX;
    s->patience_ms = settings->patience_ms;
    s->start_us = clock_us();
    peer_tls_init(&s->client, UP_SALT, DOWN_SALT);
    peer_plain_init(&s->backend, DOWN_SALT, UP_SALT);
}

void
stage_clear(struct stage *s)
{
    peer_tls_free(&s->client);
    peer_plain_free(&s->backend);
}

void
stage_again(struct stage *s)
{
    if (s->failed) /* what was seen is to be reported */
        return;
    stage_clear(s);
    s->start_us = clock_us();
    peer_tls_init(&s->client, UP_SALT, DOWN_SALT);
    peer_plain_init(&s->backend, DOWN_SALT, UP_SALT);
}

void
stage_note(struct stage *s, const char *format, ...)
{
    size_t len = strlen(s->note);
    va_list args;

    if (len != 0 && len + 2 < sizeof(s->note))
        len += (size_t)snprintf(s->note + len, sizeof(s->note) - len, ", ");
    va_start(args, format);
    vsnprintf(s->note + len, sizeof(s->note) - len, format, args);
    va_end(args);
}

void
expect_that(struct stage *s, bool holds, const char *what)
{
    if (s->failed || holds)
        return;
    s->failed = true;
    snprintf(s->why, sizeof(s->why), "%s", what);
}

/* One turn: at most wait_ms, then each peer does what it can. */
static void
turn(struct stage *s, int wait_ms)
{
    struct pollfd fds[2];
    int client_ms = peer_tls_poll(&s->client, &fds[0]);
    int backend_ms = peer_plain_poll(&s->backend, &fds[1]);

    if (client_ms >= 0 && client_ms < wait_ms)
        wait_ms = client_ms;
    if (backend_ms >= 0 && backend_ms < wait_ms)
        wait_ms = backend_ms;
    if (poll(fds, 2, wait_ms) < 0)
        return;
    peer_tls_turn(&s->client, fds[0].revents);
    peer_plain_turn(&s->backend, fds[1].revents);
}

bool
stage_try(struct stage *s, stage_condition *holds, uint64_t ms)
{
    uint64_t until_us = clock_us() + ms * 1000u;

    while (!s->failed) {
        if (holds != NULL && holds(s))
            return true;
        if (clock_us() >= until_us)
            return false;
        turn(s, LOOK_MS);
    }
    return false;
}

void
stage_pass(struct stage *s, uint64_t ms)
{
    (void)stage_try(s, NULL, ms);
}

void
stage_await(struct stage *s, stage_condition *holds, const char *what)
{
    if (!s->failed)
        expect_that(s, stage_try(s, holds, s->patience_ms), what);
}

static void
await_bytes(struct stage *s, const struct observed *saw, uint64_t bytes, const char *who)
{
    uint64_t until_us = clock_us() + s->patience_ms * 1000u;

    while (!s->failed && saw->bytes < bytes) {
        if (clock_us() >= until_us) {
            s->failed = true;
            snprintf(s->why, sizeof(s->why), "%s: %llu bytes", who,
                     (unsigned long long)bytes);
            return;
        }
        turn(s, LOOK_MS);
    }
}

void
stage_await_client_bytes(struct stage *s, uint64_t bytes)
{
    await_bytes(s, &s->client.saw, bytes, "client");
}

void
stage_await_backend_bytes(struct stage *s, uint64_t bytes)
{
    await_bytes(s, &s->backend.saw, bytes, "backend");
}

/* What is due in front of everything. */
static void
begin_client(struct stage *s)
{
    static const char header[] = "PROXY TCP4 192.0.2.7 198.51.100.3 4711 443\r\n";

    if (s->settings->proxy)
        peer_tls_raw(&s->client, header, strlen(header));
}

void
stage_listen(struct stage *s)
{
    s->backend.expects_header = s->settings->proxy;
    if (peer_plain_listen(&s->backend, &s->settings->backend, 0, BACKLOG) != 0)
        expect_that(s, false, "the backend can listen");
}

void
stage_start(struct stage *s, int rcvbuf_bytes)
{
    if (s->failed)
        return;
    if (peer_tls_start(&s->client, s->ctx, &s->settings->front, rcvbuf_bytes) != 0)
        expect_that(s, false, "the client can connect");
    begin_client(s);
}

void
stage_start_plain(struct stage *s)
{
    if (s->failed)
        return;
    if (peer_tls_start(&s->client, NULL, &s->settings->front, 0) != 0)
        expect_that(s, false, "the client can connect");
    begin_client(s);
}

void
stage_open_narrow(struct stage *s, int rcvbuf_bytes)
{
    stage_listen(s);
    stage_start(s, rcvbuf_bytes);
    stage_await(s, client_is_handshaken, "client: handshake");
    stage_await(s, backend_is_there, "backend: connection");
}

void
stage_open(struct stage *s)
{
    stage_open_narrow(s, 0);
}

void
stage_request(struct stage *s, uint64_t bytes)
{
    uint64_t whole = s->backend.saw.bytes + bytes;

    peer_tls_send(&s->client, bytes);
    stage_await_backend_bytes(s, whole);
}

void
stage_answer(struct stage *s, uint64_t bytes)
{
    uint64_t whole = s->client.saw.bytes + bytes;

    peer_plain_send(&s->backend, bytes);
    stage_await_client_bytes(s, whole);
}

bool
client_is_handshaken(const struct stage *s)
{
    return s->client.handshaken;
}

bool
client_wrote_all(const struct stage *s)
{
    return peer_tls_wrote_all(&s->client);
}

bool
client_saw_notify(const struct stage *s)
{
    return (s->client.saw.ends & OBSERVED_NOTIFY) != 0;
}

bool
client_saw_tcp_end(const struct stage *s)
{
    return (s->client.saw.ends & (OBSERVED_FIN | OBSERVED_RST | OBSERVED_ERROR)) != 0;
}

bool
client_saw_rst(const struct stage *s)
{
    return (s->client.saw.ends & OBSERVED_RST) != 0;
}

bool
backend_is_there(const struct stage *s)
{
    return s->backend.accepted_us != 0;
}

bool
backend_wrote_all(const struct stage *s)
{
    return peer_plain_wrote_all(&s->backend);
}

bool
backend_acked_all(const struct stage *s)
{
    return peer_plain_acked_all(&s->backend);
}

bool
backend_has_unread(const struct stage *s)
{
    return peer_plain_has_unread(&s->backend);
}

bool
backend_saw_end(const struct stage *s)
{
    return (s->backend.saw.ends & (OBSERVED_FIN | OBSERVED_RST | OBSERVED_ERROR)) != 0;
}

bool
backend_saw_rst(const struct stage *s)
{
    return s->is_unix ? backend_saw_end(s) : (s->backend.saw.ends & OBSERVED_RST) != 0;
}

/* A RST that came before the last byte was read may have destroyed bytes: it is an error.
 */
static bool
is_in_order(const struct observed *saw)
{
    if (saw->garbled || saw->late_bytes != 0)
        return false;
    if (saw->rst_us != 0 && saw->rst_us < saw->last_us)
        return false;
    return saw->notify_us == 0 || saw->fin_us == 0 || saw->notify_us <= saw->fin_us;
}

static void
expect_seen(struct stage *s, const char *who, const struct observed *saw, uint64_t least,
            uint64_t most, unsigned must, unsigned may)
{
    struct text out;

    if (s->failed)
        return;
    if (saw->bytes >= least && saw->bytes <= most && (saw->ends & must) == must &&
        (saw->ends & ~(must | may)) == 0 && is_in_order(saw))
        return;
    s->failed = true;
    text_init(&out, s->why, sizeof(s->why));
    text_addf(&out, "%s: ", who);
    if (least == 0 && most == STAGE_ANY_BYTES)
        text_add(&out, "any number of bytes, ");
    else
        text_addf(&out, "%s%llu bytes, ", least == most ? "" : "at least ",
                  (unsigned long long)least);
    observe_print_ends(must, &out);
    if (may != 0) {
        text_add(&out, " (perhaps ");
        observe_print_ends(may, &out);
        text_add(&out, ")");
    }
}

void
expect_client(struct stage *s, uint64_t bytes, unsigned must, unsigned may)
{
    expect_seen(s, "client", &s->client.saw, bytes == STAGE_ANY_BYTES ? 0 : bytes, bytes,
                must, may);
}

void
expect_client_at_least(struct stage *s, uint64_t least, unsigned must, unsigned may)
{
    expect_seen(s, "client", &s->client.saw, least, s->backend.sent, must, may);
}

void
expect_backend(struct stage *s, uint64_t bytes, unsigned must, unsigned may)
{
    expect_seen(s, "backend", &s->backend.saw, bytes == STAGE_ANY_BYTES ? 0 : bytes, bytes,
                must, may);
}

void
expect_backend_reset(struct stage *s, uint64_t bytes)
{
    if (!s->is_unix) {
        expect_backend(s, bytes, OBSERVED_RST, 0);
        return;
    }
    expect_backend(s, bytes, 0, OBSERVED_FIN | OBSERVED_RST);
    expect_that(s, backend_saw_end(s), "backend: the end of its Unix socket");
}

void
expect_prompt(struct stage *s, uint64_t from_us, uint64_t to_us, const char *what)
{
    if (s->failed)
        return;
    if (from_us != 0 && to_us >= from_us && to_us - from_us <= PROMPT_US) {
        stage_note(s, "%s %.3fms", what, (double)(to_us - from_us) / 1000.0);
        return;
    }
    s->failed = true;
    if (from_us == 0 || to_us < from_us)
        snprintf(s->why, sizeof(s->why), "%s behind what causes it", what);
    else
        snprintf(s->why, sizeof(s->why), "%s at once, not after %.0f ms", what,
                 (double)(to_us - from_us) / 1000.0);
}

void
expect_after(struct stage *s, uint64_t from_us, uint64_t to_us, uint64_t ms,
             const char *what)
{
    uint64_t took_us = to_us - from_us;

    if (s->failed)
        return;
    if (to_us >= from_us && took_us >= ms * 900u && took_us <= ms * 1000u + PROMPT_US) {
        stage_note(s, "%s after %.0fms", what, (double)took_us / 1000.0);
        return;
    }
    s->failed = true;
    snprintf(s->why, sizeof(s->why), "%s after %llu ms, not %.0f ms", what,
             (unsigned long long)ms, ((double)to_us - (double)from_us) / 1000.0);
}
