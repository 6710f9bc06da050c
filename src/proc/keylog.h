/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_KEYLOG_H
#define PROC_KEYLOG_H

#include "base/diag.h"
#include "config/config.h"

/*
 * The file of key-log. It is the master that opens it, for appending, makes it if there is
 * none (mode 0600), and hands it to the workers.
 */

/* Warn of it, and see whether it could be opened, without making it. Nothing is said if
 * there is no such setting. */
void keylog_check(const struct config *config, struct diag *diag);

/*
 * Open it. Returns the descriptor, close-on-exec; -1 if there is no such setting, or after
 * an error in diag: cannot be opened, no regular file, one that others may read.
 */
int keylog_open(const struct config *config, struct diag *diag);

#endif
