/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "proc/master.h"

#include "base/log.h"
#include "base/text.h"
#include "proc/daemon.h"
#include "proc/demo.h"
#include "proc/systemd.h"
#include "proc/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Workers ---- */

static int
log_fd(struct master *m)
{
    int fd = log_shared_fd();

    if (fd >= 0)
        return fd;
    if (m->pump == NULL)
        m->pump = logpump_new(m->base);
    return m->pump != NULL ? logpump_fd(m->pump) : STDERR_FILENO;
}

void
supervise_send_log(struct master *m, struct crew_child *child)
{
    const struct log_settings *settings = &m->setup->config->log;
    int fd = log_fd(m);
    struct ipc_log log = {.framed = m->pump != NULL && fd == logpump_fd(m->pump),
                          .level = settings->level,
                          .format = settings->format};

    crew_send(child, IPC_LOG, &log, sizeof(log), &fd, 1);
}

int
supervise_open_log(struct master *m, const struct log_settings *settings)
{
    struct crew_child *child;

    if (m->pump != NULL)
        logpump_flush(m->pump);
    if (log_open(settings) < 0)
        return -1;
    TAILQ_FOREACH (child, &m->crew.children, link)
        supervise_send_log(m, child);
    return 0;
}

/* What fails at the start is a start that fails; nobody waits for what may never come. */
static void
give_up(struct master *m)
{
    m->failed = true;
    m->crew.ending = true;
    drain_begin(m);
}

/* With what is in force, and with what is being prepared. */
static void
start_worker(struct master *m, unsigned slot)
{
    struct crew_child *child = crew_start(&m->crew, CHILD_WORKER, slot, &m->setup->who, -1);

    if (child == NULL && m->news == MASTER_STARTED)
        give_up(m);
    if (child == NULL)
        return;
    log_notice("worker %u is process %d", slot, (int)child->pid);
    supervise_send_log(m, child);
    keeping_introduce(m, child);
    crew_send_setup(child, m->setup, m->generation, &m->listeners, false);
    crew_send(child, IPC_SWITCH, NULL, 0, NULL, 0);
    if (m->reload.next != NULL && slot < m->reload.next->workers)
        crew_send_setup(child, m->reload.next, m->reload.generation, &m->listeners, true);
}

static void
start_single(struct master *m, enum child_role role, int fd)
{
    struct crew_child *child;

    if (fd < 0 || crew_find(&m->crew, role, 0) != NULL)
        return;
    child = crew_start(&m->crew, role, 0, &m->setup->who, fd);
    if (child != NULL)
        supervise_send_log(m, child);
}

void
supervise_fill(struct master *m)
{
    keeping_fill(m);
    for (unsigned slot = 0; slot < m->setup->workers && !m->failed; slot++)
        if (crew_find(&m->crew, CHILD_WORKER, slot) == NULL)
            start_worker(m, slot);
    if (m->failed)
        return;
    start_single(m, CHILD_ADMIN, m->admin_fd);
    start_single(m, CHILD_DEMO, m->demo_fd);
}

static void
on_vacant(void *owner, enum child_role role, unsigned slot)
{
    struct master *m = owner;

    if (role == CHILD_KEEPER)
        keeping_fill(m);
    else if (role != CHILD_WORKER)
        start_single(m, role, role == CHILD_ADMIN ? m->admin_fd : m->demo_fd);
    else if (slot < m->setup->workers && crew_find(&m->crew, role, slot) == NULL)
        start_worker(m, slot);
}

/* ---- News ---- */

static void
tell_started(struct master *m)
{
    const struct config *config = m->setup->config;
    size_t sockets = 0;

    for (size_t i = 0; i < config->frontends; i++)
        sockets += config->frontend[i].listens;
    log_notice("sallyport %s serves %zu frontend%s on %zu socket%s with %u worker%s",
               PACKAGE_VERSION, config->frontends, config->frontends == 1 ? "" : "s",
               sockets, sockets == 1 ? "" : "s", m->setup->workers,
               m->setup->workers == 1 ? "" : "s");
    if (m->demo_fd >= 0)
        demo_greet(&TAILQ_FIRST(&m->listeners.list)->addr);
    if (daemon_ready() < 0)
        log_error("cannot leave the terminal: %s", strerror(errno));
}

static void
tell_news(struct master *m)
{
    switch (m->news) {
    case MASTER_NO_NEWS:
        return;
    case MASTER_STARTED:
        tell_started(m);
        break;
    case MASTER_RELOADED:
        log_notice("reload: generation %" PRIu64 " is in force", m->generation);
        break;
    case MASTER_UPGRADED:
        log_notice(
            "upgrade: this is sallyport %s now; the workers of before end with their "
            "last connection",
            PACKAGE_VERSION);
        break;
    case MASTER_WENT_BACK:
        log_error(
            "upgrade: the new program could not start; this is sallyport %s as before",
            PACKAGE_VERSION);
        break;
    }
    m->news = MASTER_NO_NEWS;
    systemd_notify("READY=1\nSTATUS=%u workers serve %zu frontends", m->setup->workers,
                   m->setup->config->frontends);
}

void
supervise_check(struct master *m)
{
    struct crew_child *child;

    if (m->state == VIEW_DRAINING || !keeping_is_ready(m, m->setup, m->generation))
        return;
    for (unsigned slot = 0; slot < m->setup->workers; slot++) {
        child = crew_find(&m->crew, CHILD_WORKER, slot);
        if (child == NULL || child->serving != m->generation)
            return;
    }
    TAILQ_FOREACH (child, &m->crew.children, link)
        if (child->role == CHILD_WORKER && child->replaced && child->state != CREW_RETIRING)
            crew_retire(child);
    m->state = VIEW_READY;
    tell_news(m);
    if (m->reload.again && m->reload.next == NULL) {
        m->reload.again = false;
        reload_begin(m);
    }
}

/* ---- What children say, and how they end ---- */

/* A keeper that cannot open a key would not the next time. */
static void
on_failed(struct master *m, const struct crew_child *child, const struct ipc_failed *failed)
{
    if (child->role == CHILD_KEEPER)
        log_error("the keeper: %s", failed->words);
    else
        log_error("worker %u: %s", child->slot, failed->words);
    if (m->reload.next != NULL && failed->generation == m->reload.generation)
        reload_fail(m, child->role == CHILD_KEEPER ? failed->words
                                                   : "a worker could not prepare the "
                                                     "configuration");
    else if (child->role == CHILD_KEEPER && m->news == MASTER_STARTED)
        give_up(m);
}

static void
on_message(void *owner, struct crew_child *child, struct ipc_message *message)
{
    struct master *m = owner;

    switch (message->type) {
    case IPC_PREPARED:
        child->prepared = message->u.done.generation;
        if (child->role == CHILD_KEEPER) {
            child->state = CREW_SERVING;
            supervise_check(m);
        }
        reload_check(m);
        break;
    case IPC_FAILED:
        on_failed(m, child, &message->u.failed);
        break;
    case IPC_SERVING:
        child->serving = message->u.done.generation;
        if (child->state == CREW_STARTING)
            child->state = CREW_SERVING;
        supervise_check(m);
        break;
    case IPC_ASK:
        if (child->role == CHILD_ADMIN)
            answer_question(m, child, &message->u.ask);
        break;
    default:
        log_error("process %d sent message %u, which the master does not know",
                  (int)child->pid, (unsigned)message->type);
        break;
    }
}

static void
describe_end(const struct crew_child *child, int status, struct text *text)
{
    if (child->role == CHILD_WORKER)
        text_addf(text, "worker %u (process %d)", child->slot, (int)child->pid);
    else
        text_addf(text, "the %s process (%d)", child_role_name(child->role),
                  (int)child->pid);
    if (WIFSIGNALED(status))
        text_addf(text, " was killed by signal %d (%s)", WTERMSIG(status),
                  strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == CHILD_NOT_EXECUTED)
        text_add(text, " could not execute /proc/self/exe (is /proc mounted?): it ended");
    else
        text_addf(text, " ended with status %d", WEXITSTATUS(status));
}

/* A worker that never gets as far as serving will not do so the next time. */
static bool
is_false_start(const struct master *m, const struct crew_child *child)
{
    return m->news == MASTER_STARTED && child->state == CREW_STARTING &&
           (child->role == CHILD_WORKER || child->role == CHILD_KEEPER);
}

static void
on_gone(void *owner, const struct crew_child *child, int status)
{
    struct master *m = owner;
    bool is_expected = child->state == CREW_RETIRING || m->drain.told;
    bool is_good =
        WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EXIT_CUT);
    char buf[160];
    struct text text;

    text_init(&text, buf, sizeof(buf));
    describe_end(child, status, &text);
    /* What it could not count itself, or not where we see it. */
    if (m->drain.told)
        m->cut += crew_live(child);
    if (child->page == NULL && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CUT)
        m->cut++;
    if (is_false_start(m, child)) {
        log_error("%s before it served a client", buf);
        give_up(m);
    } else if (!is_expected || !is_good) {
        log_warning("%s%s", buf,
                    m->crew.ending || is_expected ? "" : "; its successor starts");
    }
    if (m->reload.next != NULL)
        reload_check(m);
    drain_check(m);
}

static void
on_stranger(void *owner, pid_t pid, int status)
{
    struct master *m = owner;

    if (m->trial != 0 && pid == m->trial)
        upgrade_on_trial_end(m, status);
}

int
supervise_init(struct master *m)
{
    if (crew_init(&m->crew, m->base) < 0)
        return -1;
    m->crew.owner = m;
    m->crew.on_message = on_message;
    m->crew.on_gone = on_gone;
    m->crew.on_stranger = on_stranger;
    m->crew.on_vacant = on_vacant;
    return 0;
}
