/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_HISTORY_H
#define PROC_HISTORY_H

#include "base/attr.h"
#include "core/stats.h"

#include <stdint.h>

/*
 * How connections ended in the last minutes: the sums of ended[] of each frontend, a sample
 * every HISTORY_STEP_MS. History begins together with the counters: what ended before the
 * first sample counts as recent. Pure but for its memory; time is an argument. A frontend
 * takes 4.6 KiB, once a connection of it has ended.
 */
#define HISTORY_MINUTES 15
#define HISTORY_STEP_MS 15000

struct history;

/* NULL without memory. NULL may be freed. */
struct history *history_new(void);
void history_free(struct history *history);

/*
 * Take a sample, at now_ms (monotonic); a sample too many within a step does no harm.
 * Without memory for a frontend that is new, its endings count as recent for longer than
 * they are.
 */
void history_sample(struct history *history, uint64_t now_ms, const struct stats_page *sum);

/*
 * How many connections of the frontend at that place ended for that reason within the last
 * minutes (1 to HISTORY_MINUTES), judged by sum, the current counters. What ended up to a
 * step earlier may be among them. history may be NULL: then all of them are recent.
 */
uint64_t history_recent(const struct history *history, uint64_t now_ms, unsigned minutes,
                        const struct stats_page *sum, unsigned place, enum reason reason);

#endif
