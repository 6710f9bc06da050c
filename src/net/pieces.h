/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_PIECES_H
#define NET_PIECES_H

#include <stddef.h>

/*
 * Memory for libevent. It keeps a piece of 16 bytes for each number that a descriptor has
 * ever had; among the memory of connections these would hold the pages of a peak for ever.
 * So what is so small comes from slabs, which are kept; all else from malloc. Not for more
 * than one thread.
 */
#define PIECES_BYTES 16

/* As malloc, realloc and free; the latter two also take what comes from malloc. */
void *pieces_allocate(size_t size);
void *pieces_reallocate(void *memory, size_t size);
void pieces_release(void *memory);

/*
 * libevent is to use them, in the whole program (event_set_mem_functions); what it has had
 * before stays valid. Once is enough, more does no harm.
 */
void pieces_use(void);

#endif
