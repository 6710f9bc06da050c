/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/config.h"

#include "config/options.h"

struct config *
config_new(struct config_frontend *defaults)
{
    struct arena *arena = arena_new();
    struct config *config = arena_alloc(arena, sizeof(*config));

    config->arena = arena;
    config->refs = 1;
    *defaults = (struct config_frontend){.name = "defaults"};
    option_store_initial(config, defaults);
    return config;
}

/* What proc/names finds out of them is the copy's own. */
static struct config_pool *
copy_pools(struct arena *arena, const struct config *config)
{
    struct config_pool *copy = arena_alloc(arena, (config->pools + 1) * sizeof(*copy));

    for (size_t i = 0; i < config->pools; i++) {
        const struct config_pool *pool = &config->pool[i];

        copy[i] = *pool;
        copy[i].server = arena_alloc(arena, (pool->servers + 1) * sizeof(*copy[i].server));
        for (size_t k = 0; k < pool->servers; k++) {
            copy[i].server[k] = pool->server[k];
            copy[i].server[k].at.known = (struct config_addrs){0};
        }
    }
    return copy;
}

const char *
config_server_name(const struct config_server *server)
{
    return server->at.from.text;
}

const char *
config_pool_name(const struct config_pool *pool)
{
    return pool->name != NULL ? pool->name : config_server_name(&pool->server[0]);
}

struct health_rules
config_health_rules(const struct config_pool *pool)
{
    struct health_rules rules = pool->health;

    rules.checked = pool->check != CONFIG_CHECK_OFF;
    if (pool->servers < 2)
        rules.eject_after = 0;
    return rules;
}

uint32_t
config_route(const struct config_frontend *f, const char *name, const void *protocol,
             size_t len)
{
    uint32_t target = route_find(f->route, f->routes, name, protocol, len);

    return target != ROUTE_NONE ? target : f->backend;
}

struct config *
config_renew(struct config *config)
{
    struct config *root = config->root != NULL ? config->root : config;
    struct arena *arena = arena_new();
    struct config *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *root;
    copy->arena = arena;
    copy->root = root;
    copy->refs = 1;
    copy->pool = copy_pools(arena, root);
    copy->frontend = arena_alloc(arena, (root->frontends + 1) * sizeof(*copy->frontend));
    for (size_t i = 0; i < root->frontends; i++) {
        struct config_frontend *f = &copy->frontend[i];

        *f = root->frontend[i];
        f->cert_file = NULL;
        f->cert_files = 0;
        f->sealed_cert = f->ticket_secrets = f->client_cert.sealed = f->staples =
            f->challenges = (struct config_blob){0};
    }
    root->refs++;
    return copy;
}

bool
config_nets_contain(const struct config_nets *nets, const struct addr *a)
{
    for (size_t i = 0; i < nets->count; i++)
        if (addr_net_contains(&nets->item[i], a))
            return true;
    return false;
}

/* The longest prefix of the networks that it is in; -1: it is in none. */
static int
longest_prefix(const struct config_nets *nets, const struct addr *a)
{
    int longest = -1;

    for (size_t i = 0; i < nets->count; i++)
        if (nets->item[i].prefix > longest && addr_net_contains(&nets->item[i], a))
            longest = nets->item[i].prefix;
    return longest;
}

bool
config_lets_in(const struct config_frontend *f, const struct addr *client)
{
    int allowed, denied;

    if (f->allow.count + f->deny.count == 0)
        return true;
    if (client->len == 0 || client->u.sa.sa_family == AF_UNIX)
        return true;
    allowed = longest_prefix(&f->allow, client);
    denied = longest_prefix(&f->deny, client);
    return allowed == denied ? f->allow.count == 0 : allowed > denied;
}

enum proxy_version
config_proxy_version(const struct config_frontend *f, const struct config_pool *pool)
{
    if (pool->proxy_protocol > 0)
        return (enum proxy_version)(pool->proxy_protocol - 1);
    return f != NULL ? f->proxy_protocol : PROXY_OFF;
}

void
config_free(struct config *config)
{
    struct config *root;

    if (config == NULL || --config->refs > 0)
        return;
    root = config->root;
    arena_free(config->arena);
    config_free(root);
}
