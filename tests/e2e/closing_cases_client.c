/* SPDX-License-Identifier: BSD-2-Clause */
/* Aborts by the client: the backend must see a RST, and never a FIN. */
#include "e2e/closing_cases.h"

#include "base/clock.h"

#include <stdio.h>

#define MIB (1024u * 1024u)
#define ALERT_UNEXPECTED_MESSAGE 10
#define ALERT_BAD_RECORD_MAC 20
#define ALERT_RECORD_OVERFLOW 22
#define HEADER_BYTES 5

/* The abort reaches the backend at once. */
static void
await_abort(struct stage *s, uint64_t bytes)
{
    const struct observed *saw = &s->backend.saw;

    stage_await(s, backend_saw_end, "backend: RST");
    expect_backend_reset(s, bytes);
    expect_prompt(s, s->client.end_sent_us, saw->rst_us != 0 ? saw->rst_us : saw->fin_us,
                  "backend's RST");
}

/* Nobody says goodbye to the client; OpenSSL may complain of its missing close_notify. */
static void
await_farewell(struct stage *s, uint64_t bytes)
{
    stage_await(s, client_saw_tcp_end, "client: FIN without close_notify");
    expect_client(s, bytes, OBSERVED_FIN, OBSERVED_ALERT);
}

static void
truncated_idle(struct stage *s)
{
    stage_open(s);
    peer_tls_fin(&s->client);
    await_abort(s, 0);
    await_farewell(s, 0);
}

static void
truncated_between_records(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 1000);
    peer_tls_fin(&s->client);
    await_abort(s, 1000);
    await_farewell(s, 1000);
}

static void
truncated_with_last_bytes(struct stage *s)
{
    stage_open(s);
    peer_tls_send(&s->client, 3000);
    peer_tls_fin(&s->client);
    peer_tls_hold(&s->client);
    peer_tls_release(&s->client);
    await_abort(s, 3000);
    await_farewell(s, 0);
}

static void
truncated_in_record(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_tls_cut_record(&s->client, 1000, 500);
    peer_tls_fin(&s->client);
    await_abort(s, 1000);
    await_farewell(s, 0);
}

static void
truncated_in_header(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_tls_cut_record(&s->client, 1000, HEADER_BYTES - 2);
    peer_tls_fin(&s->client);
    await_abort(s, 1000);
    await_farewell(s, 0);
}

/* The client reads on, so that nothing but the FIN holds the download up. */
static void
truncated_during_download(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_plain_send(&s->backend, 512 * (uint64_t)MIB);
    stage_await_client_bytes(s, MIB);
    peer_tls_fin(&s->client);
    await_abort(s, 1000);
}

static void
truncated_after_down_ended(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 5000);
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    peer_tls_fin(&s->client);
    await_abort(s, 1000);
    stage_await(s, client_saw_tcp_end, "client: FIN");
    expect_client(s, 5000, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
    expect_prompt(s, s->client.end_sent_us, s->client.saw.fin_us, "FIN");
}

static void
cut_with_the_finished(struct stage *s)
{
    stage_listen(s);
    stage_start(s, 0);
    peer_tls_send(&s->client, 3000);
    peer_tls_fin(&s->client);
    stage_await(s, client_saw_tcp_end, "client: FIN");
    expect_that(s, !client_saw_notify(s), "client: no close_notify");
    stage_pass(s, 20);
    expect_that(s, (s->backend.saw.ends & OBSERVED_FIN) == 0 || s->is_unix,
                "backend: no connection, or RST without FIN");
}

static void
client_rst_idle(struct stage *s)
{
    stage_open(s);
    peer_tls_reset(&s->client);
    await_abort(s, 0);
}

static void
client_rst_after_bytes(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 1000);
    peer_tls_reset(&s->client);
    await_abort(s, 1000);
}

static void
client_rst_during_download(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_plain_send(&s->backend, 512 * (uint64_t)MIB);
    stage_await_client_bytes(s, MIB);
    peer_tls_reset(&s->client);
    await_abort(s, 1000);
}

static void
client_rst_during_upload(struct stage *s)
{
    stage_open(s);
    peer_tls_send(&s->client, 512 * (uint64_t)MIB);
    stage_await_backend_bytes(s, MIB);
    peer_tls_reset(&s->client);
    await_abort(s, STAGE_ANY_BYTES);
}

static void
client_rst_after_backend_fin(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_notify, "client: close_notify");
    peer_tls_reset(&s->client);
    await_abort(s, 1000);
}

static void
client_notify_then_rst(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_tls_notify(&s->client);
    stage_await(s, client_wrote_all, "client: close_notify sent");
    peer_tls_reset(&s->client);
    if (s->is_unix) {
        stage_await(s, backend_saw_end, "backend: end");
        return;
    }
    stage_await(s, backend_saw_rst, "backend: RST");
    expect_backend(s, 1000, OBSERVED_RST, OBSERVED_FIN);
    expect_prompt(s, s->client.end_sent_us, s->backend.saw.rst_us, "backend's RST");
}

/* A record that is wrong: an alert to the client and FIN, a RST to the backend. */
static void
await_tls_error(struct stage *s, uint64_t bytes, int alert)
{
    char what[64];

    s->client.end_sent_us = clock_us();
    stage_await(s, client_saw_tcp_end, "client: fatal alert, FIN");
    expect_client(s, 0, OBSERVED_ALERT | OBSERVED_FIN, 0);
    snprintf(what, sizeof(what), "client: fatal alert %d", alert);
    expect_that(s, alert == 0 || s->client.saw.alert == alert, what);
    await_abort(s, bytes);
}

static void
forged_record(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_tls_forged_record(&s->client);
    await_tls_error(s, 1000, ALERT_BAD_RECORD_MAC);
}

static void
forged_record_behind_bytes(struct stage *s)
{
    stage_open(s);
    peer_tls_send(&s->client, 3000);
    peer_tls_hold(&s->client);
    peer_tls_forged_record(&s->client);
    peer_tls_release(&s->client);
    await_tls_error(s, 3000, ALERT_BAD_RECORD_MAC);
}

static void
oversized_record(struct stage *s)
{
    static const uint8_t header[] = {SSL3_RT_APPLICATION_DATA, 3, 3, 0xff, 0xff};

    stage_open(s);
    stage_request(s, 1000);
    peer_tls_raw(&s->client, header, sizeof(header));
    await_tls_error(s, 1000, ALERT_RECORD_OVERFLOW);
}

static void
plaintext_instead_of_record(struct stage *s)
{
    static const char words[] = "GET / HTTP/1.0\r\n\r\n";

    stage_open(s);
    stage_request(s, 1000);
    peer_tls_raw(&s->client, words, sizeof(words) - 1);
    await_tls_error(s, 1000, 0);
}

static void
fatal_alert(struct stage *s)
{
    uint64_t raw_bytes;

    stage_open(s);
    stage_request(s, 1000);
    stage_answer(s, 1000);
    raw_bytes = s->client.raw_bytes;
    peer_tls_fatal_alert(&s->client);
    s->client.end_sent_us = clock_us();
    await_abort(s, 1000);
    await_farewell(s, 1000);
    expect_that(s, s->client.raw_bytes == raw_bytes,
                "client: FIN, and no record before it");
}

static void
eof_between_records(struct stage *s)
{
    stage_open(s);
    stage_request(s, 1000);
    peer_tls_fin(&s->client);
    stage_await(s, backend_saw_end, "backend: FIN");
    expect_backend(s, 1000, OBSERVED_FIN, 0);
    stage_answer(s, 5000);
    peer_plain_fin(&s->backend);
    stage_await(s, client_saw_tcp_end, "client: close_notify, FIN");
    expect_client(s, 5000, OBSERVED_NOTIFY | OBSERVED_FIN, 0);
}

const struct closing_case closing_cases_client[] = {
    {"client-truncated-idle", CLOSING_BOTH, 0, truncated_idle,
     "client FIN with no close_notify: RST to the backend"},
    {"client-truncated-between-records", CLOSING_BOTH, 0, truncated_between_records,
     "the same behind bytes: they arrive, then RST"},
    {"client-truncated-with-last-bytes", CLOSING_BOTH, 0, truncated_with_last_bytes,
     "the same with bytes in the segment of the FIN"},
    {"client-truncated-mid-record", CLOSING_BOTH | CLOSING_EOF, 0, truncated_in_record,
     "client FIN in mid-record: the whole records arrive, then RST"},
    {"client-truncated-mid-header", CLOSING_BOTH | CLOSING_EOF, 0, truncated_in_header,
     "client FIN inside the header of a record: RST"},
    {"client-truncated-during-download", CLOSING_BOTH, 0, truncated_during_download,
     "client FIN while bytes are on their way down: RST"},
    {"client-truncated-after-down-ended", CLOSING_BOTH, 0, truncated_after_down_ended,
     "the same after down has ENDED: RST to a backend that still reads"},
    {"client-truncated-with-the-finished", CLOSING_BOTH, 0, cut_with_the_finished,
     "client FIN in the flight of the handshake's end: never a FIN to the backend"},
    {"client-rst-idle", CLOSING_BOTH, 0, client_rst_idle, "client RST: RST to the backend"},
    {"client-rst-after-bytes", CLOSING_BOTH, 0, client_rst_after_bytes,
     "the same behind bytes"},
    {"client-rst-during-download", CLOSING_BOTH, 0, client_rst_during_download,
     "the same while bytes are on their way down"},
    {"client-rst-during-upload", CLOSING_BOTH, 0, client_rst_during_upload,
     "the same while bytes are on their way up"},
    {"client-rst-after-backend-fin", CLOSING_BOTH, 0, client_rst_after_backend_fin,
     "the same after the backend has half-closed"},
    {"client-notify-then-rst", CLOSING_BOTH, 0, client_notify_then_rst,
     "client close_notify, then RST: RST to the backend"},
    {"client-forged-record", CLOSING_BOTH | CLOSING_EOF, 0, forged_record,
     "a record that fails to decrypt: bad_record_mac and FIN, RST to the backend"},
    {"client-forged-record-behind-bytes", CLOSING_BOTH, 0, forged_record_behind_bytes,
     "the same in the segment of good records: their bytes arrive, then RST"},
    {"client-oversized-record", CLOSING_BOTH, 0, oversized_record,
     "a TLS protocol error: record_overflow and FIN, RST to the backend"},
    {"client-plaintext-record", CLOSING_BOTH, 0, plaintext_instead_of_record,
     "plaintext in the middle of TLS: an alert and FIN, RST to the backend"},
    {"client-fatal-alert", CLOSING_BOTH | CLOSING_EOF, 0, fatal_alert,
     "fatal alert from the client: RST to the backend, FIN without close_notify"},
    {"eof-client-truncated", CLOSING_EOF, 0, eof_between_records,
     "on-truncation = eof: a FIN between records is taken for an orderly end"},
    {NULL, 0, 0, NULL, NULL},
};
