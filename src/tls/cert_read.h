/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CERT_READ_H
#define TLS_CERT_READ_H

#include "base/diag.h"
#include "config/config.h"
#include "tls/cert.h"
#include "tls/cert_pool.h"
#include "tls/key_der.h"
#include "tls/key_remote.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Certificates and keys from files, as the master reads them: checked, but decoded no
 * further than that takes, since there may be thousands.
 */
struct cert_reader {
    struct diag *diag;      /* borrowed */
    struct cert_pool chain; /* of all that were read */
    OSSL_LIB_CTX *light;    /* without any algorithm: it decodes no public keys */
    OSSL_PROVIDER *nothing; /* that light would load others without */
};

struct cert_bytes {
    unsigned char *der; /* owned */
    size_t len;
};

/* A private key that stays where it is; key is what stands for it (key_remote_mark). */
struct cert_token {
    const char *uri; /* lent by the configuration; NULL: there is no such key */
    unsigned char id[KEY_REMOTE_ID];
    struct cert_bytes passphrase; /* wiped when it is freed; der NULL: none */
};

/* A certificate that was read. */
struct cert_raw {
    struct config_string from; /* its file; lent by the configuration */
    struct cert_bytes leaf;
    struct cert_bytes key;   /* PKCS #8, or as its type writes it; wiped when it is freed */
    struct cert_token token; /* the key, if its provider keeps it to itself */
    uint32_t *chain; /* owned: numbers in the reader's pool, in the order of the file */
    size_t chain_len;
    X509 *x509; /* the leaf; its public key cannot be asked for */
    int64_t not_before, not_after;
    bool plain; /* the leaf and all of the chain, see cert_is_plain */
};

/* Returns 0, or -1 without memory; cert_reader_clear has to follow. Borrows diag. */
int cert_reader_init(struct cert_reader *reader, struct diag *diag) ATTR_MUST_CHECK;
void cert_reader_clear(struct cert_reader *reader);

/*
 * Read a certificate, its chain and its key (PEM): the first certificate of the file is the
 * leaf, the others are its chain, in any order with the key. The key is in the key file if
 * one is named, or in the file, or in one beside it that ends in .key instead of what is
 * behind the last dot. A key file that every user may read or write is a warning (its group
 * may); so is a certificate that is not followed by its issuer; an expired, or not yet
 * valid, certificate is a loud one. What is no good is an error at the place of the
 * setting: cannot be opened (with errno's words), no certificate or key in it, a broken PEM
 * block (with the line within the PEM file), an encrypted key without its passphrase, a key
 * that does not match the certificate, more than 1 MiB. A key may also be a URI (see struct
 * cert_token). Both files are read, and their mistakes told, in one run. Returns it for
 * cert_raw_free (before the reader is cleared), or NULL after an error.
 */
struct cert_raw *cert_read(struct cert_reader *reader, const struct config_cert *file);

/* The same of a certificate in memory. NULL after an error in diag, at pos. */
struct cert_raw *cert_raw_of(struct cert_reader *reader, const struct cert *cert,
                             struct pos pos);

/* The file that a key may stand in beside its certificate, into buf: "a.key" of "a.pem";
 * ".key" if there is no room. */
void cert_name_beside(const char *path, char *buf, size_t size);

/* NULL is allowed. */
void cert_raw_free(struct cert_raw *raw);

#endif
