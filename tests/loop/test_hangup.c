/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/hangup.h"

#include "loop/loop_support.h"
#include "net/leg.h"
#include "support/check_main.h"

#include <sys/socket.h>
#include <unistd.h>

struct counting {
    struct hangup_watch watch; /* the first member */
    unsigned calls;
    struct counting *other; /* whose socket is closed in the callback; or NULL */
};

static struct stage stage;
static unsigned hangups; /* of a leg */

static void
on_hangup(struct hangup_watch *watch)
{
    struct counting *c = (struct counting *)watch;

    c->calls++;
    if (c->other != NULL) {
        close(c->other->watch.fd);
        c->other->watch.fd = -1;
    }
}

static bool
was_called(void *arg)
{
    return ((struct counting *)arg)->calls > 0;
}

static void
setup(void)
{
    hangups = 0;
    stage_init(&stage);
}

static void
teardown(void)
{
    stage_clear(&stage);
}

static void
watch(struct counting *c, int fd)
{
    *c = (struct counting){.watch = {fd, on_hangup}};
    ck_assert_int_eq(hangup_add(stage.loop.hangup, &c->watch), 0);
}

START_TEST(a_reset_is_told_once)
{
    struct counting c;
    int fd[2];

    tcp_pair(fd, false);
    watch(&c, fd[0]);
    stage_settle(&stage);
    ck_assert_uint_eq(c.calls, 0);
    close_with_rst(fd[1]);
    stage_run(&stage, was_called, &c);
    stage_settle(&stage);
    ck_assert_uint_eq(c.calls, 1);
    close(fd[0]);
}
END_TEST

START_TEST(a_reset_before_the_watch_is_told)
{
    struct counting c;
    int fd[2];

    tcp_pair(fd, false);
    close_with_rst(fd[1]);
    await(fd[0], 0);
    watch(&c, fd[0]);
    stage_run(&stage, was_called, &c);
    close(fd[0]);
}
END_TEST

/* Unread bytes, and a FIN that has been read, are what keeps a level-triggered event busy.
 */
START_TEST(a_reset_is_told_behind_unread_bytes_and_a_fin)
{
    struct counting c;
    int fd[2];

    tcp_pair(fd, false);
    ck_assert(send_all(fd[1], "unread", 6));
    ck_assert_int_eq(shutdown(fd[1], SHUT_WR), 0);
    watch(&c, fd[0]);
    stage_settle(&stage);
    ck_assert_uint_eq(c.calls, 0);
    close_with_rst(fd[1]);
    stage_run(&stage, was_called, &c);
    close(fd[0]);
}
END_TEST

/* Both directions have ended: the kernel says 'hangup', but nothing is wrong. */
START_TEST(two_fins_are_no_hangup)
{
    struct counting c;
    size_t len;
    int fd[2];

    tcp_pair(fd, false);
    watch(&c, fd[0]);
    ck_assert_int_eq(shutdown(fd[1], SHUT_WR), 0);
    ck_assert_int_eq(shutdown(fd[0], SHUT_WR), 0);
    ck_assert_int_eq(drain(fd[0], &len), 0);
    ck_assert_int_eq(drain(fd[1], &len), 0);
    stage_settle(&stage);
    ck_assert_uint_eq(c.calls, 0);
    close(fd[0]);
    close(fd[1]);
}
END_TEST

START_TEST(bytes_are_no_hangup)
{
    struct counting c;
    int fd[2];

    tcp_pair(fd, false);
    watch(&c, fd[0]);
    ck_assert(send_all(fd[1], "bytes", 5));
    stage_settle(&stage);
    ck_assert_uint_eq(c.calls, 0);
    close(fd[0]);
    close(fd[1]);
}
END_TEST

/* Of two that come in one turn, the first closes the second: no callback meets it. */
START_TEST(a_socket_closed_in_the_same_turn_is_not_told)
{
    struct counting a, b;
    int first[2], second[2];

    tcp_pair(first, false);
    tcp_pair(second, false);
    watch(&a, first[0]);
    watch(&b, second[0]);
    a.other = &b;
    b.other = &a;
    close_with_rst(first[1]);
    close_with_rst(second[1]);
    await(first[0], 0);
    await(second[0], 0);
    stage_settle(&stage);
    ck_assert_uint_eq(a.calls + b.calls, 1);
    if (a.watch.fd >= 0)
        close(a.watch.fd);
    if (b.watch.fd >= 0)
        close(b.watch.fd);
}
END_TEST

START_TEST(what_is_no_socket_is_refused)
{
    struct counting c = {.watch = {-1, on_hangup}};

    ck_assert_int_eq(hangup_add(stage.loop.hangup, &c.watch), -1);
}
END_TEST

/* ---- through a leg ---- */

static void
on_other(void *owner ATTR_UNUSED)
{
    ck_abort_msg("nobody asked for that");
}

static void
on_leg_hangup(void *owner)
{
    ck_assert_ptr_eq(owner, &stage);
    hangups++;
}

static const struct leg_events events = {on_other, on_other, on_other, on_other,
                                         on_leg_hangup};

static bool
leg_was_told(void *arg ATTR_UNUSED)
{
    return hangups > 0;
}

START_TEST(a_leg_that_nobody_reads_tells_of_a_reset)
{
    struct leg *leg;
    struct leg_chunk chunk;
    struct text why;
    char buf[80];
    int fd[2];

    text_init(&why, buf, sizeof(buf));
    tcp_pair(fd, false);
    leg = leg_new(&stage.loop, fd[0], NULL, &events, &stage);
    ck_assert_ptr_nonnull(leg);
    leg_watch(leg);
    leg_watch(leg);
    ck_assert(send_all(fd[1], "unread", 6));
    close_with_rst(fd[1]);
    stage_run(&stage, leg_was_told, NULL);
    stage_settle(&stage);
    ck_assert_uint_eq(hangups, 1);
    /* It has taken nothing away: bytes and error are still there. */
    ck_assert_int_eq(leg_read(leg, 100, &chunk, &why), LEG_GOING_ON);
    ck_assert_uint_eq(chunk.len, 6);
    ck_assert_int_eq(leg_read(leg, 100, &chunk, &why), LEG_RESET);
    leg_free(leg);
}
END_TEST

START_TEST(a_closed_leg_tells_nothing)
{
    struct leg *leg;
    int fd[2];

    tcp_pair(fd, false);
    leg = leg_new(&stage.loop, fd[0], NULL, &events, &stage);
    ck_assert_ptr_nonnull(leg);
    leg_watch(leg);
    close_with_rst(fd[1]);
    await(fd[0], 0);
    leg_close(leg);
    stage_settle(&stage);
    ck_assert_uint_eq(hangups, 0);
    leg_free(leg);
}
END_TEST

static Suite *
hangup_suite(void)
{
    Suite *suite = suite_create("hangup");
    TCase *tcase = tcase_create("hangup");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 20);
    tcase_add_test(tcase, a_reset_is_told_once);
    tcase_add_test(tcase, a_reset_before_the_watch_is_told);
    tcase_add_test(tcase, a_reset_is_told_behind_unread_bytes_and_a_fin);
    tcase_add_test(tcase, two_fins_are_no_hangup);
    tcase_add_test(tcase, bytes_are_no_hangup);
    tcase_add_test(tcase, a_socket_closed_in_the_same_turn_is_not_told);
    tcase_add_test(tcase, what_is_no_socket_is_refused);
    tcase_add_test(tcase, a_leg_that_nobody_reads_tells_of_a_reset);
    tcase_add_test(tcase, a_closed_leg_tells_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(hangup_suite)
