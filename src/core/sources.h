/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_SOURCES_H
#define CORE_SOURCES_H

#include "base/addr.h"
#include "core/bucket.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What each source has: its connections, its handshakes under way, and its bucket of
 * handshakes. A source is an IPv4 address, or the first 64 bits of an IPv6 address, which
 * is what one subscriber has at least (RFC 6177). The table lies in memory that all workers
 * share, and has no locks: a worker can be killed at any moment.
 *
 * It has a fixed size. The place of a source is one of the SOURCES_WAYS of a set, which its
 * address chooses through a keyed hash, so that nobody can aim at a set. An entry is free
 * for another source when that cannot be told from forgetting nothing: no connection, and a
 * full bucket. If there is none of these, that without connections whose bucket is nearest
 * to full. If all have connections, the source is let in without being counted.
 */
#define SOURCES_SETS 4096
#define SOURCES_WAYS 16
#define SOURCES (SOURCES_SETS * SOURCES_WAYS)

struct source {
    atomic_uint_least64_t word; /* who, connections, handshakes; 0: nobody, ever */
    struct bucket bucket;
};

/* All zeros is an empty one. */
struct sources {
    uint64_t secret[2]; /* of the hash; set by who makes the table */
    struct source source[SOURCES];
};

/* What one worker has of a source: to be taken off when it dies. */
struct source_held {
    uint32_t connections, handshakes;
};

struct source_limits {
    uint32_t connections, handshakes; /* at one time; 0: no limit */
    struct bucket_rate rate;          /* of handshakes */
};

enum source_verdict {
    SOURCE_IN,          /* and counted */
    SOURCE_UNTRACKED,   /* in, but there was no place to count it */
    SOURCE_CONNECTIONS, /* at its limit of these */
    SOURCE_HANDSHAKES,
    SOURCE_RATE
};

/* The source of an address, by which the table knows it; 0: it has none (a Unix socket). */
uint64_t source_key(const struct addr *a);

/* "192.0.2.1", "2001:db8::/64"; a sentence goes on with it. Returns buf. */
#define SOURCE_TEXT_SIZE 64
const char *source_format(uint64_t key, char buf[SOURCE_TEXT_SIZE]);

/*
 * A client of a source (not 0) has come to one of the workers, whose held (SOURCES of them)
 * this is. SOURCE_IN: it counts as a connection with its handshake under way, *place is
 * where, and sources_leave has to follow. Otherwise nothing has changed.
 */
enum source_verdict sources_enter(struct sources *table, struct source_held *held,
                                  uint64_t key, const struct source_limits *limits,
                                  uint64_t now_us, uint32_t *place) ATTR_MUST_CHECK;

/* Its handshake is over; once, before sources_leave. */
void sources_handshake_over(struct sources *table, struct source_held *held,
                            uint32_t place);

/* The connection has ended. */
void sources_leave(struct sources *table, struct source_held *held, uint32_t place);

/* Instead of these: as if it had not come, as it was refused for another reason after all.
 */
void sources_undo(struct sources *table, struct source_held *held,
                  const struct source_limits *limits, uint32_t place);

/* A worker is gone: take off what it held. held need not make sense. */
void sources_give_back(struct sources *table, const struct source_held *held);

/* What a source has now; both 0 where it has no place. */
struct source_held sources_count(struct sources *table, uint64_t key);

/* SipHash-2-4 of 8 bytes, given as a number of the lowest byte first (Aumasson and
 * Bernstein, 2012). */
uint64_t sources_hash(const uint64_t secret[2], uint64_t key);

#endif
