/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CLIENT_CA_H
#define TLS_CLIENT_CA_H

#include "base/diag.h"
#include "base/pack.h"
#include "config/config.h"

#include <openssl/x509.h>

/* Whom a frontend trusts to issue certificates for clients, and what they have revoked. */
struct client_ca {
    STACK_OF(X509) * certs;
    STACK_OF(X509_CRL) * crls;
};

/*
 * Read the files that client-cert names, PEM or (of crl) DER, and pack what is in them as
 * DER. Mistakes go to diag at the place of the setting: a file that cannot be read, a
 * broken block (with its line in the file), no certificate in it, no CRL in it, a CRL whose
 * issuer is none of ca's certificates or whose signature is wrong, a delta CRL. Warnings:
 * an expired CA, a certificate that is not that of a CA, a CRL that is stale or not valid
 * yet, a CA without a CRL where others have one: their clients will be refused. All are
 * told in one run. Returns 0, or -1 after an error in diag.
 */
int client_ca_load(const struct config_client_cert *client_cert, struct pack *p,
                   struct diag *diag) ATTR_MUST_CHECK;

/* Back from the bytes. Returns 0, or -1 (clear it all the same). */
int client_ca_unpack(struct client_ca *ca, const struct config_blob *blob) ATTR_MUST_CHECK;

/* Is there a certificate among them whose issuer is not, so that it has to be trusted by
 * itself? */
bool client_ca_is_partial(const struct client_ca *ca);

void client_ca_clear(struct client_ca *ca);

#endif
