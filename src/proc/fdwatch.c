/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/fdwatch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel gives the lowest one that is free. */
static int
lowest_free_fd(const struct fdwatch *watch)
{
    int fd = fcntl(watch->open_fd, F_DUPFD_CLOEXEC, 0);

    if (fd >= 0)
        close(fd);
    return fd;
}

int
fdwatch_init(struct fdwatch *watch, int open_fd)
{
    memset(watch, 0, sizeof(*watch));
    watch->open_fd = open_fd;
    watch->first_fd = lowest_free_fd(watch);
    return watch->first_fd < 0 ? -1 : 0;
}

bool
fdwatch_is_full(const struct fdwatch *watch)
{
    int fd = lowest_free_fd(watch);

    return fd < 0 || fd >= watch->first_fd + FDWATCH_MAX;
}

/* No two sockets ever have the same: so a descriptor that was used again is told from the
 * old one. */
static uint64_t
cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof(cookie);

    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

unsigned
fdwatch_sweep(struct fdwatch *watch, uint64_t now_ms, uint32_t life_ms)
{
    unsigned count = 0;

    for (int i = 0; i < FDWATCH_MAX; i++) {
        uint64_t cookie = cookie_of(watch->first_fd + i);

        if (cookie != watch->seen[i].cookie) {
            watch->seen[i].cookie = cookie;
            watch->seen[i].since_ms = now_ms;
        }
        if (cookie == 0)
            continue;
        count++;
        if (now_ms - watch->seen[i].since_ms > life_ms)
            (void)shutdown(watch->first_fd + i, SHUT_RDWR);
    }
    return count;
}
