/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_FAIL_ALLOC_H
#define SUPPORT_FAIL_ALLOC_H

#include <stdbool.h>

/*
 * Allocations that fail when the test wants it: those of libevent and OpenSSL by their
 * own hooks, and those of the objects of the program that are linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc.
 */

/* Before the first use of either library. */
void fail_alloc_install(void);

/* Count from 0 again; let the nth allocation (from 1) fail, and with `all` each one after
 * it. 0: none fails. */
void fail_alloc_arm(unsigned long nth, bool all);

/* Nothing is counted, and nothing fails, between these: the test's own doings. */
void fail_alloc_pause(void);
void fail_alloc_resume(void);

/* Allocations counted since fail_alloc_arm. */
unsigned long fail_alloc_count(void);

#endif
