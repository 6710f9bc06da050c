/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/resolver.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "net/loop.h"

#include <event2/dns.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TTL_MIN_S 1
#define TTL_MAX_S 3600
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000

/* For the second family of addresses (RFC 8305, section 3). */
#define SECOND_ANSWER_MS 50

enum outcome {
    FOUND,
    NONE, /* there are none of this family, or there is no such name */
    BROKEN
};

/* One of the two families of addresses. */
struct question {
    struct resolver_name *name;
    struct evdns_request *request; /* NULL: it has not returned yet, or none is under way */
    bool pending;
    int family;
    int error; /* DNS_ERR of the last answer */
    enum outcome outcome;
    int ttl_s;
    struct addr addr[RESOLVER_ADDRS]; /* of the last good answer */
    unsigned count;
};

struct resolver_name {
    TAILQ_ENTRY(resolver_name) link;
    struct loop *loop; /* NULL: it has ended */
    char *host;
    unsigned refs, watchers;
    struct question question[2];
    LIST_HEAD(, resolver_wait) waits;
    struct event *timer;
    uint64_t due_ms;   /* when to ask again; 0: never asked */
    unsigned failures; /* in a row */
    struct addr addr[RESOLVER_ADDRS];
    unsigned count;
};

static bool
is_pending(const struct resolver_name *name)
{
    return name->question[0].pending || name->question[1].pending;
}

static void
free_if_unused(struct resolver_name *name)
{
    if (name->refs > 0 || is_pending(name))
        return; /* its answers are still to come */
    if (name->loop != NULL)
        TAILQ_REMOVE(&name->loop->names, name, link);
    if (name->timer != NULL)
        event_free(name->timer);
    free(name->host);
    free(name);
}

/* ---- What the log is told: by one of the workers ---- */

static void
tell_failure(const struct resolver_name *name)
{
    if (!name->loop->complains || name->failures > 1)
        return;
    if (name->count == 0)
        log_warning("%s does not resolve: %s; the servers of that name cannot be reached "
                    "until it does",
                    name->host, resolver_error(name));
    else
        log_warning("%s does not resolve any more: %s; the addresses of before stay in use",
                    name->host, resolver_error(name));
}

static void
tell_change(const struct resolver_name *name)
{
    char list[512], buf[ADDR_TEXT_SIZE];
    struct text text;

    if (!name->loop->complains)
        return;
    text_init(&text, list, sizeof(list));
    for (unsigned i = 0; i < name->count; i++) {
        const struct addr *a = &name->addr[i];

        (void)evutil_inet_ntop(a->u.sa.sa_family,
                               a->u.sa.sa_family == AF_INET
                                   ? (const void *)&a->u.in.sin_addr
                                   : (const void *)&a->u.in6.sin6_addr,
                               buf, sizeof(buf));
        text_addf(&text, "%s%s", i > 0 ? ", " : "", buf);
    }
    log_notice("%s has other addresses now: %s", name->host, list);
}

/* ---- Answers ---- */

static void ask(struct resolver_name *name);

static void
wake(struct resolver_name *name)
{
    struct resolver_wait *wait;

    name->refs++; /* whoever is called may release it */
    while ((wait = LIST_FIRST(&name->waits)) != NULL && name->loop != NULL) {
        resolver_cancel(wait);
        wait->done(wait->owner);
    }
    name->refs--;
    free_if_unused(name);
}

static bool
has_addr(const struct addr *list, unsigned count, const struct addr *addr)
{
    for (unsigned i = 0; i < count; i++)
        if (addr_equal(&list[i], addr))
            return true;
    return false;
}

/* Name servers like to tell them in another order each time. */
static bool
are_same(const struct addr *a, unsigned a_count, const struct addr *b, unsigned b_count)
{
    for (unsigned i = 0; i < a_count; i++)
        if (!has_addr(b, b_count, &a[i]))
            return false;
    return a_count == b_count;
}

/* Both families as they are now. */
static void
take_addresses(struct resolver_name *name)
{
    struct addr before[RESOLVER_ADDRS];
    unsigned count = name->count;

    memcpy(before, name->addr, sizeof(before));
    name->count = 0;
    for (size_t i = 0; i < COUNT_OF(name->question); i++)
        for (unsigned k = 0; k < name->question[i].count && name->count < RESOLVER_ADDRS;
             k++)
            name->addr[name->count++] = name->question[i].addr[k];
    if (count > 0 && !are_same(before, count, name->addr, name->count))
        tell_change(name);
}

static void
fire_after(struct resolver_name *name, uint64_t ms)
{
    struct timeval after = clock_timeval(ms);

    /* Without memory it is asked for when somebody looks it up. */
    (void)event_add(name->timer, &after);
}

static uint64_t
retry_ms(const struct resolver_name *name)
{
    unsigned doublings = name->failures < 8 ? name->failures - 1 : 7;
    uint64_t ms = (uint64_t)RETRY_MIN_MS << doublings;

    return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

static uint64_t
fresh_ms(const struct resolver_name *name)
{
    int ttl_s = TTL_MAX_S;

    for (size_t i = 0; i < COUNT_OF(name->question); i++)
        if (name->question[i].outcome == FOUND && name->question[i].ttl_s < ttl_s)
            ttl_s = name->question[i].ttl_s;
    return 1000 * (uint64_t)(ttl_s > TTL_MIN_S ? ttl_s : TTL_MIN_S);
}

static bool
is_good(const struct resolver_name *name)
{
    return name->question[0].outcome == FOUND || name->question[1].outcome == FOUND;
}

/* Both answers are there. */
static void
settle(struct resolver_name *name)
{
    uint64_t after;

    if (is_good(name)) {
        if (name->failures > 0 && name->loop->complains)
            log_notice("%s resolves again", name->host);
        name->failures = 0;
        for (size_t i = 0; i < COUNT_OF(name->question); i++)
            if (name->question[i].outcome == NONE)
                name->question[i].count = 0;
        take_addresses(name);
        after = fresh_ms(name);
    } else {
        name->failures++;
        tell_failure(name);
        after = retry_ms(name);
    }
    name->due_ms = clock_ms() + after;
    (void)event_del(name->timer);
    if (name->watchers > 0)
        fire_after(name, after);
    wake(name);
}

static void
take_answer(struct question *q, int count, int ttl_s, const void *addresses)
{
    const struct in_addr *in = addresses;
    const struct in6_addr *in6 = addresses;

    q->ttl_s = ttl_s;
    for (q->count = 0; q->count < (unsigned)count && q->count < RESOLVER_ADDRS;
         q->count++) {
        struct addr *a = &q->addr[q->count];

        memset(a, 0, sizeof(*a));
        a->u.sa.sa_family = (sa_family_t)q->family;
        if (q->family == AF_INET)
            a->u.in.sin_addr = in[q->count];
        else
            a->u.in6.sin6_addr = in6[q->count];
        a->len = q->family == AF_INET ? sizeof(a->u.in) : sizeof(a->u.in6);
    }
}

static void
on_answer(int error, char type ATTR_UNUSED, int count, int ttl_s, void *addresses,
          void *arg)
{
    struct question *q = arg;
    struct resolver_name *name = q->name;

    q->request = NULL;
    q->pending = false;
    q->error = error;
    if (error == DNS_ERR_NONE && count > 0) {
        q->outcome = FOUND;
        take_answer(q, count, ttl_s, addresses);
    } else {
        q->outcome =
            error == DNS_ERR_NOTEXIST || error == DNS_ERR_NODATA || error == DNS_ERR_NONE
                ? NONE
                : BROKEN;
    }
    if (name->loop == NULL || name->refs == 0 || error == DNS_ERR_SHUTDOWN)
        free_if_unused(name);
    else if (!is_pending(name) && error == DNS_ERR_CANCEL)
        ask(name); /* it was released, and is held again */
    else if (!is_pending(name))
        settle(name);
    else if (q->outcome == FOUND && !LIST_EMPTY(&name->waits))
        fire_after(name, SECOND_ANSWER_MS);
}

/* ---- Questions ---- */

static void
ask_one(struct question *q, struct evdns_base *dns)
{
    struct evdns_request *request;
    const char *host = q->name->host;

    /* It may have been called back before it returns. */
    request = q->family == AF_INET ? evdns_base_resolve_ipv4(dns, host, 0, on_answer, q)
                                   : evdns_base_resolve_ipv6(dns, host, 0, on_answer, q);
    if (q->pending)
        q->request = request;
    if (request == NULL && q->pending) {
        q->pending = false;
        q->error = DNS_ERR_UNKNOWN;
        q->outcome = BROKEN;
    }
}

static void
ask(struct resolver_name *name)
{
    struct evdns_base *dns = loop_dns(name->loop);

    if (is_pending(name))
        return;
    name->due_ms = clock_ms() + RETRY_MIN_MS;
    name->question[0].pending = name->question[1].pending = true;
    for (size_t i = 0; i < COUNT_OF(name->question); i++) {
        if (dns != NULL)
            ask_one(&name->question[i], dns);
        else
            name->question[i] = (struct question){.name = name,
                                                  .family = name->question[i].family,
                                                  .error = DNS_ERR_UNKNOWN,
                                                  .outcome = BROKEN};
    }
    if (!is_pending(name)) { /* neither could be asked: later, perhaps */
        name->failures++;
        if (name->watchers > 0)
            fire_after(name, retry_ms(name));
    }
}

static void
on_timer(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct resolver_name *name = arg;

    if (!is_pending(name)) {
        ask(name);
        return;
    }
    take_addresses(name); /* without the second answer */
    wake(name);
}

enum resolver_state
resolver_look_up(struct resolver_name *name, struct addr *addr, unsigned *count,
                 struct resolver_wait *wait)
{
    if (name->loop == NULL)
        return RESOLVER_FAILED;
    if (clock_ms() >= name->due_ms)
        ask(name);
    if (name->count > 0) {
        memcpy(addr, name->addr, name->count * sizeof(*addr));
        *count = name->count;
        return RESOLVER_FOUND;
    }
    if (!is_pending(name))
        return RESOLVER_FAILED;
    LIST_INSERT_HEAD(&name->waits, wait, link);
    return RESOLVER_WAITS;
}

void
resolver_cancel(struct resolver_wait *wait)
{
    LIST_REMOVE(wait, link);
}

const char *
resolver_error(const struct resolver_name *name)
{
    const struct question *q = &name->question[0];

    /* What is wrong is rather told than that there is nothing. */
    if (q->outcome == NONE && name->question[1].outcome == BROKEN)
        q = &name->question[1];
    if (q->error == DNS_ERR_NODATA || q->error == DNS_ERR_NONE)
        return "it has no addresses";
    return evdns_err_to_string(q->error);
}

/* ---- Names ---- */

static struct resolver_name *
new_name(struct loop *loop, const char *host)
{
    struct resolver_name *name = calloc(1, sizeof(*name));

    if (name == NULL)
        return NULL;
    name->host = strdup(host);
    name->timer = evtimer_new(loop->base, on_timer, name);
    if (name->host == NULL || name->timer == NULL) {
        free_if_unused(name);
        return NULL;
    }
    name->loop = loop;
    name->question[0] = (struct question){.name = name, .family = AF_INET};
    name->question[1] = (struct question){.name = name, .family = AF_INET6};
    TAILQ_INSERT_TAIL(&loop->names, name, link);
    return name;
}

struct resolver_name *
resolver_hold(struct loop *loop, const char *host)
{
    struct resolver_name *name;

    TAILQ_FOREACH (name, &loop->names, link)
        if (strcasecmp(name->host, host) == 0)
            break;
    if (name == NULL)
        name = new_name(loop, host);
    if (name != NULL)
        name->refs++;
    return name;
}

static void
cancel_questions(struct resolver_name *name, struct evdns_base *dns)
{
    for (size_t i = 0; i < COUNT_OF(name->question); i++)
        if (name->question[i].request != NULL)
            evdns_cancel_request(dns, name->question[i].request);
}

void
resolver_release(struct resolver_name *name)
{
    if (name == NULL || --name->refs > 0)
        return;
    /* They are called back later, from the loop, and free it then. */
    if (name->loop != NULL)
        cancel_questions(name, name->loop->dns);
    free_if_unused(name);
}

void
resolver_watch(struct resolver_name *name)
{
    uint64_t now = clock_ms();

    if (name->watchers++ > 0 || name->loop == NULL || is_pending(name))
        return;
    if (now >= name->due_ms)
        ask(name);
    else
        fire_after(name, name->due_ms - now);
}

void
resolver_unwatch(struct resolver_name *name)
{
    if (--name->watchers == 0 && name->loop != NULL && !is_pending(name))
        (void)event_del(name->timer);
}

void
resolver_refresh(struct loop *loop)
{
    struct resolver_name *name;

    TAILQ_FOREACH (name, &loop->names, link) {
        name->due_ms = 0;
        if (name->watchers > 0)
            ask(name);
    }
}

void
resolver_stop(struct loop *loop)
{
    struct resolver_name *name;

    while ((name = TAILQ_FIRST(&loop->names)) != NULL) {
        TAILQ_REMOVE(&loop->names, name, link);
        cancel_questions(name, loop->dns);
        event_free(name->timer);
        name->timer = NULL;
        name->loop = NULL;
        free_if_unused(name);
    }
}
