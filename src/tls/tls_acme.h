/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_ACME_H
#define TLS_TLS_ACME_H

#include "base/attr.h"
#include "config/config.h"
#include "tls/tls_peer.h"

#include <openssl/ssl.h>

#define TLS_ACME_PROTOCOL "acme-tls/1"

/*
 * Have the connections of ctx answer the challenges of an ACME server (tls-alpn-01, RFC
 * 8737): a client that offers the protocol acme-tls/1 gets the certificate that
 * challenge_load_dir has found for the name that it asks for, whatever else ctx would
 * demand, and its tls_peer has is_challenge. There is nothing to say in such a connection.
 * One for a name that has no challenge is refused with unrecognized_name. Without a
 * directory (packed is empty) clients may offer what they like. packed is lent until ctx is
 * gone. Returns 0, or -1 without memory or if the bytes are none of challenge_load_dir's.
 */
int tls_acme_apply(SSL_CTX *ctx, const struct config_blob *packed) ATTR_MUST_CHECK;

/*
 * The hello of a client, whose name peer has. Returns 0, also if it is no challenge, or -1
 * with *alert, and then peer->refusal says why.
 */
int tls_acme_heed(SSL *ssl, struct tls_peer *peer, int *alert) ATTR_MUST_CHECK;

#endif
