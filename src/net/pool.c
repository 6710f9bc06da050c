/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/pool.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

/* The log is told of the failures of a server now and then only. */
#define WARN_MS 10000

/* ---- What is counted ---- */

enum stats_dial
pool_outcome(enum term_event event)
{
    switch (event) {
    case TERM_BACKEND_CONNECTED:
        return STATS_DIAL_CONNECTED;
    case TERM_BACKEND_REFUSED:
        return STATS_DIAL_REFUSED;
    case TERM_BACKEND_UNREACHABLE:
        return STATS_DIAL_UNREACHABLE;
    case TERM_TIMEOUT_CONNECT:
        return STATS_DIAL_TIMEOUT;
    default:
        return STATS_DIAL_ERROR;
    }
}

/* Is there a place? Signed: should a worker die between the two counts of a connection,
 * the number may be off by one. */
static bool
enter(struct pool_server *server)
{
    uint32_t max = server->config->max_connections;
    atomic_uint_least32_t *live = &server->shared->live;
    uint_least32_t before = atomic_load_explicit(live, memory_order_relaxed);

    do {
        if (max > 0 && (int32_t)before >= (int32_t)max)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        live, &before, before + 1, memory_order_relaxed, memory_order_relaxed));
    stats_set(&server->stats->live, server->stats->live + 1);
    return true;
}

void
pool_leave(struct pool_server *server)
{
    stats_set(&server->stats->live, server->stats->live - 1);
    atomic_fetch_sub_explicit(&server->shared->live, 1, memory_order_relaxed);
    queue_wake(server->pool);
}

/* Where there is no other server, the connection's own line tells all. */
static void
warn(struct pool_server *server, const char *words)
{
    const struct config_pool *pool = server->pool->config;
    const char *name = config_server_name(server->config);
    uint64_t now = clock_ms();

    server->untold++;
    if (pool->servers < 2 || (server->warned_ms != 0 && now - server->warned_ms < WARN_MS))
        return;
    if (server->untold > 1)
        log_warning(
            "backend %s: server %s cannot be reached: %s (%llu times since this was "
            "told last)",
            config_pool_name(pool), name, words, (unsigned long long)server->untold);
    else
        log_warning("backend %s: server %s cannot be reached: %s", config_pool_name(pool),
                    name, words);
    server->warned_ms = now;
    server->untold = 0;
}

void
pool_report(struct pool_server *server, enum term_event event, const char *words)
{
    stats_add(&server->stats->connects[pool_outcome(event)], 1);
    if (event == TERM_BACKEND_CONNECTED) {
        care_note(server, HEALTH_CONNECTED, NULL);
        return;
    }
    warn(server, words);
    if (event != TERM_INTERNAL_ERROR) /* that is our own fault */
        care_note(server, HEALTH_FAILED, words);
}

/* ---- The choice ---- */

/* By its address alone: a client's next connection has another port. */
static uint64_t
hash_client(const struct addr *client)
{
    if (client->u.sa.sa_family == AF_INET6)
        return balance_hash(&client->u.in6.sin6_addr, sizeof(client->u.in6.sin6_addr));
    return balance_hash(&client->u.in.sin_addr, sizeof(client->u.in.sin_addr));
}

static unsigned
choose(struct pool *pool, const struct addr *client, uint64_t tried, uint64_t full)
{
    enum balance how = pool->config->balance;
    struct balance_state *state = &pool->balance;

    care_refresh(pool, tried);
    if (how == BALANCE_LEAST_CONNECTIONS)
        for (unsigned i = 0; i < state->count; i++)
            state->server[i].live = (uint32_t)atomic_load_explicit(
                &pool->server[i].shared->live, memory_order_relaxed);
    return balance_choose(how, state, tried | full,
                          how == BALANCE_SOURCE ? hash_client(client) : 0);
}

struct pool_server *
pool_choose(struct pool *pool, const struct addr *client, uint64_t *tried)
{
    struct pool_server *server = NULL;
    uint64_t full = 0;
    unsigned number;

    pool->full = queue_is_first_come(&pool->queue);
    if (pool->full)
        return NULL;
    while (server == NULL) {
        number = choose(pool, client, *tried, full);
        if (number == BALANCE_NONE)
            return NULL;
        server = &pool->server[number];
        if (!enter(server)) {
            full |= UINT64_C(1) << number;
            pool->full = true;
            server = NULL;
        } else if (!care_take(server)) { /* somebody else tries it already */
            pool_leave(server);
            server = NULL;
        }
    }
    *tried |= UINT64_C(1) << number;
    return server;
}

unsigned
pool_left(const struct pool *pool, uint64_t tried)
{
    return balance_left(&pool->balance, tried);
}

/* ---- Addresses ---- */

static bool
needs_resolver(const struct pool_server *server)
{
    return server->config->at.kind == CONFIG_BACKEND_NAME &&
           server->config->at.known.count == 0;
}

static struct resolver_name *
name_of(struct pool_server *server)
{
    if (server->name == NULL)
        server->name = resolver_hold(server->pool->loop, server->config->at.host);
    return server->name;
}

static unsigned
take_known(const struct config_backend *at, struct addr *addr)
{
    unsigned count = 0;

    if (at->kind != CONFIG_BACKEND_NAME)
        addr[count++] = at->addr;
    for (size_t i = 0; i < at->known.count && count < RESOLVER_ADDRS; i++)
        addr[count++] = at->known.item[i];
    return count;
}

enum resolver_state
pool_find_addrs(struct pool_server *server, struct addr *addr, unsigned *count,
                struct resolver_wait *wait)
{
    enum resolver_state state;

    if (!needs_resolver(server)) {
        *count = take_known(&server->config->at, addr);
        return RESOLVER_FOUND;
    }
    if (name_of(server) == NULL)
        return RESOLVER_FAILED;
    state = resolver_look_up(server->name, addr, count, wait);
    for (unsigned i = 0; state == RESOLVER_FOUND && i < *count; i++)
        addr_set_port(&addr[i], server->config->at.port);
    return state;
}

const char *
pool_name_error(const struct pool_server *server)
{
    return server->name != NULL ? resolver_error(server->name) : "out of memory";
}

/* ---- The pool ---- */

void
pool_serve(struct pool *pool)
{
    for (size_t i = 0; pool->config->used && i < pool->config->servers; i++) {
        struct pool_server *server = &pool->server[i];

        care_start(server);
        if (server->watched || !needs_resolver(server) || name_of(server) == NULL)
            continue;
        server->watched = true;
        resolver_watch(server->name);
    }
}

void
pool_rest(struct pool *pool)
{
    for (size_t i = 0; i < pool->config->servers; i++) {
        care_stop(&pool->server[i]);
        if (pool->server[i].watched)
            resolver_unwatch(pool->server[i].name);
        pool->server[i].watched = false;
    }
}

static void
init_server(struct pool *pool, unsigned number)
{
    const struct config_server *config = &pool->config->server[number];
    struct pool_server *server = &pool->server[number];
    uint32_t place = config->place < STATS_SERVERS ? config->place : STATS_OTHER;
    struct stats_page *page = pool->loop->page;
    const char *name = config_server_name(config);

    server->config = config;
    server->pool = pool;
    server->stats = &page->server[place];
    server->shared =
        place != STATS_OTHER ? &pool->loop->shared->server[place] : &server->own;
    if (page->servers <= place)
        stats_set(&page->servers, place + 1);
    pool->balance.server[number] =
        (struct balance_server){.id = balance_hash(name, strlen(name)),
                                .weight = config->weight,
                                .usable = true,
                                .backup = config->backup};
}

int
pool_init(struct pool *pool, const struct config_pool *config, struct loop *loop)
{
    uint64_t now_us;

    *pool = (struct pool){.config = config, .loop = loop};
    queue_init(&pool->queue);
    pool->server = calloc(config->servers + 1, sizeof(*pool->server));
    pool->balance.server = calloc(config->servers + 1, sizeof(*pool->balance.server));
    if (pool->server == NULL || pool->balance.server == NULL ||
        care_init(&pool->care, config) < 0)
        return -1;
    pool->balance.count = (unsigned)config->servers;
    for (unsigned i = 0; i < pool->balance.count; i++)
        init_server(pool, i);
    /* Not all workers, and not each generation, begin with the same server. */
    now_us = clock_us();
    pool->balance.turn =
        (unsigned)(balance_hash(&now_us, sizeof(now_us)) % BALANCE_SERVERS_MAX);
    return 0;
}

void
pool_clear(struct pool *pool)
{
    if (pool->server != NULL) {
        pool_rest(pool);
        for (size_t i = 0; i < pool->config->servers; i++)
            resolver_release(pool->server[i].name);
    }
    care_clear(&pool->care);
    free(pool->server);
    free(pool->balance.server);
    pool->server = NULL;
    pool->balance.server = NULL;
}
