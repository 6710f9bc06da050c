/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_KEYS_H
#define TLS_TLS_KEYS_H

#include "base/attr.h"
#include "tls/tls_hkdf.h"

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The keys of a connection whose handshake OpenSSL has done, so that its records can go on
 * without the SSL object (tls_record.h). TLS 1.2: from the session's master secret and the
 * two randoms (RFC 5246, 6.3). TLS 1.3: from the two traffic secrets (RFC 8446, 7.3), of
 * which tls_schedule tells.
 */
enum tls_suite {
    TLS_SUITE_AES_128_GCM,
    TLS_SUITE_AES_256_GCM,
    TLS_SUITE_CHACHA20_POLY1305
};
#define TLS_SUITES 3

#define TLS_KEY_MAX 32
#define TLS_IV_BYTES 12

/* Of one handshake (TLS 1.3); a length of 0: not yet, or never. */
struct tls_secrets {
    unsigned char client[TLS_SECRET_MAX], server[TLS_SECRET_MAX];
    size_t client_len, server_len;
};

/* Of what one of the two sends. */
struct tls_way_keys {
    unsigned char secret[TLS_SECRET_MAX]; /* TLS 1.3: the traffic secret; else unused */
    unsigned char key[TLS_KEY_MAX];
    unsigned char iv[TLS_IV_BYTES]; /* GCM in TLS 1.2: the salt, four bytes */
    uint64_t seq;                   /* of the next record */
};

struct tls_keys {
    int version; /* TLS1_2_VERSION or TLS1_3_VERSION */
    enum tls_suite suite;
    struct tls_way_keys client, server;
    uint64_t nonce; /* GCM in TLS 1.2: the explicit one of the server's next record */
};

/*
 * SSL_do_handshake, once, for a server on a tls_bio whose SSL_CTX is tls_ctx_new's; the
 * secrets of TLS 1.3 go into the BIO's state.
 */
int tls_keys_shake(SSL *ssl) ATTR_MUST_CHECK;

/*
 * After the handshake, and after all that tls_keys_shake has made ssl write: the keys as
 * they stand. Returns 0, or -1 if somebody has to stay with ssl: a suite that is not one of
 * the three, max_fragment_length (RFC 6066, 4), bytes that ssl has read ahead, secrets that
 * are not known, no memory. Wipe them with OPENSSL_cleanse.
 */
int tls_keys_take(SSL *ssl, struct tls_keys *keys) ATTR_MUST_CHECK;

/* Bytes of a key, and of the hash and therefore of a secret. */
size_t tls_suite_key_len(enum tls_suite suite);
size_t tls_suite_hash_len(enum tls_suite suite);

/*
 * HKDF-Expand-Label with an empty context (RFC 8446, 7.1): len bytes of out from a secret
 * of tls_suite_hash_len bytes, as tls_hkdf_expand.
 */
int tls_keys_expand(enum tls_suite suite, const unsigned char *secret, const char *label,
                    unsigned char *out, size_t len) ATTR_MUST_CHECK;

/* Key and IV of way from its secret (RFC 8446, 7.3), and the sequence number 0. */
int tls_keys_derive(enum tls_suite suite, struct tls_way_keys *way) ATTR_MUST_CHECK;

/* Release at the end of the program what has been fetched, for leak checkers. */
void tls_keys_cleanup(void);

#endif
