/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_RECORD_PRIVATE_H
#define TLS_TLS_RECORD_PRIVATE_H

#include "tls/tls_record.h"

#include <openssl/evp.h>

/* Shared by tls_record.c (protection, and what we send) and tls_record_open.c (what the
 * client sends) only. */

#define RECORD_HEADER 5
#define RECORD_TAG 16
#define RECORD_EXPLICIT 8 /* of the nonce: GCM in TLS 1.2 (RFC 5288, 3) */
#define RECORD_PLAIN_MAX (16u << 10)

enum record_alert {
    ALERT_CLOSE_NOTIFY = 0,
    ALERT_UNEXPECTED_MESSAGE = 10,
    ALERT_BAD_RECORD_MAC = 20,
    ALERT_RECORD_OVERFLOW = 22,
    ALERT_ILLEGAL_PARAMETER = 47,
    ALERT_DECODE_ERROR = 50,
    ALERT_PROTOCOL_VERSION = 70,
    ALERT_USER_CANCELED = 90,
    ALERT_NO_RENEGOTIATION = 100
};

/* What one of the two sends. */
struct record_way {
    EVP_CIPHER_CTX *ctx; /* has the key */
    uint64_t seq;
    unsigned char iv[TLS_IV_BYTES];
    unsigned char secret[TLS_SECRET_MAX];
};

struct tls_record {
    struct record_way client, server;
    uint64_t nonce;     /* the explicit one of our next record */
    uint64_t key_limit; /* our records under one key (TLS 1.3) */
    enum tls_suite suite;
    bool is13;
    bool has_explicit;
    bool update_due; /* a KeyUpdate of ours precedes our next data */
    bool shut;       /* nothing may be written any more */
    bool failed;     /* reading is over, by an alert or a failure */
    bool notified;   /* reading is over, by close_notify */

    unsigned char message[5];  /* the client's handshake message so far, or its header */
    unsigned char message_len; /* bytes of it */
    unsigned char warnings;    /* in a row */
    unsigned char empties;     /* in a row */
    uint32_t skip;             /* bytes left of a ClientHello that was refused (TLS 1.2) */
};

/* Append one record. Returns 0, or -1 without memory. */
int record_put(struct tls_record *record, unsigned type, const void *data, size_t len,
               struct tls_gather *gather) ATTR_MUST_CHECK;

/* An alert; level 1: a warning, 2: fatal, and then nothing is written any more. */
void record_put_alert(struct tls_record *record, unsigned char level,
                      enum record_alert alert, struct tls_gather *gather);

/*
 * Decrypt a record's body into out, which has room for as much. Counts it. Returns the
 * length of the plaintext (TLS 1.3: with its type and padding), or -1 if it was not made
 * with the client's key.
 */
int record_decrypt(struct tls_record *record, const unsigned char *header,
                   const unsigned char *body, size_t len,
                   unsigned char *out) ATTR_MUST_CHECK;

/* The next key of one of the two (RFC 8446, 7.2). Returns 0, or -1 without memory. */
int record_next_key(struct tls_record *record, struct record_way *way) ATTR_MUST_CHECK;

#endif
