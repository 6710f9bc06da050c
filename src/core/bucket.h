/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_BUCKET_H
#define CORE_BUCKET_H

#include "base/attr.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A token bucket that is one number: the time at which it will be full again (known as the
 * virtual scheduling of ITU-T I.371, GCRA). So it can be shared by processes without a
 * lock, and one that is full says nothing: all zeros is a full one. Times are microseconds,
 * as of clock_us; if the clock goes back, nobody waits longer than an empty bucket takes to
 * fill.
 */
struct bucket {
    atomic_uint_least64_t full_ns;
};

/* How fast it fills; interval_ns 0: there is no limit. */
struct bucket_rate {
    uint64_t interval_ns; /* a token's worth */
    uint64_t window_ns;   /* from empty to full */
};

/* So many tokens a second (0: no limit), and at most burst at once (0: those of a second).
 */
struct bucket_rate bucket_rate(uint32_t per_second, uint32_t burst);

/* Is there a token? It stays there. */
bool bucket_has(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_us);

/* Take one. false: there is none, and whoever asks again and again changes nothing. */
bool bucket_take(struct bucket *bucket, const struct bucket_rate *rate,
                 uint64_t now_us) ATTR_MUST_CHECK;

/* Give one back that has been taken. */
void bucket_give_back(struct bucket *bucket, const struct bucket_rate *rate);

/* Is it full, whatever the rate? */
bool bucket_is_full(const struct bucket *bucket, uint64_t now_us);

#endif
