/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKI_PKI_H
#define PKI_PKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>

/* Shared by make_pki.c, clients.c and staples.c. What fails ends the program. */

/* Days from today. */
#define LONG_AGO (-10)
#define IN_TIME 365

struct identity {
    X509 *x509;
    EVP_PKEY *key;
};

extern const char *directory;

void must(bool good, const char *what);

/* A certificate without extensions and signature, for a key, by an issuer (NULL: itself).
 */
struct identity begin(const char *name, EVP_PKEY *key, const struct identity *issuer,
                      int from, int until);
void add_extension(X509 *x509, X509 *issuer, int nid, const char *value);
void sign(const struct identity *made, const struct identity *issuer);
struct identity make_authority(const char *name, const struct identity *issuer,
                               const char *constraints);

/* Files in the directory, with mode 0600. */
FILE *create(const char *name);
void finish(FILE *file, const char *name);
void put_key(FILE *file, EVP_PKEY *key);
void put_cert(FILE *file, X509 *x509);
void write_certs(const char *name, X509 *first, X509 *second);
void write_key(const char *name, EVP_PKEY *key);

/* All that clients need; stranger is a CA that is not theirs. */
void clients_make(const struct identity *stranger);

/* NAME.pem: a client that expires in so many seconds, by the CA that is in the directory.
 */
void clients_make_short(const char *name, long seconds);

/* All OCSP responses; and staple.der anew, which is good for so many seconds. */
void staples_make(const struct identity *leaf, const struct identity *other,
                  const struct identity *issuer, const struct identity *stranger);
void staples_make_short(long seconds);

#endif
