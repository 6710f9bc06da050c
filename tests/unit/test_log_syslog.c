/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include "support/check_main.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* What the system's log was told: the functions of syslog(3) are replaced here. */
static char told[512];

static void vtell(const char *format, va_list args) ATTR_PRINTF(1, 0);
static void tell(const char *format, ...) ATTR_PRINTF(1, 2);

static void
vtell(const char *format, va_list args)
{
    size_t len = strlen(told);

    vsnprintf(told + len, sizeof(told) - len, format, args);
}

static void
tell(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vtell(format, args);
    va_end(args);
}

void
openlog(const char *ident, int option, int facility)
{
    tell("open %s %d %d\n", ident, option, facility);
}

void
closelog(void)
{
    tell("close\n");
}

/* With _FORTIFY_SOURCE it is a macro as well, and the function has a second name. */
#undef syslog
void
syslog(int priority, const char *format, ...)
{
    va_list args;

    tell("%d ", priority);
    va_start(args, format);
    vtell(format, args);
    va_end(args);
    tell("\n");
}

void __syslog_chk(int priority, int flag, const char *format, ...) ATTR_PRINTF(3, 4);

void
__syslog_chk(int priority, int flag ATTR_UNUSED, const char *format, ...)
{
    va_list args;

    tell("%d ", priority);
    va_start(args, format);
    vtell(format, args);
    va_end(args);
    tell("\n");
}

static int
open_syslog(const char *facility)
{
    struct log_settings settings = {
        .level = LOG_LEVEL_DEBUG, .format = LOG_JSON, .to = "syslog", .facility = facility};

    return log_open(&settings);
}

static void
begin(void)
{
    ck_assert_int_eq(open_syslog("local3"), 0);
    told[0] = '\0';
}

static void
end(void)
{
    log_close();
    told[0] = '\0';
}

START_TEST(test_facility_names)
{
    ck_assert_int_eq(log_facility_parse("daemon"), LOG_DAEMON);
    ck_assert_int_eq(log_facility_parse("user"), LOG_USER);
    ck_assert_int_eq(log_facility_parse("local0"), LOG_LOCAL0);
    ck_assert_int_eq(log_facility_parse("local7"), LOG_LOCAL7);
    ck_assert_int_eq(log_facility_parse("local8"), -1);
    ck_assert_int_eq(log_facility_parse(""), -1);
}
END_TEST

START_TEST(test_open_and_close)
{
    char expected[64];

    log_close();
    ck_assert_str_eq(told, "close\n");
    log_close();
    ck_assert_str_eq(told, "close\n");
    told[0] = '\0';
    ck_assert_int_eq(open_syslog("mail"), 0);
    snprintf(expected, sizeof(expected), "open sallyport %d %d\n", LOG_PID | LOG_NDELAY,
             LOG_MAIL);
    ck_assert_str_eq(told, expected);
    ck_assert_int_eq(log_get_format(), LOG_JSON);
}
END_TEST

START_TEST(test_unknown_facility_changes_nothing)
{
    ck_assert_int_eq(open_syslog("nonsense"), -1);
    ck_assert_str_eq(told, "");
    log_line(LOG_LEVEL_INFO, "still", 5);
    ck_assert_ptr_nonnull(strstr(told, " still\n"));
}
END_TEST

/* A line is a line, whatever it holds: never a format. */
START_TEST(test_priorities)
{
    static const int priorities[LOG_LEVELS] = {LOG_ERR,  LOG_WARNING, LOG_NOTICE,
                                               LOG_INFO, LOG_INFO,    LOG_DEBUG};
    char expected[64];
    int level;

    for (level = 0; level < LOG_LEVELS; level++) {
        told[0] = '\0';
        log_line((enum log_level)level, "a %s line, and more", 9);
        snprintf(expected, sizeof(expected), "%d a %%s line\n", priorities[level]);
        ck_assert_str_eq(told, expected);
    }
}
END_TEST

static Suite *
log_syslog_suite(void)
{
    Suite *suite = suite_create("log_syslog");
    TCase *tcase = tcase_create("log_syslog");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, test_facility_names);
    tcase_add_test(tcase, test_open_and_close);
    tcase_add_test(tcase, test_unknown_facility_changes_nothing);
    tcase_add_test(tcase, test_priorities);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(log_syslog_suite)
