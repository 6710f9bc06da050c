/* SPDX-License-Identifier: BSD-2-Clause */
/* Promptness: no byte waits for another event; and connections that never become any. */
#include "e2e/closing_cases.h"

#include "base/clock.h"

#include <stdlib.h>

#define MIB (1024u * 1024u)
#define TINY_RECORDS 2000
#define RECORD_MAX 16384
#define ROUND_TRIP_MOST_MS 1000.0

static int
compare_times(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void
note_latencies(struct stage *s, uint64_t *us, uint64_t n)
{
    qsort(us, n, sizeof(*us), compare_times);
    stage_note(
        s, "round trips: %llu, p50 %lluus p90 %lluus p99 %lluus p99.9 %lluus max %lluus",
        (unsigned long long)n, (unsigned long long)us[n / 2],
        (unsigned long long)us[n * 9 / 10], (unsigned long long)us[n * 99 / 100],
        (unsigned long long)us[n * 999 / 1000], (unsigned long long)us[n - 1]);
    expect_that(s, (double)us[n - 1] / 1000.0 <= ROUND_TRIP_MOST_MS,
                "no round trip takes longer than 1 s");
}

static void
round_trips(struct stage *s)
{
    uint64_t n = s->settings->round_trips, done = 0;
    uint64_t *us = calloc(n, sizeof(*us));

    expect_that(s, us != NULL, "memory");
    stage_open(s);
    while (!s->failed && done < n) {
        uint64_t bytes = 1 + done * 37 % 200;
        uint64_t from_us = clock_us();

        stage_request(s, bytes);
        stage_answer(s, bytes);
        us[done++] = clock_us() - from_us;
    }
    if (!s->failed)
        note_latencies(s, us, n);
    free(us);
}

static void
one_byte_each_way(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1);
    stage_answer(s, 1);
    stage_request(s, 1);
    stage_answer(s, 1);
}

static void
backend_speaks_first(struct stage *s)
{
    stage_open(s);
    stage_answer(s, 100);
    expect_prompt(s, s->backend.accepted_us, s->client.saw.last_us, "greeting");
    stage_request(s, 100);
}

/* Many records in one segment, and nothing behind them that could push them out. */
static void
tiny_records_in_one_burst(struct stage *s)
{
    stage_open(s);
    s->client.record_bytes = 1;
    peer_tls_send(&s->client, TINY_RECORDS);
    peer_tls_hold(&s->client);
    peer_tls_release(&s->client);
    stage_await_backend_bytes(s, TINY_RECORDS);
    stage_answer(s, 1);
}

static void
tiny_records_then_notify(struct stage *s)
{
    stage_open(s);
    s->client.record_bytes = 1;
    peer_tls_send(&s->client, TINY_RECORDS);
    peer_tls_notify(&s->client);
    peer_tls_hold(&s->client);
    peer_tls_release(&s->client);
    stage_await(s, backend_saw_end, "backend: FIN");
    expect_backend(s, TINY_RECORDS, OBSERVED_FIN, 0);
}

static void
maximal_records(struct stage *s)
{
    stage_open(s);
    stage_request(s, 64 * RECORD_MAX);
    stage_answer(s, 64 * RECORD_MAX);
    stage_request(s, 64 * RECORD_MAX + 1);
    stage_answer(s, 1);
}

/* Whole records and a part of one in a segment: the whole ones do not wait for its rest. */
static void
whole_records_before_a_part(struct stage *s)
{
    stage_open(s);
    peer_tls_send(&s->client, 3 * RECORD_MAX);
    peer_tls_hold(&s->client);
    peer_tls_cut_record(&s->client, 1000, 100);
    peer_tls_release(&s->client);
    stage_await_backend_bytes(s, 3 * RECORD_MAX);
    stage_answer(s, 100);
    expect_backend(s, 3 * RECORD_MAX, 0, 0);
}

static void
upload_against_stalled_download(struct stage *s)
{
    stage_open_narrow(s, 32768);
    s->client.reading = PEER_READS_NOT;
    peer_plain_send(&s->backend, 64 * MIB);
    (void)stage_try(s, backend_wrote_all, 100);
    stage_request(s, MIB);
    s->client.reading = PEER_READS;
    stage_await_client_bytes(s, 64 * MIB);
}

/* The connection is gone, or will be; a connection behind it works. */
static void
works_after(struct stage *s)
{
    expect_that(s, (s->backend.saw.ends & OBSERVED_FIN) == 0,
                "backend: no connection, or no FIN");
    stage_again(s);
    stage_open(s);
    stage_request(s, 100);
    stage_answer(s, 100);
}

static void
probe_fin(struct stage *s)
{
    stage_listen(s);
    stage_start_plain(s);
    peer_tls_fin(&s->client);
    stage_await(s, client_saw_tcp_end, "client: FIN");
    expect_client(s, 0, OBSERVED_FIN, OBSERVED_RST);
    works_after(s);
}

static void
probe_rst(struct stage *s)
{
    stage_listen(s);
    stage_start_plain(s);
    stage_pass(s, 5);
    peer_tls_reset(&s->client);
    works_after(s);
}

static void
half_hello_left(struct stage *s)
{
    stage_listen(s);
    stage_start_plain(s);
    peer_tls_half_hello(&s->client, s->ctx, 100);
    peer_tls_fin(&s->client);
    stage_await(s, client_saw_tcp_end, "client: FIN");
    expect_that(s, !client_saw_notify(s), "client: no close_notify");
    works_after(s);
}

static void
no_tls_at_all(struct stage *s)
{
    static const char words[] = "GET / HTTP/1.0\r\n\r\n";

    stage_listen(s);
    stage_start_plain(s);
    peer_tls_raw(&s->client, words, sizeof(words) - 1);
    stage_await(s, client_saw_tcp_end, "client: FIN");
    expect_that(s, (s->client.saw.ends & OBSERVED_RST) == 0, "client: FIN, no RST");
    works_after(s);
}

const struct closing_case closing_cases_prompt[] = {
    {"round-trips", CLOSING_BOTH, CLOSING_ONCE, round_trips,
     "no byte waits: lock-step round trips of 1 to 200 bytes, none above 1 s"},
    {"one-byte-each-way", CLOSING_BOTH, 0, one_byte_each_way,
     "a single byte does not wait for more"},
    {"backend-speaks-first", CLOSING_BOTH, 0, backend_speaks_first,
     "a greeting of the backend does not wait for the client"},
    {"tiny-records-in-one-burst", CLOSING_BOTH, 0, tiny_records_in_one_burst,
     "what TLS has decrypted is delivered without another readable event"},
    {"tiny-records-then-notify", CLOSING_BOTH, 0, tiny_records_then_notify,
     "the same, with the end behind them"},
    {"maximal-records", CLOSING_BOTH, 0, maximal_records, "records of the maximal size"},
    {"whole-records-before-a-part", CLOSING_BOTH, 0, whole_records_before_a_part,
     "whole records do not wait for the rest of the next one"},
    {"upload-against-stalled-download", CLOSING_BOTH, 0, upload_against_stalled_download,
     "a direction that is blocked does not block the other"},
    {"probe-fin", CLOSING_BOTH, 0, probe_fin, "connects and leaves: FIN"},
    {"probe-rst", CLOSING_BOTH, 0, probe_rst, "connects and leaves: RST"},
    {"half-hello-left", CLOSING_BOTH, 0, half_hello_left,
     "leaves in the middle of the ClientHello"},
    {"no-tls-at-all", CLOSING_BOTH, 0, no_tls_at_all, "plaintext instead of a ClientHello"},
    {NULL, 0, 0, NULL, NULL},
};
