/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/dial.h"

#include "base/clock.h"
#include "net/sock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long to wait before a Unix backend with a full backlog is tried again. */
#define BACKLOG_RETRY_MS 10

struct dial {
    struct loop *loop;
    const struct config_frontend *frontend;
    struct pool *pool;
    struct source_client client;
    void (*done)(void *owner, const struct dial_result *result);
    void *owner;
    uint64_t deadline_ms; /* of the whole */
    uint64_t until_ms;    /* of the address, or the name, that is being tried */

    /* Servers. */
    uint64_t tried;             /* see pool_choose */
    unsigned attempts;          /* how many these are */
    struct pool_server *server; /* that is being tried; NULL: none */
    const struct config_server *last;

    /* Its addresses. */
    struct resolver_wait wait; /* while waiting */
    bool waiting;
    struct queue_wait place; /* while queued: for a place at a server */
    bool queued;
    bool again; /* the address was tried already: its backlog was full */
    struct addr addrs[RESOLVER_ADDRS];
    unsigned count, next;       /* addresses, and the one to try next */
    const struct addr *address; /* the last one, or NULL */

    struct event *event; /* the socket's, or the timer's */
    int fd;              /* connecting; or -1 */
    int error;           /* errno of the last failure */
    char phrase[160];    /* of the last failure, where error does not tell; or "" */
    bool starting;       /* dial_start has not returned yet */
    bool finished;       /* done has been called */
};

static void proceed(struct dial *dial);

static void
release(struct dial *dial)
{
    if (dial->event != NULL)
        event_free(dial->event);
    dial->event = NULL;
    if (dial->fd >= 0)
        close(dial->fd);
    dial->fd = -1;
    if (dial->waiting)
        resolver_cancel(&dial->wait);
    dial->waiting = false;
    if (dial->queued)
        queue_leave(dial->pool, &dial->place);
    dial->queued = false;
}

static void
finish(struct dial *dial, struct dial_result *result)
{
    bool starting = dial->starting;

    if (dial->address != NULL)
        result->addr = *dial->address;
    if (dial->last != NULL)
        result->name = config_server_name(dial->last);
    result->attempts = dial->attempts;
    result->server = dial->server;
    result->fd = dial->fd;
    dial->fd = -1;
    release(dial);
    dial->finished = true;
    dial->done(dial->owner, result);
    if (!starting) /* else dial_start does it */
        free(dial);
}

/* The reason that fits the failure, in the words of core/reason. */
static enum term_event
event_of(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return TERM_BACKEND_REFUSED;
    case ETIMEDOUT:
        return TERM_TIMEOUT_CONNECT;
    case EBUSY: /* ours, see wait_for_place */
        return TERM_OVERLOAD;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL: /* no local port is left */
    case EAGAIN:
        return TERM_INTERNAL_ERROR;
    default:
        return TERM_BACKEND_UNREACHABLE;
    }
}

static const char *
phrase_of(const struct dial *dial)
{
    return *dial->phrase != '\0' ? dial->phrase : strerror(dial->error);
}

static void
fail(struct dial *dial)
{
    struct dial_result result = {.event = event_of(dial->error), .phrase = phrase_of(dial)};

    finish(dial, &result);
}

/* Connected; error: and reset since, so that reading has to tell. Returns false if not. */
static bool
succeed(struct dial *dial, int error)
{
    struct dial_result result = {.event = TERM_BACKEND_CONNECTED, .error = error};

    if (sock_is_itself(dial->fd, dial->address)) {
        dial->error = ECONNREFUSED;
        release(dial);
        return false;
    }
    pool_report(dial->server, TERM_BACKEND_CONNECTED, NULL);
    finish(dial, &result);
    return true;
}

/* ---- Addresses of a server ---- */

/* An equal share of what is left for each of the addresses and servers that are left. */
static uint64_t
share(const struct dial *dial, uint64_t now, unsigned addresses)
{
    uint64_t left_ms =
        (dial->deadline_ms - now) / (addresses + pool_left(dial->pool, dial->tried));

    return now + (left_ms > 0 ? left_ms : 1);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct dial *dial = arg;
    int error = what & EV_TIMEOUT ? ETIMEDOUT : sock_error(fd);

    event_free(dial->event);
    dial->event = NULL;
    /* A RST in answer to SYN is ECONNREFUSED; these two come after the connection was made.
     */
    if (error == 0 || error == ECONNRESET || error == EPIPE) {
        if (!succeed(dial, error))
            proceed(dial);
        return;
    }
    dial->error = error;
    release(dial);
    proceed(dial);
}

static bool
await(struct dial *dial, uint64_t now)
{
    struct timeval timeout = clock_timeval(dial->until_ms - now);

    dial->event = event_new(dial->loop->base, dial->fd, EV_WRITE, on_socket, dial);
    if (dial->event != NULL && event_add(dial->event, &timeout) == 0)
        return true;
    dial->error = ENOMEM;
    return false;
}

static void
on_retry(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct dial *dial = arg;

    release(dial);
    proceed(dial);
}

/* A Unix backend whose backlog is full says EAGAIN, not EINPROGRESS: no event will come. */
static bool
await_backlog(struct dial *dial, uint64_t now)
{
    struct timeval timeout = clock_timeval(BACKLOG_RETRY_MS);

    if (dial->error != EAGAIN || dial->address->u.sa.sa_family != AF_UNIX)
        return false;
    if (now >= dial->until_ms) {
        dial->error = ETIMEDOUT;
        return false;
    }
    dial->event = evtimer_new(dial->loop->base, on_retry, dial);
    if (dial->event == NULL || event_add(dial->event, &timeout) < 0) {
        dial->error = ENOMEM;
        return false;
    }
    dial->next--;
    dial->again = true;
    return true;
}

/* Try the next address. Returns whether that is under way, or done. */
static bool
try_address(struct dial *dial, uint64_t now)
{
    const char *why = NULL;
    bool connecting = false;

    if (!dial->again)
        dial->until_ms = share(dial, now, dial->count - dial->next);
    dial->again = false;
    dial->address = &dial->addrs[dial->next++];
    dial->fd = source_dial(dial->address, dial->frontend, &dial->client, &connecting, &why);
    if (dial->fd >= 0 && !connecting)
        return succeed(dial, 0);
    if (dial->fd < 0)
        dial->error = errno;
    snprintf(dial->phrase, sizeof(dial->phrase), "%s", why != NULL ? why : "");
    if (dial->fd < 0 ? await_backlog(dial, now) : await(dial, now))
        return true;
    release(dial);
    return false;
}

/* ---- Servers ---- */

static void
on_resolved(void *owner)
{
    struct dial *dial = owner;

    dial->waiting = false;
    release(dial); /* the timer */
    proceed(dial);
}

static void
on_resolve_timeout(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct dial *dial = arg;

    release(dial);
    dial->error = ETIMEDOUT;
    snprintf(dial->phrase, sizeof(dial->phrase), "the name server does not answer");
    proceed(dial);
}

static bool
await_name(struct dial *dial, uint64_t now)
{
    struct timeval timeout = clock_timeval(dial->until_ms - now);

    dial->waiting = true;
    dial->event = evtimer_new(dial->loop->base, on_resolve_timeout, dial);
    if (dial->event != NULL && event_add(dial->event, &timeout) == 0)
        return true;
    dial->error = ENOMEM;
    release(dial);
    return false;
}

/* Where the client wanted to go, before it was redirected. */
static void
find_original(struct dial *dial)
{
    const char *why = NULL;

    if (source_original(&dial->client, dial->last->at.port, &dial->addrs[0], &why) == 0) {
        dial->count = 1;
        return;
    }
    dial->error = errno;
    snprintf(dial->phrase, sizeof(dial->phrase), "%s", why);
}

/* Have addresses of the server. Returns true if they have to be waited for. */
static bool
find_addresses(struct dial *dial, uint64_t now)
{
    if (dial->last->at.kind == CONFIG_BACKEND_ORIGINAL) {
        find_original(dial);
        return false;
    }
    dial->wait = (struct resolver_wait){.done = on_resolved, .owner = dial};
    switch (pool_find_addrs(dial->server, dial->addrs, &dial->count, &dial->wait)) {
    case RESOLVER_FOUND:
        return false;
    case RESOLVER_WAITS:
        return await_name(dial, now);
    case RESOLVER_FAILED:
        break;
    }
    dial->error = dial->server->name != NULL ? EHOSTUNREACH : ENOMEM;
    snprintf(dial->phrase, sizeof(dial->phrase), "%.80s does not resolve: %.40s",
             dial->last->at.host, pool_name_error(dial->server));
    return false;
}

/* Returns whether there is one. */
static bool
choose_server(struct dial *dial, uint64_t now)
{
    dial->server = pool_choose(dial->pool, dial->client.addr, &dial->tried);
    if (dial->server == NULL)
        return false;
    dial->attempts++;
    dial->last = dial->server->config;
    dial->count = dial->next = 0;
    dial->address = NULL;
    dial->again = false;
    *dial->phrase = '\0';
    dial->until_ms = share(dial, now, 1);
    return true;
}

/* ---- Waiting for a place ---- */

static void
on_place(void *owner)
{
    struct dial *dial = owner;

    if (!choose_server(dial, clock_ms()) && dial->pool->full)
        return; /* not yet */
    release(dial);
    proceed(dial);
}

static void
on_queue_timeout(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct dial *dial = arg;

    release(dial);
    dial->error = EBUSY;
    snprintf(dial->phrase, sizeof(dial->phrase),
             "no server of backend %.80s had a place in time",
             config_pool_name(dial->pool->config));
    fail(dial);
}

/* Returns whether it waits; else, if there was nothing but a place missing, it is told. */
static bool
wait_for_place(struct dial *dial, uint64_t now)
{
    uint32_t queue_ms = dial->pool->config->queue_timeout_ms;
    uint64_t left_ms = dial->deadline_ms - now;
    struct timeval timeout = clock_timeval(queue_ms < left_ms ? queue_ms : left_ms);

    if (!dial->pool->full)
        return false;
    dial->place = (struct queue_wait){.look = on_place, .owner = dial};
    dial->queued = queue_enter(dial->pool, &dial->place);
    if (dial->queued) {
        dial->event = evtimer_new(dial->loop->base, on_queue_timeout, dial);
        if (dial->event != NULL && event_add(dial->event, &timeout) == 0)
            return true;
        release(dial);
    }
    dial->error = EBUSY;
    snprintf(dial->phrase, sizeof(dial->phrase),
             "all servers of backend %.80s are full, and so is its queue",
             config_pool_name(dial->pool->config));
    return false;
}

static void
give_up_server(struct dial *dial)
{
    pool_report(dial->server, event_of(dial->error), phrase_of(dial));
    pool_leave(dial->server);
    dial->server = NULL;
}

/*
 * The next address of the server, else the next server; nothing is under way when it is
 * called, and either that has changed when it returns, or the dial is gone.
 */
static void
proceed(struct dial *dial)
{
    uint64_t now = clock_ms();

    while (now < dial->deadline_ms) {
        if (dial->server == NULL && !choose_server(dial, now)) {
            if (wait_for_place(dial, now))
                return;
            break;
        }
        if (dial->count == 0 && *dial->phrase == '\0' && find_addresses(dial, now))
            return;
        while (dial->next < dial->count && now < dial->deadline_ms) {
            if (try_address(dial, now))
                return;
            now = clock_ms();
        }
        if (now >= dial->deadline_ms)
            break;
        give_up_server(dial);
    }
    if (now >= dial->deadline_ms)
        dial->error = ETIMEDOUT;
    if (dial->server != NULL)
        give_up_server(dial);
    fail(dial);
}

struct dial *
dial_start(struct loop *loop, const struct config_frontend *frontend, struct pool *pool,
           const struct source_client *client,
           void (*done)(void *owner, const struct dial_result *result), void *owner)
{
    struct dial *dial = malloc(sizeof(*dial));

    if (dial == NULL) {
        struct dial_result result = {
            .fd = -1, .event = TERM_INTERNAL_ERROR, .phrase = "out of memory"};

        done(owner, &result);
        return NULL;
    }
    *dial = (struct dial){.loop = loop,
                          .frontend = frontend,
                          .pool = pool,
                          .client = *client,
                          .done = done,
                          .owner = owner,
                          .deadline_ms = clock_ms() + frontend->connect_timeout_ms,
                          .fd = -1,
                          .error = EHOSTUNREACH,
                          .phrase = "no server can be used",
                          .starting = true};
    proceed(dial);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): finish frees nothing while it is true */
    dial->starting = false;
    if (!dial->finished)
        return dial;
    free(dial);
    return NULL;
}

void
dial_cancel(struct dial *dial)
{
    if (dial == NULL)
        return;
    release(dial);
    if (dial->server != NULL)
        pool_leave(dial->server);
    free(dial);
}
