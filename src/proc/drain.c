/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/master.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "proc/systemd.h"

#include <inttypes.h>
#include <signal.h>

/* What workers may take longer than they were told before they are killed. */
#define PATIENCE_MS 5000

static void
on_patience(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct master *m = arg;
    struct crew_child *child;

    TAILQ_FOREACH (child, &m->crew.children, link) {
        log_error("process %d does not end; it is killed", (int)child->pid);
        (void)kill(child->pid, SIGKILL);
    }
}

static void
be_patient(struct master *m, uint64_t ms)
{
    struct timeval after = clock_timeval(ms + PATIENCE_MS);

    if (m->drain.patience == NULL)
        m->drain.patience = evtimer_new(m->base, on_patience, m);
    if (m->drain.patience != NULL)
        (void)event_add(m->drain.patience, &after);
}

static void
send_workers(struct master *m, enum ipc_type type, const void *data, size_t len)
{
    struct crew_child *child;

    TAILQ_FOREACH (child, &m->crew.children, link)
        if (child->role == CHILD_WORKER)
            crew_send(child, type, data, len, NULL, 0);
}

/* No new clients from now on. */
static void
tell_workers(struct master *m)
{
    struct ipc_drain drain = {.timeout_ms = m->setup->config->drain_timeout_ms};
    uint64_t live = crew_live_all(&m->crew);
    char words[32];
    struct text text;

    m->drain.told = true;
    m->crew.ending = true;
    text_init(&text, words, sizeof(words));
    text_add_duration(&text, drain.timeout_ms);
    log_notice("stopping: no new clients; %" PRIu64 " %s %s to end", live,
               live == 1 ? "connection has" : "connections have", words);
    send_workers(m, IPC_DRAIN, &drain, sizeof(drain));
    listeners_clear(&m->listeners);
    be_patient(m, drain.timeout_ms);
    drain_check(m);
}

static void
on_grace_over(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct master *m = arg;

    if (!m->drain.told)
        tell_workers(m);
}

static void
begin(struct master *m)
{
    uint32_t ms = m->setup->config->accept_grace_ms;
    struct timeval after = clock_timeval(ms);
    char words[32];
    struct text text;

    m->state = VIEW_DRAINING;
    systemd_notify("STOPPING=1");
    if (m->reload.next != NULL)
        reload_fail(m, "sallyport is being stopped");
    if (ms > 0 && !m->failed)
        m->drain.grace = evtimer_new(m->base, on_grace_over, m);
    if (m->drain.grace == NULL || event_add(m->drain.grace, &after) < 0) {
        tell_workers(m);
        return;
    }
    text_init(&text, words, sizeof(words));
    text_add_duration(&text, ms);
    log_notice("stopping: not ready any more; clients are accepted for another %s", words);
}

void
drain_begin(struct master *m)
{
    if (m->state != VIEW_DRAINING) {
        begin(m);
        return;
    }
    if (!m->drain.told)
        tell_workers(m);
    send_workers(m, IPC_CUT, NULL, 0);
    be_patient(m, 0);
}

void
drain_check(struct master *m)
{
    struct crew_child *child;

    if (!m->drain.told || crew_workers(&m->crew) > 0)
        return;
    TAILQ_FOREACH (child, &m->crew.children, link)
        crew_dismiss(child);
    if (TAILQ_EMPTY(&m->crew.children))
        m->stop = true;
}

void
drain_clear(struct master *m)
{
    if (m->drain.grace != NULL)
        event_free(m->drain.grace);
    if (m->drain.patience != NULL)
        event_free(m->drain.patience);
}
