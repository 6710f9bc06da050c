/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_REFUSAL_H
#define NET_REFUSAL_H

#include "base/addr.h"
#include "core/hush.h"
#include "core/reason.h"

#include <event2/event.h>
#include <stdbool.h>

struct front;
struct loop;

/* What a loop says of clients that it has refused. */
struct refusals {
    struct hush hush;
    struct event *timer; /* NULL until there was one */
};

void refusals_clear(struct refusals *refusals);

/*
 * Refuse a client before TLS: close fd, count it, and tell the log, unless it has been told
 * enough. With RST, which costs least on both sides and leaves nothing in the kernel; but
 * with FIN for overload, proxy-untrusted and internal-error.
 */
void refuse(struct loop *loop, struct front *front, int fd, const struct addr *client,
            const struct addr *local, enum reason reason);

/*
 * Is a client that was refused for that reason to be written about? Asked once for each; it
 * counts them for the sums.
 */
bool refusal_is_said(struct loop *loop, const struct addr *client, enum reason reason);

#endif
