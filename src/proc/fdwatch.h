/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_FDWATCH_H
#define PROC_FDWATCH_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Bounds for connections that evhttp keeps to itself: it tells neither how many there are
 * nor of those that have sent no request yet, and its time-outs begin anew with each byte.
 * So it is descriptors that are watched: from the lowest that is free at the start,
 * FDWATCH_MAX of them. Nobody else may keep a socket there.
 */
#define FDWATCH_MAX 64

struct fdwatch {
    int open_fd;
    int first_fd;
    struct {
        uint64_t cookie; /* of the socket that has this descriptor; 0: none has */
        uint64_t since_ms;
    } seen[FDWATCH_MAX];
};

/*
 * Begin, with all descriptors open that are not to be watched; open_fd is one of them, and
 * stays open. Returns 0, or -1 with errno.
 */
int fdwatch_init(struct fdwatch *watch, int open_fd) ATTR_MUST_CHECK;

/* Are FDWATCH_MAX connections open? Also if no descriptor is free at all. */
bool fdwatch_is_full(const struct fdwatch *watch);

/*
 * Shut down, both ways, those that were seen more than life_ms ago for the first time, so
 * that their owner takes them for ended and closes them. Call it now and then while there
 * are any. Returns how many are open.
 */
unsigned fdwatch_sweep(struct fdwatch *watch, uint64_t now_ms, uint32_t life_ms);

#endif
