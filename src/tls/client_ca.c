/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/client_ca.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static X509 *
find_issuer(const struct client_ca *ca, X509 *x509)
{
    for (int i = 0; i < sk_X509_num(ca->certs); i++)
        if (X509_check_issued(sk_X509_value(ca->certs, i), x509) == X509_V_OK)
            return sk_X509_value(ca->certs, i);
    return NULL;
}

bool
client_ca_is_partial(const struct client_ca *ca)
{
    bool partial = false;

    for (int i = 0; i < sk_X509_num(ca->certs); i++)
        partial |= find_issuer(ca, sk_X509_value(ca->certs, i)) == NULL;
    ERR_clear_error();
    return partial;
}

void
client_ca_clear(struct client_ca *ca)
{
    sk_X509_pop_free(ca->certs, X509_free);
    sk_X509_CRL_pop_free(ca->crls, X509_CRL_free);
    *ca = (struct client_ca){0};
}

static int
unpack_cert(struct unpack *u, STACK_OF(X509) * certs)
{
    size_t len;
    const unsigned char *der = unpack_blob(u, &len);
    X509 *x509 = len > 0 && len <= INT32_MAX ? d2i_X509(NULL, &der, (long)len) : NULL;

    if (x509 != NULL && sk_X509_push(certs, x509) > 0)
        return 0;
    X509_free(x509);
    return -1;
}

static int
unpack_crl(struct unpack *u, STACK_OF(X509_CRL) * crls)
{
    size_t len;
    const unsigned char *der = unpack_blob(u, &len);
    X509_CRL *crl =
        len > 0 && len <= INT32_MAX ? d2i_X509_CRL(NULL, &der, (long)len) : NULL;

    if (crl != NULL && sk_X509_CRL_push(crls, crl) > 0)
        return 0;
    X509_CRL_free(crl);
    return -1;
}

int
client_ca_unpack(struct client_ca *ca, const struct config_blob *blob)
{
    struct unpack u;
    size_t count;
    int status = 0;

    *ca = (struct client_ca){sk_X509_new_null(), sk_X509_CRL_new_null()};
    if (ca->certs == NULL || ca->crls == NULL)
        return -1;
    unpack_init(&u, blob->data, blob->len);
    count = unpack_count(&u, sizeof(uint64_t));
    for (size_t i = 0; status == 0 && i < count; i++)
        status = unpack_cert(&u, ca->certs);
    count = status == 0 ? unpack_count(&u, sizeof(uint64_t)) : 0;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = unpack_crl(&u, ca->crls);
    ERR_clear_error();
    return status == 0 && !u.failed ? 0 : -1;
}
