/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_PIDFILE_H
#define PROC_PIDFILE_H

#include "base/attr.h"

/*
 * The file with the master's process id. It is locked (flock) as long as the process lives,
 * and the lock is what counts, not the number: a file that was left behind is replaced,
 * whoever has that number now; the file of a living sallyport is not. It appears at once
 * with all its contents.
 */

/*
 * Write it, mode 0644, and keep it locked: after daemon_start, which changes the process
 * id. If another one is held, that one is removed. The path has to stay right: absolute
 * where the working directory will change. Returns NULL, or what is wrong as a sentence,
 * lent until the next call; then all stays as it was.
 */
const char *pidfile_write(const char *path) ATTR_MUST_CHECK;

/* Remove it, unless it is another's by now. Does nothing if none is held. */
void pidfile_remove(void);

/*
 * The binary upgrade: exec keeps the process id, and with this descriptor, made to survive
 * it, also the lock. It is close-on-exec otherwise; -1: no file is held. It is lent.
 */
int pidfile_fd(void);

/*
 * The other side of the exec: hold the file that was written as path, whose descriptor is
 * fd, which is taken and becomes close-on-exec. Returns 0, or -1 with errno if it is not
 * that file any more; then fd is closed, and pidfile_write makes a new one.
 */
int pidfile_adopt(int fd, const char *path) ATTR_MUST_CHECK;

#endif
