/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_DAEMON_H
#define PROC_DAEMON_H

#include "base/attr.h"

/*
 * --daemon: the program goes on as a child of its own session, and whoever has started it
 * learns whether it serves: the parent waits for the child's word.
 */

/*
 * Fork. The child gets 0 and is the leader of a new session. The parent does not return: it
 * ends with status 0 when the child calls daemon_ready, or, when the child ends before,
 * with the child's exit status (1 if that is 0, or a signal killed it). Until then the
 * child's complaints reach the parent's stderr. Returns -1 with errno if there is no child.
 *
 * Before any descriptor is watched and any thread or process is started: the child has
 * another process id.
 */
int daemon_start(void) ATTR_MUST_CHECK;

/*
 * The child's word that it serves. stdin, stdout and stderr become /dev/null. The working
 * directory stays: the relative paths of a configuration are read again by a reload. Does
 * nothing without daemon_start. Returns 0, or -1 with errno, and then nothing was said.
 */
int daemon_ready(void) ATTR_MUST_CHECK;

#endif
