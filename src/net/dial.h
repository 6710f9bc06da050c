/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "base/addr.h"
#include "config/config.h"
#include "core/term.h"
#include "net/loop.h"
#include "net/pool.h"
#include "net/source.h"

/*
 * Connecting to a backend, without blocking. The backend chooses a server (net/pool), whose
 * addresses are tried in turn; where none of them answers the next server is chosen, until
 * one is reached, none is left, or connect-timeout is over. Each server that is left, and
 * each address of this one, gets an equal share of the time that is left, so that one that
 * does not answer leaves some for the next. Where servers are full (max-connections) it
 * waits for a place, queue-timeout at most.
 */
struct dial;

struct dial_result {
    int fd;                /* connected, taken by the receiver; or -1 */
    struct addr addr;      /* connected to, or tried last; len 0 if there was none */
    enum term_event event; /* BACKEND_CONNECTED, or why not, of the last server:
                              BACKEND_REFUSED, BACKEND_UNREACHABLE, TIMEOUT_CONNECT,
                              OVERLOAD, INTERNAL_ERROR */
    int error; /* connected, and reset since: the errno to end reading with; or 0 */
    const char *phrase;         /* says more where it failed; lent for the call */
    struct pool_server *server; /* connected to: pool_leave has to follow; else NULL */
    const char *name;           /* of that server, or of the last; lent by the pool; NULL:
                                   there was none */
    unsigned attempts;          /* servers that were tried */
};

/*
 * Begin, to reach one of the pool's servers for a client. done is called exactly once, from
 * the loop or before dial_start returns, unless dial_cancel comes first; the dial is gone
 * when done is called. Borrows all of its arguments, but copies client. Returns the dial,
 * or NULL when done has been called already.
 */
struct dial *dial_start(struct loop *loop, const struct config_frontend *frontend,
                        struct pool *pool, const struct source_client *client,
                        void (*done)(void *owner, const struct dial_result *result),
                        void *owner);

/* Give up; done is not called. NULL is allowed. */
void dial_cancel(struct dial *dial);

#endif
