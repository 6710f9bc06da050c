/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_KEY_DER_H
#define TLS_KEY_DER_H

#include "base/attr.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The two usual kinds of keys, read off their DER without OpenSSL's decoders: with version
 * 3.0 these take 0.1 to 0.3 ms for each key, which is what starting with thousands of
 * certificates would consist of. Whatever is not of the usual form is left to OpenSSL.
 */
enum key_der_type {
    KEY_DER_OTHER,
    KEY_DER_RSA,
    KEY_DER_EC
};

struct key_der_bytes {
    const unsigned char *at; /* lent */
    size_t len;
};

/* The numbers of an RSAPrivateKey (RFC 8017, appendix A.1.2), in its order. */
#define KEY_DER_NUMBERS 8

struct key_der {
    enum key_der_type type;
    const char *group;                            /* of EC: "P-256"; static */
    struct key_der_bytes number[KEY_DER_NUMBERS]; /* of RSA; a public one has two: n, e */
    struct key_der_bytes scalar;                  /* of EC: the private number */
    struct key_der_bytes point; /* of EC: the public point, as X9.62 writes it */
};

/*
 * Read an unencrypted private key: PKCS #8 (RFC 5958), RSAPrivateKey, or ECPrivateKey (RFC
 * 5915) with a named curve and its public point. Everything in key is lent by der. False:
 * it is something else, or broken.
 */
bool key_der_read(struct key_der *key, const unsigned char *der, size_t len);

/* Read the public key of a certificate likewise; lent by x509. */
bool key_der_read_x509(struct key_der *key, const X509 *x509);

/* Do both have the same public part? Neither may be of type KEY_DER_OTHER. */
bool key_der_match(const struct key_der *a, const struct key_der *b);

/* An EVP_PKEY of a private key that key_der_read has taken, or NULL. */
EVP_PKEY *key_der_make(const struct key_der *key);

/* The same into an EVP_PKEY that there is, whatever it was. Returns 0, or -1. */
int key_der_fill(const struct key_der *key, EVP_PKEY *pkey) ATTR_MUST_CHECK;

/*
 * A private key from DER of any kind that OpenSSL knows, the usual ones in the short way.
 * Returns NULL with OpenSSL's errors in its queue.
 */
EVP_PKEY *key_der_decode(const unsigned char *der, size_t len);

#endif
