/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_HANGUP_H
#define NET_HANGUP_H

#include "base/attr.h"

#include <event2/event.h>

/*
 * Sees a RST on sockets that are not being read: one whose FIN has been read (libevent's
 * level-triggered EV_READ would fire without end), or one whose reading is paused.
 * It is an edge-triggered epoll set for errors only, inside the event base.
 */
struct hangup;

/* What is watched; embedded in its owner, who closes the socket before it goes away, and
 * keeps the memory until the end of the loop's turn in which it closed it. */
struct hangup_watch {
    int fd; /* set to -1 by the owner when it closes the socket */
    void (*on_hangup)(struct hangup_watch *watch);
};

/* NULL without memory or descriptors. Borrows base. */
struct hangup *hangup_new(struct event_base *base);
void hangup_free(struct hangup *hangup);

/*
 * Watch watch->fd until it is closed. on_hangup is called once, from the loop, when
 * the socket has an error. Returns 0, or -1 with errno.
 */
int hangup_add(struct hangup *hangup, struct hangup_watch *watch) ATTR_MUST_CHECK;

#endif
