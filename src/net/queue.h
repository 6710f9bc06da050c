/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_QUEUE_H
#define NET_QUEUE_H

#include "base/attr.h"

#include <stdbool.h>
#include <sys/queue.h>

struct event;
struct pool;

/*
 * Who waits for a place at a server of a backend (max-connections). How many wait in all
 * workers is counted at the place of the backend's first server; each worker has a list of
 * its own. Places that get free in this worker are given away in the same turn of the loop;
 * for those of other workers the list is gone through every QUEUE_LOOK_MS, so that no
 * worker has to tell the others, and none that dies has to be missed.
 */
#define QUEUE_LOOK_MS 10

struct queue_wait {
    TAILQ_ENTRY(queue_wait) link;
    void (*look)(void *owner); /* there may be a place: see whether there is one, and call
                                  queue_leave then. Called from the loop */
    void *owner;
};

struct queue {
    TAILQ_HEAD(, queue_wait) waits;
    struct event *timer; /* NULL: nobody waits */
    bool looking;        /* whose turn it is may choose */
};

void queue_init(struct queue *queue);

/* Wait, behind all others. Returns false where as many as may (queue-length) wait already,
 * or without memory. */
bool queue_enter(struct pool *pool, struct queue_wait *wait) ATTR_MUST_CHECK;
void queue_leave(struct pool *pool, struct queue_wait *wait);

/* A place is free. Calls nobody before it returns. */
void queue_wake(struct pool *pool);

/* Is there somebody whose turn is before that of a new one? */
bool queue_is_first_come(const struct queue *queue);

#endif
