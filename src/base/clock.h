/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <sys/time.h>

/* Microseconds of CLOCK_MONOTONIC: for durations and deadlines. Never 0. */
uint64_t clock_us(void);

/* The same in milliseconds. */
uint64_t clock_ms(void);

/* A duration in milliseconds as libevent's timers want it. */
struct timeval clock_timeval(uint64_t ms);

/* Microseconds since 1970-01-01 UTC (CLOCK_REALTIME): for the log. */
uint64_t clock_wall_us(void);

#endif
