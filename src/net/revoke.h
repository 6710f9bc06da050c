/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_REVOKE_H
#define NET_REVOKE_H

#include "base/attr.h"

#include <event2/event.h>
#include <stdbool.h>

struct conn;
struct generation;
struct loop;

/*
 * New CRLs strike live connections: after a switch, those of earlier generations are looked
 * at, so many in a turn of the loop that none of them is held up. One is aborted if the
 * frontend of its name has a CRL now that names a certificate of the client's chain. Other
 * rules that have changed do not end what they once let in.
 */
struct revoke {
    struct generation *newest; /* in force; one reference. NULL: none yet */
    struct conn *next;         /* to look at; NULL: all have been */
    struct event *event;
};

/* Returns 0, or -1 without memory. */
int revoke_init(struct revoke *revoke, struct loop *loop) ATTR_MUST_CHECK;
void revoke_clear(struct revoke *revoke);

/* generation has been switched to: begin. */
void revoke_start(struct loop *loop, struct generation *generation);

/* A connection leaves loop->live. */
void revoke_forget(struct revoke *revoke, struct conn *conn);

/* Is its certificate revoked by what is in force, though not by its own generation? */
bool revoke_is_due(const struct revoke *revoke, struct conn *conn);

#endif
