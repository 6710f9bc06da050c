/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands at the head of a stream (net/leg_head.c), over real sockets. */
#include "net/leg.h"

#include "loop/loop_support.h"
#include "net/leg_private.h"
#include "net/sock.h"
#include "support/check_main.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BULK_BYTES (1u << 20)

static struct stage stage;
static struct leg *leg;
static int peer;
static unsigned readable, drained, broken;

static void
on_readable(void *owner ATTR_UNUSED)
{
    readable++;
}

static void
on_drained(void *owner ATTR_UNUSED)
{
    drained++;
}

static void
on_broken(void *owner ATTR_UNUSED)
{
    broken++;
}

static void
on_nothing(void *owner ATTR_UNUSED)
{
}

static const struct leg_events events = {on_readable, on_drained, on_nothing, on_broken,
                                         on_nothing};

static void
make(bool small)
{
    int fd[2];

    tcp_pair(fd, small);
    leg = leg_new(&stage.loop, fd[0], NULL, &events, &stage);
    ck_assert_ptr_nonnull(leg);
    peer = fd[1];
}

static void
setup(void)
{
    stage_init(&stage);
    readable = drained = broken = 0;
    leg = NULL;
    peer = -1;
}

static void
teardown(void)
{
    leg_free(leg);
    if (peer >= 0)
        close(peer);
    stage_clear(&stage);
}

/* What has come is there in one piece. */
static void
peer_gets(const char *words)
{
    char got[64];
    size_t len = recv_some(peer, got, sizeof(got));

    ck_assert_uint_eq(len, strlen(words));
    ck_assert_mem_eq(got, words, len);
}

START_TEST(ahead_of_the_first_write)
{
    make(false);
    leg_put_ahead(leg, "head ", 5);
    ck_assert_uint_eq(leg_queued(leg), 5);
    ck_assert_int_eq(leg_write(leg, "bytes", 5), 0);
    ck_assert_uint_eq(leg_queued(leg), 0);
    ck_assert_ptr_null(leg->queue);
    peer_gets("head bytes");
    ck_assert_int_eq(leg_send_ahead(leg), 0); /* it has been sent */
    ck_assert_int_eq(leg_write(leg, "more", 4), 0);
    peer_gets("more");
}
END_TEST

START_TEST(alone)
{
    make(false);
    leg_put_ahead(leg, "head ", 5);
    ck_assert_int_eq(leg_send_ahead(leg), 0);
    ck_assert_uint_eq(leg_queued(leg), 0);
    ck_assert_ptr_null(leg->queue);
    peer_gets("head ");
    ck_assert_int_eq(leg_send_ahead(leg), 0);
    ck_assert_int_eq(leg_write(leg, "bytes", 5), 0);
    peer_gets("bytes");
}
END_TEST

/* The peer reads all of bulk, to the last byte, while the leg writes its queue out. */
static void
peer_gets_bulk(const unsigned char *bulk)
{
    unsigned char *got = malloc(BULK_BYTES + 1);
    size_t len = 0;

    ck_assert_ptr_nonnull(got);
    while (drained == 0) {
        ssize_t n = recv(peer, got + len, BULK_BYTES + 1 - len, MSG_DONTWAIT);

        len += n > 0 ? (size_t)n : 0;
        ck_assert_int_ge(event_base_loop(stage.loop.base, EVLOOP_NONBLOCK), 0);
    }
    while (len < BULK_BYTES)
        len += recv_some(peer, got + len, BULK_BYTES + 1 - len);
    ck_assert_uint_eq(len, BULK_BYTES);
    ck_assert_int_eq(memcmp(got, bulk, BULK_BYTES), 0);
    ck_assert_uint_eq(leg_queued(leg), 0);
    free(got);
}

/* The kernel takes a part: of what is ahead, or of what is behind it. Nothing is lost. */
START_TEST(the_rest_is_queued_in_order)
{
    static const size_t aheads[] = {1, 1000, BULK_BYTES / 2, BULK_BYTES - 1, BULK_BYTES};
    unsigned char *bulk = make_bulk(BULK_BYTES);
    size_t ahead = aheads[_i];

    make(true);
    leg_put_ahead(leg, bulk, ahead);
    if (ahead == BULK_BYTES)
        ck_assert_int_eq(leg_send_ahead(leg), 0);
    else
        ck_assert_int_eq(leg_write(leg, bulk + ahead, BULK_BYTES - ahead), 0);
    ck_assert_uint_gt(leg_queued(leg), 0);
    ck_assert_uint_lt(leg_queued(leg), BULK_BYTES);
    peer_gets_bulk(bulk);
    free(bulk);
}
END_TEST

START_TEST(the_kernel_takes_nothing)
{
    unsigned char *bulk = make_bulk(BULK_BYTES);
    static char filling[65536];
    size_t filled = 0, len = 0;
    ssize_t n;

    make(true);
    while ((n = send(leg->watch.fd, filling, sizeof(filling), MSG_DONTWAIT)) > 0)
        filled += (size_t)n;
    ck_assert_int_eq(errno, EAGAIN);
    leg_put_ahead(leg, bulk, 100);
    ck_assert_int_eq(leg_write(leg, bulk + 100, BULK_BYTES - 100), 0);
    ck_assert_uint_eq(leg_queued(leg), BULK_BYTES);
    while (len < filled)
        len += recv_some(peer, filling,
                         filled - len < sizeof(filling) ? filled - len : sizeof(filling));
    peer_gets_bulk(bulk);
    free(bulk);
}
END_TEST

START_TEST(a_reset_is_an_error)
{
    struct pollfd poll_fd;

    make(false);
    leg_put_ahead(leg, "head ", 5);
    close_with_rst(peer);
    peer = -1;
    poll_fd = (struct pollfd){.fd = leg->watch.fd};
    ck_assert_int_eq(poll(&poll_fd, 1, 5000), 1);
    ck_assert_int_eq(_i == 0 ? leg_send_ahead(leg) : leg_write(leg, "bytes", 5), -1);
    ck_assert_int_eq(leg_error(leg), ECONNRESET);
    ck_assert_uint_eq(leg_queued(leg), 0);
}
END_TEST

START_TEST(the_local_address)
{
    struct addr own, told = {.len = sizeof(told.u)};

    make(false);
    ck_assert_int_eq(sock_local_addr(leg_fd(leg), &own), 0);
    ck_assert_int_eq(getpeername(peer, &told.u.sa, &told.len), 0);
    ck_assert(addr_equal(&own, &told));
}
END_TEST

/* ---- the head of what comes in ---- */

static void
peer_says(const char *words)
{
    ck_assert(send_all(peer, words, strlen(words)));
}

/* So many bytes are there, and a look at them leaves them. */
static void
sees(const char *words)
{
    char got[64];
    size_t len;

    do /* poll() would heed what is awaited */
        ck_assert_int_eq(leg_peek(leg, got, sizeof(got), &len), LEG_GOING_ON);
    while (len < strlen(words));
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(len, strlen(words));
        ck_assert_mem_eq(got, words, len);
        ck_assert_int_eq(leg_peek(leg, got, sizeof(got), &len), LEG_GOING_ON);
    }
    ck_assert_uint_eq(leg_received(leg), 0);
}

START_TEST(a_look_takes_nothing)
{
    char got[4];
    size_t len;

    make(false);
    ck_assert_int_eq(leg_peek(leg, got, sizeof(got), &len), LEG_GOING_ON);
    ck_assert_uint_eq(len, 0);
    peer_says("head bytes");
    sees("head bytes");
    ck_assert_int_eq(leg_peek(leg, got, sizeof(got), &len), LEG_GOING_ON);
    ck_assert_uint_eq(len, sizeof(got));
    ck_assert_int_eq(leg_skip(leg, 5), 0);
    sees("bytes");
    ck_assert_int_eq(leg_skip(leg, 6), -1); /* they are not there */
}
END_TEST

static bool
is_readable(void *arg ATTR_UNUSED)
{
    return readable > 0;
}

START_TEST(bytes_are_awaited)
{
    make(false);
    leg_await(leg, 5);
    leg_read_on(leg);
    peer_says("head");
    sees("head");
    stage_settle(&stage);
    ck_assert_uint_eq(readable, 0);
    peer_says("+");
    stage_run(&stage, is_readable, NULL);
    sees("head+");
    leg_await(leg, 6);
    stage_settle(&stage);
    readable = 0;
    stage_settle(&stage);
    ck_assert_uint_eq(readable, 0);
    leg_await(leg, 1);
    stage_run(&stage, is_readable, NULL);
}
END_TEST

/* Less than is awaited will come: that is told, too. */
START_TEST(an_end_is_told_with_bytes_in_front_of_it)
{
    make(false);
    leg_await(leg, 100);
    leg_read_on(leg);
    peer_says("head");
    sees("head");
    ck_assert_int_eq(leg_ending(leg), LEG_GOING_ON);
    if (_i == 0)
        ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    else
        close_with_rst(peer);
    peer = _i == 0 ? peer : -1;
    stage_run(&stage, is_readable, NULL);
    ck_assert_int_eq(leg_ending(leg), _i == 0 ? LEG_FIN : LEG_RESET);
}
END_TEST

START_TEST(an_end_without_bytes)
{
    char got[8];
    size_t len;

    make(false);
    if (_i == 0)
        ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    else
        close_with_rst(peer);
    peer = _i == 0 ? peer : -1;
    await(leg->watch.fd, POLLIN);
    ck_assert_int_eq(leg_peek(leg, got, sizeof(got), &len), _i == 0 ? LEG_FIN : LEG_RESET);
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(leg_error(leg), _i == 0 ? 0 : ECONNRESET);
}
END_TEST

static Suite *
leg_head_suite(void)
{
    Suite *suite = suite_create("leg_head");
    TCase *tcase = tcase_create("ahead");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, ahead_of_the_first_write);
    tcase_add_test(tcase, alone);
    tcase_add_loop_test(tcase, the_rest_is_queued_in_order, 0, 5);
    tcase_add_test(tcase, the_kernel_takes_nothing);
    tcase_add_loop_test(tcase, a_reset_is_an_error, 0, 2);
    tcase_add_test(tcase, the_local_address);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("peek");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_look_takes_nothing);
    tcase_add_test(tcase, bytes_are_awaited);
    tcase_add_loop_test(tcase, an_end_is_told_with_bytes_in_front_of_it, 0, 2);
    tcase_add_loop_test(tcase, an_end_without_bytes, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(leg_head_suite)
