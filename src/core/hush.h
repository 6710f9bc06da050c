/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_HUSH_H
#define CORE_HUSH_H

#include "core/reason.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What is said of clients that were refused: of each source and reason the first ones, of
 * the rest a sum. So a flood fills neither the log nor our time. It is begun anew after
 * HUSH_MS.
 */
#define HUSH_MS 10000
#define HUSH_SOURCES 16 /* that are told apart, with their reasons */
#define HUSH_LINES 10   /* of each */

struct hush_entry {
    uint64_t key; /* see source_key */
    enum reason reason;
    uint32_t said;
    uint64_t refused; /* those that were said included */
};

/* All zeros is one that has heard nothing. */
struct hush {
    struct hush_entry entry[HUSH_SOURCES];
    unsigned entries;
    uint64_t others; /* refused, of whom nothing was said */
};

/* A client has been refused. Is it to be said? It is not where nobody wants to hear it. */
bool hush_note(struct hush *hush, uint64_t key, enum reason reason, bool wanted);

/* Is there more to be said of them than what was said? */
bool hush_is_silent_on(const struct hush_entry *entry);

#endif
