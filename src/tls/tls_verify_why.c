/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/client_names.h"
#include "tls/tls_verify.h"

#include <openssl/x509_vfy.h>

/* The words for an error; %s stands for the certificate that it is about. */
static const struct {
    int error;
    const char *words;
} phrases[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, "%s has expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "%s is not valid yet"},
    {X509_V_ERR_CERT_REVOKED, "%s is revoked"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "%s is of a CA that is not known"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "%s is of a CA that is not known"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "%s is of a CA that is not known"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "%s is signed by itself, and not known"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "%s is not known"},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG, "the chain of %s is longer than depth"},
    {X509_V_ERR_INVALID_PURPOSE, "%s is not meant for TLS clients"},
    {X509_V_ERR_INVALID_CA, "%s is not that of a CA"},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, "%s may not have so many CAs below it"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, "%s has a wrong signature"},
    {X509_V_ERR_EE_KEY_TOO_SMALL, "%s has a key that is too weak"},
    {X509_V_ERR_CA_KEY_TOO_SMALL, "%s has a key that is too weak"},
    {X509_V_ERR_CA_MD_TOO_WEAK, "%s has a signature that is too weak"},
    {X509_V_ERR_UNABLE_TO_GET_CRL, "there is no CRL for %s"},
    {X509_V_ERR_CRL_HAS_EXPIRED, "the CRL for %s is stale"},
    {X509_V_ERR_CRL_NOT_YET_VALID, "the CRL for %s is not valid yet"},
};

static const char *
find_words(int error)
{
    for (size_t i = 0; i < COUNT_OF(phrases); i++)
        if (phrases[i].error == error)
            return phrases[i].words;
    return NULL;
}

void
tls_verify_explain(X509_STORE_CTX *store_ctx, struct text *why)
{
    int error = X509_STORE_CTX_get_error(store_ctx);
    X509 *x509 = X509_STORE_CTX_get_current_cert(store_ctx);
    const char *who = X509_STORE_CTX_get_error_depth(store_ctx) == 0
                          ? "the client's certificate"
                          : "a CA's certificate of the client's chain";
    const char *words = find_words(error), *gap;

    if (words != NULL) {
        gap = words;
        while (*gap != '%')
            gap++;
        text_add_bytes(why, words, (size_t)(gap - words));
        text_add(why, who);
        text_add(why, gap + 2);
    } else {
        text_addf(why, "%s: %s", who, X509_verify_cert_error_string(error));
    }
    if (x509 == NULL)
        return;
    text_add(why, ": ");
    client_names_show(x509, why);
}
