/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_FRONT_H
#define NET_FRONT_H

#include "base/attr.h"
#include "config/config.h"
#include "core/deadline.h"
#include "core/stats.h"
#include "core/term.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

struct generation;
struct loop;
struct pool;
struct tls_sni;

/* A frontend at work: its settings, what its connections share, and what is counted of
 * them. */
struct front {
    const struct config_frontend *config; /* borrowed */
    SSL_CTX *tls;                         /* owned */
    struct tls_sni *sni;                  /* owned; NULL in tests */
    struct generation *generation;        /* that it is a part of; NULL in tests */
    struct pool *pool; /* its backends, by the numbers of config_route; borrowed */
    struct deadline_limits limits;
    struct stats_front *stats;   /* of this worker; borrowed */
    atomic_uint_least32_t *live; /* connections in all workers; borrowed */
};

/* Takes tls; borrows config, pool, and loop's page of statistics. */
void front_init(struct front *front, const struct config_frontend *config, SSL_CTX *tls,
                struct pool *pool, const struct loop *loop);
void front_clear(struct front *front);

/*
 * A client has come, in one of all the workers: is there room for it (max-connections)? If
 * so, front_leave has to follow.
 */
bool front_enter(struct front *front) ATTR_MUST_CHECK;
void front_leave(struct front *front);

/* Count a client that was accepted, a handshake that was done, an attempt to reach the
 * backend (by the event that it ended with), an ending. Durations in microseconds. */
void front_count_client(struct front *front);
void front_count_handshake(struct front *front, const SSL *ssl, uint64_t us);
void front_count_dial(struct front *front, enum term_event event, uint64_t us);
void front_count_end(struct front *front, enum reason reason, bool truncated);

/* Count a handshake that was refused since there is no ACME challenge for its name. */
void front_count_unanswered(struct front *front);

#endif
