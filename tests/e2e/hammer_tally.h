/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef E2E_HAMMER_TALLY_H
#define E2E_HAMMER_TALLY_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What hammer has seen, and what it says about it on stdout, a line at a time.
 */

/* Durations, in buckets each of which is an eighth of a power of two wide. */
#define TALLY_BUCKETS 512

#define TALLY_CERTS 1024
#define TALLY_NAME 96

struct tally_cert {
    char serial[TALLY_NAME]; /* hexadecimal */
    char name[TALLY_NAME];   /* the common name */
};

struct tally {
    uint64_t connections; /* brief ones that have ended well */
    uint64_t failed;      /* those that have not */
    uint64_t resumed;     /* handshakes, of all kinds of connections */
    unsigned held;        /* connections that were to be held */
    unsigned broken;      /* of these, those that have failed */
    const char *download; /* "none", "whole", "broken" */
    uint64_t start_us;

    uint64_t bucket[TALLY_BUCKETS];
    uint64_t handshakes, slowest_us;

    struct tally_cert cert[TALLY_CERTS]; /* each that was seen */
    unsigned certs;
    unsigned last; /* the place of the one that was seen last */
    unsigned told; /* failures that a line was written about */
};

/* A handshake is done, so long after the connection was begun. Tells of another certificate
 * than before; that of a resumed session is not looked at. */
void tally_handshake(struct tally *tally, SSL *ssl, uint64_t us);

/* The line at the end. */
void tally_report(const struct tally *tally);

#endif
