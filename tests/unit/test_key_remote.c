/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/key_keep.h"
#include "tls/key_remote.h"

#include "support/check_main.h"

#include "base/attr.h"
#include "tls/tls_err.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A key in a file stands for one in a token: to key_keep a URI is a URI. */
static char path[64], uri[80];
static EVP_PKEY *real, *remote;
static X509 *x509;
static unsigned char id[KEY_REMOTE_ID];
static struct pack list;
static struct key_keep *keep;
static size_t asked;

static size_t
ask(struct key_remote_request *request, unsigned char *signature)
{
    asked++;
    return key_keep_sign(
        keep, request, offsetof(struct key_remote_request, data) + request->len, signature);
}

static void
write_key(void)
{
    FILE *file;
    int fd;

    strcpy(path, "/tmp/test_key_remote.XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    file = fdopen(fd, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(PEM_write_PrivateKey(file, real, NULL, NULL, 0, NULL, NULL), 1);
    ck_assert_int_eq(fclose(file), 0);
    snprintf(uri, sizeof(uri), "file:%s", path);
}

static struct key_keep *
open_list(const struct key_keep *old)
{
    char why[256];

    return key_keep_open(list.data, list.len, old, why, sizeof(why));
}

/* Takes pkey: the key of the token. */
static void
use(EVP_PKEY *pkey)
{
    struct key_remote_mark mark;

    real = pkey;
    ck_assert_ptr_nonnull(real);
    x509 = X509_new();
    ck_assert_int_eq(X509_set_pubkey(x509, real), 1);
    write_key();
    ck_assert_int_eq(key_remote_mark(x509, &mark, id), 0);
    ck_assert(key_remote_is_mark(mark.bytes, sizeof(mark.bytes)));
    ck_assert(!key_remote_is_mark(mark.bytes, sizeof(mark.bytes) - 1));
    key_keep_pack(&list, id, uri, NULL, 0);
    keep = open_list(NULL);
    ck_assert_ptr_nonnull(keep);
    remote = key_remote_make(mark.bytes, x509);
    ck_assert_ptr_nonnull(remote);
    asked = 0;
    key_remote_ask_by(ask);
}

static void
teardown(void)
{
    key_remote_ask_by(NULL);
    key_keep_free(keep);
    keep = NULL;
    pack_clear(&list);
    EVP_PKEY_free(remote);
    EVP_PKEY_free(real);
    X509_free(x509);
    (void)unlink(path);
}

/* Does a signature by the remote key stand the test of the real one? */
static int
sign(const char *digest, bool pss, unsigned char *signature, size_t *len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *context;
    int ok = EVP_DigestSignInit_ex(md, &context, digest, NULL, NULL, remote, NULL);

    if (ok == 1 && pss) {
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST),
                         1);
    }
    ck_assert_int_eq(EVP_DigestSign(md, NULL, len, (const unsigned char *)"data", 4), 1);
    ck_assert_uint_le(*len, KEY_REMOTE_SIGNATURE_MAX);
    ok = EVP_DigestSign(md, signature, len, (const unsigned char *)"data", 4);
    EVP_MD_CTX_free(md);
    return ok;
}

static void
must_sign(const char *digest, bool pss)
{
    unsigned char signature[KEY_REMOTE_SIGNATURE_MAX];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t len, before = asked;
    EVP_PKEY_CTX *context;

    ck_assert_int_eq(sign(digest, pss, signature, &len), 1);
    ck_assert_uint_eq(asked, before + 1);
    ck_assert_int_eq(EVP_DigestVerifyInit_ex(md, &context, digest, NULL, NULL, real, NULL),
                     1);
    if (pss) {
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST),
                         1);
    }
    ck_assert_int_eq(EVP_DigestVerify(md, signature, len, (const unsigned char *)"data", 4),
                     1);
    EVP_MD_CTX_free(md);
}

START_TEST(rsa_signs_with_both_paddings)
{
    use(EVP_RSA_gen(2048));
    must_sign("SHA256", false);
    must_sign("SHA256", true);
    must_sign("SHA512", true);
}
END_TEST

START_TEST(ec_signs)
{
    use(EVP_EC_gen("P-256"));
    must_sign("SHA256", false);
}
END_TEST

START_TEST(eddsa_signs)
{
    use(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
    must_sign(NULL, false);
}
END_TEST

START_TEST(it_is_the_key_of_its_certificate)
{
    use(EVP_EC_gen("P-384"));
    ck_assert_int_eq(EVP_PKEY_eq(X509_get0_pubkey(x509), remote), 1);
    ck_assert_int_eq(X509_check_private_key(x509, remote), 1);
    ck_assert_int_eq(EVP_PKEY_get_bits(remote), 384);
    EVP_PKEY_free(real);
    real = EVP_EC_gen("P-384");
    ck_assert_int_ne(EVP_PKEY_eq(real, remote), 1);
}
END_TEST

START_TEST(nothing_of_it_can_be_had)
{
    unsigned char *der = NULL;
    OSSL_PARAM *params = NULL;

    use(EVP_EC_gen("P-256"));
    ck_assert_int_le(i2d_PrivateKey(remote, &der), 0);
    ck_assert_int_ne(EVP_PKEY_todata(remote, EVP_PKEY_KEYPAIR, &params), 1);
}
END_TEST

START_TEST(without_a_keeper_it_does_not_sign)
{
    unsigned char signature[KEY_REMOTE_SIGNATURE_MAX];
    char words[128];
    size_t len;

    use(EVP_EC_gen("P-256"));
    key_remote_ask_by(NULL);
    ERR_clear_error();
    ck_assert_int_ne(sign("SHA256", false, signature, &len), 1);
    ck_assert_str_eq(tls_err_take(words, sizeof(words), ""),
                     "the token of the private key has not signed");
}
END_TEST

START_TEST(what_is_open_is_shared_with_the_next_list)
{
    struct key_keep *next;

    use(EVP_EC_gen("P-256"));
    ck_assert_int_eq(unlink(path), 0);
    next = open_list(keep);
    ck_assert_ptr_nonnull(next);
    key_keep_free(keep);
    keep = next;
    must_sign("SHA256", false);
    ck_assert_ptr_null(open_list(NULL));
}
END_TEST

START_TEST(a_key_that_is_not_there_is_told)
{
    char why[256], wanted[256];

    use(EVP_EC_gen("P-256"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_ptr_null(key_keep_open(list.data, list.len, NULL, why, sizeof(why)));
    snprintf(wanted, sizeof(wanted),
             "%s: there is no private key to be had for the user of the workers: ", uri);
    ck_assert_uint_gt(strlen(why), strlen(wanted)); /* then OpenSSL's words */
    ck_assert_int_eq(strncmp(why, wanted, strlen(wanted)), 0);
    ck_assert_ptr_null(key_keep_open(list.data, list.len - 5, NULL, why, sizeof(why)));
}
END_TEST

/* Whoever has taken a worker over may ask anything. */
START_TEST(what_is_no_question_is_not_answered)
{
    static struct key_remote_request request;
    const size_t head = offsetof(struct key_remote_request, data);
    unsigned char signature[KEY_REMOTE_SIGNATURE_MAX];

    use(EVP_EC_gen("P-256"));
    memcpy(request.id, id, sizeof(id));
    strcpy(request.digest, "SHA256");
    request.len = 8;
    ck_assert_uint_gt(key_keep_sign(keep, &request, head + 8, signature), 0);
    ck_assert_uint_eq(key_keep_sign(NULL, &request, head + 8, signature), 0);
    for (size_t len = 0; len < head + 8; len++)
        ck_assert_uint_eq(key_keep_sign(keep, &request, len, signature), 0);
    ck_assert_uint_eq(key_keep_sign(keep, &request, head + 9, signature), 0);
    ck_assert_uint_eq(key_keep_sign(keep, &request, sizeof(request) + 1, signature), 0);
    request.len = UINT32_MAX;
    ck_assert_uint_eq(key_keep_sign(keep, &request, head + 8, signature), 0);
    request.len = 8;
    request.pss = 1; /* not with EC */
    ck_assert_uint_eq(key_keep_sign(keep, &request, head + 8, signature), 0);
    request.pss = 0;
    memset(request.digest, 'x', sizeof(request.digest));
    ck_assert_uint_eq(key_keep_sign(keep, &request, head + 8, signature), 0);
    strcpy(request.digest, "NOHASH");
    ck_assert_uint_eq(key_keep_sign(keep, &request, head + 8, signature), 0);
    strcpy(request.digest, "SHA256");
    request.id[0] ^= 1;
    ck_assert_uint_eq(key_keep_sign(keep, &request, head + 8, signature), 0);
}
END_TEST

static Suite *
key_remote_suite(void)
{
    Suite *suite = suite_create("key_remote");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, NULL, teardown);
    tcase_add_test(all, rsa_signs_with_both_paddings);
    tcase_add_test(all, ec_signs);
    tcase_add_test(all, eddsa_signs);
    tcase_add_test(all, it_is_the_key_of_its_certificate);
    tcase_add_test(all, nothing_of_it_can_be_had);
    tcase_add_test(all, without_a_keeper_it_does_not_sign);
    tcase_add_test(all, what_is_open_is_shared_with_the_next_list);
    tcase_add_test(all, a_key_that_is_not_there_is_told);
    tcase_add_test(all, what_is_no_question_is_not_answered);
    suite_add_tcase(suite, all);
    return suite;
}

CHECK_MAIN(key_remote_suite)
