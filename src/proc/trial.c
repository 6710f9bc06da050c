/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/master.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "proc/prepare.h"
#include "proc/systemd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Before another binary takes over it has to show, as a child, that it can be executed and
 * would get as far as serving: it is called with -t and with everything that it would get,
 * and does all that a start does short of listening (upgrade_rehearse).
 */

#define TRIAL_MS 60000
#define VERDICT "the configuration is right" /* what -t says at its end */

/* ---- In the old program ---- */

static void
refuse(const struct master *m, const char *why)
{
    log_error("upgrade: %s %s; going on", m->exe, why);
}

/* The descriptors of a child are its own: the master's stay close-on-exec. */
static int
lend(const struct master *m, int memory)
{
    char number[16];

    if (dup2(m->trial_fd, STDOUT_FILENO) < 0 || dup2(m->trial_fd, STDERR_FILENO) < 0 ||
        upgrade_set_variable(memory) < 0 || systemd_export() < 0)
        return -1;
    upgrade_keep(m, memory, true);
    (void)snprintf(number, sizeof(number), "%d", (int)getpid());
    return setenv("LISTEN_PID", number, 1);
}

static ATTR_NORETURN void
become_trial(const struct master *m, int memory)
{
    size_t count = 0;
    char **argv;
    sigset_t none;

    while (m->argv[count] != NULL)
        count++;
    argv = calloc(count + 2, sizeof(*argv));
    if (argv == NULL || lend(m, memory) < 0)
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
limit_trial(struct master *m)
{
    struct timeval after = clock_timeval(TRIAL_MS);

    if (m->trial_timeout == NULL)
        m->trial_timeout = evtimer_new(m->base, on_trial_timeout, m);
    if (m->trial_timeout != NULL)
        (void)event_add(m->trial_timeout, &after);
}

static void
end_trial(struct master *m)
{
    m->trial = 0;
    if (m->trial_timeout != NULL)
        (void)event_del(m->trial_timeout);
    if (m->trial_fd >= 0)
        close(m->trial_fd);
    m->trial_fd = -1;
}

static void
start_trial(struct master *m)
{
    int memory = upgrade_seal(m, -1);

    m->trial_fd = memfd_create("sallyport-trial", MFD_CLOEXEC);
    if (memory >= 0 && m->trial_fd >= 0)
        m->trial = fork();
    else
        m->trial = -1;
    if (m->trial == 0)
        become_trial(m, memory);
    if (m->trial < 0) {
        log_error("upgrade: %s cannot be tried out: %s; going on", m->exe, strerror(errno));
        end_trial(m);
    } else {
        limit_trial(m);
    }
    if (memory >= 0)
        close(memory);
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
    else if (!upgrade_is_under_way(m))
        start_trial(m);
}

bool
upgrade_is_under_way(const struct master *m)
{
    return m->trial != 0 || m->trial_passed;
}

/* The first line of what the trial said into buf, and whether the verdict is at its end:
 * there may be many warnings. */
static bool
read_trial(const struct master *m, char *buf, size_t size)
{
    char bytes[4096];
    off_t end = lseek(m->trial_fd, 0, SEEK_END);
    off_t room = sizeof(bytes) - 1;
    ssize_t len = pread(m->trial_fd, bytes, sizeof(bytes) - 1, 0);
    struct text line;

    bytes[len > 0 ? len : 0] = '\0';
    text_init(&line, buf, size);
    text_add_bytes(&line, bytes, strcspn(bytes, "\n"));
    len = pread(m->trial_fd, bytes, sizeof(bytes) - 1, end > room ? end - room : 0);
    bytes[len > 0 ? len : 0] = '\0';
    return strstr(bytes, VERDICT) != NULL;
}

static void
explain(int status, const char *said, struct text *text)
{
    if (WIFSIGNALED(status))
        text_addf(text, "was killed by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) == 127)
        text_add(text, "cannot be executed");
    else if (WEXITSTATUS(status) == 0)
        text_add(text, "is no sallyport: called with -t it gives no verdict");
    else
        text_addf(text, "-t ended with status %d", WEXITSTATUS(status));
    text_addf(text, "%s%s", said[0] != '\0' ? ": " : "", said);
}

void
upgrade_on_trial_end(struct master *m, int status)
{
    char said[512], why[640];
    bool good =
        read_trial(m, said, sizeof(said)) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    struct text text;

    end_trial(m);
    if (m->state == VIEW_DRAINING)
        return;
    m->trial_passed = good;
    if (good)
        return; /* upgrade_hand_over follows after this turn of the loop */
    text_init(&text, why, sizeof(why));
    explain(status, said, &text);
    refuse(m, why);
    supervise_check(m); /* a SIGHUP may have come meanwhile */
}

/* ---- In the new one ---- */

void
upgrade_rehearse(struct setup *setup, struct diag *diag)
{
    static struct master master; /* large, and of no use after this */
    struct master *m = &master;

    if (getenv(UPGRADE_VARIABLE) == NULL)
        return;
    *m = (struct master){.admin_fd = -1, .reload.admin_fd = -1};
    listeners_init(&m->listeners);
    systemd_init();
    if (upgrade_adopt(m) < 0)
        diag_error(diag, (struct pos){setup->config->file, 0},
                   "what the running program hands over is not understood");
    else
        prepare_setup(m, setup, diag);
    prepare_forget(m);
    listeners_clear(&m->listeners);
    setup_places_clear(&m->places);
    upgrade_clear(m);
    free(m->exe);
}
