/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/addr.h"

#include "support/check_main.h"

#include <arpa/inet.h>
#include <string.h>

static char text[ADDR_TEXT_SIZE];

static const struct {
    const char *in;
    bool allow_port_zero;
    const char *host;
    uint16_t port;
} good[] = {
    {"example.org:80", false, "example.org", 80},
    {"127.0.0.1:65535", false, "127.0.0.1", 65535},
    {"*:443", false, "*", 443},
    {"*:0", true, "*", 0},
    {"[::1]:443", false, "::1", 443},
    {"[::]:0", true, "::", 0},
    {"[fe80::1%eth0]:1", false, "fe80::1%eth0", 1},
    {"[::ffff:1.2.3.4]:80", false, "::ffff:1.2.3.4", 80},
};

START_TEST(test_split)
{
    char host[256] = "?";
    uint16_t port = 4711;

    ck_assert_ptr_null(
        addr_split(good[_i].in, good[_i].allow_port_zero, host, sizeof(host), &port));
    ck_assert_str_eq(host, good[_i].host);
    ck_assert_uint_eq(port, good[_i].port);
}
END_TEST

static const struct {
    const char *in, *wrong;
} bad[] = {
    {"", "is empty"},
    {"example.org", "has no port"},
    {"example.org:", "has no port"},
    {"[::1]", "has no port"},
    {"[::1]:", "has no port"},
    {":80", "has no host (* stands for all addresses)"},
    {"[]:80", "has no host (* stands for all addresses)"},
    {"a:http", "has a port that is not a number"},
    {"a:-1", "has a port that is not a number"},
    {"a: 80", "has a port that is not a number"},
    {"a:80 ", "has a port that is not a number"},
    {"a:65536", "has a port above 65535"},
    {"a:4295032832", "has a port above 65535"},
    {"a:0", "has port 0"},
    {"[::1]:0", "has port 0"},
    {"::1:80", "has more than one colon (an IPv6 address needs brackets: [::1]:443)"},
    {"a:80:90", "has more than one colon (an IPv6 address needs brackets: [::1]:443)"},
    {"[::1:80", "has no closing bracket"},
    {"[::1]80", "has something else than a colon and a port behind its bracket"},
    {"[localhost]:80", "has brackets around what is not an IPv6 address"},
    {"[127.0.0.1]:80", "has brackets around what is not an IPv6 address"},
    {"[1111:2222:3333:4444:5555:6666:7777:8888:99999]:80",
     "has brackets around what is not an IPv6 address"},
    {"[11111:2222:3333:4444:5555:6666:123.123.123.123]:80",
     "has brackets around what is not an IPv6 address"},
    {"[%eth0]:80", "has brackets around what is not an IPv6 address"},
    {"a b:80", "has a space or a control character in its host name"},
    {"a\x7f:80", "has a space or a control character in its host name"},
    {"a\n:80", "has a space or a control character in its host name"},
};

START_TEST(test_split_says_what_is_wrong)
{
    char host[256];
    uint16_t port = 4711;
    const char *wrong = addr_split(bad[_i].in, false, host, sizeof(host), &port);

    ck_assert_ptr_nonnull(wrong);
    ck_assert_str_eq(wrong, bad[_i].wrong);
    ck_assert_uint_eq(port, 4711);
}
END_TEST

START_TEST(test_split_of_a_long_host)
{
    char in[300], host[256];
    uint16_t port;

    memset(in, 'a', sizeof(in));
    strcpy(in + 255, ":80");
    ck_assert_ptr_null(addr_split(in, false, host, sizeof(host), &port));
    ck_assert_uint_eq(strlen(host), 255);
    memset(in, 'a', sizeof(in));
    strcpy(in + 256, ":80");
    ck_assert_str_eq(addr_split(in, false, host, sizeof(host), &port),
                     "has a host name that is too long");
}
END_TEST

static const struct {
    const char *host;
    uint16_t port;
    const char *out;
} numeric[] = {
    {"1.2.3.4", 80, "1.2.3.4:80"},
    {"0.0.0.0", 0, "0.0.0.0:0"},
    {"::1", 443, "[::1]:443"},
    {"::", 65535, "[::]:65535"},
    {"::ffff:1.2.3.4", 1, "[::ffff:1.2.3.4]:1"},
    {"fe80::1%7", 1, "[fe80::1%7]:1"},
    {"fe80::1%lo", 1, "[fe80::1%1]:1"},
    {"1111:2222:3333:4444:5555:6666:7777:8888%4294967295", 65535,
     "[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535"},
};

START_TEST(test_numeric)
{
    struct addr a;

    ck_assert_int_eq(addr_from_numeric(&a, numeric[_i].host, numeric[_i].port), 0);
    ck_assert_ptr_eq(addr_format(&a, text, sizeof(text)), text);
    ck_assert_str_eq(text, numeric[_i].out);
    ck_assert_uint_eq(addr_port(&a), numeric[_i].port);
}
END_TEST

START_TEST(test_what_bind_wants)
{
    struct addr a;

    ck_assert_int_eq(addr_from_numeric(&a, "127.0.0.1", 80), 0);
    ck_assert_int_eq(a.u.in.sin_family, AF_INET);
    ck_assert_uint_eq(a.u.in.sin_port, htons(80));
    ck_assert_uint_eq(a.u.in.sin_addr.s_addr, htonl(0x7f000001));
    ck_assert_uint_eq(a.len, sizeof(struct sockaddr_in));
    ck_assert_int_eq(addr_from_numeric(&a, "fe80::1%7", 80), 0);
    ck_assert_int_eq(a.u.in6.sin6_family, AF_INET6);
    ck_assert_uint_eq(a.u.in6.sin6_port, htons(80));
    ck_assert_uint_eq(a.u.in6.sin6_scope_id, 7);
    ck_assert_uint_eq(a.len, sizeof(struct sockaddr_in6));
    ck_assert_int_eq(addr_from_unix(&a, "/run/x"), 0);
    ck_assert_int_eq(a.u.un.sun_family, AF_UNIX);
    ck_assert_str_eq(a.u.un.sun_path, "/run/x");
    ck_assert_uint_eq(a.len, offsetof(struct sockaddr_un, sun_path) + 7);
    ck_assert_int_eq(addr_from_unix(&a, "@x"), 0);
    ck_assert_int_eq(memcmp(a.u.un.sun_path, "\0x", 2), 0);
    ck_assert_uint_eq(a.len, offsetof(struct sockaddr_un, sun_path) + 2);
}
END_TEST

START_TEST(test_not_numeric)
{
    static const char *const hosts[] = {"",
                                        "*",
                                        "localhost",
                                        "1.2.3",
                                        "1.2.3.4.5",
                                        "0x7f.1",
                                        "127.1",
                                        "1.2.3.256",
                                        "[::1]",
                                        "::1::",
                                        "12345::",
                                        "fe80::1%",
                                        "fe80::1%0",
                                        "1.2.3.4 ",
                                        "fe80::1%no-such-link",
                                        "fe80::1%4294967297"};
    struct addr a;
    size_t i;

    for (i = 0; i < COUNT_OF(hosts); i++)
        ck_assert_msg(addr_from_numeric(&a, hosts[i], 1) == -1, "'%s'", hosts[i]);
}
END_TEST

START_TEST(test_unix)
{
    char path[110];
    struct addr a;

    ck_assert_int_eq(addr_from_unix(&a, "/run/x.sock"), 0);
    ck_assert_str_eq(addr_format(&a, text, sizeof(text)), "unix:/run/x.sock");
    ck_assert_uint_eq(addr_port(&a), 0);
    ck_assert_int_eq(addr_from_unix(&a, "@name"), 0);
    ck_assert_str_eq(addr_format(&a, text, sizeof(text)), "unix:@name");
    ck_assert_int_eq(addr_from_unix(&a, ""), -1);
    ck_assert_int_eq(addr_from_unix(&a, "@"), -1);

    memset(path, 'p', sizeof(path));
    path[107] = '\0';
    ck_assert_int_eq(addr_from_unix(&a, path), 0);
    ck_assert_uint_eq(a.len, sizeof(struct sockaddr_un));
    ck_assert_str_eq(addr_format(&a, text, sizeof(text)) + 5, path);
    path[0] = '@';
    ck_assert_int_eq(addr_from_unix(&a, path), 0);
    ck_assert_str_eq(addr_format(&a, text, sizeof(text)) + 5, path);
    path[107] = 'p';
    path[108] = '\0';
    ck_assert_int_eq(addr_from_unix(&a, path), -1);
}
END_TEST

/* As the kernel may say it: without NUL, with one, with bytes that no terminal should see.
 */
START_TEST(test_unix_from_the_kernel)
{
    const socklen_t before = offsetof(struct sockaddr_un, sun_path);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct addr a, b;

    memset(un.sun_path, 'p', sizeof(un.sun_path));
    addr_from_sockaddr(&a, (struct sockaddr *)&un, sizeof(un));
    ck_assert_uint_eq(strlen(addr_format(&a, text, sizeof(text))), 5 + 108);
    addr_from_sockaddr(&a, (struct sockaddr *)&un, before + 3);
    ck_assert_str_eq(addr_format(&a, text, sizeof(text)), "unix:ppp");
    un.sun_path[3] = '\0';
    addr_from_sockaddr(&b, (struct sockaddr *)&un, before + 4);
    ck_assert_str_eq(addr_format(&b, text, sizeof(text)), "unix:ppp");
    ck_assert(addr_equal(&a, &b));
    addr_from_sockaddr(&a, (struct sockaddr *)&un, before);
    ck_assert_str_eq(addr_format(&a, text, sizeof(text)), "-");
    memcpy(un.sun_path, "\0a\nb\0\x7f", 6);
    addr_from_sockaddr(&a, (struct sockaddr *)&un, before + 6);
    ck_assert_str_eq(addr_format(&a, text, sizeof(text)), "unix:@a?b??");
}
END_TEST

START_TEST(test_from_sockaddr)
{
    struct sockaddr_storage huge = {.ss_family = AF_INET};
    struct addr a, b;

    ck_assert_int_eq(addr_from_numeric(&a, "1.2.3.4", 5), 0);
    addr_from_sockaddr(&b, &a.u.sa, a.len);
    ck_assert(addr_equal(&a, &b));
    ck_assert_uint_eq(b.len, a.len);
    addr_from_sockaddr(&b, (struct sockaddr *)&huge, sizeof(huge));
    ck_assert_uint_eq(b.len, sizeof(b.u));
    memset(&huge, 'p', sizeof(huge));
    huge.ss_family = AF_UNIX;
    addr_from_sockaddr(&b, (struct sockaddr *)&huge, sizeof(huge));
    ck_assert_uint_eq(strlen(addr_format(&b, text, sizeof(text))), 5 + 108);
    addr_from_sockaddr(&b, &a.u.sa, 0);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_str_eq(addr_format(&b, text, sizeof(text)), "-");
    ck_assert_uint_eq(addr_port(&b), 0);
}
END_TEST

START_TEST(test_format_cuts)
{
    char small[6] = "12345";
    struct addr a;

    ck_assert_int_eq(addr_from_numeric(&a, "1.2.3.4", 80), 0);
    ck_assert_str_eq(addr_format(&a, small, 5), "1.2.");
}
END_TEST

/* All different from each other; each equal to itself. */
START_TEST(test_equal)
{
    struct addr all[13];
    size_t i, j;

    ck_assert_int_eq(addr_from_numeric(&all[0], "1.2.3.4", 80), 0);
    ck_assert_int_eq(addr_from_numeric(&all[1], "1.2.3.4", 81), 0);
    ck_assert_int_eq(addr_from_numeric(&all[2], "1.2.3.5", 80), 0);
    ck_assert_int_eq(addr_from_numeric(&all[3], "::ffff:1.2.3.4", 80), 0);
    ck_assert_int_eq(addr_from_numeric(&all[4], "fe80::1%1", 80), 0);
    ck_assert_int_eq(addr_from_numeric(&all[5], "fe80::1%2", 80), 0);
    ck_assert_int_eq(addr_from_numeric(&all[6], "fe80::1%1", 81), 0);
    ck_assert_int_eq(addr_from_unix(&all[7], "/a"), 0);
    ck_assert_int_eq(addr_from_unix(&all[8], "@a"), 0);
    ck_assert_int_eq(addr_from_unix(&all[9], "/ab"), 0);
    ck_assert_int_eq(addr_from_numeric(&all[10], "0.0.0.0", 80), 0);
    ck_assert_int_eq(addr_from_numeric(&all[11], "::", 80), 0);
    ck_assert_int_eq(addr_from_numeric(&all[12], "fe80::2%1", 80), 0);
    for (i = 0; i < COUNT_OF(all); i++)
        for (j = 0; j < COUNT_OF(all); j++)
            ck_assert_msg(addr_equal(&all[i], &all[j]) == (i == j), "%zu, %zu", i, j);
}
END_TEST

/* What is no part of the address does not count. */
START_TEST(test_equal_but_for_padding)
{
    struct addr a, b;

    ck_assert_int_eq(addr_from_numeric(&a, "1.2.3.4", 80), 0);
    b = a;
    memset(b.u.in.sin_zero, 0xff, sizeof(b.u.in.sin_zero));
    ck_assert(addr_equal(&a, &b));
    ck_assert_int_eq(addr_from_numeric(&a, "::1", 80), 0);
    b = a;
    b.u.in6.sin6_flowinfo = 7;
    ck_assert(addr_equal(&a, &b));
}
END_TEST

START_TEST(mapped_addresses)
{
    static const struct {
        const char *host, *means;
    } cases[] = {
        {"::ffff:192.0.2.7", "192.0.2.7:80"},
        {"::ffff:0.0.0.0", "0.0.0.0:80"},
        {"192.0.2.7", "192.0.2.7:80"},
        {"::", "[::]:80"},
        {"2001:db8::7", "[2001:db8::7]:80"},
        {"::192.0.2.7", "[::192.0.2.7]:80"},
        {"64:ff9b::192.0.2.7", "[64:ff9b::c000:207]:80"},
    };
    char buf[ADDR_TEXT_SIZE];
    struct addr a, b;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ck_assert_int_eq(addr_from_numeric(&a, cases[i].host, 80), 0);
        addr_unmap(&a);
        ck_assert_str_eq(addr_format(&a, buf, sizeof(buf)), cases[i].means);
        ck_assert_uint_eq(a.len, a.u.sa.sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                                             : sizeof(struct sockaddr_in6));
    }
    ck_assert_int_eq(addr_from_unix(&a, "@::ffff:1.2.3.4"), 0);
    b = a;
    addr_unmap(&a);
    ck_assert(addr_equal(&a, &b));
}
END_TEST

START_TEST(another_port)
{
    char buf[ADDR_TEXT_SIZE];
    struct addr a;

    ck_assert_int_eq(addr_from_numeric(&a, "192.0.2.7", 80), 0);
    addr_set_port(&a, 65535);
    ck_assert_str_eq(addr_format(&a, buf, sizeof(buf)), "192.0.2.7:65535");
    ck_assert_int_eq(addr_from_numeric(&a, "::1", 80), 0);
    addr_set_port(&a, 0);
    ck_assert_str_eq(addr_format(&a, buf, sizeof(buf)), "[::1]:0");
    ck_assert_int_eq(addr_from_unix(&a, "/x"), 0);
    addr_set_port(&a, 1);
    ck_assert_str_eq(addr_format(&a, buf, sizeof(buf)), "unix:/x");
}
END_TEST

START_TEST(wildcards_loopbacks_and_files)
{
    static const struct {
        const char *host;
        bool wildcard, loopback;
    } hosts[] = {{"0.0.0.0", true, false},    {"::", true, false},
                 {"127.0.0.1", false, true},  {"127.255.0.9", false, true},
                 {"128.0.0.1", false, false}, {"10.127.0.1", false, false},
                 {"::1", false, true},        {"::2", false, false},
                 {"fe80::1", false, false}};
    struct addr a;

    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        ck_assert_int_eq(addr_from_numeric(&a, hosts[i].host, 1), 0);
        ck_assert(addr_is_wildcard(&a) == hosts[i].wildcard);
        ck_assert(addr_is_loopback(&a) == hosts[i].loopback);
        ck_assert(!addr_is_file(&a));
    }
    ck_assert_int_eq(addr_from_unix(&a, "/run/app.sock"), 0);
    ck_assert(addr_is_file(&a) && !addr_is_wildcard(&a) && !addr_is_loopback(&a));
    ck_assert_int_eq(addr_from_unix(&a, "@app"), 0);
    ck_assert(!addr_is_file(&a));
    a.len = 0;
    ck_assert(!addr_is_file(&a));
}
END_TEST

static Suite *
addr_suite(void)
{
    Suite *suite = suite_create("addr");
    TCase *tcase = tcase_create("addr");

    tcase_add_loop_test(tcase, test_split, 0, COUNT_OF(good));
    tcase_add_loop_test(tcase, test_split_says_what_is_wrong, 0, COUNT_OF(bad));
    tcase_add_test(tcase, test_split_of_a_long_host);
    tcase_add_test(tcase, mapped_addresses);
    tcase_add_test(tcase, another_port);
    tcase_add_test(tcase, wildcards_loopbacks_and_files);
    tcase_add_loop_test(tcase, test_numeric, 0, COUNT_OF(numeric));
    tcase_add_test(tcase, test_what_bind_wants);
    tcase_add_test(tcase, test_not_numeric);
    tcase_add_test(tcase, test_unix);
    tcase_add_test(tcase, test_unix_from_the_kernel);
    tcase_add_test(tcase, test_from_sockaddr);
    tcase_add_test(tcase, test_format_cuts);
    tcase_add_test(tcase, test_equal);
    tcase_add_test(tcase, test_equal_but_for_padding);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(addr_suite)
