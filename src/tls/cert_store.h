/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CERT_STORE_H
#define TLS_CERT_STORE_H

#include "base/attr.h"
#include "base/pack.h"
#include "core/domains.h"
#include "tls/cert.h"
#include "tls/cert_read.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * All certificates of a frontend with their keys, as bytes in the bundle: DER, an index
 * from names to certificates, and nothing that a worker would have to build before it
 * serves. Certificates have numbers, in the order of the conf file.
 */

/* What can be told of a certificate without decoding it. */
struct cert_facts {
    int64_t not_before, not_after; /* seconds since 1970-01-01 UTC */
    uint32_t type; /* EVP_PKEY_RSA, EVP_PKEY_EC ...: OpenSSL uses one of each */
    const char *file, *subject; /* lent by the store; file NULL: not from a file */
};

/* ---- Building, by the master ---- */

struct cert_build;

/* Borrows reader. NULL without memory. */
struct cert_build *cert_build_new(struct cert_reader *reader);
void cert_build_free(struct cert_build *build); /* wipes it; NULL is allowed */

/* Add a certificate of the same reader's; copies. Returns 0, or -1 without memory. */
int cert_build_add(struct cert_build *build, const struct cert_raw *raw) ATTR_MUST_CHECK;

/*
 * Append all of it to p. standard is the number of the certificate for clients that ask for
 * no name, or an unknown one; most is how many of them a worker should keep decoded.
 */
void cert_build_pack(struct cert_build *build, uint32_t standard, uint32_t most,
                     struct pack *p);

/* ---- Reading ---- */

struct cert_store {
    const unsigned char *record, *link, *data; /* lent; parts of the bytes */
    uint32_t certs, issuers, links, standard, most;
    size_t data_len;
    struct domains domains;
};

/* Returns 0, or -1 if these are not the bytes of a store. Little of them is looked at. */
int cert_store_open(struct cert_store *store, const void *bytes,
                    size_t len) ATTR_MUST_CHECK;

struct cert_facts cert_store_facts(const struct cert_store *store, uint32_t number);

/* Decode the leaf and the key; the chain is empty. For cert_free; or NULL. */
struct cert *cert_store_decode(const struct cert_store *store, uint32_t number);

/* The numbers of the issuers in a certificate's chain, and one of them decoded (or NULL).
 */
size_t cert_store_chain_len(const struct cert_store *store, uint32_t number);
uint32_t cert_store_chain(const struct cert_store *store, uint32_t number, size_t i);
X509 *cert_store_issuer(const struct cert_store *store, uint32_t issuer);

/* cert_store_decode with the chain. */
struct cert *cert_store_decode_whole(const struct cert_store *store, uint32_t number);

/* Are a certificate of one store and one of another the same, with key and chain? */
bool cert_store_same(const struct cert_store *a, uint32_t number,
                     const struct cert_store *b, uint32_t other);

/*
 * The certificates for a name, at most one of each type, the most wanted first: those for
 * exactly that name, or those with a wildcard for it, or, without either and unless strict,
 * the standard one and others for the same name as that. name NULL: none was asked for, or
 * one that is no name. Among them those that are valid now; only if no certificate of the
 * name is, one that is not. Returns how many.
 */
#define CERT_STORE_CHOSEN 4
size_t cert_store_choose(const struct cert_store *store, const char *name, bool strict,
                         int64_t now, uint32_t chosen[CERT_STORE_CHOSEN]);

#endif
