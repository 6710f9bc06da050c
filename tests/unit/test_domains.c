/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/domains.h"

#include "support/check_main.h"

#include <stdio.h>
#include <string.h>

static char out[DOMAINS_LENGTH_MAX + 1];
static struct pack packed;
static struct domains domains;

static void
build(struct domains_entry *entry, size_t entries)
{
    packed = (struct pack){0};
    domains_build(entry, entries, &packed);
    ck_assert(!packed.failed);
    ck_assert_int_eq(domains_open(&domains, packed.data, packed.len), 0);
}

/* The values as "1 2 3". */
static const char *
show(struct domains_values values)
{
    static char text[256];
    size_t len = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < values.count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u", i > 0 ? " " : "",
                                (unsigned)domains_value(&domains, values, i));
    return text;
}

/* ---- the one form ---- */

static const struct {
    const char *name, *form; /* form NULL: it is none */
    bool pattern;
} forms[] = {
    {"a.example", "a.example", false},
    {"A.ExAmPlE", "a.example", false},
    {"a.example.", "a.example", false},
    {"localhost", "localhost", false},
    {"xn--bcher-kva.example", "xn--bcher-kva.example", false},
    {"_dmarc.a_b.example", "_dmarc.a_b.example", false},
    {"1.2.3.4", "1.2.3.4", false},
    {"", NULL, false},
    {".", NULL, false},
    {"..", NULL, false},
    {"a..b", NULL, false},
    {".a", NULL, false},
    {"a.example..", NULL, false},
    {"a b", NULL, false},
    {"b\xc3\xbc"
     "cher.example",
     NULL, false},
    {"::1", NULL, false},
    {"*.example", NULL, false},
    {"*.example", "*.example", true},
    {"*.Example.", "*.example", true},
    {"a.example", "a.example", true},
    {"*", NULL, true},
    {"*.", NULL, true},
    {"**.example", NULL, true},
    {"w*.example", NULL, true},
    {"*w.example", NULL, true},
    {"a.*.example", NULL, true},
    {"*.*.example", NULL, true},
};

START_TEST(form)
{
    size_t len =
        domains_normalize(forms[_i].name, strlen(forms[_i].name), forms[_i].pattern, out);

    if (forms[_i].form == NULL) {
        ck_assert_uint_eq(len, 0);
        return;
    }
    ck_assert_str_eq(out, forms[_i].form);
    ck_assert_uint_eq(len, strlen(out));
}
END_TEST

START_TEST(form_is_bounded)
{
    char name[DOMAINS_LENGTH_MAX + 3];

    memset(name, 'a', sizeof(name));
    ck_assert_uint_eq(domains_normalize(name, 63, false, out), 63);
    ck_assert_uint_eq(domains_normalize(name, 64, false, out), 0);
    for (size_t i = 63; i < sizeof(name); i += 64)
        name[i] = '.';
    ck_assert_uint_eq(domains_normalize(name, DOMAINS_LENGTH_MAX, false, out),
                      DOMAINS_LENGTH_MAX);
    ck_assert_uint_eq(domains_normalize(name, DOMAINS_LENGTH_MAX + 1, false, out), 0);
    name[DOMAINS_LENGTH_MAX] = '.'; /* the root's dot is not counted */
    ck_assert_uint_eq(domains_normalize(name, DOMAINS_LENGTH_MAX + 1, false, out),
                      DOMAINS_LENGTH_MAX);
    ck_assert_uint_eq(domains_normalize("a\0b", 3, false, out), 0);
}
END_TEST

/* ---- the index ---- */

START_TEST(exact_and_wildcard)
{
    struct domains_entry entry[] = {
        {"www.example", 3}, {"*.example", 4},   {"*.www.example", 5}, {"www.example", 1},
        {"a.example", 7},   {"www.example", 3}, {"example", 9},       {"a.b.example", 2},
    };

    build(entry, COUNT_OF(entry));
    ck_assert_str_eq(show(domains_exact(&domains, "www.example")), "1 3");
    ck_assert_str_eq(show(domains_wildcard(&domains, "www.example")), "4");
    ck_assert_str_eq(show(domains_exact(&domains, "other.example")), "");
    ck_assert_str_eq(show(domains_wildcard(&domains, "other.example")), "4");
    ck_assert_str_eq(show(domains_wildcard(&domains, "x.www.example")), "5");
    ck_assert_str_eq(show(domains_exact(&domains, "example")), "9");
    ck_assert_str_eq(show(domains_exact(&domains, "exampl")), "");
    ck_assert_str_eq(show(domains_exact(&domains, "examplee")), "");
    pack_clear(&packed);
}
END_TEST

/* "*" is one label, neither none nor two (RFC 9525, 6.3). */
START_TEST(wildcard_is_one_label)
{
    struct domains_entry entry[] = {{"*.example", 1}, {"*.a.example", 2}};

    build(entry, COUNT_OF(entry));
    ck_assert_str_eq(show(domains_wildcard(&domains, "example")), "");
    ck_assert_str_eq(show(domains_wildcard(&domains, "a.example")), "1");
    ck_assert_str_eq(show(domains_wildcard(&domains, "b.a.example")), "2");
    ck_assert_str_eq(show(domains_wildcard(&domains, "c.b.a.example")), "");
    ck_assert_str_eq(show(domains_wildcard(&domains, "b.b.example")), "");
    ck_assert_str_eq(show(domains_wildcard(&domains, "")), "");
    pack_clear(&packed);
}
END_TEST

START_TEST(nothing_in_it)
{
    build(NULL, 0);
    ck_assert_str_eq(show(domains_exact(&domains, "a.example")), "");
    ck_assert_str_eq(show(domains_wildcard(&domains, "a.example")), "");
    pack_clear(&packed);
}
END_TEST

#define MANY 10000

START_TEST(ten_thousand)
{
    static char name[MANY][24];
    static struct domains_entry entry[MANY];

    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t at = i * 7919 % MANY; /* in no order */

        snprintf(name[i], sizeof(name[i]), "host%u.example", (unsigned)at);
        entry[i] = (struct domains_entry){name[i], at};
    }
    build(entry, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        struct domains_values values;

        snprintf(out, sizeof(out), "host%u.example", (unsigned)i);
        values = domains_exact(&domains, out);
        ck_assert_uint_eq(values.count, 1);
        ck_assert_uint_eq(domains_value(&domains, values, 0), i);
    }
    ck_assert_uint_eq(domains_exact(&domains, "host10000.example").count, 0);
    pack_clear(&packed);
}
END_TEST

START_TEST(other_lengths_are_refused)
{
    struct domains_entry entry[] = {{"a.example", 1}, {"b.example", 2}};

    build(entry, COUNT_OF(entry));
    for (size_t len = 0; len < packed.len; len++)
        ck_assert_int_eq(domains_open(&domains, packed.data, len), -1);
    pack_clear(&packed);
}
END_TEST

static Suite *
domains_suite(void)
{
    Suite *suite = suite_create("domains");
    TCase *tcase = tcase_create("domains");

    tcase_add_loop_test(tcase, form, 0, COUNT_OF(forms));
    tcase_add_test(tcase, form_is_bounded);
    tcase_add_test(tcase, exact_and_wildcard);
    tcase_add_test(tcase, wildcard_is_one_label);
    tcase_add_test(tcase, nothing_in_it);
    tcase_add_test(tcase, ten_thousand);
    tcase_add_test(tcase, other_lengths_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(domains_suite)
