/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/history.h"

#include "support/check_main.h"

#include <string.h>

#define START_MS UINT64_C(1000000)

static struct history *history;
static struct stats_page sum;
static uint64_t now_ms;

static void
setup(void)
{
    history = history_new();
    ck_assert_ptr_nonnull(history);
    memset(&sum, 0, sizeof(sum));
    now_ms = START_MS;
}

static void
teardown(void)
{
    history_free(history);
}

/* Let time pass; per_step connections of the frontend at place end in each step of it. */
static void
pass(unsigned steps, unsigned place, uint64_t per_step)
{
    for (unsigned i = 0; i < steps; i++) {
        history_sample(history, now_ms, &sum);
        sum.front[place].ended[REASON_CLEAN] += per_step;
        now_ms += HISTORY_STEP_MS;
    }
}

static uint64_t
recent(unsigned minutes, unsigned place)
{
    return history_recent(history, now_ms, minutes, &sum, place, REASON_CLEAN);
}

START_TEST(without_samples_all_is_recent)
{
    sum.front[3].ended[REASON_CLEAN] = 7;
    ck_assert_uint_eq(recent(1, 3), 7);
    ck_assert_uint_eq(recent(15, 3), 7);
    ck_assert_uint_eq(history_recent(NULL, now_ms, 5, &sum, 3, REASON_CLEAN), 7);
    history_free(NULL);
}
END_TEST

START_TEST(what_ends_now_is_recent_at_once)
{
    pass(100, 1, 0);
    sum.front[1].ended[REASON_OVERLOAD] = 2;
    ck_assert_uint_eq(history_recent(history, now_ms, 1, &sum, 1, REASON_OVERLOAD), 2);
    ck_assert_uint_eq(recent(1, 1), 0);
}
END_TEST

/* Exact where samples lie on the edges: they do here. */
START_TEST(each_span_has_its_own_count)
{
    pass(200, 5, 1);
    ck_assert_uint_eq(recent(1, 5), 1 * 60000 / HISTORY_STEP_MS);
    ck_assert_uint_eq(recent(5, 5), 5 * 60000 / HISTORY_STEP_MS);
    ck_assert_uint_eq(recent(15, 5), 15 * 60000 / HISTORY_STEP_MS);
    ck_assert_uint_eq(recent(15, 6), 0);
}
END_TEST

/* At any moment of a burst's life, and with samples at any rate. */
START_TEST(a_burst_is_forgotten_in_time)
{
    const uint64_t every_ms = (uint64_t)(_i + 1) * 1000, minute = 60000;
    uint64_t age_ms;

    for (int i = 0; i < 100; i++, now_ms += every_ms)
        history_sample(history, now_ms, &sum);
    sum.front[0].ended[REASON_CLEAN] = 50;
    for (age_ms = 0; age_ms < 20 * minute; age_ms += every_ms, now_ms += every_ms) {
        for (unsigned minutes = 1; minutes <= HISTORY_MINUTES; minutes++) {
            if (age_ms < minutes * minute)
                ck_assert_uint_eq(recent(minutes, 0), 50);
            else if (age_ms > minutes * minute + HISTORY_STEP_MS + every_ms)
                ck_assert_uint_eq(recent(minutes, 0), 0);
        }
        history_sample(history, now_ms, &sum);
    }
}
END_TEST

START_TEST(a_young_process_tells_of_its_whole_life)
{
    pass(3, 2, 10);
    ck_assert_uint_eq(recent(1, 2), 30);
    ck_assert_uint_eq(recent(15, 2), 30);
}
END_TEST

START_TEST(a_late_frontend_had_none_before)
{
    pass(100, 1, 1);
    sum.front[9].ended[REASON_CLEAN] = 4;
    ck_assert_uint_eq(recent(1, 9), 4);
    pass(5, 1, 1);
    ck_assert_uint_eq(recent(1, 9), 0);
    ck_assert_uint_eq(recent(15, 9), 4);
}
END_TEST

START_TEST(counters_beyond_32_bits_are_told_apart)
{
    sum.front[0].ended[REASON_CLEAN] = UINT32_MAX - 1;
    pass(200, 0, 3);
    ck_assert_uint_gt(sum.front[0].ended[REASON_CLEAN], UINT32_MAX);
    ck_assert_uint_eq(recent(15, 0), 3u * 15 * 60000 / HISTORY_STEP_MS);
    pass(100, 0, 0);
    ck_assert_uint_eq(recent(15, 0), 0);
}
END_TEST

START_TEST(a_timer_that_is_early_still_samples)
{
    for (int i = 0; i < 100; i++, now_ms += HISTORY_STEP_MS - 1) {
        history_sample(history, now_ms, &sum);
        sum.front[0].ended[REASON_CLEAN]++;
    }
    ck_assert_uint_eq(recent(1, 0), 60000 / HISTORY_STEP_MS + 1);
}
END_TEST

static Suite *
history_suite(void)
{
    Suite *suite = suite_create("history");
    TCase *tc = tcase_create("history");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, without_samples_all_is_recent);
    tcase_add_test(tc, what_ends_now_is_recent_at_once);
    tcase_add_test(tc, each_span_has_its_own_count);
    tcase_add_loop_test(tc, a_burst_is_forgotten_in_time, 0, 40);
    tcase_add_test(tc, a_young_process_tells_of_its_whole_life);
    tcase_add_test(tc, a_late_frontend_had_none_before);
    tcase_add_test(tc, counters_beyond_32_bits_are_told_apart);
    tcase_add_test(tc, a_timer_that_is_early_still_samples);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(history_suite)
