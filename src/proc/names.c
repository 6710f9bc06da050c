/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/names.h"

#include "base/attr.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <resolv.h>
#include <string.h>

#define HOSTS_FILE "/etc/hosts"
#define KNOWN_MAX 16
#define DEFAULT_NDOTS 1

/* ---- resolv.conf(5), as the C library reads it ---- */

static void
add_nameserver(struct config *config, const void *sa, socklen_t len)
{
    struct config_addrs *servers = &config->nameservers;

    addr_from_sockaddr(&servers->item[servers->count++], sa, len);
}

static void
take_nameservers(struct config *config, const struct __res_state *state)
{
    config->nameservers.item =
        arena_alloc(config->arena, (MAXNS + 1) * sizeof(*config->nameservers.item));
    for (int i = 0; i < state->nscount && i < MAXNS; i++) {
        const struct sockaddr_in6 *in6 = state->_u._ext.nsaddrs[i];

        /* One of IPv6 is apart, and leaves its place in the list empty. */
        if (in6 != NULL && in6->sin6_family == AF_INET6)
            add_nameserver(config, in6, sizeof(*in6));
        else if (state->nsaddr_list[i].sin_family == AF_INET)
            add_nameserver(config, &state->nsaddr_list[i], sizeof(state->nsaddr_list[i]));
    }
}

static void
take_search(struct config *config, const struct __res_state *state)
{
    struct config_strings *search = &config->search;

    search->item = arena_alloc(config->arena, (MAXDNSRCH + 1) * sizeof(*search->item));
    for (int i = 0; i < MAXDNSRCH && state->dnsrch[i] != NULL; i++)
        search->item[search->count++].text = arena_strdup(config->arena, state->dnsrch[i]);
    config->ndots = state->ndots;
}

static void
read_resolv_conf(struct config *config)
{
    struct __res_state state;

    config->ndots = DEFAULT_NDOTS;
    memset(&state, 0, sizeof(state));
    if (res_ninit(&state) != 0)
        return;
    if (config->resolver.count == 0)
        take_nameservers(config, &state);
    take_search(config, &state);
    res_nclose(&state);
}

/* ---- hosts(5), as libevent reads it ---- */

struct look_up {
    struct config *config;
    struct config_backend *backend;
    bool done;
};

static void
on_found(int result ATTR_UNUSED, struct evutil_addrinfo *found, void *arg)
{
    struct look_up *look_up = arg;
    struct config_addrs *known = &look_up->backend->known;

    look_up->done = true;
    if (found == NULL)
        return;
    known->item = arena_alloc(look_up->config->arena, KNOWN_MAX * sizeof(*known->item));
    for (struct evutil_addrinfo *a = found; a != NULL && known->count < KNOWN_MAX;
         a = a->ai_next)
        addr_from_sockaddr(&known->item[known->count++], a->ai_addr, a->ai_addrlen);
    evutil_freeaddrinfo(found);
}

/* What is not in the file is asked of name servers, of which there are none: it is called
 * off. */
static void
look_up(struct evdns_base *dns, struct event_base *base, struct config *config,
        struct config_backend *backend)
{
    struct look_up look_up = {.config = config, .backend = backend};
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = EVUTIL_AI_NUMERICSERV};
    struct evdns_getaddrinfo_request *request;
    char port[8];

    evutil_snprintf(port, sizeof(port), "%u", backend->port);
    request = evdns_getaddrinfo(dns, backend->host, port, &hints, on_found, &look_up);
    if (request != NULL)
        evdns_getaddrinfo_cancel(request);
    for (int turn = 0; turn < 3 && !look_up.done; turn++)
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Call look_up for the names among the servers of a pool. Returns how many there are. */
static size_t
each_name(struct config *config, struct config_pool *pool, struct evdns_base *dns,
          struct event_base *base)
{
    size_t names = 0;

    for (size_t i = 0; pool->used && i < pool->servers; i++) {
        struct config_backend *b = &pool->server[i].at;

        if (b->kind != CONFIG_BACKEND_NAME || b->host == NULL)
            continue;
        names++;
        if (dns != NULL)
            look_up(dns, base, config, b);
    }
    return names;
}

static void
read_hosts(struct config *config)
{
    struct event_base *base = event_base_new();
    struct evdns_base *dns = base != NULL ? evdns_base_new(base, 0) : NULL;

    if (dns != NULL && evdns_base_load_hosts(dns, HOSTS_FILE) >= 0)
        for (size_t i = 0; i < config->pools; i++)
            (void)each_name(config, &config->pool[i], dns, base);
    if (dns != NULL)
        evdns_base_free(dns, 0);
    if (base != NULL)
        event_base_free(base);
}

void
names_find(struct config *config)
{
    size_t names = 0;

    for (size_t i = 0; i < config->pools; i++)
        names += each_name(config, &config->pool[i], NULL, NULL);
    if (names == 0)
        return;
    read_resolv_conf(config);
    read_hosts(config);
}
