/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include "core/reason.h"
#include "core/sources.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What is counted. A worker has a page of its own in shared memory and is its only writer;
 * the master adds the pages up when somebody asks. So counting is a plain addition: no
 * lock, no message. Counters only grow; a page begins with zeros. sallyport(8), METRICS,
 * has the names under which they are told.
 */

/* Frontends that are told apart. They are numbered by the master, see STATS_OTHER. */
#define STATS_FRONTS 512

/* Servers of backends that are told apart; these are numbered likewise. */
#define STATS_SERVERS 1024

/* The place of frontends, and of servers, that there is no number left for. */
#define STATS_OTHER 0

/* Times up to stats_bounds_us[i] (0.5 ms to 10 s) are in bucket i, longer ones in the last.
 */
#define STATS_BOUNDS 12
struct stats_histogram {
    uint64_t bucket[STATS_BOUNDS + 1]; /* each observation is in one of them */
    uint64_t sum_us;
};
extern const uint32_t stats_bounds_us[STATS_BOUNDS];

enum stats_version {
    STATS_TLS12,
    STATS_TLS13,
    STATS_VERSIONS
};

/* Places for cipher suites; the last one is for all that have no place of their own. */
#define STATS_CIPHERS 12

/* How an attempt to reach the backend came out. */
enum stats_dial {
    STATS_DIAL_CONNECTED,
    STATS_DIAL_REFUSED,
    STATS_DIAL_UNREACHABLE,
    STATS_DIAL_TIMEOUT,
    STATS_DIAL_ERROR,
    STATS_DIALS
};

/* How a check of a server came out. */
enum stats_check {
    STATS_CHECK_PASSED,
    STATS_CHECK_UNREACHED,
    STATS_CHECK_TIMEOUT,
    STATS_CHECK_WRONG,
    STATS_CHECK_ERROR,
    STATS_CHECKS
};

struct stats_front {
    uint64_t accepted;       /* clients, the refused ones included */
    uint64_t live;           /* connections now; the only one that also falls */
    uint64_t ended[REASONS]; /* connections by close reason */
    uint64_t truncated;      /* streams of clients that ended without close_notify */
    uint64_t acme_refused;   /* handshakes with acme-tls/1 for a name without a challenge */
    uint64_t up_bytes;       /* plaintext handed on to backends */
    uint64_t down_bytes;     /* plaintext handed on to clients */
    uint64_t handshakes[STATS_VERSIONS][STATS_CIPHERS][2]; /* done; the last: resumed */
    struct stats_histogram handshake;                      /* how long these took */
    uint64_t dials[STATS_DIALS];
    struct stats_histogram dial; /* how long the connected ones took */
};

/* What one worker has of what is limited in all workers. */
struct stats_held {
    uint64_t handshakes;
    struct source_held source[SOURCES];
};

/* A server of a backend. */
struct stats_server {
    uint64_t live;                  /* connections now, and those under way */
    uint64_t queued;                /* of a backend's first: who waits for a place now */
    uint64_t connects[STATS_DIALS]; /* attempts by how they came out */
    uint64_t checks[STATS_CHECKS];  /* likewise */
    uint64_t outs[2]; /* times that it was taken out: for connections, for checks */
};

/* What one worker counts. */
struct stats_page {
    uint64_t fronts;        /* places in use: those from there on are untouched */
    uint64_t servers;       /* likewise */
    uint64_t log_dropped;   /* lines of the log that were lost */
    uint64_t accept_pauses; /* times that it could not accept for want of descriptors */
    uint64_t cut;           /* connections that the end of a drain cut off */
    uint64_t untracked;     /* clients whose source there was no room to count for */
    struct stats_front front[STATS_FRONTS];
    struct stats_server server[STATS_SERVERS];
    struct stats_held held; /* not summed */
};

/*
 * A server, in the eyes of all workers. A worker that dies gives back its part of live and
 * queued; see its page.
 */
struct stats_shared_server {
    atomic_uint_least32_t live;      /* as in stats_server, of all */
    atomic_uint_least32_t queued;    /* likewise */
    atomic_uint_least64_t health;    /* see core/health */
    atomic_uint_least64_t check_due; /* when the next check is due: whoever moves it on
                                        makes that check */
};

/* What all workers write to. */
struct stats_shared {
    atomic_uint_least64_t next_id;            /* connections are numbered from 1 */
    atomic_uint_least32_t live[STATS_FRONTS]; /* for max-connections */
    atomic_uint_least32_t handshakes;         /* under way, while they are limited */
    struct bucket rate;                       /* of handshakes */
    struct sources sources;
    struct stats_shared_server server[STATS_SERVERS];
};

/* Add n to a counter of the caller's own page. */
static inline void
stats_add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Set a gauge of the caller's own page. */
static inline void
stats_set(uint64_t *gauge, uint64_t value)
{
    __atomic_store_n(gauge, value, __ATOMIC_RELAXED);
}

/* Count a duration in microseconds. */
void stats_observe(struct stats_histogram *histogram, uint64_t us);

/* All observations of a histogram. */
uint64_t stats_count(const struct stats_histogram *histogram);

/*
 * A worker is gone that counted in page: take what it had off what all of them share. Its
 * page need not be in order.
 */
void stats_give_back(struct stats_shared *shared, const struct stats_page *page);

/* Zero a sum. Places that are not in use stay untouched, and cost no memory. */
void stats_clear(struct stats_page *sum);

/*
 * Add the counters of a page that its writer may be writing to; live too, unless ended: a
 * worker that is gone has no connections.
 */
void stats_sum(struct stats_page *sum, const struct stats_page *page, bool ended);

/*
 * The place of a cipher suite, by its number (RFC 8446, B.4), and a place's name:
 * OpenSSL's, as in the log and in the conf file; "other".
 */
unsigned stats_cipher(uint16_t number);
const char *stats_cipher_name(unsigned place);
const char *stats_version_name(enum stats_version version); /* "TLSv1.3" */
const char *stats_dial_name(enum stats_dial dial);          /* "connected", "refused" ... */
const char *stats_check_name(enum stats_check check);       /* "passed", "timeout" ... */

#endif
