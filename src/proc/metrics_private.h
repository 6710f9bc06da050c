/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_METRICS_PRIVATE_H
#define PROC_METRICS_PRIVATE_H

#include "proc/view.h"
#include "proc/writer.h"

/* Shared by the files of proc/metrics only. */
struct metrics {
    struct writer w;
    const struct view *view;
    const char *family;
};

/* A series of the family; label: names and values in turn, and NULL. */
void metrics_add(struct metrics *m, const char *const *label, uint64_t value);

/* Families of servers of backends. */
void metrics_add_server_live(struct metrics *m);
void metrics_add_server_connects(struct metrics *m);
void metrics_add_server_up(struct metrics *m);
void metrics_add_server_outs(struct metrics *m);
void metrics_add_server_checks(struct metrics *m);
void metrics_add_backend_queued(struct metrics *m);

#endif
