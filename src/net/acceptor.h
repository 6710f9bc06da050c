/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_ACCEPTOR_H
#define NET_ACCEPTOR_H

#include "base/addr.h"
#include "net/front.h"
#include "net/loop.h"

/*
 * One listening socket: accepts, and starts a connection for each client. When descriptors
 * or memory run out it pauses, so that the loop does not spin, and goes on when some are
 * free.
 */
struct acceptor {
    struct loop *loop;
    struct front *front;
    struct addr addr; /* the address in use (with the port that was picked for 0) */
    int fd;
    struct event *event;
    struct event *retry; /* while paused */
    unsigned burst;      /* clients to accept in one turn */
    bool paused;
    uint64_t complained_ms; /* when the log was last told of a pause; 0: never */
};

/* For fd, which it takes. Borrows loop and front. Returns 0, or -1 (fd is closed). */
int acceptor_init(struct acceptor *acceptor, struct loop *loop, struct front *front,
                  int fd) ATTR_MUST_CHECK;

/* Begin to accept. */
void acceptor_start(struct acceptor *acceptor);

/* Accept, now, the clients that wait already: closing the socket would reset them. */
void acceptor_take_waiting(struct acceptor *acceptor);

/* Accept no more and close the socket. Harmless when that has been done. */
void acceptor_clear(struct acceptor *acceptor);

/* Descriptors are free again: go on if it was paused. */
void acceptor_resume(struct acceptor *acceptor);

#endif
