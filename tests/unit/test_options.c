/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/options.h"

#include "base/log.h"
#include "config/config.h"
#include "support/check_main.h"

#include <string.h>

START_TEST(names_are_unique_and_found)
{
    for (size_t i = 0; i < option_count; i++) {
        ck_assert_ptr_eq(option_find(option_table[i].name, option_table[i].block),
                         &option_table[i]);
        if (strcmp(option_table[i].name, "backend") != 0) /* load.c tells them apart */
            ck_assert_uint_eq(option_block_find(option_table[i].name), OPTION_BLOCKS);
    }
    ck_assert_ptr_null(option_find("handshake-timeou", OPTION_FRONTEND));
    ck_assert_ptr_null(option_find("", OPTION_FRONTEND));
}
END_TEST

START_TEST(rows_make_sense)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        bool has_range = o->type == OPTION_DURATION || o->type == OPTION_NUMBER;

        ck_assert_msg(has_range == (o->max > 0) && o->min <= o->max, "%s", o->name);
        ck_assert_msg(o->type != OPTION_WORD || o->words != NULL, "%s", o->name);
        ck_assert_msg(o->type != OPTION_SWITCH || o->words != NULL, "%s", o->name);
        ck_assert_msg((o->type == OPTION_STRING || o->type == OPTION_LIST) ==
                          (o->initial == NULL),
                      "%s", o->name);
        ck_assert_msg(!(o->flags & OPTION_OFF) || o->min > 0, "%s", o->name);
        ck_assert_msg(o->help[0] != '\0' && strchr(o->help, '\n') == NULL, "%s", o->name);
    }
}
END_TEST

START_TEST(nearest_prefers_the_block)
{
    ck_assert_str_eq(option_nearest("handshake-timout", OPTION_FRONTEND)->name,
                     "handshake-timeout");
    ck_assert_str_eq(option_nearest("handshake_timeout", OPTION_DEFAULTS)->name,
                     "handshake-timeout");
    ck_assert_str_eq(option_nearest("levle", OPTION_FRONTEND)->name, "level");
    ck_assert_str_eq(option_nearest("lisen", OPTION_FRONTEND)->name, "listen");
    ck_assert_str_eq(option_nearest("tls-mix", OPTION_FRONTEND)->name, "tls-min");
    /* As far from listen as from level. */
    ck_assert_str_eq(option_nearest("lisel", OPTION_FRONTEND)->name, "listen");
    ck_assert_str_eq(option_nearest("lisel", OPTION_LOG)->name, "level");
    ck_assert_ptr_null(option_nearest("xyz", OPTION_FRONTEND));
    ck_assert_ptr_null(option_nearest("", OPTION_GLOBAL));
    ck_assert_ptr_null(option_nearest("completely-different", OPTION_FRONTEND));
}
END_TEST

START_TEST(settings_belong_to_blocks)
{
    const struct option *listen = option_find("listen", OPTION_FRONTEND),
                        *cert = option_find("cert", OPTION_FRONTEND);
    const struct option *level = option_find("level", OPTION_LOG),
                        *drain = option_find("drain-timeout", OPTION_GLOBAL);

    ck_assert(option_allowed(listen, OPTION_FRONTEND));
    ck_assert(!option_allowed(listen, OPTION_DEFAULTS));
    ck_assert(option_allowed(cert, OPTION_DEFAULTS) &&
              option_allowed(cert, OPTION_FRONTEND));
    ck_assert(!option_allowed(cert, OPTION_GLOBAL) && !option_allowed(cert, OPTION_LOG));
    ck_assert(option_allowed(level, OPTION_LOG) && !option_allowed(level, OPTION_DEFAULTS));
    ck_assert(option_allowed(drain, OPTION_GLOBAL) && !option_allowed(drain, OPTION_LOG));
}
END_TEST

START_TEST(blocks_are_found)
{
    ck_assert_uint_eq(option_block_find("log"), OPTION_LOG);
    ck_assert_uint_eq(option_block_find("defaults"), OPTION_DEFAULTS);
    ck_assert_uint_eq(option_block_find("frontend"), OPTION_FRONTEND);
    ck_assert_uint_eq(option_block_find("fronted"), OPTION_BLOCKS);
    ck_assert_uint_eq(option_block_nearest("fronted"), OPTION_FRONTEND);
    ck_assert_uint_eq(option_block_nearest("default"), OPTION_DEFAULTS);
    ck_assert_uint_eq(option_block_nearest("backend-pool"), OPTION_BLOCKS);
    ck_assert_str_eq(option_block_name(OPTION_DEFAULTS), "defaults");
}
END_TEST

/* The words of the table are those of base/log. */
START_TEST(words_of_the_log)
{
    const struct option_word *w = option_find("level", OPTION_LOG)->words;
    int level = 0;

    for (; w->name != NULL; w++, level++) {
        ck_assert_int_eq(w->value, level);
        ck_assert_str_eq(w->name, log_level_name((enum log_level)level));
    }
    ck_assert_int_eq(level, LOG_LEVELS);
    for (w = option_find("facility", OPTION_LOG)->words; w->name != NULL; w++)
        ck_assert_msg(log_facility_parse(w->name) >= 0, "%s", w->name);
}
END_TEST

START_TEST(defaults_of_the_table)
{
    struct config config = {.arena = arena_new()};
    struct config_frontend f = {0};
    struct config_pool pool = {.balance = BALANCE_FIRST};

    option_store_initial(&config, &f);
    option_store_initial_pool(&config, &pool);
    ck_assert_int_eq(pool.balance, BALANCE_ROUND_ROBIN);
    ck_assert_uint_eq(config.drain_timeout_ms, 25000);
    ck_assert_uint_eq(config.resolver.count, 0);
    ck_assert_int_eq(config.log.level, LOG_LEVEL_INFO);
    ck_assert_int_eq(config.log.format, LOG_TEXT);
    ck_assert_str_eq(config.log.to, "stderr");
    ck_assert_str_eq(config.log.facility, "daemon");
    ck_assert_int_eq(f.tls_min, 0x0303);
    ck_assert_int_eq(f.tls_max, 0x0304);
    ck_assert_ptr_null(f.ciphers.text);
    ck_assert_ptr_null(f.ciphersuites.text);
    ck_assert_ptr_null(f.groups.text);
    ck_assert_uint_eq(f.handshake_timeout_ms, 10000);
    ck_assert_uint_eq(f.connect_timeout_ms, 5000);
    ck_assert_uint_eq(f.idle_timeout_ms, 0);
    ck_assert_uint_eq(f.half_closed_timeout_ms, 3600000);
    ck_assert_uint_eq(f.close_wait_ms, 10000);
    ck_assert_uint_eq(f.linger_timeout_ms, 5000);
    ck_assert_uint_eq(f.linger_max_ms, 30000);
    ck_assert_int_eq(f.on_truncation, CONFIG_TRUNCATION_RESET);
    ck_assert(f.keepalive);
    ck_assert_uint_eq(f.keepalive_idle_ms, 60000);
    ck_assert_uint_eq(f.keepalive_interval_ms, 10000);
    ck_assert_uint_eq(f.keepalive_count, 6);
    ck_assert_uint_eq(f.tcp_user_timeout_ms, 300000);
    ck_assert_uint_eq(f.backlog, 1024);
    ck_assert_uint_eq(f.max_connections, 0);
    arena_free(config.arena);
}
END_TEST

static Suite *
options_suite(void)
{
    Suite *suite = suite_create("options");
    TCase *tcase = tcase_create("options");

    tcase_add_test(tcase, names_are_unique_and_found);
    tcase_add_test(tcase, rows_make_sense);
    tcase_add_test(tcase, nearest_prefers_the_block);
    tcase_add_test(tcase, settings_belong_to_blocks);
    tcase_add_test(tcase, blocks_are_found);
    tcase_add_test(tcase, words_of_the_log);
    tcase_add_test(tcase, defaults_of_the_table);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(options_suite)
