/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_PEER_H
#define TLS_TLS_PEER_H

#include "base/attr.h"

#include <openssl/ssl.h>

/*
 * What is known of the client of one TLS connection. It is embedded in its owner, begins
 * with {0}, and outlives the SSL object.
 */
struct tls_peer {
    char *name; /* the server name that it asks for, as it was sent: hostile. NULL: none;
                   owned */
};

/*
 * Have the connections of ctx note what the hello says in the tls_peer that is attached to
 * them. The name is taken from the hello itself: SSL_get_servername forgets it where
 * TLS 1.2 resumes a session.
 */
void tls_peer_watch(SSL_CTX *ctx);

/* Attach peer to a new SSL object; lends it. Returns 0, or -1 without memory. */
int tls_peer_attach(struct tls_peer *peer, SSL *ssl) ATTR_MUST_CHECK;

/* The one that is attached, or NULL. */
struct tls_peer *tls_peer_of(const SSL *ssl);

/* Release what it has noted, once the SSL object is of no more use. */
void tls_peer_clear(struct tls_peer *peer);

#endif
