/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_KEY_LOAD_H
#define TLS_KEY_LOAD_H

#include "base/diag.h"
#include "config/config.h"
#include "tls/cert_file.h"
#include "tls/pem.h"

#include <openssl/evp.h>
#include <stddef.h>

/*
 * Private keys that take more than to be read: encrypted ones, and those that only a
 * provider of OpenSSL's can get at. passphrases is a file, each line of which is tried; its
 * text is NULL if there is none. What is returned is DER, to be freed by
 * OPENSSL_clear_free; or NULL after an error in diag.
 */

/* Decrypt a PEM block of a file that is open. Mistakes go to its diag. */
unsigned char *key_load_encrypted(struct cert_file *file, const struct pem_block *block,
                                  const struct config_string *passphrases, size_t *len);

/* A key that its provider keeps to itself. */
struct key_load_token {
    EVP_PKEY *pkey;   /* owned; NULL: there is none */
    void *passphrase; /* that opened it; owned; NULL: none was needed */
    size_t len;
};

/*
 * Load the first private key behind a URI (see ossl_store(7)). If there is one, but it
 * cannot be had as DER, NULL without an error, and token has it, for key_load_forget; in
 * all other cases token is empty.
 */
unsigned char *key_load_uri(const struct config_string *uri,
                            const struct config_string *passphrases, struct diag *diag,
                            size_t *len, struct key_load_token *token);
void key_load_forget(struct key_load_token *token);

/* The same key once more, with the passphrase that opened it (len 0: none); NULL with
 * OpenSSL's errors in its queue. */
EVP_PKEY *key_load_open(const char *uri, const void *passphrase, size_t len);

#endif
