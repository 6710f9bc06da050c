/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_STAPLE_H
#define TLS_STAPLE_H

#include "base/diag.h"
#include "base/file.h"
#include "base/pack.h"
#include "config/config.h"
#include "tls/cert.h"

/* An OCSP response for one of our certificates, "stapled" to the handshake. */
struct staple {
    unsigned char *der; /* owned */
    size_t len;
    int64_t this_update, next_update; /* seconds since 1970-01-01 UTC */
};

enum staple_result {
    STAPLE_GOOD,
    STAPLE_NONE, /* there is no such file */
    STAPLE_BAD   /* diag has it */
};

/*
 * Read the file (DER, or a PEM block "OCSP RESPONSE") and check that it is a response for
 * the certificate, signed by its issuer (which is in its chain) or by somebody whom that
 * has told to, that says "good", and says it of now. What is wrong goes to diag at the
 * place of file: an error if it was named by a setting, else a warning, because it only
 * happened to lie beside the certificate. STAPLE_NONE only where it was not named.
 */
enum staple_result staple_load(struct staple *staple, const struct config_string *file,
                               bool named, const struct cert *cert,
                               struct diag *diag) ATTR_MUST_CHECK;
void staple_clear(struct staple *staple);

/* The bytes of a certificate by which its staple is found. */
#define STAPLE_KEY 20
void staple_key(const X509 *leaf, unsigned char key[STAPLE_KEY]);

/* Append it to those of a frontend's other certificates; and take the next one of them (der
 * is lent by u). unpack returns whether there was one. */
void staple_pack(struct pack *p, const X509 *leaf, const struct staple *staple,
                 const char *file);
bool staple_unpack(struct unpack *u, unsigned char key[STAPLE_KEY], struct staple *staple,
                   const char **file);

#endif
