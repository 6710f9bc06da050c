/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/health.h"

#include "support/check_main.h"

#define SECOND UINT64_C(1000)
#define NOW (UINT64_C(1000) * SECOND)

static const struct health_rules checked = {.eject_after = 3,
                                            .eject_ms = 10 * SECOND,
                                            .eject_max_ms = 300 * SECOND,
                                            .checked = true,
                                            .rise = 2,
                                            .fall = 3,
                                            .slow_start_ms = 60 * SECOND};
static struct health_rules rules;
static struct health health;

static void
begin(void)
{
    rules = checked;
    rules.checked = false;
    health = health_unpack(0);
}

static enum health_change
step(enum health_event event, uint64_t now)
{
    struct health packed;
    enum health_change change = health_step(&health, &rules, event, now);

    packed = health_unpack(health_pack(&health)); /* as other processes see it */
    ck_assert_uint_eq(health_pack(&packed), health_pack(&health));
    ck_assert_uint_eq(packed.time_ms, health.time_ms);
    health = packed;
    return change;
}

/* The same event so many times, all but the last of which change nothing. */
static enum health_change
steps(enum health_event event, unsigned count, uint64_t now)
{
    while (count-- > 1)
        ck_assert_int_eq(step(event, now), HEALTH_SAME);
    return step(event, now);
}

static enum health_use
use(uint64_t now)
{
    return health_use(&health, &rules, now);
}

START_TEST(it_begins_up)
{
    begin();
    ck_assert_int_eq(health.state, HEALTH_UP);
    ck_assert_int_eq(use(0), HEALTH_YES);
    ck_assert_int_eq(use(NOW), HEALTH_YES);
    ck_assert_uint_eq(health_share(&health, &rules, 0), HEALTH_WHOLE);
    ck_assert_uint_eq(health_share(&health, &rules, NOW), HEALTH_WHOLE);
    ck_assert_uint_eq(health_pack(&health), 0);
}
END_TEST

START_TEST(a_number_holds_all_of_it)
{
    struct health full = {.state = HEALTH_DOWN,
                          .trial = true,
                          .good = true,
                          .level = 31,
                          .fails = HEALTH_COUNT_MAX,
                          .checks = HEALTH_COUNT_MAX,
                          .time_ms = (UINT64_C(1) << 40) - 1};
    struct health back = health_unpack(health_pack(&full));

    ck_assert_int_eq(back.state, HEALTH_DOWN);
    ck_assert(back.trial);
    ck_assert(back.good);
    ck_assert_uint_eq(back.level, 31);
    ck_assert_uint_eq(back.fails, HEALTH_COUNT_MAX);
    ck_assert_uint_eq(back.checks, HEALTH_COUNT_MAX);
    ck_assert_uint_eq(back.time_ms, (UINT64_C(1) << 40) - 1);
}
END_TEST

START_TEST(failures_in_a_row_eject)
{
    begin();
    ck_assert_int_eq(steps(HEALTH_FAILED, 2, NOW), HEALTH_SAME);
    ck_assert_int_eq(step(HEALTH_CONNECTED, NOW), HEALTH_SAME); /* no longer in a row */
    ck_assert_int_eq(steps(HEALTH_FAILED, 3, NOW), HEALTH_GOT_EJECTED);
    ck_assert_int_eq(health.state, HEALTH_EJECTED);
    ck_assert_uint_eq(health_out_ms(&health, &rules), 10 * SECOND);
    ck_assert_int_eq(use(NOW), HEALTH_NO);
    ck_assert_int_eq(use(NOW + 10 * SECOND - 1), HEALTH_NO);
    ck_assert_int_eq(use(NOW + 10 * SECOND), HEALTH_TRIAL);
    /* Those that were under way already. */
    ck_assert_int_eq(steps(HEALTH_FAILED, 10, NOW + SECOND), HEALTH_SAME);
    ck_assert_int_eq(use(NOW + 10 * SECOND), HEALTH_TRIAL);
}
END_TEST

START_TEST(one_connection_is_the_trial)
{
    begin();
    (void)steps(HEALTH_FAILED, 3, 0);
    health_try(&health, &rules, NOW);
    ck_assert_int_eq(use(NOW), HEALTH_NO);
    ck_assert_int_eq(step(HEALTH_CONNECTED, NOW + 5), HEALTH_CAME_BACK);
    ck_assert_int_eq(health.state, HEALTH_UP);
    ck_assert_int_eq(use(NOW + 5), HEALTH_YES);
}
END_TEST

START_TEST(a_trial_that_nobody_tells_of_gives_way_to_another)
{
    begin();
    (void)steps(HEALTH_FAILED, 3, 0);
    health_try(&health, &rules, NOW);
    ck_assert_int_eq(use(NOW + 10 * SECOND - 1), HEALTH_NO);
    ck_assert_int_eq(use(NOW + 10 * SECOND), HEALTH_TRIAL);
}
END_TEST

START_TEST(trials_that_fail_double_the_time_up_to_its_maximum)
{
    uint64_t now = NOW, out = 10 * SECOND;

    begin();
    (void)steps(HEALTH_FAILED, 3, now);
    for (int i = 0; i < 100; i++) {
        ck_assert_uint_eq(health.time_ms, now + out);
        ck_assert_int_eq(use(now + out - 1), HEALTH_NO);
        now += out;
        ck_assert_int_eq(use(now), HEALTH_TRIAL);
        health_try(&health, &rules, now);
        ck_assert_int_eq(step(HEALTH_FAILED, now), HEALTH_STAYS_EJECTED);
        out = 2 * out < 300 * SECOND ? 2 * out : 300 * SECOND;
    }
}
END_TEST

START_TEST(who_fails_again_soon_stays_out_for_longer)
{
    begin();
    (void)steps(HEALTH_FAILED, 3, NOW);
    (void)step(HEALTH_CONNECTED, NOW + 10 * SECOND);
    ck_assert_int_eq(steps(HEALTH_FAILED, 3, NOW + 20 * SECOND - 1), HEALTH_GOT_EJECTED);
    ck_assert_uint_eq(health_out_ms(&health, &rules), 20 * SECOND);
    (void)step(HEALTH_CONNECTED, NOW + 100 * SECOND);
    /* It was up for as long as it had been out: forgiven. */
    ck_assert_int_eq(steps(HEALTH_FAILED, 3, NOW + 120 * SECOND), HEALTH_GOT_EJECTED);
    ck_assert_uint_eq(health_out_ms(&health, &rules), 10 * SECOND);
}
END_TEST

START_TEST(any_connection_that_is_made_brings_it_back)
{
    begin();
    (void)steps(HEALTH_FAILED, 3, NOW);
    ck_assert_int_eq(step(HEALTH_CONNECTED, NOW + 1), HEALTH_CAME_BACK);
    ck_assert_int_eq(use(NOW + 1), HEALTH_YES);
}
END_TEST

START_TEST(without_ejection_nothing_ejects)
{
    begin();
    rules.eject_after = 0;
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(step(HEALTH_FAILED, NOW), HEALTH_SAME);
    ck_assert_int_eq(use(NOW), HEALTH_YES);
}
END_TEST

START_TEST(checks_take_it_down_and_bring_it_back)
{
    begin();
    rules.checked = true;
    ck_assert_int_eq(steps(HEALTH_CHECK_BAD, 2, NOW), HEALTH_SAME);
    ck_assert_int_eq(step(HEALTH_CHECK_GOOD, NOW), HEALTH_SAME); /* no longer in a row */
    ck_assert_int_eq(steps(HEALTH_CHECK_BAD, 3, NOW), HEALTH_WENT_DOWN);
    ck_assert_int_eq(health.state, HEALTH_DOWN);
    ck_assert_int_eq(use(NOW + 1000000 * SECOND), HEALTH_NO);
    /* It may well accept: checks know better. */
    ck_assert_int_eq(step(HEALTH_CONNECTED, NOW), HEALTH_SAME);
    ck_assert_int_eq(steps(HEALTH_FAILED, 10, NOW), HEALTH_SAME);
    ck_assert_int_eq(step(HEALTH_CHECK_GOOD, NOW), HEALTH_SAME);
    ck_assert_int_eq(step(HEALTH_CHECK_BAD, NOW), HEALTH_SAME);
    ck_assert_int_eq(steps(HEALTH_CHECK_GOOD, 2, NOW), HEALTH_CAME_BACK);
    ck_assert_int_eq(use(NOW), HEALTH_YES);
    ck_assert_uint_eq(health.time_ms, NOW);
}
END_TEST

START_TEST(checks_count_for_an_ejected_one_as_well)
{
    begin();
    rules.checked = true;
    (void)steps(HEALTH_FAILED, 3, NOW);
    ck_assert_int_eq(steps(HEALTH_CHECK_GOOD, 2, NOW + 1), HEALTH_CAME_BACK);
    (void)steps(HEALTH_FAILED, 3, NOW);
    ck_assert_int_eq(step(HEALTH_CHECK_GOOD, NOW + 1), HEALTH_SAME);
    ck_assert_int_eq(steps(HEALTH_CHECK_BAD, 3, NOW + 1), HEALTH_WENT_DOWN);
    ck_assert_int_eq(use(NOW + 1000 * SECOND), HEALTH_NO);
}
END_TEST

START_TEST(checks_that_are_switched_off_count_no_more)
{
    begin();
    ck_assert_int_eq(steps(HEALTH_CHECK_BAD, 100, NOW), HEALTH_SAME);
    ck_assert_int_eq(use(NOW), HEALTH_YES);
}
END_TEST

START_TEST(a_reload_leaves_nobody_out_for_ever)
{
    begin();
    rules.checked = true;
    (void)steps(HEALTH_CHECK_BAD, 3, NOW);
    rules.checked = false;
    ck_assert_int_eq(use(NOW), HEALTH_TRIAL);
    health_try(&health, &rules, NOW);
    ck_assert_int_eq(use(NOW), HEALTH_NO);
    ck_assert_int_eq(step(HEALTH_FAILED, NOW), HEALTH_STAYS_EJECTED);
    rules.eject_after = 0;
    ck_assert_int_eq(use(NOW), HEALTH_YES);
    health_try(&health, &rules, NOW);
    ck_assert_int_eq(health.state, HEALTH_UP);
    ck_assert(!health.trial);
}
END_TEST

START_TEST(its_share_grows_after_it_came_back)
{
    uint32_t before = 0;

    begin();
    (void)steps(HEALTH_FAILED, 3, NOW);
    (void)step(HEALTH_CONNECTED, NOW);
    ck_assert_uint_eq(health_share(&health, &rules, NOW), 1);
    for (uint64_t ms = 0; ms <= 60 * SECOND; ms += 100) {
        uint32_t share = health_share(&health, &rules, NOW + ms);

        ck_assert_uint_ge(share, before);
        ck_assert_uint_ge(share, 1);
        before = share;
    }
    ck_assert_uint_eq(health_share(&health, &rules, NOW + 30 * SECOND), HEALTH_WHOLE / 2);
    ck_assert_uint_eq(health_share(&health, &rules, NOW + 60 * SECOND), HEALTH_WHOLE);
    ck_assert_uint_eq(health_share(&health, &rules, NOW - 1), HEALTH_WHOLE);
    rules.slow_start_ms = 0;
    ck_assert_uint_eq(health_share(&health, &rules, NOW), HEALTH_WHOLE);
}
END_TEST

/* Each state with each event, and with all that may have been counted before. */
START_TEST(every_state_takes_every_event)
{
    static const struct {
        enum health_state state;
        bool trial;
        enum health_event event;
        enum health_state then; /* once it has happened often enough */
        enum health_change change;
    } table[] = {
        {HEALTH_UP, false, HEALTH_CONNECTED, HEALTH_UP, HEALTH_SAME},
        {HEALTH_UP, false, HEALTH_FAILED, HEALTH_EJECTED, HEALTH_GOT_EJECTED},
        {HEALTH_UP, false, HEALTH_CHECK_GOOD, HEALTH_UP, HEALTH_SAME},
        {HEALTH_UP, false, HEALTH_CHECK_BAD, HEALTH_DOWN, HEALTH_WENT_DOWN},
        {HEALTH_EJECTED, false, HEALTH_CONNECTED, HEALTH_UP, HEALTH_CAME_BACK},
        {HEALTH_EJECTED, false, HEALTH_FAILED, HEALTH_EJECTED, HEALTH_SAME},
        {HEALTH_EJECTED, false, HEALTH_CHECK_GOOD, HEALTH_UP, HEALTH_CAME_BACK},
        {HEALTH_EJECTED, false, HEALTH_CHECK_BAD, HEALTH_DOWN, HEALTH_WENT_DOWN},
        {HEALTH_EJECTED, true, HEALTH_CONNECTED, HEALTH_UP, HEALTH_CAME_BACK},
        {HEALTH_EJECTED, true, HEALTH_FAILED, HEALTH_EJECTED, HEALTH_STAYS_EJECTED},
        {HEALTH_EJECTED, true, HEALTH_CHECK_GOOD, HEALTH_UP, HEALTH_CAME_BACK},
        {HEALTH_EJECTED, true, HEALTH_CHECK_BAD, HEALTH_DOWN, HEALTH_WENT_DOWN},
        {HEALTH_DOWN, false, HEALTH_CONNECTED, HEALTH_DOWN, HEALTH_SAME},
        {HEALTH_DOWN, false, HEALTH_FAILED, HEALTH_DOWN, HEALTH_SAME},
        {HEALTH_DOWN, false, HEALTH_CHECK_GOOD, HEALTH_UP, HEALTH_CAME_BACK},
        {HEALTH_DOWN, false, HEALTH_CHECK_BAD, HEALTH_DOWN, HEALTH_SAME},
    };

    for (unsigned i = 0; i < sizeof(table) / sizeof(*table); i++) {
        enum health_change change = HEALTH_SAME;

        begin();
        rules.checked = true;
        health = (struct health){
            .state = table[i].state, .trial = table[i].trial, .time_ms = NOW};
        for (int k = 0; k < 3 && change == HEALTH_SAME; k++)
            change = step(table[i].event, NOW);
        ck_assert_msg(change == table[i].change, "row %u: change %d", i, (int)change);
        ck_assert_msg(health.state == table[i].then, "row %u: state %d", i,
                      (int)health.state);
        ck_assert_msg(!health.trial || change == HEALTH_SAME, "row %u: trial", i);
    }
}
END_TEST

START_TEST(states_have_names)
{
    ck_assert_str_eq(health_state_name(HEALTH_UP), "up");
    ck_assert_str_eq(health_state_name(HEALTH_EJECTED), "ejected");
    ck_assert_str_eq(health_state_name(HEALTH_DOWN), "down");
}
END_TEST

static Suite *
health_suite(void)
{
    Suite *suite = suite_create("health");
    TCase *all = tcase_create("all");

    tcase_add_test(all, it_begins_up);
    tcase_add_test(all, a_number_holds_all_of_it);
    tcase_add_test(all, failures_in_a_row_eject);
    tcase_add_test(all, one_connection_is_the_trial);
    tcase_add_test(all, a_trial_that_nobody_tells_of_gives_way_to_another);
    tcase_add_test(all, trials_that_fail_double_the_time_up_to_its_maximum);
    tcase_add_test(all, who_fails_again_soon_stays_out_for_longer);
    tcase_add_test(all, any_connection_that_is_made_brings_it_back);
    tcase_add_test(all, without_ejection_nothing_ejects);
    tcase_add_test(all, checks_take_it_down_and_bring_it_back);
    tcase_add_test(all, checks_count_for_an_ejected_one_as_well);
    tcase_add_test(all, checks_that_are_switched_off_count_no_more);
    tcase_add_test(all, a_reload_leaves_nobody_out_for_ever);
    tcase_add_test(all, its_share_grows_after_it_came_back);
    tcase_add_test(all, every_state_takes_every_event);
    tcase_add_test(all, states_have_names);
    suite_add_tcase(suite, all);
    return suite;
}

CHECK_MAIN(health_suite)
