/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert_light.h"

#include "base/attr.h"
#include "tls/tls_conf.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <stdbool.h>

/*
 * A provider (see provider(7)) of a library context of our own, in which certificates are
 * decoded: instead of a public key it gives a stand-in, which is filled in afterwards. Its
 * digests are those of the default provider.
 */
static OSSL_LIB_CTX *library;
static OSSL_PROVIDER *default_provider;
static OSSL_FUNC_BIO_read_ex_fn *read_bio;

static char stand_in; /* the one key that there is; it has no contents */

/* ---- Keys ---- */

static void *
new_key(void *context ATTR_UNUSED)
{
    return &stand_in;
}

static void
free_key(void *key ATTR_UNUSED)
{
}

static int
has_key(const void *key ATTR_UNUSED, int selection ATTR_UNUSED)
{
    return 1;
}

static void *
load_key(const void *reference ATTR_UNUSED, size_t size ATTR_UNUSED)
{
    return &stand_in;
}

static const OSSL_DISPATCH key_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))new_key},
    {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))free_key},
    {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))has_key},
    {OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))load_key},
    {0, NULL},
};

static const OSSL_ALGORITHM keys[] = {
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=light", key_functions, NULL},
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=light", key_functions, NULL},
    {NULL, NULL, NULL, NULL},
};

/* ---- Their decoders ---- */

/* Takes all of the input, or libcrypto finds that something is left. */
static int
give(char *type, OSSL_CORE_BIO *in, OSSL_CALLBACK *give_object, void *arg)
{
    void *reference = &stand_in;
    int kind = OSSL_OBJECT_PKEY;
    char ignored[1024];
    size_t len;
    OSSL_PARAM object[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &kind),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, type, 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &reference,
                                          sizeof(reference)),
        OSSL_PARAM_construct_end(),
    };

    while (read_bio(in, ignored, sizeof(ignored), &len) == 1 && len > 0)
        ;
    return give_object(object, arg);
}

static int
give_ec(void *context ATTR_UNUSED, OSSL_CORE_BIO *in, int selection ATTR_UNUSED,
        OSSL_CALLBACK *give_object, void *arg, OSSL_PASSPHRASE_CALLBACK *ask ATTR_UNUSED,
        void *ask_arg ATTR_UNUSED)
{
    char type[] = "EC";

    return give(type, in, give_object, arg);
}

static int
give_rsa(void *context ATTR_UNUSED, OSSL_CORE_BIO *in, int selection ATTR_UNUSED,
         OSSL_CALLBACK *give_object, void *arg, OSSL_PASSPHRASE_CALLBACK *ask ATTR_UNUSED,
         void *ask_arg ATTR_UNUSED)
{
    char type[] = "RSA";

    return give(type, in, give_object, arg);
}

static const OSSL_DISPATCH ec_functions[] = {
    {OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))new_key},
    {OSSL_FUNC_DECODER_FREECTX, (void (*)(void))free_key},
    {OSSL_FUNC_DECODER_DECODE, (void (*)(void))give_ec},
    {0, NULL},
};

static const OSSL_DISPATCH rsa_functions[] = {
    {OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))new_key},
    {OSSL_FUNC_DECODER_FREECTX, (void (*)(void))free_key},
    {OSSL_FUNC_DECODER_DECODE, (void (*)(void))give_rsa},
    {0, NULL},
};

#define OF_X509 "provider=light,input=der,structure=SubjectPublicKeyInfo"

static const OSSL_ALGORITHM decoders[] = {
    {"EC", OF_X509, ec_functions, NULL},
    {"RSA", OF_X509, rsa_functions, NULL},
    {NULL, NULL, NULL, NULL},
};

/* ---- The provider ---- */

static const OSSL_ALGORITHM *
query(void *context ATTR_UNUSED, int operation, int *no_cache)
{
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_KEYMGMT:
        return keys;
    case OSSL_OP_DECODER:
        return decoders;
    case OSSL_OP_DIGEST:
        return OSSL_PROVIDER_query_operation(default_provider, operation, no_cache);
    default:
        return NULL;
    }
}

static const OSSL_DISPATCH provider_functions[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
    {0, NULL},
};

/* The context is that of the default provider, whose digests look into it. */
static int
init_provider(const OSSL_CORE_HANDLE *handle ATTR_UNUSED, const OSSL_DISPATCH *in,
              const OSSL_DISPATCH **out, void **context)
{
    for (; in->function_id != 0; in++)
        if (in->function_id == OSSL_FUNC_BIO_READ_EX)
            read_bio = OSSL_FUNC_BIO_read_ex(in);
    *out = provider_functions;
    *context = OSSL_PROVIDER_get0_provider_ctx(default_provider);
    return read_bio != NULL;
}

static bool
open_library(void)
{
    static bool tried;

    if (tried)
        return library != NULL;
    tried = true;
    default_provider = tls_conf_default_provider();
    if (default_provider == NULL)
        return false;
    library = OSSL_LIB_CTX_new();
    if (library != NULL &&
        OSSL_PROVIDER_add_builtin(library, "light", init_provider) == 1 &&
        OSSL_PROVIDER_load(library, "light") != NULL)
        return true;
    OSSL_LIB_CTX_free(library);
    library = NULL;
    return false;
}

X509 *
cert_light_decode(const unsigned char *der, size_t len, const struct key_der *key)
{
    EVP_PKEY *pkey = NULL;
    X509 *x509 = open_library() ? X509_new_ex(library, NULL) : NULL;

    if (x509 != NULL && d2i_X509(&x509, &der, (long)len) != NULL)
        pkey = X509_get0_pubkey(x509);
    if (pkey != NULL && key_der_fill(key, pkey) == 0)
        return x509;
    X509_free(x509);
    ERR_clear_error();
    return NULL;
}
