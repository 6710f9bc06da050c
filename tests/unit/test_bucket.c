/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/bucket.h"

#include "support/check_main.h"

#define NOW UINT64_C(5000000000)
#define SECOND UINT64_C(1000000)

/* How many it gives when asked so often, at one moment. */
static unsigned
take(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now, unsigned times)
{
    unsigned taken = 0;

    for (unsigned i = 0; i < times; i++) {
        bool has = bucket_has(bucket, rate, now), got = bucket_take(bucket, rate, now);

        ck_assert_int_eq(has, got);
        taken += got;
    }
    return taken;
}

START_TEST(without_a_rate_there_is_no_limit)
{
    struct bucket_rate rate = bucket_rate(0, 5);
    struct bucket bucket = {0};

    ck_assert_uint_eq(take(&bucket, &rate, NOW, 1000), 1000);
    ck_assert_uint_eq(bucket.full_ns, 0);
}
END_TEST

START_TEST(a_full_one_gives_its_burst)
{
    struct bucket_rate rate = bucket_rate(10, 25);
    struct bucket bucket = {0};

    ck_assert_uint_eq(take(&bucket, &rate, NOW, 1000), 25);
}
END_TEST

START_TEST(burst_is_a_second_unless_it_is_set)
{
    struct bucket_rate rate = bucket_rate(10, 0);
    struct bucket bucket = {0};

    ck_assert_uint_eq(take(&bucket, &rate, NOW, 1000), 10);
}
END_TEST

START_TEST(it_fills_by_the_clock)
{
    struct bucket_rate rate = bucket_rate(10, 5);
    struct bucket bucket = {0};

    ck_assert_uint_eq(take(&bucket, &rate, NOW, 100), 5);
    ck_assert_uint_eq(take(&bucket, &rate, NOW + SECOND / 10 - 1, 100), 0);
    ck_assert_uint_eq(take(&bucket, &rate, NOW + SECOND / 10, 100), 1);
    ck_assert_uint_eq(take(&bucket, &rate, NOW + SECOND / 10 + SECOND / 5, 100), 2);
    ck_assert_uint_eq(take(&bucket, &rate, NOW + 100 * SECOND, 100), 5);
}
END_TEST

/* Whoever is refused owes nothing for it. */
START_TEST(a_flood_gets_the_rate)
{
    struct bucket_rate rate = bucket_rate(100, 10);
    struct bucket bucket = {0};
    unsigned taken = 0;

    for (uint64_t us = 0; us < 10 * SECOND; us += 50)
        taken += take(&bucket, &rate, NOW + us, 1);
    ck_assert_uint_ge(taken, 1008);
    ck_assert_uint_le(taken, 1011);
}
END_TEST

START_TEST(fast_rates_are_exact)
{
    struct bucket_rate rate = bucket_rate(1000000, 1);
    struct bucket bucket = {0};
    unsigned taken = 0;

    for (uint64_t us = 0; us < 1000; us++)
        taken += take(&bucket, &rate, NOW + us, 2);
    ck_assert_uint_eq(taken, 1000);
}
END_TEST

START_TEST(a_token_can_be_given_back)
{
    struct bucket_rate rate = bucket_rate(10, 5);
    struct bucket bucket = {0};

    ck_assert_uint_eq(take(&bucket, &rate, NOW, 100), 5);
    bucket_give_back(&bucket, &rate);
    ck_assert_uint_eq(take(&bucket, &rate, NOW, 100), 1);
}
END_TEST

START_TEST(to_give_back_too_much_is_harmless)
{
    struct bucket_rate rate = bucket_rate(10, 5);
    struct bucket bucket = {0};

    bucket_give_back(&bucket, &rate);
    ck_assert_uint_eq(take(&bucket, &rate, NOW, 100), 5);
}
END_TEST

START_TEST(a_clock_that_goes_back_costs_no_more_than_an_empty_bucket)
{
    struct bucket_rate rate = bucket_rate(10, 5);
    struct bucket bucket = {0};

    ck_assert_uint_eq(take(&bucket, &rate, NOW + 1000 * SECOND, 100), 5);
    ck_assert_uint_eq(take(&bucket, &rate, NOW, 100), 0);
    ck_assert_uint_eq(take(&bucket, &rate, NOW + SECOND / 10, 100), 1);
    ck_assert_uint_eq(take(&bucket, &rate, NOW + 2 * SECOND, 100), 5);
}
END_TEST

/* Of a slower rate, before a reload. */
START_TEST(a_new_rate_does_not_wait_for_the_debt_of_the_old_one)
{
    struct bucket_rate slow = bucket_rate(1, 3600), fast = bucket_rate(1000, 10);
    struct bucket bucket = {0};

    ck_assert_uint_eq(take(&bucket, &slow, NOW, 5000), 3600);
    ck_assert_uint_eq(take(&bucket, &fast, NOW, 100), 0);
    ck_assert_uint_eq(take(&bucket, &fast, NOW + SECOND / 1000, 100), 1);
    ck_assert_uint_eq(take(&bucket, &fast, NOW + SECOND, 100), 10);
}
END_TEST

START_TEST(it_knows_when_it_is_full)
{
    struct bucket_rate rate = bucket_rate(10, 5);
    struct bucket bucket = {0};

    ck_assert(bucket_is_full(&bucket, NOW));
    ck_assert_uint_eq(take(&bucket, &rate, NOW, 1), 1);
    ck_assert(!bucket_is_full(&bucket, NOW + SECOND / 10 - 1));
    ck_assert(bucket_is_full(&bucket, NOW + SECOND / 10));
}
END_TEST

static Suite *
bucket_suite(void)
{
    Suite *suite = suite_create("bucket");
    TCase *tc = tcase_create("bucket");

    tcase_add_test(tc, without_a_rate_there_is_no_limit);
    tcase_add_test(tc, a_full_one_gives_its_burst);
    tcase_add_test(tc, burst_is_a_second_unless_it_is_set);
    tcase_add_test(tc, it_fills_by_the_clock);
    tcase_add_test(tc, a_flood_gets_the_rate);
    tcase_add_test(tc, fast_rates_are_exact);
    tcase_add_test(tc, a_token_can_be_given_back);
    tcase_add_test(tc, to_give_back_too_much_is_harmless);
    tcase_add_test(tc, a_clock_that_goes_back_costs_no_more_than_an_empty_bucket);
    tcase_add_test(tc, a_new_rate_does_not_wait_for_the_debt_of_the_old_one);
    tcase_add_test(tc, it_knows_when_it_is_full);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(bucket_suite)
