/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/crew.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "proc/seal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A worker that lived as long as that died of something new; its successor starts at once.
 */
#define SETTLED_MS 1000

/* Else after this, doubled each time. */
#define BACK_OFF_MS 100
#define BACK_OFF_MAX_MS 5000

/* So that a child that has gone mad does not keep us from the others. */
#define MESSAGES_PER_TURN 64

/* More than fit into a channel: what a child has said before it ended. */
#define LAST_WORDS 4096

int
crew_init(struct crew *crew, struct event_base *base)
{
    *crew = (struct crew){.base = base, .shared_fd = -1};
    TAILQ_INIT(&crew->children);
    crew->past = calloc(1, sizeof(*crew->past));
    crew->shared_fd = seal_make_shared("sallyport-shared", sizeof(*crew->shared));
    crew->sum = calloc(1, sizeof(*crew->sum));
    if (crew->past == NULL || crew->sum == NULL || crew->shared_fd < 0)
        return -1;
    crew->shared = seal_map_shared(crew->shared_fd, sizeof(*crew->shared));
    if (crew->shared == NULL)
        return -1;
    return getentropy(crew->shared->sources.secret, sizeof(crew->shared->sources.secret));
}

static void
close_channel(struct crew_child *child)
{
    if (child->messages != NULL)
        event_free(child->messages);
    child->messages = NULL;
    if (child->channel >= 0)
        close(child->channel);
    child->channel = -1;
}

static void
free_child(struct crew_child *child)
{
    close_channel(child);
    if (child->page != NULL)
        (void)munmap(child->page, sizeof(*child->page));
    if (child->page_fd >= 0)
        close(child->page_fd);
    free(child);
}

static void
remove_child(struct crew_child *child)
{
    TAILQ_REMOVE(&child->crew->children, child, link);
    free_child(child);
}

static void
clear_slots(struct crew_slot *slot, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slot[i].restart != NULL)
            event_free(slot[i].restart);
}

void
crew_clear(struct crew *crew)
{
    struct crew_child *child;

    while ((child = TAILQ_FIRST(&crew->children)) != NULL)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who was freed is not in the list */
        remove_child(child);
    clear_slots(crew->slot, CREW_SLOTS);
    clear_slots(crew->single, CHILD_ROLES);
    if (crew->shared != NULL)
        (void)munmap(crew->shared, sizeof(*crew->shared));
    if (crew->shared_fd >= 0)
        close(crew->shared_fd);
    free(crew->past);
    free(crew->sum);
}

/* ---- Successors ---- */

static void
on_restart(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct crew_slot *slot = arg;
    struct crew *crew = slot->crew;

    if (!crew->ending)
        crew->on_vacant(crew->owner, slot->role, slot->number);
}

/* How long to wait before a successor is started. */
static uint32_t
back_off(struct crew_slot *slot, bool settled)
{
    uint32_t ms = 0;

    if (settled) {
        slot->failures = 0;
        return 0;
    }
    if (slot->failures > 0)
        ms = slot->failures > 6 ? BACK_OFF_MAX_MS : BACK_OFF_MS << (slot->failures - 1);
    slot->failures++;
    return ms < BACK_OFF_MAX_MS ? ms : BACK_OFF_MAX_MS;
}

/* settled: whoever was there before did not fail at once. */
static void
schedule(struct crew *crew, enum child_role role, unsigned number, bool settled)
{
    struct crew_slot *slot =
        role == CHILD_WORKER ? &crew->slot[number] : &crew->single[role];
    struct timeval after = clock_timeval(back_off(slot, settled));

    slot->crew = crew;
    slot->role = role;
    slot->number = number;
    if (slot->restart == NULL)
        slot->restart = evtimer_new(crew->base, on_restart, slot);
    if (slot->restart == NULL || event_add(slot->restart, &after) < 0)
        log_error("no successor of %s %u can be started: %s", child_role_name(role), number,
                  strerror(errno));
}

static void
replace(struct crew *crew, const struct crew_child *child)
{
    bool settled = clock_ms() - child->start_ms >= SETTLED_MS &&
                   (child->state != CREW_STARTING || child->role != CHILD_WORKER);

    if (crew->ending || child->replaced || child->state == CREW_RETIRING)
        return;
    crew->restarts += child->role == CHILD_WORKER;
    schedule(crew, child->role, child->slot, settled);
}

/* ---- Starting ---- */

static void
take_messages(struct crew_child *child, unsigned max)
{
    struct crew *crew = child->crew;
    struct ipc_message message;
    enum ipc_result result = IPC_NOTHING;

    while (child->channel >= 0 && max-- > 0 &&
           (result = ipc_receive(child->channel, &message)) == IPC_MESSAGE) {
        crew->on_message(crew->owner, child, &message);
        ipc_close_fds(&message);
    }
    if (result == IPC_GONE) /* SIGCHLD says the rest */
        close_channel(child);
}

static void
on_messages(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    take_messages(arg, MESSAGES_PER_TURN);
}

static struct crew_child *
add_child(struct crew *crew, enum child_role role, unsigned slot)
{
    struct crew_child *child = calloc(1, sizeof(*child));

    if (child == NULL)
        return NULL;
    *child = (struct crew_child){.crew = crew,
                                 .role = role,
                                 .slot = slot,
                                 .channel = -1,
                                 .page_fd = -1,
                                 .start_us = clock_wall_us(),
                                 .start_ms = clock_ms()};
    TAILQ_INSERT_TAIL(&crew->children, child, link);
    return child;
}

static int
listen_to(struct crew_child *child)
{
    child->messages = event_new(child->crew->base, child->channel, EV_READ | EV_PERSIST,
                                on_messages, child);
    return child->messages != NULL ? event_add(child->messages, NULL) : -1;
}

static int
make_page(struct crew_child *child)
{
    child->page_fd = seal_make_shared("sallyport-stats", sizeof(*child->page));
    if (child->page_fd < 0)
        return -1;
    child->page = seal_map_shared(child->page_fd, sizeof(*child->page));
    return child->page != NULL ? 0 : -1;
}

/* The others never need a place in the file system. */
static bool
takes_root(enum child_role role)
{
    return role == CHILD_WORKER || role == CHILD_KEEPER;
}

static void
send_start(struct crew_child *child, const struct privdrop *who, int socket)
{
    struct ipc_start start = {.slot = child->slot,
                              .root = who->root,
                              .uid = who->uid,
                              .gid = who->gid,
                              .filter = who->filter,
                              .no_chroot = takes_root(child->role) && who->no_chroot,
                              .transparent =
                                  child->role == CHILD_WORKER && who->transparent,
                              .may_start = who->may_start};
    int fd[2] = {socket, -1};
    size_t fds = socket >= 0 ? 1 : 0;

    if (child->role == CHILD_WORKER) {
        fd[0] = child->page_fd;
        fd[1] = child->crew->shared_fd;
        fds = 2;
    }
    crew_send(child, IPC_START, &start, sizeof(start), fd, fds);
}

struct crew_child *
crew_start(struct crew *crew, enum child_role role, unsigned slot,
           const struct privdrop *who, int socket)
{
    struct crew_child *child = add_child(crew, role, slot);
    char title[64];
    struct text text;

    text_init(&text, title, sizeof(title));
    text_addf(&text, "sallyport: %s", child_role_name(role));
    if (role == CHILD_WORKER)
        text_addf(&text, " %u", slot);
    if (child == NULL || (role == CHILD_WORKER && make_page(child) < 0))
        goto fail;
    child->pid = child_start(role, title, &child->channel);
    if (child->pid < 0)
        goto fail;
    if (listen_to(child) < 0)
        (void)kill(child->pid, SIGKILL);
    send_start(child, who, socket);
    return child;
fail:
    log_error("cannot start %s: %s", title, strerror(errno));
    if (child != NULL)
        remove_child(child);
    schedule(crew, role, slot, false);
    return NULL;
}

struct crew_child *
crew_adopt(struct crew *crew, pid_t pid, unsigned slot, int channel)
{
    struct crew_child *child = add_child(crew, CHILD_WORKER, slot);

    if (child == NULL) {
        close(channel);
        return NULL;
    }
    child->pid = pid;
    child->channel = channel;
    child->state = CREW_SERVING;
    child->replaced = true;
    if (listen_to(child) < 0)
        log_error("cannot listen to worker process %d: %s", (int)pid, strerror(errno));
    return child;
}

/* ---- Talking ---- */

void
crew_send(struct crew_child *child, enum ipc_type type, const void *data, size_t len,
          const int *fd, size_t fds)
{
    if (child->channel < 0 || ipc_send(child->channel, type, data, len, fd, fds) == 0 ||
        errno == EPIPE)
        return;
    log_error("%s %u (process %d) does not take messages any more: %s; it is killed",
              child_role_name(child->role), child->slot, (int)child->pid, strerror(errno));
    (void)kill(child->pid, SIGKILL);
}

/* Sockets on their way to a worker; a message takes only so many. */
struct batch {
    struct crew_child *child;
    struct ipc_listener listener[IPC_FDS_MAX];
    int fd[IPC_FDS_MAX];
    size_t count;
};

static void
send_batch(struct batch *batch)
{
    if (batch->count > 0)
        crew_send(batch->child, IPC_LISTENERS, batch->listener,
                  batch->count * sizeof(*batch->listener), batch->fd, batch->count);
    batch->count = 0;
}

/* Count the worker's sockets; with a batch, send them. */
static uint32_t
each_socket(const struct setup *setup, const struct listeners *listeners, bool standby,
            struct batch *batch, unsigned worker)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < setup->config->frontends; i++) {
        const struct config_frontend *f = &setup->config->frontend[i];

        for (uint32_t k = 0; k < f->listens; k++) {
            const struct listener *l = listeners_find(listeners, &f->listen[k]);
            size_t sockets = l == NULL ? 0 : l->count - (standby ? 0 : l->standby);

            for (size_t n = 0; n < sockets; n++) {
                if (!listener_is_for(l, n, worker, setup->workers))
                    continue;
                count++;
                if (batch == NULL)
                    continue;
                batch->listener[batch->count] = (struct ipc_listener){i, k};
                batch->fd[batch->count++] = l->fd[n];
                if (batch->count == IPC_FDS_MAX)
                    send_batch(batch);
            }
        }
    }
    return count;
}

void
crew_send_setup(struct crew_child *child, const struct setup *setup, uint64_t generation,
                const struct listeners *listeners, bool standby)
{
    struct batch batch = {.child = child};
    struct ipc_config config = {.generation = generation};
    int fd[] = {setup->bundle, setup->key_log};

    config.listeners = each_socket(setup, listeners, standby, NULL, child->slot);
    crew_send(child, IPC_CONFIG, &config, sizeof(config), fd, setup->key_log >= 0 ? 2 : 1);
    (void)each_socket(setup, listeners, standby, &batch, child->slot);
    send_batch(&batch);
}

struct crew_child *
crew_find(struct crew *crew, enum child_role role, unsigned slot)
{
    struct crew_child *child;

    TAILQ_FOREACH (child, &crew->children, link)
        if (child->role == role && child->slot == slot && !child->replaced &&
            child->state != CREW_RETIRING)
            return child;
    return NULL;
}

void
crew_dismiss(struct crew_child *child)
{
    child->state = CREW_RETIRING;
    close_channel(child);
}

void
crew_retire(struct crew_child *child)
{
    struct ipc_drain drain = {.timeout_ms = IPC_NO_TIMEOUT};

    child->state = CREW_RETIRING;
    crew_send(child, IPC_DRAIN, &drain, sizeof(drain), NULL, 0);
}

/* ---- Ends ---- */

/* What it has counted stays; the connections that it had are gone. */
static void
settle_counters(struct crew *crew, const struct crew_child *child)
{
    if (child->page == NULL)
        return;
    stats_sum(crew->past, child->page, true);
    stats_give_back(crew->shared, child->page);
}

static void
on_child_gone(struct crew *crew, pid_t pid, int status)
{
    struct crew_child *child;

    /* NOLINTBEGIN(clang-analyzer-unix.Malloc): who was freed is not in the list */
    TAILQ_FOREACH (child, &crew->children, link)
        if (child->pid == pid)
            break;
    /* NOLINTEND(clang-analyzer-unix.Malloc) */
    if (child == NULL) {
        crew->on_stranger(crew->owner, pid, status);
        return;
    }
    take_messages(child, LAST_WORDS); /* unless somebody else has its end of the channel */
    settle_counters(crew, child);
    /* Not in the list any more: whoever looks for the slot finds it vacant. */
    TAILQ_REMOVE(&crew->children, child, link);
    crew->on_gone(crew->owner, child, status);
    replace(crew, child);
    free_child(child);
}

void
crew_reap(struct crew *crew)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        on_child_gone(crew, pid, status);
}

unsigned
crew_workers(const struct crew *crew)
{
    const struct crew_child *child;
    unsigned count = 0;

    TAILQ_FOREACH (child, &crew->children, link)
        count += child->role == CHILD_WORKER;
    return count;
}

uint64_t
crew_live(const struct crew_child *child)
{
    uint64_t live = 0;

    /* The page is the worker's, and need not be in order. */
    for (unsigned i = 0; child->page != NULL && i < STATS_FRONTS; i++) {
        if (i >= __atomic_load_n(&child->page->fronts, __ATOMIC_RELAXED))
            break;
        live += __atomic_load_n(&child->page->front[i].live, __ATOMIC_RELAXED);
    }
    return live;
}

uint64_t
crew_live_all(const struct crew *crew)
{
    const struct crew_child *child;
    uint64_t live = 0;

    TAILQ_FOREACH (child, &crew->children, link)
        live += crew_live(child);
    return live;
}

const struct stats_page *
crew_sum(struct crew *crew)
{
    const struct crew_child *child;

    stats_clear(crew->sum);
    stats_sum(crew->sum, crew->past, false);
    TAILQ_FOREACH (child, &crew->children, link)
        if (child->page != NULL)
            stats_sum(crew->sum, child->page, false);
    return crew->sum;
}
