/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_TRANSPARENT_H
#define PROC_TRANSPARENT_H

#include "base/diag.h"
#include "config/config.h"

#include <stdbool.h>

/*
 * What it takes of this process and host to use other addresses than one's own: source =
 * client, backend = "original".
 */

/* Do workers need CAP_NET_RAW? For source = client only. */
bool transparent_is_wanted(const struct config *config);

/*
 * Can all be had that config, which has been checked, wants? A source = client without the
 * capability goes to diag as a mistake; as warnings, what may be meant so (backend =
 * "original" without it: REDIRECT works, TPROXY does not) or may yet come (an address of
 * this host that it has not got).
 */
void transparent_check(const struct config *config, struct diag *diag);

#endif
