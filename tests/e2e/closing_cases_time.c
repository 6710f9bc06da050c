/* SPDX-License-Identifier: BSD-2-Clause */
/* Time-outs, vanished peers, and a terminator that is told to stop. */
#include "e2e/closing_cases.h"

#include "base/clock.h"

#include <signal.h>

#define MIB (1024u * 1024u)
#define PIECES 9
#define HOLDERS_MAX 64

/* A RST to the backend and FIN without close_notify to the client, after `ms` of silence.
 */
static void
await_timeout(struct stage *s, uint64_t from_us, uint64_t ms)
{
    uint64_t client_bytes = s->client.saw.bytes;
    unsigned backend_ends = s->backend.saw.ends;

    s->patience_ms += ms;
    stage_await(s, client_saw_tcp_end, "client: FIN without close_notify");
    expect_client(s, client_bytes, OBSERVED_FIN, 0);
    expect_after(s, from_us, s->client.saw.fin_us, ms, "client: FIN");
    stage_await(s, backend_saw_rst, "backend: RST");
    if (s->is_unix)
        return;
    expect_backend(s, s->backend.saw.bytes, backend_ends | OBSERVED_RST, 0);
    expect_after(s, from_us, s->backend.saw.rst_us, ms, "backend: RST");
}

static void
idle_timeout(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 1000);
    await_timeout(s, s->client.saw.last_us, s->settings->idle_ms);
}

static void
idle_without_bytes(struct stage *s)
{
    stage_open(s);
    await_timeout(s, s->backend.accepted_us, s->settings->idle_ms);
}

static void
idle_kept_alive_by_client(struct stage *s)
{
    stage_open(s);
    for (int i = 0; i < PIECES; i++) {
        stage_request(s, 10);
        stage_pass(s, s->settings->idle_ms / 3);
    }
    expect_client(s, 0, 0, 0);
    expect_backend(s, 10u * PIECES, 0, 0);
    await_timeout(s, s->backend.saw.last_us, s->settings->idle_ms);
}

static void
idle_kept_alive_by_backend(struct stage *s)
{
    stage_open(s);
    for (int i = 0; i < PIECES; i++) {
        stage_answer(s, 10);
        stage_pass(s, s->settings->idle_ms / 3);
    }
    expect_backend(s, 0, 0, 0);
    await_timeout(s, s->client.saw.last_us, s->settings->idle_ms);
}

/* A sink that makes progress is not idle, though its source ended long ago. */
static void
idle_slow_reader(struct stage *s)
{
    uint64_t ms = 4u * s->settings->idle_ms;

    stage_open_narrow(s, 64 * 1024);
    stage_request(s, 1000);
    s->patience_ms += 2 * ms;
    peer_tls_read_slowly(&s->client, 8 * MIB * UINT64_C(1000) / ms);
    peer_plain_send(&s->backend, 8 * MIB);
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    expect_client(s, 8 * MIB, OBSERVED_NOTIFY, 0);
}

static void
idle_stalled_reader(struct stage *s)
{
    uint64_t from_us;

    stage_open_narrow(s, 64 * 1024);
    stage_request(s, 1000);
    s->client.reading = PEER_READS_NOT;
    peer_plain_send(&s->backend, 64 * (uint64_t)MIB);
    (void)stage_try(s, backend_wrote_all, 50);
    from_us = clock_us();
    s->patience_ms += s->settings->idle_ms;
    stage_await(s, backend_saw_end, "backend: RST");
    expect_backend_reset(s, 1000);
    expect_that(s, clock_us() - from_us >= (s->settings->idle_ms / 2) * 1000u,
                "backend: no RST before the idle time-out");
    s->client.reading = PEER_READS;
    stage_await(s, client_saw_tcp_end, "client: FIN or RST, without close_notify");
    expect_that(s, !client_saw_notify(s), "client: FIN or RST, without close_notify");
}

static void
half_closed_timeout(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_tls_notify(&s->client);
    stage_await(s, backend_saw_end, "backend: FIN");
    expect_backend(s, 1000, OBSERVED_FIN, 0);
    await_timeout(s, s->backend.saw.last_us, s->settings->half_closed_ms);
}

static void
half_closed_kept_alive(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_tls_notify(&s->client);
    stage_await(s, backend_saw_end, "backend: FIN");
    for (int i = 0; i < PIECES; i++) {
        stage_answer(s, 10);
        stage_pass(s, s->settings->half_closed_ms / 3);
    }
    expect_client(s, 10u * PIECES, 0, 0);
    await_timeout(s, s->client.saw.last_us, s->settings->half_closed_ms);
}

static void
await_handshake_timeout(struct stage *s)
{
    uint64_t ms = s->settings->handshake_ms;

    s->patience_ms += ms;
    stage_await(s, client_saw_tcp_end, "client: FIN without close_notify");
    expect_that(s, s->client.saw.ends == OBSERVED_FIN, "client: FIN, nothing else");
    expect_after(s, s->start_us, s->client.saw.fin_us, ms, "client: FIN");
    expect_that(s, !backend_is_there(s) || (s->backend.saw.ends & OBSERVED_FIN) == 0,
                "backend: no connection, or no FIN");
}

static void
handshake_timeout_silent(struct stage *s)
{
    stage_listen(s);
    stage_start_plain(s);
    await_handshake_timeout(s);
}

static void
handshake_timeout_half_hello(struct stage *s)
{
    stage_listen(s);
    stage_start_plain(s);
    peer_tls_half_hello(&s->client, s->ctx, 100);
    await_handshake_timeout(s);
}

static void
client_vanished(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 1000);
    expect_that(s, peer_vanish(s->client.fd) == 0, "a socket filter can be set");
    s->patience_ms += s->settings->vanish_ms;
    stage_await(s, backend_saw_end, "backend: RST");
    expect_backend_reset(s, 1000);
    stage_note(s, "found after %llums",
               (unsigned long long)(clock_us() - s->client.saw.last_us) / 1000);
}

static void
client_vanished_during_answer(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    expect_that(s, peer_vanish(s->client.fd) == 0, "a socket filter can be set");
    peer_plain_send(&s->backend, 1000);
    s->patience_ms += s->settings->vanish_ms;
    stage_await(s, backend_saw_end, "backend: RST");
    expect_backend_reset(s, 1000);
}

static void
backend_vanished(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 1000);
    expect_that(s, peer_vanish(s->backend.fd) == 0, "a socket filter can be set");
    s->patience_ms += s->settings->vanish_ms;
    stage_await(s, client_saw_tcp_end, "client: FIN without close_notify");
    expect_client(s, 1000, OBSERVED_FIN, 0);
}

static void
backend_vanished_during_request(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    expect_that(s, peer_vanish(s->backend.fd) == 0, "a socket filter can be set");
    peer_tls_send(&s->client, 1000);
    s->patience_ms += s->settings->vanish_ms;
    stage_await(s, client_saw_tcp_end, "client: FIN without close_notify");
    expect_client(s, 0, OBSERVED_FIN, 0);
}

/* Who has said nothing yet may still be waiting in the kernel, and take no room. */
static void
hold_room(struct stage *s, struct peer_tls *holder)
{
    static const char first_of_a_hello = 22;

    peer_tls_init(holder, 0, 0);
    expect_that(s,
                peer_tls_start(holder, NULL, &s->settings->front, 0) == 0 &&
                    send(holder->fd, &first_of_a_hello, 1, MSG_NOSIGNAL) == 1,
                "clients that take all the room");
}

/*
 * As many clients as it takes, and one more; with --pid, its ClientHello is there
 * before the terminator looks at it, so that a plain close() would be a RST.
 */
static void
overload(struct stage *s)
{
    struct peer_tls holders[HOLDERS_MAX];
    uint32_t n = s->settings->max_connections;
    pid_t terminator = (pid_t)s->settings->terminator;

    if (n > HOLDERS_MAX)
        n = HOLDERS_MAX;
    stage_listen(s);
    if (terminator != 0)
        kill(terminator, SIGSTOP);
    for (uint32_t i = 0; i < n; i++)
        hold_room(s, &holders[i]);
    stage_start(s, 0);
    if (terminator != 0) {
        stage_pass(s, 10);
        kill(terminator, SIGCONT);
    }
    stage_await(s, client_saw_tcp_end, "client: FIN without close_notify");
    expect_client(s, 0, OBSERVED_FIN, 0);
    expect_that(s, !s->client.handshaken && !backend_is_there(s),
                "client: no handshake; backend: no connection");
    for (uint32_t i = 0; i < n; i++)
        peer_tls_free(&holders[i]);
}

static void
drain_forced(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 1000);
    expect_that(s, kill((pid_t)s->settings->terminator, SIGTERM) == 0,
                "the terminator can be told");
    stage_await(s, client_saw_tcp_end, "client: FIN without close_notify");
    expect_client(s, 1000, OBSERVED_FIN, 0);
    stage_await(s, backend_saw_end, "backend: RST");
    expect_backend_reset(s, 1000);
}

const struct closing_case closing_cases_time[] = {
    {"idle-timeout", CLOSING_TIMEOUTS, CLOSING_NEEDS_IDLE, idle_timeout,
     "idle time-out: RST to the backend, FIN without close_notify to the client"},
    {"idle-without-bytes", CLOSING_TIMEOUTS, CLOSING_NEEDS_IDLE, idle_without_bytes,
     "the same, of a connection on which nothing was ever said"},
    {"idle-kept-alive-by-client", CLOSING_TIMEOUTS, CLOSING_NEEDS_IDLE,
     idle_kept_alive_by_client, "a byte up begins it anew"},
    {"idle-kept-alive-by-backend", CLOSING_TIMEOUTS, CLOSING_NEEDS_IDLE,
     idle_kept_alive_by_backend, "a byte down begins it anew"},
    {"idle-slow-reader", CLOSING_TIMEOUTS, CLOSING_NEEDS_IDLE, idle_slow_reader,
     "a slow reader is not a dead one"},
    {"idle-stalled-reader", CLOSING_TIMEOUTS, CLOSING_NEEDS_IDLE, idle_stalled_reader,
     "a sink that makes no progress at all is idle"},
    {"half-closed-timeout", CLOSING_TIMEOUTS, CLOSING_NEEDS_HALF_CLOSED,
     half_closed_timeout,
     "rule 5: half-closed time-out: RST to the backend, FIN without close_notify"},
    {"half-closed-kept-alive", CLOSING_TIMEOUTS, CLOSING_NEEDS_HALF_CLOSED,
     half_closed_kept_alive, "rule 5: from the last byte seen"},
    {"handshake-timeout-silent", CLOSING_TIMEOUTS, CLOSING_NEEDS_HANDSHAKE,
     handshake_timeout_silent, "handshake time-out of a client that says nothing: FIN"},
    {"handshake-timeout-half-hello", CLOSING_TIMEOUTS, CLOSING_NEEDS_HANDSHAKE,
     handshake_timeout_half_hello, "the same in the middle of the ClientHello"},
    {"client-vanished", CLOSING_KEEPALIVE, CLOSING_NEEDS_VANISH, client_vanished,
     "a vanished client is found by keepalives: RST to the backend"},
    {"client-vanished-during-answer", CLOSING_KEEPALIVE, CLOSING_NEEDS_VANISH,
     client_vanished_during_answer, "the same by TCP_USER_TIMEOUT"},
    {"backend-vanished", CLOSING_KEEPALIVE, CLOSING_NEEDS_VANISH, backend_vanished,
     "a vanished backend is found by keepalives: FIN without close_notify"},
    {"backend-vanished-during-request", CLOSING_KEEPALIVE, CLOSING_NEEDS_VANISH,
     backend_vanished_during_request, "the same by TCP_USER_TIMEOUT"},
    {"overload", CLOSING_OVERLOAD, CLOSING_NEEDS_MAX_CONNECTIONS, overload,
     "one client too many: FIN without close_notify, no RST"},
    {"drain-forced", CLOSING_DRAIN, CLOSING_NEEDS_TERMINATOR | CLOSING_ONCE, drain_forced,
     "forced end of a drain: RST to the backend, FIN without close_notify"},
    {NULL, 0, 0, NULL, NULL},
};
