/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "base/addr.h"
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct loop;

/*
 * The addresses of names, one cache for a loop: all servers and generations with a name
 * share it, and connections do not ask name servers. A name that somebody watches is asked
 * for again in the background when the time to live of its answer is over (bounds: a second
 * and an hour). Where that fails its addresses stay, whatever the answer was, and it is
 * asked again after a second, then after twice as long each time, a minute at most.
 *
 * IPv4 and IPv6 are two questions. Whoever waits for the first answers waits for both, but
 * for the second no longer than 50 ms (RFC 8305, section 3).
 */
struct resolver_name;
TAILQ_HEAD(resolver_list, resolver_name);

/* Addresses of a name at most, IPv4 before IPv6. */
#define RESOLVER_ADDRS 16

/* Somebody who waits for a name's first answer; a part of what the owner has. */
struct resolver_wait {
    LIST_ENTRY(resolver_wait) link;
    void (*done)(void *owner); /* called once, from the loop: look it up again */
    void *owner;
};

/*
 * The name, with one more reference; nothing is asked yet. NULL without memory. Borrows
 * loop, which it may outlive; host is copied.
 */
struct resolver_name *resolver_hold(struct loop *loop, const char *host);

/* NULL is allowed. */
void resolver_release(struct resolver_name *name);

/* Somebody more, or less, wants its addresses kept fresh. */
void resolver_watch(struct resolver_name *name);
void resolver_unwatch(struct resolver_name *name);

enum resolver_state {
    RESOLVER_FOUND,
    RESOLVER_WAITS,
    RESOLVER_FAILED
};

/*
 * The addresses of the name, to addr, which has room for RESOLVER_ADDRS, without ports. If
 * there are none yet, wait is kept until there is an answer, or resolver_cancel. FAILED:
 * there is none, see resolver_error.
 */
enum resolver_state resolver_look_up(struct resolver_name *name, struct addr *addr,
                                     unsigned *count,
                                     struct resolver_wait *wait) ATTR_MUST_CHECK;

/* Forget wait, which RESOLVER_WAITS was said for and which has not been called. */
void resolver_cancel(struct resolver_wait *wait);

/* Why the name has no addresses: "name does not exist". */
const char *resolver_error(const struct resolver_name *name);

/* Other name servers are in force: ask again for what is watched. */
void resolver_refresh(struct loop *loop);

/*
 * The loop ends: nothing is asked, and nobody called, any more. Before its resolver is
 * freed. Names stay until they are released.
 */
void resolver_stop(struct loop *loop);

#endif
