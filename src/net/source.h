/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_SOURCE_H
#define NET_SOURCE_H

#include "base/addr.h"
#include "base/attr.h"
#include "config/config.h"

#include <stdbool.h>

struct generation;

/*
 * Addresses of others: connections to a backend come from the client's (source = client),
 * and go where the client wanted to go (backend = "original").
 */

/* Whom a connection to a backend is for. All lent. */
struct source_client {
    const struct addr *addr; /* where it comes from */
    const struct generation
        *generation; /* whose sockets are not to be led to; NULL: none */
    int fd;          /* its socket; -1: there is none */
};

/*
 * Where the client wanted to go: what netfilter remembers of a connection that REDIRECT or
 * DNAT has changed (SO_ORIGINAL_DST), otherwise the address of the socket, which TPROXY
 * leaves as it was. A port other than 0 replaces that of the client. Returns 0; or -1 with
 * errno and *why (static) for a client that was not redirected, but came to a listening
 * address itself, and for what would lead to one: sallyport would talk to itself.
 */
int source_original(const struct source_client *client, uint16_t port, struct addr *to,
                    const char **why) ATTR_MUST_CHECK;

/*
 * sock_dial, from the address that the frontend's source says. Of a client the port is kept
 * where that is possible. Returns what sock_dial does; *why (static) says more than errno,
 * or is NULL.
 */
int source_dial(const struct addr *to, const struct config_frontend *frontend,
                const struct source_client *client, bool *connecting,
                const char **why) ATTR_MUST_CHECK;

#endif
