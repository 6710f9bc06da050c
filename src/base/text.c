/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DURATION_MAX_MS (24u * 86400000u)
#define DISTANCE_MAX 63

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first, as the printers want them. */
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit size_units[] = {
    {"g", 1 << 30},
    {"m", 1 << 20},
    {"k", 1 << 10},
    {"b", 1},
};

void
text_init(struct text *t, char *buf, size_t size)
{
    t->buf = buf;
    t->size = size;
    t->len = 0;
    t->cut = false;
    buf[0] = '\0';
}

void
text_add_bytes(struct text *t, const void *bytes, size_t len)
{
    size_t room = t->size - 1 - t->len;

    if (len > room) {
        len = room;
        t->cut = true;
    }
    if (len > 0)
        memcpy(t->buf + t->len, bytes, len);
    t->len += len;
    t->buf[t->len] = '\0';
}

void
text_add(struct text *t, const char *string)
{
    text_add_bytes(t, string, strlen(string));
}

void
text_addf(struct text *t, const char *format, ...)
{
    size_t room = t->size - t->len;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(t->buf + t->len, room, format, args);
    va_end(args);
    if (len < 0) {
        t->buf[t->len] = '\0';
        t->cut = true;
    } else if ((size_t)len >= room) {
        t->len = t->size - 1;
        t->cut = true;
    } else {
        t->len += (size_t)len;
    }
}

static bool
is_plain(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

static bool
is_plain_string(const char *string)
{
    while (is_plain((unsigned char)*string))
        string++;
    return *string == '\0';
}

/* The letter behind the backslash in the escapes that both formats share, or 0. */
static char
short_escape(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static void
add_escape(struct text *t, char letter)
{
    const char escape[2] = {'\\', letter};

    text_add_bytes(t, escape, sizeof(escape));
}

static void
add_quoted_byte(struct text *t, unsigned char c)
{
    char letter = short_escape(c);

    if (letter != 0)
        add_escape(t, letter);
    else if (c < ' ' || c >= 0x7f)
        text_addf(t, "\\x%02x", c);
    else
        text_add_bytes(t, &c, 1);
}

void
text_add_value(struct text *t, const char *string)
{
    if (string == NULL || *string == '\0') {
        text_add(t, "-");
        return;
    }
    if (is_plain_string(string)) {
        text_add(t, string);
        return;
    }
    text_add(t, "\"");
    for (; *string != '\0'; string++)
        add_quoted_byte(t, (unsigned char)*string);
    text_add(t, "\"");
}

/* By the table of RFC 3629, section 4. Stops at the first byte that does not fit, so that
 * it never looks past the NUL. */
size_t
text_utf8_length(const char *string)
{
    const unsigned char *s = (const unsigned char *)string;
    unsigned char low = 0x80, high = 0xbf;
    size_t len, i;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (s[0] == 0xe0)
        low = 0xa0; /* below: overlong */
    else if (s[0] == 0xed)
        high = 0x9f; /* above: surrogates */
    else if (s[0] == 0xf0)
        low = 0x90; /* below: overlong */
    else if (s[0] == 0xf4)
        high = 0x8f; /* above: beyond U+10FFFF */
    if (s[1] < low || s[1] > high)
        return 0;
    for (i = 2; i < len; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return len;
}

/*
 * What JSON would allow but a log should not carry: DEL and the C1 controls, which
 * terminals obey, and the line separators, at which some readers split lines.
 * The code point, or 0.
 */
static unsigned
unwelcome_in_json(const unsigned char *s, size_t len)
{
    if (len == 1)
        return s[0] < ' ' || s[0] == 0x7f ? s[0] : 0;
    if (len == 2 && s[0] == 0xc2 && s[1] < 0xa0)
        return s[1];
    if (len == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9))
        return 0x2000u + (s[2] & 0x3fu);
    return 0;
}

static void
add_json_char(struct text *t, const unsigned char *s, size_t len)
{
    unsigned code_point = unwelcome_in_json(s, len);
    char letter = short_escape(s[0]);

    if (letter != 0)
        add_escape(t, letter);
    else if (code_point != 0)
        text_addf(t, "\\u%04x", code_point);
    else
        text_add_bytes(t, s, len);
}

void
text_add_json(struct text *t, const char *string)
{
    const unsigned char *s = (const unsigned char *)string;
    size_t len;

    if (string == NULL) {
        text_add(t, "null");
        return;
    }
    text_add(t, "\"");
    while (*s != '\0') {
        len = text_utf8_length((const char *)s);
        if (len == 0)
            text_add(t, "\xef\xbf\xbd"); /* U+FFFD */
        else
            add_json_char(t, s, len);
        s += len == 0 ? 1 : len;
    }
    text_add(t, "\"");
}

/* Civil date from days since 1970-01-01: years are counted from March, so that the leap
 * day is the last of its year. Not gmtime_r: it may open the time zone's file. */
static void
add_date(struct text *t, uint64_t days)
{
    uint64_t shifted = days + 719468; /* days since 0000-03-01 */
    uint64_t era = shifted / 146097;  /* of 400 years */
    uint64_t day = shifted % 146097;
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint64_t month;

    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    month = month < 10 ? month + 3 : month - 9;
    year += 400 * era + (month <= 2 ? 1 : 0);
    text_addf(t, "%04u-%02u-%02u", (unsigned)year, (unsigned)month, (unsigned)day + 1);
}

void
text_add_time(struct text *t, uint64_t wall_us)
{
    uint64_t ms = wall_us / 1000;
    unsigned second = (unsigned)(ms / 1000 % 86400);

    add_date(t, ms / 86400000);
    text_addf(t, "T%02u:%02u:%02u.%03uZ", second / 3600, second / 60 % 60, second % 60,
              (unsigned)(ms % 1000));
}

/* Read digits; at least one. Moves *s behind them. */
static int
parse_digits(const char **s, uint64_t *number)
{
    uint64_t sum = 0;
    const char *p = *s;

    for (; *p >= '0' && *p <= '9'; p++) {
        unsigned digit = (unsigned)(*p - '0');

        if (sum > (UINT64_MAX - digit) / 10)
            return -1;
        sum = sum * 10 + digit;
    }
    if (p == *s)
        return -1;
    *s = p;
    *number = sum;
    return 0;
}

static int
parse_with_unit(const char *string, const struct unit *units, size_t count,
                int (*compare)(const char *, const char *), uint64_t *product)
{
    uint64_t number;
    size_t i;

    if (parse_digits(&string, &number) != 0)
        return -1;
    if (number == 0 && *string == '\0') {
        *product = 0;
        return 0;
    }
    for (i = 0; i < count && compare(string, units[i].name) != 0; i++)
        ;
    if (i == count || number > UINT64_MAX / units[i].factor)
        return -1;
    *product = number * units[i].factor;
    return 0;
}

static void
add_with_unit(struct text *t, const struct unit *units, uint64_t number)
{
    if (number == 0) {
        text_add(t, "0");
        return;
    }
    while (number % units->factor != 0)
        units++;
    text_addf(t, "%llu%s", (unsigned long long)(number / units->factor), units->name);
}

int
text_parse_duration(const char *string, uint32_t *ms)
{
    uint64_t number;

    if (parse_with_unit(string, duration_units, COUNT_OF(duration_units), strcmp,
                        &number) != 0 ||
        number > DURATION_MAX_MS)
        return -1;
    *ms = (uint32_t)number;
    return 0;
}

void
text_add_duration(struct text *t, uint32_t ms)
{
    add_with_unit(t, duration_units, ms);
}

int
text_parse_size(const char *string, uint64_t *bytes)
{
    return parse_with_unit(string, size_units, COUNT_OF(size_units), strcasecmp, bytes);
}

void
text_add_size(struct text *t, uint64_t bytes)
{
    add_with_unit(t, size_units, bytes);
}

int
text_parse_number(const char *string, uint64_t *number)
{
    uint64_t sum;

    if (parse_digits(&string, &sum) != 0 || *string != '\0')
        return -1;
    *number = sum;
    return 0;
}

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* The value of a hexadecimal digit, or -1. */
static int
hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* What stands behind a backslash, at *string, which is moved on. Returns it, or -1. */
static int
unescape_one(const char **string)
{
    static const char letters[] = "\\\"'abfnrtv0", meanings[] = "\\\"'\a\b\f\n\r\t\v";
    const char *at = **string != '\0' ? strchr(letters, **string) : NULL;
    int high, low;

    if (at != NULL) {
        (*string)++;
        return (unsigned char)meanings[at - letters]; /* that of 0 is the NUL at its end */
    }
    if (**string != 'x')
        return -1;
    high = hex_digit((*string)[1]);
    low = high < 0 ? -1 : hex_digit((*string)[2]);
    *string += low < 0 ? 0 : 3;
    return low < 0 ? -1 : high * 16 + low;
}

ptrdiff_t
text_unescape(const char *string, unsigned char *bytes)
{
    unsigned char *to = bytes;

    while (*string != '\0') {
        int byte = (unsigned char)*string++;

        if (byte == '\\')
            byte = unescape_one(&string);
        if (byte < 0)
            return -1;
        *to++ = (unsigned char)byte;
    }
    return to - bytes;
}

/* Optimal string alignment, by rows: row[i % 3][j] leads from a's first i to b's first j.
 */
unsigned
text_distance(const char *a, const char *b)
{
    unsigned row[3][DISTANCE_MAX + 1];
    size_t a_len = strlen(a), b_len = strlen(b), i, j;

    if (a_len > DISTANCE_MAX || b_len > DISTANCE_MAX)
        return DISTANCE_MAX + 1;
    for (j = 0; j <= b_len; j++)
        row[0][j] = (unsigned)j;
    for (i = 1; i <= a_len; i++) {
        unsigned *now = row[i % 3], *before = row[(i + 2) % 3];

        now[0] = (unsigned)i;
        for (j = 1; j <= b_len; j++) {
            unsigned replaced = before[j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u);

            now[j] = least(now[j - 1] + 1, before[j] + 1, replaced);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], now[j], row[(i + 1) % 3][j - 2] + 1);
        }
    }
    return row[a_len % 3][b_len];
}
