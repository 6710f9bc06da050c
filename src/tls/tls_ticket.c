/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_ticket.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SALT "sallyport ticket secret 1"
#define LABEL "sallyport ticket 1"

/* The keys of one secret: of the next epoch, the present one, and those before. */
enum {
    NEXT,
    PRESENT
};

/* What an SSL_CTX has in its ex_data. */
struct ring {
    EVP_CIPHER *cipher; /* fetched once, and not for each ticket */
    unsigned char context[TLS_TICKET_CONTEXT];
    uint32_t lifetime_s, rotation_s;
    unsigned char secret[TLS_TICKET_SECRETS_MAX][TLS_TICKET_SECRET];
    size_t secrets;
    uint64_t epoch;
    size_t window;
    bool (*may_resume)(SSL *ssl, const SSL_SESSION *session); /* or NULL */
    struct tls_ticket_key *key; /* of epoch: a row of window for each secret; or NULL */
};

/* Newer ones reach beyond 2038; the older ones are called deprecated then. */
#if OPENSSL_VERSION_NUMBER < 0x30300000L
#define SSL_SESSION_get_time_ex(session) ((time_t)SSL_SESSION_get_time(session))
#define SSL_SESSION_set_time_ex(session, when) SSL_SESSION_set_time(session, (long)(when))
#endif

/* Read as bytes of HKDF. */
_Static_assert(sizeof(struct tls_ticket_key) == 80, "struct tls_ticket_key has gaps");

/* ---- Deriving ---- */

static void *
lent(const void *bytes)
{
    return (void *)(uintptr_t)bytes; /* OSSL_PARAM has no const; it is only read */
}

/* mode is one of HKDF's halves: the first one takes salt, the second one info. */
static int
hkdf(int mode, const void *key, size_t key_len, const char *param, const void *value,
     size_t value_len, void *out, size_t len)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, lent(key), key_len),
        OSSL_PARAM_construct_octet_string(param, lent(value), value_len),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    int ok = ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok ? 0 : -1;
}

int
tls_ticket_extract(unsigned char secret[TLS_TICKET_SECRET], const void *bytes, size_t len)
{
    int status = hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, bytes, len, OSSL_KDF_PARAM_SALT, SALT,
                      strlen(SALT), secret, TLS_TICKET_SECRET);

    ERR_clear_error();
    return status;
}

int
tls_ticket_make_secret(unsigned char secret[TLS_TICKET_SECRET])
{
    int ok = RAND_priv_bytes(secret, TLS_TICKET_SECRET) == 1;

    ERR_clear_error();
    return ok ? 0 : -1;
}

/* Big-endian. */
static unsigned char *
put_number(unsigned char *at, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (unsigned char)(number >> (8 * (bytes - 1 - i)));
    return at + bytes;
}

int
tls_ticket_context(unsigned char context[TLS_TICKET_CONTEXT], const char *name,
                   const void *rules, size_t len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char size[sizeof(uint64_t)];
    int ok;

    if (name == NULL)
        name = "";
    (void)put_number(size, strlen(name), sizeof(size));
    ok = md != NULL && EVP_DigestInit_ex2(md, EVP_sha256(), NULL) == 1 &&
         EVP_DigestUpdate(md, size, sizeof(size)) == 1 &&
         EVP_DigestUpdate(md, name, strlen(name)) == 1 &&
         (len == 0 || EVP_DigestUpdate(md, rules, len) == 1) &&
         EVP_DigestFinal_ex(md, context, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok ? 0 : -1;
}

int
tls_ticket_derive(struct tls_ticket_key *key, const unsigned char secret[TLS_TICKET_SECRET],
                  const unsigned char context[TLS_TICKET_CONTEXT], uint32_t rotation_s,
                  uint64_t epoch)
{
    unsigned char info[sizeof(LABEL) - 1 + 4 + 8 + TLS_TICKET_CONTEXT], *at = info;

    memcpy(at, LABEL, sizeof(LABEL) - 1);
    at = put_number(at + sizeof(LABEL) - 1, rotation_s, 4);
    at = put_number(at, epoch, 8);
    memcpy(at, context, TLS_TICKET_CONTEXT);
    return hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY, secret, TLS_TICKET_SECRET,
                OSSL_KDF_PARAM_INFO, info, sizeof(info), key, sizeof(*key));
}

/* ---- The ring ---- */

static size_t
keys_bytes(const struct ring *ring)
{
    return ring->secrets * ring->window * sizeof(*ring->key);
}

static void
forget_keys(struct ring *ring)
{
    if (ring->key != NULL)
        OPENSSL_cleanse(ring->key, keys_bytes(ring));
    free(ring->key);
    ring->key = NULL;
}

static void
ring_free(struct ring *ring)
{
    if (ring == NULL)
        return;
    forget_keys(ring);
    EVP_CIPHER_free(ring->cipher);
    OPENSSL_cleanse(ring, sizeof(*ring));
    free(ring);
}

static void
on_ctx_free(void *parent, void *value, CRYPTO_EX_DATA *data, int index, long argl,
            void *argp)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)argl;
    (void)argp;
    ring_free(value);
}

/* The place of rings in SSL_CTXs; -1 without memory. */
static int
place(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_ctx_free);
    return index;
}

static struct ring *
ring_of(const SSL_CTX *ctx)
{
    return SSL_CTX_get_ex_data(ctx, place());
}

/* The first keys of each row, for ring->epoch. */
static int
derive_keys(struct ring *ring, size_t first)
{
    for (size_t i = 0; i < ring->secrets; i++)
        for (size_t k = 0; k < first; k++)
            if (tls_ticket_derive(&ring->key[i * ring->window + k], ring->secret[i],
                                  ring->context, ring->rotation_s,
                                  ring->epoch + 1 - k) != 0)
                return -1;
    return 0;
}

/* What falls out of the window is overwritten. */
static void
age_keys(struct ring *ring)
{
    for (size_t i = 0; i < ring->secrets; i++) {
        struct tls_ticket_key *row = ring->key + i * ring->window;

        memmove(row + 1, row, (ring->window - 1) * sizeof(*row));
    }
}

/* Have the keys of this moment. */
static int
turn(struct ring *ring, uint64_t now_s)
{
    uint64_t epoch = now_s / ring->rotation_s;
    size_t first = ring->window;

    if (ring->key != NULL && epoch == ring->epoch)
        return 0;
    if (ring->key != NULL && epoch == ring->epoch + 1) {
        age_keys(ring);
        first = NEXT + 1;
    } else if (ring->key == NULL) {
        ring->key = calloc(1, keys_bytes(ring));
    }
    ring->epoch = epoch;
    if (ring->key != NULL && derive_keys(ring, first) == 0)
        return 0;
    forget_keys(ring);
    return -1;
}

/* The place of the key of that name; as many as there are keys if none has it. */
static size_t
find_key(const struct ring *ring, const unsigned char *name)
{
    size_t keys = ring->secrets * ring->window, i = 0;

    while (i < keys && memcmp(ring->key[i].name, name, sizeof(ring->key[i].name)) != 0)
        i++;
    return i;
}

/* ---- What OpenSSL calls ---- */

static int
set_mac(EVP_MAC_CTX *mac, const struct tls_ticket_key *key)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_init(mac, key->mac, sizeof(key->mac), params);
}

static int
seal(const struct ring *ring, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *ctx,
     EVP_MAC_CTX *mac)
{
    const struct tls_ticket_key *key = &ring->key[PRESENT];

    memcpy(name, key->name, sizeof(key->name));
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(ring->cipher)) != 1 ||
        EVP_EncryptInit_ex2(ctx, ring->cipher, key->cipher, iv, NULL) != 1 ||
        set_mac(mac, key) != 1)
        return -1;
    return 1;
}

/*
 * With TLS 1.3 a client uses a ticket once (RFC 8446, C.4): it always needs another one,
 * which it gets for the answer 2.
 */
static int
unseal(const struct ring *ring, const SSL *ssl, const unsigned char *name,
       const unsigned char *iv, EVP_CIPHER_CTX *ctx, EVP_MAC_CTX *mac)
{
    size_t found = find_key(ring, name);

    if (found == ring->secrets * ring->window)
        return 0;
    if (EVP_DecryptInit_ex2(ctx, ring->cipher, ring->key[found].cipher, iv, NULL) != 1 ||
        set_mac(mac, &ring->key[found]) != 1)
        return -1;
    return SSL_version(ssl) == TLS1_3_VERSION || found > PRESENT ? 2 : 1;
}

static int
on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *ctx,
              EVP_MAC_CTX *mac, int sealing)
{
    struct ring *ring = ring_of(SSL_get_SSL_CTX(ssl));

    if (ring == NULL || turn(ring, (uint64_t)time(NULL)) != 0)
        return -1; /* not 0: OpenSSL 3.0 would send a broken ticket */
    return sealing ? seal(ring, name, iv, ctx, mac) : unseal(ring, ssl, name, iv, ctx, mac);
}

/*
 * OpenSSL lets a session of TLS 1.3 begin anew with each ticket: the new one gets what is
 * left of the time of the old one.
 */
static SSL_TICKET_RETURN
on_ticket_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_len,
                 SSL_TICKET_STATUS status, void *arg)
{
    const struct ring *ring = ring_of(SSL_get_SSL_CTX(ssl));
    time_t now = time(NULL);
    long left;

    (void)name;
    (void)name_len;
    (void)arg;
    if (ring == NULL || session == NULL ||
        (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    left = SSL_SESSION_get_timeout(session);
    if (left > (long)ring->lifetime_s) /* it was longer when the ticket was given */
        left = (long)ring->lifetime_s;
    left -= (long)(now - SSL_SESSION_get_time_ex(session));
    if (left <= 0 || (ring->may_resume != NULL && !ring->may_resume(ssl, session)))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    (void)SSL_SESSION_set_time_ex(session, now);
    (void)SSL_SESSION_set_timeout(session, left);
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE
                                        : SSL_TICKET_RETURN_USE_RENEW;
}

/* ---- Settings ---- */

static int
disable(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    return SSL_CTX_set_num_tickets(ctx, 0) == 1 ? 0 : -1;
}

static struct ring *
ring_new(const unsigned char context[TLS_TICKET_CONTEXT], uint32_t lifetime_s,
         uint32_t rotation_s)
{
    struct ring *ring = calloc(1, sizeof(*ring));
    uint32_t periods;

    if (ring == NULL)
        return NULL;
    memcpy(ring->context, context, TLS_TICKET_CONTEXT);
    ring->lifetime_s = lifetime_s;
    ring->rotation_s = rotation_s > 0 ? rotation_s : 1;
    periods = (lifetime_s - 1) / ring->rotation_s + 1;
    if (periods > TLS_TICKET_PERIODS_MAX)
        periods = TLS_TICKET_PERIODS_MAX;
    ring->window = PRESENT + 1 + periods;
    ring->secrets = 1;
    ring->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    if (ring->cipher != NULL && tls_ticket_make_secret(ring->secret[0]) == 0)
        return ring;
    ring_free(ring);
    return NULL;
}

int
tls_ticket_enable(SSL_CTX *ctx, const unsigned char context[TLS_TICKET_CONTEXT],
                  uint32_t lifetime_s, uint32_t rotation_s)
{
    struct ring *ring = NULL, *before = ring_of(ctx);

    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_session_id_context(ctx, context, TLS_TICKET_CONTEXT) != 1)
        return -1;
    if (lifetime_s > 0) {
        ring = ring_new(context, lifetime_s, rotation_s);
        if (ring == NULL)
            return -1;
    }
    if (SSL_CTX_set_ex_data(ctx, place(), ring) != 1) {
        ring_free(ring);
        return -1;
    }
    ring_free(before);
    if (ring == NULL)
        return disable(ctx);
    SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_timeout(ctx, (long)lifetime_s);
    return SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
                   SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket_key) == 1 &&
                   SSL_CTX_set_session_ticket_cb(ctx, NULL, on_ticket_opened, NULL) == 1
               ? 0
               : -1;
}

void
tls_ticket_guard(SSL_CTX *ctx, bool (*may_resume)(SSL *ssl, const SSL_SESSION *session))
{
    struct ring *ring = ring_of(ctx);

    if (ring != NULL) /* else no session is resumed */
        ring->may_resume = may_resume;
}

int
tls_ticket_set_secrets(SSL_CTX *ctx, const void *secrets, size_t len)
{
    struct ring *ring = ring_of(ctx);

    if (len == 0 || len % TLS_TICKET_SECRET != 0 ||
        len / TLS_TICKET_SECRET > TLS_TICKET_SECRETS_MAX)
        return -1;
    if (ring == NULL)
        return 0; /* no session is resumed */
    forget_keys(ring);
    OPENSSL_cleanse(ring->secret, sizeof(ring->secret));
    memcpy(ring->secret, secrets, len);
    ring->secrets = len / TLS_TICKET_SECRET;
    return 0;
}
