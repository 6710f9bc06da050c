/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "config/bundle.h"
#include "net/conn.h"
#include "net/generation.h"
#include "proc/child.h"
#include "proc/keeper.h"
#include "proc/seal.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* The log, libevent's own, name servers; listening sockets come on top, twice in a reload.
 */
#define DESCRIPTORS_RESERVED 48

/* A bundle in memory; as long as its generation lives. */
struct mapping {
    void *data;
    size_t len;
};

struct worker {
    int channel;
    struct event *messages;
    struct event *signal[2]; /* once the master is gone */
    struct event *drain_timer;
    uint32_t slot;
    struct loop loop;
    struct generation *current; /* that is served; NULL: none yet */
    struct generation *next;    /* that is being prepared; NULL: none */
    size_t awaited;             /* sockets that next still lacks */
    bool draining;
    bool stop;
    bool failed;
};

/* ---- The end ---- */

static void
stop_if_drained(struct worker *w)
{
    if (w->draining && w->loop.connections.now == 0)
        w->stop = true;
}

static void
on_reaped(void *arg)
{
    struct worker *w = arg;

    for (size_t i = 0; w->current != NULL && i < w->current->acceptors; i++)
        acceptor_resume(&w->current->acceptor[i]);
    stop_if_drained(w);
}

static void
cut_all(struct worker *w)
{
    struct conn *conn, *next;

    w->draining = true;
    for (conn = TAILQ_FIRST(&w->loop.live); conn != NULL; conn = next) {
        next = TAILQ_NEXT(conn, link);
        if (conn_cut(conn))
            stats_add(&w->loop.page->cut, 1);
    }
    stop_if_drained(w);
}

static void
on_drain_timeout(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    cut_all(arg);
}

/* May be told again, with another time. */
static void
drain(struct worker *w, uint32_t timeout_ms)
{
    struct timeval after = clock_timeval(timeout_ms);

    if (w->current != NULL)
        generation_stop(w->current, NULL);
    w->draining = true;
    if (timeout_ms != IPC_NO_TIMEOUT && event_add(w->drain_timer, &after) < 0)
        cut_all(w);
    stop_if_drained(w);
}

static void
on_stop_signal(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    cut_all(arg);
}

/* Nobody is left to tell us when to end. */
static void
on_master_gone(struct worker *w)
{
    static const int numbers[] = {SIGTERM, SIGINT};

    event_free(w->messages);
    w->messages = NULL;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        w->signal[i] = evsignal_new(w->loop.base, numbers[i], on_stop_signal, w);
        if (w->signal[i] != NULL)
            (void)event_add(w->signal[i], NULL);
    }
    if (w->current == NULL || w->draining) {
        w->draining = true;
        stop_if_drained(w);
        return;
    }
    log_error("the master process is gone: worker %u ends with its connections", w->slot);
    drain(w, w->current->config->drain_timeout_ms);
}

/* ---- Configurations ---- */

static void
on_generation_gone(void *arg)
{
    struct mapping *mapping = arg;

    (void)munmap(mapping->data, mapping->len);
    free(mapping);
}

static struct mapping *
map_bundle(int fd)
{
    struct mapping *mapping = calloc(1, sizeof(*mapping));

    if (mapping != NULL)
        mapping->data = seal_map(fd, &mapping->len);
    if (mapping != NULL && mapping->data == NULL) {
        free(mapping);
        mapping = NULL;
    }
    return mapping;
}

static struct generation *
load_bundle(struct worker *w, int fd, const struct ipc_config *message, struct diag *diag)
{
    struct mapping *mapping = map_bundle(fd);
    struct config *config = NULL;
    struct generation *g = NULL;
    struct unpack u;

    if (mapping == NULL)
        return NULL;
    unpack_init(&u, mapping->data, mapping->len);
    config = bundle_unpack(&u);
    if (config != NULL)
        g = generation_new(&w->loop, message->generation, config, message->listeners, diag);
    if (g == NULL) {
        on_generation_gone(mapping);
        return NULL;
    }
    g->on_gone = on_generation_gone;
    g->arg = mapping;
    return g;
}

static void
forget_next(struct worker *w)
{
    generation_unref(w->next);
    w->next = NULL;
}

static void
tell(struct worker *w, enum ipc_type type, const void *data, size_t len)
{
    if (ipc_send(w->channel, type, data, len, NULL, 0) < 0 && errno != EPIPE)
        log_error("worker %u cannot answer the master: %s", w->slot, strerror(errno));
}

static void
tell_done(struct worker *w, enum ipc_type type, const struct generation *g)
{
    struct ipc_done done = {.generation = g->number};

    tell(w, type, &done, sizeof(done));
}

static void
fail_next(struct worker *w, uint64_t generation, const char *words)
{
    struct ipc_failed failed = {.generation = generation};
    struct text text;

    forget_next(w);
    text_init(&text, failed.words, sizeof(failed.words));
    text_add(&text, words);
    tell(w, IPC_FAILED, &failed, offsetof(struct ipc_failed, words) + text.len);
    if (w->current == NULL) /* a successor may have more luck */
        w->failed = w->stop = true;
}

static void
on_mistake(void *arg, bool is_error, const char *text)
{
    struct text *words = arg;

    if (is_error && words->len == 0)
        text_add(words, text);
}

static void
log_keys(struct worker *w, struct ipc_message *m)
{
    int fd = m->fd[1];

    m->fd[1] = -1;
    if (generation_log_keys(w->next, fd) < 0)
        forget_next(w);
}

static void
on_config(struct worker *w, struct ipc_message *m)
{
    char buf[512];
    struct text words;
    struct diag *diag;

    if (m->fds < 1 || m->fds > 2 || w->draining)
        return;
    forget_next(w);
    text_init(&words, buf, sizeof(buf));
    diag = diag_new();
    w->next = load_bundle(w, m->fd[0], &m->u.config, diag);
    w->awaited = m->u.config.listeners;
    if (w->next != NULL && m->fds == 2)
        log_keys(w, m);
    diag_each(diag, on_mistake, &words);
    diag_free(diag);
    if (w->next == NULL)
        fail_next(w, m->u.config.generation, words.len > 0 ? buf : "out of memory");
    else if (w->awaited == 0)
        tell_done(w, IPC_PREPARED, w->next);
}

static void
on_listeners(struct worker *w, struct ipc_message *m)
{
    for (size_t i = 0; w->next != NULL && i < m->fds; i++) {
        int fd = m->fd[i];

        m->fd[i] = -1;
        if (generation_listen(w->next, m->u.listener[i].frontend, fd) < 0) {
            fail_next(w, w->next->number, strerror(errno));
            return;
        }
        if (--w->awaited == 0)
            tell_done(w, IPC_PREPARED, w->next);
    }
}

/* Each connection takes two descriptors; some are needed for everything else. */
static unsigned
connections_max(size_t sockets)
{
    rlim_t reserved = DESCRIPTORS_RESERVED + 2 * sockets;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT_MAX;
    return limit.rlim_cur > 2 * reserved ? (unsigned)((limit.rlim_cur - reserved) / 2)
                                         : DESCRIPTORS_RESERVED / 2;
}

static void
on_switch(struct worker *w)
{
    struct generation *old = w->current;

    if (w->next == NULL || w->awaited > 0 || w->draining)
        return;
    w->current = w->next;
    w->next = NULL;
    w->loop.live_max = connections_max(w->current->acceptors);
    loop_configure(&w->loop, w->current->config);
    generation_serve(w->current);
    if (old != NULL)
        generation_stop(old, w->current);
    generation_unref(old);
    revoke_start(&w->loop, w->current);
    tell_done(w, IPC_SERVING, w->current);
}

/* ---- The process ---- */

static void
dispatch(struct worker *w, struct ipc_message *m)
{
    switch (m->type) {
    case IPC_CONFIG:
        on_config(w, m);
        break;
    case IPC_LISTENERS:
        on_listeners(w, m);
        break;
    case IPC_SWITCH:
        on_switch(w);
        break;
    case IPC_FORGET:
        forget_next(w);
        break;
    case IPC_LOG:
        child_use_log(m);
        break;
    case IPC_KEEPER:
        keeper_use(m->fds == 1 ? m->fd[0] : -1);
        m->fds = 0;
        break;
    case IPC_DRAIN:
        drain(w, m->u.drain.timeout_ms);
        break;
    case IPC_CUT:
        cut_all(w);
        break;
    default:
        log_error("worker %u does not know message %u of the master", w->slot,
                  (unsigned)m->type);
        break;
    }
}

static void
on_messages(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct worker *w = arg;
    struct ipc_message message;
    enum ipc_result result;

    while ((result = ipc_receive(w->channel, &message)) == IPC_MESSAGE) {
        dispatch(w, &message);
        ipc_close_fds(&message);
    }
    if (result == IPC_GONE)
        on_master_gone(w);
}

/* libevent's own complaints belong into our log, not raw onto stderr. */
static void
on_libevent_log(int severity, const char *words)
{
    static const enum log_level levels[] = {
        [EVENT_LOG_DEBUG] = LOG_LEVEL_DEBUG,
        [EVENT_LOG_MSG] = LOG_LEVEL_DEBUG,
        [EVENT_LOG_WARN] = LOG_LEVEL_WARNING,
        [EVENT_LOG_ERR] = LOG_LEVEL_ERROR,
    };

    log_write(levels[severity], "libevent: %s", words);
}

static int
init_loop(struct worker *w, struct ipc_message *start)
{
    struct stats_page *page = NULL;
    struct stats_shared *shared = NULL;

    if (start->fds == 2) {
        page = seal_map_shared(start->fd[0], sizeof(*page));
        shared = seal_map_shared(start->fd[1], sizeof(*shared));
    }
    if (page == NULL || shared == NULL || loop_init(&w->loop, page, shared) < 0)
        return -1;
    log_count_dropped(&page->log_dropped);
    w->loop.complains = w->slot == 0;
    w->loop.on_reaped = on_reaped;
    w->loop.on_reaped_arg = w;
    w->drain_timer = evtimer_new(w->loop.base, on_drain_timeout, w);
    w->messages = event_new(w->loop.base, w->channel, EV_READ | EV_PERSIST, on_messages, w);
    return w->drain_timer != NULL && w->messages != NULL &&
                   event_add(w->messages, NULL) == 0
               ? 0
               : -1;
}

static void
clear(struct worker *w)
{
    forget_next(w);
    if (w->current != NULL)
        generation_stop(w->current, NULL);
    for (size_t i = 0; i < COUNT_OF(w->signal); i++)
        if (w->signal[i] != NULL)
            event_free(w->signal[i]);
    if (w->messages != NULL)
        event_free(w->messages);
    if (w->drain_timer != NULL)
        event_free(w->drain_timer);
    loop_clear(&w->loop);
    generation_unref(w->current);
}

int
worker_main(int channel, void (*hook)(void))
{
    struct worker w = {.channel = channel};
    struct ipc_message start;
    uint64_t *cut;
    int status = EXIT_FAILURE;

    event_set_log_callback(on_libevent_log);
    if (child_begin(channel, &start) < 0)
        return EXIT_FAILURE;
    w.slot = start.u.start.slot;
    if (init_loop(&w, &start) < 0) {
        log_error("worker %u cannot start: %s", w.slot, strerror(errno));
        goto out;
    }
    ipc_close_fds(&start);
    if (child_confine(&start.u.start) < 0)
        goto out;
    if (hook != NULL)
        hook();
    cut = &w.loop.page->cut;
    if (loop_run(&w.loop, &w.stop) < 0) {
        log_error("the event loop of worker %u has failed: %s", w.slot, strerror(errno));
        cut_all(&w);
        goto out;
    }
    if (!w.failed)
        status = *cut > 0 ? EXIT_CUT : EXIT_SUCCESS;
out:
    clear(&w);
    return status;
}
