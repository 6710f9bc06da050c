/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CERT_LIGHT_H
#define TLS_CERT_LIGHT_H

#include "tls/key_der.h"

#include <openssl/x509.h>

/*
 * A certificate decoded together with its private key. OpenSSL decodes the public key of a
 * certificate as well, at once, and with version 3.0 that takes more time than all the rest
 * of a handshake if it has not been done just before. Here the one key serves for both:
 * what X509_get0_pubkey gives has the private part, too, so the certificate must not be
 * shown to anybody who is not to know it.
 *
 * key is that of the certificate, as has been checked before (key_der_match). Returns an
 * X509 for X509_free, or NULL if it cannot be done in this way: then OpenSSL has to do it
 * in its own (d2i_X509, key_der_make).
 */
X509 *cert_light_decode(const unsigned char *der, size_t len, const struct key_der *key);

#endif
