/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert_cache.h"

#include "base/attr.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* So many that are not wanted any more are freed whenever one is asked for. */
#define WASTE_AT_ONCE 2
#define WASTE_PER_ADOPTION 32

struct entry {
    TAILQ_ENTRY(entry) link;
    struct cert *cert; /* owned */
    uint32_t number;
};

TAILQ_HEAD(entries, entry);

struct cert_cache {
    struct cert_store store;
    struct entry **entry; /* by the number of the certificate */
    struct entries used;  /* the one that was used last is the first */
    struct entries waste; /* to be freed */
    size_t count;
    X509 **issuer; /* by its number; those that chains share */
    size_t issuers;
};

struct cert_cache *
cert_cache_new(const void *bytes, size_t len)
{
    struct cert_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        return NULL;
    TAILQ_INIT(&cache->used);
    TAILQ_INIT(&cache->waste);
    if (cert_store_open(&cache->store, bytes, len) == 0) {
        cache->entry = calloc(cache->store.certs, sizeof(struct entry *));
        cache->issuer = calloc((size_t)cache->store.issuers + 1, sizeof(X509 *));
    }
    if (cache->entry != NULL && cache->issuer != NULL)
        return cache;
    cert_cache_free(cache);
    return NULL;
}

static void
release(struct entry *entry)
{
    cert_free(entry->cert);
    free(entry);
}

static void
take_out(struct cert_cache *cache, struct entry *entry)
{
    TAILQ_REMOVE(&cache->used, entry, link);
    cache->entry[entry->number] = NULL;
    cache->count--;
}

static void
drop(struct cert_cache *cache, struct entry *entry)
{
    take_out(cache, entry);
    release(entry);
}

/* At most so many. */
static void
drop_waste(struct cert_cache *cache, size_t most)
{
    struct entry *entry;

    for (; most > 0 && (entry = TAILQ_FIRST(&cache->waste)) != NULL; most--) {
        TAILQ_REMOVE(&cache->waste, entry, link);
        release(entry);
    }
}

/* Chains that are in use keep theirs. */
static void
drop_issuers(struct cert_cache *cache)
{
    for (size_t i = 0; i < cache->store.issuers && cache->issuers > 0; i++) {
        if (cache->issuer[i] != NULL)
            cache->issuers--;
        X509_free(cache->issuer[i]);
        cache->issuer[i] = NULL;
    }
}

void
cert_cache_flush(struct cert_cache *cache)
{
    if (cache == NULL)
        return;
    TAILQ_CONCAT(&cache->waste, &cache->used, link);
    if (cache->entry != NULL)
        memset(cache->entry, 0, cache->store.certs * sizeof(struct entry *));
    cache->count = 0;
    drop_waste(cache, SIZE_MAX);
    drop_issuers(cache);
}

void
cert_cache_free(struct cert_cache *cache)
{
    if (cache == NULL)
        return;
    cert_cache_flush(cache);
    free(cache->entry);
    free(cache->issuer);
    free(cache);
}

const struct cert_store *
cert_cache_store(const struct cert_cache *cache)
{
    return &cache->store;
}

static X509 *
get_issuer(struct cert_cache *cache, uint32_t number)
{
    if (number >= cache->store.issuers)
        return NULL;
    if (cache->issuer[number] == NULL) {
        if (cache->issuers >= cache->store.most)
            drop_issuers(cache);
        cache->issuer[number] = cert_store_issuer(&cache->store, number);
        cache->issuers += cache->issuer[number] != NULL;
    }
    return cache->issuer[number];
}

static struct cert *
decode(struct cert_cache *cache, uint32_t number)
{
    struct cert *cert = cert_store_decode(&cache->store, number);
    size_t len = cert_store_chain_len(&cache->store, number);

    for (size_t i = 0; cert != NULL && i < len; i++) {
        X509 *issuer = get_issuer(cache, cert_store_chain(&cache->store, number, i));

        if (issuer == NULL || sk_X509_push(cert->chain, issuer) <= 0) {
            cert_free(cert);
            return NULL;
        }
        (void)X509_up_ref(issuer);
    }
    return cert;
}

static struct entry *
add(struct cert_cache *cache, uint32_t number)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL)
        return NULL;
    entry->number = number;
    entry->cert = decode(cache, number);
    if (entry->cert == NULL) {
        free(entry);
        return NULL;
    }
    if (cache->count > 0 && cache->count >= cache->store.most)
        drop(cache, TAILQ_LAST(&cache->used, entries));
    cache->entry[number] = entry;
    cache->count++;
    TAILQ_INSERT_HEAD(&cache->used, entry, link);
    return entry;
}

const struct cert *
cert_cache_get(struct cert_cache *cache, uint32_t number)
{
    struct entry *entry = number < cache->store.certs ? cache->entry[number] : NULL;

    if (number >= cache->store.certs)
        return NULL;
    drop_waste(cache, WASTE_AT_ONCE);
    if (entry == NULL) {
        entry = add(cache, number);
    } else if (entry != TAILQ_FIRST(&cache->used)) {
        TAILQ_REMOVE(&cache->used, entry, link);
        TAILQ_INSERT_HEAD(&cache->used, entry, link);
    }
    return entry != NULL ? entry->cert : NULL;
}

/*
 * The number here of what is a number there: mostly the same, or all are as far off as the
 * one before, since a file has come before them, or gone.
 */
static bool
find_same(const struct cert_cache *cache, const struct cert_cache *from, uint32_t number,
          uint32_t *shift, uint32_t *found)
{
    const uint32_t shifts[] = {*shift, 0, *shift + 1, *shift - 1};

    for (size_t i = 0; i < COUNT_OF(shifts); i++) {
        *found = number + shifts[i]; /* modulo 2^32: a shift may be negative */
        if (cert_store_same(&from->store, number, &cache->store, *found)) {
            *shift = shifts[i];
            return true;
        }
    }
    return false;
}

static void
adopt(struct cert_cache *cache, struct entry *entry, uint32_t number)
{
    struct entry *mine = cache->entry[number];

    if (mine != NULL) /* the standard one is decoded at the beginning */
        drop(cache, mine);
    entry->number = number;
    cache->entry[number] = entry;
    cache->count++;
    TAILQ_INSERT_TAIL(&cache->used, entry, link);
}

void
cert_cache_adopt(struct cert_cache *cache, struct cert_cache *from)
{
    uint32_t shift = 0, found;

    for (uint32_t i = 0; i < from->store.certs; i++) {
        struct entry *entry = from->entry[i];

        if (entry == NULL)
            continue;
        take_out(from, entry);
        if (cache->count < cache->store.most && find_same(cache, from, i, &shift, &found))
            adopt(cache, entry, found);
        else
            TAILQ_INSERT_TAIL(&cache->waste, entry, link);
    }
    TAILQ_CONCAT(&cache->waste, &from->waste, link);
    drop_waste(cache, WASTE_PER_ADOPTION); /* with one certificate nobody asks for any */
    drop_issuers(from);
}

size_t
cert_cache_count(const struct cert_cache *cache)
{
    return cache->count;
}
