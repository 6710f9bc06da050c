/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The bytes of a file. */
struct file {
    char *bytes; /* owned; a NUL follows the last */
    size_t len;
    bool opened; /* else it could not even be opened */
    mode_t mode; /* its permissions, if it was opened */
};

/*
 * Read the whole of it, at most max bytes. Returns 0, or -1 with errno (EFBIG: it is
 * larger); then there is nothing to clear, but opened and mode are set.
 */
int file_read(struct file *file, const char *path, size_t max) ATTR_MUST_CHECK;

/* Wipe and release. */
void file_clear(struct file *file);

#endif
