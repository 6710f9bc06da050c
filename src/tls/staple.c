/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/staple.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_MAX ((size_t)1 << 20)

/* How far the clocks of a responder and ours may be apart. */
#define CLOCK_SKEW_S 300

struct loader {
    struct staple *staple;
    const struct config_string *from;
    const struct cert *cert;
    X509 *issuer; /* lent by cert */
    bool named;
    struct diag *diag;
};

static int tell(const struct loader *l, const char *format, ...) ATTR_PRINTF(2, 3);

/* Returns -1. */
static int
tell(const struct loader *l, const char *format, ...)
{
    char sentence[256];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    if (l->named)
        diag_error(l->diag, l->from->pos, "%s: %s", l->from->text, sentence);
    else
        diag_warning(l->diag, l->from->pos, "%s: %s; it is not sent", l->from->text,
                     sentence);
    return -1;
}

/* ---- What it says ---- */

/* Is a single response about the certificate? It says so with a digest of its choice. */
static bool
is_about(const struct loader *l, const OCSP_SINGLERESP *single)
{
    const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(single);
    ASN1_OBJECT *digest = NULL;
    const EVP_MD *md = NULL;
    OCSP_CERTID *own;
    bool same;

    /* A macro-like getter that takes what it only reads as not const. */
    if (OCSP_id_get0_info(NULL, &digest, NULL, NULL, (OCSP_CERTID *)(uintptr_t)id) == 1)
        md = EVP_get_digestbyobj(digest);
    own = md != NULL ? OCSP_cert_to_id(md, l->cert->leaf, l->issuer) : NULL;
    same = own != NULL && OCSP_id_cmp(own, id) == 0;
    OCSP_CERTID_free(own);
    return same;
}

static OCSP_SINGLERESP *
find_single(const struct loader *l, OCSP_BASICRESP *basic)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++)
        if (is_about(l, OCSP_resp_get0(basic, i)))
            return OCSP_resp_get0(basic, i);
    return NULL;
}

static int
check_status(const struct loader *l, OCSP_SINGLERESP *single)
{
    ASN1_GENERALIZEDTIME *revoked = NULL, *this_update = NULL, *next_update = NULL;
    int reason = 0;
    int status =
        OCSP_single_get0_status(single, &reason, &revoked, &this_update, &next_update);
    char date[CERT_TIME_TEXT];

    if (status == V_OCSP_CERTSTATUS_REVOKED)
        return tell(l, "the OCSP response says that the certificate is REVOKED since %s",
                    cert_show_time(revoked, date));
    if (status != V_OCSP_CERTSTATUS_GOOD)
        return tell(l, "the responder of the OCSP response does not know the certificate");
    if (next_update == NULL)
        return tell(l, "the OCSP response does not say how long it is good (nextUpdate)");
    l->staple->this_update = cert_time(this_update);
    l->staple->next_update = cert_time(next_update);
    if (l->staple->next_update <= time(NULL))
        return tell(l, "the OCSP response is STALE since %s",
                    cert_show_time(next_update, date));
    if (l->staple->this_update > time(NULL) + CLOCK_SKEW_S)
        return tell(l, "the OCSP response is NOT VALID before %s",
                    cert_show_time(this_update, date));
    return 0;
}

/* Signed by the issuer, or by one whom it has made a responder (RFC 6960, 4.2.2.2). */
static bool
is_signed(const struct loader *l, OCSP_BASICRESP *basic)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *issuers = sk_X509_new_null();
    bool ok = store != NULL && issuers != NULL && sk_X509_push(issuers, l->issuer) > 0 &&
              X509_STORE_add_cert(store, l->issuer) == 1 &&
              X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
              OCSP_basic_verify(basic, issuers, store, 0) == 1;

    X509_STORE_free(store);
    sk_X509_free(issuers);
    ERR_clear_error();
    return ok;
}

static int
check_basic(const struct loader *l, OCSP_BASICRESP *basic)
{
    OCSP_SINGLERESP *single = find_single(l, basic);

    if (single == NULL)
        return tell(l, "the OCSP response is for another certificate");
    if (!is_signed(l, basic))
        return tell(l, "the OCSP response is not signed by the issuer of the certificate");
    return check_status(l, single);
}

static int
check_response(const struct loader *l, OCSP_RESPONSE *response)
{
    int status = OCSP_response_status(response), result;
    OCSP_BASICRESP *basic;

    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return tell(l, "the OCSP responder has not answered: %s",
                    OCSP_response_status_str(status));
    basic = OCSP_response_get1_basic(response);
    if (basic == NULL)
        return tell(l, "there is no OCSP response of a kind that is known in it");
    result = check_basic(l, basic);
    OCSP_BASICRESP_free(basic);
    return result;
}

/* ---- The file ---- */

/* Who has issued the certificate; one that is signed by itself has. */
static X509 *
find_issuer(const struct cert *cert)
{
    for (int i = 0; i < sk_X509_num(cert->chain); i++)
        if (X509_check_issued(sk_X509_value(cert->chain, i), cert->leaf) == X509_V_OK)
            return sk_X509_value(cert->chain, i);
    if (X509_NAME_cmp(X509_get_subject_name(cert->leaf),
                      X509_get_issuer_name(cert->leaf)) == 0)
        return cert->leaf;
    return NULL;
}

/* The first PEM block of its kind. */
static OCSP_RESPONSE *
parse_pem(const struct file *file)
{
    BIO *bio = BIO_new_mem_buf(file->bytes, (int)file->len);
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    OCSP_RESPONSE *response = NULL;
    long len;

    while (bio != NULL && response == NULL &&
           PEM_read_bio(bio, &name, &header, &data, &len) == 1) {
        const unsigned char *der = data;

        if (strcmp(name, PEM_STRING_OCSP_RESPONSE) == 0)
            response = d2i_OCSP_RESPONSE(NULL, &der, len);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    BIO_free(bio);
    return response;
}

static OCSP_RESPONSE *
parse(const struct file *file)
{
    const unsigned char *der = (const unsigned char *)file->bytes;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &der, (long)file->len);

    return response != NULL ? response : parse_pem(file);
}

static int
take(const struct loader *l, const struct file *file)
{
    OCSP_RESPONSE *response = parse(file);
    int result, len;

    ERR_clear_error();
    if (response == NULL)
        return tell(l, "there is no OCSP response (DER or PEM) in it");
    result = check_response(l, response);
    len = result == 0 ? i2d_OCSP_RESPONSE(response, &l->staple->der) : 0;
    if (result == 0 && len <= 0)
        result = tell(l, "out of memory");
    l->staple->len = len > 0 ? (size_t)len : 0;
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return result;
}

enum staple_result
staple_load(struct staple *staple, const struct config_string *from, bool named,
            const struct cert *cert, struct diag *diag)
{
    struct loader l = {staple, from, cert, find_issuer(cert), named, diag};
    struct file file;
    int result;

    *staple = (struct staple){0};
    ERR_clear_error();
    if (file_read(&file, from->text, FILE_MAX) < 0) {
        if (!named && errno == ENOENT)
            return STAPLE_NONE;
        (void)tell(&l, "cannot be read: %s", strerror(errno));
        return STAPLE_BAD;
    }
    if (l.issuer == NULL)
        result = tell(&l, "the OCSP response cannot be checked, as the certificate of the "
                          "issuer does not follow that of the server");
    else
        result = take(&l, &file);
    file_clear(&file);
    if (result == 0)
        return STAPLE_GOOD;
    staple_clear(staple);
    return STAPLE_BAD;
}

void
staple_clear(struct staple *staple)
{
    OPENSSL_free(staple->der);
    *staple = (struct staple){0};
}

/* ---- As bytes ---- */

void
staple_key(const X509 *leaf, unsigned char key[STAPLE_KEY])
{
    unsigned len = 0;

    /* OpenSSL keeps this one with the certificate. It tells our own ones apart, no more. */
    if (X509_digest(leaf, EVP_sha1(), key, &len) != 1)
        memset(key, 0, STAPLE_KEY);
    ERR_clear_error();
}

void
staple_pack(struct pack *p, const X509 *leaf, const struct staple *staple, const char *file)
{
    unsigned char key[STAPLE_KEY];

    staple_key(leaf, key);
    pack_blob(p, key, sizeof(key));
    pack_u64(p, (uint64_t)staple->this_update);
    pack_u64(p, (uint64_t)staple->next_update);
    pack_string(p, file);
    pack_blob(p, staple->der, staple->len);
}

bool
staple_unpack(struct unpack *u, unsigned char key[STAPLE_KEY], struct staple *staple,
              const char **file)
{
    const void *bytes;
    size_t len;

    if (u->failed || u->at == u->end)
        return false;
    bytes = unpack_blob(u, &len);
    u->failed |= len != STAPLE_KEY;
    if (!u->failed)
        memcpy(key, bytes, STAPLE_KEY);
    staple->this_update = (int64_t)unpack_u64(u);
    staple->next_update = (int64_t)unpack_u64(u);
    *file = unpack_string(u);
    staple->der = (unsigned char *)(uintptr_t)unpack_blob(u, &staple->len);
    return !u->failed;
}
