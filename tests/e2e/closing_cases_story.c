/* SPDX-License-Identifier: BSD-2-Clause */
/* The six stories, each as it is told. */
#include "e2e/closing_cases.h"

#define KIB 1024u
#define MIB (1024u * 1024u)

/* The server says 401 in the middle of an upload and closes; the client first writes it
 * all. */
static void
refused_upload(struct stage *s)
{
    stage_open(s);
    s->client.reading = PEER_READS_LAST;
    peer_tls_send(&s->client, 8 * MIB);
    stage_await_backend_bytes(s, 16 * KIB);
    s->backend.reading = PEER_READS_NOT;
    peer_plain_send(&s->backend, 300);
    stage_await(s, backend_acked_all, "backend: its answer acknowledged");
    stage_await(s, backend_has_unread, "backend: bytes to be left unread");
    peer_plain_close(&s->backend);
    stage_await(s, client_saw_tcp_end, "client: the answer, FIN without close_notify");
    expect_client(s, 300, OBSERVED_FIN, 0);
    expect_that(s, s->client.saw.write_failed_us == 0, "client: no write fails");
}

static void
backend_dies(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 1000);
    peer_plain_reset(&s->backend);
    stage_await(s, client_saw_tcp_end, "client: FIN without close_notify");
    expect_client(s, 1000, OBSERVED_FIN, 0);
    expect_prompt(s, s->backend.fin_sent_us, s->client.saw.fin_us, "backend's death");
}

static void
client_dies(struct stage *s)
{
    stage_again(s);
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 1000);
    peer_tls_reset(&s->client);
    stage_await(s, backend_saw_end, "backend: RST");
    expect_backend_reset(s, 1000);
    expect_prompt(s, s->client.end_sent_us,
                  s->is_unix ? s->backend.saw.fin_us : s->backend.saw.rst_us,
                  "client's death");
}

static void
server_goes_away(struct stage *s)
{
    stage_again(s);
    stage_open(s);
    stage_request(s, 1000);
    peer_plain_send(&s->backend, 17); /* the size of a GOAWAY (RFC 9113, 6.8) */
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    expect_client(s, 17, OBSERVED_NOTIFY, OBSERVED_FIN);
    expect_prompt(s, s->backend.fin_sent_us, s->client.saw.notify_us, "backend's end");
}

/* A RST_STREAM is 13 bytes for us: it passes, and the connection lives. */
static void
stream_is_cancelled(struct stage *s)
{
    stage_again(s);
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 13);
    stage_request(s, 13);
    stage_answer(s, 1000);
    expect_client(s, 1013, 0, 0);
    expect_backend(s, 1013, 0, 0);
}

static void
call_nobody_answers(struct stage *s)
{
    backend_dies(s);
    client_dies(s);
    server_goes_away(s);
    stream_is_cancelled(s);
}

static void
answer_without_length(struct stage *s)
{
    stage_open(s);
    stage_request(s, 40);
    stage_answer(s, 700);
    stage_pass(s, 30);
    stage_answer(s, 1);
    stage_pass(s, 30);
    expect_client(s, 701, 0, 0);
    peer_plain_send(&s->backend, 70000);
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    expect_client(s, 70701, OBSERVED_NOTIFY, OBSERVED_FIN);
    expect_prompt(s, s->backend.fin_sent_us, s->client.saw.notify_us, "close_notify");
}

static void
await_notify(struct stage *s)
{
    stage_open(s);
    stage_request(s, 100);
    peer_plain_send(&s->backend, 1000);
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    expect_client(s, 1000, OBSERVED_NOTIFY, 0);
}

static void
await_fin(struct stage *s)
{
    stage_await(s, client_saw_tcp_end, "client: FIN");
    expect_client(s, 1000, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
}

static void
clean_goodbye(struct stage *s)
{
    await_notify(s);
    peer_tls_notify(&s->client);
    await_fin(s);
    expect_prompt(s, s->client.end_sent_us, s->client.saw.fin_us, "FIN");
    stage_again(s);
    await_notify(s);
    await_fin(s);
    expect_after(s, s->client.saw.notify_us, s->client.saw.fin_us,
                 s->settings->close_wait_ms, "FIN");
}

/* The client closed TCP, without a word, before the backend had ended. */
static void
one_closed_before(struct stage *s)
{
    stage_open(s);
    stage_request(s, 100);
    peer_tls_fin(&s->client);
    stage_await(s, backend_saw_end, "backend: RST");
    expect_backend_reset(s, 100);
    expect_that(s, !client_saw_notify(s), "client: no close_notify");
}

static void
one_answers_by_closing(struct stage *s)
{
    stage_again(s);
    await_notify(s);
    peer_tls_fin(&s->client);
    await_fin(s);
}

static void
both_answer(struct stage *s)
{
    stage_again(s);
    await_notify(s);
    peer_tls_notify(&s->client);
    stage_await(s, backend_saw_end, "backend: FIN");
    expect_backend(s, 100, OBSERVED_FIN, 0);
    await_fin(s);
}

/* The client says close_notify and FIN and waits for nothing; then it is gone. */
static void
one_does_not_wait(struct stage *s)
{
    stage_again(s);
    stage_open(s);
    peer_tls_send(&s->client, 100);
    peer_tls_notify(&s->client);
    peer_tls_fin(&s->client);
    stage_await(s, client_wrote_all, "client: close_notify and FIN sent");
    s->client.reading = PEER_READS_NOT;
    stage_await(s, backend_saw_end, "backend: FIN");
    expect_backend(s, 100, OBSERVED_FIN, 0);
    peer_tls_reset(&s->client);
    stage_again(s);
    await_notify(s);
}

static void
four_goodbyes(struct stage *s)
{
    one_closed_before(s);
    one_answers_by_closing(s);
    both_answer(s);
    one_does_not_wait(s);
}

static void
answer_not_held_back(struct stage *s)
{
    stage_open(s);
    for (int i = 0; i < 5; i++) {
        stage_request(s, 60);
        stage_answer(s, 5);
        stage_pass(s, 20);
        stage_answer(s, 300 + (uint64_t)i);
    }
    for (int i = 0; i < 5; i++) { /* and the other way round */
        stage_request(s, 9);
        stage_pass(s, 20);
        stage_request(s, 300);
        stage_answer(s, 2);
    }
}

const struct closing_case closing_cases_story[] = {
    {"story-1-refused-upload", CLOSING_BOTH, 0, refused_upload,
     "an early answer to an upload arrives, and no RST of ours overtakes it"},
    {"story-2-call-nobody-answers", CLOSING_DEFAULT, 0, call_nobody_answers,
     "the end or the death of one side reaches the other at once"},
    {"story-3-answer-without-length", CLOSING_BOTH, 0, answer_without_length,
     "bytes leave at once, and the backend's FIN becomes close_notify at once"},
    {"story-4-clean-goodbye", CLOSING_BOTH, CLOSING_NEEDS_CLOSE_WAIT, clean_goodbye,
     "close_notify where an end was said; the answer is awaited for a bounded time"},
    {"story-5-four-goodbyes", CLOSING_BOTH, 0, four_goodbyes,
     "closed before, answers by closing, both answer, does not wait"},
    {"story-6-answer-not-held-back", CLOSING_BOTH, 0, answer_not_held_back,
     "an acknowledgement, and a response 20 ms later: no further event is needed"},
    {NULL, 0, 0, NULL, NULL},
};
