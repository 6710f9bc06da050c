/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Aborts by the backend, and writes to it that fail: what it said before arrives
 * whole, and no RST of the terminator overtakes it.
 */
#include "e2e/closing_cases.h"

#include "base/clock.h"

#define KIB 1024u
#define MIB (1024u * 1024u)
#define GRACE_MS 1000 /* how long a client may go on sending into nothing */
#define FILLERS 8

static void
await_farewell(struct stage *s, uint64_t bytes, uint64_t since_us)
{
    stage_await(s, client_saw_tcp_end, "client: FIN without close_notify");
    expect_client(s, bytes, OBSERVED_FIN, 0);
    expect_prompt(s, since_us, s->client.saw.fin_us, "FIN");
}

/* The answer is in the terminator's kernel before the backend does the next thing. */
static void
answer_acked(struct stage *s, uint64_t bytes)
{
    peer_plain_send(&s->backend, bytes);
    stage_await(s, backend_acked_all, "backend: its answer acknowledged");
}

static void
rst_idle(struct stage *s)
{
    stage_open(s);
    peer_plain_reset(&s->backend);
    await_farewell(s, 0, s->backend.fin_sent_us);
}

static void
rst_behind_bytes(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    answer_acked(s, 100000);
    peer_plain_reset(&s->backend);
    await_farewell(s, 100000, s->backend.fin_sent_us);
}

/* What the kernel of the terminator took was received: it is owed to the client. */
static void
rst_while_client_stalls(struct stage *s)
{
    uint64_t owed, rst_us;

    stage_open_narrow(s, 32 * KIB);
    stage_request(s, 1000);
    s->client.reading = PEER_READS_NOT;
    peer_plain_send(&s->backend, 64 * MIB);
    (void)stage_try(s, backend_wrote_all, 300);
    owed = s->backend.sent - peer_unacked(s->backend.fd);
    peer_plain_reset(&s->backend);
    rst_us = s->backend.fin_sent_us;
    stage_pass(s, 50);
    expect_client(s, STAGE_ANY_BYTES, 0, 0);
    peer_tls_read_slowly(&s->client, 16 * MIB);
    stage_await(s, client_saw_tcp_end, "client: FIN without close_notify");
    expect_client_at_least(s, owed, OBSERVED_FIN, 0);
    stage_note(s, "%.1f MiB were owed", (double)owed / MIB);
    expect_that(s, s->client.saw.fin_us > rst_us, "client: FIN behind the backend's RST");
}

static void
rst_during_upload(struct stage *s)
{
    stage_open(s);
    peer_tls_send(&s->client, 16 * MIB);
    stage_await_backend_bytes(s, MIB);
    peer_plain_reset(&s->backend);
    await_farewell(s, 0, s->backend.fin_sent_us);
    stage_await(s, client_wrote_all, "client: it could write all");
    expect_client(s, 0, OBSERVED_FIN, 0);
}

static void
close_on_unread_bytes(struct stage *s)
{
    stage_open(s);
    s->backend.reading = PEER_READS_NOT;
    peer_tls_send(&s->client, 3000);
    stage_await(s, client_wrote_all, "client: its request sent");
    stage_await(s, backend_has_unread, "backend: bytes to be left unread");
    peer_plain_close(&s->backend);
    await_farewell(s, 0, s->backend.fin_sent_us);
}

/* FIN and RST, while the client goes on sending a piece now and then. */
static void
send_until_rst(struct stage *s)
{
    uint64_t until_us = clock_us() + 3u * GRACE_MS * 1000u;

    while (!s->failed && !client_saw_rst(s) && clock_us() < until_us) {
        peer_tls_send(&s->client, 1000);
        (void)stage_try(s, client_saw_rst, 20);
    }
}

static void
fin_then_rst_client_sends(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_plain_send(&s->backend, 50000);
    peer_plain_fin(&s->backend);
    stage_await(s, backend_acked_all, "backend: its answer acknowledged");
    peer_plain_reset(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    send_until_rst(s);
    expect_client(s, 50000, OBSERVED_NOTIFY | OBSERVED_RST, 0);
    expect_after(s, s->client.saw.notify_us, s->client.saw.rst_us, GRACE_MS, "client: RST");
}

static void
fin_then_rst_client_ends(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_plain_send(&s->backend, 50000);
    peer_plain_fin(&s->backend);
    stage_await(s, backend_acked_all, "backend: its answer acknowledged");
    peer_plain_reset(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    peer_tls_send(&s->client, 1000);
    peer_tls_notify(&s->client);
    stage_await(s, client_saw_tcp_end, "client: FIN");
    expect_client(s, 50000, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
    expect_prompt(s, s->client.end_sent_us, s->client.saw.fin_us, "FIN");
}

/* The client reads nothing before its writes have ended, as a plain HTTP client does. */
static void
early_answer(struct stage *s, uint64_t upload, uint64_t answer, bool fin_first)
{
    stage_open(s);
    s->client.reading = PEER_READS_LAST;
    peer_tls_send(&s->client, upload);
    stage_await_backend_bytes(s, 64 * KIB);
    s->backend.reading = PEER_READS_NOT;
    if (fin_first)
        peer_plain_fin(&s->backend);
    answer_acked(s, answer);
    stage_await(s, backend_has_unread, "backend: bytes to be left unread");
    peer_plain_close(&s->backend);
    stage_await(s, fin_first ? client_saw_notify : client_saw_tcp_end,
                fin_first ? "client: close_notify" : "client: FIN without close_notify");
    expect_client(s, answer, fin_first ? OBSERVED_NOTIFY : OBSERVED_FIN,
                  fin_first ? OBSERVED_FIN : 0);
    expect_that(s, s->client.saw.write_failed_us == 0, "client: no write fails");
}

static void
early_answer_then_close(struct stage *s)
{
    early_answer(s, 4 * MIB, 1000, false);
}

static void
early_answer_long(struct stage *s)
{
    early_answer(s, 4 * MIB, 60000, false);
}

static void
early_answer_fin_then_close(struct stage *s)
{
    early_answer(s, 4 * MIB, 1000, true);
    peer_tls_notify(&s->client);
    stage_await(s, client_saw_tcp_end, "client: FIN");
    expect_client(s, 1000, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
}

/* Answer, FIN and close on unread bytes; the client uploads and reads at the same time,
 * slowly. */
static void
early_answer_slow_reader(struct stage *s)
{
    stage_open_narrow(s, 32 * KIB);
    peer_tls_send(&s->client, 4 * MIB);
    stage_await_backend_bytes(s, 64 * KIB);
    s->backend.reading = PEER_READS_NOT;
    peer_tls_read_slowly(&s->client, MIB);
    peer_plain_send(&s->backend, 256 * KIB);
    peer_plain_fin(&s->backend);
    stage_await(s, backend_acked_all, "backend: its answer acknowledged");
    stage_await(s, backend_has_unread, "backend: bytes to be left unread");
    peer_plain_close(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    expect_client(s, 256 * KIB, OBSERVED_NOTIFY, OBSERVED_FIN);
}

static void
linger_reads_on(struct stage *s)
{
    uint64_t piece_ms = s->settings->linger_ms / 4 + 1;

    stage_open(s);
    stage_request(s, 1000);
    answer_acked(s, 1000);
    peer_plain_reset(&s->backend);
    s->client.reading = PEER_READS_NOT;
    for (int i = 0; i < 8; i++) {
        peer_tls_send(&s->client, 1000);
        stage_pass(s, piece_ms);
    }
    s->client.reading = PEER_READS;
    await_farewell(s, 1000, clock_us());
    expect_that(s, s->client.saw.write_failed_us == 0, "client: no write fails");
}

static void
linger_ends_in_silence(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_plain_reset(&s->backend);
    await_farewell(s, 0, s->backend.fin_sent_us);
    stage_pass(s, s->settings->linger_ms + 500);
    expect_client(s, 0, OBSERVED_FIN, 0);
    peer_tls_send(&s->client, 1000);
    stage_await(s, client_saw_rst, "client: RST, for what it sends after the lingering");
}

static void
linger_is_bounded(struct stage *s)
{
    uint64_t piece_ms = s->settings->linger_ms / 8 + 1;
    uint64_t most_ms = s->settings->linger_max_ms + 1000;
    uint64_t fin_us;

    stage_open(s);
    stage_request(s, 1000);
    peer_plain_reset(&s->backend);
    await_farewell(s, 0, s->backend.fin_sent_us);
    fin_us = s->client.saw.fin_us;
    while (!s->failed && !client_saw_rst(s) && clock_us() < fin_us + most_ms * 1000u) {
        peer_tls_send(&s->client, 1000);
        (void)stage_try(s, client_saw_rst, piece_ms);
    }
    expect_client(s, 0, OBSERVED_FIN | OBSERVED_RST, 0);
    expect_after(s, fin_us, s->client.saw.rst_us, s->settings->linger_max_ms,
                 "client: RST");
}

static void
both_reset_at_once(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_tls_reset(&s->client);
    peer_plain_reset(&s->backend);
    stage_again(s); /* nobody is left to see anything: the next connection must work */
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 1000);
}

static void
backend_refused(struct stage *s)
{
    peer_plain_refuse(&s->backend);
    stage_start(s, 0);
    peer_tls_send(&s->client, 1000);
    stage_await(s, client_saw_tcp_end, "client: FIN without close_notify");
    expect_client(s, 0, OBSERVED_FIN, 0);
    expect_prompt(s, s->start_us, s->client.saw.fin_us, "FIN");
}

/* A backlog that is full: the kernel drops the terminator's SYN. */
static void
connect_timeout(struct stage *s)
{
    struct peer_tls fillers[FILLERS];

    if (peer_plain_listen(&s->backend, &s->settings->backend, 0, 0) != 0)
        expect_that(s, false, "the backend can listen");
    for (int i = 0; i < FILLERS; i++) {
        peer_tls_init(&fillers[i], 0, 0);
        if (peer_tls_start(&fillers[i], NULL, &s->settings->backend, 0) != 0)
            expect_that(s, false, "the backlog can be filled");
    }
    s->backend.accepted_us = 1; /* it must not accept: that would make room */
    stage_start(s, 0);
    stage_await(s, client_is_handshaken, "client: handshake");
    s->start_us = clock_us();
    stage_await(s, client_saw_tcp_end, "client: FIN without close_notify");
    expect_client(s, 0, OBSERVED_FIN, 0);
    expect_after(s, s->start_us, s->client.saw.fin_us, s->settings->connect_ms, "FIN");
    s->backend.accepted_us = 0;
    for (int i = 0; i < FILLERS; i++)
        peer_tls_free(&fillers[i]);
}

const struct closing_case closing_cases_backend[] = {
    {"backend-rst-idle", CLOSING_DEFAULT, 0, rst_idle,
     "backend RST: FIN without close_notify to the client"},
    {"backend-rst-behind-bytes", CLOSING_DEFAULT, 0, rst_behind_bytes,
     "all bytes received before it, then FIN without close_notify"},
    {"backend-rst-client-stalls", CLOSING_DEFAULT, 0, rst_while_client_stalls,
     "the bytes before an abort are delivered whole, however slow the client"},
    {"backend-rst-during-upload", CLOSING_DEFAULT, 0, rst_during_upload,
     "FIN to the client, what it sends is discarded: no RST"},
    {"backend-closes-on-unread-bytes", CLOSING_DEFAULT, 0, close_on_unread_bytes,
     "close() on unread bytes is a RST"},
    {"backend-fin-rst-client-sends", CLOSING_DEFAULT, 0, fin_then_rst_client_sends,
     "backend FIN, then RST: bytes, close_notify; a client that sends on: RST after 1 s"},
    {"backend-fin-rst-client-ends", CLOSING_DEFAULT, 0, fin_then_rst_client_ends,
     "the same; a client that says close_notify gets FIN at once"},
    {"early-answer-then-close", CLOSING_BOTH, 0, early_answer_then_close,
     "a failed write does not end the reading side: the answer arrives, and no RST"},
    {"early-answer-long", CLOSING_BOTH, 0, early_answer_long,
     "the same with a longer answer"},
    {"early-answer-fin-then-close", CLOSING_DEFAULT, 0, early_answer_fin_then_close,
     "an early answer that ends with FIN: close_notify behind it"},
    {"early-answer-slow-reader", CLOSING_DEFAULT, 0, early_answer_slow_reader,
     "unread bytes of the client do not destroy the answer on its way"},
    {"linger-reads-on", CLOSING_DEFAULT, CLOSING_NEEDS_LINGER, linger_reads_on,
     "after an abort the client's bytes are discarded as long as it sends"},
    {"linger-ends-in-silence", CLOSING_DEFAULT, CLOSING_NEEDS_LINGER,
     linger_ends_in_silence, "lingering is bounded: so long of silence"},
    {"linger-is-bounded", CLOSING_DEFAULT, CLOSING_NEEDS_LINGER | CLOSING_NEEDS_LINGER_MAX,
     linger_is_bounded, "lingering is bounded: so long in all"},
    {"both-reset-at-once", CLOSING_DEFAULT, 0, both_reset_at_once,
     "client RST and backend RST at the same moment"},
    {"backend-refused", CLOSING_BOTH | CLOSING_REFUSED, 0, backend_refused,
     "a backend that cannot be reached: FIN without close_notify"},
    {"connect-timeout", CLOSING_TIMEOUTS, CLOSING_NEEDS_CONNECT, connect_timeout,
     "a backend that does not answer: FIN without close_notify"},
    {NULL, 0, 0, NULL, NULL},
};
