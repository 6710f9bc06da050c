/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_PER_HOUR 3600L

#define SERIAL_BITS 127 /* positive, and at most 20 bytes (RFC 5280, 4.1.2.2) */

/* Add one name to a list; takes value, also on failure. */
static bool
add_name(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
    GENERAL_NAME *name = value != NULL ? GENERAL_NAME_new() : NULL;

    if (name == NULL) {
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (sk_GENERAL_NAME_push(names, name) > 0)
        return true;
    GENERAL_NAME_free(name);
    return false;
}

static bool
add_dns_name(GENERAL_NAMES *names, const char *name)
{
    ASN1_STRING *value = ASN1_STRING_type_new(V_ASN1_IA5STRING);

    if (value != NULL && ASN1_STRING_set(value, name, -1) != 1) {
        ASN1_STRING_free(value);
        value = NULL;
    }
    return add_name(names, GEN_DNS, value);
}

/* Built by hand, not from a string of OpenSSL's: a name may hold what it has a use for. */
static bool
set_names(X509 *x509, const char *name)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool ok =
        names != NULL && add_dns_name(names, name) &&
        add_name(names, GEN_IPADD, a2i_IPADDRESS("127.0.0.1")) &&
        add_name(names, GEN_IPADD, a2i_IPADDRESS("::1")) &&
        X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;

    GENERAL_NAMES_free(names);
    return ok;
}

static bool
set_extension(X509 *x509, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool ok = extension != NULL && X509_add_ext(x509, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return ok;
}

/* Subject and issuer are the same: CN=name. */
static bool
set_subject(X509 *x509, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(x509);

    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                      (const unsigned char *)name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(x509, subject) == 1;
}

static bool
set_serial(X509 *x509)
{
    BIGNUM *serial = BN_new();
    bool ok = serial != NULL &&
              BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509)) != NULL;

    BN_free(serial);
    return ok;
}

/* From an hour ago; one that has expired was valid for a day. */
static bool
set_validity(X509 *x509, int days)
{
    int first_day = days < 0 ? days - 1 : 0;

    return X509_time_adj_ex(X509_getm_notBefore(x509), first_day, -SECONDS_PER_HOUR,
                            NULL) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(x509), days, 0, NULL) != NULL;
}

static bool
make_leaf(struct cert *cert, const char *name, int days)
{
    X509 *x509 = cert->leaf;

    return X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(x509) &&
           set_validity(x509, days) && set_subject(x509, name) &&
           X509_set_pubkey(x509, cert->key) == 1 && set_names(x509, name) &&
           set_extension(x509, NID_basic_constraints, "critical,CA:FALSE") &&
           set_extension(x509, NID_key_usage, "critical,digitalSignature") &&
           set_extension(x509, NID_ext_key_usage, "serverAuth") &&
           X509_sign(x509, cert->key, EVP_sha256()) > 0;
}

struct cert *
cert_make_self_signed(const char *name, int days)
{
    struct cert *cert = calloc(1, sizeof(*cert));

    if (cert == NULL)
        return NULL;
    cert->leaf = X509_new();
    cert->chain = sk_X509_new_null();
    cert->key = EVP_EC_gen("P-256");
    if (cert->leaf != NULL && cert->chain != NULL && cert->key != NULL &&
        make_leaf(cert, name, days))
        return cert;
    ERR_clear_error();
    cert_free(cert);
    return NULL;
}
