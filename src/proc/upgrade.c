/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/master.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/pack.h"
#include "proc/pidfile.h"
#include "proc/seal.h"
#include "proc/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * The new program takes the old one's place by exec. Should it fail to start there in spite
 * of its trial (proc/trial), it goes back by exec'ing the old program, of which it holds a
 * descriptor, and which finds its configuration in the bundle that it was in force with.
 * Meanwhile the workers go on; those of the old program retire when those of the new one
 * serve.
 */

#define MAGIC UINT32_C(0x73617533) /* with another layout, another number */
#define BACK_VARIABLE "SALLYPORT_UPGRADE_BACK"

/* ---- Handing over ---- */

/* The descriptor survives exec; close-on-exec again should that fail. */
static void
keep(int fd, bool over_exec)
{
    if (fd >= 0)
        (void)fcntl(fd, F_SETFD, over_exec ? 0 : FD_CLOEXEC);
}

void
upgrade_keep(const struct master *m, int memory, bool over_exec)
{
    const struct crew_child *child;

    keep(memory, over_exec);
    keep(m->setup->bundle, over_exec);
    keep(m->setup->keys, over_exec);
    TAILQ_FOREACH (child, &m->crew.children, link)
        if (child->role == CHILD_WORKER)
            keep(child->channel, over_exec);
    listeners_keep(&m->listeners, over_exec);
    keep(m->admin_fd, over_exec);
    keep(pidfile_fd(), over_exec);
    if (m->pump != NULL) {
        keep(logpump_fd(m->pump), over_exec);
        keep(logpump_read_fd(m->pump), over_exec);
    }
}

static void
pack_workers(const struct master *m, struct pack *p)
{
    const struct crew_child *child;

    pack_u32(p, crew_workers(&m->crew));
    TAILQ_FOREACH (child, &m->crew.children, link) {
        if (child->role != CHILD_WORKER)
            continue;
        pack_u32(p, (uint32_t)child->pid);
        pack_u32(p, child->slot);
        pack_u32(p, (uint32_t)child->channel);
    }
}

static void
pack_places(const struct master *m, struct pack *p)
{
    for (size_t i = 0; i < STATS_FRONTS; i++) {
        const struct setup_place *place = &m->places.item[i];

        if (place->name == NULL)
            continue;
        pack_string(p, place->name);
        pack_blob(p, place->ticket_secret, sizeof(place->ticket_secret));
    }
    pack_string(p, NULL);
}

static void
pack_master(const struct master *m, int old_exe, struct pack *p)
{
    pack_u32(p, MAGIC);
    pack_u32(p, (uint32_t)old_exe);
    pack_string(p, m->exe);
    pack_u32(p, (uint32_t)m->setup->bundle);
    pack_u32(p, (uint32_t)m->setup->keys);
    listeners_pack(&m->listeners, p);
    pack_workers(m, p);
    pack_places(m, p);
    pack_u32(p, (uint32_t)m->admin_fd);
    pack_addr(p, &m->admin_addr);
    pack_u32(p, m->pump != NULL ? (uint32_t)logpump_read_fd(m->pump) : UINT32_MAX);
    pack_u32(p, m->pump != NULL ? (uint32_t)logpump_fd(m->pump) : UINT32_MAX);
    pack_u32(p, (uint32_t)pidfile_fd());
    pack_string(p, pidfile_fd() >= 0 ? m->setup->config->pidfile.text : NULL);
}

int
upgrade_seal(const struct master *m, int old_exe)
{
    struct pack p = {0};
    int memory = -1;

    pack_master(m, old_exe, &p);
    if (!p.failed)
        memory = seal_make("sallyport-upgrade", p.data, p.len);
    pack_clear(&p);
    return memory;
}

/* Returns only if it could not be done. */
static void
exec_with(const struct master *m, int memory, int old_exe)
{
    if (upgrade_set_variable(memory) == 0 && systemd_export() == 0) {
        upgrade_keep(m, memory, true);
        keep(old_exe, true);
        (void)execv(m->exe, m->argv);
    }
    log_error("upgrade: %s cannot be executed: %s; going on", m->exe, strerror(errno));
    upgrade_keep(m, memory, false);
    (void)unsetenv(UPGRADE_VARIABLE);
    systemd_init();
}

static void
hand_over(const struct master *m)
{
    int old_exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int memory = upgrade_seal(m, old_exe);

    if (m->pump != NULL)
        logpump_flush(m->pump);
    if (memory >= 0)
        exec_with(m, memory, old_exe);
    else
        log_error("upgrade: %s cannot take over: out of memory; going on", m->exe);
    if (memory >= 0)
        close(memory);
    if (old_exe >= 0)
        close(old_exe);
}

/*
 * Signals wait until the new program takes them; those that libevent knows of already would
 * be lost with it, and come first.
 */
void
upgrade_hand_over(struct master *m)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    (void)event_base_loop(m->base, EVLOOP_NONBLOCK);
    m->trial_passed = false;
    if (m->state != VIEW_DRAINING)
        hand_over(m);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    supervise_check(m); /* a SIGHUP may have come meanwhile */
}

int
upgrade_set_variable(int memory)
{
    char number[16];

    (void)snprintf(number, sizeof(number), "%d", memory);
    return setenv(UPGRADE_VARIABLE, number, 1);
}

/* ---- Taking over ---- */

static const struct master_upgrade nothing = {.memory = -1,
                                              .old_exe = -1,
                                              .bundle = -1,
                                              .keys = -1,
                                              .pump_read = -1,
                                              .pump_write = -1};

static int
unpack_places(struct master *m, struct unpack *u)
{
    const char *name;

    while ((name = unpack_string(u)) != NULL) {
        size_t len;
        const void *secret = unpack_blob(u, &len);

        if (setup_place_restore(&m->places, name, secret, len) < 0)
            return -1;
    }
    return u->failed ? -1 : 0;
}

static int
unpack_workers(struct master_upgrade *up, struct unpack *u)
{
    up->workers = unpack_count(u, 3 * sizeof(uint32_t));
    up->worker = calloc(up->workers + 1, sizeof(*up->worker));
    if (up->worker == NULL)
        return -1;
    for (size_t i = 0; i < up->workers; i++) {
        up->worker[i].pid = (pid_t)unpack_u32(u);
        up->worker[i].slot = unpack_u32(u);
        up->worker[i].channel = (int)unpack_u32(u);
        keep(up->worker[i].channel, false);
    }
    return 0;
}

static int
unpack_master(struct master *m, struct unpack *u)
{
    struct master_upgrade *up = &m->upgrade;
    const char *path;
    int fd;

    if (unpack_u32(u) != MAGIC)
        return -1;
    up->old_exe = (int)unpack_u32(u);
    keep(up->old_exe, false);
    path = unpack_string(u);
    m->exe = path != NULL ? strdup(path) : NULL;
    up->bundle = (int)unpack_u32(u);
    keep(up->bundle, false);
    up->keys = (int)unpack_u32(u);
    keep(up->keys, false);
    if (listeners_unpack(&m->listeners, u) < 0 || unpack_workers(up, u) < 0 ||
        unpack_places(m, u) < 0)
        return -1;
    m->admin_fd = (int)unpack_u32(u);
    keep(m->admin_fd, false);
    unpack_addr(u, &m->admin_addr);
    up->pump_read = (int)unpack_u32(u);
    up->pump_write = (int)unpack_u32(u);
    fd = (int)unpack_u32(u);
    path = unpack_string(u);
    if (fd >= 0 && path != NULL && pidfile_adopt(fd, path) < 0)
        log_warning("upgrade: %s is not ours any more", path);
    return u->failed ? -1 : 0;
}

int
upgrade_adopt(struct master *m)
{
    const char *number = getenv(UPGRADE_VARIABLE);
    struct unpack u;
    void *data;
    size_t len;
    int status;

    m->upgrade = nothing;
    if (number == NULL)
        return 0;
    m->upgrade.memory = (int)strtol(number, NULL, 10);
    m->upgrade.is_back = getenv(BACK_VARIABLE) != NULL;
    (void)unsetenv(UPGRADE_VARIABLE);
    (void)unsetenv(BACK_VARIABLE); /* the next one may go back again */
    keep(m->upgrade.memory, false);
    data = seal_map(m->upgrade.memory, &len);
    if (data == NULL)
        return -1;
    m->news = m->upgrade.is_back ? MASTER_WENT_BACK : MASTER_UPGRADED;
    unpack_init(&u, data, len);
    status = unpack_master(m, &u);
    (void)munmap(data, len);
    return status;
}

void
upgrade_take_workers(struct master *m)
{
    struct master_upgrade *up = &m->upgrade;

    if (up->pump_read >= 0 && up->pump_write >= 0) {
        keep(up->pump_read, false);
        keep(up->pump_write, false);
        m->pump = logpump_adopt(m->base, up->pump_read, up->pump_write);
    }
    for (size_t i = 0; i < up->workers; i++)
        if (crew_adopt(&m->crew, up->worker[i].pid, up->worker[i].slot,
                       up->worker[i].channel) == NULL)
            log_error("worker process %d of before is left to itself: out of memory",
                      (int)up->worker[i].pid);
    upgrade_clear(m);
}

void
upgrade_clear(struct master *m)
{
    struct master_upgrade *up = &m->upgrade;

    free(up->worker);
    if (up->memory >= 0)
        close(up->memory);
    if (up->old_exe >= 0)
        close(up->old_exe);
    if (up->bundle >= 0)
        close(up->bundle);
    if (up->keys >= 0)
        close(up->keys);
    *up = nothing;
}

void
upgrade_go_back(struct master *m)
{
    struct master_upgrade *up = &m->upgrade;

    if (up->memory < 0 || up->old_exe < 0 || up->is_back)
        return;
    log_error("upgrade: this program cannot start; going back to the one of before");
    for (size_t i = 0; i < up->workers; i++)
        keep(up->worker[i].channel, true);
    listeners_keep(&m->listeners, true);
    keep(m->admin_fd, true);
    keep(pidfile_fd(), true);
    keep(up->bundle, true);
    keep(up->keys, true);
    keep(up->memory, true);
    if (upgrade_set_variable(up->memory) == 0 && setenv(BACK_VARIABLE, "1", 1) == 0 &&
        systemd_export() == 0)
        (void)fexecve(up->old_exe, m->argv, environ);
    log_error("upgrade: the program of before cannot be executed: %s", strerror(errno));
}
