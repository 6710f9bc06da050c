/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert_token.h"

#include <openssl/err.h>

/* The leaf in raw has been decoded without its public key. */
static bool
belongs(const struct cert_raw *raw, EVP_PKEY *pkey)
{
    const unsigned char *at = raw->leaf.der;
    X509 *x509 = d2i_X509(NULL, &at, (long)raw->leaf.len);
    bool good = x509 != NULL && X509_check_private_key(x509, pkey) == 1;

    X509_free(x509);
    ERR_clear_error();
    return good;
}

bool
cert_token_take(struct cert_raw *raw, const char *uri, struct key_load_token *token)
{
    struct key_remote_mark mark;

    if (!belongs(raw, token->pkey) || key_remote_mark(raw->x509, &mark, raw->token.id) != 0)
        return false;
    raw->key = (struct cert_bytes){OPENSSL_memdup(mark.bytes, sizeof(mark.bytes)),
                                   sizeof(mark.bytes)};
    raw->token.uri = uri;
    raw->token.passphrase = (struct cert_bytes){token->passphrase, token->len};
    token->passphrase = NULL;
    token->len = 0;
    return raw->key.der != NULL;
}
