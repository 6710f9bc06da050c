/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/probe.h"

#include "base/clock.h"
#include "loop/loop_support.h"
#include "support/check_main.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOB(s) ((struct config_blob){(s), sizeof(s) - 1})

static struct stage stage;
static struct config_blob say[2], expect[2];
static struct probe_plan plan;
static struct addr addr[2];
static int listener, peer;

static struct {
    unsigned calls;
    enum probe_result result;
    char words[256];
} outcome;

static void
on_done(void *owner, enum probe_result result, const char *words)
{
    ck_assert_ptr_eq(owner, &stage);
    outcome.calls++;
    outcome.result = result;
    snprintf(outcome.words, sizeof(outcome.words), "%s", words);
}

static void
setup(void)
{
    memset(&outcome, 0, sizeof(outcome));
    stage_init(&stage);
    listener = listen_on_loopback(&addr[0], 16);
    peer = -1;
    plan = (struct probe_plan){.say = say, .expect = expect, .timeout_ms = 3000};
}

static void
teardown(void)
{
    if (peer >= 0)
        close(peer);
    close(listener);
    stage_clear(&stage);
}

static void
start(unsigned count)
{
    struct probe *probe = probe_start(&stage.loop, addr, count, &plan, on_done, &stage);

    ck_assert_ptr_nonnull(probe);
    ck_assert_uint_eq(outcome.calls, 0); /* only from the loop */
}

static bool
is_done(void *arg ATTR_UNUSED)
{
    return outcome.calls > 0;
}

static void
must_end(enum probe_result result, const char *words)
{
    stage_run(&stage, is_done, NULL);
    stage_settle(&stage);
    ck_assert_uint_eq(outcome.calls, 1);
    ck_assert_int_eq(outcome.result, result);
    ck_assert_str_eq(outcome.words, words);
}

static void
accept_it(void)
{
    await(listener, POLLIN);
    peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    ck_assert_int_ge(peer, 0);
}

/* Starts it, and accepts it on the other side. */
static void
start_and_accept(void)
{
    start(1);
    stage_settle(&stage);
    accept_it();
}

/* The other side has got that, and not more. */
static void
must_hear(const char *wanted)
{
    char buf[256];
    ssize_t n;

    stage_settle(&stage);
    await(peer, POLLIN);
    n = recv(peer, buf, sizeof(buf), 0);
    ck_assert_int_eq(n, (ssize_t)strlen(wanted));
    ck_assert_int_eq(memcmp(buf, wanted, strlen(wanted)), 0);
}

static void
must_have_been_closed_by_fin(void)
{
    size_t len;

    await(peer, POLLIN);
    ck_assert_int_eq(drain(peer, &len), 0);
}

/* ---- Connections ---- */

START_TEST(a_connection_is_enough)
{
    start_and_accept();
    must_end(PROBE_GOOD, "");
    must_have_been_closed_by_fin();
}
END_TEST

START_TEST(refused)
{
    refusing_addr(&addr[0]);
    start(1);
    must_end(PROBE_NO_CONNECTION, strerror(ECONNREFUSED));
}
END_TEST

START_TEST(the_next_address_is_tried)
{
    addr[1] = addr[0];
    refusing_addr(&addr[0]);
    start(2);
    must_end(PROBE_GOOD, "");
    accept_it();
    must_have_been_closed_by_fin();
}
END_TEST

START_TEST(without_an_address)
{
    start(0);
    must_end(PROBE_NO_CONNECTION, strerror(EHOSTUNREACH));
}
END_TEST

/* A queue for one, which the kernel makes two, is full. */
START_TEST(it_does_not_answer)
{
    struct addr full;
    int fd = listen_on_loopback(&full, 0), other[3];
    uint64_t before = clock_ms();

    for (int i = 0; i < 3; i++) {
        other[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(other[i], &full.u.sa, full.len);
    }
    plan.timeout_ms = 200;
    addr[1] = addr[0];
    addr[0] = full;
    start(1);
    must_end(PROBE_TIMEOUT, strerror(ETIMEDOUT));
    ck_assert_uint_ge(clock_ms() - before, 200);
    /* The other address has its share of the time. */
    outcome.calls = 0;
    start(2);
    must_end(PROBE_GOOD, "");
    for (int i = 0; i < 3; i++)
        close(other[i]);
    close(fd);
}
END_TEST

START_TEST(cancelled)
{
    struct probe *probe = probe_start(&stage.loop, addr, 1, &plan, on_done, &stage);

    probe_cancel(probe);
    expect[0] = BLOB("x");
    plan.expects = 1;
    probe = probe_start(&stage.loop, addr, 1, &plan, on_done, &stage);
    stage_settle(&stage);
    accept_it();
    probe_cancel(probe);
    stage_settle(&stage);
    must_have_been_closed_by_fin();
    probe_cancel(NULL);
    ck_assert_uint_eq(outcome.calls, 0);
}
END_TEST

/* ---- Answers ---- */

static void
ask(void)
{
    say[0] = BLOB("HEAD\0ER ");
    say[1] = BLOB("PING\r\n");
    expect[0] = BLOB("+PONG");
    expect[1] = BLOB("-NOAUTH");
    plan.says = 2;
    plan.expects = 2;
    start_and_accept();
}

START_TEST(the_answer_is_right)
{
    char buf[32];

    ask();
    stage_settle(&stage);
    await(peer, POLLIN);
    ck_assert_int_eq(recv(peer, buf, sizeof(buf), 0), 14);
    ck_assert_int_eq(memcmp(buf, "HEAD\0ER PING\r\n", 14), 0);
    ck_assert(send_all(peer, "+PONG\r\n and more", 16));
    must_end(PROBE_GOOD, "");
    must_have_been_closed_by_fin(); /* also with something unread */
}
END_TEST

START_TEST(the_answer_comes_in_pieces)
{
    ask();
    for (const char *c = "-NOAUT"; *c != '\0'; c++) {
        ck_assert(send_all(peer, c, 1));
        stage_settle(&stage);
        ck_assert_uint_eq(outcome.calls, 0);
    }
    ck_assert(send_all(peer, "H", 1));
    must_end(PROBE_GOOD, "");
}
END_TEST

START_TEST(the_answer_is_wrong)
{
    ask();
    ck_assert(send_all(peer, "+POLG\r\n", 7));
    must_end(PROBE_WRONG, "it answers \"+POLG\\r\\n\"");
    must_have_been_closed_by_fin();
}
END_TEST

START_TEST(a_long_wrong_answer_is_cut)
{
    char flood[8192];

    memset(flood, 'z', sizeof(flood));
    ask();
    ck_assert(send_all(peer, flood, sizeof(flood)));
    must_end(PROBE_WRONG, "it answers zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
}
END_TEST

START_TEST(it_closes_instead)
{
    ask();
    shutdown(peer, SHUT_WR);
    must_end(PROBE_WRONG, "it closes the connection instead of answering");
}
END_TEST

START_TEST(it_closes_in_the_middle)
{
    ask();
    ck_assert(send_all(peer, "+PO", 3));
    shutdown(peer, SHUT_WR);
    must_end(PROBE_WRONG, "it answers +PO");
}
END_TEST

START_TEST(it_resets_instead)
{
    ask();
    stage_settle(&stage);
    close_with_rst(peer);
    peer = -1;
    must_end(PROBE_WRONG, "it resets the connection instead of answering");
}
END_TEST

START_TEST(it_is_silent)
{
    plan.timeout_ms = 200;
    ask();
    must_end(PROBE_TIMEOUT, "it accepts the connection, but does not answer");
    must_have_been_closed_by_fin();
}
END_TEST

/* A server that speaks first need not be asked. */
START_TEST(a_greeting)
{
    expect[0] = BLOB("220 ");
    plan.expects = 1;
    start_and_accept();
    ck_assert(send_all(peer, "220 here\r\n", 10));
    must_end(PROBE_GOOD, "");
}
END_TEST

/* Something to say, and nothing to expect: a header, as of the PROXY protocol. */
START_TEST(a_header_alone)
{
    say[0] = BLOB("LOCAL");
    plan.says = 1;
    start_and_accept();
    must_end(PROBE_GOOD, "");
    must_hear("LOCAL");
    must_have_been_closed_by_fin();
}
END_TEST

static Suite *
probe_suite(void)
{
    Suite *suite = suite_create("probe");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, a_connection_is_enough);
    tcase_add_test(all, refused);
    tcase_add_test(all, the_next_address_is_tried);
    tcase_add_test(all, without_an_address);
    tcase_add_test(all, it_does_not_answer);
    tcase_add_test(all, cancelled);
    tcase_add_test(all, the_answer_is_right);
    tcase_add_test(all, the_answer_comes_in_pieces);
    tcase_add_test(all, the_answer_is_wrong);
    tcase_add_test(all, a_long_wrong_answer_is_cut);
    tcase_add_test(all, it_closes_instead);
    tcase_add_test(all, it_closes_in_the_middle);
    tcase_add_test(all, it_resets_instead);
    tcase_add_test(all, it_is_silent);
    tcase_add_test(all, a_greeting);
    tcase_add_test(all, a_header_alone);
    suite_add_tcase(suite, all);
    return suite;
}

CHECK_MAIN(probe_suite)
