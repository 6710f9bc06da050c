/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/care.h"

#include "base/clock.h"
#include "loop/loop_support.h"
#include "support/check_main.h"

#include <string.h>
#include <unistd.h>

/* The first server of the backend is `gone` unless a test says something else, the second
 * and the third are there. `other` is the same backend in the eyes of another worker. */
static struct stage stage;
static struct pool other;
static struct addr gone, there;
static struct addr client;
static int listener;

static void
restart(size_t servers)
{
    pool_clear(&other);
    stage_set_servers(&stage, servers);
    ck_assert_int_eq(pool_init(&other, &stage.backend, &stage.loop), 0);
}

static void
setup(void)
{
    stage_init(&stage);
    other = (struct pool){0};
    listener = listen_on_loopback(&there, 64);
    refusing_addr(&gone);
    ck_assert_int_eq(addr_from_numeric(&client, "127.0.0.1", 1), 0);
    for (uint32_t i = 0; i < 3; i++) {
        stage.server[i].at.addr = i == 0 ? gone : there;
        stage.server[i].place = 10 + i;
    }
    stage.backend.balance = BALANCE_FIRST;
    stage.backend.health = (struct health_rules){
        .eject_after = 3, .eject_ms = 60000, .eject_max_ms = 60000, .rise = 2, .fall = 3};
    stage.backend.check_interval_ms = 50;
    stage.backend.check_timeout_ms = 50;
    restart(3);
}

static void
teardown(void)
{
    pool_rest(&stage.pool);
    pool_rest(&other);
    stage_clear(&stage);
    pool_clear(&other);
    close(listener);
}

static struct health
health(unsigned number)
{
    return health_unpack(stage.shared->server[10 + number].health);
}

static void
set(unsigned number, enum health_state state, uint64_t time_ms)
{
    struct health now = {.state = state, .time_ms = time_ms};

    stage.shared->server[10 + number].health = health_pack(&now);
}

/* The number of the server that a connection would get; -1: none. */
static int
choose(struct pool *pool, uint64_t *tried)
{
    struct pool_server *server = pool_choose(pool, &client, tried);

    if (server == NULL)
        return -1;
    pool_leave(server);
    return (int)(server - pool->server);
}

static int
first(struct pool *pool)
{
    uint64_t tried = 0;

    return choose(pool, &tried);
}

START_TEST(failures_in_all_workers_count)
{
    pool_report(&stage.pool.server[0], TERM_BACKEND_REFUSED, "x");
    pool_report(&other.server[0], TERM_TIMEOUT_CONNECT, "x");
    ck_assert_int_eq(first(&other), 0);
    pool_report(&other.server[0], TERM_INTERNAL_ERROR, "x"); /* not its fault */
    ck_assert_int_eq(first(&other), 0);
    pool_report(&stage.pool.server[0], TERM_BACKEND_UNREACHABLE, "x");
    ck_assert_int_eq(first(&other), 1);
    ck_assert_int_eq(first(&stage.pool), 1);
    ck_assert_uint_eq(stage.page->server[10].outs[0], 1);
    ck_assert_uint_eq(stage.page->server[11].outs[0], 0);
    pool_report(&other.server[0], TERM_BACKEND_CONNECTED, NULL);
    ck_assert_int_eq(first(&stage.pool), 0);
}
END_TEST

START_TEST(one_worker_tries_it)
{
    set(0, HEALTH_EJECTED, clock_ms() - 1);
    ck_assert_int_eq(first(&other), 0);
    ck_assert(health(0).trial);
    ck_assert_int_eq(first(&other), 1);
    ck_assert_int_eq(first(&stage.pool), 1);
}
END_TEST

START_TEST(the_last_resort)
{
    uint64_t tried = 0;

    for (unsigned i = 0; i < 3; i++)
        set(i, HEALTH_EJECTED, clock_ms() + 60000);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(choose(&stage.pool, &tried), i);
    ck_assert_int_eq(choose(&stage.pool, &tried), -1);
    /* And behind one that is good. */
    set(2, HEALTH_UP, 0);
    tried = 0;
    ck_assert_int_eq(choose(&stage.pool, &tried), 2);
    ck_assert_int_eq(choose(&stage.pool, &tried), 0);
}
END_TEST

START_TEST(what_checks_have_found_bad_is_tried_only_among_such)
{
    uint64_t tried = 0;

    stage.backend.check = CONFIG_CHECK_CONNECT;
    restart(3);
    set(0, HEALTH_DOWN, 0);
    set(1, HEALTH_EJECTED, clock_ms() + 60000);
    set(2, HEALTH_DOWN, 0);
    ck_assert_int_eq(choose(&stage.pool, &tried), 1);
    ck_assert_int_eq(choose(&stage.pool, &tried), -1);
    set(1, HEALTH_DOWN, 0);
    tried = 0;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(choose(&stage.pool, &tried), i);
}
END_TEST

START_TEST(a_server_that_is_alone_is_never_out)
{
    restart(1);
    for (int i = 0; i < 10; i++)
        pool_report(&stage.pool.server[0], TERM_BACKEND_REFUSED, "x");
    ck_assert_int_eq(health(0).state, HEALTH_UP);
    ck_assert_int_eq(first(&stage.pool), 0);
}
END_TEST

START_TEST(slow_start_is_a_share_of_the_weight)
{
    unsigned got[3] = {0};
    uint64_t now = clock_ms(),
             half = now < 3600000 ? now / 2 : 1800000; /* it began with the host */

    stage.backend.balance = BALANCE_ROUND_ROBIN;
    stage.backend.health.slow_start_ms = 2 * (unsigned)half;
    restart(3);
    set(0, HEALTH_UP, now - half);
    for (int i = 0; i < 500; i++)
        got[first(&stage.pool)]++;
    ck_assert_uint_ge(got[0], 99);
    ck_assert_uint_le(got[0], 101);
    ck_assert_uint_ge(got[1], 199);
}
END_TEST

/* ---- Checks ---- */

static uint64_t
checks(unsigned number, enum stats_check outcome)
{
    return stage.page->server[10 + number].checks[outcome];
}

static void
check_by(enum config_check how)
{
    stage.backend.check = how;
    restart(3);
    pool_serve(&stage.pool);
    pool_serve(&other);
}

static bool
first_is_down(void *arg ATTR_UNUSED)
{
    return health(0).state == HEALTH_DOWN;
}

static bool
first_is_up(void *arg ATTR_UNUSED)
{
    return health(0).state == HEALTH_UP;
}

START_TEST(checks_find_who_is_gone_and_who_is_back)
{
    check_by(CONFIG_CHECK_CONNECT);
    ck_assert_int_eq(first(&stage.pool), 0);
    stage_run(&stage, first_is_down, NULL);
    ck_assert_uint_eq(checks(0, STATS_CHECK_UNREACHED), 3);
    ck_assert_uint_eq(stage.page->server[10].outs[1], 1);
    ck_assert_int_eq(first(&stage.pool), 1);
    stage.server[0].at.addr = there;
    stage_run(&stage, first_is_up, NULL);
    ck_assert_uint_eq(checks(0, STATS_CHECK_PASSED), 2);
    ck_assert_int_eq(first(&other), 0);
    ck_assert_int_eq(health(1).state, HEALTH_UP);
}
END_TEST

static bool
second_is_checked(void *arg)
{
    return checks(1, STATS_CHECK_PASSED) == *(uint64_t *)arg;
}

/* Two workers make as many checks as one. */
START_TEST(each_check_is_made_once)
{
    uint64_t before = clock_ms(), wanted = 11;

    check_by(CONFIG_CHECK_CONNECT);
    stage_run(&stage, second_is_checked, &wanted);
    ck_assert_uint_ge(clock_ms() - before, 10 * 45);
}
END_TEST

/* One of the two is gone without a word: the other goes on. */
START_TEST(a_worker_that_is_gone_takes_no_check_along)
{
    uint64_t wanted = 5;

    check_by(CONFIG_CHECK_CONNECT);
    pool_rest(&stage.pool);
    stage.shared->server[11].check_due = clock_ms() + 60; /* claimed, and never made */
    stage_run(&stage, second_is_checked, &wanted);
}
END_TEST

/* A reload has made the interval shorter. */
START_TEST(a_check_that_is_far_off_is_made_now)
{
    uint64_t wanted = 1;

    stage.shared->server[11].check_due = clock_ms() + 3600000;
    check_by(CONFIG_CHECK_CONNECT);
    stage_run(&stage, second_is_checked, &wanted);
}
END_TEST

/* They accept (the kernel does), and say nothing. */
START_TEST(an_answer_is_asked_for)
{
    static struct config_string expected = {.text = "+OK\\r\\n"};

    stage.backend.check_send = (struct config_string){.text = "\\x50ING"};
    stage.backend.check_expect = (struct config_strings){&expected, 1};
    stage.server[0].at.addr = there;
    check_by(CONFIG_CHECK_ANSWER);
    ck_assert_uint_eq(stage.pool.care.probe.says, 1);
    ck_assert_uint_eq(stage.pool.care.say[0].len, 4);
    ck_assert_int_eq(memcmp(stage.pool.care.say[0].data, "PING", 4), 0);
    ck_assert_uint_eq(stage.pool.care.expect[0].len, 5);
    ck_assert_int_eq(memcmp(stage.pool.care.expect[0].data, "+OK\r\n", 5), 0);
    stage_run(&stage, first_is_down, NULL);
    ck_assert_uint_ge(checks(0, STATS_CHECK_TIMEOUT), 3);
}
END_TEST

/* A service that wants a header gets one from checks, too, in front of all. */
START_TEST(a_check_has_a_header_of_its_own)
{
    static struct config_string expected = {.text = "+OK"};
    struct care_plan *plan = &stage.pool.care;

    stage.backend.proxy_protocol = 1 + (_i == 0 ? PROXY_V1 : PROXY_V2);
    stage.backend.check_send = (struct config_string){.text = "PING"};
    stage.backend.check_expect = (struct config_strings){&expected, 1};
    stage.server[0].at.addr = there;
    check_by(CONFIG_CHECK_ANSWER);
    ck_assert_uint_eq(plan->probe.says, 2);
    ck_assert_uint_eq(plan->say[0].len, _i == 0 ? 15 : 16);
    if (_i == 0)
        ck_assert_mem_eq(plan->say[0].data, "PROXY UNKNOWN\r\n", 15);
    else
        ck_assert_mem_eq(plan->say[0].data, PROXY_V2_SIGNATURE "\x20\0\0\0", 16);
    ck_assert_uint_eq(plan->say[1].len, 4);
    stage_run(&stage, first_is_down, NULL);
}
END_TEST

/* ---- Places, and who waits for one ---- */

struct waiter {
    struct queue_wait wait;
    unsigned looks;
    bool got;
};
static struct waiter waiters[3];

static void
on_place(void *owner)
{
    struct waiter *w = owner;
    uint64_t tried = 0;

    w->looks++;
    if (pool_choose(&stage.pool, &client, &tried) == NULL)
        return;
    w->got = true;
    queue_leave(&stage.pool, &w->wait);
}

static bool
enter(unsigned number)
{
    waiters[number] = (struct waiter){
        .wait = {.look = on_place, .owner = &waiters[number]},
    };
    return queue_enter(&stage.pool, &waiters[number].wait);
}

static bool
has_got(void *arg)
{
    return ((struct waiter *)arg)->got;
}

/* Two places at the only server, one taken here and one by another worker. */
static struct pool_server *
fill(void)
{
    uint64_t tried = 0, others = 0;
    struct pool_server *mine;

    stage.server[0].max_connections = 2;
    stage.backend.queue_length = 2;
    restart(1);
    mine = pool_choose(&stage.pool, &client, &tried);
    ck_assert_ptr_eq(mine, &stage.pool.server[0]);
    ck_assert_ptr_nonnull(pool_choose(&other, &client, &others));
    tried = 0;
    ck_assert_ptr_null(pool_choose(&stage.pool, &client, &tried));
    ck_assert(stage.pool.full);
    ck_assert_uint_eq(tried, 0);
    ck_assert_uint_eq(stage.shared->server[10].live, 2);
    return mine;
}

START_TEST(places_are_given_to_who_came_first)
{
    struct pool_server *mine = fill();
    uint64_t tried = 0;

    ck_assert(enter(0));
    ck_assert(enter(1));
    ck_assert(!enter(2));
    ck_assert_uint_eq(stage.shared->server[10].queued, 2);
    ck_assert_uint_eq(stage.page->server[10].queued, 2);
    pool_leave(mine);
    ck_assert_uint_eq(waiters[0].looks, 0); /* nobody is called before it returns */
    /* A new one has no place before those who wait. */
    ck_assert_ptr_null(pool_choose(&stage.pool, &client, &tried));
    ck_assert(stage.pool.full);
    stage_settle(&stage);
    ck_assert(waiters[0].got);
    ck_assert(!waiters[1].got);
    ck_assert_uint_eq(stage.shared->server[10].queued, 1);
    /* One that gives up. */
    queue_leave(&stage.pool, &waiters[1].wait);
    ck_assert_uint_eq(stage.shared->server[10].queued, 0);
    ck_assert_uint_eq(stage.page->server[10].queued, 0);
    pool_leave(mine);
    ck_assert_ptr_nonnull(pool_choose(&stage.pool, &client, &tried));
}
END_TEST

START_TEST(places_of_other_workers_are_found)
{
    (void)fill();
    ck_assert(enter(0));
    ck_assert(enter(1));
    pool_leave(&other.server[0]);
    stage_run(&stage, has_got, &waiters[0]);
    ck_assert_uint_eq(stage.shared->server[10].live, 2);
    /* The other one dies with what it holds: the master gives it back. */
    stage.shared->server[10].live -= 1;
    stage_run(&stage, has_got, &waiters[1]);
    ck_assert_uint_eq(stage.shared->server[10].queued, 0);
}
END_TEST

START_TEST(a_queue_that_other_workers_have_filled)
{
    (void)fill();
    stage.shared->server[10].queued = 2;
    ck_assert(!enter(0));
    stage.shared->server[10].queued = 1;
    ck_assert(enter(0));
    queue_leave(&stage.pool, &waiters[0].wait);
    ck_assert_uint_eq(stage.shared->server[10].queued, 1);
}
END_TEST

/* A count that is too low by one, as a worker may leave it, does not close a server. */
START_TEST(a_count_below_nothing_is_no_limit)
{
    uint64_t tried = 0;

    (void)fill();
    stage.shared->server[10].live = UINT32_MAX;
    ck_assert_ptr_nonnull(pool_choose(&stage.pool, &client, &tried));
}
END_TEST

START_TEST(a_full_server_is_passed_over)
{
    uint64_t tried = 0, first_tried = 0;

    stage.server[0].max_connections = 1;
    restart(3);
    ck_assert_ptr_eq(pool_choose(&stage.pool, &client, &tried), &stage.pool.server[0]);
    tried = 0;
    ck_assert_ptr_eq(pool_choose(&stage.pool, &client, &tried), &stage.pool.server[1]);
    ck_assert_uint_eq(tried, 2);
    /* Who waits for it does so although others are out. */
    set(1, HEALTH_EJECTED, clock_ms() + 60000);
    set(2, HEALTH_EJECTED, clock_ms() + 60000);
    ck_assert_ptr_null(pool_choose(&stage.pool, &client, &first_tried));
    ck_assert(stage.pool.full);
    /* A server that may only be tried is not tried while it is full. */
    set(0, HEALTH_EJECTED, clock_ms() - 1);
    ck_assert_ptr_null(pool_choose(&stage.pool, &client, &first_tried));
    ck_assert(!health(0).trial);
}
END_TEST

static Suite *
care_suite(void)
{
    Suite *suite = suite_create("care");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, failures_in_all_workers_count);
    tcase_add_test(all, one_worker_tries_it);
    tcase_add_test(all, the_last_resort);
    tcase_add_test(all, what_checks_have_found_bad_is_tried_only_among_such);
    tcase_add_test(all, a_server_that_is_alone_is_never_out);
    tcase_add_test(all, slow_start_is_a_share_of_the_weight);
    tcase_add_test(all, checks_find_who_is_gone_and_who_is_back);
    tcase_add_test(all, each_check_is_made_once);
    tcase_add_test(all, a_worker_that_is_gone_takes_no_check_along);
    tcase_add_test(all, a_check_that_is_far_off_is_made_now);
    tcase_add_test(all, an_answer_is_asked_for);
    tcase_add_loop_test(all, a_check_has_a_header_of_its_own, 0, 2);
    tcase_add_test(all, places_are_given_to_who_came_first);
    tcase_add_test(all, places_of_other_workers_are_found);
    tcase_add_test(all, a_queue_that_other_workers_have_filled);
    tcase_add_test(all, a_count_below_nothing_is_no_limit);
    tcase_add_test(all, a_full_server_is_passed_over);
    suite_add_tcase(suite, all);
    return suite;
}

CHECK_MAIN(care_suite)
