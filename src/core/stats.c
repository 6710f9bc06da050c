/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/stats.h"

#include "base/attr.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/*
 * From a connect within the machine to the patience of people. TCP sends a lost SYN again
 * after 1 and 3 seconds: whoever needed that is in a bucket of its own.
 */
const uint32_t stats_bounds_us[STATS_BOUNDS] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 3000000, 10000000,
};

/* The suites that are on unless the conf file says otherwise, and those it most likely
 * adds. */
static const struct {
    uint16_t number;
    const char *name;
} ciphers[STATS_CIPHERS] = {
    {0x1301, "TLS_AES_128_GCM_SHA256"},       {0x1302, "TLS_AES_256_GCM_SHA384"},
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256"}, {0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"},  {0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {0xc030, "ECDHE-RSA-AES256-GCM-SHA384"},  {0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {0xcca8, "ECDHE-RSA-CHACHA20-POLY1305"},  {0xc013, "ECDHE-RSA-AES128-SHA"},
    {0xc014, "ECDHE-RSA-AES256-SHA"},         {0x0000, "other"},
};

void
stats_observe(struct stats_histogram *histogram, uint64_t us)
{
    unsigned i = 0;

    while (i < STATS_BOUNDS && us > stats_bounds_us[i])
        i++;
    stats_add(&histogram->bucket[i], 1);
    stats_add(&histogram->sum_us, us);
}

uint64_t
stats_count(const struct stats_histogram *histogram)
{
    uint64_t count = 0;

    for (unsigned i = 0; i <= STATS_BOUNDS; i++)
        count += histogram->bucket[i];
    return count;
}

static void
add_counter(uint64_t *sum, const uint64_t *counter)
{
    *sum += __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* These have nothing but counters: taken as arrays, none of them can be forgotten here. */
static_assert(sizeof(struct stats_front) % sizeof(uint64_t) == 0, "not only counters");
static_assert(sizeof(struct stats_server) % sizeof(uint64_t) == 0, "not only counters");

static void
add_counters(void *sum, const void *counters, size_t size)
{
    const uint64_t *from = counters;
    uint64_t *to = sum;

    for (size_t i = 0; i < size / sizeof(*from); i++)
        add_counter(&to[i], &from[i]);
}

/* How many places of a page are in use, max at most; sum has as many from now on. */
static unsigned
take_places(uint64_t *sum, const uint64_t *places, unsigned max)
{
    uint64_t count = __atomic_load_n(places, __ATOMIC_RELAXED);

    if (count > max)
        count = max;
    if (count > *sum)
        *sum = count;
    return (unsigned)count;
}

static void
sum_servers(struct stats_page *sum, const struct stats_page *page, bool ended)
{
    unsigned servers = take_places(&sum->servers, &page->servers, STATS_SERVERS);

    for (unsigned i = 0; i < servers; i++) {
        uint64_t live = sum->server[i].live, queued = sum->server[i].queued;

        add_counters(&sum->server[i], &page->server[i], sizeof(page->server[i]));
        if (ended) {
            sum->server[i].live = live;
            sum->server[i].queued = queued;
        }
    }
}

void
stats_clear(struct stats_page *sum)
{
    memset(sum->server, 0, sum->servers * sizeof(*sum->server));
    memset(sum, 0, offsetof(struct stats_page, front) + sum->fronts * sizeof(*sum->front));
}

void
stats_sum(struct stats_page *sum, const struct stats_page *page, bool ended)
{
    unsigned fronts = take_places(&sum->fronts, &page->fronts, STATS_FRONTS);

    add_counter(&sum->log_dropped, &page->log_dropped);
    add_counter(&sum->accept_pauses, &page->accept_pauses);
    add_counter(&sum->cut, &page->cut);
    add_counter(&sum->untracked, &page->untracked);
    for (unsigned i = 0; i < fronts; i++) {
        uint64_t live = sum->front[i].live;

        add_counters(&sum->front[i], &page->front[i], sizeof(page->front[i]));
        if (ended)
            sum->front[i].live = live;
    }
    sum_servers(sum, page, ended);
}

static void
take_off(atomic_uint_least32_t *count, uint64_t less)
{
    uint_least32_t now = atomic_load(count);

    while (!atomic_compare_exchange_weak(count, &now,
                                         now - (less < now ? (uint_least32_t)less : now)))
        ;
}

void
stats_give_back(struct stats_shared *shared, const struct stats_page *page)
{
    for (unsigned i = 0; i < page->fronts && i < STATS_FRONTS; i++)
        take_off(&shared->live[i], page->front[i].live);
    for (unsigned i = STATS_OTHER + 1; i < page->servers && i < STATS_SERVERS; i++) {
        atomic_fetch_sub(&shared->server[i].live, (uint_least32_t)page->server[i].live);
        atomic_fetch_sub(&shared->server[i].queued, (uint_least32_t)page->server[i].queued);
    }
    take_off(&shared->handshakes, page->held.handshakes);
    sources_give_back(&shared->sources, page->held.source);
}

unsigned
stats_cipher(uint16_t number)
{
    unsigned place = 0;

    while (place < STATS_CIPHERS - 1 && ciphers[place].number != number)
        place++;
    return place;
}

const char *
stats_cipher_name(unsigned place)
{
    return ciphers[place].name;
}

const char *
stats_version_name(enum stats_version version)
{
    static const char *const names[STATS_VERSIONS] = {
        [STATS_TLS12] = "TLSv1.2",
        [STATS_TLS13] = "TLSv1.3",
    };

    return names[version];
}

const char *
stats_dial_name(enum stats_dial dial)
{
    static const char *const names[STATS_DIALS] = {
        [STATS_DIAL_CONNECTED] = "connected",
        [STATS_DIAL_REFUSED] = "refused",
        [STATS_DIAL_UNREACHABLE] = "unreachable",
        [STATS_DIAL_TIMEOUT] = "timeout",
        [STATS_DIAL_ERROR] = "error",
    };

    return names[dial];
}

const char *
stats_check_name(enum stats_check check)
{
    static const char *const names[STATS_CHECKS] = {
        [STATS_CHECK_PASSED] = "passed",   [STATS_CHECK_UNREACHED] = "unreached",
        [STATS_CHECK_TIMEOUT] = "timeout", [STATS_CHECK_WRONG] = "wrong-answer",
        [STATS_CHECK_ERROR] = "error",
    };

    return names[check];
}
