/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/addr.h"
#include "core/record.h"
#include "core/term.h"
#include "net/admit.h"
#include "net/dial.h"
#include "net/front.h"
#include "net/loop.h"
#include "net/proxy_in.h"
#include "net/proxy_out.h"
#include "net/relay.h"
#include "tls/tls_peer.h"

/*
 * One connection, from accept to its line in the log. Its phases are the header of a proxy,
 * where one is due, the handshake, the dial, and the relay; a single timer serves all of
 * them. It is a member of loop->live until it has finished, then of loop->dead until the
 * end of the turn.
 */
enum conn_phase {
    CONN_PROXY, /* with accept-proxy: its header, in front of all */
    CONN_HANDSHAKE,
    CONN_DIAL,
    CONN_RELAY
};

/* What the log says of TLS: the SSL object may be gone before. */
struct conn_tls {
    const char *version; /* NULL: the handshake is not done. These two are static */
    const char *cipher;
    const char *group; /* NULL: none. Lent by the front's SSL_CTX */
    char *alpn;        /* NULL: none; owned */
    bool resumed;
};

struct conn {
    TAILQ_ENTRY(conn) link;
    struct loop *loop;
    struct front *front;
    enum conn_phase phase;
    struct relay relay;
    struct dial *dial; /* in CONN_DIAL */
    struct event *timer;
    uint32_t waited_ms;    /* how long the client had been silent when it was accepted */
    uint64_t settle_ms;    /* when leg_settle is due; 0: done, or no backend yet */
    uint64_t timer_ms;     /* when it will fire; 0: it is not set */
    size_t unacked_client; /* what the last look at the sockets saw */
    size_t unacked_backend;
    unsigned ack_polls; /* looks for the acknowledgement so far */

    struct proxy_in *proxied; /* with accept-proxy; else NULL. Owned */
    struct tls_peer peer;
    struct proxy_head *head;    /* for the backend, not sent yet; NULL: none. Owned */
    struct pool_server *server; /* as one of whose connections it counts; or NULL */
    const char *server_name;    /* that it has reached, or tried last; NULL: none. Lent by
                                   the front's configuration */
    unsigned attempts;          /* servers that were tried */
    struct addr client_addr;
    struct admission admission;
    bool refused;                  /* by what its header has told */
    const struct addr *local_addr; /* of the listening socket; borrowed */
    struct addr backend_addr;
    struct conn_tls tls;
    uint64_t id;
    uint64_t start_wall_us;
    uint64_t start_us, handshake_us, dialled_us; /* of clock_us; 0: not reached */
};

/*
 * A client has been accepted and was admitted (admit): take fd and begin.
 * Without memory it is refused, as internal-error. Borrows local until the connection has
 * gone.
 */
void conn_start(struct loop *loop, struct front *front, int fd, const struct addr *client,
                const struct addr *local, const struct admission *admission);

/*
 * Abort it, because sallyport is being stopped. It has finished when this returns: whether
 * it had still something to say.
 */
bool conn_cut(struct conn *conn);

/* Abort it, because the client's certificate is revoked. It may have finished when this
 * returns. */
void conn_revoke(struct conn *conn);

/* Release a finished connection; only loop's reaping calls it. */
void conn_free(struct conn *conn);

#endif
