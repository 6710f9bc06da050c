/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * make_pki DIR [FILE KIND NAMES UNTIL]... [--many SUBDIR COUNT]: write the certificates of
 * the end-to-end tests into DIR (which exists), each file with mode 0600. A root certifies
 * an intermediate, and that the leaves, which are for localhost, example.test, 127.0.0.1
 * and ::1.
 *
 *   ca.pem             the root, for clients to trust
 *   ec.pem             P-256: leaf, intermediate, key
 *   rsa.pem            RSA 2048: the same
 *   chain.pem          leaf and intermediate of ec.pem, without the key
 *   key.pem            the key of ec.pem alone
 *   encrypted-key.pem  the same, encrypted (PKCS #8, password "secret")
 *   expired.pem        like ec.pem, but was valid until yesterday
 *   notyet.pem         like ec.pem, but valid from tomorrow
 *   other-key.pem      a key that belongs to no certificate
 *   truncated.pem      the first half of ec.pem's leaf
 *
 * and besides, leaf, intermediate and key of others in FILE: KIND is ec or rsa, NAMES are
 * as OpenSSL's configuration writes them ("DNS:a.test,DNS:*.a.test"), UNTIL is in days from
 * now on; or COUNT files SUBDIR/hostN.pem of P-256 for hostN.test, N from 0.
 *
 * and what clients.c has for clients, and staples.c of OCSP responses. With a name and a
 * number of seconds, that of clients_make_short instead, or of staples_make_short.
 */
#include "pki.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAF_NAMES "DNS:localhost,DNS:example.test,IP:127.0.0.1,IP:::1"

struct pki {
    struct identity root, intermediate, ec, rsa, expired, notyet;
    EVP_PKEY *other_key;
};

const char *directory;

static void
die(const char *what)
{
    fprintf(stderr, "make_pki: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

void
must(bool good, const char *what)
{
    if (!good)
        die(what);
}

/* ---- certificates ---- */

void
add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension != NULL && X509_add_ext(x509, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

static void
set_serial(X509 *x509)
{
    BIGNUM *serial = BN_new();

    must(serial != NULL && BN_rand(serial, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
             BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509)) != NULL,
         "serial number");
    BN_free(serial);
}

struct identity
begin(const char *name, EVP_PKEY *key, const struct identity *issuer, int from, int until)
{
    struct identity made = {X509_new(), key};
    X509_NAME *subject;

    must(made.x509 != NULL && made.key != NULL, name);
    subject = X509_get_subject_name(made.x509);
    set_serial(made.x509);
    must(X509_set_version(made.x509, X509_VERSION_3) == 1 &&
             X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                        (const unsigned char *)name, -1, -1, 0) == 1 &&
             X509_set_issuer_name(made.x509, issuer != NULL
                                                 ? X509_get_subject_name(issuer->x509)
                                                 : subject) == 1 &&
             X509_time_adj_ex(X509_getm_notBefore(made.x509), from, 0, NULL) != NULL &&
             X509_time_adj_ex(X509_getm_notAfter(made.x509), until, 0, NULL) != NULL &&
             X509_set_pubkey(made.x509, key) == 1,
         name);
    return made;
}

void
sign(const struct identity *made, const struct identity *issuer)
{
    must(X509_sign(made->x509, issuer->key, EVP_sha256()) > 0, "signature");
}

struct identity
make_authority(const char *name, const struct identity *issuer, const char *constraints)
{
    struct identity made = begin(name, EVP_EC_gen("P-256"), issuer, LONG_AGO, IN_TIME);

    if (issuer == NULL)
        issuer = &made;
    add_extension(made.x509, issuer->x509, NID_basic_constraints, constraints);
    add_extension(made.x509, issuer->x509, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(made.x509, issuer->x509, NID_subject_key_identifier, "hash");
    sign(&made, issuer);
    return made;
}

static struct identity
make_leaf(EVP_PKEY *key, const char *names, const struct identity *issuer, int from,
          int until)
{
    struct identity made = begin("localhost", key, issuer, from, until);

    add_extension(made.x509, issuer->x509, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(made.x509, issuer->x509, NID_key_usage, "critical,digitalSignature");
    add_extension(made.x509, issuer->x509, NID_ext_key_usage, "serverAuth");
    add_extension(made.x509, issuer->x509, NID_subject_alt_name, names);
    add_extension(made.x509, issuer->x509, NID_subject_key_identifier, "hash");
    add_extension(made.x509, issuer->x509, NID_authority_key_identifier, "keyid");
    sign(&made, issuer);
    return made;
}

/* ---- files ---- */

FILE *
create(const char *name)
{
    char path[4096];
    int fd = -1;
    FILE *file = NULL;

    if (snprintf(path, sizeof(path), "%s/%s", directory, name) < (int)sizeof(path))
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd != -1 && fchmod(fd, 0600) == 0)
        file = fdopen(fd, "w");
    if (file == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    return file;
}

void
finish(FILE *file, const char *name)
{
    must(fclose(file) == 0, name);
}

void
put_key(FILE *file, EVP_PKEY *key)
{
    must(PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1, "a key");
}

void
put_cert(FILE *file, X509 *x509)
{
    must(PEM_write_X509(file, x509) == 1, "a certificate");
}

static void
write_whole(const char *name, const struct identity *leaf, const struct identity *issuer)
{
    FILE *file = create(name);

    put_cert(file, leaf->x509);
    put_cert(file, issuer->x509);
    put_key(file, leaf->key);
    finish(file, name);
}

void
write_certs(const char *name, X509 *first, X509 *second)
{
    FILE *file = create(name);

    put_cert(file, first);
    if (second != NULL)
        put_cert(file, second);
    finish(file, name);
}

void
write_key(const char *name, EVP_PKEY *key)
{
    FILE *file = create(name);

    put_key(file, key);
    finish(file, name);
}

static void
write_encrypted_key(const char *name, EVP_PKEY *key)
{
    FILE *file = create(name);

    must(PEM_write_PKCS8PrivateKey(file, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL) ==
             1,
         name);
    finish(file, name);
}

static void
write_truncated(const char *name, X509 *x509)
{
    FILE *file = create(name);

    put_cert(file, x509);
    must(fflush(file) == 0 && ftruncate(fileno(file), ftell(file) / 2) == 0, name);
    finish(file, name);
}

/* ---- all of it ---- */

static void
make_all(struct pki *pki)
{
    pki->root = make_authority("sallyport test root", NULL, "critical,CA:TRUE");
    pki->intermediate = make_authority("sallyport test intermediate", &pki->root,
                                       "critical,CA:TRUE,pathlen:0");
    pki->ec = make_leaf(EVP_EC_gen("P-256"), LEAF_NAMES, &pki->intermediate, -1, IN_TIME);
    pki->rsa = make_leaf(EVP_RSA_gen(2048), LEAF_NAMES, &pki->intermediate, -1, IN_TIME);
    pki->expired = make_leaf(EVP_EC_gen("P-256"), LEAF_NAMES, &pki->intermediate, -5, -1);
    pki->notyet =
        make_leaf(EVP_EC_gen("P-256"), LEAF_NAMES, &pki->intermediate, 1, IN_TIME);
    pki->other_key = EVP_EC_gen("P-256");
    must(pki->other_key != NULL, "a key");
}

static void
write_all(const struct pki *pki)
{
    write_certs("ca.pem", pki->root.x509, NULL);
    write_whole("ec.pem", &pki->ec, &pki->intermediate);
    write_whole("rsa.pem", &pki->rsa, &pki->intermediate);
    write_certs("chain.pem", pki->ec.x509, pki->intermediate.x509);
    write_key("key.pem", pki->ec.key);
    write_encrypted_key("encrypted-key.pem", pki->ec.key);
    write_whole("expired.pem", &pki->expired, &pki->intermediate);
    write_whole("notyet.pem", &pki->notyet, &pki->intermediate);
    write_key("other-key.pem", pki->other_key);
    write_truncated("truncated.pem", pki->ec.x509);
}

static void
make_many(const struct pki *pki, const char *subdir, unsigned count)
{
    char name[256], names[64];

    for (unsigned i = 0; i < count; i++) {
        struct identity leaf;

        snprintf(name, sizeof(name), "%s/host%u.pem", subdir, i);
        snprintf(names, sizeof(names), "DNS:host%u.test", i);
        leaf = make_leaf(EVP_EC_gen("P-256"), names, &pki->intermediate, -1, IN_TIME);
        write_whole(name, &leaf, &pki->intermediate);
        X509_free(leaf.x509);
        EVP_PKEY_free(leaf.key);
    }
}

static void
make_others(const struct pki *pki, char **word)
{
    while (word[0] != NULL && word[1] != NULL && word[2] != NULL) {
        struct identity leaf;

        if (strcmp(word[0], "--many") == 0) {
            make_many(pki, word[1], (unsigned)atoi(word[2]));
            word += 3;
            continue;
        }
        must(word[3] != NULL, "FILE KIND NAMES UNTIL");
        leaf =
            make_leaf(strcmp(word[1], "rsa") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"),
                      word[2], &pki->intermediate, LONG_AGO, atoi(word[3]));
        write_whole(word[0], &leaf, &pki->intermediate);
        X509_free(leaf.x509);
        EVP_PKEY_free(leaf.key);
        word += 4;
    }
}

static void
forget_all(struct pki *pki)
{
    struct identity *all[] = {&pki->root, &pki->intermediate, &pki->ec,
                              &pki->rsa,  &pki->expired,      &pki->notyet};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        X509_free(all[i]->x509);
        EVP_PKEY_free(all[i]->key);
    }
    EVP_PKEY_free(pki->other_key);
}

int
main(int argc, char **argv)
{
    struct pki pki;

    if (argc < 2) {
        fprintf(stderr, "usage: make_pki DIR [NAME SECONDS]\n"
                        "       make_pki DIR [FILE KIND NAMES UNTIL]..."
                        " [--many SUBDIR COUNT]\n");
        return EXIT_FAILURE;
    }
    directory = argv[1];
    if (argc == 4) {
        if (strcmp(argv[2], "staple") == 0)
            staples_make_short(atol(argv[3]));
        else
            clients_make_short(argv[2], atol(argv[3]));
        return EXIT_SUCCESS;
    }
    make_all(&pki);
    write_all(&pki);
    clients_make(&pki.root);
    staples_make(&pki.ec, &pki.rsa, &pki.intermediate, &pki.root);
    make_others(&pki, argv + 2);
    forget_all(&pki);
    return EXIT_SUCCESS;
}
