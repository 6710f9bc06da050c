/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_DEMO_H
#define PROC_DEMO_H

#include "base/attr.h"

#include <event2/event.h>
#include <event2/http.h>
#include <stdint.h>

/*
 * A small plaintext HTTP backend on loopback, so that `sallyport --demo` needs nothing
 * else.
 */

/* A listening socket on 127.0.0.1 with a free port, which goes to *port; or -1 with errno.
 */
int demo_listen(uint16_t *port) ATTR_MUST_CHECK;

/* Serve on fd, which it takes. NULL without memory (fd is closed). Free with evhttp_free.
 */
struct evhttp *demo_serve(struct event_base *base, int fd);

#endif
