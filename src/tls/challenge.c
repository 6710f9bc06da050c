/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/challenge.h"

#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Also where there are no challenges: who asks for one is refused. */
#define MAGIC UINT32_C(0x61636d65)

#define FILE_MAX ((size_t)64 << 10)
#define SUFFIX ".pem"
#define NAME_SIZE 256
#define PATH_SIZE 4352
#define ACME_IDENTIFIER "1.3.6.1.5.5.7.1.31" /* RFC 8737, section 6.1 */

struct pair {
    X509 *x509;
    EVP_PKEY *key;
};

static bool
has_identifier(const X509 *x509)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(ACME_IDENTIFIER, 1);
    int at = oid != NULL ? X509_get_ext_by_OBJ(x509, oid, -1) : -1;

    ASN1_OBJECT_free(oid);
    return at >= 0;
}

/* Of an address (RFC 8738) the name is that of its reverse look-up, and not in it. */
static bool
is_for(X509 *x509, const char *name)
{
    size_t len = strlen(name);

    if (len > 5 && strcmp(name + len - 5, ".arpa") == 0)
        return true;
    return X509_check_host(x509, name, len, X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1;
}

/* Returns what is wrong, or NULL. */
static const char *
parse(struct pair *pair, const struct file *file, const char *name)
{
    BIO *certs = BIO_new_mem_buf(file->bytes, (int)file->len);
    BIO *keys = BIO_new_mem_buf(file->bytes, (int)file->len);
    char no_password[] = "";

    if (certs != NULL && keys != NULL) {
        pair->x509 = PEM_read_bio_X509(certs, NULL, NULL, no_password);
        pair->key = PEM_read_bio_PrivateKey(keys, NULL, NULL, no_password);
    }
    BIO_free(certs);
    BIO_free(keys);
    if (pair->x509 == NULL)
        return "there is no certificate (PEM) in it";
    if (pair->key == NULL)
        return "there is no private key (PEM) in it";
    if (X509_check_private_key(pair->x509, pair->key) != 1)
        return "the private key does not belong to the certificate";
    if (!has_identifier(pair->x509))
        return "the certificate does not answer a challenge (it has no acmeIdentifier)";
    if (!is_for(pair->x509, name))
        return "the certificate is not for the name of the file";
    return NULL;
}

static void
pack_pair(struct pack *p, const struct pair *pair, const char *name)
{
    unsigned char *cert = NULL, *key = NULL;
    int cert_len = i2d_X509(pair->x509, &cert);
    int key_len = i2d_PrivateKey(pair->key, &key);

    pack_string(p, name);
    pack_blob(p, cert, cert_len > 0 ? (size_t)cert_len : 0);
    pack_blob(p, key, key_len > 0 ? (size_t)key_len : 0);
    p->failed |= cert_len <= 0 || key_len <= 0;
    OPENSSL_free(cert);
    OPENSSL_clear_free(key, key_len > 0 ? (size_t)key_len : 0);
}

static void
load(const char *path, const char *name, const struct config_string *dir, struct pack *p,
     struct diag *diag)
{
    struct pair pair = {0};
    struct file file;
    const char *wrong;

    if (file_read(&file, path, FILE_MAX) < 0) {
        diag_warning(diag, dir->pos, "%s: cannot be read: %s", path, strerror(errno));
        return;
    }
    wrong = parse(&pair, &file, name);
    if (wrong != NULL)
        diag_warning(diag, dir->pos, "%s: %s; this challenge will not be answered", path,
                     wrong);
    else
        pack_pair(p, &pair, name);
    file_clear(&file);
    X509_free(pair.x509);
    EVP_PKEY_free(pair.key);
    ERR_clear_error();
}

/* NAME of NAME.pem, in lower case. Files that are hidden are somebody's temporary ones. */
static bool
take_name(const char *file, char name[NAME_SIZE])
{
    size_t len = strlen(file), suffix = strlen(SUFFIX);

    if (*file == '.' || len <= suffix || len - suffix >= NAME_SIZE ||
        strcmp(file + len - suffix, SUFFIX) != 0)
        return false;
    for (size_t i = 0; i < len - suffix; i++)
        name[i] = (char)tolower((unsigned char)file[i]);
    name[len - suffix] = '\0';
    return true;
}

static void
load_all(DIR *stream, const struct config_string *dir, struct pack *p, struct diag *diag)
{
    char name[NAME_SIZE], path[PATH_SIZE];
    const struct dirent *entry;

    while ((entry = readdir(stream)) != NULL) {
        if (!take_name(entry->d_name, name))
            continue;
        snprintf(path, sizeof(path), "%.4000s/%s", dir->text, entry->d_name);
        load(path, name, dir, p, diag);
    }
}

int
challenge_load_dir(const struct config_string *dir, struct pack *p, struct diag *diag)
{
    DIR *stream = opendir(dir->text);

    if (stream == NULL) {
        diag_error(diag, dir->pos, "%s: cannot be read: %s", dir->text, strerror(errno));
        return -1;
    }
    pack_u32(p, MAGIC);
    load_all(stream, dir, p, diag);
    closedir(stream);
    if (!p->failed)
        return 0;
    diag_error(diag, dir->pos, "%s: out of memory", dir->text);
    return -1;
}

void
challenge_unpack(struct unpack *u, const struct config_blob *packed)
{
    unpack_init(u, packed->data, packed->len);
    u->failed |= unpack_u32(u) != MAGIC;
}

bool
challenge_next(struct unpack *u, struct challenge *c)
{
    if (u->failed || u->at == u->end)
        return false;
    c->name = unpack_string(u);
    c->cert = unpack_blob(u, &c->cert_len);
    c->key = unpack_blob(u, &c->key_len);
    u->failed |= c->name == NULL || c->cert_len > INT32_MAX || c->key_len > INT32_MAX;
    return !u->failed;
}
