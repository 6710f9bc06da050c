/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_CLIENT_CERT_H
#define SUPPORT_CLIENT_CERT_H

#include "base/pack.h"
#include "tls/cert.h"

/* A self-signed certificate that is good for clients, too. What fails fails the test. */
struct cert *client_cert_make(const char *name);

/* Append to p what client_ca_load makes of a file with that certificate alone. */
void client_cert_trust(struct pack *p, X509 *x509);

#endif
