/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert_read.h"

#include "base/attr.h"
#include "config/certs.h"
#include "tls/cert_file.h"
#include "tls/cert_token.h"
#include "tls/pem.h"
#include "tls/tls_err.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One run of cert_read. */
struct run {
    struct cert_reader *reader;
    struct cert_raw *raw;
    const struct config_cert *file;
    struct config_string key_from; /* the file that the key is in */
    struct key_load_token token;   /* or the key itself, which is in none */
    bool failed;
};

int
cert_reader_init(struct cert_reader *reader, struct diag *diag)
{
    *reader = (struct cert_reader){.diag = diag, .light = OSSL_LIB_CTX_new()};
    if (reader->light != NULL)
        reader->nothing = OSSL_PROVIDER_load(reader->light, "null");
    ERR_clear_error();
    return reader->nothing != NULL ? 0 : -1;
}

void
cert_reader_clear(struct cert_reader *reader)
{
    cert_pool_clear(&reader->chain);
    if (reader->nothing != NULL)
        OSSL_PROVIDER_unload(reader->nothing);
    OSSL_LIB_CTX_free(reader->light);
    *reader = (struct cert_reader){0};
}

void
cert_raw_free(struct cert_raw *raw)
{
    if (raw == NULL)
        return;
    X509_free(raw->x509);
    OPENSSL_free(raw->leaf.der);
    OPENSSL_clear_free(raw->key.der, raw->key.len);
    OPENSSL_clear_free(raw->token.passphrase.der, raw->token.passphrase.len);
    free(raw->chain);
    free(raw);
}

/* ---- What stands in a file ---- */

/* Takes der. False if it is no certificate. */
static bool
set_leaf(struct run *run, unsigned char *der, size_t len)
{
    struct cert_raw *raw = run->raw;
    X509 *x509 = X509_new_ex(run->reader->light, NULL);
    const unsigned char *at = der;

    if (x509 != NULL && d2i_X509(&x509, &at, (long)len) != NULL) {
        raw->x509 = x509;
        raw->leaf = (struct cert_bytes){der, (size_t)(at - der)};
        return true;
    }
    OPENSSL_free(der);
    return false;
}

static bool
add_to_chain(struct run *run, const unsigned char *der, size_t len)
{
    struct cert_raw *raw = run->raw;
    const unsigned char *at = der;
    uint32_t *grown, number;
    X509 *x509;

    /* A trusted certificate (OpenSSL's) has more behind it. */
    x509 = X509_new_ex(run->reader->light, NULL);
    if (x509 == NULL || d2i_X509(&x509, &at, (long)len) == NULL)
        return false;
    X509_free(x509);
    number = cert_pool_add(&run->reader->chain, der, (size_t)(at - der));
    grown = realloc(raw->chain, (raw->chain_len + 1) * sizeof(*grown));
    if (grown != NULL)
        raw->chain = grown;
    if (grown == NULL || number == CERT_POOL_NONE)
        return false;
    raw->chain[raw->chain_len++] = number;
    return true;
}

static void
complain(struct run *run, struct cert_file *file, unsigned line, const char *what)
{
    char reason[128];

    cert_file_complain(file, line, "%s: %s", what,
                       tls_err_take(reason, sizeof(reason), "OpenSSL cannot read it"));
    run->failed = true;
}

/* Takes der. */
static void
add_cert(struct run *run, struct cert_file *file, unsigned line, unsigned char *der,
         size_t len)
{
    bool good;

    if (run->raw->x509 == NULL) {
        good = set_leaf(run, der, len);
    } else {
        good = add_to_chain(run, der, len);
        OPENSSL_free(der);
    }
    if (!good)
        complain(run, file, line, "the certificate is broken");
}

/* What a worker will do with it has to be possible. */
static bool
is_key(const unsigned char *der, size_t len)
{
    EVP_PKEY *pkey = key_der_decode(der, len);
    bool good = pkey != NULL;

    EVP_PKEY_free(pkey);
    return good;
}

/* Takes der. */
static void
add_key(struct run *run, struct cert_file *file, unsigned line, unsigned char *der,
        size_t len)
{
    if (!is_key(der, len)) {
        OPENSSL_clear_free(der, len);
        complain(run, file, line, "the private key is broken");
        return;
    }
    run->raw->key = (struct cert_bytes){der, len};
    run->key_from = *file->from;
    if (file->public)
        diag_warning(
            file->diag, file->from->pos,
            "%s: every user may read or change this private key (try chmod o= on it)",
            file->from->text);
}

static bool
ends_with(const char *string, const char *end)
{
    size_t len = strlen(string), end_len = strlen(end);

    return len >= end_len && strcmp(string + len - end_len, end) == 0;
}

/* PKCS #8 says it in its label, the older form in a header (RFC 1421, section 4.6.1.1). */
static bool
is_encrypted(const char *label, const char *header)
{
    return ends_with(label, "ENCRYPTED PRIVATE KEY") || strstr(header, "ENCRYPTED") != NULL;
}

static void
add_encrypted_key(struct run *run, struct cert_file *file, const struct pem_block *block)
{
    size_t len = 0;
    unsigned char *der = key_load_encrypted(file, block, &run->file->passphrases, &len);

    if (der != NULL)
        add_key(run, file, block->line, der, len);
}

static void
add_block(struct run *run, struct cert_file *file, const struct pem_block *block,
          bool want_certs, bool want_key)
{
    bool is_cert = ends_with(block->label, "CERTIFICATE") && want_certs;
    bool is_key =
        ends_with(block->label, "PRIVATE KEY") && want_key && run->raw->key.der == NULL;
    BIO *pem = is_cert || is_key ? BIO_new_mem_buf(block->begin, (int)block->len) : NULL;
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;

    if (pem == NULL)
        return;
    if (PEM_read_bio(pem, &name, &header, &der, &len) != 1)
        complain(run, file, block->line,
                 is_cert ? "the certificate is broken" : "the private key is broken");
    else if (is_cert)
        add_cert(run, file, block->line, der, (size_t)len);
    else if (!is_encrypted(block->label, header))
        add_key(run, file, block->line, der, (size_t)len);
    else {
        OPENSSL_free(der);
        add_encrypted_key(run, file, block);
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    BIO_free(pem);
    ERR_clear_error();
    run->failed |= file->failed;
}

static void
add_blocks(struct run *run, struct cert_file *file, bool want_certs, bool want_key)
{
    struct pem pem = {.bytes = file->content.bytes, .len = file->content.len};
    struct pem_block block;
    enum pem_result result;

    while ((result = pem_next(&pem, &block)) == PEM_BLOCK)
        add_block(run, file, &block, want_certs, want_key);
    if (result == PEM_BROKEN)
        cert_file_complain(file, block.line,
                           "the PEM block \"%s\" that begins here has no end", block.label);
}

/* ---- Files ---- */

void
cert_name_beside(const char *path, char *buf, size_t size)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    size_t len = dot != NULL && (slash == NULL || dot > slash + 1) ? (size_t)(dot - path)
                                                                   : strlen(path);

    if (len + sizeof(".key") > size)
        len = 0;
    memcpy(buf, path, len);
    memcpy(buf + len, ".key", sizeof(".key"));
}

static void
load_key(struct run *run, const struct config_string *from)
{
    struct cert_file file;

    if (config_is_uri(from->text)) {
        run->raw->key.der = key_load_uri(from, &run->file->passphrases, run->reader->diag,
                                         &run->raw->key.len, &run->token);
        run->key_from = *from;
        run->failed |= run->raw->key.der == NULL && run->token.pkey == NULL;
        return;
    }
    if (cert_file_open(&file, from, run->reader->diag) == 0) {
        add_blocks(run, &file, false, true);
        if (!file.failed && run->raw->key.der == NULL)
            cert_file_complain(&file, 0, "there is no private key (PEM) in it");
    }
    run->failed |= file.failed;
    cert_file_close(&file);
}

static void
load_key_beside(struct run *run, struct cert_file *certs)
{
    struct config_string beside = *certs->from;
    char path[4096];

    cert_name_beside(certs->from->text, path, sizeof(path));
    beside.text = path;
    if (access(path, F_OK) == 0 && strcmp(path, certs->from->text) != 0)
        load_key(run, &beside);
    else
        cert_file_complain(certs, 0,
                           "there is no private key (PEM) in it, and no file %s beside it",
                           path);
    run->key_from = *certs->from; /* path does not stay */
}

static void
load_certs(struct run *run)
{
    bool apart = run->file->key.text != NULL;
    struct cert_file file;

    if (cert_file_open(&file, &run->file->cert, run->reader->diag) == 0) {
        add_blocks(run, &file, true, !apart);
        if (!file.failed && run->raw->x509 == NULL)
            cert_file_complain(&file, 0, "there is no certificate (PEM) in it");
        if (!file.failed && !apart && run->raw->key.der == NULL)
            load_key_beside(run, &file);
    }
    run->failed |= file.failed;
    cert_file_close(&file);
}

/* ---- Do they belong together? ---- */

/* OpenSSL's own comparison, for keys that are not of the usual form. */
static bool
belongs(const struct cert_bytes *key, const struct cert_bytes *leaf, X509 *issuer)
{
    const unsigned char *at = leaf->der;
    X509 *x509 = issuer != NULL ? issuer : d2i_X509(NULL, &at, (long)leaf->len);
    EVP_PKEY *pkey = key_der_decode(key->der, key->len);
    bool good = x509 != NULL && pkey != NULL && X509_check_private_key(x509, pkey) == 1;

    EVP_PKEY_free(pkey);
    if (issuer == NULL)
        X509_free(x509);
    ERR_clear_error();
    return good;
}

/* issuer NULL: the leaf. */
static bool
is_match(const struct cert_raw *raw, X509 *issuer)
{
    struct key_der private, public;

    if (key_der_read(&private, raw->key.der, raw->key.len) &&
        key_der_read_x509(&public, issuer != NULL ? issuer : raw->x509))
        return key_der_match(&private, &public);
    return belongs(&raw->key, &raw->leaf, issuer);
}

static void
check_match(struct run *run)
{
    const struct cert_raw *raw = run->raw;
    const struct cert_pool *pool = &run->reader->chain;
    const struct config_string *cert = &run->file->cert;
    bool is_token = run->token.pkey != NULL;

    if (is_token ? cert_token_take(run->raw, run->key_from.text, &run->token)
                 : is_match(raw, NULL))
        return;
    run->failed = true;
    for (size_t i = 0; !is_token && i < raw->chain_len; i++) {
        if (is_match(raw, pool->item[raw->chain[i]].x509)) {
            diag_error(run->reader->diag, cert->pos,
                       "%s: the private key belongs to certificate %zu of the file; the "
                       "server's own certificate has to be the first",
                       cert->text, i + 2);
            return;
        }
    }
    diag_error(run->reader->diag, run->key_from.pos,
               "%s: the private key does not belong to the certificate in %s",
               run->key_from.text, cert->text);
}

static void
warn_of_time(const struct run *run, size_t number, const char *what, const ASN1_TIME *when)
{
    char date[CERT_TIME_TEXT];

    diag_warning(run->reader->diag, run->file->cert.pos, "%s: certificate %zu %s %s",
                 run->file->cert.text, number, what, cert_show_time(when, date));
}

/*
 * X509_check_issued would want a digest of the leaf, for which its library context has no
 * algorithm.
 */
static bool
has_issued_leaf(X509 *issuer, const X509 *leaf)
{
    AUTHORITY_KEYID *id = X509_get_ext_d2i(leaf, NID_authority_key_identifier, NULL, NULL);
    bool has =
        X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(leaf)) == 0 &&
        (X509_get_key_usage(issuer) & KU_KEY_CERT_SIGN) != 0 &&
        (id == NULL || X509_check_akid(issuer, id) == X509_V_OK);

    AUTHORITY_KEYID_free(id);
    return has;
}

static bool
has_issued(X509 *issuer, X509 *subject, bool is_leaf)
{
    if (is_leaf)
        return has_issued_leaf(issuer, subject);
    return X509_check_issued(issuer, subject) == X509_V_OK;
}

/* Validity and order (RFC 8446, 4.4.2: each certificate is certified by the next). */
static void
check_chain(const struct run *run)
{
    const struct cert_raw *raw = run->raw;
    int64_t now = time(NULL);
    X509 *subject = NULL;

    for (size_t i = 0; i <= raw->chain_len; i++) {
        X509 *x509 = i == 0 ? raw->x509 : run->reader->chain.item[raw->chain[i - 1]].x509;

        if (cert_time(X509_get0_notAfter(x509)) < now)
            warn_of_time(run, i + 1, "EXPIRED at", X509_get0_notAfter(x509));
        if (cert_time(X509_get0_notBefore(x509)) > now)
            warn_of_time(run, i + 1, "is NOT VALID before", X509_get0_notBefore(x509));
        if (subject != NULL && !has_issued(x509, subject, i == 1))
            diag_warning(run->reader->diag, run->file->cert.pos,
                         "%s: certificate %zu is not the issuer of certificate %zu",
                         run->file->cert.text, i + 1, i);
        subject = x509;
    }
    ERR_clear_error();
}

static void
note_facts(struct cert_reader *reader, struct cert_raw *raw)
{
    raw->not_before = cert_time(X509_get0_notBefore(raw->x509));
    raw->not_after = cert_time(X509_get0_notAfter(raw->x509));
    raw->plain = cert_is_plain(raw->x509);
    for (size_t i = 0; i < raw->chain_len; i++)
        raw->plain &= reader->chain.item[raw->chain[i]].plain;
}

struct cert_raw *
cert_read(struct cert_reader *reader, const struct config_cert *file)
{
    struct run run = {.reader = reader, .file = file};

    run.raw = calloc(1, sizeof(*run.raw));
    if (run.raw == NULL) {
        diag_error(reader->diag, file->cert.pos, "out of memory");
        return NULL;
    }
    run.raw->from = file->cert;
    load_certs(&run);
    if (file->key.text != NULL)
        load_key(&run, &file->key);
    if (!run.failed)
        check_match(&run);
    key_load_forget(&run.token);
    if (!run.failed) {
        check_chain(&run);
        note_facts(reader, run.raw);
        return run.raw;
    }
    cert_raw_free(run.raw);
    return NULL;
}

/* ---- From memory ---- */

static bool
take_cert(struct run *run, const struct cert *cert)
{
    struct cert_raw *raw = run->raw;
    unsigned char *der = NULL;
    int len = i2d_X509(cert->leaf, &der);
    bool good = len > 0 && set_leaf(run, der, (size_t)len);

    for (int i = 0; good && i < sk_X509_num(cert->chain); i++) {
        der = NULL;
        len = i2d_X509(sk_X509_value(cert->chain, i), &der);
        good = len > 0 && add_to_chain(run, der, (size_t)len);
        OPENSSL_free(der);
    }
    der = NULL;
    len = i2d_PrivateKey(cert->key, &der);
    if (len > 0)
        raw->key = (struct cert_bytes){der, (size_t)len};
    ERR_clear_error();
    return good && len > 0;
}

struct cert_raw *
cert_raw_of(struct cert_reader *reader, const struct cert *cert, struct pos pos)
{
    struct run run = {.reader = reader};

    run.raw = calloc(1, sizeof(*run.raw));
    if (run.raw != NULL && take_cert(&run, cert)) {
        note_facts(reader, run.raw);
        return run.raw;
    }
    diag_error(reader->diag, pos, "the private key cannot be handed to workers");
    cert_raw_free(run.raw);
    return NULL;
}
