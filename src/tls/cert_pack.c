/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

/* len and der as the i2d functions give them; takes der. */
static bool
pack_der(struct pack *p, unsigned char *der, int len)
{
    if (len <= 0) {
        ERR_clear_error();
        return false;
    }
    pack_blob(p, der, (size_t)len);
    OPENSSL_clear_free(der, (size_t)len);
    return !p->failed;
}

static bool
pack_x509(struct pack *p, const X509 *x509)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);

    return pack_der(p, der, len);
}

int
cert_pack(const struct cert *cert, struct pack *p)
{
    int chain = sk_X509_num(cert->chain), len;
    unsigned char *der = NULL;
    bool ok;

    pack_u32(p, (uint32_t)chain);
    ok = pack_x509(p, cert->leaf);
    for (int i = 0; ok && i < chain; i++)
        ok = pack_x509(p, sk_X509_value(cert->chain, i));
    if (!ok)
        return -1;
    len = i2d_PrivateKey(cert->key, &der);
    return pack_der(p, der, len) ? 0 : -1;
}

static X509 *
unpack_x509(struct unpack *u)
{
    size_t len;
    const unsigned char *der = unpack_blob(u, &len);

    return len > 0 && len <= INT32_MAX ? d2i_X509(NULL, &der, (long)len) : NULL;
}

static bool
unpack_chain(struct unpack *u, struct cert *cert, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        X509 *x509 = unpack_x509(u);

        if (x509 == NULL)
            return false;
        if (sk_X509_push(cert->chain, x509) <= 0) {
            X509_free(x509);
            return false;
        }
    }
    return true;
}

static EVP_PKEY *
unpack_key(struct unpack *u)
{
    size_t len;
    const unsigned char *der = unpack_blob(u, &len);

    return len > 0 && len <= INT32_MAX ? d2i_AutoPrivateKey(NULL, &der, (long)len) : NULL;
}

struct cert *
cert_unpack(const void *data, size_t len)
{
    struct cert *cert = calloc(1, sizeof(*cert));
    struct unpack u;
    size_t chain;

    if (cert == NULL)
        return NULL;
    unpack_init(&u, data, len);
    chain = unpack_count(&u, sizeof(uint64_t));
    cert->leaf = unpack_x509(&u);
    cert->chain = sk_X509_new_null();
    if (cert->leaf != NULL && cert->chain != NULL && unpack_chain(&u, cert, chain))
        cert->key = unpack_key(&u);
    ERR_clear_error();
    if (cert->key != NULL)
        return cert;
    cert_free(cert);
    return NULL;
}

int64_t
cert_not_after(const struct cert *cert)
{
    struct tm tm;

    return ASN1_TIME_to_tm(X509_get0_notAfter(cert->leaf), &tm) == 1 ? timegm(&tm) : 0;
}

static bool
copy_dns_name(const GENERAL_NAMES *names, char *buf, size_t size)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS) {
            struct text t;

            text_init(&t, buf, size);
            text_add_bytes(&t, ASN1_STRING_get0_data(name->d.dNSName),
                           (size_t)ASN1_STRING_length(name->d.dNSName));
            return true;
        }
    }
    return false;
}

const char *
cert_subject(const struct cert *cert, char *buf, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert->leaf, NID_subject_alt_name, NULL, NULL);
    bool found = names != NULL && copy_dns_name(names, buf, size);
    struct text t;

    GENERAL_NAMES_free(names);
    if (!found && X509_NAME_get_text_by_NID(X509_get_subject_name(cert->leaf),
                                            NID_commonName, buf, (int)size) <= 0) {
        text_init(&t, buf, size);
        text_add(&t, "-");
    }
    ERR_clear_error();
    return buf;
}
