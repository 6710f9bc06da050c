/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#include <time.h>

static uint64_t
read_us(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t
clock_us(void)
{
    uint64_t now = read_us(CLOCK_MONOTONIC);

    return now == 0 ? 1 : now;
}

uint64_t
clock_ms(void)
{
    return clock_us() / 1000;
}

struct timeval
clock_timeval(uint64_t ms)
{
    return (struct timeval){.tv_sec = (time_t)(ms / 1000),
                            .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

uint64_t
clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}
