/* SPDX-License-Identifier: BSD-2-Clause */
/* What the master does with the files of client-cert. */
#include "tls/client_ca.h"

#include "base/file.h"
#include "base/text.h"
#include "tls/cert.h"
#include "tls/pem.h"
#include "tls/tls_err.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CA_FILE_MAX ((size_t)16 << 20)
#define CRL_FILE_MAX ((size_t)256 << 20)
#define NAME_SIZE 128

struct loader {
    struct client_ca ca;
    struct diag *diag;
    const struct config_string *from; /* the file that is being read */
    unsigned line;                    /* of the block in it; 0: of all of it */
    bool failed;
};

static void tell(struct loader *l, bool error, const char *format, ...) ATTR_PRINTF(3, 4);

static void
tell(struct loader *l, bool error, const char *format, ...)
{
    char sentence[512], line[24] = "";
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    if (l->line > 0)
        snprintf(line, sizeof(line), ", line %u", l->line);
    if (error)
        diag_error(l->diag, l->from->pos, "%s%s: %s", l->from->text, line, sentence);
    else
        diag_warning(l->diag, l->from->pos, "%s%s: %s", l->from->text, line, sentence);
    l->failed |= error;
}

static const char *
show_name(const X509_NAME *name, char buf[NAME_SIZE])
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct text t;
    char *data;
    long len;

    text_init(&t, buf, NAME_SIZE);
    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) > 0) {
        len = BIO_get_mem_data(bio, &data);
        text_add_bytes(&t, data, (size_t)len);
    }
    BIO_free(bio);
    return t.len > 0 ? buf : "?";
}

/* ---- Certificates of CAs ---- */

static void
check_cert(struct loader *l, X509 *x509)
{
    char name[NAME_SIZE], date[CERT_TIME_TEXT];

    show_name(X509_get_subject_name(x509), name);
    if (X509_cmp_current_time(X509_get0_notAfter(x509)) < 0)
        tell(l, false, "the certificate of %s EXPIRED at %s", name,
             cert_show_time(X509_get0_notAfter(x509), date));
    if (X509_check_ca(x509) == 0)
        tell(l, false, "the certificate of %s is not that of a CA", name);
}

static void
add_cert(struct loader *l, BIO *bio)
{
    X509 *x509 = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    char reason[128];

    if (x509 == NULL) {
        tell(l, true, "the certificate is broken: %s",
             tls_err_take(reason, sizeof(reason), "OpenSSL cannot read it"));
    } else if (sk_X509_push(l->ca.certs, x509) <= 0) {
        X509_free(x509);
        tell(l, true, "out of memory");
    } else {
        check_cert(l, x509);
    }
}

/* ---- CRLs ---- */

/* Several CAs may have one name, as after a change of its key. Returns whether one of them
 * has signed it, or -1 if none has the name. */
static int
is_signed(const struct loader *l, X509_CRL *crl)
{
    int found = -1;

    for (int i = 0; found < 1 && i < sk_X509_num(l->ca.certs); i++) {
        X509 *ca = sk_X509_value(l->ca.certs, i);

        if (X509_NAME_cmp(X509_get_subject_name(ca), X509_CRL_get_issuer(crl)) == 0)
            found = X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1;
    }
    ERR_clear_error();
    return found;
}

static void
check_crl_times(struct loader *l, const X509_CRL *crl, const char *name)
{
    const ASN1_TIME *last = X509_CRL_get0_lastUpdate(crl);
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
    char date[CERT_TIME_TEXT];

    if (next != NULL && X509_cmp_current_time(next) < 0)
        tell(
            l, false,
            "the CRL of %s is STALE since %s: clients whose certificates it is for will be "
            "refused until there is a new one",
            name, cert_show_time(next, date));
    if (X509_cmp_current_time(last) > 0)
        tell(l, false,
             "the CRL of %s is NOT VALID before %s: clients whose certificates it is for "
             "will be refused until then",
             name, cert_show_time(last, date));
}

static void
take_crl(struct loader *l, X509_CRL *crl)
{
    char name[NAME_SIZE];
    int known = is_signed(l, crl);

    show_name(X509_CRL_get_issuer(crl), name);
    if (known < 0)
        tell(l, true, "the CRL is that of %s, which is none of the CAs in ca", name);
    else if (known == 0)
        tell(l, true, "the CRL of %s has a wrong signature", name);
    else if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
        tell(l, true,
             "the CRL of %s tells of changes only (a delta CRL); a whole one is "
             "needed",
             name);
    else
        check_crl_times(l, crl, name);
    if (sk_X509_CRL_push(l->ca.crls, crl) <= 0) {
        X509_CRL_free(crl);
        tell(l, true, "out of memory");
    }
}

static void
add_crl(struct loader *l, BIO *bio)
{
    X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    char reason[128];

    if (crl != NULL)
        take_crl(l, crl);
    else
        tell(l, true, "the CRL is broken: %s",
             tls_err_take(reason, sizeof(reason), "OpenSSL cannot read it"));
}

/* A file without a PEM block may be one in DER, as CAs publish them. */
static void
add_der_crl(struct loader *l, const struct file *file)
{
    const unsigned char *der = (const unsigned char *)file->bytes;
    X509_CRL *crl = d2i_X509_CRL(NULL, &der, (long)file->len);

    ERR_clear_error();
    if (crl != NULL)
        take_crl(l, crl);
    else
        tell(l, true, "there is no CRL (PEM or DER) in it");
}

/* ---- Files ---- */

static int
count(const struct loader *l)
{
    return sk_X509_num(l->ca.certs) + sk_X509_CRL_num(l->ca.crls);
}

static void
add_blocks(struct loader *l, const struct file *file, const char *label,
           void (*add)(struct loader *l, BIO *bio))
{
    struct pem pem = {.bytes = file->bytes, .len = file->len};
    struct pem_block block;
    enum pem_result result;

    while ((result = pem_next(&pem, &block)) == PEM_BLOCK) {
        BIO *bio;

        if (strstr(block.label, label) == NULL)
            continue;
        l->line = block.line;
        bio = BIO_new_mem_buf(block.begin, (int)block.len);
        if (bio != NULL)
            add(l, bio);
        else
            tell(l, true, "out of memory");
        BIO_free(bio);
    }
    l->line = block.line;
    if (result == PEM_BROKEN)
        tell(l, true, "the PEM block \"%s\" that begins here has no end", block.label);
    l->line = 0;
}

static int
open_file(struct loader *l, struct file *file, size_t max)
{
    if (file_read(file, l->from->text, max) == 0)
        return 0;
    tell(l, true, "cannot be read: %s", strerror(errno));
    return -1;
}

static void
load_certs(struct loader *l, const struct config_string *from)
{
    bool failed = l->failed;
    int before = count(l);
    struct file file;

    l->from = from;
    if (*from->text == '\0' || open_file(l, &file, CA_FILE_MAX) < 0)
        return;
    l->failed = false;
    add_blocks(l, &file, "CERTIFICATE", add_cert);
    if (!l->failed && count(l) == before)
        tell(l, true, "there is no certificate (PEM) in it");
    l->failed |= failed;
    file_clear(&file);
}

static void
load_crls(struct loader *l, const struct config_string *from)
{
    bool failed = l->failed;
    int before = count(l);
    struct file file;

    l->from = from;
    if (*from->text == '\0' || open_file(l, &file, CRL_FILE_MAX) < 0)
        return;
    l->failed = false;
    add_blocks(l, &file, "X509 CRL", add_crl);
    if (!l->failed && count(l) == before)
        add_der_crl(l, &file);
    l->failed |= failed;
    file_clear(&file);
}

static bool
has_crl(const struct client_ca *ca, X509 *x509)
{
    for (int i = 0; i < sk_X509_CRL_num(ca->crls); i++)
        if (X509_NAME_cmp(X509_CRL_get_issuer(sk_X509_CRL_value(ca->crls, i)),
                          X509_get_subject_name(x509)) == 0)
            return true;
    return false;
}

/* Where there are CRLs, there has to be one of each CA. */
static void
check_crls(struct loader *l, const struct config_client_cert *cc)
{
    char name[NAME_SIZE];

    l->from = &cc->crl.item[0];
    for (int i = 0; i < sk_X509_num(l->ca.certs); i++) {
        X509 *x509 = sk_X509_value(l->ca.certs, i);

        if (X509_check_ca(x509) != 0 && !has_crl(&l->ca, x509))
            diag_warning(l->diag, l->from->pos,
                         "crl has no CRL of %s: clients whose certificates are from there "
                         "will be refused",
                         show_name(X509_get_subject_name(x509), name));
    }
}

/* ---- As bytes ---- */

/* len and der as the i2d functions give them; takes der. */
static void
pack_der(struct pack *p, unsigned char *der, int len)
{
    pack_blob(p, der, len > 0 ? (size_t)len : 0);
    p->failed |= len <= 0;
    OPENSSL_free(der);
}

static void
pack_all(const struct client_ca *ca, struct pack *p)
{
    int certs = sk_X509_num(ca->certs), crls = sk_X509_CRL_num(ca->crls);

    pack_u32(p, (uint32_t)certs);
    for (int i = 0; i < certs; i++) {
        unsigned char *der = NULL;
        int len = i2d_X509(sk_X509_value(ca->certs, i), &der);

        pack_der(p, der, len);
    }
    pack_u32(p, (uint32_t)crls);
    for (int i = 0; i < crls; i++) {
        unsigned char *der = NULL;
        int len = i2d_X509_CRL(sk_X509_CRL_value(ca->crls, i), &der);

        pack_der(p, der, len);
    }
}

int
client_ca_load(const struct config_client_cert *cc, struct pack *p, struct diag *diag)
{
    struct loader l = {.diag = diag};

    l.ca = (struct client_ca){sk_X509_new_null(), sk_X509_CRL_new_null()};
    for (size_t i = 0; i < cc->ca.count; i++)
        load_certs(&l, &cc->ca.item[i]);
    /* A CRL of a CA that could not be read is not that of a stranger. */
    for (size_t i = 0; !l.failed && i < cc->crl.count; i++)
        load_crls(&l, &cc->crl.item[i]);
    if (!l.failed && cc->crl.count > 0)
        check_crls(&l, cc);
    if (!l.failed)
        pack_all(&l.ca, p);
    client_ca_clear(&l.ca);
    ERR_clear_error();
    return l.failed || p->failed ? -1 : 0;
}
