/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/dial.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/generation.h"
#include "net/sock.h"

#include <errno.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long to wait before a Unix backend with a full backlog is tried again. */
#define BACKLOG_RETRY_MS 10

/* Where the kernel's local ports begin (net.ipv4.ip_local_port_range, its default). */
#define EPHEMERAL_PORTS 32768

/* More addresses than that for one name are not tried. */
#define ADDRS_MAX 16

struct dial {
    struct loop *loop;
    const struct config_frontend *frontend;
    const struct config_backend *backend;
    void (*done)(void *owner, const struct dial_result *result);
    void *owner;
    uint64_t deadline_ms;
    struct evdns_getaddrinfo_request *request; /* while the name is being resolved */
    struct event *event;                       /* the socket's, or the timer's */
    struct addr addrs[ADDRS_MAX];
    unsigned count, next;     /* addresses, and the one to try next */
    const struct addr *tried; /* the last one, or NULL */
    int fd;                   /* connecting; or -1 */
    int error;                /* errno of the last failure; 0: none yet */
    bool starting;            /* dial_start has not returned yet */
    bool finished;            /* done has been called */
    bool cancelled;           /* the resolver still owes a callback, which frees the dial */
};

static void
release(struct dial *dial)
{
    if (dial->event != NULL)
        event_free(dial->event);
    dial->event = NULL;
    if (dial->fd >= 0)
        close(dial->fd);
    dial->fd = -1;
}

static void
finish(struct dial *dial, struct dial_result *result)
{
    bool starting = dial->starting;

    if (dial->tried != NULL)
        result->addr = *dial->tried;
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

static void
fail(struct dial *dial, const char *phrase)
{
    struct dial_result result = {.event = event_of(dial->error), .phrase = phrase};

    release(dial);
    finish(dial, &result);
}

/*
 * A port that nobody listens on, in the range that the kernel takes local ports from, can
 * be connected to by itself (RFC 9293, 3.5, simultaneous open): that is no backend.
 */
static bool
is_itself(const struct dial *dial)
{
    struct addr local = {.len = sizeof(local.u)};

    return addr_port(dial->tried) >= EPHEMERAL_PORTS &&
           getsockname(dial->fd, &local.u.sa, &local.len) == 0 &&
           addr_equal(&local, dial->tried);
}

static void try_next(struct dial *dial);

/* Connected; error: and reset since, so that reading has to tell. */
static void
succeed(struct dial *dial, int error)
{
    struct dial_result result = {.event = TERM_BACKEND_CONNECTED, .error = error};

    if (!is_itself(dial)) {
        finish(dial, &result);
        return;
    }
    dial->error = ECONNREFUSED;
    release(dial);
    try_next(dial);
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
        succeed(dial, error);
        return;
    }
    dial->error = error;
    release(dial);
    try_next(dial);
}

/* An equal share of what is left for each of the addresses that are left. */
static struct timeval
share(const struct dial *dial, uint64_t now)
{
    uint64_t left_ms = (dial->deadline_ms - now) / (dial->count - dial->next + 1);

    if (left_ms == 0)
        left_ms = 1;
    return clock_timeval(left_ms);
}

static bool
await(struct dial *dial, uint64_t now)
{
    struct timeval timeout = share(dial, now);

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
    try_next(dial);
}

/* A Unix backend whose backlog is full says EAGAIN, not EINPROGRESS: no event will come. */
static bool
await_backlog(struct dial *dial)
{
    struct timeval timeout = clock_timeval(BACKLOG_RETRY_MS);

    if (errno != EAGAIN || dial->tried->u.sa.sa_family != AF_UNIX)
        return false;
    dial->event = evtimer_new(dial->loop->base, on_retry, dial);
    if (dial->event == NULL || event_add(dial->event, &timeout) < 0) {
        dial->error = ENOMEM;
        return false;
    }
    dial->next--;
    return true;
}

static void
try_next(struct dial *dial)
{
    bool connecting = false;
    uint64_t now = clock_ms();

    while (dial->next < dial->count && now < dial->deadline_ms) {
        dial->tried = &dial->addrs[dial->next++];
        dial->fd = sock_dial(dial->tried, &connecting);
        if (dial->fd >= 0 && !connecting) {
            succeed(dial, 0);
            return;
        }
        if (dial->fd < 0)
            dial->error = errno;
        if (dial->fd < 0 ? await_backlog(dial) : await(dial, now))
            return;
        release(dial);
    }
    if (now >= dial->deadline_ms)
        dial->error = ETIMEDOUT;
    fail(dial, strerror(dial->error));
}

static void
on_resolved(int result, struct evutil_addrinfo *found, void *arg)
{
    struct dial *dial = arg;
    char phrase[128];

    dial->request = NULL;
    if (dial->cancelled) {
        if (found != NULL)
            evutil_freeaddrinfo(found);
        free(dial);
        return;
    }
    for (struct evutil_addrinfo *a = found; a != NULL && dial->count < ADDRS_MAX;
         a = a->ai_next)
        addr_from_sockaddr(&dial->addrs[dial->count++], a->ai_addr, a->ai_addrlen);
    if (found != NULL)
        evutil_freeaddrinfo(found);
    if (dial->count > 0) {
        release(dial); /* the timer of the resolving */
        try_next(dial);
        return;
    }
    dial->error = EHOSTUNREACH;
    snprintf(phrase, sizeof(phrase), "%.80s does not resolve: %s", dial->backend->host,
             gai_strerror(result));
    fail(dial, phrase);
}

static void
on_resolve_timeout(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct dial *dial = arg;
    struct dial_result result = {.fd = -1,
                                 .event = TERM_TIMEOUT_CONNECT,
                                 .phrase = "the name server does not answer"};

    release(dial);
    dial->done(dial->owner, &result);
    /* The resolver calls back once more, with EVUTIL_EAI_CANCEL. */
    dial->cancelled = true;
    evdns_getaddrinfo_cancel(dial->request);
}

static struct evdns_getaddrinfo_request *
resolve(struct loop *loop, const struct config_backend *backend,
        evdns_getaddrinfo_cb callback, void *arg)
{
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = EVUTIL_AI_NUMERICSERV};
    char port[8];

    snprintf(port, sizeof(port), "%u", backend->port);
    return evdns_getaddrinfo(loop_dns(loop), backend->host, port, &hints, callback, arg);
}

/* The callback may come, and free the dial, before evdns_getaddrinfo returns. */
static void
resolve_backend(struct dial *dial)
{
    struct timeval timeout = clock_timeval(dial->frontend->connect_timeout_ms);
    struct evdns_getaddrinfo_request *request;

    dial->event = evtimer_new(dial->loop->base, on_resolve_timeout, dial);
    if (dial->event == NULL || event_add(dial->event, &timeout) < 0 ||
        loop_dns(dial->loop) == NULL) {
        dial->error = ENOMEM;
        fail(dial, "no resolver");
        return;
    }
    request = resolve(dial->loop, dial->backend, on_resolved, dial);
    if (request != NULL)
        dial->request = request;
}

/* The addresses that need no name server. */
static void
take_known(struct dial *dial)
{
    const struct config_backend *backend = dial->backend;

    if (backend->kind != CONFIG_BACKEND_NAME)
        dial->addrs[dial->count++] = backend->addr;
    for (size_t i = 0; i < backend->known.count && dial->count < ADDRS_MAX; i++)
        dial->addrs[dial->count++] = backend->known.item[i];
}

struct dial *
dial_start(struct loop *loop, const struct config_frontend *frontend,
           const struct config_backend *backend,
           void (*done)(void *owner, const struct dial_result *result), void *owner)
{
    struct dial *dial = calloc(1, sizeof(*dial));

    if (dial == NULL) {
        struct dial_result result = {
            .fd = -1, .event = TERM_INTERNAL_ERROR, .phrase = "out of memory"};

        done(owner, &result);
        return NULL;
    }
    *dial = (struct dial){.loop = loop,
                          .frontend = frontend,
                          .backend = backend,
                          .done = done,
                          .owner = owner,
                          .deadline_ms = clock_ms() + frontend->connect_timeout_ms,
                          .fd = -1,
                          .starting = true};
    take_known(dial);
    if (dial->count > 0)
        try_next(dial);
    else
        resolve_backend(dial);
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
    if (dial->request == NULL) {
        free(dial);
        return;
    }
    dial->cancelled = true;
    evdns_getaddrinfo_cancel(dial->request);
}

/* A name that is being looked up, to see whether there is such. */
struct dial_check {
    TAILQ_ENTRY(dial_check) link;
    struct front *front;
    const struct config_backend *backend;
    struct evdns_getaddrinfo_request *request; /* NULL: it has not returned yet */
};

static void
on_checked(int result, struct evutil_addrinfo *found, void *arg)
{
    struct dial_check *check = arg;
    struct front *front = check->front;

    TAILQ_REMOVE(&front->checks, check, link);
    if (found != NULL)
        evutil_freeaddrinfo(found);
    if (result != 0 && result != EVUTIL_EAI_CANCEL)
        log_warning("frontend %s: backend %s does not resolve: %s; its clients will be cut "
                    "off until it does",
                    front->config->name, check->backend->from.text, gai_strerror(result));
    free(check);
    generation_unref(front->generation);
}

static void
check_name(struct loop *loop, struct front *front, const struct config_backend *backend)
{
    struct evdns_getaddrinfo_request *request;
    struct dial_check *check;

    if (backend->kind != CONFIG_BACKEND_NAME || backend->known.count > 0 ||
        loop_dns(loop) == NULL)
        return;
    check = calloc(1, sizeof(*check));
    if (check == NULL)
        return;
    check->front = front;
    check->backend = backend;
    TAILQ_INSERT_TAIL(&front->checks, check, link);
    generation_ref(front->generation);
    request = resolve(loop, backend, on_checked, check);
    if (request != NULL) /* else it has been called back already */
        check->request = request;
}

void
dial_check_names(struct loop *loop, struct front *front)
{
    check_name(loop, front, &front->config->backend);
    for (size_t i = 0; i < front->config->routes; i++)
        check_name(loop, front, &front->config->routed[i]);
}

void
dial_check_cancel(struct front *front)
{
    const struct dial_check *check;

    /* The resolver calls back later, from the loop. */
    TAILQ_FOREACH (check, &front->checks, link)
        if (check->request != NULL)
            evdns_getaddrinfo_cancel(check->request);
}
