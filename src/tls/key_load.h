/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_KEY_LOAD_H
#define TLS_KEY_LOAD_H

#include "base/diag.h"
#include "config/config.h"
#include "tls/cert_file.h"
#include "tls/pem.h"

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

/* Load the first private key behind a URI (see ossl_store(7)). */
unsigned char *key_load_uri(const struct config_string *uri,
                            const struct config_string *passphrases, struct diag *diag,
                            size_t *len);

#endif
