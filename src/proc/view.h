/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_VIEW_H
#define PROC_VIEW_H

#include "core/health.h"
#include "core/stats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What the master knows about itself at one moment, for those who ask: proc/metrics and
 * proc/page write it down. Everything is lent for the call. Times are microseconds since
 * 1970-01-01 UTC unless the name says otherwise; 0: never, not known.
 */
enum view_state {
    VIEW_STARTING, /* not all workers serve yet */
    VIEW_READY,
    VIEW_DRAINING /* told to stop */
};

struct view_front {
    const char *name;
    const char *listen;       /* "*:443, [::]:443": as it is written in the conf file */
    const char *backend;      /* likewise, with those of routes behind it */
    unsigned place;           /* in stats_page.front */
    uint32_t max_connections; /* 0: no limit */
};

/* A server of a backend; they stand backend by backend. */
struct view_server {
    const char *backend, *server;
    unsigned place; /* in stats_page.server */
    enum health_state state;
    bool is_checked;
    bool is_draining; /* no longer in the configuration, but it has connections */
    bool is_backup;
    bool is_section; /* the backend has a section of its own */
};

/* They stand frontend by frontend, and those of one by their expiry. */
struct view_cert {
    const char *frontend;
    const char *file;
    const char *subject; /* its first DNS name, or its common name */
    uint64_t not_after_us;
};

struct view_staple {
    const char *frontend;
    const char *file;
    uint64_t this_update_us, next_update_us;
};

enum view_worker_state {
    VIEW_WORKER_STARTING,
    VIEW_WORKER_SERVING,
    VIEW_WORKER_RETIRING, /* has been replaced: it ends with its last connection */
    VIEW_WORKER_STATES
};

struct view_worker {
    unsigned slot;
    pid_t pid;
    enum view_worker_state state;
    uint64_t start_us;
    uint64_t live; /* connections */
};

struct view {
    enum view_state state;
    uint64_t now_us, start_us;
    uint64_t now_ms;  /* monotonic: the clock of history */
    const char *conf; /* the conf file; NULL: the command line */

    const struct view_front *front;
    size_t fronts;
    const struct view_server *server;
    size_t servers;
    const struct view_cert *cert;
    size_t certs;
    const struct view_staple *staple;
    size_t staples;
    const struct view_worker *worker;
    size_t workers;

    const struct stats_page *sum; /* of all workers, those that have ended included */
    uint64_t worker_restarts;     /* workers that died and were replaced */
    uint64_t reloads_good, reloads_bad;
    uint64_t last_reload_us; /* good or bad */
    bool last_reload_good;
    const char *last_reload_error; /* the first mistake; NULL: none */
    uint64_t config_us;            /* since when the current configuration is in force */

    const struct history *history; /* see proc/history; NULL: none yet */
};

/*
 * The name by which the i-th frontend is counted: its own; VIEW_OTHER for the first of
 * those that share STATS_OTHER; NULL for the rest of them, so that nothing is told twice.
 */
#define VIEW_OTHER "(other)"
const char *view_counted_as(const struct view *view, size_t i);

/* The same of a server: false for all but the first that share STATS_OTHER. */
bool view_tells_server(const struct view *view, size_t i);

#endif
