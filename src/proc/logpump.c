/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/logpump.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As large as an unprivileged user may make it (fs.pipe-max-size). */
#define PIPE_BYTES (1 << 20)

/* How soon a log that takes nothing is tried again, should its event not come. */
#define RETRY_MS 100

struct logpump {
    int read_fd, write_fd;
    struct event *readable;
    struct event *retry;
    size_t len; /* bytes of buf: whole lines, and perhaps the beginning of one */
    char buf[64 << 10];
};

/* Write the lines of the buffer. Returns whether the log took all of them. */
static bool
write_lines(struct logpump *pump)
{
    char *line = pump->buf, *end = pump->buf + pump->len, *newline;
    bool full = false;

    while ((newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        unsigned level = (unsigned char)(*line - '0');

        full = log_is_full();
        if (full)
            break;
        if (newline > line)
            log_forward(level < LOG_LEVELS ? level : LOG_LEVEL_INFO, line + 1,
                        (size_t)(newline - line - 1));
        line = newline + 1;
    }
    /* None of our lines is as long as that: whoever wrote it has lost its senses. */
    if (!full && line == pump->buf && pump->len == sizeof(pump->buf))
        line = end;
    pump->len = (size_t)(end - line);
    memmove(pump->buf, line, pump->len);
    return !full;
}

/* Returns whether there may be more to read. */
static bool
pump_once(struct logpump *pump)
{
    ssize_t got;

    if (!write_lines(pump))
        return false;
    do
        got = read(pump->read_fd, pump->buf + pump->len, sizeof(pump->buf) - pump->len);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    pump->len += (size_t)got;
    return write_lines(pump);
}

static void
on_readable(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct logpump *pump = arg;
    struct timeval later = clock_timeval(RETRY_MS);

    (void)pump_once(pump);
    if (log_is_full() && event_add(pump->retry, &later) == 0)
        (void)event_del(pump->readable);
}

static void
on_retry(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct logpump *pump = arg;

    (void)event_add(pump->readable, NULL);
    on_readable(pump->read_fd, 0, pump);
}

struct logpump *
logpump_adopt(struct event_base *base, int read_fd, int write_fd)
{
    struct logpump *pump = calloc(1, sizeof(*pump));

    if (pump == NULL) {
        close(read_fd);
        close(write_fd);
        return NULL;
    }
    pump->read_fd = read_fd;
    pump->write_fd = write_fd;
    pump->readable = event_new(base, read_fd, EV_READ | EV_PERSIST, on_readable, pump);
    /* What can be full is stderr, and then of a kind that epoll takes. */
    pump->retry = event_new(base, STDERR_FILENO, EV_WRITE, on_retry, pump);
    if (pump->readable != NULL && pump->retry != NULL &&
        event_add(pump->readable, NULL) == 0)
        return pump;
    logpump_free(pump);
    return NULL;
}

struct logpump *
logpump_new(struct event_base *base)
{
    int end[2];

    if (pipe2(end, O_NONBLOCK | O_CLOEXEC) < 0)
        return NULL;
    (void)fcntl(end[1], F_SETPIPE_SZ, PIPE_BYTES);
    return logpump_adopt(base, end[0], end[1]);
}

void
logpump_free(struct logpump *pump)
{
    if (pump == NULL)
        return;
    if (pump->readable != NULL)
        event_free(pump->readable);
    if (pump->retry != NULL)
        event_free(pump->retry);
    close(pump->read_fd);
    close(pump->write_fd);
    free(pump);
}

int
logpump_fd(const struct logpump *pump)
{
    return pump->write_fd;
}

int
logpump_read_fd(const struct logpump *pump)
{
    return pump->read_fd;
}

void
logpump_flush(struct logpump *pump)
{
    /* What is in the pipe now; workers may fill it as fast as we empty it. */
    for (int i = 0; i < 2 * PIPE_BYTES / (int)sizeof(pump->buf) && pump_once(pump); i++)
        ;
}
