/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Certificates for clients, in DIR as well. A root certifies an intermediate, and both of
 * them clients; each of these files holds a certificate, the intermediate if there is one,
 * and the key:
 *
 *   clients.pem         the root, for servers to trust
 *   clients-key.pem     its key
 *   sub.pem             the intermediate
 *   alice.pem           by the root: CN=alice,O=Example; DNS:alice.app.example,
 *                       URI:spiffe://example/ns/alice
 *   bob.pem             by the intermediate: CN=bob, DNS:bob.other.example
 *   nobody.pem          by the root, with an empty subject: URI:spiffe://example/ns/nobody
 *   client-expired.pem, client-notyet.pem, client-server.pem (for servers only)
 *   stranger.pem        by the root of the servers
 *
 * CRLs of the root, and of the intermediate:
 *
 *   crl.pem             nobody of them is revoked
 *   crl-alice.pem       alice is
 *   crl-sub.pem         of the intermediate, nobody is; crl-bob.pem: bob is
 *   crl-no-sub.pem      the root revokes the intermediate
 *   crl.der             crl.pem in DER
 *   crl-stale.pem       like crl.pem, but was to be renewed yesterday
 *   crl-stranger.pem    of the root of the servers
 *   crl-forged.pem      like crl.pem, but signed by somebody else
 *   crl-truncated.pem   the first half of crl.pem
 *   clients-truncated.pem
 */
#include "pki.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct identity
make_client(const char *name, const struct identity *issuer, const char *usage,
            const char *alt_names, int from, int until)
{
    struct identity made = begin(name, EVP_EC_gen("P-256"), issuer, from, until);

    add_extension(made.x509, issuer->x509, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(made.x509, issuer->x509, NID_key_usage, "critical,digitalSignature");
    add_extension(made.x509, issuer->x509, NID_ext_key_usage, usage);
    add_extension(made.x509, issuer->x509, NID_subject_alt_name, alt_names);
    sign(&made, issuer);
    return made;
}

static void
write_client(const char *name, const struct identity *client, X509 *intermediate)
{
    FILE *file = create(name);

    put_cert(file, client->x509);
    if (intermediate != NULL)
        put_cert(file, intermediate);
    put_key(file, client->key);
    finish(file, name);
}

static void
make_one(const char *file, const struct identity *issuer, const char *usage, int from,
         int until)
{
    struct identity made =
        make_client("somebody", issuer, usage, "DNS:somebody.example", from, until);

    write_client(file, &made, NULL);
    X509_free(made.x509);
    EVP_PKEY_free(made.key);
}

static struct identity
make_alice(const struct identity *root)
{
    struct identity made = begin("alice", EVP_EC_gen("P-256"), root, -1, IN_TIME);
    X509_NAME *subject = X509_get_subject_name(made.x509);

    must(X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC,
                                    (const unsigned char *)"Example", -1, 0, 0) == 1,
         "alice");
    add_extension(made.x509, root->x509, NID_ext_key_usage, "clientAuth");
    add_extension(made.x509, root->x509, NID_subject_alt_name,
                  "DNS:alice.app.example,URI:spiffe://example/ns/alice");
    sign(&made, root);
    return made;
}

static void
make_nobody(const struct identity *root)
{
    struct identity made = begin("x", EVP_EC_gen("P-256"), root, -1, IN_TIME);
    X509_NAME *empty = X509_NAME_new();

    must(empty != NULL && X509_set_subject_name(made.x509, empty) == 1, "nobody");
    X509_NAME_free(empty);
    add_extension(made.x509, root->x509, NID_ext_key_usage, "clientAuth");
    add_extension(made.x509, root->x509, NID_subject_alt_name,
                  "critical,URI:spiffe://example/ns/nobody");
    sign(&made, root);
    write_client("nobody.pem", &made, NULL);
    X509_free(made.x509);
    EVP_PKEY_free(made.key);
}

/* ---- CRLs ---- */

static X509_CRL *
make_crl(const struct identity *issuer, EVP_PKEY *key, X509 *revoked, int until)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *last = X509_time_adj_ex(NULL, LONG_AGO, 0, NULL);
    ASN1_TIME *next = X509_time_adj_ex(NULL, until, 0, NULL);
    X509_REVOKED *entry = X509_REVOKED_new();

    must(crl != NULL && last != NULL && next != NULL && entry != NULL &&
             X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
             X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x509)) == 1 &&
             X509_CRL_set1_lastUpdate(crl, last) == 1 &&
             X509_CRL_set1_nextUpdate(crl, next) == 1,
         "a CRL");
    if (revoked != NULL)
        must(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked)) == 1 &&
                 X509_REVOKED_set_revocationDate(entry, last) == 1 &&
                 X509_CRL_add0_revoked(crl, X509_REVOKED_dup(entry)) == 1,
             "a CRL");
    must(X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, key, EVP_sha256()) > 0, "a CRL");
    ASN1_TIME_free(last);
    ASN1_TIME_free(next);
    X509_REVOKED_free(entry);
    return crl;
}

static void
write_crl(const char *name, X509_CRL *crl)
{
    FILE *file = create(name);

    must(PEM_write_X509_CRL(file, crl) == 1, name);
    finish(file, name);
    X509_CRL_free(crl);
}

static void
write_der_crl(const char *name, X509_CRL *crl)
{
    FILE *file = create(name);

    must(i2d_X509_CRL_fp(file, crl) == 1, name);
    finish(file, name);
    X509_CRL_free(crl);
}

/* What is in the file, cut in the middle. */
static void
halve(const char *name)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "r+");
    must(file != NULL && fseek(file, 0, SEEK_END) == 0 &&
             ftruncate(fileno(file), ftell(file) / 2) == 0,
         name);
    finish(file, name);
}

static void
make_crls(const struct identity *root, const struct identity *sub,
          const struct identity *stranger, X509 *alice, X509 *bob)
{
    write_crl("crl.pem", make_crl(root, root->key, NULL, IN_TIME));
    write_crl("crl-alice.pem", make_crl(root, root->key, alice, IN_TIME));
    write_crl("crl-no-sub.pem", make_crl(root, root->key, sub->x509, IN_TIME));
    write_crl("crl-sub.pem", make_crl(sub, sub->key, NULL, IN_TIME));
    write_crl("crl-bob.pem", make_crl(sub, sub->key, bob, IN_TIME));
    write_der_crl("crl.der", make_crl(root, root->key, NULL, IN_TIME));
    write_crl("crl-stale.pem", make_crl(root, root->key, NULL, -1));
    write_crl("crl-stranger.pem", make_crl(stranger, stranger->key, NULL, IN_TIME));
    write_crl("crl-forged.pem", make_crl(root, stranger->key, NULL, IN_TIME));
    write_crl("crl-truncated.pem", make_crl(root, root->key, NULL, IN_TIME));
    halve("crl-truncated.pem");
}

void
clients_make(const struct identity *stranger)
{
    struct identity root =
        make_authority("sallyport test clients", NULL, "critical,CA:TRUE");
    struct identity sub =
        make_authority("sallyport test sub", &root, "critical,CA:TRUE,pathlen:0");
    struct identity alice = make_alice(&root);
    struct identity bob =
        make_client("bob", &sub, "clientAuth", "DNS:bob.other.example", -1, IN_TIME);

    write_certs("clients.pem", root.x509, NULL);
    write_certs("clients-truncated.pem", root.x509, NULL);
    halve("clients-truncated.pem");
    write_key("clients-key.pem", root.key);
    write_certs("sub.pem", sub.x509, NULL);
    write_client("alice.pem", &alice, NULL);
    write_client("bob.pem", &bob, sub.x509);
    make_nobody(&root);
    make_one("client-expired.pem", &root, "clientAuth", -5, -1);
    make_one("client-notyet.pem", &root, "clientAuth", 1, IN_TIME);
    make_one("client-server.pem", &root, "serverAuth", -1, IN_TIME);
    make_one("stranger.pem", stranger, "clientAuth", -1, IN_TIME);
    make_crls(&root, &sub, stranger, alice.x509, bob.x509);
    X509_free(root.x509);
    X509_free(sub.x509);
    X509_free(alice.x509);
    X509_free(bob.x509);
    EVP_PKEY_free(root.key);
    EVP_PKEY_free(sub.key);
    EVP_PKEY_free(alice.key);
    EVP_PKEY_free(bob.key);
}

static FILE *
open_file(const char *name)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "r");
    must(file != NULL, path);
    return file;
}

void
clients_make_short(const char *name, long seconds)
{
    FILE *cert = open_file("clients.pem"), *key = open_file("clients-key.pem");
    struct identity root = {PEM_read_X509(cert, NULL, NULL, NULL),
                            PEM_read_PrivateKey(key, NULL, NULL, NULL)};
    struct identity made;
    char file[256];
    time_t end = time(NULL) + seconds;

    fclose(cert);
    fclose(key);
    must(root.x509 != NULL && root.key != NULL, "the root of clients");
    snprintf(file, sizeof(file), "%s.pem", name);
    made = begin(name, EVP_EC_gen("P-256"), &root, -1, 1);
    must(ASN1_TIME_set(X509_getm_notAfter(made.x509), end) != NULL, name);
    add_extension(made.x509, root.x509, NID_ext_key_usage, "clientAuth");
    sign(&made, &root);
    write_client(file, &made, NULL);
    X509_free(root.x509);
    X509_free(made.x509);
    EVP_PKEY_free(root.key);
    EVP_PKEY_free(made.key);
}
