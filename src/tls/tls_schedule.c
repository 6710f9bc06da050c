/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_schedule.h"

#include "base/attr.h"
#include "tls/tls_conf.h"
#include "tls/tls_hkdf.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <stdbool.h>
#include <string.h>

#define NAME OSSL_KDF_NAME_TLS1_3_KDF
#define FUNCTIONS_MAX 16

/* The functions of the default provider, but for the derivation. */
static OSSL_DISPATCH functions[FUNCTIONS_MAX + 1];
static OSSL_FUNC_kdf_derive_fn *derive_there;
static OSSL_PROVIDER *default_provider, *ours; /* loaded for good */

static tls_schedule_fn *listener;
static void *listener_arg;

void
tls_schedule_tell(tls_schedule_fn *fn, void *arg)
{
    listener = fn;
    listener_arg = arg;
}

/* ---- a question of libssl ---- */

/* All of it is in the parameters, every time (EVP_KDF-TLS13_KDF(7)). */
struct question {
    int mode;
    const char *digest; /* NULL: none */
    struct tls_octets key, salt, prefix, label, data;
};

static struct tls_octets *
place_of(struct question *q, const char *name)
{
    if (strcmp(name, OSSL_KDF_PARAM_KEY) == 0)
        return &q->key;
    if (strcmp(name, OSSL_KDF_PARAM_SALT) == 0)
        return &q->salt;
    if (strcmp(name, OSSL_KDF_PARAM_PREFIX) == 0)
        return &q->prefix;
    if (strcmp(name, OSSL_KDF_PARAM_LABEL) == 0)
        return &q->label;
    if (strcmp(name, OSSL_KDF_PARAM_DATA) == 0)
        return &q->data;
    return NULL;
}

static void
read_question(struct question *q, const OSSL_PARAM *param)
{
    *q = (struct question){.mode = -1};
    for (; param != NULL && param->key != NULL; param++) {
        struct tls_octets *place = place_of(q, param->key);

        if (place != NULL && param->data_type == OSSL_PARAM_OCTET_STRING)
            *place = (struct tls_octets){param->data, param->data_size};
        else if (strcmp(param->key, OSSL_KDF_PARAM_DIGEST) == 0)
            q->digest = param->data;
        else if (strcmp(param->key, OSSL_KDF_PARAM_MODE) == 0 &&
                 OSSL_PARAM_get_int(param, &q->mode) != 1)
            q->mode = -1;
    }
}

static bool
is(struct tls_octets octets, const char *text)
{
    return octets.len == strlen(text) && memcmp(octets.data, text, octets.len) == 0;
}

/* Is it one of those that are answered here? */
static bool
knows(const struct question *q, enum tls_hash *hash)
{
    for (int i = 0; i < TLS_HASHES && q->digest != NULL; i++) {
        *hash = (enum tls_hash)i;
        if (strcmp(q->digest, tls_hash_name(*hash)) == 0)
            return is(q->prefix, "tls13 ");
    }
    return false;
}

/* ---- its answer ---- */

/* HKDF-Expand-Label. 1, 0 if it fails, or -1 if somebody else has to do it. */
static int
expand(const struct question *q, enum tls_hash hash, unsigned char *out, size_t len)
{
    if (q->key.len != tls_hash_len(hash) || len > tls_hash_len(hash) ||
        q->label.len > TLS_LABEL_MAX || q->data.len > TLS_CONTEXT_MAX)
        return -1;
    return tls_hkdf_expand(hash, q->key.data, q->label, q->data, out, len) == 0;
}

/* HKDF-Extract, the salt being the secret of before, if any, by Derive-Secret. As expand.
 */
static int
extract(const struct question *q, enum tls_hash hash, unsigned char *out, size_t len)
{
    unsigned char derived[TLS_SECRET_MAX];
    struct tls_octets salt = q->salt;
    int ok = 1;

    if (len != tls_hash_len(hash) || (salt.len != 0 && salt.len != len) ||
        !is(q->label, "derived"))
        return -1;
    if (salt.len > 0) {
        ok = tls_hkdf_derived(hash, salt.data, derived) == 0;
        salt.data = derived;
    }
    ok = ok && tls_hkdf_extract(hash, salt, q->key, out) == 0;
    OPENSSL_cleanse(derived, sizeof(derived));
    return ok;
}

static void
tell(const struct question *q, const unsigned char *secret, size_t len)
{
    if (is(q->label, "s ap traffic"))
        listener(TLS_SCHEDULE_SERVER, secret, len, listener_arg);
    else if (is(q->label, "c ap traffic"))
        listener(TLS_SCHEDULE_CLIENT, secret, len, listener_arg);
}

static int
derive(void *ctx, unsigned char *out, size_t len, const OSSL_PARAM params[])
{
    struct question q;
    enum tls_hash hash;
    int ok = -1;

    read_question(&q, params);
    if (knows(&q, &hash)) {
        if (q.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY)
            ok = expand(&q, hash, out, len);
        else if (q.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY)
            ok = extract(&q, hash, out, len);
    }
    if (ok < 0)
        ok = derive_there(ctx, out, len, params);
    if (ok == 1 && listener != NULL && q.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY)
        tell(&q, out, len);
    return ok;
}

/* ---- the provider ---- */

static const OSSL_ALGORITHM kdfs[] = {
    {NAME, "provider=schedule", functions, NULL},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *
query(void *context ATTR_UNUSED, int operation, int *no_cache)
{
    *no_cache = 0;
    return operation == OSSL_OP_KDF ? kdfs : NULL;
}

static const OSSL_DISPATCH provider_functions[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
    {0, NULL},
};

/* The context is that of the default provider, whose functions look into it. */
static int
init_provider(const OSSL_CORE_HANDLE *handle ATTR_UNUSED,
              const OSSL_DISPATCH *in ATTR_UNUSED, const OSSL_DISPATCH **out,
              void **context)
{
    *out = provider_functions;
    *context = OSSL_PROVIDER_get0_provider_ctx(default_provider);
    return 1;
}

static bool
take_functions(const OSSL_DISPATCH *there)
{
    size_t count = 0;

    for (; there->function_id != 0; there++, count++) {
        if (count == FUNCTIONS_MAX)
            return false;
        functions[count] = *there;
        if (there->function_id == OSSL_FUNC_KDF_DERIVE) {
            derive_there = OSSL_FUNC_kdf_derive(there);
            functions[count].function = (void (*)(void))derive;
        }
    }
    return derive_there != NULL;
}

static bool
find_functions(void)
{
    int no_cache;
    const OSSL_ALGORITHM *found =
        OSSL_PROVIDER_query_operation(default_provider, OSSL_OP_KDF, &no_cache);

    for (; found != NULL && found->algorithm_names != NULL; found++) {
        if (strcmp(found->algorithm_names, NAME) == 0)
            return take_functions(found->implementation);
    }
    return false;
}

static void
set_up(void)
{
    default_provider = tls_conf_default_provider();
    if (default_provider != NULL && find_functions() &&
        OSSL_PROVIDER_add_builtin(NULL, "schedule", init_provider) == 1)
        ours = OSSL_PROVIDER_load(NULL, "schedule");
    if (ours == NULL)
        ERR_clear_error();
}

const char *
tls_schedule_properties(void)
{
    static bool tried;

    if (!tried)
        set_up();
    tried = true;
    return ours != NULL ? "?provider=schedule" : NULL;
}
