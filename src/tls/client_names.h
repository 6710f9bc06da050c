/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CLIENT_NAMES_H
#define TLS_CLIENT_NAMES_H

#include "base/text.h"
#include "config/config.h"

#include <openssl/x509.h>

/* The names in a client's certificate. */

/* Does one of them fit a pattern of the setting `allow` (core/identity)? */
bool client_names_allow(const struct config_strings *allow, X509 *x509);

/*
 * Append what the log calls it: its subject (RFC 4514, in UTF-8), or where that is empty
 * the first URI, DNS name or address of mail of its subjectAltName ("URI:spiffe://..."), or
 * "?". It may be hostile.
 */
void client_names_show(X509 *x509, struct text *out);

#endif
