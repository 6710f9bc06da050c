/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_TLS_PAIR_H
#define SUPPORT_TLS_PAIR_H

#include "config/config.h"
#include "tls/tls_bio.h"
#include "tls/tls_err.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A TLS client and a TLS server in one memory. The server is ours, on a tls_bio; the
 * client is plain OpenSSL on memory BIOs. Nothing moves by itself: bytes wait on their
 * side until they are carried over. What fails here fails the test.
 */
struct tls_pair {
    SSL_CTX *client_ctx; /* owned */
    SSL *client;
    SSL *server;
    struct tls_bio bio;         /* of the server */
    struct tls_gather gather;   /* what the server has written */
    unsigned char *up;          /* the bytes that bio.in points into; owned */
    unsigned long client_error; /* of OpenSSL's queue; 0: none so far */
};

/* A frontend "test" with the defaults, for one version of TLS, or for both if 0. */
struct config_frontend tls_pair_frontend(int version);

/* An SSL_CTX from tls_ctx_new, with a self-signed certificate; there must be no mistakes.
 */
SSL_CTX *tls_pair_server_ctx(const struct config_frontend *frontend);

/*
 * Begin, up to, but without, the handshake. The client speaks one version, or both if 0.
 * pair->client_ctx and pair->client may be changed before tls_pair_handshake. A later
 * pair may offer the session of an earlier one (SSL_set_session).
 */
void tls_pair_init(struct tls_pair *pair, SSL_CTX *server_ctx, int version);
void tls_pair_clear(struct tls_pair *pair);

/* What the client offers: groups, and signature algorithms, as OpenSSL's lists. */
void tls_pair_client_groups(struct tls_pair *pair, const char *list);
void tls_pair_client_sigalgs(struct tls_pair *pair, const char *list);

/*
 * Shake hands until both are done, or one has failed. Returns TLS_WANT_READ if it went
 * well, else the verdict of the server (TLS_NOTIFY: only the client failed, see
 * client_error).
 */
enum tls_verdict tls_pair_handshake(struct tls_pair *pair, struct text *why);

/* The same, and it has to go well. */
void tls_pair_must_shake(struct tls_pair *pair);

/* Take what the client has written, into memory that the caller frees. */
unsigned char *tls_pair_take(struct tls_pair *pair, size_t *len);

/* Append bytes to what the server has not read yet. */
void tls_pair_feed(struct tls_pair *pair, const void *bytes, size_t len);

/* Carry all that one has written to the other. Returns how many bytes that was. */
size_t tls_pair_carry_up(struct tls_pair *pair);
size_t tls_pair_carry_down(struct tls_pair *pair);

/* Write all of a string, by the client or by the server. */
void tls_pair_client_says(struct tls_pair *pair, const char *words);
void tls_pair_server_says(struct tls_pair *pair, const char *words);

/* SSL_shutdown by the client, once. */
void tls_pair_client_ends(struct tls_pair *pair);

/*
 * SSL_read by the server until it gives no more. buf gets the plaintext, ended by NUL;
 * *len, unless NULL, its length. Returns what the last SSL_read meant.
 */
enum tls_verdict tls_pair_server_hears(struct tls_pair *pair, char *buf, size_t size,
                                       size_t *len, struct text *why);

/* The same by the client. Returns SSL_get_error of the last SSL_read. */
int tls_pair_client_hears(struct tls_pair *pair, char *buf, size_t size);

#endif
