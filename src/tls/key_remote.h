/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_KEY_REMOTE_H
#define TLS_KEY_REMOTE_H

#include "base/attr.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Private keys that are not here: a token keeps them to itself, and another process, the
 * keeper, has it open (see key_keep). Here such a key is a public one with a name, and
 * signing with it is a question to the keeper. It does nothing but sign: what would take
 * the key to decrypt (the key exchange of RSA) fails.
 */

/* The name of a key: SHA-256 of its certificate's SubjectPublicKeyInfo. */
#define KEY_REMOTE_ID 32

/* What TLS has signed is the hash of the handshake, or the parameters of the key exchange:
 * three numbers of 8192 bits at the most. */
#define KEY_REMOTE_DATA_MAX 4096
#define KEY_REMOTE_SIGNATURE_MAX 2048

/* The question. Only len bytes of data are sent. The answer is the number and the
 * signature; without one, it could not be made. */
struct key_remote_request {
    uint32_t number; /* of the question */
    uint32_t pss;    /* RSA: PSS with a salt as long as the hash; else PKCS #1 1.5 */
    unsigned char id[KEY_REMOTE_ID];
    char digest[32]; /* OpenSSL's name of the hash; "": the key's own (Ed25519) */
    uint32_t len;
    unsigned char data[KEY_REMOTE_DATA_MAX];
};

/* What stands for such a key in a store of certificates. */
#define KEY_REMOTE_MARK_LEN (KEY_REMOTE_ID + 16)
struct key_remote_mark {
    unsigned char bytes[KEY_REMOTE_MARK_LEN];
};

/* The mark of the key of a certificate, and its name. Returns 0, or -1 without memory. */
int key_remote_mark(const X509 *x509, struct key_remote_mark *mark,
                    unsigned char id[KEY_REMOTE_ID]) ATTR_MUST_CHECK;
bool key_remote_is_mark(const unsigned char *bytes, size_t len);

/* The key that a mark stands for, with the public part of its certificate; or NULL: no
 * memory, or neither RSA nor EC nor EdDSA. */
EVP_PKEY *key_remote_make(const unsigned char *mark, X509 *x509);

/*
 * How this process asks: sets the number of the question, fills signature
 * (KEY_REMOTE_SIGNATURE_MAX bytes), and returns its length, or 0 if there is none. May
 * block for a while. NULL, as at first: nobody is there.
 */
typedef size_t (*key_remote_asker)(struct key_remote_request *request,
                                   unsigned char *signature);
void key_remote_ask_by(key_remote_asker asker);

#endif
