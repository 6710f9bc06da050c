/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "proc/master.h"

#include "base/clock.h"
#include "base/log.h"
#include "proc/daemon.h"
#include "proc/demo.h"
#include "proc/expiry.h"
#include "proc/pidfile.h"
#include "proc/prepare.h"
#include "proc/systemd.h"
#include "proc/watch.h"
#include "proc/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Signals and clocks ---- */

static void
on_stop_signal(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    drain_begin(arg);
}

static void
on_hangup_signal(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    reload_begin(arg);
}

static void
on_reopen_signal(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct master *m = arg;
    const struct log_settings *settings = &m->setup->config->log;

    if (supervise_open_log(m, settings) < 0)
        log_error("cannot reopen the log %s: %s; going on with the old one", settings->to,
                  strerror(errno));
}

static void
on_upgrade_signal(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    upgrade_begin(arg);
}

static void
on_child_signal(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct master *m = arg;

    crew_reap(&m->crew);
}

/*
 * Until there is a loop: these would end us, and process 1 (of a container) would not even
 * notice those that are meant to.
 */
static void
hold_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigaddset(&set, SIGUSR2);
    if (getpid() == 1) {
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGINT);
    }
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static int
init_signals(struct master *m)
{
    static const struct {
        int number;
        void (*handler)(evutil_socket_t, short, void *);
    } signals[MASTER_SIGNALS] = {
        {SIGTERM, on_stop_signal},    {SIGINT, on_stop_signal},
        {SIGHUP, on_hangup_signal},   {SIGUSR1, on_reopen_signal},
        {SIGUSR2, on_upgrade_signal}, {SIGCHLD, on_child_signal},
    };
    sigset_t none;

    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        m->signal[i] = evsignal_new(m->base, signals[i].number, signals[i].handler, m);
        if (m->signal[i] == NULL || event_add(m->signal[i], NULL) < 0)
            return -1;
    }
    /* Those that came during the start, or while an upgrade was under way, have waited. */
    (void)sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
on_watchdog(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg ATTR_UNUSED)
{
    systemd_notify("WATCHDOG=1");
}

static void
on_sample(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct master *m = arg;

    history_sample(m->history, clock_ms(), crew_sum(&m->crew));
}

static struct event *
start_clock(struct master *m, uint32_t ms, event_callback_fn callback)
{
    struct timeval period = clock_timeval(ms);
    struct event *event = event_new(m->base, -1, EV_PERSIST, callback, m);

    if (event != NULL)
        (void)event_add(event, &period);
    return event;
}

/* ---- The beginning ---- */

static void
log_diag(void *arg ATTR_UNUSED, bool is_error, const char *text)
{
    log_write(is_error ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", text);
}

/* All that can be wrong with a configuration is found out here. */
static void
load(struct master *m, struct diag *diag)
{
    const struct config *config;

    if (m->upgrade.is_back) {
        m->setup = setup_restore(m->source, &m->upgrade.bundle, &m->upgrade.keys, diag);
        setup_adopt_servers(&m->places, m->setup->config);
        if (log_open(&m->setup->config->log) < 0)
            log_error("cannot open the log %s: %s", m->setup->config->log.to,
                      strerror(errno));
        return;
    }
    m->setup = setup_load(m->source, diag);
    config = m->setup->config;
    if (diag_errors(diag) == 0)
        prepare_setup(m, m->setup, diag);
    if (diag_errors(diag) == 0 && log_open(&config->log) < 0)
        diag_error(diag, config->log_to_pos, "cannot open the log %s: %s", config->log.to,
                   strerror(errno));
}

/* What the program of before has handed over stays whole up to here: there is no way back
 * to it after this. */
static void
commit(struct master *m, struct diag *diag)
{
    listeners_commit(&m->listeners, m->setup->config, m->setup->workers, diag);
    prepare_take_admin(m, m->setup);
    if (m->upgrade.workers > 0)
        m->state = VIEW_READY; /* they still serve */
    upgrade_take_workers(m);
}

static int
init_events(struct master *m)
{
    m->base = event_base_new();
    if (m->base == NULL || supervise_init(m) < 0)
        return -1;
    m->history = history_new();
    if (m->history == NULL)
        return -1;
    m->sampler = start_clock(m, HISTORY_STEP_MS, on_sample);
    if (systemd_watchdog_ms() > 0)
        m->watchdog = start_clock(m, systemd_watchdog_ms(), on_watchdog);
    return init_signals(m);
}

static int
hold_pidfile(const struct config *config)
{
    const char *wrong;

    if (config->pidfile.text == NULL) {
        pidfile_remove(); /* the one of the program of before */
        return 0;
    }
    wrong = pidfile_write(config->pidfile.text);
    if (wrong != NULL)
        log_error("%s", wrong);
    return wrong == NULL ? 0 : -1;
}

static int
finish(struct master *m)
{
    const struct stats_page *sum = crew_sum(&m->crew);
    uint64_t served = 0, cut = sum->cut + m->cut;
    uint64_t dropped = sum->log_dropped + log_dropped();

    for (unsigned i = 0; i < sum->fronts; i++)
        for (unsigned reason = 0; reason < REASONS; reason++)
            served += sum->front[i].ended[reason];
    if (m->pump != NULL)
        logpump_flush(m->pump);
    if (dropped > 0)
        log_warning("%" PRIu64 " lines of this log could not be written", dropped);
    log_notice("stopped: %" PRIu64 " connection%s served, %" PRIu64
               " of them cut off at the end",
               served, served == 1 ? "" : "s", cut);
    if (m->failed)
        return EXIT_FAILURE;
    return cut > 0 ? EXIT_CUT : EXIT_SUCCESS;
}

static void
clear(struct master *m)
{
    for (size_t i = 0; i < MASTER_SIGNALS; i++)
        if (m->signal[i] != NULL)
            event_free(m->signal[i]);
    (void)signal(SIGTERM, SIG_IGN); /* the exit status is decided: no signal changes it */
    (void)signal(SIGINT, SIG_IGN);
    if (m->watchdog != NULL)
        event_free(m->watchdog);
    if (m->sampler != NULL)
        event_free(m->sampler);
    drain_clear(m);
    expiry_clear(m);
    watch_clear(m);
    if (m->base != NULL)
        crew_clear(&m->crew);
    logpump_free(m->pump);
    history_free(m->history);
    listeners_clear(&m->listeners);
    prepare_close_admin(m);
    if (m->reload.timeout != NULL)
        event_free(m->reload.timeout);
    free(m->reload.last_error);
    if (m->trial_timeout != NULL)
        event_free(m->trial_timeout);
    upgrade_clear(m);
    free(m->exe);
    if (m->demo_fd >= 0)
        close(m->demo_fd);
    pidfile_remove();
    setup_free(m->setup);
    setup_places_clear(&m->places);
    if (m->base != NULL)
        event_base_free(m->base);
    log_close();
}

/* Where this program was when it was started: an upgrade puts another one there. */
static char *
find_exe(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (len <= 0)
        return NULL;
    path[len] = '\0';
    return strdup(path);
}

/* With everything at hand: serve. */
static int
run(struct master *m, struct diag *diag)
{
    commit(m, diag);
    diag_each(diag, log_diag, NULL);
    if (diag_errors(diag) > 0)
        return EXIT_CONFIG;
    m->generation = 1;
    m->reload.generation = 1;
    supervise_fill(m);
    expiry_begin(m);
    watch_begin(m);
    while (!m->stop)
        if (event_base_loop(m->base, EVLOOP_ONCE) < 0) {
            log_error("the event loop of the master has failed: %s", strerror(errno));
            m->failed = true;
            break;
        } else if (m->trial_passed) {
            upgrade_hand_over(m);
        }
    return finish(m);
}

int
master_main(const struct master_options *options)
{
    static struct master master; /* large, and there is one */
    struct master *m = &master;
    struct diag *diag = diag_new();
    int status = EXIT_CONFIG;

    *m = (struct master){.source = options->source,
                         .argv = options->argv,
                         .demo_fd = options->demo_fd,
                         .admin_fd = -1,
                         .reload.admin_fd = -1,
                         .trial_fd = -1,
                         .news = MASTER_STARTED,
                         .start_us = clock_wall_us()};
    (void)signal(SIGPIPE, SIG_IGN);
    hold_signals();
    listeners_init(&m->listeners);
    systemd_init();
    if (upgrade_adopt(m) < 0) {
        log_error("upgrade: what the program of before handed over is not understood");
        goto out;
    }
    if (m->exe == NULL)
        m->exe = find_exe();
    load(m, diag);
    if (options->daemon && strcmp(m->setup->config->log.to, "stderr") == 0)
        diag_warning(
            diag, m->setup->config->log_to_pos,
            "with --daemon a log to stderr leads nowhere; write to = syslog or the "
            "path of a file");
    if (diag_errors(diag) > 0) {
        diag_print(diag, stderr);
        goto out;
    }
    status = EXIT_FAILURE;
    if (options->daemon && m->news == MASTER_STARTED && daemon_start() < 0)
        log_error("cannot go into the background: %s", strerror(errno));
    else if (init_events(m) < 0)
        log_error("cannot start: %s", strerror(errno));
    else if (hold_pidfile(m->setup->config) == 0 || m->news != MASTER_STARTED)
        status = run(m, diag);
out:
    diag_free(diag);
    upgrade_go_back(m);
    clear(m);
    return status;
}
