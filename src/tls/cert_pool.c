/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert_pool.h"

#include "tls/key_der.h"

#include <openssl/obj_mac.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 64
#define RSA_BYTES_MIN 256 /* of a modulus of 2048 bits */

bool
cert_is_plain(const X509 *x509)
{
    struct key_der key;

    switch (X509_get_signature_nid(x509)) {
    case NID_sha256WithRSAEncryption:
    case NID_sha384WithRSAEncryption:
    case NID_sha512WithRSAEncryption:
    case NID_ecdsa_with_SHA256:
    case NID_ecdsa_with_SHA384:
    case NID_ecdsa_with_SHA512:
        break;
    default:
        return false;
    }
    if (!key_der_read_x509(&key, x509))
        return false;
    return key.type == KEY_DER_EC || key.number[0].len > RSA_BYTES_MIN ||
           (key.number[0].len == RSA_BYTES_MIN && key.number[0].at[0] >= 0x80);
}

/* FNV-1a. Whoever could choose certificates that collide has the conf file to himself. */
static size_t
hash(const unsigned char *der, size_t len)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ der[i]) * UINT64_C(0x100000001b3);
    return (size_t)(sum ^ sum >> 32);
}

/* The slot of that certificate, or the free one where it belongs. */
static uint32_t *
find_slot(const struct cert_pool *pool, const unsigned char *der, size_t len)
{
    size_t at = hash(der, len) & (pool->slots - 1);

    for (; pool->slot[at] != 0; at = (at + 1) & (pool->slots - 1)) {
        const struct cert_pool_item *item = &pool->item[pool->slot[at] - 1];

        if (item->len == len && memcmp(item->der, der, len) == 0)
            break;
    }
    return &pool->slot[at];
}

/* Room for one more, in items and in at most half of the slots. */
static bool
make_room(struct cert_pool *pool)
{
    size_t slots = pool->slots == 0 ? FIRST_SLOTS : 2 * pool->slots;
    struct cert_pool_item *item;
    uint32_t *slot;

    if (2 * (pool->items + 1) <= pool->slots)
        return true;
    slot = calloc(slots, sizeof(*slot));
    item = realloc(pool->item, slots / 2 * sizeof(*item));
    if (item != NULL)
        pool->item = item;
    if (slot == NULL || item == NULL) {
        free(slot);
        return false;
    }
    free(pool->slot);
    pool->slot = slot;
    pool->slots = slots;
    for (size_t i = 0; i < pool->items; i++)
        *find_slot(pool, item[i].der, item[i].len) = (uint32_t)i + 1;
    return true;
}

uint32_t
cert_pool_add(struct cert_pool *pool, const unsigned char *der, size_t len)
{
    struct cert_pool_item new = {.len = len};
    const unsigned char *at = der;
    uint32_t *slot;

    if (!make_room(pool))
        return CERT_POOL_NONE;
    slot = find_slot(pool, der, len);
    if (*slot != 0)
        return *slot - 1;
    new.x509 = d2i_X509(NULL, &at, (long)len);
    new.der = malloc(len);
    if (new.x509 == NULL || new.der == NULL) {
        X509_free(new.x509);
        free(new.der);
        return CERT_POOL_NONE;
    }
    memcpy(new.der, der, len);
    new.plain = cert_is_plain(new.x509);
    pool->item[pool->items++] = new;
    *slot = (uint32_t)pool->items;
    return *slot - 1;
}

void
cert_pool_clear(struct cert_pool *pool)
{
    for (size_t i = 0; i < pool->items; i++) {
        X509_free(pool->item[i].x509);
        free(pool->item[i].der);
    }
    free(pool->item);
    free(pool->slot);
    *pool = (struct cert_pool){0};
}
