/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CERT_TOKEN_H
#define TLS_CERT_TOKEN_H

#include "tls/cert_read.h"
#include "tls/key_load.h"

/*
 * Have a key that its provider keeps to itself be the key of raw, whose leaf has been read:
 * fills its token, with what token holds, and its key, with a mark. uri is lent. False if
 * it does not belong to the leaf.
 */
bool cert_token_take(struct cert_raw *raw, const char *uri, struct key_load_token *token);

#endif
