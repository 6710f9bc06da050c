/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/key_load.h"

#include "tls/tls_err.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

/* A line of the file of passphrases, which is given when OpenSSL asks. */
struct passphrase {
    const char *word; /* NULL: there is none */
    size_t len;
};

static int
on_asked(char *buf, int size, int writing, void *arg)
{
    const struct passphrase *p = arg;

    (void)writing;
    if (p->word == NULL || p->len > (size_t)size)
        return -1;
    memcpy(buf, p->word, p->len);
    return (int)p->len;
}

/* The next line of the file, from *at on; without its end, but with its blanks. */
static bool
next_line(const struct file *file, size_t *at, struct passphrase *p)
{
    const char *line = file->bytes + *at;
    const char *end;

    if (*at >= file->len)
        return false;
    end = memchr(line, '\n', file->len - *at);
    p->word = line;
    p->len = end != NULL ? (size_t)(end - line) : file->len - *at;
    *at += p->len + 1;
    if (p->len > 0 && line[p->len - 1] == '\r')
        p->len--;
    return true;
}

/* Takes pkey. */
static unsigned char *
encode(EVP_PKEY *pkey, size_t *len)
{
    unsigned char *der = NULL;
    int n = i2d_PrivateKey(pkey, &der);

    EVP_PKEY_free(pkey);
    ERR_clear_error();
    *len = n > 0 ? (size_t)n : 0;
    return n > 0 ? der : NULL;
}

static int
open_passphrases(struct cert_file *words, const struct config_string *from,
                 struct diag *diag)
{
    if (cert_file_open(words, from, diag) != 0)
        return -1;
    if (words->public)
        diag_warning(diag, from->pos,
                     "%s: every user may read or change these passphrases (try chmod o= on "
                     "it)",
                     from->text);
    return 0;
}

/* ---- An encrypted PEM block ---- */

static EVP_PKEY *
decrypt(const struct pem_block *block, struct passphrase *p)
{
    BIO *pem = BIO_new_mem_buf(block->begin, (int)block->len);
    EVP_PKEY *pkey = NULL;

    if (pem != NULL)
        pkey = PEM_read_bio_PrivateKey(pem, NULL, on_asked, p);
    BIO_free(pem);
    ERR_clear_error();
    return pkey;
}

unsigned char *
key_load_encrypted(struct cert_file *file, const struct pem_block *block,
                   const struct config_string *passphrases, size_t *len)
{
    struct cert_file words;
    struct passphrase p;
    EVP_PKEY *pkey = NULL;
    size_t at = 0;

    if (passphrases->text == NULL) {
        cert_file_complain(
            file, block->line,
            "the private key is encrypted, and no key-passphrase-file is set "
            "(\"openssl pkey\" can also remove the passphrase)");
        return NULL;
    }
    if (open_passphrases(&words, passphrases, file->diag) != 0) {
        file->failed = true;
    } else {
        while (pkey == NULL && next_line(&words.content, &at, &p))
            pkey = decrypt(block, &p);
        if (pkey == NULL)
            cert_file_complain(file, block->line,
                               "the private key is encrypted, and no line of %s is its "
                               "passphrase",
                               passphrases->text);
    }
    cert_file_close(&words);
    return pkey != NULL ? encode(pkey, len) : NULL;
}

/* ---- A URI ---- */

static EVP_PKEY *
load(const char *uri, struct passphrase *p)
{
    UI_METHOD *ask = UI_UTIL_wrap_read_pem_callback(on_asked, 0);
    OSSL_STORE_CTX *store = NULL;
    EVP_PKEY *pkey = NULL;

    if (ask != NULL)
        store = OSSL_STORE_open(uri, ask, p, NULL, NULL);
    if (store != NULL)
        (void)OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
    while (store != NULL && pkey == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info == NULL && OSSL_STORE_error(store))
            break;
        if (info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            pkey = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    if (store != NULL)
        (void)OSSL_STORE_close(store);
    UI_destroy_method(ask);
    return pkey;
}

EVP_PKEY *
key_load_open(const char *uri, const void *passphrase, size_t len)
{
    struct passphrase p = {.word = len > 0 ? passphrase : NULL, .len = len};

    return load(uri, &p);
}

/* The passphrase that opened it stays. */
static EVP_PKEY *
load_with(const struct config_string *uri, const struct config_string *passphrases,
          struct diag *diag, struct key_load_token *token)
{
    struct passphrase p = {0};
    struct cert_file words = {0};
    EVP_PKEY *pkey = NULL;
    size_t at = 0;

    if (passphrases->text == NULL)
        return load(uri->text, &p);
    if (open_passphrases(&words, passphrases, diag) == 0)
        while (pkey == NULL && next_line(&words.content, &at, &p))
            pkey = load(uri->text, &p);
    if (pkey != NULL && p.len > 0) {
        token->passphrase = OPENSSL_memdup(p.word, p.len);
        token->len = token->passphrase != NULL ? p.len : 0;
    }
    cert_file_close(&words);
    return pkey;
}

unsigned char *
key_load_uri(const struct config_string *uri, const struct config_string *passphrases,
             struct diag *diag, size_t *len, struct key_load_token *token)
{
    unsigned char *der = NULL;
    char reason[128];

    *token = (struct key_load_token){0};
    token->pkey = load_with(uri, passphrases, diag, token);
    if (token->pkey == NULL)
        diag_error(diag, uri->pos, "%s: there is no private key to be had: %s", uri->text,
                   tls_err_take(reason, sizeof(reason),
                                "no provider of OpenSSL finds one by this URI"));
    else if (EVP_PKEY_up_ref(token->pkey) == 1)
        der = encode(token->pkey, len);
    if (der != NULL)
        key_load_forget(token);
    ERR_clear_error();
    return der;
}

void
key_load_forget(struct key_load_token *token)
{
    EVP_PKEY_free(token->pkey);
    OPENSSL_clear_free(token->passphrase, token->len);
    *token = (struct key_load_token){0};
}
