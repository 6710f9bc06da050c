/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_SNI_H
#define TLS_TLS_SNI_H

#include "base/attr.h"
#include "tls/cert_cache.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/*
 * Which certificate a client of a frontend sees. The SSL_CTX holds the standard one; a
 * handshake that asks for the name of another is given that instead (RFC 6066, section 3).
 */
struct tls_sni;

/*
 * The certificates of a sealed store. standard gets the first certificate for the SSL_CTX,
 * lent until tls_sni_attach. NULL without memory, or if the bytes are no store.
 */
struct tls_sni *tls_sni_new(const void *bytes, size_t len, bool strict,
                            const struct cert **standard);

/* NULL is allowed. tls_sni_rest: there will be few handshakes from now on, but many with
 * next, which may be NULL: see cert_cache_adopt. */
void tls_sni_free(struct tls_sni *sni);
void tls_sni_rest(struct tls_sni *sni, struct tls_sni *next);

/*
 * Have ctx, which holds the standard certificate, show the others. With a single
 * certificate, and not strict, this does nothing, and costs handshakes nothing. If strict,
 * a client that asks for an unknown name is refused with unrecognized_name (RFC 6066,
 * section 3), and one that asks for none with missing_extension (RFC 8446, section 9.2).
 * sni has to outlive ctx and its SSLs. Returns 0, or -1 without memory.
 */
int tls_sni_attach(struct tls_sni *sni, SSL_CTX *ctx) ATTR_MUST_CHECK;

/* May OpenSSL use that certificate with the settings of ctx, whose own it becomes? */
int tls_sni_try(SSL_CTX *ctx, const struct cert *cert) ATTR_MUST_CHECK;

#endif
