/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/loop.h"

#include "base/addr.h"
#include "config/config.h"
#include "net/conn.h"
#include "net/pieces.h"
#include "tls/tls_record.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

/* For fewer than that it is not worth while to give memory back. */
#define PEAK_MIN 64

static bool
has_fallen(const struct tide *tide)
{
    return tide->peak >= PEAK_MIN && tide->now <= tide->peak / 2;
}

/* Scratch memory: whole pages, so that they can be given back. */
static unsigned char *
new_scratch(size_t size)
{
    return aligned_alloc(PAGE, (size + PAGE - 1) / PAGE * PAGE);
}

/* The C library keeps what was freed inside its heap. Scratch memory is empty just now. */
static void
on_settled(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct loop *loop = arg;

    loop->connections.peak = loop->connections.now;
    loop->objects.peak = loop->objects.now;
    (void)madvise(loop->cipher, LOOP_CIPHER_BYTES, MADV_DONTNEED);
    (void)madvise(loop->plain, LOOP_PLAIN_BYTES, MADV_DONTNEED);
    (void)malloc_trim(0);
}

void
loop_rise(struct tide *tide)
{
    tide->now++;
    if (tide->now > tide->peak)
        tide->peak = tide->now;
}

/* They may come back soon: so a moment is waited for, and it is done once for all of them.
 */
void
loop_fall(struct loop *loop, struct tide *tide)
{
    static const struct timeval a_moment = {.tv_sec = 1};

    tide->now--;
    if (has_fallen(tide) && !evtimer_pending(loop->settled, NULL))
        (void)evtimer_add(loop->settled, &a_moment);
}

int
loop_init(struct loop *loop, struct stats_page *page, struct stats_shared *shared)
{
    memset(loop, 0, sizeof(*loop));
    TAILQ_INIT(&loop->live);
    TAILQ_INIT(&loop->dead);
    TAILQ_INIT(&loop->names);
    loop->page = page;
    loop->shared = shared;
    pieces_use();
    loop->base = event_base_new();
    loop->cipher = new_scratch(LOOP_CIPHER_BYTES + TLS_RECORD_MAX_BYTES);
    loop->plain = new_scratch(LOOP_PLAIN_BYTES);
    if (loop->base == NULL || loop->cipher == NULL || loop->plain == NULL)
        return -1;
    loop->hangup = hangup_new(loop->base);
    loop->settled = evtimer_new(loop->base, on_settled, loop);
    if (loop->hangup == NULL || loop->settled == NULL ||
        revoke_init(&loop->revoke, loop) < 0)
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
    revoke_clear(&loop->revoke);
    refusals_clear(&loop->refusals);
    resolver_stop(loop);
    if (loop->dns != NULL) {
        /* Requests that were cancelled still call back, and must find the resolver. */
        run_deferred(loop);
        evdns_base_free(loop->dns, 1);
    }
    if (loop->settled != NULL)
        event_free(loop->settled);
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

/* Name servers and search domains, as proc/names has found them: a worker opens no file. */
static void
configure_dns(struct evdns_base *dns, const struct config *config)
{
    for (size_t i = 0; i < config->nameservers.count; i++) {
        const struct addr *a = &config->nameservers.item[i];

        (void)evdns_base_nameserver_sockaddr_add(dns, &a->u.sa, a->len, 0);
    }
    evdns_base_search_clear(dns);
    for (size_t i = config->search.count; i-- > 0;) /* each goes to the front */
        evdns_base_search_add(dns, config->search.item[i].text);
    evdns_base_search_ndots_set(dns, (int)config->ndots);
}

struct evdns_base *
loop_dns(struct loop *loop)
{
    if (loop->dns == NULL) {
        loop->dns = evdns_base_new(loop->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
        if (loop->dns != NULL)
            configure_dns(loop->dns, loop->config);
    }
    return loop->dns;
}

static bool
same_texts(const struct config_strings *a, const struct config_strings *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->item[i].text, b->item[i].text) != 0)
            return false;
    return true;
}

static bool
same_names(const struct config *a, const struct config *b)
{
    if (a->nameservers.count != b->nameservers.count || a->ndots != b->ndots)
        return false;
    for (size_t i = 0; i < a->nameservers.count; i++)
        if (!addr_equal(&a->nameservers.item[i], &b->nameservers.item[i]))
            return false;
    return same_texts(&a->search, &b->search);
}

void
loop_configure(struct loop *loop, const struct config *config)
{
    const struct config *before = loop->config;

    loop->config = config;
    admit_limits_init(&loop->limits, &config->limits);
    if (loop->dns == NULL || before == NULL || same_names(before, config))
        return;
    /* Questions that are under way are asked again. */
    evdns_base_clear_nameservers_and_suspend(loop->dns);
    configure_dns(loop->dns, config);
    evdns_base_resume(loop->dns);
    resolver_refresh(loop);
}

uint64_t
loop_next_id(struct loop *loop)
{
    return atomic_fetch_add_explicit(&loop->shared->next_id, 1, memory_order_relaxed) + 1;
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
