/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_ADMIT_H
#define NET_ADMIT_H

#include "base/addr.h"
#include "base/attr.h"
#include "config/config.h"
#include "core/reason.h"
#include "core/sources.h"
#include "core/term.h"

#include <stdbool.h>
#include <stdint.h>

struct front;
struct loop;

/* The limits of all, as they are needed with each client. All zeros: there are none. */
struct admit_limits {
    bool on;         /* there is one of all clients together */
    bool per_source; /* there is one of each source */
    uint32_t connections, handshakes;
    struct bucket_rate rate;
    struct source_limits source;
    const struct config_nets *exempt; /* borrowed */
};

/* What a connection is counted as. */
struct admission {
    uint32_t source;          /* its place among the sources, and one; 0: none */
    bool handshake;           /* it is one of those under way, and limited */
    bool in_source_handshake; /* likewise, of its source */
};

void admit_limits_init(struct admit_limits *limits, const struct config_limits *config);

/*
 * May a client come in? client NULL: its address is not known yet, and admit_source has to
 * follow. Returns REASON_NONE: then admit_leave has to follow; or why not. Nothing is
 * allocated, and without limits nothing more is done than front_enter.
 */
enum reason admit(struct loop *loop, struct front *front, const struct addr *client,
                  struct admission *admission) ATTR_MUST_CHECK;

/*
 * The address of a client that was let in has become known: allow, deny, and what is
 * limited for each source. Returns REASON_NONE, or why it may not; admit_leave has to
 * follow in either case.
 */
enum reason admit_source(struct loop *loop, struct front *front, const struct addr *client,
                         struct admission *admission) ATTR_MUST_CHECK;

/* What to post for a client that admit_source has not let in, by its answer. */
enum term_event admit_event(enum reason reason);

/* Its handshake is over. May be said again, and need not be said before admit_leave. */
void admit_handshake_over(struct loop *loop, struct admission *admission);

/* The connection has ended. */
void admit_leave(struct loop *loop, struct front *front, struct admission *admission);

#endif
