/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_KEY_KEEP_H
#define TLS_KEY_KEEP_H

#include "base/pack.h"
#include "tls/key_remote.h"

#include <stddef.h>

/*
 * The keys that a token keeps to itself, opened by their URIs, and what is signed with
 * them: the other end of key_remote.
 */
struct key_keep;

/* Add a key to a list of them: its URI, and the passphrase that opens it (len 0: none). */
void key_keep_pack(struct pack *p, const unsigned char id[KEY_REMOTE_ID], const char *uri,
                   const void *passphrase, size_t len);

/*
 * Open all keys of a list. Those that old (or NULL) has open by the same URI are shared
 * with it. Returns it for key_keep_free, or NULL with a sentence in why.
 */
struct key_keep *key_keep_open(const void *list, size_t len, const struct key_keep *old,
                               char *why, size_t why_size);
void key_keep_free(struct key_keep *keep); /* NULL is allowed */

/*
 * Answer a question of key_remote, of so many bytes; whoever sent it is not trusted. Fills
 * signature (KEY_REMOTE_SIGNATURE_MAX bytes) and returns its length; 0: there is no such
 * key (keep may be NULL), the token refuses, or it is no question.
 */
size_t key_keep_sign(const struct key_keep *keep, const void *question, size_t len,
                     unsigned char *signature);

#endif
