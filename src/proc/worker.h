/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_WORKER_H
#define PROC_WORKER_H

/*
 * The process that serves clients: one event loop, single-threaded, without privileges. It
 * opens no file: configurations, listening sockets and the log come over the channel. When
 * the master is gone it drains as if it had been told to; SIGTERM and SIGINT then cut what
 * is left.
 *
 * A configuration is prepared first (IPC_CONFIG, IPC_LISTENERS), and served from one turn
 * of the loop to the next when the master says so (IPC_SWITCH).
 */

/* Exit statuses of the program. */
enum {
    EXIT_CONFIG = 2,
    EXIT_CUT = 3
};

/*
 * The life of the process. hook is called when privileges have been dropped (NULL:
 * nothing): tests try there what a worker may not do. Returns the exit status: 0; EXIT_CUT
 * if connections had to be cut off at the end; 1.
 */
int worker_main(int channel, void (*hook)(void));

#endif
