/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A text being written into memory of the caller's. It is always terminated by
 * NUL; what does not fit is cut off, and `cut` remembers that.
 */
struct text {
    char *buf;   /* borrowed */
    size_t size; /* bytes of buf, the NUL included */
    size_t len;  /* bytes written, the NUL not included */
    bool cut;
};

/* Begin an empty text in buf of size bytes (at least 1). Borrows buf. */
void text_init(struct text *t, char *buf, size_t size);

/* Append a string; len bytes; formatted words. */
void text_add(struct text *t, const char *string);
void text_add_bytes(struct text *t, const void *bytes, size_t len);
void text_addf(struct text *t, const char *format, ...) ATTR_PRINTF(2, 3);

/*
 * Append the value of a key=value pair: as it is where it has only printable
 * ASCII without space, quote, backslash and '='; else within double quotes with
 * \" \\ \n \r \t and \xHH. An empty or NULL string becomes "-".
 * The bytes may be hostile (SNI, error texts of peers).
 */
void text_add_value(struct text *t, const char *string);

/*
 * Append a JSON string with its quotes (RFC 8259, section 7). Bytes that are not
 * well-formed UTF-8 become U+FFFD, one for each byte. Control characters, DEL, C1 and the
 * line separators U+2028 and U+2029 included, are escaped. NULL becomes null.
 */
void text_add_json(struct text *t, const char *string);

/*
 * The bytes of the well-formed UTF-8 character that a string begins with: 1 to 4, also 1
 * for NUL; 0 if it begins with none.
 */
size_t text_utf8_length(const char *string);

/*
 * Append a time of clock_wall_us() as RFC 3339 writes it, in UTC with milliseconds:
 * "2026-01-31T12:00:00.123Z".
 */
void text_add_time(struct text *t, uint64_t wall_us);

/*
 * Parse a duration: digits and a unit, ms, s, m, h or d ("500ms", "10s").
 * "0" needs no unit. Returns 0 and sets *ms, or -1 if it is not one or is
 * longer than 24 days (it must fit 31 bits of milliseconds).
 */
int text_parse_duration(const char *string, uint32_t *ms) ATTR_MUST_CHECK;

/* Print a duration in the largest unit that loses nothing: "10s", "1500ms", "0". */
void text_add_duration(struct text *t, uint32_t ms);

/*
 * Parse a size: digits and a unit, b, k, m or g (of 1024), any case.
 * "0" needs no unit. Returns 0 and sets *bytes, or -1.
 */
int text_parse_size(const char *string, uint64_t *bytes) ATTR_MUST_CHECK;

/* Print a size in the largest unit that loses nothing: "64k", "100b", "0". */
void text_add_size(struct text *t, uint64_t bytes);

/* Parse a decimal number without sign. Returns 0 and sets *number, or -1. */
int text_parse_number(const char *string, uint64_t *number) ATTR_MUST_CHECK;

/*
 * Bytes that are written with the escapes of C: \\ \" \' \a \b \f \n \r \t \v, \0 and \xHH.
 * To bytes, which has room for as many as string has. Returns how many there are, or -1.
 */
ptrdiff_t text_unescape(const char *string, unsigned char *bytes) ATTR_MUST_CHECK;

/*
 * How many insertions, deletions, replacements and swaps of neighbours lead
 * from a to b, no part being edited twice: "did you mean". Strings of more than 63 bytes
 * are 'far' (64).
 */
unsigned text_distance(const char *a, const char *b);

#endif
