/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/route.h"

#include "base/attr.h"
#include "support/check_main.h"

#include <string.h>

static struct route table[] = {
    {ROUTE_BY_PROTOCOL, "h2", 1},
    {ROUTE_BY_NAME, "api.example.org", 2},
    {ROUTE_BY_NAME, "*.example.org", 3},
    {ROUTE_BY_NAME, "*.eu.example.org", 4},
    {ROUTE_BY_NAME, "*.org", 5},
    {ROUTE_BY_PROTOCOL, "http/1.1", 6},
    {ROUTE_BY_NAME, "*.c.example.org", 8},
    {ROUTE_BY_NAME, "b.c.example.org", 7},
    {ROUTE_BY_NAME, "h2", 9},
};

static void
setup(void)
{
    route_sort(table, COUNT_OF(table));
}

static uint32_t
find(const char *name, const char *protocol)
{
    return route_find(table, COUNT_OF(table), name, protocol,
                      protocol != NULL ? strlen(protocol) : 0);
}

static const struct {
    const char *name, *protocol;
    uint32_t target;
} cases[] = {
    {"api.example.org", NULL, 2},
    {"API.Example.ORG", NULL, 2},
    {"api.example.org.", NULL, 2},
    {"www.example.org", NULL, 3},
    {"a.b.example.org", NULL, 3}, /* the * stands for several labels, too */
    {"www.eu.example.org", NULL, 4},
    {"a.b.eu.example.org", NULL, 4},
    {"eu.example.org", NULL, 3}, /* but not for none */
    {"example.org", NULL, 5},
    {"example.com", NULL, ROUTE_NONE},
    {"b.c.example.org", NULL, 7},
    {"c.c.example.org", NULL, 8},
    {"a.b.c.example.org", NULL, 8},
    {"xapi.example.org", NULL, 3},
    {"org", NULL, ROUTE_NONE},
    {".org", NULL, ROUTE_NONE},
    {"..org", NULL, 5},
    {".", NULL, ROUTE_NONE},
    {"", NULL, ROUTE_NONE},
    {NULL, NULL, ROUTE_NONE},
    {NULL, "h2", 1},
    {NULL, "h", ROUTE_NONE},
    {NULL, "h22", ROUTE_NONE},
    {NULL, "H2", ROUTE_NONE},
    {NULL, "http/1.1", 6},
    {"example.com", "h2", 1},
    {"api.example.org", "h2", 2}, /* the name decides first */
    {"www.example.org", "h2", 3},
    {"h2", NULL, 9}, /* a name is no protocol */
    {"h2", "http/1.1", 9},
};

START_TEST(a_route_is_found)
{
    uint32_t found = find(cases[_i].name, cases[_i].protocol);

    ck_assert_msg(found == cases[_i].target, "%s, %s: %u", cases[_i].name,
                  cases[_i].protocol, (unsigned)found);
}
END_TEST

START_TEST(a_protocol_may_have_any_bytes)
{
    ck_assert_uint_eq(route_find(table, COUNT_OF(table), NULL, "h2\0", 3), ROUTE_NONE);
    ck_assert_uint_eq(route_find(table, COUNT_OF(table), NULL, "h2x", 2), 1);
    ck_assert_uint_eq(route_find(table, COUNT_OF(table), NULL, "\0h2", 3), ROUTE_NONE);
    ck_assert_uint_eq(route_find(table, COUNT_OF(table), NULL, "\xff", 1), ROUTE_NONE);
}
END_TEST

START_TEST(a_name_may_be_as_long_as_names_are)
{
    char name[ROUTE_NAME_MAX + 3];

    for (size_t len = ROUTE_NAME_MAX - 2; len <= ROUTE_NAME_MAX + 2; len++) {
        memset(name, 'a', len);
        memcpy(name + len - 4, ".org", 5);
        ck_assert_uint_eq(find(name, NULL), len <= ROUTE_NAME_MAX ? 5 : ROUTE_NONE);
    }
}
END_TEST

START_TEST(an_empty_table_has_none)
{
    route_sort(NULL, 0);
    ck_assert_uint_eq(route_find(NULL, 0, "api.example.org", "h2", 2), ROUTE_NONE);
}
END_TEST

START_TEST(equals_are_neighbours)
{
    struct route r[] = {{ROUTE_BY_NAME, "b", 0}, {ROUTE_BY_PROTOCOL, "a", 1},
                        {ROUTE_BY_NAME, "a", 2}, {ROUTE_BY_NAME, "b", 3},
                        {ROUTE_BY_NAME, "", 4},  {ROUTE_BY_NAME, "b", 1}};

    route_sort(r, COUNT_OF(r));
    ck_assert_uint_eq(r[0].target, 4);
    ck_assert_uint_eq(r[1].target, 2);
    ck_assert_uint_eq(r[2].target, 0);
    ck_assert_uint_eq(r[3].target, 1);
    ck_assert_uint_eq(r[4].target, 3);
    ck_assert_int_eq(r[5].by, ROUTE_BY_PROTOCOL);
    ck_assert(route_is_same(&r[2], &r[3]));
    ck_assert(!route_is_same(&r[1], &r[2]));
    ck_assert(!route_is_same(&r[1], &r[5]));
}
END_TEST

START_TEST(keys_of_names)
{
    static const struct {
        const char *key, *wrong; /* NULL: it is right */
    } keys[] = {
        {"example.org", NULL},
        {"*.example.org", NULL},
        {"*.org", NULL},
        {"my_host-1", NULL},
        {"127.0.0.1", NULL},
        {"", "has an empty label"},
        {".", "has an empty label"},
        {"a..b", "has an empty label"},
        {"a.", "has an empty label"},
        {"*.", "has an empty label"},
        {"*", "may have a * only in front, as in *.example.org"},
        {"a.*.b", "may have a * only in front, as in *.example.org"},
        {"*.*.b", "may have a * only in front, as in *.example.org"},
        {"w*.b", "may have a * only in front, as in *.example.org"},
        {"a b", "has a character that names do not have"},
        {"a/b", "has a character that names do not have"},
    };
    char key[ROUTE_NAME_MAX + 2];

    for (size_t i = 0; i < COUNT_OF(keys); i++)
        ck_assert_pstr_eq(route_check_name(keys[i].key), keys[i].wrong);
    memset(key, 'a', sizeof(key));
    key[63] = '\0';
    ck_assert_ptr_null(route_check_name(key));
    key[63] = 'a';
    key[64] = '\0';
    ck_assert_str_eq(route_check_name(key), "has a label that is longer than 63 bytes");
    for (size_t i = 1; i < ROUTE_NAME_MAX; i += 2)
        key[i] = '.';
    key[64] = 'a';
    key[ROUTE_NAME_MAX] = '\0';
    ck_assert_ptr_null(route_check_name(key));
    key[ROUTE_NAME_MAX] = 'a';
    key[ROUTE_NAME_MAX + 1] = '\0';
    ck_assert_str_eq(route_check_name(key), "is longer than a name may be (255 bytes)");
}
END_TEST

static Suite *
route_suite(void)
{
    Suite *suite = suite_create("route");
    TCase *tc = tcase_create("route");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, a_route_is_found, 0, COUNT_OF(cases));
    tcase_add_test(tc, a_protocol_may_have_any_bytes);
    tcase_add_test(tc, a_name_may_be_as_long_as_names_are);
    tcase_add_test(tc, an_empty_table_has_none);
    tcase_add_test(tc, equals_are_neighbours);
    tcase_add_test(tc, keys_of_names);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(route_suite)
