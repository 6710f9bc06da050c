/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_NAMES_H
#define PROC_NAMES_H

#include "config/config.h"

/*
 * What workers need to know of names but cannot read themselves: of /etc/resolv.conf the
 * name servers (where the configuration names none), search domains and ndots; of
 * /etc/hosts the addresses of the backends that are in it. Both are read anew by each
 * reload. A file that is not there, or not in order, is passed over as the system's
 * resolver does it.
 */
void names_find(struct config *config);

#endif
