/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/queue.h"

#include "base/clock.h"
#include "net/loop.h"
#include "net/pool.h"

#include <event2/event.h>

/* In all workers: one more, if there are not too many. */
static bool
count_one(struct pool *pool)
{
    atomic_uint_least32_t *queued = &pool->server[0].shared->queued;
    uint_least32_t before = atomic_load_explicit(queued, memory_order_relaxed);

    do {
        if ((int32_t)before >= (int32_t)pool->config->queue_length)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        queued, &before, before + 1, memory_order_relaxed, memory_order_relaxed));
    stats_set(&pool->server[0].stats->queued, pool->server[0].stats->queued + 1);
    return true;
}

static void
uncount_one(struct pool *pool)
{
    stats_set(&pool->server[0].stats->queued, pool->server[0].stats->queued - 1);
    atomic_fetch_sub_explicit(&pool->server[0].shared->queued, 1, memory_order_relaxed);
}

static int
look_later(struct queue *queue)
{
    struct timeval after = clock_timeval(QUEUE_LOOK_MS);

    return event_add(queue->timer, &after);
}

static void
on_look(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct pool *pool = arg;
    struct queue *queue = &pool->queue;
    struct queue_wait *wait, *next;

    queue->looking = true;
    for (wait = TAILQ_FIRST(&queue->waits); wait != NULL; wait = next) {
        next = TAILQ_NEXT(wait, link);
        wait->look(wait->owner);
    }
    queue->looking = false;
    if (queue->timer != NULL)
        (void)look_later(queue);
}

void
queue_init(struct queue *queue)
{
    TAILQ_INIT(&queue->waits);
    queue->timer = NULL;
    queue->looking = false;
}

bool
queue_enter(struct pool *pool, struct queue_wait *wait)
{
    struct queue *queue = &pool->queue;

    if (!count_one(pool))
        return false;
    if (queue->timer == NULL) {
        queue->timer = evtimer_new(pool->loop->base, on_look, pool);
        if (queue->timer == NULL || look_later(queue) < 0) {
            if (queue->timer != NULL)
                event_free(queue->timer);
            queue->timer = NULL;
            uncount_one(pool);
            return false;
        }
    }
    TAILQ_INSERT_TAIL(&queue->waits, wait, link);
    return true;
}

void
queue_leave(struct pool *pool, struct queue_wait *wait)
{
    struct queue *queue = &pool->queue;

    TAILQ_REMOVE(&queue->waits, wait, link);
    uncount_one(pool);
    if (!TAILQ_EMPTY(&queue->waits))
        return;
    event_free(queue->timer);
    queue->timer = NULL;
}

void
queue_wake(struct pool *pool)
{
    if (pool->queue.timer != NULL && !pool->queue.looking)
        event_active(pool->queue.timer, EV_TIMEOUT, 0);
}

bool
queue_is_first_come(const struct queue *queue)
{
    return !queue->looking && !TAILQ_EMPTY(&queue->waits);
}
