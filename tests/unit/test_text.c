/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include "support/check_main.h"

#include <stdio.h>
#include <string.h>

static char buf[4096];
static struct text t;

static void
begin(void)
{
    memset(buf, 'x', sizeof(buf));
    text_init(&t, buf, sizeof(buf));
}

START_TEST(test_add_appends)
{
    ck_assert_str_eq(buf, "");
    text_add(&t, "one");
    text_add_bytes(&t, " two three", 4);
    text_addf(&t, " %d%s", 3, "!");
    ck_assert_str_eq(buf, "one two 3!");
    ck_assert_uint_eq(t.len, 10);
    ck_assert(!t.cut);
}
END_TEST

START_TEST(test_add_cuts_what_does_not_fit)
{
    char small[5] = "....";

    text_init(&t, small, 4);
    text_add(&t, "abc");
    ck_assert(!t.cut);
    text_add(&t, "");
    ck_assert(!t.cut);
    text_add(&t, "d");
    ck_assert(t.cut);
    ck_assert_str_eq(small, "abc");
    ck_assert_uint_eq(t.len, 3);
    text_addf(&t, "%d", 1);
    ck_assert_str_eq(small, "abc");
    ck_assert_uint_eq(t.len, 3);
    ck_assert_int_eq(small[4], '\0');
}
END_TEST

START_TEST(test_addf_cuts_what_does_not_fit)
{
    char small[6] = ".....";

    text_init(&t, small, 5);
    text_addf(&t, "%s", "abcd");
    ck_assert(!t.cut);
    text_init(&t, small, 5);
    text_addf(&t, "%s", "abcdef");
    ck_assert(t.cut);
    ck_assert_str_eq(small, "abcd");
    ck_assert_uint_eq(t.len, 4);
}
END_TEST

START_TEST(test_size_of_one_byte_is_enough)
{
    char small[2] = {'x', 'y'};

    text_init(&t, small, 1);
    text_add_json(&t, "abc");
    text_add_value(&t, "a b");
    text_addf(&t, "%d", 17);
    ck_assert(t.cut);
    ck_assert_int_eq(small[0], '\0');
    ck_assert_int_eq(small[1], 'y');
}
END_TEST

static const struct {
    const char *in, *out;
} values[] = {
    {NULL, "-"},
    {"", "-"},
    {"plain", "plain"},
    {"[::1]:443/~!#$%&'()*+,;<>?@^_`{|}", "[::1]:443/~!#$%&'()*+,;<>?@^_`{|}"},
    {"two words", "\"two words\""},
    {"a=b", "\"a=b\""},
    {"say \"hi\"", "\"say \\\"hi\\\"\""},
    {"\"", "\"\\\"\""},
    {"back\\slash", "\"back\\\\slash\""},
    {"a\nb\rc\td", "\"a\\nb\\rc\\td\""},
    {"\x01\x1b[31m\x7f", "\"\\x01\\x1b[31m\\x7f\""},
    {"\x7f", "\"\\x7f\""},
    {"\b\f\v", "\"\\x08\\x0c\\x0b\""},
    {"m\xc3\xbcnchen", "\"m\\xc3\\xbcnchen\""},
    {"\x80\xff", "\"\\x80\\xff\""},
    {"x\nlevel=error", "\"x\\nlevel=error\""},
};

START_TEST(test_value)
{
    text_add_value(&t, values[_i].in);
    ck_assert_str_eq(buf, values[_i].out);
    ck_assert_uint_eq(t.len, strlen(buf));
}
END_TEST

#define FFFD "\xef\xbf\xbd"

static const struct {
    const char *in, *out;
} jsons[] = {
    {NULL, "null"},
    {"", "\"\""},
    {"plain = 'text' /", "\"plain = 'text' /\""},
    {"say \"hi\"", "\"say \\\"hi\\\"\""},
    {"back\\slash", "\"back\\\\slash\""},
    {"a\nb\rc\td", "\"a\\nb\\rc\\td\""},
    {"\x01\x1b\x1f\b\f", "\"\\u0001\\u001b\\u001f\\u0008\\u000c\""},
    {"\x7f", "\"\\u007f\""},
    /* well-formed: the ends of each range of RFC 3629, section 4 */
    {"\xc2\xa0\xdf\xbf", "\"\xc2\xa0\xdf\xbf\""},
    {"\xe0\xa0\x80\xec\xbf\xbf", "\"\xe0\xa0\x80\xec\xbf\xbf\""},
    {"\xed\x9f\xbf\xee\x80\x80", "\"\xed\x9f\xbf\xee\x80\x80\""},
    {"\xef\xbf\xbf", "\"\xef\xbf\xbf\""},
    {"\xf0\x90\x80\x80\xf3\xbf\xbf\xbf", "\"\xf0\x90\x80\x80\xf3\xbf\xbf\xbf\""},
    {"\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""},
    /* C1 controls and line separators are escaped; their neighbours are not */
    {"\xc2\x80\xc2\x9b\xc2\x9f", "\"\\u0080\\u009b\\u009f\""},
    {"\xc3\x80", "\"\xc3\x80\""},
    {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa",
     "\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\""},
    /* overlong forms */
    {"\xc0\x80", "\"" FFFD FFFD "\""},
    {"\xc1\xbf", "\"" FFFD FFFD "\""},
    {"\xe0\x9f\xbf", "\"" FFFD FFFD FFFD "\""},
    {"\xf0\x8f\xbf\xbf", "\"" FFFD FFFD FFFD FFFD "\""},
    /* surrogates */
    {"\xed\xa0\x80", "\"" FFFD FFFD FFFD "\""},
    {"\xed\xbf\xbf", "\"" FFFD FFFD FFFD "\""},
    /* beyond U+10FFFF */
    {"\xf4\x90\x80\x80", "\"" FFFD FFFD FFFD FFFD "\""},
    {"\xf5\x80\x80\x80", "\"" FFFD FFFD FFFD FFFD "\""},
    {"\xff\xfe", "\"" FFFD FFFD "\""},
    /* continuation without a beginning; beginnings without continuation */
    {"a\x80z", "\"a" FFFD "z\""},
    {"\xc3z", "\"" FFFD "z\""},
    {"\xe2\x82z", "\"" FFFD FFFD "z\""},
    {"\xf0\x9f\x98z", "\"" FFFD FFFD FFFD "z\""},
    {"\xc3\"", "\"" FFFD "\\\"\""},
    {"\xe2\x82\xc3\xa9", "\"" FFFD FFFD "\xc3\xa9\""},
    /* cut off by the NUL */
    {"\xc3", "\"" FFFD "\""},
    {"\xe2", "\"" FFFD "\""},
    {"\xe2\x82", "\"" FFFD FFFD "\""},
    {"\xf0\x9f\x98", "\"" FFFD FFFD FFFD "\""},
};

/* The edges of the table of RFC 3629, section 4. */
static const struct {
    const char *in;
    size_t len;
} utf8s[] = {
    {"", 1},
    {"a\x80", 1},
    {"\x7f", 1},
    {"\x80", 0},
    {"\xc1\xbf", 0},
    {"\xc2\x80z", 2},
    {"\xdf\xbf", 2},
    {"\xc3", 0},
    {"\xe0\x9f\xbf", 0},
    {"\xe0\xa0\x80", 3},
    {"\xed\x9f\xbf", 3},
    {"\xed\xa0\x80", 0},
    {"\xef\xbf\xbf", 3},
    {"\xef\xbf", 0},
    {"\xf0\x8f\xbf\xbf", 0},
    {"\xf0\x90\x80\x80", 4},
    {"\xf4\x8f\xbf\xbfz", 4},
    {"\xf4\x90\x80\x80", 0},
    {"\xf5\x80\x80\x80", 0},
};

START_TEST(test_utf8)
{
    ck_assert_uint_eq(text_utf8_length(utf8s[_i].in), utf8s[_i].len);
}
END_TEST

START_TEST(test_json)
{
    text_add_json(&t, jsons[_i].in);
    ck_assert_str_eq(buf, jsons[_i].out);
    ck_assert_uint_eq(t.len, strlen(buf));
}
END_TEST

/* In a buffer without a byte to spare, so that sanitizers see a look beyond the NUL. */
START_TEST(test_hostile_strings_are_read_to_their_nul_only)
{
    int first;

    for (first = 1; first < 256; first++) {
        char *exact = malloc(2);

        exact[0] = (char)first;
        exact[1] = '\0';
        text_init(&t, buf, sizeof(buf));
        text_add_json(&t, exact);
        ck_assert_int_eq(buf[t.len - 1], '"');
        text_add_value(&t, exact);
        free(exact);
    }
}
END_TEST

static const struct {
    uint64_t wall_us;
    const char *out;
} times[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1769860800123456, "2026-01-31T12:00:00.123Z"},
    {951782399999999, "2000-02-28T23:59:59.999Z"},
    {951782400000000, "2000-02-29T00:00:00.000Z"},
    {951868800000000, "2000-03-01T00:00:00.000Z"},
    {1709164800000000, "2024-02-29T00:00:00.000Z"},
    {1735689599999000, "2024-12-31T23:59:59.999Z"},
    {1735689600000000, "2025-01-01T00:00:00.000Z"},
    {4107542400000000, "2100-03-01T00:00:00.000Z"},
    {253402300799999999, "9999-12-31T23:59:59.999Z"},
};

START_TEST(test_time)
{
    text_add_time(&t, times[_i].wall_us);
    ck_assert_str_eq(buf, times[_i].out);
}
END_TEST

#define WRONG UINT64_MAX

static const struct {
    const char *in;
    uint64_t ms;
} durations[] = {
    {"0", 0},
    {"0s", 0},
    {"500ms", 500},
    {"10s", 10000},
    {"2m", 120000},
    {"1h", 3600000},
    {"1d", 86400000},
    {"24d", 2073600000},
    {"2073600000ms", 2073600000},
    {"007s", 7000},
    {"", WRONG},
    {"s", WRONG},
    {"10", WRONG},
    {"10 s", WRONG},
    {" 10s", WRONG},
    {"10s ", WRONG},
    {"10S", WRONG},
    {"10sec", WRONG},
    {"-1s", WRONG},
    {"+1s", WRONG},
    {"1.5s", WRONG},
    {"1h30m", WRONG},
    {"25d", WRONG},
    {"2073600001ms", WRONG},
    {"577h", WRONG},
    {"0x1s", WRONG},
    {"18446744073709551617ms", WRONG},
    {"1w", WRONG},
    {"213503982335d", WRONG},
};

START_TEST(test_parse_duration)
{
    uint32_t ms = 4711;
    int wrong = text_parse_duration(durations[_i].in, &ms);

    if (durations[_i].ms == WRONG) {
        ck_assert_int_eq(wrong, -1);
        ck_assert_uint_eq(ms, 4711);
    } else {
        ck_assert_int_eq(wrong, 0);
        ck_assert_uint_eq(ms, durations[_i].ms);
    }
}
END_TEST

static const struct {
    uint32_t ms;
    const char *out;
} printed_durations[] = {
    {0, "0"},         {1, "1ms"},        {1500, "1500ms"},    {10000, "10s"},
    {90000, "90s"},   {120000, "2m"},    {3600000, "1h"},     {5400000, "90m"},
    {86400000, "1d"}, {90000000, "25h"}, {2073600000, "24d"},
};

START_TEST(test_add_duration)
{
    uint32_t ms;

    text_add_duration(&t, printed_durations[_i].ms);
    ck_assert_str_eq(buf, printed_durations[_i].out);
    ck_assert_int_eq(text_parse_duration(buf, &ms), 0);
    ck_assert_uint_eq(ms, printed_durations[_i].ms);
}
END_TEST

static const struct {
    const char *in;
    uint64_t bytes;
} sizes[] = {
    {"0", 0},
    {"0k", 0},
    {"100b", 100},
    {"100B", 100},
    {"64k", 65536},
    {"64K", 65536},
    {"3m", 3145728},
    {"2G", 2147483648},
    {"17179869183g", 18446744072635809792u},
    {"17179869184g", WRONG},
    {"18446744073709551616b", WRONG},
    {"", WRONG},
    {"k", WRONG},
    {"64", WRONG},
    {"64kb", WRONG},
    {"64 k", WRONG},
    {"-1k", WRONG},
    {"1t", WRONG},
};

START_TEST(test_parse_size)
{
    uint64_t bytes = 4711;
    int wrong = text_parse_size(sizes[_i].in, &bytes);

    ck_assert_int_eq(wrong, sizes[_i].bytes == WRONG ? -1 : 0);
    ck_assert_uint_eq(bytes, sizes[_i].bytes == WRONG ? 4711 : sizes[_i].bytes);
}
END_TEST

static const struct {
    uint64_t bytes;
    const char *out;
} printed_sizes[] = {
    {0, "0"},           {1, "1b"},
    {1023, "1023b"},    {1024, "1k"},
    {1536, "1536b"},    {65536, "64k"},
    {1048576, "1m"},    {1049600, "1025k"},
    {2147483648, "2g"}, {UINT64_MAX, "18446744073709551615b"},
};

START_TEST(test_add_size)
{
    uint64_t bytes;

    text_add_size(&t, printed_sizes[_i].bytes);
    ck_assert_str_eq(buf, printed_sizes[_i].out);
    ck_assert_int_eq(text_parse_size(buf, &bytes), 0);
    ck_assert_uint_eq(bytes, printed_sizes[_i].bytes);
}
END_TEST

START_TEST(test_parse_number)
{
    static const char *const wrong[] = {
        "", "-1", "+1", " 1", "1 ", "1k", "0x1", "1.0", "18446744073709551616"};
    uint64_t number = 4711;
    size_t i;

    for (i = 0; i < COUNT_OF(wrong); i++)
        ck_assert_msg(text_parse_number(wrong[i], &number) == -1, "'%s'", wrong[i]);
    ck_assert_uint_eq(number, 4711);
    ck_assert_int_eq(text_parse_number("0", &number), 0);
    ck_assert_uint_eq(number, 0);
    ck_assert_int_eq(text_parse_number("0042", &number), 0);
    ck_assert_uint_eq(number, 42);
    ck_assert_int_eq(text_parse_number("18446744073709551615", &number), 0);
    ck_assert_uint_eq(number, UINT64_MAX);
}
END_TEST

static const struct {
    const char *a, *b;
    unsigned distance;
} distances[] = {
    {"", "", 0},
    {"backend", "backend", 0},
    {"", "abc", 3},
    {"backend", "backnd", 1},
    {"backend", "backendd", 1},
    {"backend", "backemd", 1},
    {"backend", "bakcend", 1},
    {"ab", "ba", 1},
    {"backend", "abckedn", 2},
    {"kitten", "sitting", 3},
    {"listen", "certificate", 9},
    {"abcdef", "badcfe", 3},
};

START_TEST(test_distance)
{
    ck_assert_uint_eq(text_distance(distances[_i].a, distances[_i].b),
                      distances[_i].distance);
    ck_assert_uint_eq(text_distance(distances[_i].b, distances[_i].a),
                      distances[_i].distance);
}
END_TEST

START_TEST(test_distance_of_long_strings)
{
    char longest[64], longer[65];

    memset(longest, 'a', 63);
    longest[63] = '\0';
    memset(longer, 'a', 64);
    longer[64] = '\0';
    ck_assert_uint_eq(text_distance(longest, ""), 63);
    ck_assert_uint_eq(text_distance(longest, longest), 0);
    ck_assert_uint_eq(text_distance(longer, longer), 64);
    ck_assert_uint_eq(text_distance("a", longer), 64);
}
END_TEST

static const struct {
    const char *string, *bytes;
    ptrdiff_t len;
} escapes[] = {
    {"", "", 0},
    {"PING", "PING", 4},
    {"\\r\\n\\t\\a\\b\\f\\v\\\\\\\"\\'", "\r\n\t\a\b\f\v\\\"'", 10},
    {"a\\0b", "a\0b", 3},
    {"\\x00\\xfF\\x7ez", "\0\xff~z", 4},
    {"\xc3\xa4", "\xc3\xa4", 2},
    {"\\", NULL, -1},
    {"\\q", NULL, -1},
    {"\\x", NULL, -1},
    {"\\x1", NULL, -1},
    {"\\xg1", NULL, -1},
    {"\\x1g", NULL, -1},
};

START_TEST(test_unescape)
{
    unsigned char bytes[64];
    ptrdiff_t len = text_unescape(escapes[_i].string, bytes);

    ck_assert_int_eq(len, escapes[_i].len);
    if (len > 0)
        ck_assert_int_eq(memcmp(bytes, escapes[_i].bytes, (size_t)len), 0);
}
END_TEST

static Suite *
text_suite(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = tcase_create("text");

    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_test(tcase, test_add_appends);
    tcase_add_test(tcase, test_add_cuts_what_does_not_fit);
    tcase_add_test(tcase, test_addf_cuts_what_does_not_fit);
    tcase_add_test(tcase, test_size_of_one_byte_is_enough);
    tcase_add_loop_test(tcase, test_value, 0, COUNT_OF(values));
    tcase_add_loop_test(tcase, test_utf8, 0, COUNT_OF(utf8s));
    tcase_add_loop_test(tcase, test_json, 0, COUNT_OF(jsons));
    tcase_add_test(tcase, test_hostile_strings_are_read_to_their_nul_only);
    tcase_add_loop_test(tcase, test_time, 0, COUNT_OF(times));
    tcase_add_loop_test(tcase, test_parse_duration, 0, COUNT_OF(durations));
    tcase_add_loop_test(tcase, test_add_duration, 0, COUNT_OF(printed_durations));
    tcase_add_loop_test(tcase, test_parse_size, 0, COUNT_OF(sizes));
    tcase_add_loop_test(tcase, test_add_size, 0, COUNT_OF(printed_sizes));
    tcase_add_test(tcase, test_parse_number);
    tcase_add_loop_test(tcase, test_distance, 0, COUNT_OF(distances));
    tcase_add_test(tcase, test_distance_of_long_strings);
    tcase_add_loop_test(tcase, test_unescape, 0, COUNT_OF(escapes));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(text_suite)
