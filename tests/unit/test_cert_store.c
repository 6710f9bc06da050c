/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert_store.h"

#include "support/check_main.h"
#include "support/seal_cert.h"
#include "tls/cert_cache.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

static struct pack packed;
static struct cert_store store;
static int64_t now;
static struct cert *cert;

static void
setup(void)
{
    packed = (struct pack){0};
    cert = NULL;
    now = time(NULL);
}

static void
teardown(void)
{
    pack_clear(&packed);
    cert_free(cert);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}

/* ---- Certificates as one may come across ---- */

static EVP_PKEY *
make_key(const char *kind)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx;

    if (strcmp(kind, "RSA") == 0)
        key = EVP_RSA_gen(1024);
    else if (strncmp(kind, "P-", 2) == 0)
        key = EVP_EC_gen(kind);
    if (key != NULL)
        return key;
    ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    ck_assert_ptr_nonnull(ctx);
    ck_assert_int_eq(EVP_PKEY_keygen_init(ctx), 1);
    if (strcmp(kind, "RSA-PSS") == 0)
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 1024), 1);
    ck_assert_int_eq(EVP_PKEY_generate(ctx, &key), 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void
add_alt_names(X509 *x509, const char *names)
{
    X509_EXTENSION *extension =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* Good for a day. name: its common name, or NULL; names: the subject's others, or NULL. */
static X509 *
make_x509(EVP_PKEY *key, const char *name, const char *names)
{
    X509 *x509 = X509_new();
    const EVP_MD *digest = EVP_sha256();

    if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
        digest = NULL;
    ck_assert_ptr_nonnull(x509);
    ck_assert_int_eq(X509_set_version(x509, X509_VERSION_3), 1);
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(x509), -3600));
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(x509), 86400));
    ck_assert_int_eq(X509_set_pubkey(x509, key), 1);
    if (name != NULL)
        ck_assert_int_eq(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN",
                                                    MBSTRING_UTF8,
                                                    (const unsigned char *)name, -1, -1, 0),
                         1);
    if (names != NULL)
        add_alt_names(x509, names);
    ck_assert_int_ne(X509_sign(x509, key, digest), 0);
    return x509;
}

static void
make_cert(const char *kind, const char *name, const char *names, int chain)
{
    cert = calloc(1, sizeof(*cert));
    ck_assert_ptr_nonnull(cert);
    cert->key = make_key(kind);
    cert->leaf = make_x509(cert->key, name, names);
    cert->chain = sk_X509_new_null();
    ck_assert_ptr_nonnull(cert->chain);
    for (int i = 0; i < chain; i++) {
        char issuer[16];

        snprintf(issuer, sizeof(issuer), "CA %d", i);
        ck_assert_int_gt(sk_X509_push(cert->chain, make_x509(cert->key, issuer, NULL)), 0);
    }
}

/* ---- There and back ---- */

static void
assert_same(const struct cert *a, const struct cert *b)
{
    ck_assert_int_eq(X509_cmp(a->leaf, b->leaf), 0);
    ck_assert_int_eq(EVP_PKEY_get_id(a->key), EVP_PKEY_get_id(b->key));
    ck_assert_int_eq(EVP_PKEY_eq(a->key, b->key), 1);
    ck_assert_int_eq(X509_check_private_key(a->leaf, a->key), 1);
    ck_assert_int_eq(sk_X509_num(a->chain), sk_X509_num(b->chain));
    for (int i = 0; i < sk_X509_num(a->chain); i++)
        ck_assert_int_eq(X509_cmp(sk_X509_value(a->chain, i), sk_X509_value(b->chain, i)),
                         0);
}

static const struct {
    const char *kind;
    int chain;
} kinds[] = {
    {"RSA", 0},   {"RSA", 3},     {"RSA-PSS", 1}, {"P-256", 0},
    {"P-384", 2}, {"ED25519", 0}, {"ED25519", 1}, {"ED448", 0},
};

START_TEST(all_kinds_of_keys_and_chains)
{
    const EVP_MD *digest = strncmp(kinds[_i].kind, "ED", 2) == 0 ? NULL : EVP_sha256();
    struct cert *again;

    make_cert(kinds[_i].kind, "localhost", "DNS:localhost", kinds[_i].chain);
    seal_cert(&packed, cert);
    ck_assert_int_eq(cert_store_open(&store, packed.data, packed.len), 0);
    again = cert_store_decode_whole(&store, 0);
    ck_assert_ptr_nonnull(again);
    assert_same(again, cert);
    ck_assert_int_ne(X509_sign(again->leaf, again->key, digest), 0); /* the key works */
    ck_assert_int_eq(X509_verify(again->leaf, cert->key), 1);
    cert_free(again);
}
END_TEST

/* From memory of exactly that size: a sanitizer sees the first byte too many. */
static struct cert *
unpack_copy(size_t len)
{
    unsigned char *bytes = malloc(len);
    uint32_t chosen[CERT_STORE_CHOSEN];
    struct cert_store copy;
    struct cert *got = NULL;

    if (len > 0)
        memcpy(bytes, packed.data, len);
    if (cert_store_open(&copy, bytes, len) == 0) {
        (void)cert_store_choose(&copy, "localhost", false, now, chosen);
        (void)cert_store_facts(&copy, 0);
        got = cert_store_decode_whole(&copy, 0);
    }
    free(bytes);
    return got;
}

START_TEST(every_truncation_is_refused)
{
    make_cert(_i == 0 ? "P-256" : "ED25519", "localhost", NULL, 1);
    seal_cert(&packed, cert);
    for (size_t len = 0; len < packed.len; len++)
        ck_assert_msg(unpack_copy(len) == NULL, "%zu of %zu bytes", len, packed.len);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

START_TEST(no_bit_does_harm)
{
    make_cert("P-256", "localhost", NULL, 1);
    seal_cert(&packed, cert);
    for (size_t bit = 0; bit < packed.len * 8; bit += 37) {
        packed.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        cert_free(unpack_copy(packed.len));
        ck_assert_uint_eq(ERR_peek_error(), 0);
        packed.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}
END_TEST

/* ---- Many of them ---- */

#define MANY 8

static struct cert *many[MANY];

/* Of the given kind, for these names, valid from and for so many days from now on. */
static void
make_one(size_t i, const char *kind, const char *names, long from, long days)
{
    make_cert(kind, "common.test", names, 0);
    X509_time_adj_ex(X509_getm_notBefore(cert->leaf), (int)from, 0, NULL);
    X509_time_adj_ex(X509_getm_notAfter(cert->leaf), (int)days, 0, NULL);
    ck_assert_int_ne(X509_sign(cert->leaf, cert->key, EVP_sha256()), 0);
    many[i] = cert;
    cert = NULL;
}

static void
seal_many(size_t count, uint32_t standard, uint32_t most)
{
    seal_certs(&packed, many, count, standard, most);
    for (size_t i = 0; i < count; i++)
        cert_free(many[i]);
    ck_assert_int_eq(cert_store_open(&store, packed.data, packed.len), 0);
}

/* The numbers that are chosen, as "1 2". */
static const char *
choose(const char *name, bool strict)
{
    static char text[64];
    uint32_t chosen[CERT_STORE_CHOSEN];
    size_t count = cert_store_choose(&store, name, strict, now, chosen), len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u", i > 0 ? " " : "",
                                (unsigned)chosen[i]);
    return text;
}

START_TEST(exact_then_wildcard_then_standard)
{
    make_one(0, "P-256", "DNS:a.test", -1, 1);
    make_one(1, "P-256", "DNS:*.test,DNS:test", -1, 1);
    make_one(2, "P-256", "DNS:standard.example", -1, 1);
    make_one(3, "P-256", "DNS:*.b.test", -1, 1);
    seal_many(4, 2, 8);
    ck_assert_str_eq(choose("a.test", false), "0");
    ck_assert_str_eq(choose("b.test", false), "1");
    ck_assert_str_eq(choose("test", false), "1");
    ck_assert_str_eq(choose("x.b.test", false), "3");
    ck_assert_str_eq(choose("x.a.test", false), "2");
    ck_assert_str_eq(choose("elsewhere.example", false), "2");
    ck_assert_str_eq(choose("common.test", false), "1"); /* no common name beside others */
    ck_assert_str_eq(choose(NULL, false), "2");
    ck_assert_str_eq(choose("a.test", true), "0");
    ck_assert_str_eq(choose("elsewhere.example", true), "");
    ck_assert_str_eq(choose(NULL, true), "");
}
END_TEST

START_TEST(common_name_where_there_is_no_other)
{
    make_one(0, "P-256", "DNS:a.test", -1, 1);
    make_one(1, "P-256", NULL, -1, 1);
    make_one(2, "P-256", "IP:127.0.0.1", -1, 1);
    seal_many(3, 0, 8);
    ck_assert_str_eq(choose("common.test", true), "1");
}
END_TEST

START_TEST(one_of_each_type)
{
    make_one(0, "P-256", "DNS:a.test", -1, 1);
    make_one(1, "RSA", "DNS:a.test", -1, 1);
    make_one(2, "P-384", "DNS:a.test", -1, 1);
    make_one(3, "RSA", "DNS:b.test,DNS:a.test", -1, 1);
    seal_many(4, 3, 8);
    ck_assert_str_eq(choose("a.test", false), "0 1");
    ck_assert_str_eq(choose("b.test", false), "3");
    ck_assert_str_eq(choose(NULL, false), "3");
}
END_TEST

/* The standard one comes first, whatever its place, and with it others for its name. */
START_TEST(standard_has_companions)
{
    make_one(0, "P-256", "DNS:a.test", -1, 1);
    make_one(1, "RSA", "DNS:a.test", -1, 1);
    make_one(2, "P-256", "DNS:a.test", -1, 1);
    seal_many(3, 2, 8);
    ck_assert_str_eq(choose(NULL, false), "2 1");
    ck_assert_str_eq(choose("a.test", false), "0 1");
}
END_TEST

START_TEST(valid_before_expired)
{
    make_one(0, "P-256", "DNS:a.test", -9, -1);
    make_one(1, "P-256", "DNS:a.test", 1, 9);
    make_one(2, "P-256", "DNS:a.test", -1, 1);
    make_one(3, "RSA", "DNS:a.test", -9, -1);
    make_one(4, "P-256", "DNS:b.test", -9, -1);
    make_one(5, "P-256", "DNS:*.test", -1, 1);
    make_one(6, "RSA", "DNS:old.example", -9, -1);
    seal_many(7, 0, 8);
    ck_assert_str_eq(choose("a.test", false), "2");
    ck_assert_str_eq(choose("b.test", false), "5");      /* a wildcard that is valid */
    ck_assert_str_eq(choose("old.example", false), "6"); /* there is no other */
    ck_assert_str_eq(choose(NULL, false), "2");
    now += 2 * 86400;
    ck_assert_str_eq(choose("a.test", false), "1");
    now += 100 * 86400;
    ck_assert_str_eq(choose("a.test", false), "0 3");
    ck_assert_str_eq(choose("b.test", false), "4");
}
END_TEST

/* Thousands have one issuer: it is there once. */
START_TEST(issuers_are_shared)
{
    struct cert *issuer;

    make_cert("P-256", "issuer", NULL, 2);
    issuer = cert;
    for (size_t i = 0; i < 3; i++) {
        make_one(i, "P-256", "DNS:a.test", -1, 1);
        for (int j = 0; j < 2; j++) {
            X509 *next = sk_X509_value(issuer->chain, j);

            ck_assert_int_gt(sk_X509_push(many[i]->chain, next), 0);
            X509_up_ref(next);
        }
    }
    cert = issuer;
    seal_many(3, 0, 8);
    ck_assert_uint_eq(store.issuers, 2);
    ck_assert_uint_eq(store.links, 6);
    for (uint32_t i = 0; i < 3; i++) {
        struct cert *again = cert_store_decode_whole(&store, i);

        ck_assert_int_eq(sk_X509_num(again->chain), 2);
        ck_assert_int_eq(
            X509_cmp(sk_X509_value(again->chain, 1), sk_X509_value(issuer->chain, 1)), 0);
        cert_free(again);
    }
}
END_TEST

START_TEST(a_cache_is_bounded)
{
    struct cert_cache *cache;
    const struct cert *first;
    X509 *kept;

    for (size_t i = 0; i < 4; i++)
        make_one(i, "P-256", "DNS:a.test", -1, 1);
    seal_many(4, 0, 2);
    cache = cert_cache_new(packed.data, packed.len);
    ck_assert_ptr_nonnull(cache);
    ck_assert_uint_eq(cert_cache_count(cache), 0);
    first = cert_cache_get(cache, 0);
    kept = first->leaf;
    X509_up_ref(kept); /* by a handshake */
    (void)cert_cache_get(cache, 1);
    ck_assert_ptr_eq(cert_cache_get(cache, 0), first);
    (void)cert_cache_get(cache, 2); /* 1 goes: 0 was used since */
    ck_assert_uint_eq(cert_cache_count(cache), 2);
    ck_assert_ptr_eq(cert_cache_get(cache, 0), first);
    (void)cert_cache_get(cache, 3);
    (void)cert_cache_get(cache, 1);
    ck_assert_uint_eq(cert_cache_count(cache), 2);
    ck_assert_ptr_nonnull(X509_get0_pubkey(kept));
    X509_free(kept);
    ck_assert_ptr_null(cert_cache_get(cache, 4));
    cert_cache_flush(cache);
    ck_assert_uint_eq(cert_cache_count(cache), 0);
    ck_assert_ptr_nonnull(cert_cache_get(cache, 3));
    cert_cache_free(cache);
}
END_TEST

/* ---- What is told of it ---- */

START_TEST(when_it_expires)
{
    int64_t then;

    make_cert("P-256", "localhost", NULL, 0);
    then = cert_time(X509_get0_notAfter(cert->leaf));
    ck_assert_int_ge(then, now + 86400 - 60);
    ck_assert_int_le(then, now + 86400 + 60);
    /* RFC 5280, 4.1.2.5: a GeneralizedTime that means never. */
    ck_assert_int_eq(
        ASN1_TIME_set_string(X509_getm_notAfter(cert->leaf), "99991231235959Z"), 1);
    ck_assert_int_eq(cert_time(X509_get0_notAfter(cert->leaf)), INT64_C(253402300799));
    ck_assert_int_eq(ASN1_TIME_set_string(X509_getm_notAfter(cert->leaf), "690101000000Z"),
                     1);
    ck_assert_int_eq(cert_time(X509_get0_notAfter(cert->leaf)), -INT64_C(31536000));
}
END_TEST

static const struct {
    const char *name, *names, *subject;
} subjects[] = {
    {"common.test", NULL, "common.test"},
    {"common.test", "DNS:*.first.test,DNS:second.test", "*.first.test"},
    {"common.test", "IP:127.0.0.1,DNS:second.test", "second.test"},
    {"common.test", "IP:127.0.0.1", "common.test"},
    {NULL, "DNS:only.test", "only.test"},
    {NULL, "IP:127.0.0.1", "-"},
    {NULL, NULL, "-"},
};

START_TEST(whose_it_is)
{
    char buf[256];

    make_cert("P-256", subjects[_i].name, subjects[_i].names, 0);
    ck_assert_ptr_eq(cert_subject(cert->leaf, buf, sizeof(buf)), buf);
    ck_assert_str_eq(buf, subjects[_i].subject);
}
END_TEST

START_TEST(a_short_buffer_is_not_left)
{
    char buf[8];

    make_cert("P-256", "common.test", _i == 0 ? "DNS:second.test" : NULL, 0);
    for (size_t size = 1; size < sizeof(buf); size++) {
        memset(buf, '#', sizeof(buf));
        (void)cert_subject(cert->leaf, buf, size);
        ck_assert_uint_eq(strlen(buf), size - 1);
        ck_assert_int_eq(buf[size], '#');
    }
}
END_TEST

START_TEST(no_name_fits_any_buffer)
{
    char buf[2] = "##";

    make_cert("P-256", NULL, NULL, 0);
    ck_assert_str_eq(cert_subject(cert->leaf, buf, 1), "");
    ck_assert_str_eq(cert_subject(cert->leaf, buf, 2), "-");
}
END_TEST

/* The new one has one more in front, and another one for the last. */
START_TEST(a_cache_is_adopted)
{
    struct pack before = {0};
    struct cert_cache *old, *new;
    const struct cert *kept[3];

    for (size_t i = 0; i < 5; i++)
        make_one(i, "P-256", "DNS:a.test", -1, 1);
    seal_certs(&before, many, 4, 0, 4);
    seal_certs(&packed, (struct cert *[]){many[4], many[0], many[1], many[2], many[4]}, 5,
               0, 5);
    old = cert_cache_new(before.data, before.len);
    new = cert_cache_new(packed.data, packed.len);
    for (uint32_t i = 0; i < 3; i++)
        kept[i] = cert_cache_get(old, i);
    (void)cert_cache_get(old, 3);
    (void)cert_cache_get(new, 1); /* decoded by both */
    cert_cache_adopt(new, old);
    ck_assert_uint_eq(cert_cache_count(old), 0);
    ck_assert_uint_eq(cert_cache_count(new), 3);
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_ptr_eq(cert_cache_get(new, i + 1), kept[i]);
    ck_assert_ptr_nonnull(cert_cache_get(old, 3)); /* it goes on */
    cert_cache_free(old);
    ck_assert_int_eq(X509_check_private_key(kept[2]->leaf, kept[2]->key), 1);
    ck_assert_ptr_nonnull(cert_cache_get(new, 4));
    cert_cache_free(new);
    pack_clear(&before);
    for (size_t i = 0; i < 5; i++)
        cert_free(many[i]);
}
END_TEST

static Suite *
cert_store_suite(void)
{
    Suite *suite = suite_create("cert_store");
    TCase *tcase = tcase_create("cert_store");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, all_kinds_of_keys_and_chains, 0, (int)COUNT_OF(kinds));
    tcase_add_loop_test(tcase, every_truncation_is_refused, 0, 2);
    tcase_add_test(tcase, no_bit_does_harm);
    tcase_add_test(tcase, exact_then_wildcard_then_standard);
    tcase_add_test(tcase, common_name_where_there_is_no_other);
    tcase_add_test(tcase, one_of_each_type);
    tcase_add_test(tcase, standard_has_companions);
    tcase_add_test(tcase, valid_before_expired);
    tcase_add_test(tcase, issuers_are_shared);
    tcase_add_test(tcase, a_cache_is_bounded);
    tcase_add_test(tcase, a_cache_is_adopted);
    tcase_add_test(tcase, when_it_expires);
    tcase_add_loop_test(tcase, whose_it_is, 0, (int)COUNT_OF(subjects));
    tcase_add_loop_test(tcase, a_short_buffer_is_not_left, 0, 2);
    tcase_add_test(tcase, no_name_fits_any_buffer);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(cert_store_suite)
