/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_PROBE_H
#define NET_PROBE_H

#include "base/addr.h"
#include "base/attr.h"
#include "config/config.h"
#include "net/resolver.h"

#include <stddef.h>
#include <stdint.h>

struct loop;

/*
 * One check of a server: a connection, and, where there is something to expect, what the
 * server answers. All of it in timeout_ms. The addresses are tried in turn, as a connection
 * does it; the first that can be connected to decides.
 *
 * It ends with a FIN: we have said all that we had to say. A service takes that for a
 * client that has changed its mind, while a RST is an error in most logs.
 */
struct probe;

/* What of an answer is read at most; what is expected is shorter. */
#define PROBE_ANSWER_MAX 4096

struct probe_plan {
    const struct config_blob *say; /* sent one after the other, as soon as there is a
                                      connection: a header, a question; may be empty */
    size_t says;
    const struct config_blob *expect; /* the answer has to begin with one of these */
    size_t expects;                   /* 0: whatever it is, it is not read */
    uint32_t timeout_ms;
};

enum probe_result {
    PROBE_GOOD,
    PROBE_NO_CONNECTION, /* refused, unreachable */
    PROBE_TIMEOUT,
    PROBE_WRONG,   /* it answers something else, or closes without an answer */
    PROBE_NO_ROOM, /* memory or descriptors are short here: that says nothing of it */
    PROBE_RESULTS
};

/*
 * Begin; borrows loop, plan and what it points to. done is called once, from the loop, and
 * the probe is gone then; words say why it is not GOOD, lent for the call. Returns NULL
 * without memory: done is not called.
 */
struct probe *probe_start(struct loop *loop, const struct addr *addr, unsigned count,
                          const struct probe_plan *plan,
                          void (*done)(void *owner, enum probe_result result,
                                       const char *words),
                          void *owner) ATTR_MUST_CHECK;

/* Give up; done is not called. NULL is allowed. */
void probe_cancel(struct probe *probe);

#endif
