/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/care.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "core/proxy_write.h"
#include "net/loop.h"
#include "net/pool.h"

#include <stdlib.h>
#include <string.h>

static struct health
look_at(const struct pool_server *server)
{
    return health_unpack(
        atomic_load_explicit(&server->shared->health, memory_order_relaxed));
}

/* ---- What changes ---- */

static void
tell_out(const struct pool_server *server, const struct health *health,
         enum health_change change, const char *words)
{
    const struct config_pool *pool = server->pool->config;
    const struct health_rules *rules = &server->pool->care.rules;
    char out[32];
    struct text t;

    text_init(&t, out, sizeof(out));
    text_add_duration(&t, (uint32_t)health_out_ms(health, rules));
    if (change == HEALTH_STAYS_EJECTED)
        log_warning("backend %s: server %s stays out for %s: %s", config_pool_name(pool),
                    config_server_name(server->config), out, words);
    else
        log_warning("backend %s: server %s is out for %s: %u connections in a row have "
                    "failed, the last: %s",
                    config_pool_name(pool), config_server_name(server->config), out,
                    (unsigned)rules->eject_after, words);
}

static void
tell(struct pool_server *server, const struct health *health, enum health_change change,
     const char *words)
{
    const char *pool = config_pool_name(server->pool->config);
    const char *name = config_server_name(server->config);

    switch (change) {
    case HEALTH_SAME:
        break;
    case HEALTH_GOT_EJECTED:
        stats_add(&server->stats->outs[0], 1);
        tell_out(server, health, change, words);
        break;
    case HEALTH_STAYS_EJECTED:
        tell_out(server, health, change, words);
        break;
    case HEALTH_WENT_DOWN:
        stats_add(&server->stats->outs[1], 1);
        log_warning("backend %s: server %s is down: %u checks in a row have failed, the "
                    "last: %s",
                    pool, name, (unsigned)server->pool->care.rules.fall, words);
        break;
    case HEALTH_CAME_BACK:
        log_notice("backend %s: server %s is back", pool, name);
        break;
    }
}

void
care_note(struct pool_server *server, enum health_event event, const char *words)
{
    atomic_uint_least64_t *shared = &server->shared->health;
    uint_least64_t before = atomic_load_explicit(shared, memory_order_relaxed), after;
    enum health_change change;
    struct health health;

    do {
        health = health_unpack(before);
        change = health_step(&health, &server->pool->care.rules, event, clock_ms());
        after = health_pack(&health);
        if (after == before)
            return;
    } while (!atomic_compare_exchange_weak_explicit(
        shared, &before, after, memory_order_relaxed, memory_order_relaxed));
    tell(server, &health, change, words);
}

/* ---- The choice ---- */

bool
care_take(struct pool_server *server)
{
    const struct health_rules *rules = &server->pool->care.rules;
    uint_least64_t before =
        atomic_load_explicit(&server->shared->health, memory_order_relaxed);
    struct health health = health_unpack(before);
    uint64_t now = clock_ms();

    if (health_use(&health, rules, now) != HEALTH_TRIAL)
        return true; /* also as the last resort */
    health_try(&health, rules, now);
    return atomic_compare_exchange_strong_explicit(
        &server->shared->health, &before, health_pack(&health), memory_order_relaxed,
        memory_order_relaxed);
}

/* Which of them are usable. Returns whether one is that is not in tried. */
static bool
allow(struct pool *pool, uint64_t tried, bool (*is_good)(const struct pool_server *server))
{
    bool found = false;

    for (unsigned i = 0; i < pool->balance.count; i++) {
        pool->balance.server[i].usable = is_good(&pool->server[i]);
        found |= pool->balance.server[i].usable && (tried >> i & 1) == 0;
    }
    return found;
}

static bool
is_fit(const struct pool_server *server)
{
    struct health health = look_at(server);

    return health_use(&health, &server->pool->care.rules, clock_ms()) != HEALTH_NO;
}

static bool
is_not_down(const struct pool_server *server)
{
    return !server->pool->care.rules.checked || look_at(server).state != HEALTH_DOWN;
}

static bool
is_any(const struct pool_server *server ATTR_UNUSED)
{
    return true;
}

void
care_refresh(struct pool *pool, uint64_t tried)
{
    uint64_t now = clock_ms();

    for (unsigned i = 0; i < pool->balance.count; i++) {
        const struct pool_server *server = &pool->server[i];
        struct health health = look_at(server);

        pool->balance.server[i].weight =
            server->config->weight * health_share(&health, &pool->care.rules, now);
    }
    if (!allow(pool, tried, is_fit) && !allow(pool, tried, is_not_down) &&
        !allow(pool, 0, is_not_down))
        (void)allow(pool, tried, is_any);
}

/* ---- Checks ---- */

_Static_assert(HEALTH_WHOLE == BALANCE_WEIGHT_SCALE, "a share is a part of the weight");

/* A tenth more or less, so that the checks of many do not fall together. */
static uint64_t
jitter(uint32_t interval_ms)
{
    uint64_t now_us = clock_us();

    return interval_ms - interval_ms / 10 +
           balance_hash(&now_us, sizeof(now_us)) % (interval_ms / 5 + 1);
}

static void
arm(struct pool_server *server, uint64_t at_ms)
{
    uint64_t now = clock_ms();
    struct timeval after = clock_timeval(at_ms > now ? at_ms - now : 0);

    (void)event_add(server->care.timer, &after); /* no check, then, for want of memory */
}

static void
on_probed(void *owner, enum probe_result result, const char *words)
{
    static const enum stats_check outcomes[PROBE_RESULTS] = {
        [PROBE_GOOD] = STATS_CHECK_PASSED,
        [PROBE_NO_CONNECTION] = STATS_CHECK_UNREACHED,
        [PROBE_TIMEOUT] = STATS_CHECK_TIMEOUT,
        [PROBE_WRONG] = STATS_CHECK_WRONG,
        [PROBE_NO_ROOM] = STATS_CHECK_ERROR,
    };
    struct pool_server *server = owner;

    server->care.probe = NULL;
    stats_add(&server->stats->checks[outcomes[result]], 1);
    if (result != PROBE_NO_ROOM)
        care_note(server, result == PROBE_GOOD ? HEALTH_CHECK_GOOD : HEALTH_CHECK_BAD,
                  words);
}

static void
check(struct pool_server *server)
{
    struct addr addr[RESOLVER_ADDRS];
    struct resolver_wait wait = {0};
    unsigned count = 0;

    if (server->care.probe != NULL)
        return;
    switch (pool_find_addrs(server, addr, &count, &wait)) {
    case RESOLVER_WAITS: /* it says nothing of the server; the next check will know */
        resolver_cancel(&wait);
        return;
    case RESOLVER_FAILED:
        stats_add(&server->stats->checks[STATS_CHECK_UNREACHED], 1);
        care_note(server, HEALTH_CHECK_BAD, pool_name_error(server));
        return;
    case RESOLVER_FOUND:
        break;
    }
    server->care.probe = probe_start(server->pool->loop, addr, count,
                                     &server->pool->care.probe, on_probed, server);
}

static void
on_timer(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct pool_server *server = arg;
    uint32_t interval_ms = server->pool->config->check_interval_ms;
    atomic_uint_least64_t *due = &server->shared->check_due;
    uint_least64_t at = atomic_load_explicit(due, memory_order_relaxed);
    uint64_t now = clock_ms(), next = now + jitter(interval_ms);

    /* One that is too far off is of a longer interval before a reload. */
    if (at > now && at - now <= 2 * (uint64_t)interval_ms)
        next = at;
    else if (atomic_compare_exchange_strong_explicit(due, &at, next, memory_order_relaxed,
                                                     memory_order_relaxed))
        check(server);
    arm(server, next);
}

void
care_start(struct pool_server *server)
{
    if (!server->pool->care.rules.checked || server->care.timer != NULL)
        return;
    server->care.timer = evtimer_new(server->pool->loop->base, on_timer, server);
    if (server->care.timer != NULL)
        arm(server, 0);
}

void
care_stop(struct pool_server *server)
{
    probe_cancel(server->care.probe);
    server->care.probe = NULL;
    if (server->care.timer != NULL)
        event_free(server->care.timer);
    server->care.timer = NULL;
}

/* ---- What is said and expected ---- */

/* config_check has found that it is right. Returns where the next ones have room. */
static unsigned char *
take_bytes(struct config_blob *blob, const char *text, unsigned char *room)
{
    ptrdiff_t len = text_unescape(text, room);

    *blob = (struct config_blob){room, len > 0 ? (size_t)len : 0};
    return room + blob->len;
}

/*
 * A check is a connection of our own. In version 1 it is one of which nothing is known,
 * since our end has no address before it is connected (the text, 2.1).
 */
static void
say_header(struct care_plan *plan, const struct config_pool *config)
{
    static const struct addr none;
    enum proxy_version version = config_proxy_version(NULL, config);

    plan->say[0].data = plan->header;
    plan->say[0].len =
        proxy_write_local(version, &none, &none, plan->header, sizeof(plan->header));
    plan->probe.say = plan->say;
    plan->probe.says = plan->say[0].len > 0 ? 1 : 0;
}

int
care_init(struct care_plan *plan, const struct config_pool *config)
{
    const struct config_strings *expect = &config->check_expect;
    const char *send = config->check_send.text != NULL ? config->check_send.text : "";
    size_t len = strlen(send);
    unsigned char *room;

    *plan = (struct care_plan){.rules = config_health_rules(config)};
    plan->probe.timeout_ms = config->check_timeout_ms;
    say_header(plan, config);
    if (config->check != CONFIG_CHECK_ANSWER)
        return 0;
    for (size_t i = 0; i < expect->count; i++)
        len += strlen(expect->item[i].text);
    plan->expect = calloc(expect->count + 1, sizeof(*plan->expect));
    plan->bytes = room = malloc(len + 1);
    if (plan->expect == NULL || room == NULL)
        return -1;
    room = take_bytes(&plan->say[plan->probe.says], send, room);
    for (size_t i = 0; i < expect->count; i++)
        room = take_bytes(&plan->expect[i], expect->item[i].text, room);
    plan->probe.says += plan->say[plan->probe.says].len > 0 ? 1 : 0;
    plan->probe.expect = plan->expect;
    plan->probe.expects = expect->count;
    return 0;
}

void
care_clear(struct care_plan *plan)
{
    free(plan->expect);
    free(plan->bytes);
    *plan = (struct care_plan){0};
}
