/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One malloc for each piece, so that sanitizers see the edges of every one. */
struct piece {
    struct piece *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct piece *pieces;
};

static ATTR_NORETURN void
die(void)
{
    fputs("sallyport: out of memory\n", stderr);
    exit(EXIT_FAILURE);
}

struct arena *
arena_new(void)
{
    struct arena *arena = calloc(1, sizeof(*arena));

    if (arena == NULL)
        die();
    return arena;
}

void
arena_free(struct arena *arena)
{
    struct piece *piece;

    if (arena == NULL)
        return;
    while ((piece = arena->pieces) != NULL) {
        arena->pieces = piece->next;
        free(piece);
    }
    free(arena);
}

void *
arena_alloc(struct arena *arena, size_t size)
{
    struct piece *piece;

    if (size > PTRDIFF_MAX - offsetof(struct piece, bytes))
        die();
    piece = calloc(1, offsetof(struct piece, bytes) + size);
    if (piece == NULL)
        die();
    piece->next = arena->pieces;
    arena->pieces = piece;
    return piece->bytes;
}

char *
arena_strndup(struct arena *arena, const char *string, size_t len)
{
    size_t size = strnlen(string, len);
    char *copy = arena_alloc(arena, size + 1);

    memcpy(copy, string, size);
    return copy;
}

char *
arena_strdup(struct arena *arena, const char *string)
{
    return arena_strndup(arena, string, strlen(string));
}

char *
arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    char *copy;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        die();
    copy = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(copy, (size_t)len + 1, format, args);
    return copy;
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    char *copy;

    va_start(args, format);
    copy = arena_vprintf(arena, format, args);
    va_end(args);
    return copy;
}
