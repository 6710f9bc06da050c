/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/child.h"

#include "base/log.h"
#include "base/text.h"
#include "proc/sandbox.h"

#include <errno.h>
#include <event2/util.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static const char *const names[CHILD_ROLES] = {
    [CHILD_WORKER] = "worker",
    [CHILD_ADMIN] = "admin",
    [CHILD_DEMO] = "demo",
    [CHILD_KEEPER] = "keeper",
};

const char *
child_role_name(enum child_role role)
{
    return names[role];
}

enum child_role
child_role_find(const char *name)
{
    enum child_role role = CHILD_WORKER;

    while (role < CHILD_ROLES && strcmp(names[role], name) != 0)
        role++;
    return role;
}

/* Between fork and exec. All other descriptors are close-on-exec. */
static ATTR_NORETURN void
become(char *const argv[], char *const envp[], int channel)
{
    sigset_t none;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (channel == IPC_CHILD_FD ? fcntl(channel, F_SETFD, 0) == 0
                                : dup2(channel, IPC_CHILD_FD) >= 0)
        (void)execve("/proc/self/exe", argv, envp);
    _exit(CHILD_NOT_EXECUTED);
}

/* Our environment and the variable that tells the role. The array is the caller's. */
static char **
make_environment(char *variable)
{
    size_t count = 0, kept = 0;
    char **env;

    while (environ[count] != NULL)
        count++;
    env = calloc(count + 2, sizeof(*env));
    for (size_t i = 0; env != NULL && i < count; i++)
        if (strncmp(environ[i], CHILD_VARIABLE "=", strlen(CHILD_VARIABLE "=")) != 0)
            env[kept++] = environ[i];
    if (env != NULL)
        env[kept] = variable;
    return env;
}

pid_t
child_start(enum child_role role, const char *title, int *channel)
{
    char *argv[] = {(char *)(uintptr_t)title, NULL}, **env, variable[64];
    struct text text;
    int end[2], saved;
    pid_t pid;

    text_init(&text, variable, sizeof(variable));
    text_addf(&text, CHILD_VARIABLE "=%s", names[role]);
    env = make_environment(variable);
    if (env == NULL || ipc_pair(end) < 0) {
        free(env);
        return -1;
    }
    pid = fork();
    if (pid == 0)
        become(argv, env, end[1]);
    saved = errno;
    free(env);
    close(end[1]);
    *channel = end[0];
    if (pid < 0)
        close(end[0]);
    errno = saved;
    return pid;
}

/* Returns 0 with a message of that type, or -1. */
static int
await(int channel, enum ipc_type type, struct ipc_message *message)
{
    struct pollfd pollfd = {.fd = channel, .events = POLLIN};
    enum ipc_result result;

    do {
        (void)poll(&pollfd, 1, -1);
        result = ipc_receive(channel, message);
    } while (result == IPC_NOTHING);
    return result == IPC_MESSAGE && message->type == type ? 0 : -1;
}

void
child_use_log(struct ipc_message *message)
{
    if (message->fds != 1)
        return;
    log_attach(message->fd[0], message->u.log.framed != 0, message->u.log.level,
               message->u.log.format);
    message->fd[0] = -1;
}

/* A sanitizer has nothing but stderr for what it finds. */
static void
leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && null >= 0; fd++)
        if (fd != STDERR_FILENO || sandbox_is_built())
            (void)dup2(null, fd);
    if (null >= 0)
        close(null);
}

int
child_begin(int channel, struct ipc_message *start)
{
    static const int ignored[] = {SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGTERM};
    struct ipc_message log;

    for (size_t i = 0; i < COUNT_OF(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
    (void)prctl(PR_SET_NAME, "sallyport");
    (void)fcntl(channel, F_SETFD, FD_CLOEXEC);
    if (await(channel, IPC_START, start) < 0 || await(channel, IPC_LOG, &log) < 0)
        return -1;
    child_use_log(&log);
    leave_terminal();
    return 0;
}

int
child_confine(const struct ipc_start *start)
{
    /* LeakSanitizer needs /proc. */
    const struct privdrop who = {.root = start->root != 0,
                                 .uid = start->uid,
                                 .gid = start->gid,
                                 .filter = start->filter != 0,
                                 .transparent = start->transparent != 0,
                                 .no_chroot = start->no_chroot != 0 || !sandbox_is_built(),
                                 .may_start = start->may_start != 0};

    tzset();
    (void)evutil_secure_rng_init();
    (void)OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS, NULL);
    return privdrop_perform(&who);
}
