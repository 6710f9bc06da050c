/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_record.h"

#include "tls/tls_record_private.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define WARNING 1
#define FATAL 2

/*
 * AES-GCM is good for 2^24.5 records of 16 KiB under one key (RFC 8446, 5.5). TLS 1.2 knows
 * no means of changing keys but renegotiation, and leaves it at that.
 */
#define KEY_LIMIT (1u << 23)

static const char *const cipher_names[TLS_SUITES] = {
    [TLS_SUITE_AES_128_GCM] = "AES-128-GCM",
    [TLS_SUITE_AES_256_GCM] = "AES-256-GCM",
    [TLS_SUITE_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
};

/* Fetched once for the whole program: to fetch is slow. */
static EVP_CIPHER *ciphers[TLS_SUITES];

static const EVP_CIPHER *
fetch(enum tls_suite suite)
{
    if (ciphers[suite] == NULL)
        ciphers[suite] = EVP_CIPHER_fetch(NULL, cipher_names[suite], NULL);
    return ciphers[suite];
}

void
tls_record_cleanup(void)
{
    for (unsigned i = 0; i < TLS_SUITES; i++) {
        EVP_CIPHER_free(ciphers[i]);
        ciphers[i] = NULL;
    }
    tls_keys_cleanup();
}

/* ---- life ---- */

static int
way_init(struct record_way *way, const struct tls_way_keys *keys, enum tls_suite suite,
         int encrypt)
{
    const EVP_CIPHER *cipher = fetch(suite);

    way->seq = keys->seq;
    memcpy(way->iv, keys->iv, sizeof(way->iv));
    memcpy(way->secret, keys->secret, sizeof(way->secret));
    way->ctx = cipher != NULL ? EVP_CIPHER_CTX_new() : NULL;
    if (way->ctx == NULL)
        return -1;
    return EVP_CipherInit_ex2(way->ctx, cipher, keys->key, NULL, encrypt, NULL) == 1 ? 0
                                                                                     : -1;
}

struct tls_record *
tls_record_new(const struct tls_keys *keys)
{
    struct tls_record *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->suite = keys->suite;
    r->is13 = keys->version == TLS1_3_VERSION;
    r->has_explicit = !r->is13 && keys->suite != TLS_SUITE_CHACHA20_POLY1305;
    r->nonce = keys->nonce;
    r->key_limit = KEY_LIMIT;
    if (way_init(&r->client, &keys->client, r->suite, 0) == 0 &&
        way_init(&r->server, &keys->server, r->suite, 1) == 0)
        return r;
    ERR_clear_error();
    tls_record_free(r);
    return NULL;
}

void
tls_record_free(struct tls_record *record)
{
    if (record == NULL)
        return;
    EVP_CIPHER_CTX_free(record->client.ctx);
    EVP_CIPHER_CTX_free(record->server.ctx);
    OPENSSL_cleanse(record, sizeof(*record));
    free(record);
}

int
tls_record_version(const struct tls_record *record)
{
    return record->is13 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

int
record_next_key(struct tls_record *r, struct record_way *way)
{
    struct tls_way_keys next;
    int status = -1;

    if (tls_keys_expand(r->suite, way->secret, "traffic upd", next.secret,
                        tls_suite_hash_len(r->suite)) == 0 &&
        tls_keys_derive(r->suite, &next) == 0 &&
        EVP_CipherInit_ex2(way->ctx, NULL, next.key, NULL, -1, NULL) == 1) {
        way->seq = 0;
        memcpy(way->iv, next.iv, sizeof(way->iv));
        memcpy(way->secret, next.secret, tls_suite_hash_len(r->suite));
        status = 0;
    } else {
        ERR_clear_error();
    }
    OPENSSL_cleanse(&next, sizeof(next));
    return status;
}

/* ---- protection ---- */

static void
put_number(unsigned char *to, uint64_t number, unsigned bytes)
{
    while (bytes-- > 0) {
        to[bytes] = (unsigned char)number;
        number >>= 8;
    }
}

/* RFC 8446, 5.3; RFC 7905, 2. Or RFC 5288, 3: with the explicit part of the record. */
static void
make_nonce(const struct record_way *way, const unsigned char *explicit,
           unsigned char *nonce)
{
    memcpy(nonce, way->iv, TLS_IV_BYTES);
    if (explicit != NULL) {
        memcpy(nonce + TLS_IV_BYTES - RECORD_EXPLICIT, explicit, RECORD_EXPLICIT);
        return;
    }
    for (unsigned i = 0; i < 8; i++)
        nonce[TLS_IV_BYTES - 1 - i] ^= (unsigned char)(way->seq >> (8 * i));
}

/*
 * The first steps of a record: nonce and additional data (RFC 8446, 5.2: the header; RFC
 * 5246, 6.2.3.3: sequence number, and the header with the length of the plaintext).
 */
static int
begin_crypt(const struct tls_record *r, const struct record_way *way,
            const unsigned char *header, const unsigned char *explicit, size_t plain_len)
{
    unsigned char nonce[TLS_IV_BYTES], data[8 + RECORD_HEADER];
    int data_len = RECORD_HEADER, n;

    make_nonce(way, explicit, nonce);
    if (r->is13) {
        memcpy(data, header, RECORD_HEADER);
    } else {
        put_number(data, way->seq, 8);
        memcpy(data + 8, header, 3);
        put_number(data + 11, plain_len, 2);
        data_len = sizeof(data);
    }
    return EVP_CipherInit_ex2(way->ctx, NULL, NULL, nonce, -1, NULL) == 1 &&
                   EVP_CipherUpdate(way->ctx, NULL, &n, data, data_len) == 1
               ? 0
               : -1;
}

/* Body and tag; in TLS 1.3 the true type is encrypted behind the data. */
static int
crypt_out(const struct tls_record *r, unsigned char type, const void *data, size_t len,
          unsigned char *to)
{
    EVP_CIPHER_CTX *ctx = r->server.ctx;
    unsigned char rest[RECORD_TAG];
    int n;

    if (len > 0 && EVP_EncryptUpdate(ctx, to, &n, data, (int)len) != 1)
        return -1;
    if (r->is13 && EVP_EncryptUpdate(ctx, to + len, &n, &type, 1) != 1)
        return -1;
    if (EVP_EncryptFinal_ex(ctx, rest, &n) != 1)
        return -1;
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, RECORD_TAG,
                               to + len + (r->is13 ? 1 : 0)) == 1
               ? 0
               : -1;
}

static size_t
overhead(const struct tls_record *r)
{
    return RECORD_HEADER + (r->has_explicit ? RECORD_EXPLICIT : 0) + (r->is13 ? 1 : 0) +
           RECORD_TAG;
}

int
record_put(struct tls_record *r, unsigned type, const void *data, size_t len,
           struct tls_gather *gather)
{
    size_t whole = overhead(r) + len;
    unsigned char *at, *explicit = NULL;

    if (tls_gather_reserve(gather, whole) < 0)
        return -1;
    at = gather->data + gather->len;
    at[0] = (unsigned char)(r->is13 ? SSL3_RT_APPLICATION_DATA : type);
    put_number(at + 1, TLS1_2_VERSION, 2);
    put_number(at + 3, whole - RECORD_HEADER, 2);
    if (r->has_explicit) {
        explicit = at + RECORD_HEADER;
        put_number(explicit, r->nonce++, RECORD_EXPLICIT);
    }
    if (begin_crypt(r, &r->server, at, explicit, len) < 0 ||
        crypt_out(r, (unsigned char)type, data, len,
                  at + RECORD_HEADER + (r->has_explicit ? RECORD_EXPLICIT : 0)) < 0) {
        ERR_clear_error();
        return -1;
    }
    r->server.seq++;
    gather->len += whole;
    return 0;
}

int
record_decrypt(struct tls_record *r, const unsigned char *header, const unsigned char *body,
               size_t len, unsigned char *out)
{
    size_t explicit_len = r->has_explicit ? RECORD_EXPLICIT : 0;
    EVP_CIPHER_CTX *ctx = r->client.ctx;
    const unsigned char *text = body + explicit_len;
    unsigned char tag[RECORD_TAG], rest[RECORD_TAG];
    int n = 0;

    if (len < explicit_len + RECORD_TAG)
        return -1;
    len -= explicit_len + RECORD_TAG;
    memcpy(tag, text + len, RECORD_TAG);
    if (begin_crypt(r, &r->client, header, r->has_explicit ? body : NULL, len) < 0 ||
        (len > 0 && EVP_DecryptUpdate(ctx, out, &n, text, (int)len) != 1) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, RECORD_TAG, tag) != 1 ||
        EVP_DecryptFinal_ex(ctx, rest, &n) != 1) {
        ERR_clear_error();
        return -1;
    }
    r->client.seq++;
    return (int)len;
}

/* ---- what we send ---- */

void
record_put_alert(struct tls_record *r, unsigned char level, enum record_alert alert,
                 struct tls_gather *gather)
{
    const unsigned char bytes[] = {level, (unsigned char)alert};

    if (r->shut)
        return;
    if (record_put(r, SSL3_RT_ALERT, bytes, sizeof(bytes), gather) < 0 || level == FATAL)
        r->shut = true;
}

/* RFC 8446, 4.6.3: also because a key has done enough. */
static int
put_update(struct tls_record *r, struct tls_gather *gather)
{
    static const unsigned char update[] = {SSL3_MT_KEY_UPDATE, 0, 0, 1, 0};

    if (record_put(r, SSL3_RT_HANDSHAKE, update, sizeof(update), gather) < 0)
        return -1;
    r->update_due = false;
    return record_next_key(r, &r->server);
}

static int
put_piece(struct tls_record *r, const unsigned char *data, size_t len,
          struct tls_gather *gather)
{
    if (r->is13 && (r->update_due || r->server.seq + 1 >= r->key_limit) &&
        put_update(r, gather) < 0)
        return -1;
    return record_put(r, SSL3_RT_APPLICATION_DATA, data, len, gather);
}

static int
put_all(struct tls_record *r, const unsigned char *data, size_t len,
        struct tls_gather *gather)
{
    size_t records = len / RECORD_PLAIN_MAX + 1;

    if (tls_gather_reserve(gather, len + records * overhead(r)) < 0)
        return -1;
    while (len > 0) {
        size_t piece = len < RECORD_PLAIN_MAX ? len : RECORD_PLAIN_MAX;

        if (put_piece(r, data, piece, gather) < 0)
            return -1;
        data += piece;
        len -= piece;
    }
    return 0;
}

static int
out_of_memory(struct tls_record *r, struct tls_gather *gather, size_t before,
              bool *no_memory)
{
    r->shut = true;
    gather->len = before;
    *no_memory = true;
    return -1;
}

/* In TLS 1.3 libssl answers a message before it goes on; one that is not there yet, later.
 */
static bool
may_write(const struct tls_record *r)
{
    return !r->shut && !(r->is13 && r->message_len > 0);
}

int
tls_record_seal(struct tls_record *r, const void *data, size_t len,
                struct tls_gather *gather, bool *no_memory)
{
    size_t before = gather->len;

    *no_memory = false;
    if (!may_write(r))
        return -1;
    if (put_all(r, data, len, gather) < 0)
        return out_of_memory(r, gather, before, no_memory);
    return 0;
}

int
tls_record_notify(struct tls_record *r, struct tls_gather *gather, bool *no_memory)
{
    static const unsigned char bytes[] = {WARNING, ALERT_CLOSE_NOTIFY};
    size_t before = gather->len;

    *no_memory = false;
    if (r->shut)
        return 0;
    if (!may_write(r))
        return -1;
    if (record_put(r, SSL3_RT_ALERT, bytes, sizeof(bytes), gather) < 0)
        return out_of_memory(r, gather, before, no_memory);
    r->shut = true;
    return 0;
}
