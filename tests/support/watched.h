/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_WATCHED_H
#define SUPPORT_WATCHED_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Are we run by valgrind? It opens files in the process that it watches, which a process
 * that has given up its privileges cannot do.
 */
static inline bool
is_watched(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

#endif
