/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CERT_H
#define TLS_CERT_H

#include "base/diag.h"
#include "base/pack.h"
#include "base/text.h"
#include "config/config.h"

#include <openssl/ssl.h>
#include <stdint.h>

/* A certificate with its chain and its private key. */
struct cert {
    X509 *leaf;
    STACK_OF(X509) *
        chain; /* the certificates that follow the leaf in the file; may be empty */
    EVP_PKEY *key;
};

/*
 * Read a certificate, its chain and its key (PEM) from the files that a frontend
 * names: the first certificate of the file is the leaf, the others are its chain, in any
 * order with the key. A key file that every user may read or write is a warning (its
 * group may); so is a certificate that is not followed by its issuer; an expired, or not
 * yet valid, certificate is a loud one. What is no good is an error at the place of the
 * setting: cannot be opened (with errno's words), no certificate or key in it, a broken PEM
 * block (with the line within the PEM file), an encrypted key (not supported yet), a key
 * that does not match the certificate, more than 1 MiB. Both files are read, and their
 * mistakes told, in one run.
 * Returns a cert for cert_free, or NULL after an error in diag.
 */
struct cert *cert_load(const struct config_frontend *frontend, struct diag *diag);

/*
 * Make a self-signed P-256 certificate in memory, for --demo and for tests: CN and DNS name
 * as given, 127.0.0.1 and ::1 as addresses, valid from an hour ago for the given
 * number of days (negative: expired). name is at most 64 bytes long. Returns it for
 * cert_free, or NULL.
 */
struct cert *cert_make_self_signed(const char *name, int days);

/*
 * A certificate, its chain and its key as bytes (DER inside), and back. cert_pack returns
 * 0, or -1 without memory or if a key will not be told. cert_unpack returns a cert for
 * cert_free, or NULL.
 */
int cert_pack(const struct cert *cert, struct pack *p) ATTR_MUST_CHECK;
struct cert *cert_unpack(const void *data, size_t len);

/* When it expires, in seconds since 1970-01-01 UTC; 0 if it cannot be told. */
int64_t cert_not_after(const struct cert *cert);

/* Its first DNS name, or its common name, or "-", into buf. Returns buf. */
const char *cert_subject(const struct cert *cert, char *buf, size_t size);

void cert_free(struct cert *cert);

#endif
