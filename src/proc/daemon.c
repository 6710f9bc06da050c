/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child's end of the line to the parent; -1: there is none. */
static int line = -1;

/* _exit: what the parent has prepared is the child's now, buffers included. */
static void ATTR_NORETURN
wait_for_word(int fd, pid_t child)
{
    char word;
    ssize_t got;
    int status;

    do
        got = read(fd, &word, 1);
    while (got < 0 && errno == EINTR);
    if (got == 1)
        _exit(EXIT_SUCCESS);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            _exit(EXIT_FAILURE);
    _exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status)
                                                        : EXIT_FAILURE);
}

int
daemon_start(void)
{
    int end[2], saved_errno;
    pid_t child;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, end) < 0)
        return -1;
    (void)fflush(NULL);
    child = fork();
    if (child < 0) {
        saved_errno = errno;
        close(end[0]);
        close(end[1]);
        errno = saved_errno;
        return -1;
    }
    if (child > 0) {
        close(end[1]);
        wait_for_word(end[0], child);
    }
    close(end[0]);
    line = end[1];
    (void)setsid(); /* fails for the leader of a process group only, and a child is none */
    return 0;
}

int
daemon_ready(void)
{
    int null;

    if (line < 0)
        return 0;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return -1;
    (void)fflush(NULL);
    if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0) {
        close(null);
        return -1;
    }
    if (null > STDERR_FILENO)
        close(null);
    (void)send(line, "", 1, MSG_NOSIGNAL); /* the parent may have been killed meanwhile */
    close(line);
    line = -1;
    return 0;
}
