/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_SECRET_H
#define TLS_TLS_SECRET_H

#include "base/attr.h"
#include "base/diag.h"
#include "config/config.h"
#include "tls/tls_ticket.h"

/*
 * Read the files that a frontend's ticket-secret names, and extract from each the secret
 * for tls_ticket_set_secrets (tls_ticket_extract): secrets has room for
 * TLS_TICKET_SECRETS_MAX. All bytes of a file count, whatever they are. Errors, at the
 * place of the setting: more files than that; a path that is not absolute; cannot be opened
 * or read; no regular file (or pipe); fewer than TLS_TICKET_BYTES_MIN bytes, more than
 * 4096, or so few different ones that chance cannot have made them; the same file content
 * twice. A file that every user may read or change is a warning (its group may). Returns
 * how many secrets there are, or 0 after an error. What was read is wiped.
 */
size_t tls_secret_load(const struct config_frontend *frontend,
                       unsigned char secrets[TLS_TICKET_SECRETS_MAX][TLS_TICKET_SECRET],
                       struct diag *diag) ATTR_MUST_CHECK;

#endif
