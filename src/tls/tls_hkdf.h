/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_HKDF_H
#define TLS_TLS_HKDF_H

#include "base/attr.h"

#include <stddef.h>

/*
 * HKDF as TLS 1.3 uses it (RFC 5869; RFC 8446, 7.1), on contexts of HMAC that are made once
 * for the whole program: to make one for each of the twenty secrets of a handshake takes
 * half of their time.
 */
enum tls_hash {
    TLS_HASH_SHA256,
    TLS_HASH_SHA384
};
#define TLS_HASHES 2

#define TLS_SECRET_MAX 48 /* bytes of a secret: those of the hash */
#define TLS_LABEL_MAX 249 /* RFC 8446, 7.1: 255 less "tls13 " */
#define TLS_CONTEXT_MAX 255

/* What may be empty: then both are 0. */
struct tls_octets {
    const unsigned char *data;
    size_t len;
};

size_t tls_hash_len(enum tls_hash hash);
const char *tls_hash_name(enum tls_hash hash);

/*
 * HKDF-Extract (RFC 5869, 2.2): tls_hash_len bytes of out from salt and input. Either may
 * be empty, which is as good as that many zeros (RFC 8446, 7.1), and either may be where
 * out is. Returns 0, or -1 without memory.
 */
int tls_hkdf_extract(enum tls_hash hash, struct tls_octets salt, struct tls_octets input,
                     unsigned char *out) ATTR_MUST_CHECK;

/*
 * HKDF-Expand-Label (RFC 8446, 7.1): len bytes of out, at most tls_hash_len, from a secret
 * of tls_hash_len bytes. The label is without "tls13 ", at most TLS_LABEL_MAX long; the
 * context at most TLS_CONTEXT_MAX. out may be the secret. Returns 0, or -1 without memory.
 */
int tls_hkdf_expand(enum tls_hash hash, const unsigned char *secret,
                    struct tls_octets label, struct tls_octets context, unsigned char *out,
                    size_t len) ATTR_MUST_CHECK;

/* Derive-Secret(secret, "derived", "") (RFC 8446, 7.1), as tls_hkdf_expand. */
int tls_hkdf_derived(enum tls_hash hash, const unsigned char *secret,
                     unsigned char *out) ATTR_MUST_CHECK;

/* Let nothing of the secret that was used last remain in memory. */
void tls_hkdf_forget(void);

/* Release at the end of the program what has been made, for leak checkers. */
void tls_hkdf_cleanup(void);

#endif
