/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CERT_H
#define TLS_CERT_H

#include "config/config.h"

#include <openssl/ssl.h>
#include <stdint.h>

/* A certificate with its chain and its private key, ready for use. */
struct cert {
    X509 *leaf;
    STACK_OF(X509) * chain; /* the certificates that follow the leaf; may be empty */
    EVP_PKEY *key;
    struct config_string from; /* its file, for messages; text NULL: none; lent */
};

/*
 * Make a self-signed P-256 certificate in memory, for --demo and for tests: CN and DNS name
 * as given, 127.0.0.1 and ::1 as addresses, valid from an hour ago for the given
 * number of days (negative: expired). name is at most 64 bytes long. Returns it for
 * cert_free, or NULL.
 */
struct cert *cert_make_self_signed(const char *name, int days);

/* A time of a certificate, in seconds since 1970-01-01 UTC; 0 if it cannot be told. */
int64_t cert_time(const ASN1_TIME *when);

/* The same for people ("2026-11-26 12:00:00 UTC"; "?" if it cannot be told). Returns buf.
 */
#define CERT_TIME_TEXT 32
const char *cert_show_time(const ASN1_TIME *when, char buf[CERT_TIME_TEXT]);

/* Its first DNS name, or its common name, or "-", into buf. Returns buf. */
const char *cert_subject(const X509 *x509, char *buf, size_t size);

/*
 * Call each for every host name, or pattern ("*.example"), that the certificate is for, in
 * the one form of core/domains: its DNS names, or its common name if it has no alternative
 * names at all (RFC 6125, section 6.4.4). What is no such name is passed over. name is lent
 * for the call.
 */
void cert_each_name(const X509 *x509, void (*each)(void *arg, const char *name), void *arg);

/* NULL is allowed. */
void cert_free(struct cert *cert);

#endif
