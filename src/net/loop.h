/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/attr.h"
#include "core/flow.h"
#include "core/stats.h"
#include "net/admit.h"
#include "net/hangup.h"
#include "net/refusal.h"
#include "net/resolver.h"
#include "net/revoke.h"
#include "tls/tls_bio.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

struct config;
struct conn;
TAILQ_HEAD(conn_list, conn);

/* Ciphertext received at once. */
#define LOOP_CIPHER_BYTES (128u << 10)

/*
 * Room for what either kind of leg may give back from one read: all that is decrypted, and
 * a record (RFC 8446, 5.1) of which the first part had come before.
 */
#define LOOP_PLAIN_BYTES (LOOP_CIPHER_BYTES + (32u << 10))
_Static_assert(LOOP_PLAIN_BYTES >= FLOW_QUANTUM_MAX, "a quantum finds room");

/*
 * What all connections of one event loop share: the base, scratch memory (so that an
 * idle connection has no buffers of its own), and the lists of connections.
 */
/* How many there are, and were at most since memory was given back last. */
struct tide {
    unsigned now, peak;
};

struct loop {
    struct event_base *base;
    unsigned char *cipher;    /* LOOP_CIPHER_BYTES, and a record that has begun before;
                                 valid within one callback */
    unsigned char *plain;     /* LOOP_PLAIN_BYTES; valid within one callback */
    struct tls_gather gather; /* empty between callbacks */
    struct hangup *hangup;
    struct evdns_base *dns;     /* NULL until a name has to be resolved */
    struct resolver_list names; /* that are resolved, see net/resolver */
    bool complains; /* of the workers, this one tells the log of what all of them see */
    const struct config *config; /* in force for new connections; borrowed */
    struct stats_page *page;     /* what this worker counts; borrowed */
    struct stats_shared *shared; /* what all workers count; borrowed */

    struct revoke revoke;
    struct admit_limits limits;
    struct refusals refusals;

    struct conn_list live;
    struct conn_list dead;            /* finished in this turn; freed at its end */
    struct tide connections, objects; /* objects: of OpenSSL, see leg_tls */
    struct event *settled;            /* pending while memory is to be given back */
    unsigned live_max; /* so that each has descriptors for both of its sides; 0: none */
    void (*on_reaped)(void *arg); /* connections have gone, descriptors are free; or NULL */
    void *on_reaped_arg;
};

/*
 * Returns 0, or -1 without memory or descriptors (clear it all the same). Borrows page and
 * shared. A configuration follows by loop_configure.
 */
int loop_init(struct loop *loop, struct stats_page *page,
              struct stats_shared *shared) ATTR_MUST_CHECK;
void loop_clear(struct loop *loop);

/*
 * From now on config is in force: its name servers answer, also the questions that are
 * under way. Borrows it until the next call.
 */
void loop_configure(struct loop *loop, const struct config *config);

/* There is one more. */
void loop_rise(struct tide *tide);

/*
 * There is one less. A second after a peak has halved, the C library is told to give back
 * the memory that it has freed.
 */
void loop_fall(struct loop *loop, struct tide *tide);

/* The number of the next connection: unique in all workers. */
uint64_t loop_next_id(struct loop *loop);

/* The resolver, made at first use; NULL if that fails. */
struct evdns_base *loop_dns(struct loop *loop);

/*
 * Run turn after turn until *stop is true: wait, call back, then free the connections
 * that were finished in the turn, so that no callback meets freed memory. Returns 0, or -1
 * if libevent fails.
 */
int loop_run(struct loop *loop, const bool *stop) ATTR_MUST_CHECK;

#endif
