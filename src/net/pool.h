/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_POOL_H
#define NET_POOL_H

#include "base/addr.h"
#include "base/attr.h"
#include "config/config.h"
#include "core/balance.h"
#include "core/stats.h"
#include "core/term.h"
#include "net/care.h"
#include "net/queue.h"
#include "net/resolver.h"

struct loop;

/*
 * A backend at work in a worker: its servers, and which of them a connection gets. Here is
 * the seam between the dial, which only tries what it is given and says how that went, and
 * everything that decides which server is good: core/balance, and net/care, which tells it
 * of their health.
 */
struct pool_server {
    const struct config_server *config; /* borrowed */
    struct pool *pool;
    struct stats_server *stats;         /* what this worker counts; borrowed */
    struct stats_shared_server *shared; /* what all workers count; borrowed */
    struct stats_shared_server own;     /* instead, where there is no place left */
    struct resolver_name *name;         /* held; NULL: not yet, or it has an address */
    bool watched;
    struct care care;
    uint64_t warned_ms; /* when the log was last told of a failure; 0: never */
    uint64_t untold;    /* failures since then */
};

struct pool {
    const struct config_pool *config; /* borrowed */
    struct loop *loop;                /* borrowed */
    struct pool_server *server;       /* config->servers */
    struct care_plan care;
    struct queue queue;
    bool full; /* pool_choose has passed over somebody for want of a place */
    struct balance_state balance; /* of the same servers */
};

/* Borrows config and loop. Returns 0, or -1 without memory (clear it all the same). */
int pool_init(struct pool *pool, const struct config_pool *config,
              struct loop *loop) ATTR_MUST_CHECK;
void pool_clear(struct pool *pool);

/*
 * Its generation serves: its servers are checked, and their names kept fresh, until
 * pool_rest.
 */
void pool_serve(struct pool *pool);
void pool_rest(struct pool *pool);

/*
 * A server for a connection of that client, which is not in *tried (0 at first) and is
 * added to it; or NULL: pool->full tells whether there was one that has max_connections,
 * so that it is worth while to wait (net/queue). The connection counts as one of the
 * server's from now on: pool_leave has to follow.
 */
struct pool_server *pool_choose(struct pool *pool, const struct addr *client,
                                uint64_t *tried) ATTR_MUST_CHECK;

/* How many more pool_choose would find, as things are. */
unsigned pool_left(const struct pool *pool, uint64_t tried);

/*
 * How an attempt to reach the server came out, by the event that tells (as in dial_result),
 * with words for the log if it failed. Once for each pool_choose, unless the client left
 * meanwhile.
 */
void pool_report(struct pool_server *server, enum term_event event, const char *words);

/* The connection does not count as one of the server's any more. */
void pool_leave(struct pool_server *server);

/* The same event as an outcome that is counted. */
enum stats_dial pool_outcome(enum term_event event);

/*
 * The addresses of a server, to addr, which has room for RESOLVER_ADDRS; see
 * resolver_look_up. Never RESOLVER_WAITS where no name server has to be asked.
 */
enum resolver_state pool_find_addrs(struct pool_server *server, struct addr *addr,
                                    unsigned *count,
                                    struct resolver_wait *wait) ATTR_MUST_CHECK;

/* Why that has failed. */
const char *pool_name_error(const struct pool_server *server);

#endif
