/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/bundle.h"

#include "config/options.h"

#include <string.h>

#define MAGIC UINT32_C(0x53414c4c)

static void
pack_strings(struct pack *p, const struct config_strings *strings)
{
    pack_u32(p, (uint32_t)strings->count);
    for (size_t i = 0; i < strings->count; i++)
        pack_string(p, strings->item[i].text);
}

static void
unpack_strings(struct unpack *u, struct arena *arena, struct config_strings *strings)
{
    strings->count = unpack_count(u, sizeof(uint64_t));
    strings->item = arena_alloc(arena, (strings->count + 1) * sizeof(*strings->item));
    for (size_t i = 0; i < strings->count; i++)
        strings->item[i].text = unpack_string(u);
}

static void
pack_addrs(struct pack *p, const struct config_addrs *addrs)
{
    pack_u32(p, (uint32_t)addrs->count);
    for (size_t i = 0; i < addrs->count; i++)
        pack_addr(p, &addrs->item[i]);
}

static void
unpack_addrs(struct unpack *u, struct arena *arena, struct config_addrs *addrs)
{
    addrs->count = unpack_count(u, sizeof(uint64_t));
    addrs->item = arena_alloc(arena, (addrs->count + 1) * sizeof(*addrs->item));
    for (size_t i = 0; i < addrs->count; i++)
        unpack_addr(u, &addrs->item[i]);
}

static void
pack_nets(struct pack *p, const struct config_nets *nets)
{
    pack_u32(p, (uint32_t)nets->count);
    for (size_t i = 0; i < nets->count; i++)
        pack_net(p, &nets->item[i]);
}

static void
unpack_nets(struct unpack *u, struct arena *arena, struct config_nets *nets)
{
    nets->count = unpack_count(u, sizeof(uint64_t));
    nets->item = arena_alloc(arena, (nets->count + 1) * sizeof(*nets->item));
    for (size_t i = 0; i < nets->count; i++)
        unpack_net(u, &nets->item[i]);
}

static void
pack_config_blob(struct pack *p, const struct config_blob *blob)
{
    pack_blob(p, blob->data, blob->len);
}

static void
unpack_config_blob(struct unpack *u, struct config_blob *blob)
{
    blob->data = unpack_blob(u, &blob->len);
}

/* ---- The settings of the table ---- */

static void
pack_setting(struct pack *p, const struct option *o, const void *field)
{
    switch (o->type) {
    case OPTION_DURATION:
    case OPTION_NUMBER:
        pack_u32(p, *(const uint32_t *)field);
        break;
    case OPTION_WORD:
        pack_u32(p, (uint32_t) * (const int *)field);
        break;
    case OPTION_SWITCH:
        pack_u32(p, *(const bool *)field);
        break;
    case OPTION_TEXT:
        pack_string(p, *(const char *const *)field);
        break;
    case OPTION_STRING:
        pack_string(p, ((const struct config_string *)field)->text);
        break;
    case OPTION_LIST:
        pack_strings(p, field);
        break;
    }
}

static void
unpack_setting(struct unpack *u, struct arena *arena, const struct option *o, void *field)
{
    switch (o->type) {
    case OPTION_DURATION:
    case OPTION_NUMBER:
        *(uint32_t *)field = unpack_u32(u);
        break;
    case OPTION_WORD:
        *(int *)field = (int)unpack_u32(u);
        break;
    case OPTION_SWITCH:
        *(bool *)field = unpack_u32(u) != 0;
        break;
    case OPTION_TEXT:
        *(const char **)field = unpack_string(u);
        break;
    case OPTION_STRING:
        ((struct config_string *)field)->text = unpack_string(u);
        break;
    case OPTION_LIST:
        unpack_strings(u, arena, field);
        break;
    }
}

static void
pack_settings(struct pack *p, enum option_block of, const void *base)
{
    for (size_t i = 0; i < option_count; i++)
        if (option_base(&option_table[i]) == of)
            pack_setting(p, &option_table[i], (const char *)base + option_table[i].offset);
}

static void
unpack_settings(struct unpack *u, struct arena *arena, enum option_block of, void *base)
{
    for (size_t i = 0; i < option_count; i++)
        if (option_base(&option_table[i]) == of)
            unpack_setting(u, arena, &option_table[i],
                           (char *)base + option_table[i].offset);
}

/* ---- What was found out about them ---- */

static void
pack_backend(struct pack *p, const struct config_backend *b)
{
    pack_string(p, b->from.text);
    pack_u32(p, b->kind);
    pack_addr(p, &b->addr);
    pack_string(p, b->host);
    pack_u32(p, b->port);
    pack_addrs(p, &b->known);
}

static void
unpack_backend(struct unpack *u, struct arena *arena, struct config_backend *b)
{
    b->from.text = unpack_string(u);
    b->kind = (enum config_backend_kind)unpack_u32(u);
    unpack_addr(u, &b->addr);
    b->host = unpack_string(u);
    b->port = (uint16_t)unpack_u32(u);
    unpack_addrs(u, arena, &b->known);
}

static void
pack_pool(struct pack *p, const struct config_pool *pool)
{
    pack_string(p, pool->name);
    pack_settings(p, OPTION_BACKEND, pool);
    pack_u32(p, pool->used);
    pack_u32(p, (uint32_t)pool->servers);
    for (size_t i = 0; i < pool->servers; i++) {
        const struct config_server *server = &pool->server[i];

        pack_backend(p, &server->at);
        pack_u32(p, server->backup);
        pack_u32(p, server->weight);
        pack_u32(p, server->max_connections);
        pack_u32(p, server->place);
    }
}

static void
unpack_server(struct unpack *u, struct arena *arena, struct config_server *server)
{
    unpack_backend(u, arena, &server->at);
    server->backup = unpack_u32(u) != 0;
    server->weight = unpack_u32(u);
    server->max_connections = unpack_u32(u);
    server->place = unpack_u32(u);
    u->failed |= server->at.from.text == NULL || server->weight == 0 ||
                 server->weight > BALANCE_WEIGHT_MAX;
}

static void
unpack_pool(struct unpack *u, struct arena *arena, struct config_pool *pool)
{
    pool->name = unpack_string(u);
    unpack_settings(u, arena, OPTION_BACKEND, pool);
    pool->used = unpack_u32(u) != 0;
    pool->servers = unpack_count(u, 2 * sizeof(uint64_t));
    u->failed |= pool->servers == 0 || pool->servers > BALANCE_SERVERS_MAX;
    pool->server = arena_alloc(arena, (pool->servers + 1) * sizeof(*pool->server));
    for (size_t i = 0; i < pool->servers; i++)
        unpack_server(u, arena, &pool->server[i]);
}

static void
pack_pools(struct pack *p, const struct config *config)
{
    pack_u32(p, (uint32_t)config->pools);
    for (size_t i = 0; i < config->pools; i++)
        pack_pool(p, &config->pool[i]);
}

static void
unpack_pools(struct unpack *u, struct arena *arena, struct config *config)
{
    config->pools = unpack_count(u, 2 * sizeof(uint64_t));
    config->pool = arena_alloc(arena, (config->pools + 1) * sizeof(*config->pool));
    for (size_t i = 0; i < config->pools; i++)
        unpack_pool(u, arena, &config->pool[i]);
}

static void
pack_routes(struct pack *p, const struct config_frontend *f)
{
    pack_u32(p, f->backend);
    pack_u32(p, (uint32_t)f->routes);
    for (size_t i = 0; i < f->routes; i++) {
        pack_u32(p, f->route[i].by);
        pack_string(p, f->route[i].key);
        pack_u32(p, f->route[i].target);
    }
}

static void
unpack_routes(struct unpack *u, const struct config *config, struct config_frontend *f)
{
    f->backend = unpack_u32(u);
    u->failed |= f->backend >= config->pools;
    f->routes = unpack_count(u, 2 * sizeof(uint64_t));
    f->route = arena_alloc(config->arena, (f->routes + 1) * sizeof(*f->route));
    for (size_t i = 0; i < f->routes; i++) {
        f->route[i].by = (enum route_by)unpack_u32(u);
        f->route[i].key = unpack_string(u);
        f->route[i].target = unpack_u32(u);
        u->failed |= f->route[i].key == NULL || f->route[i].target >= config->pools;
    }
}

static void
pack_frontend(struct pack *p, const struct config_frontend *f)
{
    pack_string(p, f->name);
    pack_settings(p, OPTION_FRONTEND, f);
    pack_u32(p, (uint32_t)f->listens);
    for (size_t i = 0; i < f->listens; i++) {
        pack_addr(p, &f->listen[i].addr);
        pack_string(p, f->listen[i].systemd);
    }
    pack_nets(p, &f->proxies);
    pack_routes(p, f);
    pack_nets(p, &f->allow);
    pack_nets(p, &f->deny);
    pack_u32(p, f->source);
    pack_addr(p, &f->source_addr);
    pack_u32(p, f->original);
    pack_u32(p, f->place);
    pack_config_blob(p, &f->sealed_cert);
    pack_config_blob(p, &f->client_cert.sealed);
    pack_config_blob(p, &f->staples);
    pack_config_blob(p, &f->challenges);
    pack_config_blob(p, &f->ticket_secrets);
}

static void
unpack_frontend(struct unpack *u, const struct config *config, struct config_frontend *f)
{
    struct arena *arena = config->arena;

    f->name = unpack_string(u);
    unpack_settings(u, arena, OPTION_FRONTEND, f);
    f->listens = unpack_count(u, 2 * sizeof(uint64_t));
    f->listen = arena_alloc(arena, (f->listens + 1) * sizeof(*f->listen));
    for (size_t i = 0; i < f->listens; i++) {
        unpack_addr(u, &f->listen[i].addr);
        f->listen[i].systemd = unpack_string(u);
    }
    unpack_nets(u, arena, &f->proxies);
    unpack_routes(u, config, f);
    unpack_nets(u, arena, &f->allow);
    unpack_nets(u, arena, &f->deny);
    f->source = (enum config_source)unpack_u32(u);
    unpack_addr(u, &f->source_addr);
    f->original = unpack_u32(u) != 0;
    f->place = unpack_u32(u);
    unpack_config_blob(u, &f->sealed_cert);
    unpack_config_blob(u, &f->client_cert.sealed);
    unpack_config_blob(u, &f->staples);
    unpack_config_blob(u, &f->challenges);
    unpack_config_blob(u, &f->ticket_secrets);
}

void
bundle_pack(struct pack *p, const struct config *config)
{
    pack_u32(p, MAGIC);
    pack_settings(p, OPTION_GLOBAL, config);
    pack_addr(p, &config->admin);
    pack_addrs(p, &config->nameservers);
    pack_strings(p, &config->search);
    pack_u32(p, config->ndots);
    pack_nets(p, &config->limits.exempt);
    pack_pools(p, config);
    pack_u32(p, (uint32_t)config->frontends);
    for (size_t i = 0; i < config->frontends; i++)
        pack_frontend(p, &config->frontend[i]);
    pack_u32(p, MAGIC);
}

struct config *
bundle_unpack(struct unpack *u)
{
    struct arena *arena = arena_new();
    struct config *config = arena_alloc(arena, sizeof(*config));

    config->arena = arena;
    config->refs = 1;
    u->failed |= unpack_u32(u) != MAGIC;
    unpack_settings(u, arena, OPTION_GLOBAL, config);
    unpack_addr(u, &config->admin);
    unpack_addrs(u, arena, &config->nameservers);
    unpack_strings(u, arena, &config->search);
    config->ndots = unpack_u32(u);
    unpack_nets(u, arena, &config->limits.exempt);
    unpack_pools(u, arena, config);
    config->frontends = unpack_count(u, sizeof(uint64_t));
    config->frontend =
        arena_alloc(arena, (config->frontends + 1) * sizeof(*config->frontend));
    for (size_t i = 0; i < config->frontends; i++)
        unpack_frontend(u, config, &config->frontend[i]);
    u->failed |= unpack_u32(u) != MAGIC;
    if (!u->failed)
        return config;
    config_free(config);
    return NULL;
}
