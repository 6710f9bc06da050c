/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/check_main.h"
#include "tls/cert.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

static struct pack packed;
static struct cert *cert;

static void
setup(void)
{
    packed = (struct pack){0};
    cert = NULL;
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
    ck_assert_int_eq(cert_pack(cert, &packed), 0);
    again = cert_unpack(packed.data, packed.len);
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
    struct cert *got;

    if (len > 0)
        memcpy(bytes, packed.data, len);
    got = cert_unpack(bytes, len);
    free(bytes);
    return got;
}

START_TEST(every_truncation_is_refused)
{
    make_cert(_i == 0 ? "P-256" : "ED25519", "localhost", NULL, 1);
    ck_assert_int_eq(cert_pack(cert, &packed), 0);
    for (size_t len = 0; len < packed.len; len++)
        ck_assert_msg(unpack_copy(len) == NULL, "%zu of %zu bytes", len, packed.len);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

START_TEST(no_bit_does_harm)
{
    make_cert("P-256", "localhost", NULL, 1);
    ck_assert_int_eq(cert_pack(cert, &packed), 0);
    for (size_t bit = 0; bit < packed.len * 8; bit += 37) {
        packed.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        cert_free(unpack_copy(packed.len));
        ck_assert_uint_eq(ERR_peek_error(), 0);
        packed.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}
END_TEST

START_TEST(without_memory_it_is_not_packed)
{
    make_cert("P-256", "localhost", NULL, 1);
    packed.failed = true;
    ck_assert_int_eq(cert_pack(cert, &packed), -1);
    packed.failed = false;
}
END_TEST

/* ---- What is told of it ---- */

START_TEST(when_it_expires)
{
    int64_t now = (int64_t)time(NULL), then;

    make_cert("P-256", "localhost", NULL, 0);
    then = cert_not_after(cert);
    ck_assert_int_ge(then, now + 86400 - 60);
    ck_assert_int_le(then, now + 86400 + 60);
    /* RFC 5280, 4.1.2.5: a GeneralizedTime that means never. */
    ck_assert_int_eq(
        ASN1_TIME_set_string(X509_getm_notAfter(cert->leaf), "99991231235959Z"), 1);
    ck_assert_int_eq(cert_not_after(cert), INT64_C(253402300799));
    ck_assert_int_eq(ASN1_TIME_set_string(X509_getm_notAfter(cert->leaf), "690101000000Z"),
                     1);
    ck_assert_int_eq(cert_not_after(cert), -INT64_C(31536000));
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
    ck_assert_ptr_eq(cert_subject(cert, buf, sizeof(buf)), buf);
    ck_assert_str_eq(buf, subjects[_i].subject);
}
END_TEST

START_TEST(a_short_buffer_is_not_left)
{
    char buf[8];

    make_cert("P-256", "common.test", _i == 0 ? "DNS:second.test" : NULL, 0);
    for (size_t size = 1; size < sizeof(buf); size++) {
        memset(buf, '#', sizeof(buf));
        (void)cert_subject(cert, buf, size);
        ck_assert_uint_eq(strlen(buf), size - 1);
        ck_assert_int_eq(buf[size], '#');
    }
}
END_TEST

START_TEST(no_name_fits_any_buffer)
{
    char buf[2] = "##";

    make_cert("P-256", NULL, NULL, 0);
    ck_assert_str_eq(cert_subject(cert, buf, 1), "");
    ck_assert_str_eq(cert_subject(cert, buf, 2), "-");
}
END_TEST

static Suite *
cert_pack_suite(void)
{
    Suite *suite = suite_create("cert_pack");
    TCase *tcase = tcase_create("cert_pack");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, all_kinds_of_keys_and_chains, 0, (int)COUNT_OF(kinds));
    tcase_add_loop_test(tcase, every_truncation_is_refused, 0, 2);
    tcase_add_test(tcase, no_bit_does_harm);
    tcase_add_test(tcase, without_memory_it_is_not_packed);
    tcase_add_test(tcase, when_it_expires);
    tcase_add_loop_test(tcase, whose_it_is, 0, (int)COUNT_OF(subjects));
    tcase_add_loop_test(tcase, a_short_buffer_is_not_left, 0, 2);
    tcase_add_test(tcase, no_name_fits_any_buffer);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(cert_pack_suite)
