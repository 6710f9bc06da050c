/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/key_remote.h"

#include "base/attr.h"
#include "tls/tls_err.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

/*
 * A provider (see provider(7)) of a library context of its own, so that nothing else is
 * ever done by it: keys that are imported by a name, and signatures with them. What is to
 * be known of such a key, its public part knows.
 */
static OSSL_LIB_CTX *library;
static key_remote_asker ask;

static const char magic[KEY_REMOTE_MARK_LEN - KEY_REMOTE_ID] = "sallyport-remote";

/* The parameters of a key's import; the second is an EVP_PKEY *. */
#define PARAM_ID "sallyport-id"
#define PARAM_PUBLIC "sallyport-public"

struct remote {
    unsigned char id[KEY_REMOTE_ID];
    EVP_PKEY *public;
};

/* ---- Keys ---- */

static void *
new_key(void *context ATTR_UNUSED)
{
    return calloc(1, sizeof(struct remote));
}

static void
free_key(void *key)
{
    struct remote *remote = key;

    if (remote != NULL)
        EVP_PKEY_free(remote->public);
    free(remote);
}

static int
has_key(const void *key ATTR_UNUSED, int selection ATTR_UNUSED)
{
    return 1;
}

/* Ours alone: what other providers want to hand over has no such parameters. */
static int
import_key(void *key, int selection ATTR_UNUSED, const OSSL_PARAM params[])
{
    const OSSL_PARAM *id = OSSL_PARAM_locate_const(params, PARAM_ID);
    const OSSL_PARAM *public = OSSL_PARAM_locate_const(params, PARAM_PUBLIC);
    struct remote *remote = key;

    if (id == NULL || public == NULL || id->data_size != sizeof(remote->id) ||
        public->data_size != sizeof(EVP_PKEY *))
        return 0;
    memcpy(remote->id, id->data, sizeof(remote->id));
    memcpy(&remote->public, public->data, sizeof(EVP_PKEY *));
    return EVP_PKEY_up_ref(remote->public);
}

static const OSSL_PARAM *
import_types(int selection ATTR_UNUSED)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_octet_string(PARAM_ID, NULL, 0),
        OSSL_PARAM_octet_string(PARAM_PUBLIC, NULL, 0),
        OSSL_PARAM_END,
    };

    return types;
}

/* The public part, for whom compares it with a certificate's. */
static int
export_key(void *key, int selection, OSSL_CALLBACK *give, void *arg)
{
    const struct remote *remote = key;
    OSSL_PARAM *params = NULL;
    int ok = 0;

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 &&
        EVP_PKEY_todata(remote->public, EVP_PKEY_PUBLIC_KEY, &params) == 1)
        ok = give(params, arg);
    OSSL_PARAM_free(params);
    return ok;
}

/* Depends on the kind of key; nobody asks. */
static const OSSL_PARAM *
no_types(int selection ATTR_UNUSED)
{
    static const OSSL_PARAM none[] = {OSSL_PARAM_END};

    return none;
}

static int
get_params(void *key, OSSL_PARAM params[])
{
    const struct remote *remote = key;

    return EVP_PKEY_get_params(remote->public, params);
}

static const OSSL_PARAM *
gettable_params(void *context ATTR_UNUSED)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_END,
    };

    return gettable;
}

static const OSSL_DISPATCH key_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))new_key},
    {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))free_key},
    {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))has_key},
    {OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import_key},
    {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))import_types},
    {OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))export_key},
    {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))no_types},
    {OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))get_params},
    {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))gettable_params},
    {0, NULL},
};

/* ---- Signatures ---- */

struct signing {
    const struct remote *remote; /* of the EVP_PKEY, which outlives this */
    char digest[32];
    bool pss;
};

static void *
new_signing(void *context ATTR_UNUSED, const char *properties ATTR_UNUSED)
{
    return calloc(1, sizeof(struct signing));
}

/* A parameter that OpenSSL gives as a word or as a number. */
static bool
is_param(const OSSL_PARAM *param, const char *word, int number)
{
    int value;

    if (param->data_type == OSSL_PARAM_UTF8_STRING)
        return param->data != NULL && strcmp(param->data, word) == 0;
    return OSSL_PARAM_get_int(param, &value) == 1 && value == number;
}

/* What TLS asks for, and nothing else (RFC 8446, section 4.2.3). */
static int
set_signing_params(void *context, const OSSL_PARAM params[])
{
    const OSSL_PARAM *padding =
        params != NULL ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE)
                       : NULL;
    const OSSL_PARAM *salt =
        params != NULL ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN)
                       : NULL;
    struct signing *signing = context;

    if (padding != NULL) {
        signing->pss = is_param(padding, OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING);
        if (!signing->pss &&
            !is_param(padding, OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING))
            return 0;
    }
    return salt == NULL ||
           is_param(salt, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST);
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

static int
begin_signing(void *context, const char *digest, void *key, const OSSL_PARAM params[])
{
    struct signing *signing = context;

    *signing = (struct signing){.remote = key};
    if (digest != NULL && strlen(digest) >= sizeof(signing->digest))
        return 0;
    if (digest != NULL)
        memcpy(signing->digest, digest, strlen(digest) + 1);
    return key != NULL && set_signing_params(signing, params);
}

static size_t
ask_for(const struct signing *signing, const unsigned char *data, size_t len,
        unsigned char *signature)
{
    struct key_remote_request request = {.pss = signing->pss, .len = (uint32_t)len};

    if (ask == NULL || len > sizeof(request.data))
        return 0;
    memcpy(request.id, signing->remote->id, sizeof(request.id));
    memcpy(request.digest, signing->digest, sizeof(request.digest));
    memcpy(request.data, data, len);
    return ask(&request, signature);
}

static int
sign(void *context, unsigned char *signature, size_t *signature_len, size_t size,
     const unsigned char *data, size_t len)
{
    const struct signing *signing = context;
    unsigned char made[KEY_REMOTE_SIGNATURE_MAX];
    size_t made_len;

    if (signature == NULL) {
        *signature_len = (size_t)EVP_PKEY_get_size(signing->remote->public);
        return 1;
    }
    made_len = ask_for(signing, data, len, made);
    if (made_len == 0 || made_len > size) {
        tls_err_put(TLS_ERR_NOT_SIGNED);
        return 0;
    }
    memcpy(signature, made, made_len);
    *signature_len = made_len;
    return 1;
}

static const OSSL_DISPATCH signature_functions[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))new_signing},
    {OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))free},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))begin_signing},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (void (*)(void))sign},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))set_signing_params},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))settable_signing_params},
    {0, NULL},
};

/* ---- The provider ---- */

/* Both by the same names: so none of OpenSSL's own is found for an EC key. */
#define ALGORITHMS(functions)                                                        \
    {                                                                                \
        {"RSA", "provider=remote", functions, NULL},                                 \
            {"EC", "provider=remote", functions, NULL},                              \
            {"ED25519", "provider=remote", functions, NULL},                         \
            {"ED448", "provider=remote", functions, NULL}, {NULL, NULL, NULL, NULL}, \
    }

static const OSSL_ALGORITHM keys[] = ALGORITHMS(key_functions);
static const OSSL_ALGORITHM signatures[] = ALGORITHMS(signature_functions);

static const OSSL_ALGORITHM *
query(void *context ATTR_UNUSED, int operation, int *no_cache)
{
    *no_cache = 0;
    if (operation == OSSL_OP_KEYMGMT)
        return keys;
    return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static const OSSL_DISPATCH provider_functions[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
    {0, NULL},
};

static int
init_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in ATTR_UNUSED,
              const OSSL_DISPATCH **out, void **context)
{
    *out = provider_functions;
    *context = (void *)(uintptr_t)handle;
    return 1;
}

static bool
open_library(void)
{
    if (library != NULL)
        return true;
    library = OSSL_LIB_CTX_new();
    if (library != NULL &&
        OSSL_PROVIDER_add_builtin(library, "remote", init_provider) == 1 &&
        OSSL_PROVIDER_load(library, "remote") != NULL)
        return true;
    OSSL_LIB_CTX_free(library);
    library = NULL;
    return false;
}

/* ---- What others see of it ---- */

int
key_remote_mark(const X509 *x509, struct key_remote_mark *mark,
                unsigned char id[KEY_REMOTE_ID])
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
    bool good = len > 0 && SHA256(der, (size_t)len, id) != NULL;

    OPENSSL_free(der);
    memcpy(mark->bytes, magic, sizeof(magic));
    memcpy(mark->bytes + sizeof(magic), id, KEY_REMOTE_ID);
    return good ? 0 : -1;
}

bool
key_remote_is_mark(const unsigned char *bytes, size_t len)
{
    return len == KEY_REMOTE_MARK_LEN && memcmp(bytes, magic, sizeof(magic)) == 0;
}

EVP_PKEY *
key_remote_make(const unsigned char *mark, X509 *x509)
{
    EVP_PKEY *public = X509_get0_pubkey(x509), *pkey = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(
            PARAM_ID, (void *)(uintptr_t)(mark + sizeof(magic)), KEY_REMOTE_ID),
        OSSL_PARAM_construct_octet_string(PARAM_PUBLIC, (void *)&public,
                                          sizeof(EVP_PKEY *)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *context = NULL;

    if (public != NULL && open_library())
        context =
            EVP_PKEY_CTX_new_from_name(library, EVP_PKEY_get0_type_name(public), NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return pkey;
}

void
key_remote_ask_by(key_remote_asker asker)
{
    ask = asker;
}
