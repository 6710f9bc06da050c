/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_SYSTEMD_H
#define PROC_SYSTEMD_H

#include "base/attr.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What systemd and its services tell one another: sd_notify(3), sd_listen_fds(3) and
 * sd_watchdog_enabled(3), by their documented protocol. It is short, and done here so that
 * a process that runs as root does not load libsystemd and what that brings along.
 */

/*
 * Take what the environment says (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, LISTEN_PID,
 * LISTEN_FDS, LISTEN_FDNAMES) and remove it from there, so that no child takes it for its
 * own. Descriptors passed in become close-on-exec. Once, at the start of the master. After
 * the exec of a binary upgrade the variables have to be there again: see systemd_export.
 */
void systemd_init(void);

/*
 * Put the variables back into the environment for the binary that is about to be exec'd in
 * this process, and let the passed descriptors survive it. Returns 0, or -1 with errno.
 */
int systemd_export(void) ATTR_MUST_CHECK;

/*
 * Send a state, as "READY=1\nSTATUS=...". Does nothing without NOTIFY_SOCKET; never
 * blocks; errors are ignored, as nobody could do anything about them.
 */
void systemd_notify(const char *format, ...) ATTR_PRINTF(1, 2);

/* "RELOADING=1" with MONOTONIC_USEC, for Type=notify-reload. READY=1 has to end it. */
void systemd_notify_reloading(void);

/* Send WATCHDOG=1 each so many milliseconds: half of what systemd waits; 0: never. */
uint32_t systemd_watchdog_ms(void);

/*
 * The sockets passed in under a name (FileDescriptorName=): copies up to max of them to fd
 * (lent: they stay open) and returns how many there are.
 */
size_t systemd_sockets(const char *name, int *fd, size_t max);

/* The names of passed sockets: "web, mail"; "none". Lent until the next call. */
const char *systemd_socket_names(void);

#endif
