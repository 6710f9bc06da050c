/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_STAPLE_H
#define TLS_TLS_STAPLE_H

#include "base/attr.h"
#include "config/config.h"

#include <openssl/ssl.h>

/*
 * Have the connections of ctx send an OCSP response to clients that ask for one
 * (status_request, RFC 6066, section 8; RFC 8446, section 4.4.2.1): that of the certificate
 * which they get, as long as it is good. packed is what staple_pack has written, for any
 * number of certificates; it is lent until ctx is gone. Without any this does nothing.
 * Returns 0, or -1 without memory or if the bytes are none of staple_pack's.
 */
int tls_staple_apply(SSL_CTX *ctx, const struct config_blob *packed) ATTR_MUST_CHECK;

#endif
