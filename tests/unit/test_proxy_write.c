/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/proxy_write.h"

#include "core/crc32c.h"
#include "support/check_main.h"
#include "support/proxy_vectors.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static struct addr src, dst;
static struct proxy_facts facts;
static unsigned char buf[PROXY_WRITE_MAX + 1];

static void
set(struct addr *a, const char *host, uint16_t port)
{
    ck_assert_int_eq(addr_from_numeric(a, host, port), 0);
}

static void
set_ends(const char *from, uint16_t from_port, const char *to, uint16_t to_port)
{
    set(&src, from, from_port);
    set(&dst, to, to_port);
}

static void
setup(void)
{
    set_ends("192.168.0.1", 56324, "192.168.0.11", 443);
    facts = (struct proxy_facts){.src = &src, .dst = &dst};
    memset(buf, 0xa5, sizeof(buf));
}

static void
assert_line(const char *line)
{
    size_t len;

    memset(buf, 0xa5, sizeof(buf));
    len = proxy_write(PROXY_V1, &facts, buf, PROXY_WRITE_MAX);
    ck_assert_uint_eq(len, strlen(line));
    ck_assert_mem_eq(buf, line, len);
    ck_assert_uint_eq(buf[len], 0xa5);
}

START_TEST(lines_of_the_text)
{
    assert_line(VECTOR_V1_EXAMPLE);
    set_ends("255.255.255.255", 65535, "255.255.255.255", 65535);
    assert_line(VECTOR_V1_LONGEST4);
    set_ends("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
             "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
    assert_line(VECTOR_V1_LONGEST6);
    ck_assert_int_eq(addr_from_unix(&src, "/run/x.sock"), 0);
    assert_line(VECTOR_V1_UNKNOWN);
    ck_assert_uint_eq(strlen(VECTOR_V1_LONGEST), PROXY_V1_MAX);
}
END_TEST

START_TEST(lines_of_other_addresses)
{
    set_ends("2001:db8::1", 1, "fe80::1%1", 0);
    assert_line("PROXY TCP6 2001:db8::1 fe80::1 1 0\r\n");
    set_ends("::ffff:1.2.3.4", 5, "::ffff:6.7.8.9", 10); /* a socket that takes both */
    assert_line("PROXY TCP4 1.2.3.4 6.7.8.9 5 10\r\n");
    set_ends("1.2.3.4", 5, "::ffff:6.7.8.9", 10);
    assert_line("PROXY TCP4 1.2.3.4 6.7.8.9 5 10\r\n");
    set_ends("::ffff:1.2.3.4", 5, "::1", 10);
    assert_line("PROXY TCP6 0:0:0:0:0:ffff:102:304 ::1 5 10\r\n");
    set_ends("::1.2.3.4", 5, "::1", 10);
    assert_line("PROXY TCP6 0:0:0:0:0:0:102:304 ::1 5 10\r\n");
    set_ends("1.2.3.4", 5, "::1", 10);
    assert_line(VECTOR_V1_UNKNOWN);
    set_ends("1.2.3.4", 5, "6.7.8.9", 10);
    src.len = 0;
    assert_line(VECTOR_V1_UNKNOWN);
}
END_TEST

static void
assert_block(const unsigned char *block, size_t size)
{
    size_t len;

    memset(buf, 0xa5, sizeof(buf));
    len = proxy_write(PROXY_V2, &facts, buf, PROXY_WRITE_MAX);
    ck_assert_uint_eq(len, size);
    ck_assert_mem_eq(buf, block, len);
    ck_assert_uint_eq(buf[len], 0xa5);
}

START_TEST(blocks)
{
    struct proxy_tls tls = {.version = "TLSv1.2",
                            .cipher = "ECDHE-RSA-AES128-GCM-SHA256",
                            .sig_alg = "RSA-SHA256",
                            .key_alg = "RSA2048",
                            .cn = "example.community",
                            .cn_len = strlen("example.com"),
                            .cert_conn = true,
                            .cert_sess = true,
                            .verified = true};

    assert_block(vector_v2_tcp4, sizeof(vector_v2_tcp4));
    set_ends("2001:db8::1", 65535, "2001:db8::2", 1);
    facts.alpn = "h2";
    facts.authority = "www.example.org";
    facts.unique_id = "7-8";
    facts.tls = &tls;
    assert_block(vector_v2_tcp6, sizeof(vector_v2_tcp6));
}
END_TEST

/* The value of the first TLV of that type between at and end; NULL: there is none. */
static const unsigned char *
find(const unsigned char *at, const unsigned char *end, enum proxy_tlv type, size_t *len)
{
    while (at < end) {
        ck_assert_int_ge(end - at, PROXY_TLV_START);
        *len = (size_t)at[1] << 8 | at[2];
        ck_assert_uint_le(PROXY_TLV_START + *len, (size_t)(end - at));
        if (at[0] == type)
            return at + PROXY_TLV_START;
        at += PROXY_TLV_START + *len;
    }
    return NULL;
}

/* A header of size bytes at most, in memory that ends with them. Its length and its
 * checksum are right. Returns where its TLVs end; NULL: there was no room. */
static const unsigned char *
write_in(size_t size)
{
    static unsigned char *exact;
    const unsigned char *crc;
    size_t len, crc_len;
    uint32_t told;

    free(exact);
    exact = malloc(size > 0 ? size : 1);
    len = proxy_write(PROXY_V2, &facts, exact, size);
    if (len == 0)
        return NULL;
    ck_assert_uint_le(len, size);
    ck_assert_uint_eq((size_t)exact[14] << 8 | exact[15], len - PROXY_V2_START);
    memcpy(buf, exact, len);
    crc = find(buf + PROXY_V2_START + PROXY_V2_INET, buf + len, PROXY_TLV_CRC32C, &crc_len);
    ck_assert(crc != NULL && crc_len == 4 && crc + 4 == buf + len);
    memset(buf + len - 4, 0, 4);
    memcpy(&told, exact + len - 4, 4);
    ck_assert_uint_eq(ntohl(told), crc32c_end(crc32c_add(CRC32C_START, buf, len)));
    return buf + len;
}

static bool
has(const unsigned char *end, enum proxy_tlv type, const char *value)
{
    size_t len;
    const unsigned char *found =
        find(buf + PROXY_V2_START + PROXY_V2_INET, end, type, &len);

    return found != NULL && len == strlen(value) && memcmp(found, value, len) == 0;
}

/* The bits and the result of the verification, and what else TLS is told of. */
static void
assert_ssl(unsigned client, bool verified, const char *rest)
{
    size_t len;
    const unsigned char *end = write_in(PROXY_WRITE_MAX), *ssl;

    ssl = find(buf + PROXY_V2_START + PROXY_V2_INET, end, PROXY_TLV_SSL, &len);
    ck_assert_ptr_nonnull(ssl);
    ck_assert_uint_eq(ssl[0], client);
    ck_assert_mem_eq(ssl + 1, verified ? "\0\0\0\0" : "\0\0\0\1", 4);
    ck_assert_uint_eq(len, 5 + strlen(rest));
    ck_assert_mem_eq(ssl + 5, rest, len - 5);
}

START_TEST(what_is_told_of_tls)
{
    struct proxy_tls tls = {0};

    facts.tls = &tls;
    assert_ssl(PROXY_CLIENT_SSL, false, "");
    tls.cert_sess = tls.verified = true;
    assert_ssl(PROXY_CLIENT_SSL | PROXY_CLIENT_CERT_SESS, true, "");
    tls.cert_conn = true;
    assert_ssl(PROXY_CLIENT_SSL | PROXY_CLIENT_CERT_CONN | PROXY_CLIENT_CERT_SESS, true,
               "");
    tls.verified = false;
    assert_ssl(PROXY_CLIENT_SSL | PROXY_CLIENT_CERT_CONN | PROXY_CLIENT_CERT_SESS, false,
               "");
    facts.tls = NULL;
    ck_assert(!has(write_in(PROXY_WRITE_MAX), PROXY_TLV_SSL, ""));
}
END_TEST

START_TEST(values_that_are_too_long_are_not_told)
{
    static char text[PROXY_NAME_MAX + 2];
    struct proxy_tls tls = {.cn = text, .cn_len = PROXY_CN_MAX + 1, .cipher = text};
    const unsigned char *end;

    memset(text, 'x', PROXY_NAME_MAX);
    facts.alpn = facts.authority = text;
    facts.unique_id = text + PROXY_NAME_MAX - PROXY_UNIQUE_ID_MAX;
    end = write_in(PROXY_WRITE_MAX);
    ck_assert(has(end, PROXY_TLV_ALPN, text));
    ck_assert(has(end, PROXY_TLV_AUTHORITY, text));
    ck_assert(has(end, PROXY_TLV_UNIQUE_ID, facts.unique_id));
    facts.unique_id--;
    text[PROXY_NAME_MAX] = 'x';
    end = write_in(PROXY_WRITE_MAX);
    ck_assert_ptr_eq(end, buf + PROXY_V2_START + PROXY_V2_INET + 7);
    facts.tls = &tls;
    assert_ssl(PROXY_CLIENT_SSL, false, "");
}
END_TEST

/* With the longest of all it still finds room; with less, whole values are left out. */
START_TEST(never_more_than_there_is_room_for)
{
    static char text[PROXY_NAME_MAX + 2];
    struct proxy_tls tls = {.cn = text, .cn_len = PROXY_CN_MAX};
    const unsigned char *end;

    memset(text, 'x', PROXY_CN_MAX);
    set_ends("2001:db8::1", 65535, "2001:db8::2", 1);
    facts.alpn = facts.authority = text + 1;
    facts.unique_id = text + PROXY_CN_MAX - PROXY_UNIQUE_ID_MAX;
    tls.version = tls.cipher = tls.sig_alg = tls.key_alg =
        text + PROXY_CN_MAX - PROXY_WORD_MAX;
    facts.tls = &tls;
    for (size_t size = 0; size <= sizeof(buf); size++) {
        unsigned char *exact = malloc(size > 0 ? size : 1);
        size_t len = proxy_write(PROXY_V2, &facts, exact, size);

        ck_assert_uint_le(len, size);
        ck_assert(len == 0 ? size < 59 : len >= 59);
        free(exact);
    }
    set_ends("192.168.0.1", 56324, "192.168.0.11", 443);
    end = write_in(PROXY_WRITE_MAX);
    ck_assert(has(end, PROXY_TLV_ALPN, facts.alpn));
    ck_assert(has(end, PROXY_TLV_AUTHORITY, facts.authority));
    for (size_t size = 0; size <= PROXY_WRITE_MAX; size++)
        (void)write_in(size);
    for (size_t size = 0; size < sizeof(VECTOR_V1_EXAMPLE) - 1; size++)
        ck_assert_uint_eq(proxy_write(PROXY_V1, &facts, buf, size), 0);
    ck_assert_uint_eq(proxy_write(PROXY_OFF, &facts, buf, sizeof(buf)), 0);
}
END_TEST

START_TEST(addresses_of_no_family)
{
    const unsigned char *end;

    ck_assert_int_eq(addr_from_unix(&src, "/run/x.sock"), 0);
    facts.authority = "example.org";
    ck_assert_uint_eq(proxy_write(PROXY_V2, &facts, buf, PROXY_WRITE_MAX),
                      PROXY_V2_START + 3 + 11 + 7);
    end = buf + PROXY_V2_START + 3 + 11 + 7;
    ck_assert_mem_eq(buf + 12,
                     "\x21\x00\x00\x15\x02\x00\x0b"
                     "example.org\x03",
                     19);
    ck_assert_uint_eq(end[0], 0xa5);
}
END_TEST

START_TEST(of_our_own)
{
    size_t len = proxy_write_local(PROXY_V2, &src, &dst, buf, sizeof(buf));

    ck_assert_uint_eq(len, PROXY_V2_START);
    ck_assert_mem_eq(buf, PROXY_V2_SIGNATURE "\x20\x00\x00\x00", len);
    len = proxy_write_local(PROXY_V1, &src, &dst, buf, sizeof(buf));
    ck_assert_uint_eq(len, strlen(VECTOR_V1_EXAMPLE));
    ck_assert_mem_eq(buf, VECTOR_V1_EXAMPLE, len);
    ck_assert_int_eq(addr_from_unix(&dst, "/run/x.sock"), 0);
    len = proxy_write_local(PROXY_V1, &src, &dst, buf, sizeof(buf));
    ck_assert_mem_eq(buf, VECTOR_V1_UNKNOWN, len);
    ck_assert_uint_eq(proxy_write_local(PROXY_OFF, &src, &dst, buf, sizeof(buf)), 0);
    ck_assert_uint_eq(proxy_write_local(PROXY_V2, &src, &dst, buf, PROXY_V2_START - 1), 0);
    ck_assert_uint_eq(proxy_write_local(PROXY_V1, &src, &dst, buf, 14), 0);
}
END_TEST

static Suite *
proxy_write_suite(void)
{
    Suite *suite = suite_create("proxy_write");
    TCase *tcase = tcase_create("proxy_write");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, lines_of_the_text);
    tcase_add_test(tcase, lines_of_other_addresses);
    tcase_add_test(tcase, blocks);
    tcase_add_test(tcase, what_is_told_of_tls);
    tcase_add_test(tcase, values_that_are_too_long_are_not_told);
    tcase_add_test(tcase, never_more_than_there_is_room_for);
    tcase_add_test(tcase, addresses_of_no_family);
    tcase_add_test(tcase, of_our_own);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(proxy_write_suite)
