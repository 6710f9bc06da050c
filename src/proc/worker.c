/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "net/conn.h"
#include "net/dial.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Listening sockets, the log, libevent's own, name servers. */
#define DESCRIPTORS_RESERVED 64

static void
stop_if_drained(struct worker *worker)
{
    if (worker->draining && worker->loop.live_count == 0)
        worker->stop = true;
}

static void
on_reaped(void *arg)
{
    struct worker *worker = arg;

    for (size_t i = 0; i < worker->acceptors; i++)
        acceptor_resume(&worker->acceptor[i]);
    stop_if_drained(worker);
}

static void
cut_all(struct worker *worker)
{
    struct conn *conn, *next;

    for (conn = TAILQ_FIRST(&worker->loop.live); conn != NULL; conn = next) {
        next = TAILQ_NEXT(conn, link);
        worker->cut += conn_cut(conn);
    }
    stop_if_drained(worker);
}

static void
on_drain_timeout(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    cut_all(arg);
}

static void
drain(struct worker *worker)
{
    uint32_t ms = worker->loop.config->drain_timeout_ms;
    struct timeval after = clock_timeval(ms);
    char words[32];
    struct text text;

    worker->draining = true;
    text_init(&text, words, sizeof(words));
    text_add_duration(&text, ms);
    log_notice("stopping: no new clients; %u %s %s to end", worker->loop.live_count,
               worker->loop.live_count == 1 ? "connection has" : "connections have", words);
    for (size_t i = 0; i < worker->acceptors; i++)
        acceptor_clear(&worker->acceptor[i]);
    if (event_add(worker->drain_timer, &after) < 0)
        cut_all(worker);
    stop_if_drained(worker);
}

static void
on_stop_signal(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct worker *worker = arg;

    if (worker->draining)
        cut_all(worker);
    else
        drain(worker);
}

static void
on_hangup_signal(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED,
                 void *arg ATTR_UNUSED)
{
    log_notice("SIGHUP: the configuration is read at the start only; restart to change it");
}

static void
on_reopen_signal(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct worker *worker = arg;
    const struct log_settings *settings = &worker->loop.config->log;

    if (log_open(settings) < 0)
        log_error("cannot reopen the log %s: %s; going on with the old one", settings->to,
                  strerror(errno));
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

/* Each connection takes two descriptors; some are needed for everything else. */
static unsigned
connections_max(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT_MAX;
    return limit.rlim_cur > 2 * DESCRIPTORS_RESERVED
               ? (unsigned)((limit.rlim_cur - DESCRIPTORS_RESERVED) / 2)
               : DESCRIPTORS_RESERVED / 2;
}

static int
init_signals(struct worker *worker)
{
    static const struct {
        int number;
        void (*handler)(evutil_socket_t, short, void *);
    } signals[WORKER_SIGNALS] = {
        {SIGTERM, on_stop_signal},
        {SIGINT, on_stop_signal},
        {SIGHUP, on_hangup_signal},
        {SIGUSR1, on_reopen_signal},
    };

    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        worker->signal[i] =
            evsignal_new(worker->loop.base, signals[i].number, signals[i].handler, worker);
        if (worker->signal[i] == NULL || event_add(worker->signal[i], NULL) < 0)
            return -1;
    }
    worker->drain_timer = evtimer_new(worker->loop.base, on_drain_timeout, worker);
    return worker->drain_timer != NULL ? 0 : -1;
}

static int
init_acceptors(struct worker *worker)
{
    struct setup *setup = worker->setup;

    for (size_t i = 0; i < setup->listeners; i++) {
        struct setup_listener *l = &setup->listener[i];
        int fd = l->fd;

        l->fd = -1;
        if (acceptor_init(&worker->acceptor[i], &worker->loop, &worker->front[l->frontend],
                          fd) < 0)
            return -1;
        worker->acceptors++;
    }
    return 0;
}

static int
init_fronts(struct worker *worker)
{
    struct setup *setup = worker->setup;
    const struct config *config = setup->config;

    worker->front = calloc(config->frontends + 1, sizeof(*worker->front));
    worker->acceptor = calloc(setup->listeners + 1, sizeof(*worker->acceptor));
    if (worker->front == NULL || worker->acceptor == NULL)
        return -1;
    for (size_t i = 0; i < config->frontends; i++) {
        front_init(&worker->front[i], &config->frontend[i], setup->tls[i]);
        setup->tls[i] = NULL;
        dial_check_name(&worker->loop, &worker->front[i]);
    }
    return 0;
}

int
worker_init(struct worker *worker, struct setup *setup)
{
    memset(worker, 0, sizeof(*worker));
    worker->setup = setup;
    event_set_log_callback(on_libevent_log);
    if (loop_init(&worker->loop, setup->config) < 0 || init_signals(worker) < 0 ||
        init_fronts(worker) < 0 || init_acceptors(worker) < 0) {
        log_error("cannot start: %s", strerror(errno));
        return -1;
    }
    worker->loop.live_max = connections_max();
    worker->loop.on_reaped = on_reaped;
    worker->loop.on_reaped_arg = worker;
    return 0;
}

int
worker_run(struct worker *worker)
{
    int failed = loop_run(&worker->loop, &worker->stop);

    if (failed) {
        log_error("the event loop has failed: %s", strerror(errno));
        cut_all(worker);
    }
    log_notice("stopped: %" PRIu64 " connections served, %" PRIu64
               " of them cut off at the end",
               loop_finished(&worker->loop), worker->cut);
    if (log_dropped() > 0)
        log_warning("%lu lines of this log could not be written", log_dropped());
    if (failed)
        return EXIT_FAILURE;
    return worker->cut > 0 ? EXIT_CUT : EXIT_SUCCESS;
}

void
worker_clear(struct worker *worker)
{
    for (size_t i = 0; i < worker->acceptors; i++)
        acceptor_clear(&worker->acceptor[i]);
    for (size_t i = 0; i < WORKER_SIGNALS; i++)
        if (worker->signal[i] != NULL)
            event_free(worker->signal[i]);
    (void)signal(SIGTERM, SIG_IGN); /* the exit status is decided: no signal changes it */
    (void)signal(SIGINT, SIG_IGN);
    if (worker->drain_timer != NULL)
        event_free(worker->drain_timer);
    for (size_t i = 0; worker->front != NULL && i < worker->setup->config->frontends; i++)
        dial_check_cancel(&worker->front[i]);
    loop_clear(&worker->loop);
    for (size_t i = 0; worker->front != NULL && i < worker->setup->config->frontends; i++)
        front_clear(&worker->front[i]);
    free(worker->front);
    free(worker->acceptor);
}
