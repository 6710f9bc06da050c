/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/attr.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A provider for tests: a token of a sort, whose private keys cannot be had. The URI
 * "token:FILE" is the key in that PEM file, if it can be read and, where there is a file
 * FILE.pin beside it, if the passphrase is what stands in that. The file is read for each
 * signature, as tokens do that are files; without it, the token does not sign. What is
 * done with keys is done by the default provider of a library context of its own.
 */
static OSSL_LIB_CTX *library;

struct key {
    char *path;
    EVP_PKEY *pkey;
};

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                       const OSSL_DISPATCH **out, void **context);

static EVP_PKEY *
read_key(const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    EVP_PKEY *pkey = NULL;

    if (file != NULL)
        pkey = PEM_read_bio_PrivateKey_ex(file, NULL, NULL, NULL, library, NULL);
    BIO_free(file);
    return pkey;
}

/* ---- Keys ---- */

static void *
new_key(void *context ATTR_UNUSED)
{
    return calloc(1, sizeof(struct key));
}

static void
free_key(void *arg)
{
    struct key *key = arg;

    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    free(key->path);
    free(key);
}

static int
has_key(const void *key ATTR_UNUSED, int selection ATTR_UNUSED)
{
    return 1;
}

/* A reference is a struct key *, which is taken. */
static void *
load_key(const void *reference, size_t size)
{
    struct key *key;

    if (size != sizeof(key))
        return NULL;
    memcpy(&key, reference, sizeof(key));
    return key;
}

static int
export_key(void *arg, int selection, OSSL_CALLBACK *give, void *give_arg)
{
    const struct key *key = arg;
    OSSL_PARAM *params = NULL;
    int ok = 0;

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 &&
        EVP_PKEY_todata(key->pkey, EVP_PKEY_PUBLIC_KEY, &params) == 1)
        ok = give(params, give_arg);
    OSSL_PARAM_free(params);
    return ok;
}

static const OSSL_PARAM none[] = {OSSL_PARAM_END};

static const OSSL_PARAM *
export_types(int selection ATTR_UNUSED)
{
    return none;
}

static int
get_params(void *arg, OSSL_PARAM params[])
{
    const struct key *key = arg;

    return EVP_PKEY_get_params(key->pkey, params);
}

static const OSSL_PARAM *
gettable_params(void *context ATTR_UNUSED)
{
    return none;
}

static const OSSL_DISPATCH key_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))new_key},
    {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))free_key},
    {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))has_key},
    {OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))load_key},
    {OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))export_key},
    {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))export_types},
    {OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))get_params},
    {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))gettable_params},
    {0, NULL},
};

/* ---- Signatures ---- */

struct signing {
    EVP_MD_CTX *md;
    EVP_PKEY_CTX *context;
};

static void *
new_signing(void *context ATTR_UNUSED, const char *properties ATTR_UNUSED)
{
    return calloc(1, sizeof(struct signing));
}

static void
free_signing(void *arg)
{
    struct signing *signing = arg;

    EVP_MD_CTX_free(signing->md);
    free(signing);
}

static int
begin_signing(void *arg, const char *digest, void *key_arg, const OSSL_PARAM params[])
{
    struct signing *signing = arg;
    const struct key *key = key_arg;
    EVP_PKEY *pkey = key != NULL ? read_key(key->path) : NULL;
    int ok;

    EVP_MD_CTX_free(signing->md);
    signing->md = EVP_MD_CTX_new();
    ok = signing->md != NULL && pkey != NULL &&
         EVP_DigestSignInit_ex(signing->md, &signing->context, digest, library, NULL, pkey,
                               params) == 1;
    EVP_PKEY_free(pkey);
    return ok;
}

static int
sign(void *arg, unsigned char *signature, size_t *signature_len, size_t size,
     const unsigned char *data, size_t len)
{
    const struct signing *signing = arg;

    *signature_len = size;
    return EVP_DigestSign(signing->md, signature, signature_len, data, len);
}

static int
set_signing_params(void *arg, const OSSL_PARAM params[])
{
    const struct signing *signing = arg;

    return signing->context == NULL || EVP_PKEY_CTX_set_params(signing->context, params);
}

static const OSSL_PARAM *
settable_signing_params(void *signing ATTR_UNUSED, void *context ATTR_UNUSED)
{
    static const OSSL_PARAM settable[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_END,
    };

    return settable;
}

static const OSSL_DISPATCH signature_functions[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))new_signing},
    {OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))free_signing},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))begin_signing},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (void (*)(void))sign},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))set_signing_params},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))settable_signing_params},
    {0, NULL},
};

/* ---- URIs ---- */

struct store {
    char path[512];
    int is_read;
};

static void *
open_store(void *context ATTR_UNUSED, const char *uri)
{
    struct store *store = calloc(1, sizeof(*store));

    if (store != NULL)
        snprintf(store->path, sizeof(store->path), "%s", uri + strlen("token:"));
    return store;
}

static int
set_store_params(void *store ATTR_UNUSED, const OSSL_PARAM params[] ATTR_UNUSED)
{
    return 1;
}

static int
is_admitted(const struct store *store, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
    char path[600], wanted[64] = "", given[64];
    size_t len = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s.pin", store->path);
    file = fopen(path, "re");
    if (file == NULL)
        return 1;
    if (fgets(wanted, sizeof(wanted), file) == NULL)
        *wanted = '\0';
    fclose(file);
    wanted[strcspn(wanted, "\n")] = '\0';
    return ask(given, sizeof(given), &len, none, ask_arg) == 1 && len == strlen(wanted) &&
           memcmp(given, wanted, len) == 0;
}

static int
give_key(struct key *key, OSSL_CALLBACK *give, void *arg)
{
    int kind = OSSL_OBJECT_PKEY;
    char type[32];
    OSSL_PARAM object[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &kind),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, type, 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &key, sizeof(key)),
        OSSL_PARAM_construct_end(),
    };

    snprintf(type, sizeof(type), "%s", EVP_PKEY_get0_type_name(key->pkey));
    return give(object, arg);
}

static int
load_store(void *arg, OSSL_CALLBACK *give, void *give_arg, OSSL_PASSPHRASE_CALLBACK *ask,
           void *ask_arg)
{
    struct store *store = arg;
    struct key *key = calloc(1, sizeof(*key));

    store->is_read = 1;
    if (key != NULL)
        key->path = strdup(store->path);
    if (key != NULL && is_admitted(store, ask, ask_arg))
        key->pkey = read_key(store->path);
    if (key != NULL && key->pkey != NULL)
        return give_key(key, give, give_arg);
    free_key(key);
    return 0;
}

static int
is_at_end(void *store)
{
    return ((struct store *)store)->is_read;
}

static int
close_store(void *store)
{
    free(store);
    return 1;
}

static const OSSL_DISPATCH store_functions[] = {
    {OSSL_FUNC_STORE_OPEN, (void (*)(void))open_store},
    {OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))set_store_params},
    {OSSL_FUNC_STORE_LOAD, (void (*)(void))load_store},
    {OSSL_FUNC_STORE_EOF, (void (*)(void))is_at_end},
    {OSSL_FUNC_STORE_CLOSE, (void (*)(void))close_store},
    {0, NULL},
};

/* ---- The provider ---- */

static const OSSL_ALGORITHM keys[] = {
    {"RSA", "provider=token", key_functions, NULL},
    {"EC", "provider=token", key_functions, NULL},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM signatures[] = {
    {"RSA", "provider=token", signature_functions, NULL},
    {"EC", "provider=token", signature_functions, NULL},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM stores[] = {
    {"token", "provider=token", store_functions, NULL},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *
query(void *context ATTR_UNUSED, int operation, int *no_cache)
{
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_KEYMGMT:
        return keys;
    case OSSL_OP_SIGNATURE:
        return signatures;
    case OSSL_OP_STORE:
        return stores;
    default:
        return NULL;
    }
}

static void
leave(void *context ATTR_UNUSED)
{
    OSSL_LIB_CTX_free(library);
    library = NULL;
}

static const OSSL_DISPATCH provider_functions[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
    {OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))leave},
    {0, NULL},
};

int
OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in ATTR_UNUSED,
                   const OSSL_DISPATCH **out, void **context)
{
    library = OSSL_LIB_CTX_new();
    *out = provider_functions;
    *context = (void *)(uintptr_t)handle;
    return library != NULL;
}
