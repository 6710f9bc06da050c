/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_LISTENERS_H
#define PROC_LISTENERS_H

#include "base/addr.h"
#include "base/attr.h"
#include "base/diag.h"
#include "base/pack.h"
#include "config/config.h"

#include <stddef.h>
#include <sys/queue.h>

/*
 * The listening sockets, which the master holds for as long as the configuration has their
 * address: a worker that dies leaves its queue of clients behind, and its successor
 * serves them. Each address has a socket for each worker (SO_REUSEPORT); one that systemd
 * has passed in is shared by all workers.
 *
 * There are never fewer sockets than there were: closing one would reset the clients in its
 * queue. With fewer workers than sockets the surplus ones are served by those that are
 * left, and get no new clients (sock_steer).
 */
struct listener {
    TAILQ_ENTRY(listener) link;
    struct addr addr; /* with the port that was picked for 0 */
    struct addr key;  /* as the configuration has it */
    char *systemd;    /* a socket of systemd's; NULL: ours */
    int *fd;
    size_t count;   /* sockets */
    size_t standby; /* of these, the last so many are bound but do not listen yet */
    bool wanted;    /* by the configuration that is being committed */
};

struct listeners {
    TAILQ_HEAD(, listener) list;
};

void listeners_init(struct listeners *listeners);

/* Close all sockets. */
void listeners_clear(struct listeners *listeners);

/*
 * Have a bound socket for each address of config and each of so many workers; those that
 * are new do not listen yet, so that nobody can have connected to them should it come to
 * listeners_forget. What cannot be had, an address that another process listens on for
 * instance, goes to diag.
 */
void listeners_prepare(struct listeners *listeners, const struct config *config,
                       unsigned workers, struct diag *diag);

/* Listen on what has been prepared, and close what config no longer has. Mistakes go to
 * diag. */
void listeners_commit(struct listeners *listeners, const struct config *config,
                      unsigned workers, struct diag *diag);

/* Close what has been prepared and not committed. */
void listeners_forget(struct listeners *listeners);

/* The listener for an address of the configuration that it was prepared for. */
const struct listener *listeners_find(const struct listeners *listeners,
                                      const struct config_listen *listen);

/* Is the socket at index for that worker, of so many? */
bool listener_is_for(const struct listener *listener, size_t index, unsigned worker,
                     unsigned workers);

/*
 * For a program that takes over: what there is, as bytes; let the descriptors survive exec,
 * or not; and take them. listeners_unpack returns 0, or -1.
 */
void listeners_pack(const struct listeners *listeners, struct pack *p);
void listeners_keep(const struct listeners *listeners, bool over_exec);
int listeners_unpack(struct listeners *listeners, struct unpack *u) ATTR_MUST_CHECK;

#endif
