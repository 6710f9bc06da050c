/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/systemd.h"

#include "base/addr.h"
#include "base/clock.h"
#include "base/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */
#define FDS_MAX 1024
#define STATE_SIZE 2048

enum variable {
    NOTIFY_SOCKET,
    WATCHDOG_USEC,
    WATCHDOG_PID,
    LISTEN_PID,
    LISTEN_FDS,
    LISTEN_FDNAMES,
    VARIABLES
};

static const char *const variables[VARIABLES] = {
    [NOTIFY_SOCKET] = "NOTIFY_SOCKET", [WATCHDOG_USEC] = "WATCHDOG_USEC",
    [WATCHDOG_PID] = "WATCHDOG_PID",   [LISTEN_PID] = "LISTEN_PID",
    [LISTEN_FDS] = "LISTEN_FDS",       [LISTEN_FDNAMES] = "LISTEN_FDNAMES",
};

static struct {
    char *value[VARIABLES]; /* NULL: it was not there */
    unsigned fds;           /* how many there should be, from FIRST_FD on */
    bool is_there[FDS_MAX]; /* what is opened later under their numbers is ours */
    uint32_t watchdog_ms;
} state;

static bool
number_of(enum variable variable, uint64_t *number)
{
    const char *value = state.value[variable];

    return value != NULL && text_parse_number(value, number) == 0;
}

static bool
is_ours(enum variable pid_variable)
{
    uint64_t pid;

    return number_of(pid_variable, &pid) && pid == (uint64_t)getpid();
}

/* 0, or -1 where the descriptor is not open. */
static int
set_close_on_exec(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFD);

    if (flags < 0)
        return -1;
    return fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC);
}

static void
take_sockets(void)
{
    uint64_t count;

    state.fds = 0;
    if (!is_ours(LISTEN_PID) || !number_of(LISTEN_FDS, &count))
        return;
    state.fds = count < FDS_MAX ? (unsigned)count : FDS_MAX;
    for (unsigned i = 0; i < state.fds; i++)
        state.is_there[i] = set_close_on_exec(FIRST_FD + (int)i, true) == 0;
}

/* Without WATCHDOG_PID it is meant for whoever reads it. */
static void
take_watchdog(void)
{
    uint64_t us;

    state.watchdog_ms = 0;
    if (!number_of(WATCHDOG_USEC, &us) || us == 0 ||
        (state.value[WATCHDOG_PID] != NULL && !is_ours(WATCHDOG_PID)))
        return;
    us /= 2000;
    state.watchdog_ms = us == 0 ? 1 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

void
systemd_init(void)
{
    for (size_t i = 0; i < VARIABLES; i++) {
        const char *value = getenv(variables[i]);

        free(state.value[i]);
        state.value[i] = value != NULL ? strdup(value) : NULL;
        unsetenv(variables[i]);
    }
    take_sockets();
    take_watchdog();
}

int
systemd_export(void)
{
    for (size_t i = 0; i < VARIABLES; i++)
        if (state.value[i] != NULL && setenv(variables[i], state.value[i], 1) < 0)
            return -1;
    for (unsigned i = 0; i < state.fds; i++)
        if (state.is_there[i] && set_close_on_exec(FIRST_FD + (int)i, false) < 0)
            return -1;
    return 0;
}

static void
send_state(const char *words, size_t len)
{
    struct addr addr;
    int fd;

    if (addr_from_unix(&addr, state.value[NOTIFY_SOCKET]) < 0)
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, words, len, MSG_NOSIGNAL, &addr.u.sa, addr.len);
    close(fd);
}

void
systemd_notify(const char *format, ...)
{
    char words[STATE_SIZE];
    va_list args;
    int len;

    if (state.value[NOTIFY_SOCKET] == NULL)
        return;
    va_start(args, format);
    len = vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    if (len > 0 && (size_t)len < sizeof(words))
        send_state(words, (size_t)len);
}

void
systemd_notify_reloading(void)
{
    systemd_notify("RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_us());
}

uint32_t
systemd_watchdog_ms(void)
{
    return state.watchdog_ms;
}

/* The name of passed socket i, not terminated by NUL; "unknown" where systemd gave none. */
static const char *
name_of(unsigned i, size_t *len)
{
    const char *at = state.value[LISTEN_FDNAMES];

    while (at != NULL && i-- > 0) {
        at = strchr(at, ':');
        if (at != NULL)
            at++;
    }
    if (at == NULL)
        at = "unknown";
    *len = strcspn(at, ":");
    return at;
}

size_t
systemd_sockets(const char *name, int *fd, size_t max)
{
    size_t count = 0, len;

    for (unsigned i = 0; i < state.fds; i++) {
        const char *own = name_of(i, &len);

        if (len != strlen(name) || memcmp(own, name, len) != 0 || !state.is_there[i])
            continue;
        if (count < max)
            fd[count] = FIRST_FD + (int)i;
        count++;
    }
    return count;
}

/* Has one of those before it the same name? */
static bool
is_repeated(unsigned i)
{
    size_t len, other_len;
    const char *name = name_of(i, &len);

    for (unsigned k = 0; k < i; k++) {
        const char *other = name_of(k, &other_len);

        if (other_len == len && memcmp(other, name, len) == 0 && state.is_there[k])
            return true;
    }
    return false;
}

const char *
systemd_socket_names(void)
{
    static char words[512];
    struct text text;
    size_t len;

    text_init(&text, words, sizeof(words));
    for (unsigned i = 0; i < state.fds; i++) {
        const char *name = name_of(i, &len);

        if (!state.is_there[i] || is_repeated(i))
            continue;
        if (text.len > 0)
            text_add(&text, ", ");
        text_add_bytes(&text, name, len);
    }
    if (text.len == 0)
        text_add(&text, "none");
    return words;
}
