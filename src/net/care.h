/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_CARE_H
#define NET_CARE_H

#include "base/attr.h"
#include "config/config.h"
#include "core/balance.h"
#include "core/health.h"
#include "net/probe.h"

#include <stdbool.h>
#include <stdint.h>

struct event;
struct pool;
struct pool_server;

/*
 * The health of servers, as all workers share it: what core/health says of them stands in
 * stats_shared_server.health, as a number that is changed by compare-and-swap. Whoever has
 * changed it tells the log, so that each change is told once.
 *
 * Checks: each worker has a timer for each server, and whoever moves stats_shared_server.
 * check_due on makes the check that was due. Nobody is appointed, and a worker that dies
 * takes one check along at most.
 */

/* Of a pool. */
struct care_plan {
    struct health_rules rules;
    struct probe_plan probe;
    unsigned char header[PROXY_V1_MAX]; /* of the PROXY protocol */
    struct config_blob say[2];          /* header and check-send */
    struct config_blob *expect;         /* owned */
    unsigned char *bytes;               /* of all of them; owned */
};

/* Of a server. */
struct care {
    struct event *timer; /* of its checks; NULL: it is not checked */
    struct probe *probe; /* that is under way, or NULL */
};

/* plan stays where it is. Returns 0, or -1 without memory (clear it all the same). */
int care_init(struct care_plan *plan, const struct config_pool *config) ATTR_MUST_CHECK;
void care_clear(struct care_plan *plan);

/* Checks of the server, if it is to be checked, from now on; and no more. */
void care_start(struct pool_server *server);
void care_stop(struct pool_server *server);

/*
 * Tell pool->balance which of the servers are usable, and their shares. If none is that is
 * not in tried: those that are ejected, and if all are DOWN, then all, as the last resort.
 */
void care_refresh(struct pool *pool, uint64_t tried);

/*
 * The server has been chosen: true, unless it may only be tried by one connection, and
 * somebody else does that already.
 */
bool care_take(struct pool_server *server) ATTR_MUST_CHECK;

/* Something was seen of the server; words say why it has failed. */
void care_note(struct pool_server *server, enum health_event event, const char *words);

#endif
