/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_PREPARE_H
#define PROC_PREPARE_H

#include "base/diag.h"
#include "proc/master.h"

/*
 * What a start, a reload and the rehearsal of an upgrade do with a configuration that has
 * been read and checked: everything that can be found out and made without touching what is
 * served.
 */

/*
 * Open what setup wants in addition (listening sockets, the admin's), see whether the log
 * could be opened, make the bundle. Mistakes go to diag. prepare_forget, or
 * listeners_commit and prepare_take_admin, follow.
 */
void prepare_setup(struct master *m, struct setup *setup, struct diag *diag);

/* Undo it. */
void prepare_forget(struct master *m);

/* Does setup want another admin address than the one that is open? */
bool prepare_has_new_admin(const struct master *m, const struct setup *setup);

/* From now on the admin socket is the one that was prepared; the one of before is closed.
 */
void prepare_take_admin(struct master *m, const struct setup *setup);

/* Close the admin socket; one of the file system is removed. */
void prepare_close_admin(struct master *m);

#endif
