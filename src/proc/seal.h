/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_SEAL_H
#define PROC_SEAL_H

#include "base/attr.h"

#include <stddef.h>

/*
 * Memory that passes between processes as a descriptor (memfd_create(2)). Sealed, nobody
 * can change it any more: the bundle, of which all workers map the same copy. Shared, all
 * may write: what they count; but not resize it.
 */

/* A sealed copy of the bytes; close-on-exec. A descriptor, or -1 with errno. */
int seal_make(const char *name, const void *data, size_t len) ATTR_MUST_CHECK;

/* Shared memory of that size, all zeros. A descriptor, or -1 with errno. */
int seal_make_shared(const char *name, size_t size) ATTR_MUST_CHECK;

/* Map all of it, for reading (a sealed one) or also for writing; NULL with errno. For
 * munmap(). */
void *seal_map(int fd, size_t *len);
void *seal_map_shared(int fd, size_t size);

#endif
