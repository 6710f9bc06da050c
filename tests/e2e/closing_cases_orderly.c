/* SPDX-License-Identifier: BSD-2-Clause */
/* Orderly ends, each direction by itself: nothing is lost, nothing else is torn down. */
#include "e2e/closing_cases.h"

#define MIB (1024u * 1024u)
#define SMALL_PIECES 20

/* Both ends of a connection that the client has ended already, and the backend ends now. */
static void
finish_down(struct stage *s, uint64_t whole_answer)
{
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_tcp_end, "client: close_notify, FIN");
    expect_client(s, whole_answer, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
    expect_prompt(s, s->backend.fin_sent_us, s->client.saw.notify_us, "close_notify");
    expect_prompt(s, s->client.saw.notify_us, s->client.saw.fin_us, "FIN");
}

static void
await_up_end(struct stage *s, uint64_t bytes)
{
    stage_await(s, backend_saw_end, "backend: FIN");
    expect_backend(s, bytes, OBSERVED_FIN, 0);
    expect_prompt(s, s->client.end_sent_us, s->backend.saw.fin_us, "backend's FIN");
}

static void
client_notify(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_tls_notify(&s->client);
    await_up_end(s, 1000);
    stage_answer(s, 5000);
    expect_client(s, 5000, 0, 0);
    finish_down(s, 5000);
}

static void
client_notify_without_bytes(struct stage *s)
{
    stage_open(s);
    peer_tls_notify(&s->client);
    await_up_end(s, 0);
    stage_answer(s, 5000);
    finish_down(s, 5000);
}

static void
client_notify_fin(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_tls_notify(&s->client);
    peer_tls_fin(&s->client);
    await_up_end(s, 1000);
    stage_answer(s, 100000);
    finish_down(s, 100000);
}

static void
client_notify_late_answer(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_tls_notify(&s->client);
    await_up_end(s, 1000);
    stage_pass(s, 300);
    expect_client(s, 0, 0, 0);
    stage_answer(s, 5000);
    finish_down(s, 5000);
}

static void
last_bytes_and_notify_in_one_segment(struct stage *s)
{
    stage_open(s);
    peer_tls_send(&s->client, 3000);
    peer_tls_notify(&s->client);
    peer_tls_hold(&s->client);
    peer_tls_release(&s->client);
    await_up_end(s, 3000);
    stage_answer(s, 5000);
    finish_down(s, 5000);
}

static void
last_bytes_notify_fin_in_one_segment(struct stage *s)
{
    stage_open(s);
    peer_tls_send(&s->client, 3000);
    peer_tls_notify(&s->client);
    peer_tls_fin(&s->client);
    peer_tls_hold(&s->client);
    peer_tls_release(&s->client);
    await_up_end(s, 3000);
    stage_answer(s, 5000);
    finish_down(s, 5000);
}

/* The request and its end leave in the segment of the client's Finished, or right behind
 * it. */
static void
all_with_the_finished(struct stage *s)
{
    stage_listen(s);
    stage_start(s, 0);
    peer_tls_send(&s->client, 3000);
    peer_tls_notify(&s->client);
    peer_tls_fin(&s->client);
    stage_await(s, backend_is_there, "backend: connection");
    stage_await(s, backend_saw_end, "backend: FIN");
    expect_backend(s, 3000, OBSERVED_FIN, 0);
    stage_answer(s, 5000);
    finish_down(s, 5000);
}

static void
client_notify_behind_upload(struct stage *s)
{
    stage_open(s);
    s->backend.reading = PEER_READS_NOT;
    peer_tls_send(&s->client, 4 * MIB);
    peer_tls_notify(&s->client);
    peer_tls_fin(&s->client);
    stage_pass(s, 50);
    peer_plain_read_slowly(&s->backend, 8 * MIB);
    stage_await(s, backend_saw_end, "backend: FIN");
    expect_backend(s, 4 * MIB, OBSERVED_FIN, 0);
    stage_answer(s, 5000);
    finish_down(s, 5000);
}

static void
backend_fin(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_plain_send(&s->backend, 5000);
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    expect_client(s, 5000, OBSERVED_NOTIFY, OBSERVED_FIN);
    expect_prompt(s, s->backend.fin_sent_us, s->client.saw.notify_us, "close_notify");
    peer_tls_notify(&s->client);
    await_up_end(s, 1000);
    stage_await(s, client_saw_tcp_end, "client: FIN");
    expect_client(s, 5000, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
    expect_prompt(s, s->client.end_sent_us, s->client.saw.fin_us, "FIN");
}

static void
backend_fin_without_bytes(struct stage *s)
{
    stage_open(s);
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    expect_client(s, 0, OBSERVED_NOTIFY, OBSERVED_FIN);
    expect_prompt(s, s->backend.fin_sent_us, s->client.saw.notify_us, "close_notify");
}

static void
backend_closes(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 5000);
    peer_plain_close(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    expect_client(s, 5000, OBSERVED_NOTIFY, OBSERVED_FIN);
    expect_prompt(s, s->backend.fin_sent_us, s->client.saw.notify_us, "close_notify");
    peer_tls_notify(&s->client);
    stage_await(s, client_saw_tcp_end, "client: FIN");
    expect_client(s, 5000, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
}

static void
backend_fin_behind_download(struct stage *s)
{
    stage_open(s);
    peer_plain_send(&s->backend, 8 * MIB);
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    expect_client(s, 8 * MIB, OBSERVED_NOTIFY, OBSERVED_FIN);
    peer_tls_notify(&s->client);
    await_up_end(s, 0);
}

static void
backend_half_closes_first(struct stage *s)
{
    uint64_t sent = 0;

    stage_open(s);
    stage_answer(s, 5000);
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    for (int i = 0; i < SMALL_PIECES; i++, sent += 10000)
        stage_request(s, 10000);
    expect_backend(s, sent, 0, 0);
    expect_client(s, 5000, OBSERVED_NOTIFY, OBSERVED_FIN);
    peer_tls_notify(&s->client);
    await_up_end(s, sent);
    stage_await(s, client_saw_tcp_end, "client: FIN");
    expect_client(s, 5000, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
}

static void
both_ways_at_once(struct stage *s)
{
    stage_open(s);
    peer_tls_send(&s->client, 4 * MIB);
    peer_plain_send(&s->backend, 4 * MIB);
    peer_tls_notify(&s->client);
    peer_plain_fin(&s->backend);
    stage_await(s, backend_saw_end, "backend: FIN");
    stage_await(s, client_saw_tcp_end, "client: close_notify, FIN");
    expect_backend(s, 4 * MIB, OBSERVED_FIN, 0);
    expect_client(s, 4 * MIB, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
}

static void
simultaneous_ends(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 1000);
    peer_tls_notify(&s->client);
    peer_plain_fin(&s->backend);
    stage_await(s, backend_saw_end, "backend: FIN");
    stage_await(s, client_saw_tcp_end, "client: close_notify, FIN");
    expect_backend(s, 1000, OBSERVED_FIN, 0);
    expect_client(s, 1000, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
}

static void
both_fins_at_once(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 1000);
    peer_tls_notify(&s->client);
    peer_tls_fin(&s->client);
    peer_plain_fin(&s->backend);
    stage_await(s, backend_saw_end, "backend: FIN");
    stage_await(s, client_saw_tcp_end, "client: close_notify, FIN");
    expect_backend(s, 1000, OBSERVED_FIN, 0);
    expect_client(s, 1000, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
}

const struct closing_case closing_cases_orderly[] = {
    {"client-notify", CLOSING_BOTH | CLOSING_EOF, 0, client_notify,
     "client close_notify: all bytes, then FIN to the backend; the whole answer, "
     "close_notify"},
    {"client-notify-without-bytes", CLOSING_BOTH, 0, client_notify_without_bytes,
     "the same with nothing before it"},
    {"client-notify-fin", CLOSING_BOTH | CLOSING_EOF, 0, client_notify_fin,
     "client close_notify with a FIN after it, and then it reads"},
    {"client-notify-late-answer", CLOSING_BOTH, 0, client_notify_late_answer,
     "a client that says close_notify and then waits gets the whole answer"},
    {"last-bytes-and-notify-in-one-segment", CLOSING_BOTH, 0,
     last_bytes_and_notify_in_one_segment, "an end does not overtake bytes"},
    {"last-bytes-notify-fin-in-one-segment", CLOSING_BOTH, 0,
     last_bytes_notify_fin_in_one_segment, "an end does not overtake bytes"},
    {"all-with-the-finished", CLOSING_BOTH, 0, all_with_the_finished,
     "a request and its end in the flight of the handshake's end"},
    {"client-notify-behind-upload", CLOSING_BOTH, 0, client_notify_behind_upload,
     "DRAINING up: a slow backend gets every byte, then FIN"},
    {"backend-fin", CLOSING_BOTH | CLOSING_EOF, 0, backend_fin,
     "backend FIN: all bytes, then close_notify to the client"},
    {"backend-fin-without-bytes", CLOSING_BOTH, 0, backend_fin_without_bytes,
     "an empty answer is an answer: close_notify"},
    {"backend-closes", CLOSING_BOTH, 0, backend_closes,
     "backend close(): all bytes, then close_notify"},
    {"backend-fin-behind-download", CLOSING_BOTH, 0, backend_fin_behind_download,
     "all bytes of a long answer, then close_notify"},
    {"backend-half-closes-first", CLOSING_BOTH, 0, backend_half_closes_first,
     "a backend that half-closes first still receives everything, then FIN"},
    {"both-ways-at-once", CLOSING_BOTH, 0, both_ways_at_once,
     "the two directions are independent"},
    {"simultaneous-ends", CLOSING_BOTH, 0, simultaneous_ends,
     "both endpoints end at the same moment: both ends arrive"},
    {"both-fins-at-once", CLOSING_BOTH, 0, both_fins_at_once,
     "close_notify and FIN of the client at the moment of the backend's FIN"},
    {NULL, 0, 0, NULL, NULL},
};
