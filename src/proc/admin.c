/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/admin.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "proc/child.h"
#include "proc/fdwatch.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Tests that have to wait for these have shorter ones. */
#ifndef ADMIN_ANSWER_MS
#define ADMIN_ANSWER_MS 5000 /* the master's time to answer */
#define ADMIN_IDLE_S 10      /* nothing moves on a connection */
#define ADMIN_LIFE_MS 30000  /* of a connection, in all */
#endif

#define HEADERS_MAX 8192
#define BODY_MAX 1024
#define INPUT_MAX (2 * HEADERS_MAX) /* that is held of what a client sends */
#define TICK_MS 100

static const struct {
    const char *path;
    enum ipc_question question;
} paths[] = {
    {"/", IPC_ASK_PAGE},
    {"/healthz", IPC_ASK_HEALTH},
    {"/metrics", IPC_ASK_METRICS},
    {"/readyz", IPC_ASK_READY},
};

/* Nothing comes from elsewhere, and nobody puts the page into a frame. */
static const char page_policy[] =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

/* A request that waits for the master's answer. */
struct pending {
    struct evhttp_request *req; /* NULL: this place is free */
    enum ipc_question question;
    uint32_t id;
    uint64_t until_ms;
};

struct admin {
    int channel;
    struct event_base *base;
    struct event *on_channel, *tick;
    struct evhttp *http;
    struct evconnlistener *listener;
    struct evbuffer *body;
    struct pending pending[FDWATCH_MAX];
    uint32_t last_id;
    struct fdwatch watch;
    bool failed;
};

/* ---- Replies ---- */

/*
 * One request for each connection: so the time that a client may take is bounded by that of
 * its connection. evhttp would send a body after HEAD as well, and answer HTTP/1.0 with
 * keep-alive.
 */
static void
reply(struct evhttp_request *req, unsigned status, const char *type, struct evbuffer *body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
    bool is_head = evhttp_request_get_command(req) == EVHTTP_REQ_HEAD;
    char len[24];

    (void)snprintf(len, sizeof(len), "%zu", evbuffer_get_length(body));
    (void)evhttp_remove_header(evhttp_request_get_input_headers(req), "Connection");
    (void)evhttp_add_header(headers, "Connection", "close");
    (void)evhttp_add_header(headers, "Content-Type", type);
    (void)evhttp_add_header(headers, "Content-Length", len);
    (void)evhttp_add_header(headers, "Cache-Control", "no-store");
    (void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    evhttp_send_reply(req, (int)status, NULL, is_head ? NULL : body);
    (void)evbuffer_drain(body, evbuffer_get_length(body));
}

static void
refuse(struct admin *admin, struct evhttp_request *req, unsigned status, const char *words)
{
    (void)evbuffer_add_printf(admin->body, "%s\n", words);
    reply(req, status, "text/plain; charset=utf-8", admin->body);
}

/* ---- Questions ---- */

static struct pending *
find_pending(struct admin *admin, uint32_t id)
{
    for (size_t i = 0; i < FDWATCH_MAX; i++)
        if (admin->pending[i].req != NULL && admin->pending[i].id == id)
            return &admin->pending[i];
    return NULL;
}

static struct pending *
free_place(struct admin *admin)
{
    for (size_t i = 0; i < FDWATCH_MAX; i++)
        if (admin->pending[i].req == NULL)
            return &admin->pending[i];
    return NULL;
}

static void
ask(struct admin *admin, struct evhttp_request *req, enum ipc_question question)
{
    struct ipc_ask message = {.id = ++admin->last_id, .question = question};
    struct pending *p = free_place(admin);

    if (p == NULL ||
        ipc_send(admin->channel, IPC_ASK, &message, sizeof(message), NULL, 0) < 0) {
        refuse(admin, req, HTTP_SERVUNAVAIL, "too busy");
        return;
    }
    /* Should evhttp give up the connection before the answer, it leaves the request to us.
     */
    *p = (struct pending){.req = req,
                          .question = question,
                          .id = message.id,
                          .until_ms = clock_ms() + ADMIN_ANSWER_MS};
}

static const char *
path_of(struct evhttp_request *req)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
    const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;

    return path != NULL ? path : "";
}

static void
on_request(struct evhttp_request *req, void *arg)
{
    struct admin *admin = arg;
    enum evhttp_cmd_type method = evhttp_request_get_command(req);
    const char *path = path_of(req);
    size_t i = 0;

    while (i < COUNT_OF(paths) && strcmp(path, paths[i].path) != 0)
        i++;
    if (i == COUNT_OF(paths)) {
        refuse(admin, req, HTTP_NOTFOUND, "there are /, /healthz, /metrics and /readyz");
    } else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
        (void)evhttp_add_header(evhttp_request_get_output_headers(req), "Allow",
                                "GET, HEAD");
        refuse(admin, req, HTTP_BADMETHOD, "only GET and HEAD");
    } else {
        ask(admin, req, paths[i].question);
    }
}

/* ---- Answers ---- */

/* From its beginning, wherever the master, which shares its offset, has left that. */
static int
read_body(struct evbuffer *body, int fd)
{
    char buf[16384];
    off_t offset = 0;
    ssize_t n;

    while ((n = pread(fd, buf, sizeof(buf), offset)) > 0) {
        if (evbuffer_add(body, buf, (size_t)n) < 0)
            return -1;
        offset += n;
    }
    return n < 0 ? -1 : 0;
}

static void
take_answer(struct admin *admin, struct ipc_message *message)
{
    struct ipc_answer *answer = &message->u.answer;
    struct pending *p = find_pending(admin, answer->id);
    struct evhttp_request *req;

    if (p == NULL)
        return;
    req = p->req;
    p->req = NULL;
    answer->type[sizeof(answer->type) - 1] = '\0';
    if (message->fds != 1 || read_body(admin->body, message->fd[0]) < 0) {
        (void)evbuffer_drain(admin->body, evbuffer_get_length(admin->body));
        refuse(admin, req, HTTP_SERVUNAVAIL, "the answer could not be read");
        return;
    }
    if (p->question == IPC_ASK_PAGE)
        (void)evhttp_add_header(evhttp_request_get_output_headers(req),
                                "Content-Security-Policy", page_policy);
    reply(req, answer->status, answer->type, admin->body);
}

static void
give_up_late_ones(struct admin *admin)
{
    uint64_t now_ms = clock_ms();

    for (size_t i = 0; i < FDWATCH_MAX; i++) {
        struct evhttp_request *req = admin->pending[i].req;

        if (req == NULL || admin->pending[i].until_ms > now_ms)
            continue;
        admin->pending[i].req = NULL;
        refuse(admin, req, HTTP_SERVUNAVAIL, "the master does not answer");
    }
}

/* ---- Connections: not too many, and none for ever ---- */

static void
start_tick(struct admin *admin)
{
    struct timeval after = clock_timeval(TICK_MS);

    (void)event_add(admin->tick, &after);
}

static void
on_tick(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct admin *admin = arg;

    give_up_late_ones(admin);
    if (!fdwatch_is_full(&admin->watch))
        (void)evconnlistener_enable(admin->listener);
    if (fdwatch_sweep(&admin->watch, clock_ms(), ADMIN_LIFE_MS) > 0 ||
        fdwatch_is_full(&admin->watch))
        start_tick(admin);
}

/* evhttp asks for this when it has accepted a connection. */
static struct bufferevent *
on_accepted(struct event_base *base, void *arg)
{
    struct admin *admin = arg;
    struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);

    if (fdwatch_is_full(&admin->watch))
        (void)evconnlistener_disable(admin->listener);
    if (!event_pending(admin->tick, EV_TIMEOUT, NULL))
        start_tick(admin);
    /* While a response leaves, evhttp reads on without a bound of its own. */
    if (bev != NULL)
        bufferevent_setwatermark(bev, EV_READ, 0, INPUT_MAX);
    return bev;
}

/* Out of descriptors or memory: else the listening socket stays readable, and we busy. */
static void
on_accept_failed(struct evconnlistener *listener, void *arg)
{
    (void)evconnlistener_disable(listener);
    start_tick(arg);
}

/* ---- The master's messages ---- */

/* Beyond the descriptors that are watched: see fdwatch.h. */
static void
take_log(struct admin *admin, struct ipc_message *message)
{
    int beyond = admin->watch.first_fd + FDWATCH_MAX, fd;

    if (message->fds != 1)
        return;
    fd = fcntl(message->fd[0], F_DUPFD_CLOEXEC, beyond);
    if (fd < 0)
        return;
    close(message->fd[0]);
    message->fd[0] = fd;
    child_use_log(message);
}

static int
serve(struct admin *admin, int fd)
{
    struct evhttp_bound_socket *bound;

    if (evutil_make_socket_nonblocking(fd) < 0)
        return -1;
    bound = evhttp_accept_socket_with_handle(admin->http, fd);
    if (bound == NULL)
        return -1;
    admin->listener = evhttp_bound_socket_get_listener(bound);
    evconnlistener_set_error_cb(admin->listener, on_accept_failed);
    return fdwatch_init(&admin->watch, admin->channel);
}

/* The socket is served without privileges only. */
static int
start(struct admin *admin, struct ipc_message *message)
{
    int fd;

    if (message->fds != 1 || child_confine(&message->u.start) < 0)
        return -1;
    fd = message->fd[0];
    message->fd[0] = -1;
    if (serve(admin, fd) == 0)
        return 0;
    log_error("the admin address cannot be served: %s", strerror(errno));
    return -1;
}

static void
take_message(struct admin *admin, struct ipc_message *message)
{
    switch (message->type) {
    case IPC_LOG:
        take_log(admin, message);
        break;
    case IPC_ANSWER:
        take_answer(admin, message);
        break;
    default: /* a drain is the workers' business: we are needed until the master ends */
        break;
    }
    ipc_close_fds(message);
}

static void
on_message(evutil_socket_t fd, short what ATTR_UNUSED, void *arg)
{
    static struct ipc_message message;
    struct admin *admin = arg;
    enum ipc_result result;

    while ((result = ipc_receive(fd, &message)) == IPC_MESSAGE && !admin->failed)
        take_message(admin, &message);
    if (result == IPC_GONE || admin->failed)
        (void)event_base_loopbreak(admin->base);
}

/* ---- The life of the process ---- */

static void
on_libevent_log(int severity, const char *words)
{
    if (severity >= EVENT_LOG_WARN)
        log_warning("libevent: %s", words);
}

static int
init_http(struct admin *admin)
{
    admin->http = evhttp_new(admin->base);
    if (admin->http == NULL)
        return -1;
    evhttp_set_gencb(admin->http, on_request, admin);
    evhttp_set_bevcb(admin->http, on_accepted, admin);
    evhttp_set_timeout(admin->http, ADMIN_IDLE_S);
    evhttp_set_max_headers_size(admin->http, HEADERS_MAX);
    evhttp_set_max_body_size(admin->http, BODY_MAX);
    /* Those that it knows, so that it is us who refuse them, with Allow. */
    evhttp_set_allowed_methods(
        admin->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                         EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
                         EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
    return 0;
}

static int
init(struct admin *admin)
{
    event_set_log_callback(on_libevent_log);
    admin->base = event_base_new();
    if (admin->base == NULL || init_http(admin) < 0)
        return -1;
    admin->body = evbuffer_new();
    admin->tick = evtimer_new(admin->base, on_tick, admin);
    admin->on_channel =
        event_new(admin->base, admin->channel, EV_READ | EV_PERSIST, on_message, admin);
    if (admin->body == NULL || admin->tick == NULL || admin->on_channel == NULL)
        return -1;
    return event_add(admin->on_channel, NULL);
}

static void
clear(struct admin *admin)
{
    if (admin->http != NULL)
        evhttp_free(admin->http);
    if (admin->on_channel != NULL)
        event_free(admin->on_channel);
    if (admin->tick != NULL)
        event_free(admin->tick);
    if (admin->body != NULL)
        evbuffer_free(admin->body);
    if (admin->base != NULL)
        event_base_free(admin->base);
    close(admin->channel);
}

int
admin_main(int channel)
{
    static struct admin admin;
    struct ipc_message message = {.fds = 0};

    admin = (struct admin){.channel = channel};
    if (child_begin(channel, &message) < 0 || init(&admin) < 0 ||
        start(&admin, &message) < 0 || event_base_dispatch(admin.base) < 0)
        admin.failed = true;
    ipc_close_fds(&message);
    clear(&admin);
    return admin.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
