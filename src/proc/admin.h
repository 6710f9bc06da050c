/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_ADMIN_H
#define PROC_ADMIN_H

/*
 * The process that speaks HTTP to operators (admin { listen = ... }): unprivileged and
 * sandboxed as a worker is, so that the master, which is root, never reads a byte from the
 * network. It answers nothing by itself: each request becomes a question to the master
 * (IPC_ASK), whose answer (a memfd) becomes the body. So /healthz also tells whether the
 * master is alive.
 *
 *     /metrics   Prometheus' text format     /healthz   200 while the master lives
 *     /readyz    200, or 503 while starting or draining     /   the status page
 *
 * GET and HEAD only; anything else is 405, another path 404. Headers and bodies are
 * bounded, slow clients are cut off, the number of connections is bounded.
 */

/* The life of the process, on the channel. Returns its exit status. */
int admin_main(int channel);

#endif
