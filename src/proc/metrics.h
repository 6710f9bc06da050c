/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_METRICS_H
#define PROC_METRICS_H

#include "base/attr.h"
#include "proc/view.h"

#include <event2/buffer.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/*
 * Add the view to out in Prometheus' text format 0.0.4: see METRICS in sallyport(8), which
 * has every name. Every series of a frontend is there from the start, also at 0, but those
 * of ciphers, which appear with their first handshake. Returns 0, or -1 without memory.
 */
int metrics_write(const struct view *view, struct evbuffer *out) ATTR_MUST_CHECK;

#endif
