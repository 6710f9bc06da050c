/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/stats.h"

#include "support/check_main.h"

#include <openssl/ssl.h>
#include <stddef.h>
#include <string.h>

static struct stats_page page, sum;

START_TEST(counters_grow_and_gauges_are_set)
{
    uint64_t counter = 5;

    stats_add(&counter, 3);
    ck_assert_uint_eq(counter, 8);
    stats_set(&counter, 2);
    ck_assert_uint_eq(counter, 2);
}
END_TEST

START_TEST(bounds_rise_from_half_a_millisecond_to_ten_seconds)
{
    ck_assert_uint_eq(stats_bounds_us[0], 500);
    for (int i = 1; i < STATS_BOUNDS; i++)
        ck_assert_uint_gt(stats_bounds_us[i], stats_bounds_us[i - 1]);
    ck_assert_uint_eq(stats_bounds_us[STATS_BOUNDS - 1], 10000000);
}
END_TEST

START_TEST(a_time_is_in_the_first_bucket_that_reaches_it)
{
    for (int i = 0; i < STATS_BOUNDS; i++) {
        struct stats_histogram h = {.sum_us = 0};

        stats_observe(&h, stats_bounds_us[i]);
        ck_assert_uint_eq(h.bucket[i], 1);
        stats_observe(&h, stats_bounds_us[i] + 1);
        ck_assert_uint_eq(h.bucket[i + 1], 1);
        ck_assert_uint_eq(stats_count(&h), 2);
        ck_assert_uint_eq(h.sum_us, 2 * (uint64_t)stats_bounds_us[i] + 1);
    }
}
END_TEST

START_TEST(no_time_is_too_short_or_too_long)
{
    struct stats_histogram h = {.sum_us = 0};

    stats_observe(&h, 0);
    stats_observe(&h, UINT64_C(1) << 40);
    ck_assert_uint_eq(h.bucket[0], 1);
    ck_assert_uint_eq(h.bucket[STATS_BOUNDS], 1);
    ck_assert_uint_eq(stats_count(&h), 2);
    ck_assert_uint_eq(h.sum_us, UINT64_C(1) << 40);
}
END_TEST

/* Every counter of the page has another value. */
static void
number_counters(void)
{
    uint64_t *word = (void *)&page;

    for (size_t i = 0; i < sizeof(page) / sizeof(*word); i++)
        word[i] = i + 1;
    page.fronts = STATS_FRONTS;
    page.servers = STATS_SERVERS;
}

START_TEST(every_counter_is_added)
{
    uint64_t *word = (void *)&sum;

    number_counters();
    memset(&sum, 0, sizeof(sum));
    stats_sum(&sum, &page, false);
    stats_sum(&sum, &page, false);
    for (size_t i = 2; i < offsetof(struct stats_page, held) / sizeof(*word); i++)
        ck_assert_uint_eq(word[i], 2 * (i + 1));
    ck_assert_uint_eq(sum.fronts, STATS_FRONTS);
    ck_assert_uint_eq(sum.servers, STATS_SERVERS);
}
END_TEST

START_TEST(what_a_dead_worker_had_is_taken_off)
{
    static struct stats_shared shared;

    memset(&page, 0, sizeof(page));
    page.fronts = 2;
    page.front[0].live = 3;
    page.front[1].live = 4;
    page.held.handshakes = 2;
    page.held.source[9] = (struct source_held){.connections = 2, .handshakes = 1};
    shared.live[0] = 5;
    shared.live[1] = 3; /* less than the page says */
    shared.handshakes = 3;
    shared.sources.source[9].word = UINT64_C(7) << 40 | 3 << 20 | 2;
    stats_give_back(&shared, &page);
    ck_assert_uint_eq(shared.live[0], 2);
    ck_assert_uint_eq(shared.live[1], 0);
    ck_assert_uint_eq(shared.handshakes, 1);
    ck_assert_uint_eq(shared.sources.source[9].word, UINT64_C(7) << 40 | 1 << 20 | 1);
}
END_TEST

START_TEST(places_that_are_not_in_use_are_not_looked_at)
{
    number_counters();
    memset(&sum, 0, sizeof(sum));
    page.fronts = 3;
    page.servers = 5;
    stats_sum(&sum, &page, false);
    ck_assert_uint_eq(sum.fronts, 3);
    ck_assert_uint_eq(sum.front[2].accepted, page.front[2].accepted);
    ck_assert_uint_eq(sum.front[3].accepted, 0);
    ck_assert_uint_eq(sum.servers, 5);
    ck_assert_uint_eq(sum.server[4].connects[0], page.server[4].connects[0]);
    ck_assert_uint_eq(sum.server[5].connects[0], 0);
    page.fronts = STATS_FRONTS + 1; /* a writer gone mad */
    page.servers = UINT64_MAX;
    stats_sum(&sum, &page, false);
    ck_assert_uint_eq(sum.fronts, STATS_FRONTS);
    ck_assert_uint_eq(sum.servers, STATS_SERVERS);
    stats_clear(&sum);
    for (size_t i = 0; i < sizeof(sum); i++)
        ck_assert_uint_eq(((unsigned char *)&sum)[i], 0);
}
END_TEST

START_TEST(who_has_ended_has_no_live_connections)
{
    number_counters();
    memset(&sum, 0, sizeof(sum));
    stats_sum(&sum, &page, false);
    stats_sum(&sum, &page, true);
    for (int i = 0; i < STATS_FRONTS; i++) {
        ck_assert_uint_eq(sum.front[i].live, page.front[i].live);
        ck_assert_uint_eq(sum.front[i].accepted, 2 * page.front[i].accepted);
        ck_assert_uint_eq(sum.front[i].dial.sum_us, 2 * page.front[i].dial.sum_us);
    }
    for (int i = 0; i < STATS_SERVERS; i++) {
        ck_assert_uint_eq(sum.server[i].live, page.server[i].live);
        ck_assert_uint_eq(sum.server[i].connects[1], 2 * page.server[i].connects[1]);
    }
    ck_assert_uint_eq(sum.cut, 2 * page.cut);
}
END_TEST

/* Each suite that OpenSSL knows: either it has a place under its name, or it is another. */
START_TEST(suites_are_named_as_openssl_names_them)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    SSL *ssl = SSL_new(ctx);
    unsigned named = 0;

    for (unsigned number = 0; number <= UINT16_MAX; number++) {
        const unsigned char id[2] = {(unsigned char)(number >> 8), (unsigned char)number};
        const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, id);
        unsigned place = stats_cipher((uint16_t)number);

        ck_assert_uint_lt(place, STATS_CIPHERS);
        if (place == STATS_CIPHERS - 1)
            continue;
        ck_assert_ptr_nonnull(cipher);
        ck_assert_str_eq(stats_cipher_name(place), SSL_CIPHER_get_name(cipher));
        named |= 1u << place;
    }
    ck_assert_uint_eq(named, (1u << (STATS_CIPHERS - 1)) - 1);
    ck_assert_str_eq(stats_cipher_name(STATS_CIPHERS - 1), "other");
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}
END_TEST

START_TEST(names_are_told)
{
    ck_assert_str_eq(stats_version_name(STATS_TLS12), "TLSv1.2");
    ck_assert_str_eq(stats_version_name(STATS_TLS13), "TLSv1.3");
    ck_assert_str_eq(stats_dial_name(STATS_DIAL_CONNECTED), "connected");
    ck_assert_str_eq(stats_dial_name(STATS_DIAL_REFUSED), "refused");
    ck_assert_str_eq(stats_dial_name(STATS_DIAL_UNREACHABLE), "unreachable");
    ck_assert_str_eq(stats_dial_name(STATS_DIAL_TIMEOUT), "timeout");
    ck_assert_str_eq(stats_dial_name(STATS_DIAL_ERROR), "error");
    ck_assert_str_eq(stats_check_name(STATS_CHECK_PASSED), "passed");
    ck_assert_str_eq(stats_check_name(STATS_CHECK_UNREACHED), "unreached");
    ck_assert_str_eq(stats_check_name(STATS_CHECK_TIMEOUT), "timeout");
    ck_assert_str_eq(stats_check_name(STATS_CHECK_WRONG), "wrong-answer");
    ck_assert_str_eq(stats_check_name(STATS_CHECK_ERROR), "error");
}
END_TEST

static Suite *
stats_suite(void)
{
    Suite *suite = suite_create("stats");
    TCase *tc = tcase_create("stats");

    tcase_add_test(tc, counters_grow_and_gauges_are_set);
    tcase_add_test(tc, bounds_rise_from_half_a_millisecond_to_ten_seconds);
    tcase_add_test(tc, a_time_is_in_the_first_bucket_that_reaches_it);
    tcase_add_test(tc, no_time_is_too_short_or_too_long);
    tcase_add_test(tc, every_counter_is_added);
    tcase_add_test(tc, places_that_are_not_in_use_are_not_looked_at);
    tcase_add_test(tc, what_a_dead_worker_had_is_taken_off);
    tcase_add_test(tc, who_has_ended_has_no_live_connections);
    tcase_add_test(tc, suites_are_named_as_openssl_names_them);
    tcase_add_test(tc, names_are_told);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(stats_suite)
