/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/client_cert.h"

#include <check.h>
#include <openssl/x509v3.h>

/* Without the extension that says for servers. */
struct cert *
client_cert_make(const char *name)
{
    struct cert *cert = cert_make_self_signed(name, 30);
    int at;

    ck_assert_ptr_nonnull(cert);
    at = X509_get_ext_by_NID(cert->leaf, NID_ext_key_usage, -1);
    ck_assert_int_ge(at, 0);
    X509_EXTENSION_free(X509_delete_ext(cert->leaf, at));
    ck_assert_int_gt(X509_sign(cert->leaf, cert->key, EVP_sha256()), 0);
    return cert;
}

void
client_cert_trust(struct pack *p, X509 *x509)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);

    ck_assert_int_gt(len, 0);
    pack_u32(p, 1);
    pack_blob(p, der, (size_t)len);
    pack_u32(p, 0);
    OPENSSL_free(der);
}
