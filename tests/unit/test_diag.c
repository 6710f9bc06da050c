/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/diag.h"

#include "support/check_main.h"

#include <string.h>

static struct diag *diag;
static char *printed;
static size_t printed_len;

static void
begin(void)
{
    diag = diag_new();
    printed = NULL;
}

static void
end(void)
{
    diag_free(diag);
    free(printed);
}

static const char *
print(void)
{
    FILE *out;

    free(printed);
    out = open_memstream(&printed, &printed_len);
    diag_print(diag, out);
    fclose(out);
    return printed;
}

static struct pos
at(const char *file, unsigned line)
{
    return (struct pos){.file = file, .line = line};
}

START_TEST(test_nothing_to_tell)
{
    ck_assert_uint_eq(diag_errors(diag), 0);
    ck_assert_str_eq(print(), "");
}
END_TEST

START_TEST(test_each_kind_of_line)
{
    diag_error(diag, at("a.conf", 3), "unknown option '%s'", "lisen");
    diag_warning(diag, at("a.conf", 4), "expires in %d days", 2);
    diag_error(diag, at("key.pem", 0), "is empty");
    diag_warning(diag, at("key.pem", 0), "is readable by all");
    diag_error(diag, at(NULL, 0), "-x is no option");
    diag_warning(diag, at(NULL, 7), "-t is given twice");
    ck_assert_str_eq(print(), "a.conf:3: unknown option 'lisen'\n"
                              "a.conf:4: warning: expires in 2 days\n"
                              "key.pem: is empty\n"
                              "key.pem: warning: is readable by all\n"
                              "command line: -x is no option\n"
                              "command line: warning: -t is given twice\n");
    ck_assert_uint_eq(diag_errors(diag), 3);
}
END_TEST

START_TEST(test_sorted_by_first_mention_of_file_and_line)
{
    diag_error(diag, at("z.conf", 20), "twenty");
    diag_error(diag, at("a.conf", 5), "a five");
    diag_error(diag, at("z.conf", 3), "three, first");
    diag_error(diag, at(NULL, 0), "no file");
    diag_warning(diag, at("z.conf", 3), "three, second");
    diag_error(diag, at("a.conf", 1), "a one");
    diag_error(diag, at("z.conf", 3), "three, third");
    ck_assert_str_eq(print(), "z.conf:3: three, first\n"
                              "z.conf:3: warning: three, second\n"
                              "z.conf:3: three, third\n"
                              "z.conf:20: twenty\n"
                              "a.conf:1: a one\n"
                              "a.conf:5: a five\n"
                              "command line: no file\n");
}
END_TEST

START_TEST(test_the_command_line_is_one_place)
{
    diag_error(diag, at(NULL, 0), "first");
    diag_error(diag, at("a.conf", 1), "a");
    diag_error(diag, at(NULL, 0), "second");
    ck_assert_str_eq(print(), "command line: first\n"
                              "command line: second\n"
                              "a.conf:1: a\n");
}
END_TEST

START_TEST(test_more_may_be_added_after_printing)
{
    diag_error(diag, at("a.conf", 9), "nine");
    ck_assert_str_eq(print(), "a.conf:9: nine\n");
    diag_error(diag, at("a.conf", 2), "two");
    ck_assert_str_eq(print(), "a.conf:2: two\na.conf:9: nine\n");
}
END_TEST

START_TEST(test_many)
{
    unsigned line;
    const char *p;

    for (line = 1000; line > 0; line--)
        diag_error(diag, at("a.conf", line), "x");
    ck_assert_uint_eq(diag_errors(diag), 1000);
    p = print();
    for (line = 1; line <= 1000; line++) {
        char expected[32];

        snprintf(expected, sizeof(expected), "a.conf:%u: x\n", line);
        ck_assert_int_eq(strncmp(p, expected, strlen(expected)), 0);
        p += strlen(expected);
    }
    ck_assert_str_eq(p, "");
}
END_TEST

START_TEST(test_copies_everything)
{
    char file[] = "a.conf", value[] = "value";

    diag_error(diag, at(file, 5), "%s", value);
    memset(file, 'x', sizeof(file) - 1);
    memset(value, 'x', sizeof(value) - 1);
    diag_error(diag, at("b.conf", 1), "b");
    diag_error(diag, at("a.conf", 1), "the same file again");
    ck_assert_str_eq(print(), "a.conf:1: the same file again\n"
                              "a.conf:5: value\n"
                              "b.conf:1: b\n");
}
END_TEST

START_TEST(test_one_entry_is_one_line)
{
    diag_error(diag, at("a\nb", 1), "bad value 'x\ny\x1b[31m\x7f'");
    diag_error(diag, at("m\xc3\xbc.conf", 1), "\xc3\xbc");
    ck_assert_str_eq(print(), "a?b:1: bad value 'x?y?[31m?'\n"
                              "m\xc3\xbc.conf:1: \xc3\xbc\n");
}
END_TEST

START_TEST(test_long_sentence)
{
    diag_error(diag, at("a", 1), "%3000d", 7);
    ck_assert_uint_eq(strlen(print()), strlen("a:1: ") + 3000 + 1);
}
END_TEST

static void
on_entry(void *arg, bool is_error, const char *text)
{
    fprintf(arg, "%s|%s\n", is_error ? "E" : "W", text);
}

START_TEST(test_each)
{
    FILE *out = open_memstream(&printed, &printed_len);

    diag_warning(diag, at("a.conf", 2), "two");
    diag_error(diag, at("a.conf", 1), "one");
    diag_each(diag, on_entry, out);
    fclose(out);
    ck_assert_str_eq(printed, "E|a.conf:1: one\nW|a.conf:2: two\n");
}
END_TEST

START_TEST(test_free_of_nothing)
{
    diag_free(NULL);
}
END_TEST

static Suite *
diag_suite(void)
{
    Suite *suite = suite_create("diag");
    TCase *tcase = tcase_create("diag");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, test_nothing_to_tell);
    tcase_add_test(tcase, test_each_kind_of_line);
    tcase_add_test(tcase, test_sorted_by_first_mention_of_file_and_line);
    tcase_add_test(tcase, test_the_command_line_is_one_place);
    tcase_add_test(tcase, test_more_may_be_added_after_printing);
    tcase_add_test(tcase, test_many);
    tcase_add_test(tcase, test_copies_everything);
    tcase_add_test(tcase, test_one_entry_is_one_line);
    tcase_add_test(tcase, test_long_sentence);
    tcase_add_test(tcase, test_each);
    tcase_add_test(tcase, test_free_of_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(diag_suite)
