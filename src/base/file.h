/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/attr.h"

#include <stddef.h>

/* The bytes of a file. */
struct file {
    char *bytes; /* owned; a NUL follows the last */
    size_t len;
};

/*
 * Read the whole of it, at most max bytes. Returns 0, or -1 with errno (EFBIG: it is
 * larger); then there is nothing to clear.
 */
int file_read(struct file *file, const char *path, size_t max) ATTR_MUST_CHECK;

/* Wipe and release. */
void file_clear(struct file *file);

#endif
