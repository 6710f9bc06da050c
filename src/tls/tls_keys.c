/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_keys.h"

#include "tls/tls_bio.h"

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
    size_t key_len, hash_len;
    const char *hash;
} suites[TLS_SUITES] = {
    [TLS_SUITE_AES_128_GCM] = {NID_aes_128_gcm, 16, 32, "SHA256"},
    [TLS_SUITE_AES_256_GCM] = {NID_aes_256_gcm, 32, 48, "SHA384"},
    [TLS_SUITE_CHACHA20_POLY1305] = {NID_chacha20_poly1305, 32, 32, "SHA256"},
};

/* Fetched once for the whole program: to fetch is slow. */
static EVP_KDF *hkdf, *prf;

/* Whoever else listens to the key log: he hears all, in any case. */
static SSL_CTX_keylog_cb_func other_listener;

size_t
tls_suite_key_len(enum tls_suite suite)
{
    return suites[suite].key_len;
}

size_t
tls_suite_hash_len(enum tls_suite suite)
{
    return suites[suite].hash_len;
}

void
tls_keys_cleanup(void)
{
    EVP_KDF_free(hkdf);
    EVP_KDF_free(prf);
    hkdf = prf = NULL;
}

/* ---- derivation ---- */

static OSSL_PARAM
octets(const char *name, const void *data, size_t len)
{
    /* A parameter can go either way; these are only read. */
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)data, len);
}

static OSSL_PARAM
digest(enum tls_suite suite)
{
    return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                            (char *)(uintptr_t)suites[suite].hash, 0);
}

static int
derive(EVP_KDF **kdf, const char *name, const OSSL_PARAM *params, unsigned char *out,
       size_t len)
{
    EVP_KDF_CTX *ctx;
    int ok;

    if (*kdf == NULL)
        *kdf = EVP_KDF_fetch(NULL, name, NULL);
    ctx = *kdf != NULL ? EVP_KDF_CTX_new(*kdf) : NULL;
    ok = ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    if (!ok)
        ERR_clear_error();
    return ok ? 0 : -1;
}

int
tls_keys_expand(enum tls_suite suite, const unsigned char *secret, const char *label,
                unsigned char *out, size_t len)
{
    static const char prefix[] = "tls13 ";
    size_t label_len = strlen(label);
    unsigned char info[4 + sizeof(prefix) + TLS_LABEL_MAX];
    unsigned char copy[TLS_SECRET_MAX];
    size_t at = 0;
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY, status;

    memcpy(copy, secret, suites[suite].hash_len);
    info[at++] = (unsigned char)(len >> 8);
    info[at++] = (unsigned char)len;
    info[at++] = (unsigned char)(sizeof(prefix) - 1 + label_len);
    memcpy(info + at, prefix, sizeof(prefix) - 1);
    at += sizeof(prefix) - 1;
    memcpy(info + at, label, label_len);
    at += label_len;
    info[at++] = 0; /* the context */
    {
        OSSL_PARAM params[] = {OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                               digest(suite),
                               octets(OSSL_KDF_PARAM_KEY, copy, suites[suite].hash_len),
                               octets(OSSL_KDF_PARAM_INFO, info, at), OSSL_PARAM_END};

        status = derive(&hkdf, OSSL_KDF_NAME_HKDF, params, out, len);
    }
    OPENSSL_cleanse(copy, sizeof(copy));
    return status;
}

int
tls_keys_derive(enum tls_suite suite, struct tls_way_keys *way)
{
    way->seq = 0;
    if (tls_keys_expand(suite, way->secret, "key", way->key, suites[suite].key_len) < 0)
        return -1;
    return tls_keys_expand(suite, way->secret, "iv", way->iv, TLS_IV_BYTES);
}

/* ---- the key log ---- */

static struct tls_bio *
bio_of(const SSL *ssl)
{
    return BIO_get_data(SSL_get_rbio(ssl));
}

/* A secret from the end of a line, in hexadecimal digits. Returns its length, or 0. */
static size_t
parse_secret(const char *line, unsigned char *secret)
{
    const char *digits = strrchr(line, ' ');
    size_t len = 0;

    if (digits == NULL ||
        OPENSSL_hexstr2buf_ex(secret, TLS_SECRET_MAX, &len, digits + 1, '\0') != 1) {
        ERR_clear_error();
        return 0;
    }
    return len;
}

static bool
has_label(const char *line, const char *label)
{
    return strncmp(line, label, strlen(label)) == 0;
}

static void on_key_line(const SSL *ssl, const char *line);

static void
listen_to_keys(const SSL *ssl)
{
    SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);

    if (SSL_CTX_get_keylog_callback(ctx) == on_key_line)
        return;
    other_listener = SSL_CTX_get_keylog_callback(ctx);
    SSL_CTX_set_keylog_callback(ctx, on_key_line);
}

static void
ignore_keys(const SSL *ssl)
{
    SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);

    if (SSL_CTX_get_keylog_callback(ctx) == on_key_line)
        SSL_CTX_set_keylog_callback(ctx, other_listener);
}

/*
 * One line of the key log. At this very moment OpenSSL goes over to the key: what it has
 * written, or read, before was under another one, and records count from here.
 */
static void
on_key_line(const SSL *ssl, const char *line)
{
    struct tls_bio *bio = bio_of(ssl);
    struct tls_secrets *s = &bio->secrets;

    if (other_listener != NULL)
        other_listener(ssl, line);
    if (has_label(line, "SERVER_TRAFFIC_SECRET_0 ")) {
        s->server_len = parse_secret(line, s->server);
        bio->written.count = 0;
        ignore_keys(ssl);
    } else if (has_label(line, "CLIENT_TRAFFIC_SECRET_0 ")) {
        s->client_len = parse_secret(line, s->client);
        bio->read.count = 0;
        ignore_keys(ssl);
    }
}

/* Told before each step: behind EncryptedExtensions only the server's own secret is next.
 */
static void
on_step(const SSL *ssl, int where, int value ATTR_UNUSED)
{
    if (where == SSL_CB_ACCEPT_LOOP && SSL_get_state(ssl) == TLS_ST_SW_ENCRYPTED_EXTENSIONS)
        listen_to_keys(ssl);
}

int
tls_keys_shake(SSL *ssl)
{
    int ret;

    if (bio_of(ssl)->secrets.server_len > 0)
        listen_to_keys(ssl);
    else
        SSL_set_info_callback(ssl, on_step);
    ret = SSL_do_handshake(ssl);
    SSL_set_info_callback(ssl, NULL);
    ignore_keys(ssl);
    return ret;
}

/* ---- what the handshake has come to ---- */

static int
take_secrets(const struct tls_secrets *secrets, struct tls_keys *keys)
{
    size_t len = suites[keys->suite].hash_len;

    if (secrets->client_len != len || secrets->server_len != len)
        return -1;
    memcpy(keys->client.secret, secrets->client, len);
    memcpy(keys->server.secret, secrets->server, len);
    if (tls_keys_derive(keys->suite, &keys->client) < 0)
        return -1;
    return tls_keys_derive(keys->suite, &keys->server);
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

        status = derive(&prf, OSSL_KDF_NAME_TLS1_PRF, params, block, len);
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
