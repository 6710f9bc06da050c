/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_DOMAINS_H
#define CORE_DOMAINS_H

#include "base/attr.h"
#include "base/pack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An index from DNS names to numbers, as bytes that are searched where they lie: the master
 * builds it, and all workers read the one copy in the bundle. Names are in one form: lower
 * case, without a dot at the end.
 */

/* A name in text form has at most so many bytes (RFC 1035, section 2.3.4). */
#define DOMAINS_LENGTH_MAX 253

/*
 * Bring a host name of len bytes, which may be hostile, into the one form: out gets it with
 * a NUL. Letters, digits, '-' and '_' in labels of 1 to 63 bytes; a pattern may have "*" as
 * its left-most label, with at least one label behind it (RFC 9525, section 6.3; "*" within
 * a label or further right matches nothing). Returns its length, or 0 if it is no such
 * name.
 */
size_t domains_normalize(const char *name, size_t len, bool pattern,
                         char out[DOMAINS_LENGTH_MAX + 1]);

/* A name, or a pattern, in the one form, and the number that it stands for. */
struct domains_entry {
    const char *name; /* borrowed */
    uint32_t value;
};

/*
 * Append the index of these entries to p, in any order (sorts them; the same entry may be
 * there twice). The values of a name keep their numerical order.
 */
void domains_build(struct domains_entry *entry, size_t entries, struct pack *p);

/* An index that is being read. */
struct domains {
    const unsigned char *bytes; /* lent; of no particular alignment */
    uint32_t names, values, text_bytes;
};

/* Returns 0, or -1 if these are not the bytes of an index. They are not all looked at. */
int domains_open(struct domains *domains, const void *bytes, size_t len) ATTR_MUST_CHECK;

/* The values of one name. */
struct domains_values {
    uint32_t first, count; /* count 0: there is no such name */
};

/*
 * Look a name in the one form up, as it is, and as what a wildcard stands for: of
 * "a.b.example" that is "*.b.example" alone, since "*" matches one label (RFC 9525, section
 * 6.3), so that there is never a second, shorter one to be chosen from.
 */
struct domains_values domains_exact(const struct domains *domains, const char *name);
struct domains_values domains_wildcard(const struct domains *domains, const char *name);

/* The i-th of the values, i below their count. */
uint32_t domains_value(const struct domains *domains, struct domains_values values,
                       uint32_t i);

#endif
