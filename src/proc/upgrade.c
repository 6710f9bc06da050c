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
#include <sys/wait.h>
#include <unistd.h>

/*
 * The upgrade of the binary. The process stays the same, and with it whatever knows its
 * number: the new program takes its place by exec. First it has to show, as a child, that
 * it can be executed and likes the configuration (-t). Should it nevertheless fail to start
 * in our place, it goes back by exec'ing the old program, of which it holds a descriptor.
 * Meanwhile the workers go on; those of the old program retire when those of the new one
 * serve.
 */

#define MAGIC UINT32_C(0x73617531) /* with another layout, another number */
#define BACK_VARIABLE "SALLYPORT_UPGRADE_BACK"
#define TRIAL_MS 60000
#define VERDICT "the configuration is right" /* what -t says at its end */

/* ---- The trial ---- */

static void
refuse(const struct master *m, const char *why)
{
    log_error("upgrade: %s %s; going on", m->exe, why);
}

static ATTR_NORETURN void
become_trial(const struct master *m)
{
    size_t count = 0;
    char **argv;
    sigset_t none;

    while (m->argv[count] != NULL)
        count++;
    argv = calloc(count + 2, sizeof(*argv));
    if (argv == NULL || dup2(m->trial_fd, STDOUT_FILENO) < 0 ||
        dup2(m->trial_fd, STDERR_FILENO) < 0)
        _exit(127);
    argv[0] = m->argv[0];
    argv[1] = (char *)(uintptr_t) "-t";
    memcpy(argv + 2, m->argv + 1, (count - 1) * sizeof(*argv));
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execv(m->exe, argv);
    (void)dprintf(STDERR_FILENO, "%s\n", strerror(errno));
    _exit(127);
}

static void
on_trial_timeout(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct master *m = arg;

    if (m->trial != 0)
        (void)kill(m->trial, SIGKILL);
}

static void
start_trial(struct master *m)
{
    struct timeval after = clock_timeval(TRIAL_MS);

    m->trial_fd = memfd_create("sallyport-trial", MFD_CLOEXEC);
    if (m->trial_fd < 0) {
        refuse(m, "cannot be tried out: no memory");
        return;
    }
    if (m->trial_timeout == NULL)
        m->trial_timeout = evtimer_new(m->base, on_trial_timeout, m);
    if (m->trial_timeout != NULL)
        (void)event_add(m->trial_timeout, &after);
    m->trial = fork();
    if (m->trial == 0)
        become_trial(m);
    if (m->trial < 0) {
        m->trial = 0;
        refuse(m, "cannot be tried out: no process can be started");
    }
}

void
upgrade_begin(struct master *m)
{
    if (m->state != VIEW_READY || m->reload.next != NULL)
        log_error("upgrade: not now; sallyport is starting, stopping or reloading");
    else if (m->demo_fd >= 0)
        log_error("upgrade: not with --demo");
    else if (m->exe == NULL)
        log_error("upgrade: the path of this program is not known");
    else if (m->trial == 0)
        start_trial(m);
}

/* ---- Handing over ---- */

/* The descriptor survives exec; close-on-exec again should that fail. */
static void
keep(int fd, bool over_exec)
{
    if (fd >= 0)
        (void)fcntl(fd, F_SETFD, over_exec ? 0 : FD_CLOEXEC);
}

static void
keep_all(struct master *m, bool over_exec)
{
    struct crew_child *child;

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
        pack_blob(p, place->ticket_keys, sizeof(place->ticket_keys));
    }
    pack_string(p, NULL);
}

static void
pack_master(const struct master *m, int old_exe, struct pack *p)
{
    pack_u32(p, MAGIC);
    pack_u32(p, (uint32_t)old_exe);
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

/* Signals wait until the new program takes them. Returns only if it could not be done. */
static void
exec_with(const struct master *m, int memory, int old_exe)
{
    char number[16];
    sigset_t all, before;

    (void)snprintf(number, sizeof(number), "%d", memory);
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    keep(memory, true);
    keep(old_exe, true);
    if (setenv(UPGRADE_VARIABLE, number, 1) == 0 && systemd_export() == 0)
        (void)execv(m->exe, m->argv);
    log_error("upgrade: %s cannot be executed: %s; going on", m->exe, strerror(errno));
    (void)unsetenv(UPGRADE_VARIABLE);
    systemd_init();
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

static void
hand_over(struct master *m)
{
    int old_exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), memory = -1;
    struct pack p = {0};

    if (m->pump != NULL)
        logpump_flush(m->pump);
    pack_master(m, old_exe, &p);
    if (!p.failed)
        memory = seal_make("sallyport-upgrade", p.data, p.len);
    pack_clear(&p);
    if (memory < 0) {
        refuse(m, "cannot take over: out of memory");
    } else {
        keep_all(m, true);
        exec_with(m, memory, old_exe);
        keep_all(m, false);
        close(memory);
    }
    if (old_exe >= 0)
        close(old_exe);
}

/* The first line of what the trial said into buf, and whether the verdict is somewhere in
 * it. */
static bool
read_trial(const struct master *m, char *buf, size_t size)
{
    char all[4096];
    ssize_t len = pread(m->trial_fd, all, sizeof(all) - 1, 0);
    struct text line;

    all[len > 0 ? len : 0] = '\0';
    text_init(&line, buf, size);
    text_add_bytes(&line, all, strcspn(all, "\n"));
    return strstr(all, VERDICT) != NULL;
}

void
upgrade_on_trial_end(struct master *m, int status)
{
    char said[512], why[640];
    bool good =
        read_trial(m, said, sizeof(said)) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    struct text text;

    m->trial = 0;
    (void)event_del(m->trial_timeout);
    close(m->trial_fd);
    m->trial_fd = -1;
    if (m->state == VIEW_DRAINING)
        return;
    if (good) {
        hand_over(m);
    } else {
        text_init(&text, why, sizeof(why));
        if (WIFSIGNALED(status))
            text_addf(&text, "was killed by signal %d", WTERMSIG(status));
        else if (WEXITSTATUS(status) == 127)
            text_add(&text, "cannot be executed");
        else if (WEXITSTATUS(status) == 0)
            text_add(&text, "is no sallyport: called with -t it gives no verdict");
        else
            text_addf(&text, "-t ended with status %d", WEXITSTATUS(status));
        text_addf(&text, "%s%s", said[0] != '\0' ? ": " : "", said);
        refuse(m, why);
    }
    supervise_check(m); /* a SIGHUP may have come meanwhile */
}

/* ---- Taking over ---- */

static int
unpack_places(struct master *m, struct unpack *u)
{
    const char *name;

    while ((name = unpack_string(u)) != NULL) {
        size_t len;
        const void *keys = unpack_blob(u, &len);
        struct setup_place *place = setup_place(&m->places, name);

        if (place == NULL || len != sizeof(place->ticket_keys))
            return -1;
        memcpy(place->ticket_keys, keys, len);
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

    m->upgrade = (struct master_upgrade){
        .memory = -1, .old_exe = -1, .pump_read = -1, .pump_write = -1};
    if (number == NULL)
        return 0;
    m->upgrade.memory = (int)strtol(number, NULL, 10);
    (void)unsetenv(UPGRADE_VARIABLE);
    keep(m->upgrade.memory, false);
    data = seal_map(m->upgrade.memory, &len);
    if (data == NULL)
        return -1;
    m->news = MASTER_UPGRADED;
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
    *up = (struct master_upgrade){
        .memory = -1, .old_exe = -1, .pump_read = -1, .pump_write = -1};
}

void
upgrade_go_back(struct master *m)
{
    struct master_upgrade *up = &m->upgrade;
    char number[16];

    if (up->memory < 0 || up->old_exe < 0 || getenv(BACK_VARIABLE) != NULL)
        return;
    log_error("upgrade: this program cannot start; going back to the one of before");
    for (size_t i = 0; i < up->workers; i++)
        keep(up->worker[i].channel, true);
    listeners_keep(&m->listeners, true);
    keep(m->admin_fd, true);
    keep(pidfile_fd(), true);
    keep(up->memory, true);
    (void)snprintf(number, sizeof(number), "%d", up->memory);
    if (setenv(UPGRADE_VARIABLE, number, 1) == 0 && setenv(BACK_VARIABLE, "1", 1) == 0 &&
        systemd_export() == 0)
        (void)fexecve(up->old_exe, m->argv, environ);
    log_error("upgrade: the program of before cannot be executed: %s", strerror(errno));
}
