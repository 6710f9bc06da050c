/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_KNOBS_H
#define TLS_TLS_KNOBS_H

#include "base/attr.h"
#include "base/diag.h"
#include "config/config.h"

#include <openssl/ssl.h>

/*
 * Settings of a frontend that go to OpenSSL as they are. Both functions return 0, or -1
 * after an error in diag, at the place of the setting; all mistakes are told in one run.
 */

/*
 * ciphers, ciphersuites, groups and sigalgs; the defaults for those that are not set. A
 * list that OpenSSL refuses is an error that names the part which means nothing to OpenSSL;
 * such a part in a list that it takes is a warning, since OpenSSL passes over it in
 * silence.
 */
int tls_knobs_apply_lists(SSL_CTX *ctx, const struct config_frontend *frontend,
                          struct diag *diag) ATTR_MUST_CHECK;

/*
 * ssl-conf: each line is a command of SSL_CONF_cmd(3ssl) for files and servers, and its
 * value. Called last, so that a line has the last word; but commands that read files, those
 * that have a setting of their own which more depends on, and whatever would undo what
 * sallyport promises (no renegotiation, an end that is told from truncation ...) are
 * errors.
 */
int tls_knobs_apply_conf(SSL_CTX *ctx, const struct config_frontend *frontend,
                         struct diag *diag) ATTR_MUST_CHECK;

#endif
