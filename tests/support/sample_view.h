/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_SAMPLE_VIEW_H
#define SUPPORT_SAMPLE_VIEW_H

#include "proc/view.h"

#define SAMPLE_NOW_US UINT64_C(1800000000123456)
#define SAMPLE_NOW_MS UINT64_C(5000000) /* of history */

/*
 * A view of a busy master, with names that need escaping: a frontend <b>"web"&\ with a
 * newline in its backend, certificates that have expired or will soon, a worker in each
 * state, a reload that failed. Static memory, made anew by each call; what is pointed to
 * may be changed.
 */
struct view *sample_view(void);

/* The parts of the last one. */
struct stats_page *sample_page(void);
struct view_front *sample_front(void);
struct view_server *sample_server(void);
struct view_cert *sample_cert(void);

/* One of a master that has just started: a frontend without a certificate, nothing counted.
 */
struct view *sample_view_young(void);

#endif
