/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_TICKET_H
#define TLS_TLS_TICKET_H

#include "base/attr.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Session tickets (RFC 5077; RFC 8446, 4.6.1) whose keys are derived, not stored: by HKDF
 * (RFC 5869) from a secret, the number of the present epoch (time divided by the period of
 * rotation) and what makes one frontend's sessions no good for another. Whoever has the
 * same secret and the same clock - another worker, the worker after a reload, another
 * replica - has the same keys, and nobody has to tell anybody.
 *
 * A ticket is encrypted by the key of the present epoch. Opened are also those of earlier
 * epochs, as long as a session may last, and of the next one (a replica's clock may go
 * before ours). Everything else is no ticket: a full handshake follows.
 */

/* A secret, once it has been extracted. */
#define TLS_TICKET_SECRET 32
#define TLS_TICKET_SECRETS_MAX 8

/* What a secret has to be extracted from, at least. */
#define TLS_TICKET_BYTES_MIN 32

/* A session may last that many periods of rotation (config/check sees to it). */
#define TLS_TICKET_PERIODS_MAX 24

#define TLS_TICKET_CONTEXT 32

/* A secret from what an operator gives (HKDF-Extract), or from nothing but chance. Both
 * return 0, or -1. */
int tls_ticket_extract(unsigned char secret[TLS_TICKET_SECRET], const void *bytes,
                       size_t len) ATTR_MUST_CHECK;
int tls_ticket_make_secret(unsigned char secret[TLS_TICKET_SECRET]) ATTR_MUST_CHECK;

/*
 * What sessions are good for: a digest of the frontend's name and of rules, any bytes by
 * which two frontends (or one, before and after a reload) must not accept one another's
 * sessions (who may be a client, by which certificates). It is OpenSSL's session id
 * context, and goes into the keys. rules may be NULL if len is 0. Returns 0, or -1.
 */
int tls_ticket_context(unsigned char context[TLS_TICKET_CONTEXT], const char *name,
                       const void *rules, size_t len) ATTR_MUST_CHECK;

struct tls_ticket_key {
    unsigned char name[16];   /* in clear at the beginning of a ticket (RFC 5077, 4) */
    unsigned char cipher[32]; /* AES-256-CBC */
    unsigned char mac[32];    /* HMAC-SHA-256 */
};

/*
 * The key of an epoch: HKDF-Expand of the secret, with "sallyport ticket 1", rotation_s (4
 * bytes), epoch (8 bytes, both big-endian) and context as info; its bytes are those of
 * struct tls_ticket_key. Returns 0, or -1 without memory.
 */
int tls_ticket_derive(struct tls_ticket_key *key,
                      const unsigned char secret[TLS_TICKET_SECRET],
                      const unsigned char context[TLS_TICKET_CONTEXT], uint32_t rotation_s,
                      uint64_t epoch) ATTR_MUST_CHECK;

/*
 * Have ctx give and take tickets by this scheme. A session lasts lifetime_s from its full
 * handshake on, however often it is resumed (RFC 8446, 4.6.1, recommends a limit); 0: no
 * session is ever resumed, and no tickets are given. rotation_s is the length of an epoch.
 * There is one ticket for each handshake; TLS 1.3 gives a new one with each resumption, TLS
 * 1.2 only for one that is not encrypted by the present key. Of the state of sessions
 * nothing is kept (no session ids of TLS 1.2).
 *
 * The secret is a random one of ctx's own until tls_ticket_set_secrets gives it others.
 * Takes SSL_CTX_set_session_ticket_cb for itself. Returns 0, or -1 (OpenSSL's queue may
 * have entries).
 */
int tls_ticket_enable(SSL_CTX *ctx, const unsigned char context[TLS_TICKET_CONTEXT],
                      uint32_t lifetime_s, uint32_t rotation_s) ATTR_MUST_CHECK;

/* Ask, too, before a session of a ticket is resumed; false: a full handshake follows. */
void tls_ticket_guard(SSL_CTX *ctx,
                      bool (*may_resume)(SSL *ssl, const SSL_SESSION *session));

/*
 * Copy secrets, one behind the other (len: 1 to TLS_TICKET_SECRETS_MAX of them): the first
 * encrypts, all of them open. Returns 0, or -1 if len is wrong. Keys that are replaced are
 * wiped, here, as time passes, and when ctx is freed.
 */
int tls_ticket_set_secrets(SSL_CTX *ctx, const void *secrets, size_t len) ATTR_MUST_CHECK;

#endif
