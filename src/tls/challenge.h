/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CHALLENGE_H
#define TLS_CHALLENGE_H

#include "base/diag.h"
#include "base/pack.h"
#include "config/config.h"

/* A certificate that answers the challenge of an ACME server for a name (RFC 8737). */
struct challenge {
    const char *name; /* in lower case */
    const unsigned char *cert, *key;
    size_t cert_len, key_len;
};

/*
 * Pack the challenges in a directory, which an ACME client fills: NAME.pem, with a
 * self-signed certificate for NAME that has the extension acmeIdentifier, and its key.
 * Other files are passed over. One that is no good is passed over with a warning in diag at
 * the place of dir, as it may be half-written, and is no reason to refuse a configuration.
 * Returns 0, or -1 with an error in diag if the directory cannot be read.
 */
int challenge_load_dir(const struct config_string *dir, struct pack *p,
                       struct diag *diag) ATTR_MUST_CHECK;

/*
 * Begin to read those bytes, and take the next one, which is lent by u. next returns
 * whether there was one.
 */
void challenge_unpack(struct unpack *u, const struct config_blob *packed);
bool challenge_next(struct unpack *u, struct challenge *challenge);

#endif
