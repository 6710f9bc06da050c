/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/proxy_read.h"

#include "core/proxy_write.h"
#include "support/check_main.h"
#include "support/proxy_vectors.h"

#include <stdlib.h>
#include <string.h>

static struct proxy_read out;

/* From memory that ends with the bytes. */
static enum proxy_read_status
read_exactly(const void *bytes, size_t len)
{
    unsigned char *exact = malloc(len > 0 ? len : 1);
    enum proxy_read_status status;

    memcpy(exact, bytes, len);
    status = proxy_read(exact, len, &out);
    free(exact);
    return status;
}

static void
assert_addr(const struct addr *a, const char *expected)
{
    char text[ADDR_TEXT_SIZE];

    ck_assert_str_eq(addr_format(a, text, sizeof(text)), expected);
}

/*
 * It is a header, of len bytes. What follows does not matter. No shorter part of it is one,
 * none is refused, and each asks for more bytes than there are, but not for more than there
 * will be.
 */
static void
assert_header(const void *bytes, size_t len)
{
    unsigned char more[PROXY_READ_MAX + 2];

    for (size_t part = 0; part < len; part++) {
        ck_assert_int_eq(read_exactly(bytes, part), PROXY_READ_MORE);
        ck_assert_uint_gt(out.len, part);
        ck_assert_uint_le(out.len, len);
    }
    memcpy(more, bytes, len);
    memcpy(more + len, "\n", 2);
    ck_assert_int_eq(read_exactly(more, len + 2), PROXY_READ_DONE);
    ck_assert_uint_eq(out.len, len);
    ck_assert_int_eq(read_exactly(bytes, len), PROXY_READ_DONE);
    ck_assert_uint_eq(out.len, len);
}

static const struct {
    const char *line, *src, *dst; /* src NULL: not told */
} good[] = {
    {VECTOR_V1_EXAMPLE, "192.168.0.1:56324", "192.168.0.11:443"},
    {VECTOR_V1_LONGEST4, "255.255.255.255:65535", "255.255.255.255:65535"},
    {VECTOR_V1_LONGEST6, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {VECTOR_V1_UNKNOWN, NULL, NULL},
    {VECTOR_V1_LONGEST, NULL, NULL},
    {"PROXY UNKNOWN what\rever\nthis \n\ris\r\n", NULL, NULL},
    {"PROXY UNKNOWN \r\n", NULL, NULL},
    {"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0:0", "0.0.0.0:0"},
    {"PROXY TCP6 ::1 ABCD::eF01 1 2\r\n", "[::1]:1", "[abcd::ef01]:2"},
    {"PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n", "[::ffff:1.2.3.4]:1", "[::1]:2"},
};

START_TEST(lines)
{
    assert_header(good[_i].line, strlen(good[_i].line));
    ck_assert_int_eq(out.version, PROXY_V1);
    ck_assert(out.is_told == (good[_i].src != NULL));
    if (good[_i].src == NULL)
        return;
    assert_addr(&out.src, good[_i].src);
    assert_addr(&out.dst, good[_i].dst);
}
END_TEST

#define NO_FAMILY "has neither TCP4 nor TCP6 nor UNKNOWN behind PROXY"
#define NO_ADDRESS "has an address that is none of its family"
#define NO_PORT "has a port that is none"

static const struct {
    const char *line, *wrong;
} bad[] = {
    {"PROXYTCP4 1.2.3.4 1.2.3.4 1 2\r\n", "has no space behind PROXY"},
    {"PROXY\tTCP4", "has no space behind PROXY"},
    {"PROXY\r\n", "has no space behind PROXY"},
    {"PROXY \r\n", NO_FAMILY},
    {"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", NO_FAMILY},
    {"PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n", NO_FAMILY},
    {"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", NO_FAMILY},
    {"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", NO_FAMILY},
    {"PROXY TCP4\r\n", NO_FAMILY},
    {"PROXY UNKNOWNS\r\n", NO_FAMILY},
    {"PROXY UNKNOW\r\n", NO_FAMILY},
    {"PROXY TCP4 \r\n", NO_ADDRESS},
    {"PROXY TCP4 1.2.3.4\r\n", NO_ADDRESS},
    {"PROXY TCP4 1.2.3.4 \r\n", NO_ADDRESS},
    {"PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", NO_ADDRESS},
    {"PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n", NO_ADDRESS},
    {"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", NO_ADDRESS},
    {"PROXY TCP4 1.2.3.4.5 1.2.3.4 1 2\r\n", NO_ADDRESS},
    {"PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n", NO_ADDRESS},
    {"PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n", NO_ADDRESS},
    {"PROXY TCP4 ::1 ::1 1 2\r\n", NO_ADDRESS},
    {"PROXY TCP4 1.2.3.4 ::1 1 2\r\n", NO_ADDRESS},
    {"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", NO_ADDRESS},
    {"PROXY TCP6 ::1::1 ::1 1 2\r\n", NO_ADDRESS},
    {"PROXY TCP6 fe80::1%1 ::1 1 2\r\n", NO_ADDRESS},
    {"PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n", NO_ADDRESS},
    {"PROXY TCP6 0000000000000000000000000000000000000000000000001 ::1 1 2\r\n",
     NO_ADDRESS},
    {"PROXY TCP4 1.2.3.4 1.2.3.4\r\n", NO_PORT},
    {"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", NO_PORT},
    {"PROXY TCP4 1.2.3.4 1.2.3.4 1 \r\n", NO_PORT},
    {"PROXY TCP4 1.2.3.4 1.2.3.4  1 2\r\n", NO_PORT},
    {"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", NO_PORT},
    {"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", NO_PORT},
    {"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n", NO_PORT},
    {"PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n", NO_PORT},
    {"PROXY TCP4 1.2.3.4 1.2.3.4 1 123456\r\n", NO_PORT},
    {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2a\r\n", NO_PORT},
    {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", "has something behind its ports"},
    {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "has something behind its ports"},
    {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", "has a line that ends without CR"},
    {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n", NO_PORT},
    {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 xxx\r\n",
     "has no CRLF in its first 107 bytes"},
    {"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 655350\r\n",
     "has no CRLF in its first 107 bytes"},
};

START_TEST(lines_that_are_wrong)
{
    ck_assert_int_eq(read_exactly(bad[_i].line, strlen(bad[_i].line)), PROXY_READ_WRONG);
    ck_assert_str_eq(out.wrong, bad[_i].wrong);
    ck_assert(!out.is_told);
}
END_TEST

START_TEST(a_nul_is_no_end)
{
    static const char line[] = "PROXY TCP4 1.2.3.4\0x 1.2.3.4 1 2\r\n";

    ck_assert_int_eq(read_exactly(line, sizeof(line) - 1), PROXY_READ_WRONG);
    ck_assert_str_eq(out.wrong, NO_ADDRESS);
}
END_TEST

static const char *const others[] = {"\x16\x03\x01\x02",
                                     "GET / HTTP/1.1\r\n",
                                     "proxy TCP4",
                                     "PROX TCP4",
                                     "\r\n\r\nQUIT",
                                     " PROXY",
                                     "Q",
                                     "\n"};

START_TEST(what_begins_otherwise_has_none)
{
    ck_assert_int_eq(read_exactly(others[_i], strlen(others[_i])), PROXY_READ_MISSING);
}
END_TEST

START_TEST(a_signature_that_is_not_quite_right)
{
    for (size_t i = 0; i < PROXY_V2_SIGNATURE_LEN; i++) {
        unsigned char block[sizeof(vector_v2_tcp4)];

        memcpy(block, vector_v2_tcp4, sizeof(block));
        block[i] ^= 1;
        ck_assert_int_eq(read_exactly(block, sizeof(block)), PROXY_READ_MISSING);
        ck_assert_int_eq(read_exactly(block, i + 1), PROXY_READ_MISSING);
    }
}
END_TEST

START_TEST(blocks)
{
    assert_header(vector_v2_tcp4, sizeof(vector_v2_tcp4));
    ck_assert(out.is_told);
    ck_assert_int_eq(out.version, PROXY_V2);
    assert_addr(&out.src, "192.168.0.1:56324");
    assert_addr(&out.dst, "192.168.0.11:443");
    assert_header(vector_v2_tcp6, sizeof(vector_v2_tcp6));
    ck_assert(out.is_told);
    assert_addr(&out.src, "[2001:db8::1]:65535");
    assert_addr(&out.dst, "[2001:db8::2]:1");
}
END_TEST

/* Whatever single bit of them is turned over, the checksum tells. */
START_TEST(a_checksum_that_is_not_right)
{
    for (size_t bit = 8 * PROXY_V2_START; bit < 8 * sizeof(vector_v2_tcp6); bit++) {
        unsigned char block[sizeof(vector_v2_tcp6)];

        memcpy(block, vector_v2_tcp6, sizeof(block));
        block[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (bit / 8 >= sizeof(block) - 7 && bit / 8 < sizeof(block) - 6)
            continue; /* of the type: there is no checksum then */
        ck_assert_msg(read_exactly(block, sizeof(block)) == PROXY_READ_WRONG, "bit %zu",
                      bit);
    }
}
END_TEST

/* A header without a checksum: start, addresses of addrs bytes, and rest. */
static enum proxy_read_status
read_block(unsigned command, unsigned family, size_t addrs, const char *rest,
           size_t rest_len)
{
    unsigned char block[PROXY_READ_MAX + 100];
    size_t len = addrs + rest_len;

    memcpy(block, PROXY_V2_SIGNATURE, PROXY_V2_SIGNATURE_LEN);
    block[12] = (unsigned char)command;
    block[13] = (unsigned char)family;
    block[14] = (unsigned char)(len >> 8);
    block[15] = (unsigned char)len;
    memset(block + PROXY_V2_START, 0x41, addrs);
    memcpy(block + PROXY_V2_START + addrs, rest, rest_len);
    return read_exactly(block, PROXY_V2_START + len);
}

START_TEST(families_and_commands)
{
    for (unsigned command = 0; command < 256; command++) {
        enum proxy_read_status status = read_block(command, 0x11, 12, "", 0);

        if (command == 0x20 || command == 0x21)
            ck_assert_int_eq(status, PROXY_READ_DONE);
        else
            ck_assert_int_eq(status, PROXY_READ_WRONG);
        ck_assert(out.is_told == (command == 0x21));
    }
    for (unsigned family = 0; family < 256; family++) {
        static const size_t lens[] = {0, 12, 36, 216};
        bool known = family >> 4 <= 3 && (family & 15) <= 2;
        size_t len = known ? lens[family >> 4] : 12;

        if (known)
            ck_assert_int_eq(read_block(0x21, family, len, "", 0), PROXY_READ_DONE);
        else
            ck_assert_int_eq(read_block(0x21, family, len, "", 0), PROXY_READ_WRONG);
        ck_assert(out.is_told == (family == 0x11 || family == 0x21));
        ck_assert_int_eq(read_block(0x20, family, 7, "", 0), PROXY_READ_DONE);
        ck_assert(!out.is_told);
    }
}
END_TEST

/* Addresses of TCP are told, those of UDP and Unix are skipped. */
START_TEST(lengths_of_addresses)
{
    static const struct {
        unsigned family;
        size_t len;
        bool told;
    } kinds[] = {{0x11, 12, true},  {0x12, 12, false},  {0x21, 36, true},
                 {0x22, 36, false}, {0x31, 216, false}, {0x32, 216, false}};

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        ck_assert_int_eq(read_block(0x21, kinds[i].family, kinds[i].len, "", 0),
                         PROXY_READ_DONE);
        ck_assert(out.is_told == kinds[i].told);
        ck_assert_int_eq(read_block(0x21, kinds[i].family, kinds[i].len - 1, "", 0),
                         PROXY_READ_WRONG);
        ck_assert_str_eq(out.wrong, "is too short for its addresses");
        ck_assert_int_eq(read_block(0x21, kinds[i].family, 0, "", 0), PROXY_READ_WRONG);
        ck_assert_int_eq(read_block(0x21, kinds[i].family, kinds[i].len, "\xee\0\1x", 4),
                         PROXY_READ_DONE);
        ck_assert_int_eq(read_block(0x21, kinds[i].family, kinds[i].len, "\xee\0\2x", 4),
                         PROXY_READ_WRONG);
    }
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
    const char *wrong; /* NULL: it is fine */
} tlvs[] = {
    {"\x04\0\0", 3, NULL},
    {"\x04\0\1x\x04\0\2yz\xff\0\0", 12, NULL},
    {"\x05\0\3id1\x30\0\2ns", 11, NULL},
    {"\x04", 1, "has a TLV that is cut off"},
    {"\x04\0", 2, "has a TLV that is cut off"},
    {"\x04\0\0\x04\0", 5, "has a TLV that is cut off"},
    {"\x04\0\1", 3, "has a TLV that is longer than the header"},
    {"\x04\xff\xff", 3, "has a TLV that is longer than the header"},
    {"\x20\0\5\1\0\0\0", 7, "has a TLV that is longer than the header"},
    {"\x03\0\0", 3, "has a CRC32C that is not of 4 bytes"},
    {"\x03\0\5\0\0\0\0\0", 8, "has a CRC32C that is not of 4 bytes"},
    {"\x03\0\4\0\0\0\0", 7, "has a CRC32C that is not right"},
};

START_TEST(tlvs_behind_the_addresses)
{
    enum proxy_read_status status =
        read_block(0x21, 0x11, 12, tlvs[_i].bytes, tlvs[_i].len);

    if (tlvs[_i].wrong == NULL) {
        ck_assert_int_eq(status, PROXY_READ_DONE);
        ck_assert(out.is_told);
        assert_addr(&out.src, "65.65.65.65:16705");
    } else {
        ck_assert_int_eq(status, PROXY_READ_WRONG);
        ck_assert_str_eq(out.wrong, tlvs[_i].wrong);
    }
}
END_TEST

START_TEST(what_belongs_to_no_address_is_skipped)
{
    ck_assert_int_eq(read_block(0x20, 0x11, 0, "\x03", 1), PROXY_READ_DONE);
    ck_assert(!out.is_told);
    ck_assert_int_eq(read_block(0x21, 0x00, 0, "\x03", 1), PROXY_READ_DONE);
    ck_assert(!out.is_told);
    ck_assert_uint_eq(out.len, 17);
}
END_TEST

START_TEST(the_longest)
{
    static char value[4097] = "\x04";
    size_t len = PROXY_READ_MAX - PROXY_V2_START - 12;

    value[1] = (char)((len - 3) >> 8);
    value[2] = (char)(len - 3);
    ck_assert_int_eq(read_block(0x21, 0x11, 12, value, len), PROXY_READ_DONE);
    ck_assert_uint_eq(out.len, PROXY_READ_MAX);
    ck_assert_int_eq(read_block(0x21, 0x11, 12, value, len + 1), PROXY_READ_WRONG);
    ck_assert_str_eq(out.wrong, "is longer than 4112 bytes");
    ck_assert_int_eq(read_block(0x20, 0, 0, value, len + 13), PROXY_READ_WRONG);
}
END_TEST

/* What one side writes the other reads. */
START_TEST(there_and_back)
{
    unsigned char buf[PROXY_WRITE_MAX];
    struct proxy_tls tls = {.version = "TLSv1.3", .cipher = "TLS_AES_128_GCM_SHA256"};
    struct addr src, dst;
    struct proxy_facts facts = {
        .src = &src, .dst = &dst, .alpn = "h2", .authority = "a.test", .tls = &tls};

    ck_assert_int_eq(addr_from_numeric(&src, "2001:db8::1", 4711), 0);
    ck_assert_int_eq(addr_from_numeric(&dst, "2001:db8::2", 443), 0);
    for (enum proxy_version version = PROXY_V1; version <= PROXY_V2; version++) {
        size_t len = proxy_write(version, &facts, buf, sizeof(buf));

        assert_header(buf, len);
        ck_assert_int_eq(out.version, version);
        ck_assert(addr_equal(&out.src, &src) && addr_equal(&out.dst, &dst));
        len = proxy_write_local(version, &src, &dst, buf, sizeof(buf));
        assert_header(buf, len);
        ck_assert(out.is_told == (version == PROXY_V1));
    }
}
END_TEST

static Suite *
proxy_read_suite(void)
{
    Suite *suite = suite_create("proxy_read");
    TCase *tcase = tcase_create("proxy_read");

    tcase_add_loop_test(tcase, lines, 0, COUNT_OF(good));
    tcase_add_loop_test(tcase, lines_that_are_wrong, 0, COUNT_OF(bad));
    tcase_add_test(tcase, a_nul_is_no_end);
    tcase_add_loop_test(tcase, what_begins_otherwise_has_none, 0, COUNT_OF(others));
    tcase_add_test(tcase, a_signature_that_is_not_quite_right);
    tcase_add_test(tcase, blocks);
    tcase_add_test(tcase, a_checksum_that_is_not_right);
    tcase_add_test(tcase, families_and_commands);
    tcase_add_test(tcase, lengths_of_addresses);
    tcase_add_loop_test(tcase, tlvs_behind_the_addresses, 0, COUNT_OF(tlvs));
    tcase_add_test(tcase, what_belongs_to_no_address_is_skipped);
    tcase_add_test(tcase, the_longest);
    tcase_add_test(tcase, there_and_back);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(proxy_read_suite)
