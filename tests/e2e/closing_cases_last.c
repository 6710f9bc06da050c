/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of the client's TCP connection: rules 1 to 6, and how long each wait is. */
#include "e2e/closing_cases.h"

#include "base/clock.h"

#define KIB 1024u
#define MIB (1024u * 1024u)
#define PIECES 12

/* Request, answer, FIN of the backend; the client has its close_notify and says nothing. */
static void
answered(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_plain_send(&s->backend, 5000);
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
}

static void
await_client_fin(struct stage *s, uint64_t bytes)
{
    stage_await(s, client_saw_tcp_end, "client: FIN");
    expect_client(s, bytes, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
}

static void
no_fin_before_the_answer(struct stage *s)
{
    answered(s);
    stage_pass(s, s->settings->close_wait_ms / 2);
    expect_client(s, 5000, OBSERVED_NOTIFY, 0);
    peer_tls_notify(&s->client);
    await_client_fin(s, 5000);
    expect_prompt(s, s->client.end_sent_us, s->client.saw.fin_us, "FIN");
}

static void
answer_by_fin(struct stage *s)
{
    answered(s);
    peer_tls_fin(&s->client);
    await_client_fin(s, 5000);
    expect_prompt(s, s->client.end_sent_us, s->client.saw.fin_us, "FIN");
}

static void
answer_by_notify_and_fin(struct stage *s)
{
    answered(s);
    peer_plain_close(&s->backend);
    peer_tls_notify(&s->client);
    peer_tls_fin(&s->client);
    await_client_fin(s, 5000);
    expect_prompt(s, s->client.end_sent_us, s->client.saw.fin_us, "FIN");
}

static void
close_wait_silent(struct stage *s)
{
    answered(s);
    await_client_fin(s, 5000);
    expect_after(s, s->client.saw.notify_us, s->client.saw.fin_us,
                 s->settings->close_wait_ms, "client: FIN");
    stage_await(s, backend_saw_end, "backend: RST");
    expect_backend_reset(s, 1000);
    stage_pass(s, 50);
    expect_client(s, 5000, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
}

static void
close_wait_backend_gone(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 5000);
    peer_plain_close(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    await_client_fin(s, 5000);
    expect_after(s, s->client.saw.notify_us, s->client.saw.fin_us,
                 s->settings->close_wait_ms, "client: FIN");
    stage_pass(s, 50);
    expect_client(s, 5000, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
}

/* Counted anew from each byte: an upload of four times close-wait, a piece now and then. */
static void
close_wait_uploader(struct stage *s)
{
    uint64_t sent = 1000;

    answered(s);
    for (int i = 0; i < PIECES; i++, sent += 2000) {
        stage_request(s, 2000);
        stage_pass(s, s->settings->close_wait_ms / 3);
    }
    expect_client(s, 5000, OBSERVED_NOTIFY, 0);
    peer_tls_notify(&s->client);
    stage_await(s, backend_saw_end, "backend: FIN");
    expect_backend(s, sent, OBSERVED_FIN, 0);
    await_client_fin(s, 5000);
}

/* The same, when the uploader then falls silent: from its last byte on it is counted. */
static void
close_wait_after_upload(struct stage *s)
{
    answered(s);
    for (int i = 0; i < 3; i++) {
        stage_pass(s, s->settings->close_wait_ms / 2);
        stage_request(s, 2000);
    }
    await_client_fin(s, 5000);
    expect_after(s, s->backend.saw.last_us, s->client.saw.fin_us,
                 s->settings->close_wait_ms, "client: FIN");
    stage_await(s, backend_saw_end, "backend: RST");
    expect_backend_reset(s, 7000);
}

/* Reads for three times close-wait, and for a second and a half at least. */
static uint64_t
slow_rate(const struct stage *s)
{
    uint64_t ms = 3u * s->settings->close_wait_ms;

    return s->settings->slow_bytes * UINT64_C(1000) / (ms < 1500 ? 1500 : ms);
}

static void
slow_reader(struct stage *s, bool silent)
{
    uint64_t bytes = s->settings->slow_bytes;

    stage_open_narrow(s, 64 * KIB);
    stage_request(s, 1000);
    peer_tls_read_slowly(&s->client, slow_rate(s));
    s->patience_ms += 2 * bytes * 1000u / slow_rate(s) + s->settings->close_wait_ms;
    peer_plain_send(&s->backend, bytes);
    stage_await(s, backend_wrote_all, "backend: its answer sent");
    peer_plain_close(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    expect_client(s, bytes, OBSERVED_NOTIFY, OBSERVED_FIN);
    if (!silent)
        peer_tls_notify(&s->client);
    await_client_fin(s, bytes);
}

static void
slow_reader_answers(struct stage *s)
{
    slow_reader(s, false);
    expect_prompt(s, s->client.end_sent_us, s->client.saw.fin_us, "FIN");
}

static void
slow_reader_silent(struct stage *s)
{
    slow_reader(s, true);
}

/* A close_notify that lies in the kernel is not delivered: the wait has not begun. */
static void
stalled_reader(struct stage *s)
{
    stage_open_narrow(s, 32 * KIB);
    stage_request(s, 1000);
    s->client.reading = PEER_READS_NOT;
    peer_plain_send(&s->backend, 512 * KIB);
    peer_plain_fin(&s->backend);
    stage_pass(s, 3u * s->settings->close_wait_ms);
    expect_client(s, STAGE_ANY_BYTES, 0, 0);
    expect_backend(s, 1000, 0, 0);
    s->client.reading = PEER_READS;
    stage_await(s, client_saw_notify, "client: close_notify");
    expect_client(s, 512 * KIB, OBSERVED_NOTIFY, 0);
    peer_tls_notify(&s->client);
    await_client_fin(s, 512 * KIB);
}

static void
late_answer_beyond_close_wait(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_tls_notify(&s->client);
    stage_await(s, backend_saw_end, "backend: FIN");
    stage_pass(s, 3u * s->settings->close_wait_ms);
    expect_client(s, 0, 0, 0);
    stage_answer(s, 5000);
    stage_pass(s, 2u * s->settings->close_wait_ms);
    expect_client(s, 5000, 0, 0);
    stage_answer(s, 5000);
    peer_plain_fin(&s->backend);
    await_client_fin(s, 10000);
    expect_backend(s, 1000, OBSERVED_FIN, 0);
}

/* What a client sends behind its close_notify is ignored (RFC 8446, 6.1), but it is read.
 */
static void
bytes_behind_notify(struct stage *s)
{
    static const uint8_t noise[4096];

    stage_open_narrow(s, 32 * KIB);
    stage_request(s, 1000);
    peer_tls_notify(&s->client);
    stage_await(s, client_wrote_all, "client: close_notify sent");
    for (int i = 0; i < 8; i++)
        peer_tls_raw(&s->client, noise, sizeof(noise));
    stage_await(s, backend_saw_end, "backend: FIN");
    peer_tls_read_slowly(&s->client, 2 * MIB);
    peer_plain_send(&s->backend, 512 * KIB);
    peer_plain_fin(&s->backend);
    await_client_fin(s, 512 * KIB);
    expect_backend(s, 1000, OBSERVED_FIN, 0);
}

/* Unread bytes of the client's, and unacknowledged ones of ours, when both have ended. */
static void
unread_upload_behind_answer(struct stage *s)
{
    stage_open_narrow(s, 32 * KIB);
    stage_request(s, 1000);
    peer_tls_read_slowly(&s->client, 2 * MIB);
    s->backend.reading = PEER_READS_NOT;
    peer_plain_send(&s->backend, 512 * KIB);
    peer_plain_fin(&s->backend);
    peer_tls_send(&s->client, 8 * MIB);
    stage_await(s, backend_acked_all, "backend: its answer acknowledged");
    peer_plain_reset(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    expect_client(s, 512 * KIB, OBSERVED_NOTIFY, OBSERVED_FIN);
}

const struct closing_case closing_cases_last[] = {
    {"no-fin-before-the-answer", CLOSING_BOTH, CLOSING_NEEDS_CLOSE_WAIT,
     no_fin_before_the_answer,
     "rules 1 and 3: no FIN until the client's close_notify; then at once"},
    {"answer-by-fin", CLOSING_BOTH, 0, answer_by_fin,
     "rule 1: the client answers by closing TCP: FIN at once, and it is no abort"},
    {"answer-by-notify-and-fin", CLOSING_BOTH, 0, answer_by_notify_and_fin,
     "rule 3: the client answers both: FIN at once"},
    {"close-wait-silent", CLOSING_BOTH, CLOSING_NEEDS_CLOSE_WAIT, close_wait_silent,
     "rules 2 and 4: a silent client gets FIN after close-wait, no RST; up is aborted"},
    {"close-wait-backend-gone", CLOSING_BOTH, CLOSING_NEEDS_CLOSE_WAIT,
     close_wait_backend_gone, "rule 4, with a backend that has closed"},
    {"close-wait-uploader", CLOSING_BOTH, CLOSING_NEEDS_CLOSE_WAIT, close_wait_uploader,
     "rule 2: a client that is still uploading is not cut off by close-wait"},
    {"close-wait-after-upload", CLOSING_BOTH, CLOSING_NEEDS_CLOSE_WAIT,
     close_wait_after_upload, "rule 2: it is counted anew from each byte of the client"},
    {"slow-reader-answers", CLOSING_BOTH, 0, slow_reader_answers,
     "rule 2: a slow reader gets everything and the close_notify; then FIN at once"},
    {"slow-reader-silent", CLOSING_DEFAULT, CLOSING_NEEDS_CLOSE_WAIT, slow_reader_silent,
     "rules 2 and 4: the same; it says nothing, and gets FIN in the end"},
    {"stalled-reader", CLOSING_BOTH, CLOSING_NEEDS_CLOSE_WAIT, stalled_reader,
     "rule 2: close-wait does not run while bytes are unacknowledged"},
    {"late-answer-beyond-close-wait", CLOSING_BOTH, CLOSING_NEEDS_CLOSE_WAIT,
     late_answer_beyond_close_wait,
     "rule 5: up has ended, the backend is still thinking: nothing is torn down"},
    {"bytes-behind-notify", CLOSING_BOTH, 0, bytes_behind_notify,
     "rule 6: unread bytes of the client destroy nothing"},
    {"unread-upload-behind-answer", CLOSING_DEFAULT, 0, unread_upload_behind_answer,
     "rule 6: the same with an upload that nobody takes"},
    {NULL, 0, 0, NULL, NULL},
};
