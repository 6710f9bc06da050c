/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_VERIFY_H
#define TLS_TLS_VERIFY_H

#include "base/attr.h"
#include "base/diag.h"
#include "base/text.h"
#include "config/config.h"

#include <openssl/ssl.h>

/*
 * Certificates of clients, as a frontend's client-cert rules them. A part of the frontend's
 * SSL_CTX, and gone with it.
 */
struct tls_verify;

/*
 * Have the connections of ctx ask for certificates, with the names of the CAs in the
 * request, and refuse those that are no good:
 *
 *   none where one is required                  certificate_required (TLS 1.2:
 *                                               handshake_failure)
 *   expired; revoked                            certificate_expired; certificate_revoked
 *   of a CA that is not known, a chain that is  unknown_ca
 *   longer than depth
 *   not valid yet, wrongly signed, a weak key   bad_certificate
 *   not meant for clients                       unsupported_certificate
 *   a CRL that is lacking or stale, no name     certificate_unknown (OpenSSL has no way to
 *   that `allow` has                            say access_denied)
 *
 * These are RFC 8446, section 6.2. Where there are CRLs, every certificate below the one
 * that is trusted needs the CRL of its issuer. Why a client was refused is in its tls_peer.
 *
 * A session is looked at again before it is resumed: who had no certificate where one is
 * required, whose certificate has expired or is revoked, or whose CRL is stale, has a full
 * handshake instead, and is told in it.
 *
 * With verify off this does nothing. Returns 0, or -1 with an error in diag. Borrows
 * frontend until ctx is gone.
 */
int tls_verify_apply(SSL_CTX *ctx, const struct config_frontend *frontend,
                     struct diag *diag) ATTR_MUST_CHECK;

/*
 * A digest of all the rules (verify, depth, allow, CAs and CRLs): sessions of two
 * frontends, or from before and after a reload, with different ones must not be mistaken
 * for one another. Returns 0, or -1.
 */
#define TLS_VERIFY_DIGEST 32
int tls_verify_digest(const struct config_client_cert *rules,
                      unsigned char digest[TLS_VERIFY_DIGEST]) ATTR_MUST_CHECK;

/* That of an SSL_CTX; NULL: it asks for no certificates. */
const struct tls_verify *tls_verify_of(const SSL_CTX *ctx);

/* Does one of the CRLs name this certificate? */
bool tls_verify_revokes(const struct tls_verify *verify, X509 *x509);

/* Append why verification has failed, in words, and with the name of the certificate. */
void tls_verify_explain(X509_STORE_CTX *store_ctx, struct text *why);

#endif
