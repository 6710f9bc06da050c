/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert.h"

#include "base/text.h"
#include "core/domains.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t
cert_time(const ASN1_TIME *when)
{
    struct tm tm;

    return ASN1_TIME_to_tm(when, &tm) == 1 ? timegm(&tm) : 0;
}

const char *
cert_show_time(const ASN1_TIME *when, char buf[CERT_TIME_TEXT])
{
    struct tm tm;

    if (ASN1_TIME_to_tm(when, &tm) != 1 ||
        strftime(buf, CERT_TIME_TEXT, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        snprintf(buf, CERT_TIME_TEXT, "?");
    return buf;
}

/* The alternative names (RFC 5280, section 4.2.1.6), or NULL. */
static GENERAL_NAMES *
alternative_names(const X509 *x509)
{
    return X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
}

/* The next DNS name from the i-th name on, or NULL. */
static const ASN1_STRING *
next_dns_name(const GENERAL_NAMES *names, int *i)
{
    while (*i < sk_GENERAL_NAME_num(names)) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, (*i)++);

        if (name->type == GEN_DNS)
            return name->d.dNSName;
    }
    return NULL;
}

/* The last common name, which is the most specific one, or NULL. */
static const ASN1_STRING *
common_name(const X509 *x509)
{
    const X509_NAME *subject = X509_get_subject_name(x509);
    int at = -1, next;

    while ((next = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
        at = next;
    return at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
}

const char *
cert_subject(const X509 *x509, char *buf, size_t size)
{
    GENERAL_NAMES *names = alternative_names(x509);
    const ASN1_STRING *name;
    struct text t;
    int i = 0;

    text_init(&t, buf, size);
    name = next_dns_name(names, &i);
    if (name == NULL)
        name = common_name(x509);
    if (name != NULL)
        text_add_bytes(&t, ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name));
    if (t.len == 0)
        text_add(&t, "-");
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return buf;
}

static void
tell(const ASN1_STRING *name, void (*each)(void *arg, const char *name), void *arg)
{
    char form[DOMAINS_LENGTH_MAX + 1];

    if (domains_normalize((const char *)ASN1_STRING_get0_data(name),
                          (size_t)ASN1_STRING_length(name), true, form) > 0)
        each(arg, form);
}

void
cert_each_name(const X509 *x509, void (*each)(void *arg, const char *name), void *arg)
{
    GENERAL_NAMES *names = alternative_names(x509);
    const ASN1_STRING *name;
    int i = 0;

    if (names != NULL) {
        while ((name = next_dns_name(names, &i)) != NULL)
            tell(name, each, arg);
    } else if (X509_get_ext_by_NID(x509, NID_subject_alt_name, -1) < 0) {
        name = common_name(x509);
        if (name != NULL)
            tell(name, each, arg);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

void
cert_free(struct cert *cert)
{
    if (cert == NULL)
        return;
    X509_free(cert->leaf);
    sk_X509_pop_free(cert->chain, X509_free);
    EVP_PKEY_free(cert->key);
    free(cert);
}
