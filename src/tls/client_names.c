/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/client_names.h"

#include "core/identity.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

static bool
match_any(const struct config_strings *allow, enum identity_kind kind, const void *name,
          int len)
{
    for (size_t i = 0; len > 0 && i < allow->count; i++)
        if (identity_match(allow->item[i].text, kind, name, (size_t)len))
            return true;
    return false;
}

static bool
match_string(const struct config_strings *allow, enum identity_kind kind,
             const ASN1_STRING *name)
{
    return match_any(allow, kind, ASN1_STRING_get0_data(name), ASN1_STRING_length(name));
}

static bool
match_alt_names(const struct config_strings *allow, const GENERAL_NAMES *names)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS && match_string(allow, IDENTITY_DNS, name->d.dNSName))
            return true;
        if (name->type == GEN_URI &&
            match_string(allow, IDENTITY_URI, name->d.uniformResourceIdentifier))
            return true;
    }
    return false;
}

static bool
match_common_names(const struct config_strings *allow, const X509_NAME *subject)
{
    int at = -1;
    bool found = false;

    while (!found && (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
        unsigned char *name = NULL;
        int len = ASN1_STRING_to_UTF8(
            &name, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));

        found = match_any(allow, IDENTITY_CN, name, len);
        OPENSSL_free(name);
    }
    return found;
}

/* "sha256/" and the digest in base64. */
static bool
match_key(const struct config_strings *allow, X509 *x509)
{
    unsigned char name[64] = "sha256/", digest[32], *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
    bool found = false;

    if (len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1)
        found = match_any(allow, IDENTITY_SPKI, name,
                          7 + EVP_EncodeBlock(name + 7, digest, sizeof(digest)));
    OPENSSL_free(der);
    return found;
}

bool
client_names_allow(const struct config_strings *allow, X509 *x509)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    bool found = match_alt_names(allow, names) ||
                 match_common_names(allow, X509_get_subject_name(x509)) ||
                 match_key(allow, x509);

    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return found;
}

/* ---- For the log ---- */

static bool
show_subject(const X509_NAME *subject, struct text *out)
{
    BIO *bio = X509_NAME_entry_count(subject) > 0 ? BIO_new(BIO_s_mem()) : NULL;
    bool shown = false;
    char *data;
    long len;

    if (bio != NULL &&
        X509_NAME_print_ex(bio, subject, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) > 0) {
        len = BIO_get_mem_data(bio, &data);
        shown = len > 0;
        text_add_bytes(out, data, (size_t)len);
    }
    BIO_free(bio);
    return shown;
}

static bool
show_alt_name(const GENERAL_NAMES *names, struct text *out)
{
    static const struct {
        int type;
        const char *prefix;
    } types[] = {{GEN_URI, "URI:"}, {GEN_DNS, "DNS:"}, {GEN_EMAIL, "EMAIL:"}};

    for (size_t t = 0; t < COUNT_OF(types); t++) {
        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
            const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

            if (name->type != types[t].type)
                continue;
            text_add(out, types[t].prefix);
            text_add_bytes(out, ASN1_STRING_get0_data(name->d.ia5),
                           (size_t)ASN1_STRING_length(name->d.ia5));
            return true;
        }
    }
    return false;
}

void
client_names_show(X509 *x509, struct text *out)
{
    GENERAL_NAMES *names = NULL;

    if (!show_subject(X509_get_subject_name(x509), out)) {
        names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
        if (!show_alt_name(names, out))
            text_add(out, "?");
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}
