/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CERT_POOL_H
#define TLS_CERT_POOL_H

#include "base/attr.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The certificates of chains: thousands of leaves have few issuers, each of which is read
 * and kept once. */
struct cert_pool_item {
    unsigned char *der; /* owned */
    size_t len;
    X509 *x509; /* owned */
    bool plain; /* see cert_is_plain */
};

struct cert_pool {
    struct cert_pool_item *item; /* owned */
    size_t items;
    uint32_t *slot; /* owned: a hash table of numbers of items, from 1; 0: free */
    size_t slots;   /* a power of two */
};

#define CERT_POOL_NONE UINT32_MAX

/* Begin with {0}. */
void cert_pool_clear(struct cert_pool *pool);

/*
 * The number of a certificate, which is added if it is new (a copy of der). Returns
 * CERT_POOL_NONE if it is none, with OpenSSL's errors in its queue, or without memory.
 */
uint32_t cert_pool_add(struct cert_pool *pool, const unsigned char *der, size_t len);

/*
 * Is there nothing in it that OpenSSL could object to at a security level of up to 2: RSA
 * of 2048 bits or a usual curve, signed with SHA-2 (SSL_CTX_set_security_level(3))?
 */
bool cert_is_plain(const X509 *x509);

#endif
