/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "base/addr.h"
#include "config/config.h"
#include "core/term.h"
#include "net/front.h"
#include "net/loop.h"

/*
 * Connecting to a backend, without blocking: the name is resolved, all its addresses are
 * tried in turn, all within connect-timeout. Each address gets its share of the time that
 * is left, so that one that does not answer leaves some for the next.
 */
struct dial;

struct dial_result {
    int fd;                /* connected, taken by the receiver; or -1 */
    struct addr addr;      /* connected to, or tried last; len 0 if there was none */
    enum term_event event; /* BACKEND_CONNECTED, or why not: BACKEND_REFUSED,
                              BACKEND_UNREACHABLE, TIMEOUT_CONNECT, INTERNAL_ERROR */
    int error; /* connected, and reset since: the errno to end reading with; or 0 */
    const char *phrase; /* says more where it failed; lent for the call */
};

/*
 * Begin, to reach backend, which is one of the frontend's. done is called exactly once,
 * from the loop or before dial_start returns, unless dial_cancel comes first; the dial is
 * gone when done is called. Borrows frontend, backend and owner. Returns the dial, or NULL
 * when done has been called already.
 */
struct dial *dial_start(struct loop *loop, const struct config_frontend *frontend,
                        const struct config_backend *backend,
                        void (*done)(void *owner, const struct dial_result *result),
                        void *owner);

/* Give up; done is not called. NULL is allowed. */
void dial_cancel(struct dial *dial);

/*
 * Resolve those of the frontend's backends that are names, and log a warning for each that
 * there is no such.
 * dial_check_cancel gives up; front's generation stays until the resolver has called back
 * all the same.
 */
void dial_check_names(struct loop *loop, struct front *front);
void dial_check_cancel(struct front *front);

#endif
