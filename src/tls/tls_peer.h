/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_PEER_H
#define TLS_TLS_PEER_H

#include "base/attr.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is known of the client of one TLS connection. It is embedded in its owner, begins
 * with {0}, and outlives the SSL object.
 */
struct tls_peer {
    char *name;    /* the server name that it asks for, as it was sent: hostile. NULL: none;
                      owned */
    char *refusal; /* why it was refused by a rule of ours; NULL: it was not; owned */
    char *identity;     /* what the log calls its certificate, which is good; NULL: it has
                           shown none; owned */
    bool is_challenge;  /* an ACME server's: see tls_acme */
    bool is_unanswered; /* one for which there is no challenge: it was refused */
    int64_t not_after;  /* when that expires, in seconds since 1970-01-01 UTC; 0: never */
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

/*
 * The protocol in a client's list, which has a length byte before each name (RFC 7301,
 * 3.1): lent by the list, without a NUL. NULL: the client does not offer it.
 */
const unsigned char *tls_peer_offers(const unsigned char *list, size_t len,
                                     const char *name);

/*
 * After a handshake, a resumed one too: note the certificate of the client, which has been
 * verified. Returns 0, or -1 without memory.
 */
int tls_peer_note_cert(struct tls_peer *peer, const SSL *ssl) ATTR_MUST_CHECK;

/* Release what it has noted, once the SSL object is of no more use. */
void tls_peer_clear(struct tls_peer *peer);

#endif
