/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/bucket.h"

#define SECOND_NS UINT64_C(1000000000)

struct bucket_rate
bucket_rate(uint32_t per_second, uint32_t burst)
{
    struct bucket_rate rate = {0};

    if (per_second == 0)
        return rate;
    rate.interval_ns = SECOND_NS / per_second;
    rate.window_ns = rate.interval_ns * (burst > 0 ? burst : per_second);
    return rate;
}

/*
 * When it is full; never later than an empty one is. A time beyond that is of another rate
 * or of another clock, and would not let a token grow for as long as it lies ahead.
 */
static uint64_t
load(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ns)
{
    uint64_t full_ns = atomic_load_explicit(&bucket->full_ns, memory_order_relaxed);
    uint64_t last_ns = now_ns + rate->window_ns;

    if (full_ns > last_ns &&
        atomic_compare_exchange_strong_explicit(&bucket->full_ns, &full_ns, last_ns,
                                                memory_order_relaxed, memory_order_relaxed))
        full_ns = last_ns;
    return full_ns;
}

static uint64_t
after_taking(uint64_t full_ns, const struct bucket_rate *rate, uint64_t now_ns)
{
    return (full_ns > now_ns ? full_ns : now_ns) + rate->interval_ns;
}

bool
bucket_has(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_us)
{
    uint64_t now_ns = now_us * 1000;

    return rate->interval_ns == 0 || after_taking(load(bucket, rate, now_ns), rate,
                                                  now_ns) <= now_ns + rate->window_ns;
}

bool
bucket_take(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_us)
{
    uint64_t now_ns = now_us * 1000, full_ns, after;

    if (rate->interval_ns == 0)
        return true;
    full_ns = load(bucket, rate, now_ns);
    do {
        after = after_taking(full_ns, rate, now_ns);
        if (after > now_ns + rate->window_ns)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        &bucket->full_ns, &full_ns, after, memory_order_relaxed, memory_order_relaxed));
    return true;
}

void
bucket_give_back(struct bucket *bucket, const struct bucket_rate *rate)
{
    uint64_t full_ns = atomic_load_explicit(&bucket->full_ns, memory_order_relaxed), before;

    do
        before = full_ns > rate->interval_ns ? full_ns - rate->interval_ns : 0;
    while (!atomic_compare_exchange_weak_explicit(
        &bucket->full_ns, &full_ns, before, memory_order_relaxed, memory_order_relaxed));
}

bool
bucket_is_full(const struct bucket *bucket, uint64_t now_us)
{
    return atomic_load_explicit(&bucket->full_ns, memory_order_relaxed) <= now_us * 1000;
}
