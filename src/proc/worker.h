/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_WORKER_H
#define PROC_WORKER_H

#include "net/acceptor.h"
#include "net/loop.h"
#include "proc/setup.h"

/*
 * The process that serves clients: one event loop, single-threaded. SIGTERM or SIGINT
 * begins the drain: no new clients, live connections have drain-timeout to end by
 * themselves, then they are aborted (never close_notify: nobody has said it). A second
 * signal aborts them at once.
 */
enum {
    WORKER_SIGNALS = 4
};

struct worker {
    struct loop loop;
    struct setup *setup; /* borrowed; its sockets and SSL_CTXs are taken */
    struct front *front; /* one for each frontend */
    struct acceptor *acceptor;
    size_t acceptors;
    struct event *signal[WORKER_SIGNALS];
    struct event *drain_timer;
    bool draining;
    bool stop;
    uint64_t cut; /* connections that had to be aborted at the end */
};

/* Exit statuses of the program. */
enum {
    EXIT_CUT = 3,
    EXIT_CONFIG = 2
};

/* Returns 0, or -1 with a line in the log (clear it all the same). */
int worker_init(struct worker *worker, struct setup *setup) ATTR_MUST_CHECK;

/* Serve until told to stop. Returns the exit status: 0, EXIT_CUT, or 1 if the loop fails.
 */
int worker_run(struct worker *worker);

void worker_clear(struct worker *worker);

#endif
