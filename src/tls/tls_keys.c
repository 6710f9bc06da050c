/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_keys.h"

#include "tls/tls_bio.h"
#include "tls/tls_hkdf.h"
#include "tls/tls_schedule.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <string.h>

#define MASTER_SECRET_BYTES 48 /* RFC 5246, 8.1 */
#define GCM_SALT_BYTES 4       /* RFC 5288, 3 */
#define KEY_BLOCK_MAX (2 * (TLS_KEY_MAX + TLS_IV_BYTES))

static const struct {
    int nid;
    size_t key_len;
    enum tls_hash hash;
} suites[TLS_SUITES] = {
    [TLS_SUITE_AES_128_GCM] = {NID_aes_128_gcm, 16, TLS_HASH_SHA256},
    [TLS_SUITE_AES_256_GCM] = {NID_aes_256_gcm, 32, TLS_HASH_SHA384},
    [TLS_SUITE_CHACHA20_POLY1305] = {NID_chacha20_poly1305, 32, TLS_HASH_SHA256},
};

/* Fetched once for the whole program: to fetch is slow. */
static EVP_KDF *prf;

size_t
tls_suite_key_len(enum tls_suite suite)
{
    return suites[suite].key_len;
}

size_t
tls_suite_hash_len(enum tls_suite suite)
{
    return tls_hash_len(suites[suite].hash);
}

void
tls_keys_cleanup(void)
{
    EVP_KDF_free(prf);
    prf = NULL;
    tls_hkdf_cleanup();
}

/* ---- derivation ---- */

int
tls_keys_expand(enum tls_suite suite, const unsigned char *secret, const char *label,
                unsigned char *out, size_t len)
{
    const struct tls_octets octets = {(const unsigned char *)label, strlen(label)};
    const struct tls_octets nothing = {NULL, 0};

    return tls_hkdf_expand(suites[suite].hash, secret, octets, nothing, out, len);
}

int
tls_keys_derive(enum tls_suite suite, struct tls_way_keys *way)
{
    way->seq = 0;
    if (tls_keys_expand(suite, way->secret, "key", way->key, suites[suite].key_len) < 0)
        return -1;
    return tls_keys_expand(suite, way->secret, "iv", way->iv, TLS_IV_BYTES);
}

/* ---- the secrets ---- */

static struct tls_bio *
bio_of(const SSL *ssl)
{
    return BIO_get_data(SSL_get_rbio(ssl));
}

/*
 * At this very moment OpenSSL goes over to the key: what it has written, or read, before
 * was under another one, and records count from here.
 */
static void
on_secret(enum tls_schedule_secret which, const unsigned char *secret, size_t len,
          void *arg)
{
    struct tls_bio *bio = arg;
    struct tls_secrets *s = &bio->secrets;

    if (len > TLS_SECRET_MAX)
        return;
    if (which == TLS_SCHEDULE_SERVER) {
        memcpy(s->server, secret, len);
        s->server_len = len;
        bio->written.count = 0;
    } else {
        memcpy(s->client, secret, len);
        s->client_len = len;
        bio->read.count = 0;
    }
}

int
tls_keys_shake(SSL *ssl)
{
    int ret;

    tls_schedule_tell(on_secret, bio_of(ssl));
    ret = SSL_do_handshake(ssl);
    tls_schedule_tell(NULL, NULL);
    tls_hkdf_forget();
    return ret;
}

/* ---- what the handshake has come to ---- */

static int
take_secrets(const struct tls_secrets *secrets, struct tls_keys *keys)
{
    size_t len = tls_suite_hash_len(keys->suite);

    if (secrets->client_len != len || secrets->server_len != len)
        return -1;
    memcpy(keys->client.secret, secrets->client, len);
    memcpy(keys->server.secret, secrets->server, len);
    if (tls_keys_derive(keys->suite, &keys->client) < 0)
        return -1;
    return tls_keys_derive(keys->suite, &keys->server);
}

static OSSL_PARAM
octets(const char *name, const void *data, size_t len)
{
    /* A parameter can go either way; these are only read. */
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)data, len);
}

static OSSL_PARAM
digest(enum tls_suite suite)
{
    return OSSL_PARAM_construct_utf8_string(
        OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)tls_hash_name(suites[suite].hash), 0);
}

static int
derive(const OSSL_PARAM *params, unsigned char *out, size_t len)
{
    EVP_KDF_CTX *ctx;
    int ok;

    if (prf == NULL)
        prf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_PRF, NULL);
    ctx = prf != NULL ? EVP_KDF_CTX_new(prf) : NULL;
    ok = ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    if (!ok)
        ERR_clear_error();
    return ok ? 0 : -1;
}

/* RFC 5246, 6.3. */
static int
make_key_block(SSL *ssl, enum tls_suite suite, unsigned char *block, size_t len)
{
    static const char label[] = "key expansion";
    unsigned char master[MASTER_SECRET_BYTES], client[SSL3_RANDOM_SIZE],
        server[SSL3_RANDOM_SIZE];
    int status = -1;

    if (SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof(master)) ==
            sizeof(master) &&
        SSL_get_client_random(ssl, client, sizeof(client)) == sizeof(client) &&
        SSL_get_server_random(ssl, server, sizeof(server)) == sizeof(server)) {
        OSSL_PARAM params[] = {digest(suite),
                               octets(OSSL_KDF_PARAM_SECRET, master, sizeof(master)),
                               octets(OSSL_KDF_PARAM_SEED, label, sizeof(label) - 1),
                               octets(OSSL_KDF_PARAM_SEED, server, sizeof(server)),
                               octets(OSSL_KDF_PARAM_SEED, client, sizeof(client)),
                               OSSL_PARAM_END};

        status = derive(params, block, len);
    }
    OPENSSL_cleanse(master, sizeof(master));
    return status;
}

static int
take_key_block(SSL *ssl, struct tls_keys *keys)
{
    size_t key_len = suites[keys->suite].key_len;
    size_t iv_len =
        keys->suite == TLS_SUITE_CHACHA20_POLY1305 ? TLS_IV_BYTES : GCM_SALT_BYTES;
    unsigned char block[KEY_BLOCK_MAX];
    const unsigned char *ivs = block + 2 * key_len;

    if (make_key_block(ssl, keys->suite, block, 2 * (key_len + iv_len)) < 0)
        return -1;
    memcpy(keys->client.key, block, key_len);
    memcpy(keys->server.key, block + key_len, key_len);
    memcpy(keys->client.iv, ivs, iv_len);
    memcpy(keys->server.iv, ivs + iv_len, iv_len);
    OPENSSL_cleanse(block, sizeof(block));
    return 0;
}

/*
 * OpenSSL begins the explicit nonces at random and counts up; the first record under a key
 * is Finished, so that the last one that it has used is known.
 */
static int
take_counts(const struct tls_bio *bio, struct tls_keys *keys)
{
    keys->client.seq = bio->read.count;
    keys->server.seq = bio->written.count;
    if (keys->version == TLS1_3_VERSION)
        return 0;
    if (bio->read.count == 0 || bio->written.count == 0)
        return -1;
    for (size_t i = 0; i < sizeof(bio->written.nonce); i++)
        keys->nonce = keys->nonce << 8 | bio->written.nonce[i];
    keys->nonce++;
    return 0;
}

static int
find_suite(const SSL *ssl, enum tls_suite *suite)
{
    int nid = SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(ssl));

    for (unsigned i = 0; i < TLS_SUITES; i++) {
        *suite = (enum tls_suite)i;
        if (suites[i].nid == nid)
            return 0;
    }
    return -1;
}

/* Is there nothing about the connection that only OpenSSL knows? */
static bool
is_plain_case(const SSL *ssl, const struct tls_bio *bio)
{
    const SSL_SESSION *session = SSL_get_session(ssl);

    return session != NULL && SSL_SESSION_get_max_fragment_length(session) == 0 &&
           !SSL_has_pending(ssl) && !tls_bio_in_record(bio);
}

int
tls_keys_take(SSL *ssl, struct tls_keys *keys)
{
    struct tls_bio *bio = bio_of(ssl);
    int status = -1;

    *keys = (struct tls_keys){.version = SSL_version(ssl)};
    if (is_plain_case(ssl, bio) && find_suite(ssl, &keys->suite) == 0) {
        if (keys->version == TLS1_3_VERSION)
            status = take_secrets(&bio->secrets, keys);
        else if (keys->version == TLS1_2_VERSION)
            status = take_key_block(ssl, keys);
    }
    if (status == 0)
        status = take_counts(bio, keys);
    OPENSSL_cleanse(&bio->secrets, sizeof(bio->secrets));
    return status;
}
