/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_GENERATION_H
#define NET_GENERATION_H

#include "base/attr.h"
#include "base/diag.h"
#include "config/config.h"
#include "net/acceptor.h"
#include "net/front.h"
#include "net/loop.h"
#include "net/pool.h"

/*
 * One configuration at work in a worker: its frontends and the sockets they accept on. A
 * reload makes a new one beside it and switches; the connections of the old one keep it
 * alive until the last of them has ended.
 */
struct generation {
    struct loop *loop; /* borrowed */
    uint64_t number;
    struct config *config; /* owned */
    struct front *front;   /* one for each frontend */
    struct pool *pool;     /* one for each backend */
    struct acceptor *acceptor;
    size_t acceptors, acceptors_max;
    unsigned refs;              /* its owner's, and one of each connection */
    int key_log;                /* owned; -1: none */
    void (*on_gone)(void *arg); /* config is no longer needed; or NULL */
    void *arg;
};

/*
 * Make one of config, which it takes, with an SSL_CTX for each frontend (of sealed_cert and
 * ticket_secrets) and room for so many sockets. Nothing is served yet. Returns it with one
 * reference, or NULL after an error in diag (config is freed, on_gone is not called).
 */
struct generation *generation_new(struct loop *loop, uint64_t number, struct config *config,
                                  size_t sockets, struct diag *diag);

/* Write the secrets of its connections to fd, which it takes (tls_keylog). 0, or -1. */
int generation_log_keys(struct generation *generation, int fd) ATTR_MUST_CHECK;

/* Add a listening socket of a frontend, which it takes. Returns 0, or -1 (fd is closed). */
int generation_listen(struct generation *generation, size_t frontend,
                      int fd) ATTR_MUST_CHECK;

/* Begin to accept, and to look names of servers up. */
void generation_serve(struct generation *generation);

/*
 * Accept no more, close its sockets, and keep no names fresh; on those whose address next
 * (NULL: nobody) does not serve, the clients that wait already are accepted first.
 */
void generation_stop(struct generation *generation, const struct generation *next);

/* NULL is allowed. The last unref frees it. */
void generation_ref(struct generation *generation);
void generation_unref(struct generation *generation);

#endif
