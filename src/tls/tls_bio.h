/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_BIO_H
#define TLS_TLS_BIO_H

#include "base/attr.h"
#include "tls/tls_keys.h"

#include <openssl/bio.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The BIO beneath an SSL object. It never touches a socket and never blocks:
 * reading serves from ciphertext that somebody received into memory of his own
 * (lent), writing gathers records in a buffer that many connections share.
 *
 * What OpenSSL makes of that, and tests/unit/test_tls_bio.c holds it to:
 * - SSL_read writes too: alerts (also no_renegotiation, after which the connection goes
 *   on). Whoever has called it, and whatever came of it, has to send what has gathered.
 * - SSL_read gives one record at a time: call it until it asks for more.
 * - SSL_shutdown is called once, and sends close_notify. A second call reads as well, and
 *   breaks the connection if it meets data. SSL_read goes on after it, in TLS 1.2 and 1.3
 *   alike, and so does SSL_write after the peer's close_notify.
 * - A KeyUpdate that the peer asks for leaves with the next SSL_write, so never after ours
 *   was the last one.
 *
 * A FIN is the owner's to notice, and OpenSSL never hears of it. To OpenSSL an end without
 * close_notify is an error, between two records as well as inside one: it would gather a
 * fatal decode_error and write no more, though the answer may still be owed
 * (on-truncation = eof). When the socket has ended and all of it has been read, ask
 * tls_bio_in_record whether the end cuts a record.
 */

/*
 * A growing buffer of ciphertext on its way out; one per worker. Records gather
 * here during one turn for one connection, leave in one send(), and the buffer is empty
 * again before the next connection's turn.
 */
struct tls_gather {
    unsigned char *data; /* owned */
    size_t len;          /* bytes gathered */
    size_t size;         /* bytes allocated */
};

/*
 * Begin with room for size bytes; it grows by doubling, and stays as large as it
 * has become. Returns 0, or -1 without memory.
 */
int tls_gather_init(struct tls_gather *gather, size_t size) ATTR_MUST_CHECK;
void tls_gather_clear(struct tls_gather *gather);

/* Make room for add more bytes. Returns 0, or -1 without memory and leaves it as it was. */
int tls_gather_reserve(struct tls_gather *gather, size_t add) ATTR_MUST_CHECK;

/* Where a stream of records is (RFC 8446, 5.1). */
struct tls_place {
    unsigned char header[5]; /* of the record that it is in */
    unsigned char nonce[8];  /* the first bytes of that record's body */
    unsigned header_len;     /* bytes of the header that have gone by */
    unsigned nonce_len;
    size_t body_left; /* bytes of the body that have not */
    uint64_t count;   /* records begun since the last ChangeCipherSpec, or since the owner
                         has set it to 0 */
};

/* What a BIO of ours carries; it is embedded in its owner and outlives the BIO. */
struct tls_bio {
    const unsigned char *in; /* ciphertext not yet read by OpenSSL; lent */
    size_t in_len;
    bool shut;              /* set by the owner after SSL_shutdown, when close_notify has
                               been gathered: what is written after it is thrown away
                               (termination: nothing follows an end) */
    struct tls_gather *out; /* lent; where written records go */

    struct tls_place read, written; /* by OpenSSL */
    struct tls_secrets secrets;     /* see tls_keys_shake */
};

/*
 * A new BIO over state; for SSL_set_bio, which takes it. NULL without memory.
 * state has to stay where it is until the BIO is gone.
 * BIO_read: bytes of `in`; when there are none, 'retry' (SSL_ERROR_WANT_READ). BIO_write:
 * takes everything, growing out; -1 without retry only without memory. BIO_flush: 1.
 * BIO_pending: in_len. BIO_wpending: 0. BIO_eof: 0.
 */
BIO *tls_bio_new(struct tls_bio *state);

/*
 * Has OpenSSL begun a record whose end has not come? Ask when the stream has ended: is the
 * FIN behind a whole record, or does it cut one? Counted here, as SSL_has_pending() and
 * SSL_rstate_string() answer differently in 3.0 and in 3.5.
 */
bool tls_bio_in_record(const struct tls_bio *state);

/*
 * Release the method table at the end of the program, for leak checkers; no BIO of ours
 * may be left. tls_bio_new makes a new one.
 */
void tls_bio_cleanup(void);

#endif
