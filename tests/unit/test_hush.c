/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/hush.h"

#include "support/check_main.h"

static struct hush hush;

static void
set_up(void)
{
    hush = (struct hush){.entries = 0};
}

/* How many of so many refusals are said. */
static unsigned
note(uint64_t key, enum reason reason, unsigned times)
{
    unsigned said = 0;

    for (unsigned i = 0; i < times; i++)
        said += hush_note(&hush, key, reason, true);
    return said;
}

START_TEST(the_first_ones_are_said)
{
    ck_assert_uint_eq(note(1, REASON_DENIED, HUSH_LINES), HUSH_LINES);
    ck_assert(!hush_is_silent_on(&hush.entry[0]));
    ck_assert_uint_eq(note(1, REASON_DENIED, 1000), 0);
    ck_assert(hush_is_silent_on(&hush.entry[0]));
    ck_assert_uint_eq(hush.entry[0].refused, HUSH_LINES + 1000);
    ck_assert_uint_eq(hush.entries, 1);
}
END_TEST

START_TEST(each_source_and_reason_has_its_own)
{
    ck_assert_uint_eq(note(1, REASON_DENIED, 100), HUSH_LINES);
    ck_assert_uint_eq(note(1, REASON_LIMIT_RATE, 100), HUSH_LINES);
    ck_assert_uint_eq(note(2, REASON_DENIED, 100), HUSH_LINES);
    ck_assert_uint_eq(hush.entries, 3);
}
END_TEST

START_TEST(of_too_many_sources_there_is_a_sum)
{
    unsigned said = 0;

    for (uint64_t key = 1; key <= 1000; key++)
        said += note(key, REASON_DENIED, 1);
    ck_assert_uint_eq(said, HUSH_SOURCES);
    ck_assert_uint_eq(hush.entries, HUSH_SOURCES);
    ck_assert_uint_eq(hush.others, 1000 - HUSH_SOURCES);
    ck_assert_uint_eq(note(1, REASON_DENIED, 1), 1); /* one that is known */
}
END_TEST

START_TEST(what_nobody_wants_to_hear_is_summed)
{
    ck_assert(!hush_note(&hush, 1, REASON_DENIED, false));
    ck_assert(hush_is_silent_on(&hush.entry[0]));
    ck_assert_uint_eq(hush.entry[0].refused, 1);
}
END_TEST

static Suite *
hush_suite(void)
{
    Suite *suite = suite_create("hush");
    TCase *tc = tcase_create("hush");

    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, the_first_ones_are_said);
    tcase_add_test(tc, each_source_and_reason_has_its_own);
    tcase_add_test(tc, of_too_many_sources_there_is_a_sum);
    tcase_add_test(tc, what_nobody_wants_to_hear_is_summed);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(hush_suite)
