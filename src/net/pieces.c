/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/pieces.h"

#include <event2/event.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define PIECES 4095 /* of a slab: with its head, 64 KiB */

union piece {
    union piece *next; /* of those that are free */
    alignas(max_align_t) unsigned char bytes[PIECES_BYTES];
};

struct slab {
    struct slab *next;
    size_t used; /* behind that, pieces have never been touched */
    union piece piece[PIECES];
};

static struct slab *slabs;
static union piece *released;

static union piece *
take_piece(void)
{
    union piece *piece = released;

    if (piece != NULL) {
        released = piece->next;
        return piece;
    }
    if (slabs == NULL || slabs->used == PIECES) {
        struct slab *slab = malloc(sizeof(*slab));

        if (slab == NULL)
            return NULL;
        slab->used = 0;
        slab->next = slabs;
        slabs = slab;
    }
    return &slabs->piece[slabs->used++];
}

static bool
is_piece(const void *memory)
{
    const union piece *piece = memory;

    for (const struct slab *slab = slabs; slab != NULL; slab = slab->next) {
        if (piece >= slab->piece && piece < slab->piece + PIECES)
            return true;
    }
    return false;
}

void *
pieces_allocate(size_t size)
{
    return size <= sizeof(union piece) ? (void *)take_piece() : malloc(size);
}

void
pieces_release(void *memory)
{
    if (is_piece(memory)) {
        union piece *piece = memory;

        piece->next = released;
        released = piece;
    } else {
        free(memory);
    }
}

void *
pieces_reallocate(void *memory, size_t size)
{
    void *grown;

    if (!is_piece(memory))
        return realloc(memory, size);
    if (size <= sizeof(union piece))
        return memory;
    grown = malloc(size);
    if (grown == NULL)
        return NULL;
    memcpy(grown, memory, sizeof(union piece));
    pieces_release(memory);
    return grown;
}

void
pieces_use(void)
{
    event_set_mem_functions(pieces_allocate, pieces_reallocate, pieces_release);
}
