/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_SANDBOX_H
#define PROC_SANDBOX_H

#include "base/attr.h"

#include <stdbool.h>

/*
 * The seccomp filter of workers and of the admin process (libseccomp). Allowed is what an
 * event loop over sockets that it was given, or makes itself, needs: epoll, sockets of the
 * Internet and Unix families (others: EAFNOSUPPORT), memory that is not executable (else
 * EPERM), clocks, getrandom, descriptors passed over the channel, writing to the log, a
 * signal to oneself. What opens or changes a file, starts, signals or traces a process (a
 * thread is one), or changes privileges kills the process at once (SIGSYS). Everything else
 * fails with ENOSYS: a C library that is newer than this list finds its older way. That
 * includes listen(), and fcntl() and prctl() but for their harmless commands.
 *
 * What a library reads from files it has to have read before: OpenSSL's configuration, the
 * resolver's, the time zone (even gmtime_r() does at its first call: tzset).
 * sysconf(_SC_NPROCESSORS_ONLN) opens a file, as does getaddrinfo() but for numeric hosts.
 */

/*
 * Install it, for good; no_new_privs is set along with it. Returns 0, or -1 with errno. A
 * build with sanitizers has none, as they need more than that: then it returns 0, and
 * sandbox_is_built is false.
 */
int sandbox_enter(void) ATTR_MUST_CHECK;

/* Is there a filter in this build? */
bool sandbox_is_built(void);

#endif
