/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/admit.h"

#include "base/clock.h"
#include "net/front.h"
#include "net/loop.h"

void
admit_limits_init(struct admit_limits *limits, const struct config_limits *config)
{
    *limits = (struct admit_limits){
        .connections = config->connections,
        .handshakes = config->handshakes,
        .rate = bucket_rate(config->rate, config->burst),
        .source = {.connections = config->connections_per_source,
                   .handshakes = config->handshakes_per_source,
                   .rate = bucket_rate(config->rate_per_source, config->burst_per_source)},
        .exempt = &config->exempt,
    };
    limits->on = config->connections > 0 || config->handshakes > 0 || config->rate > 0;
    limits->per_source = config->connections_per_source > 0 ||
                         config->handshakes_per_source > 0 || config->rate_per_source > 0;
}

/* ---- Each source ---- */

static enum reason
count_source(struct loop *loop, uint64_t key, struct admission *a)
{
    uint32_t place;

    switch (sources_enter(&loop->shared->sources, loop->page->held.source, key,
                          &loop->limits.source, clock_us(), &place)) {
    case SOURCE_IN:
        a->source = place + 1;
        a->in_source_handshake = true;
        return REASON_NONE;
    case SOURCE_UNTRACKED:
        stats_add(&loop->page->untracked, 1);
        return REASON_NONE;
    case SOURCE_CONNECTIONS:
        return REASON_LIMIT_SOURCE_CONNECTIONS;
    case SOURCE_HANDSHAKES:
        return REASON_LIMIT_SOURCE_HANDSHAKES;
    case SOURCE_RATE:
        return REASON_LIMIT_SOURCE_RATE;
    }
    return REASON_NONE;
}

enum reason
admit_source(struct loop *loop, struct front *front, const struct addr *client,
             struct admission *a)
{
    uint64_t key;

    if (!config_lets_in(front->config, client))
        return REASON_DENIED;
    if (!loop->limits.per_source || config_nets_contain(loop->limits.exempt, client))
        return REASON_NONE;
    key = source_key(client);
    return key != 0 ? count_source(loop, key, a) : REASON_NONE;
}

enum term_event
admit_event(enum reason reason)
{
    switch (reason) {
    case REASON_LIMIT_SOURCE_CONNECTIONS:
        return TERM_SOURCE_CONNECTIONS;
    case REASON_LIMIT_SOURCE_HANDSHAKES:
        return TERM_SOURCE_HANDSHAKES;
    case REASON_LIMIT_SOURCE_RATE:
        return TERM_SOURCE_RATE;
    default:
        return TERM_DENIED;
    }
}

static void
undo_source(struct loop *loop, struct admission *a)
{
    if (a->source > 0)
        sources_undo(&loop->shared->sources, loop->page->held.source, &loop->limits.source,
                     a->source - 1);
    a->source = 0;
    a->in_source_handshake = false;
}

/* ---- All together ---- */

/* In all workers and frontends. */
static uint32_t
connections(const struct loop *loop)
{
    uint32_t sum = 0;

    for (uint64_t i = 0; i < loop->page->fronts; i++)
        sum += atomic_load(&loop->shared->live[i]);
    return sum;
}

static void
end_handshake(struct loop *loop, struct admission *a)
{
    uint64_t *own = &loop->page->held.handshakes;

    if (!a->handshake)
        return;
    a->handshake = false;
    atomic_fetch_sub(&loop->shared->handshakes, 1);
    stats_set(own, *own - 1);
}

/* As with sources, the page has always as much as the shared count, or more. */
static bool
begin_handshake(struct loop *loop, struct admission *a)
{
    atomic_uint_least32_t *shared = &loop->shared->handshakes;
    uint64_t *own = &loop->page->held.handshakes;

    if (loop->limits.handshakes == 0)
        return true;
    if (atomic_load(shared) >= loop->limits.handshakes)
        return false;
    a->handshake = true;
    stats_set(own, *own + 1);
    if (atomic_fetch_add(shared, 1) < loop->limits.handshakes)
        return true;
    end_handshake(loop, a); /* another worker was quicker */
    return false;
}

/*
 * Looked at before it is counted, so that those who are refused are in nobody's way; and
 * again afterwards, since another worker may have done the same.
 */
static enum reason
enter_all(struct loop *loop, struct front *front, struct admission *a)
{
    uint32_t max = loop->limits.connections;
    enum reason reason = REASON_NONE;

    if (max > 0 && connections(loop) >= max)
        return REASON_OVERLOAD;
    if (!front_enter(front))
        return REASON_OVERLOAD;
    if (max > 0 && connections(loop) > max)
        reason = REASON_OVERLOAD;
    else if (!begin_handshake(loop, a))
        reason = REASON_LIMIT_HANDSHAKES;
    else if (!bucket_take(&loop->shared->rate, &loop->limits.rate, clock_us()))
        reason = REASON_LIMIT_RATE;
    if (reason == REASON_NONE)
        return reason;
    end_handshake(loop, a);
    front_leave(front);
    return reason;
}

/*
 * Sources first: whoever is beyond a limit of its own takes nothing away from all the
 * others. And who is refused because of these keeps what is its own.
 */
enum reason
admit(struct loop *loop, struct front *front, const struct addr *client,
      struct admission *a)
{
    enum reason reason = REASON_NONE;

    *a = (struct admission){.source = 0};
    if (client != NULL)
        reason = admit_source(loop, front, client, a);
    if (reason != REASON_NONE)
        return reason;
    if (loop->limits.on)
        reason = enter_all(loop, front, a);
    else if (!front_enter(front))
        reason = REASON_OVERLOAD;
    if (reason != REASON_NONE)
        undo_source(loop, a);
    return reason;
}

void
admit_handshake_over(struct loop *loop, struct admission *a)
{
    end_handshake(loop, a);
    if (a->in_source_handshake)
        sources_handshake_over(&loop->shared->sources, loop->page->held.source,
                               a->source - 1);
    a->in_source_handshake = false;
}

void
admit_leave(struct loop *loop, struct front *front, struct admission *a)
{
    admit_handshake_over(loop, a);
    if (a->source > 0)
        sources_leave(&loop->shared->sources, loop->page->held.source, a->source - 1);
    a->source = 0;
    front_leave(front);
}
