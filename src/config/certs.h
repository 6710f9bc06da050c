/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONFIG_CERTS_H
#define CONFIG_CERTS_H

#include "base/diag.h"
#include "config/config.h"

#include <stdbool.h>

/*
 * Find the files that `cert` and `key` of a frontend mean, and fill in cert_file: a
 * directory means its files that end in .pem, a pattern (see glob(7)) those that match, in
 * alphabetical order. With key, there are as many of its files as of cert, in the same
 * order. What means no file, and a cert-default that is none of the files, is an error in
 * diag. A path that cannot be looked at is taken for a file: whoever reads it will tell.
 */
void config_find_certs(struct config *config, struct config_frontend *frontend,
                       struct diag *diag);

/* Does it begin with a scheme (RFC 3986, section 3.1), as pkcs11:...? Then it is no file.
 */
bool config_is_uri(const char *text);

/* The place of cert-default among cert_file; 0 without one. */
size_t config_default_cert(const struct config_frontend *frontend);

#endif
