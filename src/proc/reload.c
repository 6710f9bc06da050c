/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/master.h"

#include "base/clock.h"
#include "base/log.h"
#include "proc/expiry.h"
#include "proc/pidfile.h"
#include "proc/prepare.h"
#include "proc/systemd.h"
#include "proc/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A reload has two halves. In the first everything is read, checked, opened, and prepared
 * by all workers beside what they serve; whatever fails, it is called off, and nothing has
 * changed. The second half switches, and has nothing left that could fail.
 */

/* A worker that has not prepared a configuration by then does not answer at all. */
#define PREPARE_MS 10000

static void
note_result(struct master *m, bool good, const char *error)
{
    struct master_reload *r = &m->reload;

    if (good)
        r->good++;
    else
        r->bad++;
    r->last_us = clock_wall_us();
    r->last_good = good;
    free(r->last_error);
    r->last_error = error != NULL ? strdup(error) : NULL;
}

static bool
takes_part(const struct master *m, const struct crew_child *child)
{
    return child->role == CHILD_WORKER && !child->replaced &&
           child->state != CREW_RETIRING && child->channel >= 0 &&
           child->slot < m->reload.next->workers;
}

/* ---- The first half ---- */

struct report {
    char *first; /* owned */
};

static void
log_mistake(void *arg, bool is_error, const char *text)
{
    struct report *report = arg;

    if (is_error)
        log_error("reload: %s", text);
    else
        log_warning("reload: %s", text);
    if (is_error && report->first == NULL)
        report->first = strdup(text);
}

static void
report_mistakes(struct master *m, struct diag *diag)
{
    struct report report = {0};
    size_t count = diag_errors(diag);

    diag_each(diag, log_mistake, &report);
    if (count == 0)
        return;
    log_error("reload: %zu mistake%s; going on with generation %" PRIu64, count,
              count == 1 ? "" : "s", m->generation);
    note_result(m, false, report.first);
    free(report.first);
}

static void
call_off(struct master *m, struct setup *next)
{
    prepare_forget(m);
    setup_free(next);
    m->reload.next = NULL;
    if (m->state == VIEW_READY)
        systemd_notify("READY=1\nSTATUS=the last reload failed; see the log");
}

static void
on_timeout(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    reload_fail(arg, "a worker does not answer");
}

static void
prepare(struct master *m, struct setup *next)
{
    struct timeval after = clock_timeval(PREPARE_MS);
    struct crew_child *child;

    m->reload.next = next;
    m->reload.generation++;
    keeping_prepare(m);
    TAILQ_FOREACH (child, &m->crew.children, link)
        if (takes_part(m, child))
            crew_send_setup(child, next, m->reload.generation, &m->listeners, true);
    if (m->reload.timeout == NULL)
        m->reload.timeout = evtimer_new(m->base, on_timeout, m);
    if (m->reload.timeout == NULL || event_add(m->reload.timeout, &after) < 0)
        reload_fail(m, "out of memory");
    else
        reload_check(m);
}

static bool
is_busy(const struct master *m)
{
    return m->reload.next != NULL || m->news == MASTER_STARTED || upgrade_is_under_way(m);
}

static void
keep_first(void *arg, bool is_error, const char *text)
{
    char **first = arg;

    if (is_error && *first == NULL)
        *first = strdup(text);
}

enum reload_result
reload_renew(struct master *m, char **mistake)
{
    enum reload_result result = RELOAD_MISTAKEN;
    struct diag *diag;
    struct setup *next;

    if (m->state == VIEW_DRAINING || is_busy(m))
        return RELOAD_BUSY;
    diag = diag_new();
    next = setup_renew(m->source, m->setup, diag);
    if (diag_errors(diag) == 0)
        prepare_setup(m, next, diag);
    diag_each(diag, keep_first, mistake);
    if (diag_errors(diag) > 0) {
        prepare_forget(m);
        setup_free(next);
    } else {
        log_notice("watch: files of certificates have changed, and are loaded");
        systemd_notify_reloading();
        report_mistakes(m, diag);
        prepare(m, next);
        result = RELOAD_BEGUN;
    }
    diag_free(diag);
    return result;
}

void
reload_note_failure(struct master *m, const char *mistake)
{
    log_error("reload: %s; going on with generation %" PRIu64, mistake, m->generation);
    note_result(m, false, mistake);
}

void
reload_begin(struct master *m)
{
    struct diag *diag;
    struct setup *next;

    if (m->state == VIEW_DRAINING)
        return;
    if (is_busy(m)) {
        m->reload.again = true; /* when what is under way is done */
        return;
    }
    systemd_notify_reloading();
    diag = diag_new();
    next = setup_load(m->source, diag);
    if (diag_errors(diag) == 0)
        prepare_setup(m, next, diag);
    report_mistakes(m, diag);
    if (diag_errors(diag) > 0)
        call_off(m, next);
    else
        prepare(m, next);
    diag_free(diag);
}

void
reload_fail(struct master *m, const char *reason)
{
    struct crew_child *child;

    if (m->reload.timeout != NULL)
        (void)event_del(m->reload.timeout);
    TAILQ_FOREACH (child, &m->crew.children, link)
        if (takes_part(m, child))
            crew_send(child, IPC_FORGET, NULL, 0, NULL, 0);
    keeping_forget(m);
    log_error("reload: %s; going on with generation %" PRIu64, reason, m->generation);
    note_result(m, false, reason);
    call_off(m, m->reload.next);
    supervise_check(m); /* a SIGHUP may have come meanwhile */
}

/* ---- The second half ---- */

static void
log_late_mistake(void *arg ATTR_UNUSED, bool is_error ATTR_UNUSED, const char *text)
{
    log_error("reload: %s", text);
}

static void
switch_listeners(struct master *m, const struct setup *next)
{
    struct diag *diag = diag_new();

    listeners_commit(&m->listeners, next->config, next->workers, diag);
    diag_each(diag, log_late_mistake, NULL);
    diag_free(diag);
}

static bool
is_same_who(const struct privdrop *a, const struct privdrop *b)
{
    return a->uid == b->uid && a->gid == b->gid && a->filter == b->filter &&
           a->no_chroot == b->no_chroot && a->transparent == b->transparent;
}

/*
 * Workers that are too many retire; so do all, once they have successors, if they are to be
 * somebody else. Until then they serve what they served: for the new configuration they may
 * lack what it takes, a place in the file system from which to reach a Unix socket, or the
 * capability for source = client.
 */
static void
switch_workers(struct master *m, const struct setup *next)
{
    bool same = is_same_who(&m->setup->who, &next->who);
    struct crew_child *child;

    TAILQ_FOREACH (child, &m->crew.children, link) {
        if (takes_part(m, child)) {
            crew_send(child, same ? IPC_SWITCH : IPC_FORGET, NULL, 0, NULL, 0);
            child->replaced = !same;
        } else if (child->role == CHILD_WORKER && child->state != CREW_RETIRING) {
            crew_retire(child);
        } else if (child->role == CHILD_ADMIN &&
                   (!same || prepare_has_new_admin(m, next))) {
            crew_dismiss(child);
        }
    }
    keeping_switch(m, next, same);
}

static void
switch_files(struct master *m)
{
    const struct config *config = m->setup->config;
    const char *wrong = NULL;

    if (supervise_open_log(m, &config->log) < 0)
        log_error("reload: cannot open the log %s: %s; going on with the old one",
                  config->log.to, strerror(errno));
    if (config->pidfile.text != NULL)
        wrong = pidfile_write(config->pidfile.text);
    else
        pidfile_remove();
    if (wrong != NULL)
        log_error("reload: %s", wrong);
}

static void
commit(struct master *m)
{
    struct setup *next = m->reload.next, *old = m->setup;

    (void)event_del(m->reload.timeout);
    switch_listeners(m, next);
    switch_workers(m, next);
    prepare_take_admin(m, next);
    m->setup = next;
    m->generation = m->reload.generation;
    m->reload.next = NULL;
    switch_files(m);
    setup_free(old);
    expiry_begin(m);
    watch_begin(m);
    note_result(m, true, NULL);
    m->news = MASTER_RELOADED;
    supervise_fill(m);
    supervise_check(m);
}

void
reload_check(struct master *m)
{
    const struct crew_child *child;

    if (m->reload.next == NULL ||
        !keeping_is_ready(m, m->reload.next, m->reload.generation))
        return;
    TAILQ_FOREACH (child, &m->crew.children, link)
        if (takes_part(m, child) && child->prepared != m->reload.generation)
            return;
    commit(m);
}
