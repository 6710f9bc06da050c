/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_LOGPUMP_H
#define PROC_LOGPUMP_H

#include "base/attr.h"

#include <event2/event.h>
#include <stdbool.h>

/*
 * The way of the children's lines to a log that they cannot share: stderr, where a slow
 * reader would block whoever writes to it, and syslog. They write to a pipe that never
 * blocks them, and lose (and count) what does not fit; the master reads it as fast as the
 * log takes lines, and no faster.
 */
struct logpump;

/* A new pipe, or the one of a program of before that this process was (read_fd, write_fd;
 * takes them). NULL with errno. Borrows base. */
struct logpump *logpump_new(struct event_base *base);
struct logpump *logpump_adopt(struct event_base *base, int read_fd, int write_fd);
void logpump_free(struct logpump *pump);

/* What the children get, for log_attach (framed); lent. And both ends, for logpump_adopt.
 */
int logpump_fd(const struct logpump *pump);
int logpump_read_fd(const struct logpump *pump);

/* Write what is in the pipe now, as far as the log takes it. */
void logpump_flush(struct logpump *pump);

#endif
