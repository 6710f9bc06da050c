/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_DEMO_H
#define PROC_DEMO_H

#include "base/addr.h"
#include "base/attr.h"

#include <stdint.h>

/*
 * A small plaintext HTTP backend on loopback, so that `sallyport --demo` needs nothing
 * else.
 */

/* A listening socket on 127.0.0.1 with a free port, which goes to *port; or -1 with errno.
 */
int demo_listen(uint16_t *port) ATTR_MUST_CHECK;

/* The life of the process that serves on it, on its channel. Returns its exit status. */
int demo_main(int channel);

/* Say on stdout what to type next, to reach the frontend at that address. */
void demo_greet(const struct addr *where);

#endif
