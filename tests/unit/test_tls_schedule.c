/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_schedule.h"

#include "support/check_main.h"
#include "tls/tls_hkdf.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <string.h>
#include <strings.h>

#define OUT_MAX 200

static const char *const digests[] = {"SHA2-256", "SHA2-384", "SHA2-512"};
static const size_t digest_len[] = {32, 48, 64};
static const struct tls_octets nothing = {NULL, 0};

/* ---- HKDF by itself ---- */

static void
must_be(const unsigned char *bytes, size_t len, const char *hex)
{
    char got[2 * TLS_SECRET_MAX + 1];

    ck_assert_int_eq(OPENSSL_buf2hexstr_ex(got, sizeof(got), NULL, bytes, len, '\0'), 1);
    ck_assert_int_eq(strcasecmp(got, hex), 0);
}

/* RFC 8448, 3: the schedule of the first handshake, from nothing to the handshake secret.
 */
START_TEST(secrets_are_those_of_the_rfc)
{
    unsigned char secret[TLS_SECRET_MAX], shared[TLS_SECRET_MAX];
    size_t len;

    ck_assert_int_eq(tls_hkdf_extract(TLS_HASH_SHA256, nothing, nothing, secret), 0);
    must_be(secret, 32, "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
    ck_assert_int_eq(tls_hkdf_derived(TLS_HASH_SHA256, secret, secret), 0);
    must_be(secret, 32, "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba");
    ck_assert_int_eq(OPENSSL_hexstr2buf_ex(
                         shared, sizeof(shared), &len,
                         "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d",
                         '\0'),
                     1);
    ck_assert_int_eq(tls_hkdf_extract(TLS_HASH_SHA256, (struct tls_octets){secret, 32},
                                      (struct tls_octets){shared, len}, secret),
                     0);
    must_be(secret, 32, "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
    tls_hkdf_cleanup();
}
END_TEST

/* A salt that is not there must not become the key of before. */
START_TEST(nothing_is_as_good_as_zeros)
{
    static const unsigned char zeros[TLS_SECRET_MAX];
    unsigned char secret[TLS_SECRET_MAX] = "a key of before", other[TLS_SECRET_MAX];
    const struct tls_octets input = {secret, sizeof(secret)};

    ck_assert_int_eq(tls_hkdf_derived(TLS_HASH_SHA384, secret, other), 0);
    ck_assert_int_eq(
        tls_hkdf_extract(TLS_HASH_SHA384, (struct tls_octets){zeros, 48}, input, other), 0);
    ck_assert_int_eq(tls_hkdf_extract(TLS_HASH_SHA384, nothing, input, secret), 0);
    ck_assert_mem_eq(secret, other, 48);
    tls_hkdf_cleanup();
}
END_TEST

START_TEST(what_is_forgotten_does_no_harm)
{
    unsigned char secret[TLS_SECRET_MAX] = "the same secret", one[32], two[32];

    tls_hkdf_forget();
    ck_assert_int_eq(tls_hkdf_derived(TLS_HASH_SHA256, secret, one), 0);
    tls_hkdf_forget();
    tls_hkdf_forget();
    ck_assert_int_eq(tls_hkdf_derived(TLS_HASH_SHA256, secret, two), 0);
    ck_assert_mem_eq(one, two, sizeof(one));
    tls_hkdf_cleanup();
    tls_hkdf_forget();
}
END_TEST

START_TEST(what_is_too_long_is_refused)
{
    unsigned char secret[TLS_SECRET_MAX] = "", out[300] = "";
    const struct tls_octets longest = {out, TLS_LABEL_MAX},
                            longer = {out, TLS_LABEL_MAX + 1};
    const struct tls_octets context = {out, TLS_CONTEXT_MAX}, more = {out, 256};
    enum tls_hash hash = TLS_HASH_SHA256;

    ck_assert_int_eq(tls_hkdf_expand(hash, secret, longest, context, secret, 32), 0);
    ck_assert_int_eq(tls_hkdf_expand(hash, secret, longer, context, secret, 32), -1);
    ck_assert_int_eq(tls_hkdf_expand(hash, secret, longest, more, secret, 32), -1);
    ck_assert_int_eq(tls_hkdf_expand(hash, secret, longest, context, secret, 33), -1);
    tls_hkdf_cleanup();
}
END_TEST

/* ---- the KDF ---- */

/* What libssl can ask; a length of 0 is a parameter that is not there. */
struct question {
    int mode;
    const char *digest;
    size_t key_len, salt_len, data_len, len;
    const char *label, *prefix;
};

static unsigned char key[300], salt[300], data[300];

static void
add(OSSL_PARAM *params, size_t *count, const char *name, unsigned char *bytes, size_t len)
{
    if (len > 0)
        params[(*count)++] = OSSL_PARAM_construct_octet_string(name, bytes, len);
}

/* By the KDF that these properties find. Returns what EVP_KDF_derive returns. */
static int
ask(const char *properties, const struct question *q, unsigned char *out)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, properties);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    int mode = q->mode, status;
    char label[32], prefix[32], digest[32];
    OSSL_PARAM params[8];
    size_t count = 0;

    ck_assert_ptr_nonnull(ctx);
    strcpy(label, q->label);
    strcpy(prefix, q->prefix);
    strcpy(digest, q->digest);
    params[count++] = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
    params[count++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
    add(params, &count, OSSL_KDF_PARAM_KEY, key, q->key_len);
    add(params, &count, OSSL_KDF_PARAM_SALT, salt, q->salt_len);
    add(params, &count, OSSL_KDF_PARAM_DATA, data, q->data_len);
    add(params, &count, OSSL_KDF_PARAM_PREFIX, (unsigned char *)prefix, strlen(prefix));
    add(params, &count, OSSL_KDF_PARAM_LABEL, (unsigned char *)label, strlen(label));
    params[count] = OSSL_PARAM_construct_end();
    status = EVP_KDF_derive(ctx, out, q->len, params);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    ERR_clear_error();
    return status;
}

static unsigned told;
static enum tls_schedule_secret told_which;
static unsigned char told_secret[TLS_SECRET_MAX];

static void
on_secret(enum tls_schedule_secret which, const unsigned char *secret, size_t len,
          void *arg)
{
    ck_assert_ptr_eq(arg, &told);
    ck_assert_uint_le(len, sizeof(told_secret));
    memcpy(told_secret, secret, len);
    told_which = which;
    told++;
}

static void
must_agree(const struct question *q)
{
    unsigned char ours[OUT_MAX] = "", theirs[OUT_MAX] = "";
    int status = ask("provider=default", q, theirs);

    ck_assert_int_eq(ask(tls_schedule_properties(), q, ours), status);
    if (status == 1)
        ck_assert_mem_eq(ours, theirs, q->len);
}

static void
set_up(void)
{
    ck_assert_ptr_nonnull(tls_schedule_properties());
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (unsigned char)(i * 7 + 1);
        salt[i] = (unsigned char)(i * 11 + 5);
        data[i] = (unsigned char)(i * 13 + 3);
    }
}

static void
tear_down(void)
{
    tls_schedule_tell(NULL, NULL);
    tls_hkdf_cleanup();
}

/* It is ours that such a query finds, and the default one without. */
START_TEST(it_is_found)
{
    EVP_KDF *ours =
        EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, tls_schedule_properties());
    EVP_KDF *theirs = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
    EVP_KDF *other = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, tls_schedule_properties());

    ck_assert_str_eq(OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(ours)), "schedule");
    ck_assert_str_eq(OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(theirs)), "default");
    ck_assert_str_eq(OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(other)), "default");
    EVP_KDF_free(ours);
    EVP_KDF_free(theirs);
    EVP_KDF_free(other);
}
END_TEST

/* Both know the same, of whatever length; what only the default one knows included. */
START_TEST(expansions_are_those_of_openssl)
{
    static const char *const labels[] = {"", "key", "c ap traffic", "a label of ours"};
    static const size_t lens[] = {1, 12, 16, 32, 33, 48, 49, 64, 100};
    static const size_t data_lens[] = {0, 1, 32, 48, 255};
    struct question q = {.mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY, .digest = digests[_i]};

    for (size_t i = 0; i < 2 * COUNT_OF(labels) * COUNT_OF(lens) * COUNT_OF(data_lens);
         i++) {
        size_t n = i;

        q.prefix = n % 2 == 0 ? "tls13 " : "dtls13";
        n /= 2;
        q.label = labels[n % COUNT_OF(labels)];
        n /= COUNT_OF(labels);
        q.len = lens[n % COUNT_OF(lens)];
        q.data_len = data_lens[n / COUNT_OF(lens)];
        for (q.key_len = digest_len[_i] - 1; q.key_len <= digest_len[_i] + 1; q.key_len++)
            must_agree(&q);
    }
}
END_TEST

START_TEST(extractions_are_those_of_openssl)
{
    static const size_t key_lens[] = {0, 32, 48, 64, 66, 133};
    struct question q = {.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY,
                         .digest = digests[_i],
                         .label = "derived",
                         .prefix = "tls13 "};

    for (size_t i = 0; i < COUNT_OF(key_lens); i++) {
        q.key_len = key_lens[i];
        for (int j = 0; j < 4; j++) {
            q.salt_len = j % 2 == 0 ? 0 : digest_len[_i];
            q.len = digest_len[_i] + (j < 2 ? 0 : 1);
            must_agree(&q);
        }
    }
}
END_TEST

START_TEST(two_secrets_are_told)
{
    static const struct {
        const char *label;
        int told; /* -1: no */
    } labels[] = {
        {"s ap traffic", TLS_SCHEDULE_SERVER},
        {"c ap traffic", TLS_SCHEDULE_CLIENT},
        {"s hs traffic", -1},
        {"c hs traffic", -1},
        {"exp master", -1},
        {"res master", -1},
    };
    struct question q = {.mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY,
                         .digest = digests[_i],
                         .key_len = digest_len[_i],
                         .data_len = digest_len[_i],
                         .len = digest_len[_i],
                         .prefix = "tls13 "};
    unsigned char out[OUT_MAX];

    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        q.label = labels[i].label;
        told = 0;
        tls_schedule_tell(on_secret, &told);
        ck_assert_int_eq(ask(tls_schedule_properties(), &q, out), 1);
        ck_assert_uint_eq(told, labels[i].told >= 0);
        if (told > 0) {
            ck_assert_int_eq(told_which, labels[i].told);
            ck_assert_mem_eq(told_secret, out, q.len);
        }
        tls_schedule_tell(NULL, NULL);
        ck_assert_int_eq(ask(tls_schedule_properties(), &q, out), 1);
        ck_assert_uint_le(told, 1);
    }
}
END_TEST

static Suite *
tls_schedule_suite(void)
{
    Suite *suite = suite_create("tls_schedule");
    TCase *hkdf = tcase_create("hkdf"), *kdf = tcase_create("kdf");

    tcase_add_test(hkdf, secrets_are_those_of_the_rfc);
    tcase_add_test(hkdf, nothing_is_as_good_as_zeros);
    tcase_add_test(hkdf, what_is_forgotten_does_no_harm);
    tcase_add_test(hkdf, what_is_too_long_is_refused);
    suite_add_tcase(suite, hkdf);
    tcase_add_checked_fixture(kdf, set_up, tear_down);
    tcase_add_test(kdf, it_is_found);
    tcase_add_loop_test(kdf, expansions_are_those_of_openssl, 0, (int)COUNT_OF(digests));
    tcase_add_loop_test(kdf, extractions_are_those_of_openssl, 0, (int)COUNT_OF(digests));
    tcase_add_loop_test(kdf, two_secrets_are_told, 0, 2);
    suite_add_tcase(suite, kdf);
    return suite;
}

CHECK_MAIN(tls_schedule_suite)
