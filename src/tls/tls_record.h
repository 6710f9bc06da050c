/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_RECORD_H
#define TLS_TLS_RECORD_H

#include "tls/tls_bio.h"
#include "tls/tls_err.h"
#include "tls/tls_keys.h"

/*
 * The server's records of one connection after the handshake: RFC 8446, section 5, and RFC
 * 5246, 6.2 with RFC 5288 and RFC 7905. It takes the place of the SSL object, of which it
 * needs a fifth of the memory. Everything happens in memory that others own: plaintext is
 * encrypted from where it is into a gather, and ciphertext decrypted to where it belongs.
 *
 * What it keeps of libssl's manners: a client that asks for a renegotiation (TLS 1.2) is
 * refused by a warning; more than 32 empty records in a row, or the fifth warning in a
 * row, are an error (and so are more than 32 KeyUpdates at once); a KeyUpdate that was
 * asked for leaves before our next data; while a handshake message of the client is not
 * complete, nothing is written (TLS 1.3).
 */
struct tls_record;

/* A record with its header: bytes that may have to be there before one can be opened. */
#define TLS_RECORD_MAX_BYTES (5 + (16u << 10) + 2048)

/* Copies keys. NULL without memory. */
struct tls_record *tls_record_new(const struct tls_keys *keys);

/* Wipes and frees it. NULL is allowed. */
void tls_record_free(struct tls_record *record);

/* TLS1_2_VERSION or TLS1_3_VERSION. */
int tls_record_version(const struct tls_record *record);

/*
 * Encrypt len bytes of data, in records of 16 KiB, behind what the gather has. Returns 0;
 * or -1 if nothing may be written any more (after an end or an alert of ours, a fatal alert
 * of the client), or not yet (see above), or without memory (the gather is as before then,
 * and record of no more use): *no_memory tells.
 */
int tls_record_seal(struct tls_record *record, const void *data, size_t len,
                    struct tls_gather *gather, bool *no_memory) ATTR_MUST_CHECK;

/* close_notify: the last that is written. Returns as tls_record_seal; 0 if it was said
 * before. */
int tls_record_notify(struct tls_record *record, struct tls_gather *gather,
                      bool *no_memory) ATTR_MUST_CHECK;

/* What tls_record_open takes and gives. */
struct tls_opening {
    const unsigned char *in; /* ciphertext; moves on by what has been opened */
    size_t in_len; /* what is left of it: less than a record, or what no longer counts */
    unsigned char *out;        /* room for as much as in_len */
    size_t out_len;            /* plaintext */
    struct tls_gather *gather; /* an alert of ours is put there, for the client */
    struct text *why;          /* as of tls_err_judge */
    unsigned updates;          /* KeyUpdates that came */
};

/*
 * Decrypt all whole records of o->in. Returns
 * - TLS_WANT_READ: what is left in o->in has to come back, in front of what follows it;
 * - TLS_NOTIFY, TLS_ALERT, TLS_PROTOCOL (our alert is in the gather), TLS_NO_MEMORY: as
 *   tls_err_judge. Reading is over then, and o->in is empty. o->out is what came before.
 */
enum tls_verdict tls_record_open(struct tls_record *record,
                                 struct tls_opening *o) ATTR_MUST_CHECK;

/* Release at the end of the program what has been fetched, for leak checkers. */
void tls_record_cleanup(void);

#endif
