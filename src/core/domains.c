/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/domains.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 63

/*
 * The bytes: three numbers (names, values, bytes of text), a row of three numbers for each
 * name (where its text begins and ends, where its values begin; those of the next row end
 * them), a last row, the values, the texts.
 */
#define HEAD (3 * sizeof(uint32_t))
#define ROW (3 * sizeof(uint32_t))

/* ---- The one form ---- */

static char
to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_of_label(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Copy labels, from the one that begins at `at`. Returns 0 if one is none. */
static size_t
copy_labels(const char *name, size_t at, size_t len, char *out)
{
    size_t label = 0;

    for (; at < len; at++) {
        char c = to_lower(name[at]);

        if (c == '.' ? label == 0 : !is_of_label(c) || label == LABEL_MAX)
            return 0;
        label = c == '.' ? 0 : label + 1;
        out[at] = c;
    }
    out[len] = '\0';
    return label == 0 ? 0 : len;
}

size_t
domains_normalize(const char *name, size_t len, bool pattern,
                  char out[DOMAINS_LENGTH_MAX + 1])
{
    if (len > 0 && name[len - 1] == '.')
        len--;
    if (len == 0 || len > DOMAINS_LENGTH_MAX)
        return 0;
    if (!pattern || len < 2 || name[0] != '*' || name[1] != '.')
        return copy_labels(name, 0, len, out);
    out[0] = '*';
    out[1] = '.';
    return copy_labels(name, 2, len, out);
}

/* ---- Building ---- */

static int
compare(const void *a, const void *b)
{
    const struct domains_entry *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : (left->value > right->value) - (left->value < right->value);
}

/* Sorted, and each of them once. */
static size_t
tidy(struct domains_entry *entry, size_t entries)
{
    size_t kept = 0;

    if (entries > 0)
        qsort(entry, entries, sizeof(*entry), compare);
    for (size_t i = 0; i < entries; i++)
        if (kept == 0 || compare(&entry[kept - 1], &entry[i]) != 0)
            entry[kept++] = entry[i];
    return kept;
}

static bool
is_new_name(const struct domains_entry *entry, size_t i)
{
    return i == 0 || strcmp(entry[i - 1].name, entry[i].name) != 0;
}

static void
pack_rows(struct pack *p, const struct domains_entry *entry, size_t entries)
{
    uint32_t text = 0, len;

    for (size_t i = 0; i < entries; i++) {
        if (!is_new_name(entry, i))
            continue;
        len = (uint32_t)strlen(entry[i].name);
        pack_u32(p, text);
        pack_u32(p, text + len);
        pack_u32(p, (uint32_t)i);
        text += len;
    }
    pack_u32(p, text);
    pack_u32(p, text);
    pack_u32(p, (uint32_t)entries);
}

void
domains_build(struct domains_entry *entry, size_t entries, struct pack *p)
{
    uint32_t names = 0, text = 0;

    entries = tidy(entry, entries);
    for (size_t i = 0; i < entries; i++) {
        if (is_new_name(entry, i)) {
            names++;
            text += (uint32_t)strlen(entry[i].name);
        }
    }
    pack_u32(p, names);
    pack_u32(p, (uint32_t)entries);
    pack_u32(p, text);
    pack_rows(p, entry, entries);
    for (size_t i = 0; i < entries; i++)
        pack_u32(p, entry[i].value);
    for (size_t i = 0; i < entries; i++)
        if (is_new_name(entry, i))
            pack_bytes(p, entry[i].name, strlen(entry[i].name));
}

/* ---- Reading ---- */

static uint32_t
number_at(const unsigned char *at)
{
    uint32_t number;

    memcpy(&number, at, sizeof(number));
    return number;
}

static const unsigned char *
row_at(const struct domains *n, uint32_t row)
{
    return n->bytes + HEAD + (size_t)row * ROW;
}

static const unsigned char *
values_of(const struct domains *n)
{
    return row_at(n, n->names + 1);
}

static const unsigned char *
text_of(const struct domains *n)
{
    return values_of(n) + (size_t)n->values * sizeof(uint32_t);
}

int
domains_open(struct domains *n, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t size;

    *n = (struct domains){0};
    if (len < HEAD)
        return -1;
    size = HEAD + ((uint64_t)number_at(at) + 1) * ROW +
           (uint64_t)number_at(at + 4) * sizeof(uint32_t) + number_at(at + 8);
    if (size != len)
        return -1;
    n->bytes = at;
    n->names = number_at(at);
    n->values = number_at(at + 4);
    n->text_bytes = number_at(at + 8);
    return 0;
}

/* As memcmp, of the name of a row and another; a row that is none comes first. */
static int
compare_row(const struct domains *n, uint32_t row, const char *name, size_t len)
{
    uint32_t begin = number_at(row_at(n, row)), end = number_at(row_at(n, row) + 4);
    size_t row_len = end - begin;
    int order;

    if (begin > end || end > n->text_bytes)
        return -1;
    order = memcmp(text_of(n) + begin, name, row_len < len ? row_len : len);
    return order != 0 ? order : (row_len > len) - (row_len < len);
}

static struct domains_values
values_at(const struct domains *n, uint32_t row)
{
    uint32_t first = number_at(row_at(n, row) + 8);
    uint32_t next = number_at(row_at(n, row + 1) + 8);

    if (first > next || next > n->values)
        return (struct domains_values){0};
    return (struct domains_values){first, next - first};
}

struct domains_values
domains_exact(const struct domains *n, const char *name)
{
    size_t len = strlen(name);
    uint32_t low = 0, high = n->names;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_row(n, middle, name, len);

        if (order == 0)
            return values_at(n, middle);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct domains_values){0};
}

struct domains_values
domains_wildcard(const struct domains *n, const char *name)
{
    char pattern[DOMAINS_LENGTH_MAX + 2];
    const char *rest = strchr(name, '.');
    size_t len = rest != NULL ? strlen(rest) : 0;

    if (len < 2 || len > DOMAINS_LENGTH_MAX)
        return (struct domains_values){0};
    pattern[0] = '*';
    memcpy(pattern + 1, rest, len + 1);
    return domains_exact(n, pattern);
}

uint32_t
domains_value(const struct domains *n, struct domains_values values, uint32_t i)
{
    return number_at(values_of(n) + ((size_t)values.first + i) * sizeof(uint32_t));
}
