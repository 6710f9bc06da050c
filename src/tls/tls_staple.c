/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_staple.h"

#include "base/pack.h"
#include "tls/staple.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct entry {
    unsigned char key[STAPLE_KEY];
    struct staple staple; /* lent */
};

/* Those of all certificates of a frontend, sorted by key; a part of its SSL_CTX. */
struct tls_staples {
    size_t count;
    struct entry entry[];
};

static int
compare(const void *a, const void *b)
{
    return memcmp(a, b, STAPLE_KEY); /* the key comes first */
}

static void
on_ctx_free(void *parent ATTR_UNUSED, void *ptr, CRYPTO_EX_DATA *ad ATTR_UNUSED,
            int index ATTR_UNUSED, long argl ATTR_UNUSED, void *argp ATTR_UNUSED)
{
    free(ptr);
}

/* The place of the staples in an SSL_CTX; taken once. */
static int
staples_index(void)
{
    static int taken = -1;

    if (taken < 0)
        taken = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_ctx_free);
    return taken;
}

static const struct staple *
find(const struct tls_staples *staples, const X509 *leaf)
{
    unsigned char key[STAPLE_KEY];
    const struct entry *entry;

    staple_key(leaf, key);
    entry = bsearch(key, staples->entry, staples->count, sizeof(*entry), compare);
    return entry != NULL ? &entry->staple : NULL;
}

/* A client asks for one. */
static int
on_status(SSL *ssl, void *arg)
{
    const struct staple *staple = NULL;
    const X509 *leaf = SSL_get_certificate(ssl);
    unsigned char *copy;

    if (leaf != NULL)
        staple = find(arg, leaf);
    if (staple == NULL || staple->next_update <= time(NULL))
        return SSL_TLSEXT_ERR_NOACK;
    copy = OPENSSL_memdup(staple->der, staple->len);
    if (copy == NULL) {
        ERR_clear_error();
        return SSL_TLSEXT_ERR_NOACK; /* clients can do without */
    }
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple->len);
    return SSL_TLSEXT_ERR_OK;
}

static struct tls_staples *
read_all(const struct config_blob *packed)
{
    struct tls_staples *staples, *grown;
    struct entry entry;
    const char *file;
    struct unpack u;
    size_t room = 1;

    staples = calloc(1, sizeof(*staples) + room * sizeof(entry));
    unpack_init(&u, packed->data, packed->len);
    while (staples != NULL && staple_unpack(&u, entry.key, &entry.staple, &file)) {
        if (staples->count == room) {
            room *= 2;
            grown = realloc(staples, sizeof(*staples) + room * sizeof(entry));
            if (grown == NULL)
                break;
            staples = grown;
        }
        staples->entry[staples->count++] = entry;
    }
    if (staples == NULL || u.failed || u.at != u.end) {
        free(staples);
        return NULL;
    }
    qsort(staples->entry, staples->count, sizeof(entry), compare);
    return staples;
}

int
tls_staple_apply(SSL_CTX *ctx, const struct config_blob *packed)
{
    struct tls_staples *staples;
    int index = staples_index();

    if (packed->len == 0)
        return 0;
    staples = read_all(packed);
    if (staples == NULL || index < 0 || SSL_CTX_set_ex_data(ctx, index, staples) != 1) {
        free(staples);
        ERR_clear_error();
        return -1;
    }
    SSL_CTX_set_tlsext_status_cb(ctx, on_status);
    SSL_CTX_set_tlsext_status_arg(ctx, staples);
    return 0;
}
