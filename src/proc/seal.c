/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int
fail(int fd)
{
    int saved = errno;

    close(fd);
    errno = saved;
    return -1;
}

int
seal_make(const char *name, const void *data, size_t len)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t written = 0;

    if (fd < 0)
        return -1;
    while (written < len) {
        ssize_t n = write(fd, (const char *)data + written, len - written);

        if (n < 0 && errno != EINTR)
            return fail(fd);
        written += n > 0 ? (size_t)n : 0;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) <
        0)
        return fail(fd);
    return fd;
}

int
seal_make_shared(const char *name, size_t size)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return -1;
    /* Whoever cut it short would kill the others with SIGBUS. */
    if (ftruncate(fd, (off_t)size) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) < 0)
        return fail(fd);
    return fd;
}

void *
seal_map(int fd, size_t *len)
{
    struct stat status;
    void *map;

    if (fstat(fd, &status) < 0)
        return NULL;
    *len = (size_t)status.st_size;
    map = mmap(NULL, *len, PROT_READ, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

void *
seal_map_shared(int fd, size_t size)
{
    struct stat status;
    void *map;

    if (fstat(fd, &status) < 0)
        return NULL;
    if ((size_t)status.st_size < size) {
        errno = EINVAL;
        return NULL;
    }
    map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}
