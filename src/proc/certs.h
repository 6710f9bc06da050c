/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_CERTS_H
#define PROC_CERTS_H

#include "base/diag.h"
#include "proc/setup.h"
#include "tls/cert.h"

/*
 * Load the certificates and keys of all frontends, or given, for all of them, unless it is
 * NULL; try them with the frontend's settings, and put them into sealed_cert (which
 * setup_seal frees) and setup->cert. All mistakes go to diag.
 */
void certs_load(struct setup *setup, const struct cert *given, struct diag *diag);

/*
 * A number that is another one when a file of a certificate or a key has changed, come or
 * gone. Reads none of them.
 */
uint64_t certs_stamp(struct config *config);

/* Fill in setup->cert from what is sealed in a bundle of before. */
void certs_restore(struct setup *setup);

#endif
