/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static int space[NETNS_SIDES] = {-1, -1};

int
netns_set(enum netns_side side, const char *file)
{
    space[side] = open(file, O_RDONLY | O_CLOEXEC);
    return space[side] < 0 ? -1 : 0;
}

void
netns_enter(enum netns_side side)
{
    if (space[side] < 0 || setns(space[side], CLONE_NEWNET) == 0)
        return;
    perror("setns");
    abort();
}
