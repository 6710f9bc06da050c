/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert.h"

#include "base/attr.h"
#include "tls/pem.h"
#include "tls/tls_err.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX_BYTES ((size_t)1 << 20)

/* One run of cert_load. */
struct loader {
    struct cert *cert;
    struct diag *diag;
    bool failed;
};

/* A file while it is read. */
struct source {
    const struct config_string *from;
    bool want_certs, want_key;
    bool public; /* every user may read or change it */
    char *bytes; /* owned; wiped before it is freed */
    size_t len;
};

static void complain(struct loader *loader, const struct source *source, unsigned line,
                     const char *format, ...) ATTR_PRINTF(4, 5);

/* An error at the place of the setting, about a line of the file (0: about all of it). */
static void
complain(struct loader *loader, const struct source *source, unsigned line,
         const char *format, ...)
{
    char sentence[512];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    if (line > 0)
        diag_error(loader->diag, source->from->pos, "%s, line %u: %s", source->from->text,
                   line, sentence);
    else
        diag_error(loader->diag, source->from->pos, "%s: %s", source->from->text, sentence);
    loader->failed = true;
}

/* Read fd to its end, or to one byte more than is allowed. Returns 0, or -1 with errno. */
static int
read_all(int fd, struct source *source)
{
    source->bytes = malloc(FILE_MAX_BYTES + 1);
    if (source->bytes == NULL)
        return -1;
    while (source->len <= FILE_MAX_BYTES) {
        ssize_t got =
            read(fd, source->bytes + source->len, FILE_MAX_BYTES + 1 - source->len);

        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0)
            source->len += (size_t)got;
    }
    errno = EFBIG;
    return -1;
}

static int
source_open(struct loader *loader, struct source *source)
{
    int fd = open(source->from->text, O_RDONLY | O_CLOEXEC);
    struct stat status;
    int result;

    if (fd == -1) {
        complain(loader, source, 0, "cannot be opened: %s", strerror(errno));
        return -1;
    }
    if (fstat(fd, &status) == 0)
        source->public = (status.st_mode & (S_IROTH | S_IWOTH)) != 0;
    result = read_all(fd, source);
    if (result != 0)
        complain(loader, source, 0, "cannot be read: %s", strerror(errno));
    close(fd);
    return result;
}

static void
source_close(struct source *source)
{
    if (source->bytes != NULL)
        OPENSSL_cleanse(source->bytes, source->len);
    free(source->bytes);
    source->bytes = NULL;
}

/* OpenSSL asks for the password of an encrypted key: note it, and have none. */
static int
on_password(char *buf, int size, int writing, void *asked)
{
    (void)buf;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static void
add_key(struct loader *loader, struct source *source, const struct pem_block *block,
        BIO *pem)
{
    bool asked = false;
    char reason[128];

    if (loader->cert->key != NULL)
        return;
    loader->cert->key = PEM_read_bio_PrivateKey(pem, NULL, on_password, &asked);
    if (loader->cert->key == NULL && asked)
        complain(loader, source, block->line,
                 "the private key is encrypted, which is not supported yet "
                 "(\"openssl pkey\" can remove the password)");
    else if (loader->cert->key == NULL)
        complain(loader, source, block->line, "the private key is broken: %s",
                 tls_err_take(reason, sizeof(reason), "OpenSSL cannot read it"));
    else if (source->public)
        diag_warning(
            loader->diag, source->from->pos,
            "%s: every user may read or change this private key (try chmod o= on it)",
            source->from->text);
    ERR_clear_error();
}

static void
add_cert(struct loader *loader, const struct source *source, const struct pem_block *block,
         BIO *pem)
{
    X509 *x509 = PEM_read_bio_X509_AUX(pem, NULL, NULL, NULL);
    char reason[128];

    if (x509 == NULL) {
        complain(loader, source, block->line, "the certificate is broken: %s",
                 tls_err_take(reason, sizeof(reason), "OpenSSL cannot read it"));
    } else if (loader->cert->leaf == NULL) {
        loader->cert->leaf = x509;
    } else if (sk_X509_push(loader->cert->chain, x509) <= 0) {
        X509_free(x509);
        complain(loader, source, block->line, "out of memory");
    }
}

static bool
ends_with(const char *string, const char *end)
{
    size_t len = strlen(string), end_len = strlen(end);

    return len >= end_len && strcmp(string + len - end_len, end) == 0;
}

static void
add_block(struct loader *loader, struct source *source, const struct pem_block *block)
{
    BIO *pem = BIO_new_mem_buf(block->begin, (int)block->len);

    if (pem == NULL)
        complain(loader, source, block->line, "out of memory");
    else if (ends_with(block->label, "PRIVATE KEY") && source->want_key)
        add_key(loader, source, block, pem);
    else if (ends_with(block->label, "CERTIFICATE") && source->want_certs)
        add_cert(loader, source, block, pem);
    BIO_free(pem);
}

static void
add_blocks(struct loader *loader, struct source *source)
{
    struct pem pem = {.bytes = source->bytes, .len = source->len};
    struct pem_block block;
    enum pem_result result;

    while ((result = pem_next(&pem, &block)) == PEM_BLOCK)
        add_block(loader, source, &block);
    if (result == PEM_BROKEN)
        complain(loader, source, block.line,
                 "the PEM block \"%s\" that begins here has no end", block.label);
}

static void
load_source(struct loader *loader, struct source *source)
{
    if (source_open(loader, source) == 0) {
        add_blocks(loader, source);
        if (!loader->failed && source->want_certs && loader->cert->leaf == NULL)
            complain(loader, source, 0, "there is no certificate (PEM) in it");
        if (!loader->failed && source->want_key && loader->cert->key == NULL)
            complain(loader, source, 0, "there is no private key (PEM) in it");
    }
    source_close(source);
}

/* The number of the certificate in the file (from 1) that the key fits, or 0. */
static int
find_match(const struct cert *cert)
{
    int count = sk_X509_num(cert->chain);
    int match = X509_check_private_key(cert->leaf, cert->key) == 1 ? 1 : 0;

    for (int i = 0; match == 0 && i < count; i++) {
        if (X509_check_private_key(sk_X509_value(cert->chain, i), cert->key) == 1)
            match = i + 2;
    }
    ERR_clear_error();
    return match;
}

static void
check_match(struct loader *loader, const struct config_frontend *frontend)
{
    const struct config_string *key =
        frontend->key.text != NULL ? &frontend->key : &frontend->cert;
    int match = find_match(loader->cert);

    if (match == 1)
        return;
    loader->failed = true;
    if (match == 0)
        diag_error(loader->diag, key->pos,
                   "%s: the private key does not belong to the certificate in %s",
                   key->text, frontend->cert.text);
    else
        diag_error(loader->diag, frontend->cert.pos,
                   "%s: the private key belongs to certificate %d of the file; the "
                   "server's own certificate has to be the first",
                   frontend->cert.text, match);
}

static void
warn_of_time(struct diag *diag, const struct config_string *file, int number,
             const char *what, const ASN1_TIME *when)
{
    char date[32] = "?";
    struct tm tm;

    if (ASN1_TIME_to_tm(when, &tm) == 1)
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &tm);
    diag_warning(diag, file->pos, "%s: certificate %d %s %s", file->text, number, what,
                 date);
}

/* Validity and order (RFC 8446, 4.4.2: each certificate is certified by the next). */
static void
check_chain(const struct loader *loader, const struct config_string *file)
{
    const struct cert *cert = loader->cert;
    X509 *subject = NULL;

    for (int i = 0; i <= sk_X509_num(cert->chain); i++) {
        X509 *x509 = i == 0 ? cert->leaf : sk_X509_value(cert->chain, i - 1);

        if (X509_cmp_current_time(X509_get0_notAfter(x509)) < 0)
            warn_of_time(loader->diag, file, i + 1, "EXPIRED at", X509_get0_notAfter(x509));
        if (X509_cmp_current_time(X509_get0_notBefore(x509)) > 0)
            warn_of_time(loader->diag, file, i + 1, "is NOT VALID before",
                         X509_get0_notBefore(x509));
        if (subject != NULL && X509_check_issued(x509, subject) != X509_V_OK)
            diag_warning(loader->diag, file->pos,
                         "%s: certificate %d is not the issuer of certificate %d",
                         file->text, i + 1, i);
        subject = x509;
    }
    ERR_clear_error();
}

struct cert *
cert_load(const struct config_frontend *frontend, struct diag *diag)
{
    struct loader loader = {.cert = calloc(1, sizeof(struct cert)), .diag = diag};
    bool apart = frontend->key.text != NULL;
    struct source certs = {.from = &frontend->cert, .want_certs = true, .want_key = !apart};
    struct source key = {.from = &frontend->key, .want_key = true};

    if (loader.cert != NULL)
        loader.cert->chain = sk_X509_new_null();
    if (loader.cert == NULL || loader.cert->chain == NULL || frontend->cert.text == NULL) {
        diag_error(diag, frontend->pos, "%s",
                   frontend->cert.text == NULL ? "there is no certificate"
                                               : "out of memory");
        cert_free(loader.cert);
        return NULL;
    }
    load_source(&loader, &certs);
    if (apart)
        load_source(&loader, &key);
    if (!loader.failed)
        check_match(&loader, frontend);
    if (!loader.failed) {
        check_chain(&loader, &frontend->cert);
        return loader.cert;
    }
    cert_free(loader.cert);
    return NULL;
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
