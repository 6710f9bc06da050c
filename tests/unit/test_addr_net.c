/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/addr_net.h"

#include "support/check_main.h"

#include <string.h>

static const struct {
    const char *in, *base;
    unsigned prefix;
} good[] = {
    {"10.0.0.0/8", "10.0.0.0:0", 8},
    {"0.0.0.0/0", "0.0.0.0:0", 0},
    {"192.168.1.128/25", "192.168.1.128:0", 25},
    {"192.0.2.7", "192.0.2.7:0", 32},
    {"192.0.2.7/32", "192.0.2.7:0", 32},
    {"::/0", "[::]:0", 0},
    {"::1", "[::1]:0", 128},
    {"2001:db8::/32", "[2001:db8::]:0", 32},
    {"2001:db8:0:8000::/49", "[2001:db8:0:8000::]:0", 49},
    {"::ffff:10.0.0.0/104", "10.0.0.0:0", 8},
    {"::ffff:192.0.2.7", "192.0.2.7:0", 32},
    {"::ffff:0:0/96", "0.0.0.0:0", 0},
    {"1111:2222:3333:4444:5555:6666:123.123.123.123",
     "[1111:2222:3333:4444:5555:6666:7b7b:7b7b]:0", 128},
};

START_TEST(parses)
{
    char text[ADDR_TEXT_SIZE];
    struct addr_net net;

    memset(&net, 0xff, sizeof(net));
    ck_assert_ptr_null(addr_net_parse(&net, good[_i].in));
    ck_assert_str_eq(addr_format(&net.base, text, sizeof(text)), good[_i].base);
    ck_assert_uint_eq(net.prefix, good[_i].prefix);
}
END_TEST

#define NO_ADDRESS "is not an address; a network is written 10.0.0.0/8 or 2001:db8::/32"
#define HOST_BITS "has bits behind its prefix that are not 0"

static const struct {
    const char *in, *wrong;
} bad[] = {
    {"", "has no address"},
    {"/8", "has no address"},
    {"localhost", NO_ADDRESS},
    {"10.0.0.0:80", NO_ADDRESS},
    {"10/8", NO_ADDRESS},
    {"[::1]/128", NO_ADDRESS},
    {"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111/8", NO_ADDRESS},
    {"10.0.0.0/", "has no number behind its /"},
    {"10.0.0.0/x", "has a prefix that is not a number"},
    {"10.0.0.0/-1", "has a prefix that is not a number"},
    {"10.0.0.0/8/8", "has a prefix that is not a number"},
    {"10.0.0.0/255.0.0.0", "has a prefix that is not a number"},
    {"10.0.0.0/33", "has a prefix above 32"},
    {"10.0.0.0/18446744073709551615", "has a prefix above 32"},
    {"::/129", "has a prefix above 128"},
    {"10.0.0.1/8", HOST_BITS},
    {"192.168.1.129/25", HOST_BITS},
    {"128.0.0.0/0", HOST_BITS},
    {"::1/127", HOST_BITS},
    {"::ffff:0:0/95", HOST_BITS},
    {"::ffff:10.0.0.1/104", HOST_BITS},
    {"fe80::1%lo", "has a zone (%), which a network has not"},
};

START_TEST(says_what_is_wrong)
{
    struct addr_net net;
    const char *wrong = addr_net_parse(&net, bad[_i].in);

    ck_assert_ptr_nonnull(wrong);
    ck_assert_str_eq(wrong, bad[_i].wrong);
}
END_TEST

static const struct {
    const char *net, *inside[3], *outside[4];
} sets[] = {
    {"10.0.0.0/8",
     {"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"},
     {"9.255.255.255", "11.0.0.0", "::a00:1", "::ffff:11.1.2.3"}},
    {"192.168.1.128/25",
     {"192.168.1.128", "192.168.1.255"},
     {"192.168.1.127", "192.168.2.128", "192.168.0.128"}},
    {"172.16.0.0/12", {"172.16.0.1", "172.31.255.255"}, {"172.32.0.0", "172.15.255.255"}},
    {"192.0.2.7", {"192.0.2.7", "::ffff:192.0.2.7"}, {"192.0.2.6", "192.0.2.8"}},
    {"0.0.0.0/0", {"0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"}, {"::", "::1"}},
    {"::/0", {"::", "ffff::", "fe80::1%1"}, {"1.2.3.4", "::ffff:1.2.3.4"}},
    {"::ffff:10.0.0.0/104", {"10.1.2.3", "::ffff:10.1.2.3"}, {"11.0.0.0"}},
    {"2001:db8::/33",
     {"2001:db8::1", "2001:db8:7fff:ffff::"},
     {"2001:db8:8000::", "2001:db9::", "32.1.13.184"}},
    {"::1", {"::1"}, {"::2", "127.0.0.1", "::"}},
};

START_TEST(contains)
{
    struct addr_net net;
    struct addr a;

    ck_assert_ptr_null(addr_net_parse(&net, sets[_i].net));
    for (size_t i = 0; i < COUNT_OF(sets[_i].inside) && sets[_i].inside[i] != NULL; i++) {
        ck_assert_int_eq(addr_from_numeric(&a, sets[_i].inside[i], 4711), 0);
        ck_assert_msg(addr_net_contains(&net, &a), "%s", sets[_i].inside[i]);
    }
    for (size_t i = 0; i < COUNT_OF(sets[_i].outside) && sets[_i].outside[i] != NULL; i++) {
        ck_assert_int_eq(addr_from_numeric(&a, sets[_i].outside[i], 4711), 0);
        ck_assert_msg(!addr_net_contains(&net, &a), "%s", sets[_i].outside[i]);
    }
}
END_TEST

START_TEST(contains_no_unix_address_and_none_at_all)
{
    struct addr_net net;
    struct addr a;

    ck_assert_ptr_null(addr_net_parse(&net, "0.0.0.0/0"));
    ck_assert_int_eq(addr_from_unix(&a, "/run/app.sock"), 0);
    ck_assert(!addr_net_contains(&net, &a));
    ck_assert_int_eq(addr_from_numeric(&a, "1.2.3.4", 0), 0);
    a.len = 0;
    ck_assert(!addr_net_contains(&net, &a));
}
END_TEST

static Suite *
addr_net_suite(void)
{
    Suite *suite = suite_create("addr_net");
    TCase *tcase = tcase_create("addr_net");

    tcase_add_loop_test(tcase, parses, 0, COUNT_OF(good));
    tcase_add_loop_test(tcase, says_what_is_wrong, 0, COUNT_OF(bad));
    tcase_add_loop_test(tcase, contains, 0, COUNT_OF(sets));
    tcase_add_test(tcase, contains_no_unix_address_and_none_at_all);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(addr_net_suite)
