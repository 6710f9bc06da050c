/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/attr.h"

#include <stdarg.h>
#include <stddef.h>

/*
 * Memory that is given back all at once: what belongs to one configuration.
 * Only the privileged start uses it, so that running out of memory ends the
 * program with a sentence on stderr instead of coming back as an error.
 */
struct arena;

/* A new, empty arena. Free it with arena_free. */
struct arena *arena_new(void);

/* Release the arena and all that came out of it. NULL is allowed. */
void arena_free(struct arena *arena);

/* size bytes, zeroed, aligned for any type; lent until arena_free. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of a string, of its first len bytes, or of formatted words; lent likewise. */
char *arena_strdup(struct arena *arena, const char *string);
char *arena_strndup(struct arena *arena, const char *string, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...) ATTR_PRINTF(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
    ATTR_PRINTF(2, 0);

#endif
