/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CERT_CACHE_H
#define TLS_CERT_CACHE_H

#include "tls/cert_store.h"

/*
 * The certificates of a store that a worker has decoded: each at its first use, and no more
 * than the store says; the one that was used longest ago makes room. What a handshake has
 * been given it keeps by OpenSSL's own counts.
 */
struct cert_cache;

/* The bytes of a store are lent. Returns it, or NULL (no memory, or they are no store). */
struct cert_cache *cert_cache_new(const void *bytes, size_t len);

/* NULL is allowed, for both. cert_cache_flush only forgets what has been decoded. */
void cert_cache_free(struct cert_cache *cache);
void cert_cache_flush(struct cert_cache *cache);

/*
 * Take over what another cache, of a configuration of before, has decoded: what is the same
 * here stays decoded, the rest is freed little by little by cert_cache_get, since thousands
 * at once would be a pause. The other one is empty then.
 */
void cert_cache_adopt(struct cert_cache *cache, struct cert_cache *from);

const struct cert_store *cert_cache_store(const struct cert_cache *cache);

/* The certificate of that number, lent until the next call; or NULL without memory. */
const struct cert *cert_cache_get(struct cert_cache *cache, uint32_t number);

/* How many are decoded, for tests. */
size_t cert_cache_count(const struct cert_cache *cache);

#endif
