/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/check.h"
#include "config/load.h"
#include "proc/setup.h"
#include "support/check_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct setup_places places;
static struct diag *diag;
static struct config *config;

static void
set_up(void)
{
    memset(&places, 0, sizeof(places));
    diag = diag_new();
}

static void
tear_down(void)
{
    for (size_t i = 0; i < STATS_SERVERS; i++)
        free(places.server[i]);
    config_free(config);
    config = NULL;
    diag_free(diag);
}

/* A configuration whose frontend leads to pool `d`, with these servers. */
static void
have(const char *servers)
{
    char text[1024];

    config_free(config);
    snprintf(text, sizeof(text),
             "backend d { server = { %s } }\n"
             "frontend a { listen = *:0 cert = c backend = d sni-backend = 'x=one:1' }",
             servers);
    config = config_load_memory("t", text, strlen(text), diag);
    config_check(config, diag);
    ck_assert_uint_eq(diag_errors(diag), 0);
}

static uint32_t
place(size_t pool, size_t server)
{
    return config->pool[pool].server[server].place;
}

START_TEST(each_has_a_place_of_its_own)
{
    have("one:1, two:2");
    setup_place_servers(&places, config);
    ck_assert_uint_eq(place(0, 0), 1);
    ck_assert_uint_eq(place(0, 1), 2);
    ck_assert_uint_eq(place(1, 0), 3); /* the same address in another backend */
}
END_TEST

START_TEST(a_reload_leaves_it)
{
    have("one:1, two:2");
    setup_place_servers(&places, config);
    have("three:3, 'two:2 backup'");
    setup_place_servers(&places, config);
    ck_assert_uint_eq(place(0, 0), 4);
    ck_assert_uint_eq(place(0, 1), 2);
    ck_assert_uint_eq(place(1, 0), 3);
}
END_TEST

START_TEST(without_a_free_one_it_is_counted_with_others)
{
    for (size_t i = STATS_OTHER + 1; i < STATS_SERVERS - 1; i++)
        places.server[i] = strdup("taken");
    have("one:1, two:2");
    setup_place_servers(&places, config);
    ck_assert_uint_eq(place(0, 0), STATS_SERVERS - 1);
    ck_assert_uint_eq(place(0, 1), STATS_OTHER);
    ck_assert_ptr_null(places.server[STATS_OTHER]);
}
END_TEST

/* After an upgrade that went back: what is in force has places, with gaps between them. */
START_TEST(places_in_force_are_adopted)
{
    have("one:1, two:2");
    config->pool[0].server[0].place = 7;
    config->pool[0].server[1].place = STATS_OTHER;
    config->pool[1].server[0].place = 3;
    setup_adopt_servers(&places, config);
    have("one:1, two:2, new:1");
    setup_place_servers(&places, config);
    ck_assert_uint_eq(place(0, 0), 7);
    ck_assert_uint_eq(place(0, 1), 1);
    ck_assert_uint_eq(place(0, 2), 2);
    ck_assert_uint_eq(place(1, 0), 3);
}
END_TEST

static Suite *
setup_servers_suite(void)
{
    Suite *suite = suite_create("setup_servers");
    TCase *tcase = tcase_create("setup_servers");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, each_has_a_place_of_its_own);
    tcase_add_test(tcase, a_reload_leaves_it);
    tcase_add_test(tcase, without_a_free_one_it_is_counted_with_others);
    tcase_add_test(tcase, places_in_force_are_adopted);
    return suite;
}

CHECK_MAIN(setup_servers_suite)
