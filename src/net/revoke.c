/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/revoke.h"

#include "net/conn.h"
#include "net/generation.h"
#include "net/loop.h"
#include "tls/tls_verify.h"

#include <string.h>

/* Connections that are looked at in one turn: some 100 us. */
#define STEP 64

/* The rules that are in force for a frontend; NULL: none. */
static const struct tls_verify *
find_rules(const struct generation *g, const char *name)
{
    for (size_t i = 0; i < g->config->frontends; i++)
        if (strcmp(g->front[i].config->name, name) == 0)
            return tls_verify_of(g->front[i].tls);
    return NULL;
}

/* The chain as it was verified; of a resumed session only the client's own is known. */
static bool
is_revoked(const struct tls_verify *rules, SSL *ssl)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    X509 *own = SSL_get0_peer_certificate(ssl);
    bool revoked = own != NULL && tls_verify_revokes(rules, own);

    for (int i = 1; !revoked && i < sk_X509_num(chain); i++)
        revoked = tls_verify_revokes(rules, sk_X509_value(chain, i));
    return revoked;
}

bool
revoke_is_due(const struct revoke *revoke, struct conn *conn)
{
    const struct tls_verify *rules;

    if (revoke->newest == NULL || conn->peer.identity == NULL ||
        conn->front->generation == revoke->newest)
        return false;
    rules = find_rules(revoke->newest, conn->front->config->name);
    return rules != NULL && is_revoked(rules, leg_ssl(conn->relay.client));
}

static void
schedule(struct revoke *revoke)
{
    static const struct timeval at_once = {0, 0};

    if (revoke->next != NULL && event_add(revoke->event, &at_once) < 0)
        event_active(revoke->event, EV_TIMEOUT, 1); /* needs no memory */
}

static void
on_turn(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct revoke *revoke = arg;

    for (unsigned i = 0; i < STEP && revoke->next != NULL; i++) {
        struct conn *conn = revoke->next;

        revoke->next = TAILQ_NEXT(conn, link);
        if (revoke_is_due(revoke, conn))
            conn_revoke(conn);
    }
    schedule(revoke);
}

int
revoke_init(struct revoke *revoke, struct loop *loop)
{
    revoke->event = evtimer_new(loop->base, on_turn, revoke);
    return revoke->event != NULL ? 0 : -1;
}

void
revoke_clear(struct revoke *revoke)
{
    if (revoke->event != NULL)
        event_free(revoke->event);
    generation_unref(revoke->newest);
    *revoke = (struct revoke){0};
}

void
revoke_start(struct loop *loop, struct generation *generation)
{
    generation_ref(generation);
    generation_unref(loop->revoke.newest);
    loop->revoke.newest = generation;
    loop->revoke.next = TAILQ_FIRST(&loop->live);
    schedule(&loop->revoke);
}

void
revoke_forget(struct revoke *revoke, struct conn *conn)
{
    if (revoke->next == conn)
        revoke->next = TAILQ_NEXT(conn, link);
}
