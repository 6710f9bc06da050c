/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_hkdf.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char prefix[] = "tls13 ";
#define PREFIX_LEN (sizeof(prefix) - 1)

/* HkdfLabel (RFC 8446, 7.1), and the counter of HKDF-Expand's only block. */
#define INFO_MAX (2 + 1 + PREFIX_LEN + TLS_LABEL_MAX + 1 + TLS_CONTEXT_MAX + 1)

static const unsigned char zeros[TLS_SECRET_MAX];

static struct {
    const char *name;
    size_t len;
    EVP_MAC_CTX *mac; /* NULL until it is needed */
    bool used;        /* it has a secret */
} hashes[TLS_HASHES] = {
    [TLS_HASH_SHA256] = {.name = "SHA2-256", .len = 32},
    [TLS_HASH_SHA384] = {.name = "SHA2-384", .len = 48},
};

size_t
tls_hash_len(enum tls_hash hash)
{
    return hashes[hash].len;
}

const char *
tls_hash_name(enum tls_hash hash)
{
    return hashes[hash].name;
}

/* ---- HMAC ---- */

static EVP_MAC_CTX *
new_mac(const char *digest)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    EVP_MAC_CTX *ctx = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)digest,
                                         0),
        OSSL_PARAM_END,
    };

    EVP_MAC_free(hmac); /* the context has its own reference */
    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

/* out is written last, so that it may be where key or data is. */
static int
hmac(enum tls_hash hash, const unsigned char *key, size_t key_len,
     const unsigned char *data, size_t len, unsigned char *out, size_t out_len)
{
    unsigned char whole[TLS_SECRET_MAX];
    size_t whole_len = 0;
    EVP_MAC_CTX *mac = hashes[hash].mac;
    int status = -1;

    if (mac == NULL)
        mac = hashes[hash].mac = new_mac(hashes[hash].name);
    hashes[hash].used = true;
    if (mac != NULL && EVP_MAC_init(mac, key, key_len, NULL) == 1 &&
        EVP_MAC_update(mac, data, len) == 1 &&
        EVP_MAC_final(mac, whole, &whole_len, sizeof(whole)) == 1 && whole_len >= out_len) {
        memcpy(out, whole, out_len);
        status = 0;
    }
    if (status < 0)
        ERR_clear_error();
    OPENSSL_cleanse(whole, sizeof(whole));
    return status;
}

void
tls_hkdf_forget(void)
{
    for (int i = 0; i < TLS_HASHES; i++) {
        if (hashes[i].used && hashes[i].mac != NULL &&
            EVP_MAC_init(hashes[i].mac, zeros, hashes[i].len, NULL) != 1)
            ERR_clear_error();
        hashes[i].used = false;
    }
}

void
tls_hkdf_cleanup(void)
{
    for (int i = 0; i < TLS_HASHES; i++) {
        EVP_MAC_CTX_free(hashes[i].mac);
        hashes[i].mac = NULL;
        hashes[i].used = false;
    }
}

/* ---- HKDF ---- */

int
tls_hkdf_extract(enum tls_hash hash, struct tls_octets salt, struct tls_octets input,
                 unsigned char *out)
{
    const struct tls_octets nothing = {zeros, hashes[hash].len};

    /* An empty key would mean to OpenSSL the one of before. */
    if (salt.len == 0)
        salt = nothing;
    if (input.len == 0)
        input = nothing;
    return hmac(hash, salt.data, salt.len, input.data, input.len, out, hashes[hash].len);
}

static size_t
put(unsigned char *info, size_t at, const void *data, size_t len)
{
    if (len > 0)
        memcpy(info + at, data, len);
    return at + len;
}

int
tls_hkdf_expand(enum tls_hash hash, const unsigned char *secret, struct tls_octets label,
                struct tls_octets context, unsigned char *out, size_t len)
{
    unsigned char info[INFO_MAX];
    size_t at = 0;

    if (len > hashes[hash].len || label.len > TLS_LABEL_MAX ||
        context.len > TLS_CONTEXT_MAX)
        return -1;
    info[at++] = 0; /* the length's high byte: a hash is shorter than 256 bytes */
    info[at++] = (unsigned char)len;
    info[at++] = (unsigned char)(PREFIX_LEN + label.len);
    at = put(info, at, prefix, PREFIX_LEN);
    at = put(info, at, label.data, label.len);
    info[at++] = (unsigned char)context.len;
    at = put(info, at, context.data, context.len);
    info[at++] = 1; /* RFC 5869, 2.3 */
    return hmac(hash, secret, hashes[hash].len, info, at, out, len);
}

int
tls_hkdf_derived(enum tls_hash hash, const unsigned char *secret, unsigned char *out)
{
    /* The hash of nothing. */
    static const unsigned char sha256[] = {
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
        0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
        0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    };
    static const unsigned char sha384[] = {
        0x38, 0xb0, 0x60, 0xa7, 0x51, 0xac, 0x96, 0x38, 0x4c, 0xd9, 0x32, 0x7e,
        0xb1, 0xb1, 0xe3, 0x6a, 0x21, 0xfd, 0xb7, 0x11, 0x14, 0xbe, 0x07, 0x43,
        0x4c, 0x0c, 0xc7, 0xbf, 0x63, 0xf6, 0xe1, 0xda, 0x27, 0x4e, 0xde, 0xbf,
        0xe7, 0x6f, 0x65, 0xfb, 0xd5, 0x1a, 0xd2, 0xf1, 0x48, 0x98, 0xb9, 0x5b,
    };
    const struct tls_octets label = {(const unsigned char *)"derived", 7};
    const struct tls_octets context = {hash == TLS_HASH_SHA256 ? sha256 : sha384,
                                       hashes[hash].len};

    return tls_hkdf_expand(hash, secret, label, context, out, hashes[hash].len);
}
