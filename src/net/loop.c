/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/loop.h"

#include "base/addr.h"
#include "config/config.h"
#include "net/conn.h"

#include <stdlib.h>
#include <string.h>

int
loop_init(struct loop *loop, const struct config *config)
{
    memset(loop, 0, sizeof(*loop));
    TAILQ_INIT(&loop->live);
    TAILQ_INIT(&loop->dead);
    loop->config = config;
    loop->base = event_base_new();
    loop->cipher = malloc(LOOP_CIPHER_BYTES);
    loop->plain = malloc(LOOP_PLAIN_BYTES);
    if (loop->base == NULL || loop->cipher == NULL || loop->plain == NULL)
        return -1;
    loop->hangup = hangup_new(loop->base);
    if (loop->hangup == NULL)
        return -1;
    /* A quantum of plaintext, and the headers and tags of its records. */
    return tls_gather_init(&loop->gather, LOOP_PLAIN_BYTES + (8u << 10));
}

static void
reap(struct loop *loop)
{
    struct conn *conn;
    bool some = !TAILQ_EMPTY(&loop->dead);

    while ((conn = TAILQ_FIRST(&loop->dead)) != NULL) {
        TAILQ_REMOVE(&loop->dead, conn, link);
        conn_free(conn);
    }
    if (some && loop->on_reaped != NULL)
        loop->on_reaped(loop->on_reaped_arg);
}

/*
 * What libevent has put off until its next turn: callbacks of the resolver, and finalizers
 * of bufferevents that were freed. One may put off another.
 */
static void
run_deferred(struct loop *loop)
{
    for (int turn = 0; turn < 3; turn++)
        (void)event_base_loop(loop->base, EVLOOP_NONBLOCK);
}

void
loop_clear(struct loop *loop)
{
    loop->on_reaped = NULL;
    reap(loop);
    if (loop->dns != NULL) {
        /* Requests that were cancelled still call back, and must find the resolver. */
        run_deferred(loop);
        evdns_base_free(loop->dns, 1);
    }
    hangup_free(loop->hangup);
    if (loop->base != NULL) {
        run_deferred(loop);
        event_base_free(loop->base);
    }
    tls_gather_clear(&loop->gather);
    free(loop->cipher);
    free(loop->plain);
    memset(loop, 0, sizeof(*loop));
}

struct evdns_base *
loop_dns(struct loop *loop)
{
    const struct config *config = loop->config;

    if (loop->dns != NULL)
        return loop->dns;
    if (config->resolver.count == 0) {
        loop->dns = evdns_base_new(loop->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                   EVDNS_BASE_DISABLE_WHEN_INACTIVE);
        if (loop->dns == NULL) /* no name server there: the hosts file still counts */
            loop->dns = evdns_base_new(loop->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    } else {
        loop->dns = evdns_base_new(loop->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    }
    if (loop->dns == NULL)
        return NULL;
    for (size_t i = 0; i < config->resolver.count; i++) {
        const struct addr *a = &config->resolver_addr[i];

        (void)evdns_base_nameserver_sockaddr_add(loop->dns, &a->u.sa, a->len, 0);
    }
    if (config->resolver.count > 0 || evdns_base_count_nameservers(loop->dns) == 0)
        (void)evdns_base_load_hosts(loop->dns, "/etc/hosts");
    return loop->dns;
}

int
loop_run(struct loop *loop, const bool *stop)
{
    while (!*stop) {
        if (event_base_loop(loop->base, EVLOOP_ONCE) < 0)
            return -1;
        reap(loop);
    }
    return 0;
}

uint64_t
loop_finished(const struct loop *loop)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < REASONS; i++)
        sum += loop->finished[i];
    return sum;
}
