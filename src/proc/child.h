/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_CHILD_H
#define PROC_CHILD_H

#include "base/attr.h"
#include "proc/ipc.h"
#include "proc/privdrop.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * Starting child processes. A child is this program again, by exec: its memory has nothing
 * of the master's, and an address space of its own that a crashed sibling tells nothing of.
 * What it is, and that it is one, it learns from its environment; everything else from its
 * channel.
 */
#define CHILD_VARIABLE "SALLYPORT_CHILD"

/* The exit status of a child for which /proc/self/exe could not be executed. */
#define CHILD_NOT_EXECUTED 127

enum child_role {
    CHILD_WORKER,
    CHILD_ADMIN,
    CHILD_DEMO,
    CHILD_KEEPER,
    CHILD_ROLES
};

/* "worker", "admin", "demo", "keeper"; and back (CHILD_ROLES: none of them). */
const char *child_role_name(enum child_role role);
enum child_role child_role_find(const char *name);

/*
 * Start one. title is what ps(1) shows ("sallyport: worker 0"). Returns its process id, and
 * *channel is our end (the caller's); or -1 with errno.
 */
pid_t child_start(enum child_role role, const char *title, int *channel) ATTR_MUST_CHECK;

/* ---- In the child ---- */

/*
 * The first steps of all of them: ignore the signals that are meant for the master, wait
 * for IPC_START and for the first IPC_LOG, and let go of stdin, stdout and stderr, which
 * may be somebody's terminal. Returns 0 with IPC_START (its descriptors are the caller's),
 * or -1 when the master is gone.
 */
int child_begin(int channel, struct ipc_message *start) ATTR_MUST_CHECK;

/* IPC_LOG: from now on log as it says. Takes the descriptor. */
void child_use_log(struct ipc_message *message);

/* Load whatever would later be loaded from files, then give up privileges. 0, or -1 after a
 * line in the log. */
int child_confine(const struct ipc_start *start) ATTR_MUST_CHECK;

#endif
