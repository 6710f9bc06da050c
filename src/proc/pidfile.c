/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/pidfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Others that begin at the same moment may replace the file under us, but not for ever. */
#define TRIES 8

static struct {
    int fd; /* locked; -1: none */
    char path[PATH_MAX];
} held = {.fd = -1};

/* The last complaint of pidfile_write. */
static char complaint[PATH_MAX + 128];

static const char *
complain(const char *path, const char *what)
{
    snprintf(complaint, sizeof(complaint), "cannot write the pidfile %s: %s", path, what);
    return complaint;
}

/* Is what path leads to the open file? */
static bool
is_same(int fd, const char *path)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/*
 * A process id and a newline, or nothing: anything else is no pidfile, and not ours to
 * replace.
 */
static bool
looks_right(int fd)
{
    char bytes[16];
    ssize_t len = pread(fd, bytes, sizeof(bytes), 0), digits = 0;

    if (len < 0 || len == (ssize_t)sizeof(bytes))
        return false;
    while (digits < len && isdigit((unsigned char)bytes[digits]))
        digits++;
    if (digits == len)
        return true;
    return digits > 0 && digits == len - 1 && bytes[digits] == '\n';
}

static const char *
complain_of_owner(const char *path, int fd)
{
    char words[64], bytes[16] = "";
    long pid = 0;

    if (pread(fd, bytes, sizeof(bytes) - 1, 0) > 0)
        pid = strtol(bytes, NULL, 10);
    snprintf(words, sizeof(words), "sallyport runs already, with the process id %ld", pid);
    return complain(path, words);
}

/*
 * What is there already: *fd is the file, locked, or -1 if there is none. Whoever has the
 * lock of a file that is still in its place is the only one that may replace it.
 */
static const char *
lock_old(const char *path, int *fd)
{
    for (int i = 0; i < TRIES; i++) {
        struct stat status;
        const char *wrong = NULL;

        *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (*fd < 0)
            return errno == ENOENT ? NULL : complain(path, strerror(errno));
        if (fstat(*fd, &status) < 0 || !S_ISREG(status.st_mode) || !looks_right(*fd))
            wrong = complain(path, "it is there and holds something else");
        else if (flock(*fd, LOCK_EX | LOCK_NB) < 0)
            wrong = errno == EWOULDBLOCK ? complain_of_owner(path, *fd)
                                         : complain(path, strerror(errno));
        else if (is_same(*fd, path))
            return NULL;
        close(*fd);
        if (wrong != NULL)
            return wrong;
    }
    *fd = -1;
    return complain(path, "others are doing the same");
}

/* A new file beside path, locked and written. Returns it, or -1 with errno. */
static int
make_new(const char *path, char *beside, size_t size)
{
    int fd, len = snprintf(beside, size, "%s.XXXXXX", path);

    if (len < 0 || (size_t)len >= size) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fchmod(fd, 0644) == 0 &&
        dprintf(fd, "%ld\n", (long)getpid()) > 0)
        return fd;
    (void)unlink(beside);
    close(fd);
    return -1;
}

/* Where none was, none may have appeared: link() does not replace, as rename() does. */
static int
put_in_place(const char *beside, const char *path, bool replace)
{
    int failed = replace ? rename(beside, path) : link(beside, path);
    int saved_errno = errno;

    if (failed || !replace)
        (void)unlink(beside);
    errno = saved_errno;
    return failed;
}

static const char *
write_new(const char *path, int old)
{
    char beside[PATH_MAX];
    int fd = make_new(path, beside, sizeof(beside));

    if (fd < 0)
        return complain(path, strerror(errno));
    if (put_in_place(beside, path, old >= 0) < 0) {
        const char *wrong = complain(path, strerror(errno));

        close(fd);
        return wrong;
    }
    pidfile_remove();
    held.fd = fd;
    snprintf(held.path, sizeof(held.path), "%s", path);
    return NULL;
}

const char *
pidfile_write(const char *path)
{
    const char *wrong;
    int old;

    if (held.fd >= 0 && is_same(held.fd, path))
        return NULL;
    wrong = lock_old(path, &old);
    if (wrong != NULL)
        return wrong;
    wrong = write_new(path, old);
    if (old >= 0)
        close(old);
    return wrong;
}

void
pidfile_remove(void)
{
    if (held.fd < 0)
        return;
    if (is_same(held.fd, held.path))
        (void)unlink(held.path);
    close(held.fd);
    held.fd = -1;
}

int
pidfile_fd(void)
{
    return held.fd;
}

int
pidfile_adopt(int fd, const char *path)
{
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -1;
    if (strlen(path) >= sizeof(held.path) || !is_same(fd, path) ||
        flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        errno = ESTALE;
        return -1;
    }
    held.fd = fd;
    snprintf(held.path, sizeof(held.path), "%s", path);
    return 0;
}
