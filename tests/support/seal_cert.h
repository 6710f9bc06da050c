/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_SEAL_CERT_H
#define SUPPORT_SEAL_CERT_H

#include "tls/cert_store.h"

/*
 * Append certificates to p as the master seals them for a frontend: see cert_build_pack.
 * What fails here fails the test.
 */
void seal_certs(struct pack *p, struct cert *const *cert, size_t certs, uint32_t standard,
                uint32_t most);

/* The same of one. */
void seal_cert(struct pack *p, struct cert *cert);

#endif
