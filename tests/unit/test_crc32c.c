/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crc32c.h"

#include "base/attr.h"
#include "support/check_main.h"

#include <string.h>

static uint32_t
of(const void *bytes, size_t len)
{
    return crc32c_end(crc32c_add(CRC32C_START, bytes, len));
}

/* RFC 3720, B.4 (whose bytes are those of the number from the lowest on), and the check
 * value that catalogues of checksums give. */
START_TEST(known_values)
{
    unsigned char bytes[32];

    memset(bytes, 0, sizeof(bytes));
    ck_assert_uint_eq(of(bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    ck_assert_uint_eq(of(bytes, sizeof(bytes)), 0x62a8ab43);
    for (unsigned char i = 0; i < 32; i++)
        bytes[i] = i;
    ck_assert_uint_eq(of(bytes, sizeof(bytes)), 0x46dd794e);
    for (unsigned char i = 0; i < 32; i++)
        bytes[i] = (unsigned char)(31 - i);
    ck_assert_uint_eq(of(bytes, sizeof(bytes)), 0x113fdb5c);
    ck_assert_uint_eq(of("123456789", 9), 0xe3069283);
    ck_assert_uint_eq(of("", 0), 0);
}
END_TEST

/* Bit by bit, as the definition has it. */
static uint32_t
slowly(const unsigned char *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

START_TEST(every_byte_counts)
{
    unsigned char byte;

    for (unsigned i = 0; i < 256; i++) {
        byte = (unsigned char)i;
        ck_assert_uint_eq(of(&byte, 1), slowly(&byte, 1));
    }
}
END_TEST

START_TEST(pieces_make_a_whole)
{
    static const char words[] = "the quick brown fox jumps over the lazy dog";

    for (size_t i = 0; i <= sizeof(words); i++) {
        uint32_t crc = crc32c_add(CRC32C_START, words, i);

        ck_assert_uint_eq(crc32c_end(crc32c_add(crc, words + i, sizeof(words) - i)),
                          of(words, sizeof(words)));
    }
}
END_TEST

static Suite *
crc32c_suite(void)
{
    Suite *suite = suite_create("crc32c");
    TCase *tcase = tcase_create("crc32c");

    tcase_add_test(tcase, known_values);
    tcase_add_test(tcase, every_byte_counts);
    tcase_add_test(tcase, pieces_make_a_whole);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(crc32c_suite)
