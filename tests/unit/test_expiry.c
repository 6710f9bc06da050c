/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/expiry.h"

#include "support/check_main.h"

#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1800000000) /* 2027-01-15 08:00:00 UTC */
#define DAY EXPIRY_DAY

static struct setup_cert cert[64];
static struct setup setup = {.cert = cert};
static char told[8192];
static size_t lines;

static void
add(const char *frontend, const char *file, int64_t not_after)
{
    cert[setup.certs++] = (struct setup_cert){frontend, file, "a.test", not_after};
}

static void
begin(void)
{
    setup.certs = 0;
}

static void
on_sentence(void *arg, const char *sentence)
{
    (void)arg;
    strcat(told, sentence);
    strcat(told, "\n");
    lines++;
}

static void
tell(int64_t now, bool expired)
{
    told[0] = '\0';
    lines = 0;
    expiry_each(&setup, now, expired, on_sentence, NULL);
}

START_TEST(how_far_ahead)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } rows[] = {
        {NULL, 21 * DAY}, {"21d", 21 * DAY}, {"90d", 90 * DAY}, {"3650d", 3650 * DAY},
        {"12h", 43200},   {"0d", 0},         {"3651d", -1},     {"99999999d", -1},
        {"21", -1},       {"d", -1},         {"", -1},          {"-1d", -1},
        {"1w", -1},
    };
    int64_t seconds;
    int rc = expiry_parse(rows[_i].text, &seconds);

    ck_assert_int_eq(rc, rows[_i].seconds < 0 ? -1 : 0);
    if (rc == 0)
        ck_assert_int_eq(seconds, rows[_i].seconds);
}
END_TEST

START_TEST(from_three_weeks_on)
{
    add("web", "/a.pem", NOW + 21 * DAY + 1);
    tell(NOW, true);
    ck_assert_str_eq(told, "");
    tell(NOW + 1, true);
    ck_assert_str_eq(told,
                     "certificate /a.pem (a.test) in frontend web expires in 21 days, "
                     "at 2027-02-05 08:00:01 UTC\n");
    tell(NOW + 20 * DAY + 1, true);
    ck_assert_ptr_nonnull(strstr(told, "expires in 1 day, at "));
    tell(NOW + 21 * DAY, true);
    ck_assert_ptr_nonnull(strstr(told, "expires within a day, at "));
    tell(NOW + 21 * DAY + 2, true);
    ck_assert_ptr_nonnull(strstr(told, "has expired just now, at "));
    tell(NOW + 25 * DAY, true);
    ck_assert_ptr_nonnull(strstr(told, "has expired 3 days ago, at "));
    tell(NOW + 25 * DAY, false);
    ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(each_day)
{
    ck_assert(!expiry_is_due(NOW, NOW));
    ck_assert(!expiry_is_due(NOW, NOW + DAY - 1));
    ck_assert(expiry_is_due(NOW, NOW + DAY));
    ck_assert(expiry_is_due(NOW, NOW - 1));
}
END_TEST

/* Thousands that were made on one day do not fill the log. */
START_TEST(a_handful_of_each_frontend)
{
    for (int i = 0; i < 13; i++)
        add("web", "/a.pem", NOW + DAY);
    for (int i = 0; i < 11; i++)
        add("mail", "/b.pem", NOW + DAY);
    add("last", "/c.pem", NOW + DAY);
    tell(NOW, true);
    ck_assert_uint_eq(lines, 10 + 1 + 10 + 1 + 1);
    ck_assert_ptr_nonnull(
        strstr(told, "\n3 more certificates in frontend web expire within 21 days; see "));
    ck_assert_ptr_nonnull(
        strstr(told, "\n1 more certificate in frontend mail expires within 21 days; see "));
}
END_TEST

START_TEST(all_of_them_are_printed)
{
    char *out = NULL;
    size_t len = 0, count;
    FILE *file = open_memstream(&out, &len);

    for (int i = 0; i < 30; i++)
        add("web", i == 0 ? "/old.pem" : "/a.pem", NOW + (i - 1) * DAY);
    count = expiry_print(&setup, NOW, 21 * DAY, file);
    fclose(file);
    ck_assert_uint_eq(count, 23);
    ck_assert_int_eq(strncmp(out,
                             "certificate /old.pem (a.test) in frontend web has expired 1 "
                             "day ago, at 2027-01-14 08:00:00 UTC\n",
                             50),
                     0);
    free(out);
}
END_TEST

static Suite *
expiry_suite(void)
{
    Suite *suite = suite_create("expiry");
    TCase *tcase = tcase_create("expiry");

    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_loop_test(tcase, how_far_ahead, 0, 13);
    tcase_add_test(tcase, from_three_weeks_on);
    tcase_add_test(tcase, each_day);
    tcase_add_test(tcase, a_handful_of_each_frontend);
    tcase_add_test(tcase, all_of_them_are_printed);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(expiry_suite)
