/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/check_main.h"
#include "tls/cert.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static struct cert *made;

static void
setup(void)
{
    made = cert_make_self_signed("localhost", 30);
    ck_assert_ptr_nonnull(made);
}

static void
teardown(void)
{
    cert_free(made);
}

START_TEST(self_signed_is_for_its_names)
{
    X509 *leaf = made->leaf;

    ck_assert_int_eq(X509_check_host(leaf, "localhost", 0, 0, NULL), 1);
    ck_assert_int_eq(X509_check_host(leaf, "example.test", 0, 0, NULL), 0);
    ck_assert_int_eq(X509_check_ip_asc(leaf, "127.0.0.1", 0), 1);
    ck_assert_int_eq(X509_check_ip_asc(leaf, "::1", 0), 1);
    ck_assert_int_eq(X509_check_ip_asc(leaf, "127.0.0.2", 0), 0);
    ck_assert_int_eq(X509_verify(leaf, made->key), 1);
    ck_assert_int_eq(X509_cmp_current_time(X509_get0_notBefore(leaf)), -1);
    ck_assert_int_eq(X509_cmp_current_time(X509_get0_notAfter(leaf)), 1);
}
END_TEST

START_TEST(self_signed_serials_differ)
{
    struct cert *other = cert_make_self_signed("localhost", 30);

    ck_assert_int_ne(ASN1_INTEGER_cmp(X509_get0_serialNumber(made->leaf),
                                      X509_get0_serialNumber(other->leaf)),
                     0);
    cert_free(other);
}
END_TEST

START_TEST(self_signed_expired)
{
    struct cert *old = cert_make_self_signed("localhost", -1);
    int days, seconds;

    ck_assert_int_eq(X509_cmp_current_time(X509_get0_notAfter(old->leaf)), -1);
    ck_assert_int_eq(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(old->leaf),
                                    X509_get0_notAfter(old->leaf)),
                     1);
    ck_assert_int_eq(days, 1);
    cert_free(old);
}
END_TEST

START_TEST(self_signed_name_is_only_a_name)
{
    struct cert *odd = cert_make_self_signed("a,DNS:b", 1);

    ck_assert_ptr_nonnull(odd);
    ck_assert_int_eq(X509_check_host(odd->leaf, "b", 0, 0, NULL), 0);
    cert_free(odd);
    ck_assert_ptr_null(cert_make_self_signed(
        "a.name.that.is.longer.than.the.64.bytes.that.a.common.name.may.have", 1));
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

static Suite *
cert_make_suite(void)
{
    Suite *suite = suite_create("cert_make");
    TCase *made_here = tcase_create("self_signed");

    tcase_add_checked_fixture(made_here, setup, teardown);
    tcase_add_test(made_here, self_signed_is_for_its_names);
    tcase_add_test(made_here, self_signed_serials_differ);
    tcase_add_test(made_here, self_signed_expired);
    tcase_add_test(made_here, self_signed_name_is_only_a_name);
    suite_add_tcase(suite, made_here);
    return suite;
}

CHECK_MAIN(cert_make_suite)
