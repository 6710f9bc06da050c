/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_PROXY_IN_H
#define NET_PROXY_IN_H

#include "base/addr.h"
#include "base/attr.h"
#include "base/text.h"
#include "core/term.h"
#include "net/front.h"
#include "net/leg.h"

#include <stdbool.h>
#include <stddef.h>

struct conn;

/* What a connection has of the proxy that it comes by, with accept-proxy. */
struct proxy_in {
    struct addr proxy; /* who has told of the client; len 0: nobody (yet) */
    struct addr dst;   /* what the client had connected to; len 0: as the socket says */
    size_t seen;       /* bytes of a header that is not whole */
    bool is_awaited;   /* leg_await is in force */
};

/* May somebody with that address connect to the frontend: one of its proxies, if it has
 * any?
 */
bool proxy_in_trusts(const struct front *front, const struct addr *addr);

/*
 * Set the first phase of a new connection: CONN_PROXY if it comes by a proxy. Returns 0, or
 * -1 without memory.
 */
int proxy_in_init(struct conn *conn) ATTR_MUST_CHECK;
void proxy_in_clear(struct conn *conn);

/* Has something of a header come? */
bool proxy_in_has_begun(const struct conn *conn);

/* What is waited for in CONN_PROXY, for the log: a phrase, in static memory; NULL in other
 * phases. */
const char *proxy_in_awaited(const struct conn *conn);

enum proxy_in_status {
    PROXY_IN_DONE,  /* the header has been taken, and what it tells holds from now on */
    PROXY_IN_AGAIN, /* wait until the client's leg is readable */
    PROXY_IN_FAILED /* *event, *end and why tell */
};

/*
 * Read the header from the client's leg, and not a byte more. Of FAILED, *event is what to
 * post, *end how the client has left (LEG_GOING_ON: it has not).
 */
enum proxy_in_status proxy_in_read(struct conn *conn, enum term_event *event,
                                   enum leg_end *end, struct text *why) ATTR_MUST_CHECK;

#endif
