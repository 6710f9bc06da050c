/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_PAGE_H
#define PROC_PAGE_H

#include "base/attr.h"
#include "proc/view.h"

#include <event2/buffer.h>

#define PAGE_TYPE "text/html; charset=utf-8"

/*
 * Add the status page to out: one HTML document without scripts and without anything from
 * elsewhere, for people, also on a phone. Strings of the configuration are escaped. Returns
 * 0, or -1 without memory.
 */
int page_write(const struct view *view, struct evbuffer *out) ATTR_MUST_CHECK;

#endif
