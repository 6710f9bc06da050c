/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/conn.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/pack.h"
#include "core/proxy_read.h"
#include "core/proxy_write.h"
#include "loop/loop_support.h"
#include "support/check_main.h"
#include "support/client_cert.h"
#include "support/fail_alloc.h"
#include "tls/cert.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A connection's life, again and again, each time with another allocation failing: it may
 * end in any way but one that the rule forbids, it has to end, nothing stays behind, and
 * the connection beside it does not notice.
 */
#define QUESTION "a question for the backend"
#define HEADER "PROXY TCP4 192.0.2.7 198.51.100.3 4711 443\r\n"
#define ANSWER_BYTES 100000u
#define LIMIT_MS 5000

/* A client and its backend. The backend answers the question at length, then ends. */
struct pair {
    struct tls_client client;
    int backend; /* -1: not accepted yet */
    bool asked, ended;
    size_t heard;                        /* bytes by the client */
    bool client_notified;                /* close_notify came */
    bool client_closed;                  /* the stream is over */
    size_t asked_bytes;                  /* bytes by the backend */
    unsigned char head[PROXY_WRITE_MAX]; /* the header by which they are preceded */
    size_t head_len;                     /* what has come of it */
    bool head_done;                      /* all, or there is none */
    size_t answered;                     /* bytes that it has said */
    bool backend_fin, backend_rst;
    size_t answer_bytes;
    bool backend_ends;
};

static struct stage stage;
static struct config_frontend patient; /* the bystander's: a busy machine is no reason */
static struct front patient_front;
static SSL_CTX *server;
static struct addr address;
static int listener;
static struct event *tick;
static struct pair bystander, victim;
static bool stop;
static bool victim_lives; /* else what connects to the backend is the bystander */
static bool (*is_over)(void);
static enum config_own_records own_records;
static bool with_header; /* clients come with a header, and backends get one (v2) */
static struct addr_net anywhere;
static uint64_t started_us;
static char answer[ANSWER_BYTES];
static unsigned long failing;
static uint64_t internal_errors;
static struct cert *known, *stranger; /* of clients; NULL: they have none */
static const struct cert *shown;      /* by the victim */
static struct config_frontend strict; /* trusts the known one only */
static struct pack trusted;
static uint64_t dials[STATS_DIALS]; /* of the last victim */
static unsigned long stride = 1;    /* verification allocates much: each fifth has to do, */
static const char every[] = "SALLYPORT_ALLOC_ALL"; /* unless this is set */

/* An error that one connection leaves behind is taken for one of the next. */
static void
check_error_queue(void)
{
    char text[256];
    unsigned long error = ERR_peek_error();

    ERR_error_string_n(error, text, sizeof(text));
    ck_assert_msg(error == 0, "OpenSSL's queue keeps %s when allocation %lu fails", text,
                  failing);
}

/* ---- the peers: nothing of what they allocate counts ---- */

static void
step_client(struct pair *p)
{
    char buf[16384];
    size_t len;
    int error = SSL_ERROR_WANT_READ;
    bool going_on;

    if (p->client_closed)
        return;
    going_on = tls_client_take(&p->client);
    if (tls_client_shake(&p->client)) {
        if (!p->asked)
            tls_client_says(&p->client, QUESTION, strlen(QUESTION));
        p->asked = true;
        do {
            error = tls_client_hears(&p->client, buf, sizeof(buf), &len);
            p->heard += len;
        } while (error == SSL_ERROR_NONE);
        p->client_notified = p->client_notified || error == SSL_ERROR_ZERO_RETURN;
        if (p->backend_ends && p->heard == p->answer_bytes && !p->ended) {
            (void)SSL_shutdown(p->client.ssl);
            p->ended = true;
        }
    }
    tls_client_send(&p->client);
    if (!going_on) {
        p->client_closed = true;
        close(p->client.fd);
        p->client.fd = -1;
    }
}

/* Whatever fails, a header comes whole and first, or not at all. */
static void
take_head(struct pair *p, const char *bytes, size_t len)
{
    struct proxy_read header;
    enum proxy_read_status status;

    if (p->head_done || !with_header) {
        p->asked_bytes += len;
        return;
    }
    if (p->head_len + len > sizeof(p->head))
        abort();
    memcpy(p->head + p->head_len, bytes, len);
    p->head_len += len;
    status = proxy_read(p->head, p->head_len, &header);
    if (status != PROXY_READ_DONE && status != PROXY_READ_MORE)
        abort(); /* Check itself would allocate */
    p->head_done = status == PROXY_READ_DONE;
    p->asked_bytes = p->head_done ? p->head_len - header.len : 0;
    if (p->head_done && header.src.u.in.sin_port != htons(4711))
        abort(); /* whoever comes with a header is who it says */
}

static void
step_backend(struct pair *p)
{
    char buf[256];
    ssize_t n;

    if (p->backend < 0)
        p->backend = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (p->backend < 0 || p->backend_fin || p->backend_rst)
        return;
    while ((n = recv(p->backend, buf, sizeof(buf), 0)) > 0)
        take_head(p, buf, (size_t)n);
    p->backend_fin = n == 0;
    p->backend_rst = n < 0 && errno != EAGAIN;
    while (p->asked_bytes == strlen(QUESTION) && p->answered < p->answer_bytes) {
        n = send(p->backend, answer + p->answered, p->answer_bytes - p->answered,
                 MSG_NOSIGNAL);
        if (n < 0)
            return;
        p->answered += (size_t)n;
        if (p->answered == p->answer_bytes && p->backend_ends)
            (void)shutdown(p->backend, SHUT_WR);
    }
}

static void
on_tick(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg ATTR_UNUSED)
{
    struct timeval at_once = {0};

    fail_alloc_pause();
    check_error_queue();
    step_client(&bystander);
    step_backend(&bystander);
    if (victim_lives) {
        step_client(&victim);
        step_backend(&victim);
    }
    ck_assert_msg(clock_us() - started_us < LIMIT_MS * 1000u,
                  "it does not end when allocation %lu fails", failing);
    stop = is_over();
    ck_assert_int_eq(event_add(tick, &at_once), 0);
    fail_alloc_resume();
}

static void
run_until(bool (*over)(void))
{
    int failed;

    is_over = over;
    stop = false;
    started_us = clock_us();
    fail_alloc_resume();
    failed = loop_run(&stage.loop, &stop);
    fail_alloc_pause();
    ck_assert_int_eq(failed, 0);
}

/* ---- scenarios ---- */

static void
show(struct tls_client *client, const struct cert *cert)
{
    ck_assert_int_eq(SSL_use_cert_and_key(client->ssl, cert->leaf, cert->key, NULL, 1), 1);
}

static void
begin(struct pair *p, struct front *front, size_t answer_bytes, bool backend_ends)
{
    struct addr from = {.len = 0};
    struct admission admission;
    int fd[2];

    memset(p, 0, sizeof(*p));
    p->backend = -1;
    p->answer_bytes = answer_bytes;
    p->backend_ends = backend_ends;
    tcp_pair(fd, true);
    if (with_header)
        ck_assert(send_all(fd[1], HEADER, strlen(HEADER)));
    tls_client_init(&p->client, fd[1], 0);
    ck_assert_int_eq(SSL_set_tlsext_host_name(p->client.ssl, (uintptr_t) "localhost"), 1);
    if (known != NULL)
        show(&p->client, p == &victim ? shown : known);
    fail_alloc_resume();
    if (admit(&stage.loop, front, &from, &admission) != REASON_NONE)
        abort(); /* Check itself would allocate */
    conn_start(&stage.loop, front, fd[0], &from, &address, &admission);
    fail_alloc_pause();
    check_error_queue();
}

static void
end(struct pair *p)
{
    if (p->backend >= 0)
        close(p->backend);
    tls_client_clear(&p->client);
}

static bool
bystander_has_heard(void)
{
    return bystander.heard == bystander.answer_bytes;
}

static bool
victim_is_over(void)
{
    return victim.client_closed && stage.loop.connections.now == 1;
}

/* The connection beside it is asked and answers, as ever. */
static void
check_bystander(void)
{
    bystander.asked = false;
    bystander.asked_bytes = bystander.answered = bystander.heard = 0;
    run_until(bystander_has_heard);
    ck_assert_msg(!bystander.client_closed && !bystander.backend_fin &&
                      !bystander.backend_rst,
                  "another connection has suffered from allocation %lu", failing);
}

static void
check_rule(const struct pair *p)
{
    ck_assert_msg(!p->client_notified || p->heard == p->answer_bytes,
                  "close_notify after %zu of %zu bytes when allocation %lu fails", p->heard,
                  p->answer_bytes, failing);
    ck_assert_msg(!p->backend_fin || p->ended,
                  "FIN that the client has not said when allocation %lu fails", failing);
}

static unsigned
open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/*
 * A loop of its own for each: one that has served connections before has memory left over.
 */
static void
open_stage(void)
{
    struct timeval at_once = {0};

    stage_init(&stage);
    stage.frontend.own_records = own_records;
    stage.frontend.proxy_protocol = with_header ? PROXY_V2 : PROXY_OFF;
    stage.frontend.proxies = (struct config_nets){&anywhere, with_header ? 1 : 0};
    stage.server[0].at.addr = address;
    patient = stage.frontend;
    patient.idle_timeout_ms = 0;
    patient.handshake_timeout_ms = patient.connect_timeout_ms = 60000;
    stage.frontend.handshake_timeout_ms = 300;
    stage.frontend.connect_timeout_ms = 300;
    stage.frontend.idle_timeout_ms = 0;
    stage.frontend.half_closed_timeout_ms = 300;
    stage.frontend.close_wait_ms = 100;
    stage.frontend.linger_timeout_ms = 50;
    stage.frontend.linger_max_ms = 100;
    ck_assert_int_eq(SSL_CTX_up_ref(server), 1);
    front_init(&stage.front, &stage.frontend, server, &stage.pool, &stage.loop);
    ck_assert_int_eq(SSL_CTX_up_ref(server), 1);
    patient.place = 1;
    front_init(&patient_front, &patient, server, &stage.pool, &stage.loop);
    tick = evtimer_new(stage.loop.base, on_tick, NULL);
    ck_assert(tick != NULL && event_add(tick, &at_once) == 0);
    begin(&bystander, &patient_front, 100, false);
    run_until(bystander_has_heard);
}

static void
close_stage(void)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        close(fd); /* dialled, and given up before it was accepted */
    ck_assert_ptr_nonnull(TAILQ_FIRST(&stage.loop.live));
    conn_cut(TAILQ_FIRST(&stage.loop.live));
    end(&bystander);
    event_free(tick);
    front_clear(&stage.front);
    front_clear(&patient_front);
    stage_clear(&stage);
}

/* What the loop has counted of the victim, who has ended. */
static void
check_counters(void)
{
    const uint64_t *finished = stage.front.stats->ended;
    uint64_t sum = 0;

    for (unsigned i = 0; i < REASONS; i++)
        sum += finished[i];
    ck_assert_msg(sum == 1, "not counted once when %lu fails", failing);
    ck_assert_msg(finished[REASON_CLEAN] == 0 || victim.client_notified,
                  "called clean without close_notify when allocation %lu fails", failing);
    ck_assert_msg(finished[REASON_CLIENT_RESET] == 0 &&
                      finished[REASON_CLIENT_TLS_ERROR] == 0 &&
                      finished[REASON_BACKEND_RESET] == 0,
                  "a peer is blamed for allocation %lu", failing);
    ck_assert_uint_eq(stage.front.stats->live, 0);
    ck_assert_uint_eq(*stage.front.live, 0);
    internal_errors += finished[REASON_INTERNAL_ERROR];
    memcpy(dials, stage.front.stats->dials, sizeof(dials));
}

/* Returns how many allocations the victim's life has taken. */
static unsigned long
play(unsigned long nth, bool all)
{
    unsigned before = open_files();
    unsigned long count;

    failing = nth;
    fail_alloc_arm(0, false);
    open_stage();
    fail_alloc_arm(nth, all);
    begin(&victim, &stage.front, ANSWER_BYTES, true);
    victim_lives = true;
    run_until(victim_is_over);
    victim_lives = false;
    count = fail_alloc_count();
    fail_alloc_arm(0, false);
    check_rule(&victim);
    check_counters();
    end(&victim);
    check_bystander();
    close_stage();
    ck_assert_msg(open_files() == before, "a descriptor leaks when allocation %lu fails",
                  nth);
    return count;
}

/* Without a failure all is well: else the others prove nothing. */
static unsigned long
play_well(void)
{
    unsigned long count;

    (void)play(0, false); /* what OpenSSL fetches once */
    count = play(0, false);
    ck_assert(victim.client_notified && victim.backend_fin);
    ck_assert(victim.head_done == with_header);
    ck_assert_uint_eq(victim.heard, ANSWER_BYTES);
    ck_assert_uint_eq(internal_errors, 0);
    ck_assert_uint_gt(count, 20);
    return count;
}

static void
setup(void)
{
    static const struct log_settings quiet = {
        .level = LOG_LEVEL_ERROR, .to = "stderr", .facility = "daemon"};

    fail_alloc_install();
    ck_assert_int_eq(log_open(&quiet), 0);
    listener = listen_on_loopback(&address, 16);
    ck_assert_int_eq(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
    stage_init(&stage);
    server = server_ctx(&stage.frontend);
    stage_clear(&stage);
}

static void
teardown(void)
{
    close(listener);
    SSL_CTX_free(server);
    with_header = false;
    tls_bio_cleanup();
    log_close();
}

/* Without the SSL object after the handshake. */
static void
setup_own(void)
{
    setup();
    own_records = CONFIG_OWN_RECORDS_AT_ONCE;
}

static void
teardown_own(void)
{
    own_records = CONFIG_OWN_RECORDS_OFF;
    teardown();
}

/* Clients have to have a certificate: the known one. */
static void
setup_strict(void)
{
    setup();
    known = client_cert_make("known");
    stranger = client_cert_make("stranger");
    shown = known;
    with_header = true;
    stride = getenv(every) != NULL ? 1 : 5;
    client_cert_trust(&trusted, known->leaf);
    stage_init(&stage);
    strict = stage.frontend;
    strict.client_cert.verify = CONFIG_VERIFY_REQUIRED;
    strict.client_cert.depth = 4;
    strict.client_cert.sealed = (struct config_blob){trusted.data, trusted.len};
    SSL_CTX_free(server);
    server = server_ctx(&strict);
    stage_clear(&stage);
}

static void
teardown_strict(void)
{
    teardown();
    cert_free(known);
    cert_free(stranger);
    pack_clear(&trusted);
    known = stranger = NULL;
    stride = 1;
}

/* Whatever fails, it is not the verification that is left out. */
START_TEST(a_stranger_never_comes_in)
{
    unsigned long count;

    (void)play_well();
    shown = stranger;
    count = play(0, false);
    for (unsigned long nth = 1; nth <= count; nth += stride) {
        (void)play(nth, _i == 1);
        for (unsigned i = 0; i < STATS_DIALS; i++)
            ck_assert_msg(dials[i] == 0, "the backend is dialled when allocation %lu fails",
                          nth);
    }
}
END_TEST

START_TEST(every_single_allocation_may_fail)
{
    unsigned long count;

    with_header |= _i == 1;
    count = play_well();

    for (unsigned long nth = 1; nth <= count; nth += stride)
        (void)play(nth, false);
    ck_assert_uint_gt(internal_errors, 5);
}
END_TEST

/* Memory is gone from some moment on, until the connection has ended. */
START_TEST(all_allocations_may_fail_from_some_moment_on)
{
    unsigned long count = play_well();

    for (unsigned long nth = 1; nth <= count; nth += stride)
        (void)play(nth, true);
}
END_TEST

static Suite *
alloc_suite(void)
{
    Suite *suite = suite_create("alloc");
    TCase *tcase = tcase_create("alloc");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, every_single_allocation_may_fail, 0, 2);
    tcase_add_test(tcase, all_allocations_may_fail_from_some_moment_on);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("own-records");
    tcase_add_checked_fixture(tcase, setup_own, teardown_own);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, every_single_allocation_may_fail);
    tcase_add_test(tcase, all_allocations_may_fail_from_some_moment_on);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("client-cert");
    tcase_add_checked_fixture(tcase, setup_strict, teardown_strict);
    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, every_single_allocation_may_fail);
    tcase_add_test(tcase, all_allocations_may_fail_from_some_moment_on);
    tcase_add_loop_test(tcase, a_stranger_never_comes_in, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(alloc_suite)
