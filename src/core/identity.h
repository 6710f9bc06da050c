/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Patterns for the names in a client's certificate: what the setting `allow` takes. Pure.
 *
 *   DNS:*.app.example        a DNS name of its subjectAltName; upper and lower case are the
 *                            same, and a * in front stands for exactly one label, as in
 *                            certificates (RFC 6125, section 6.4.3)
 *   CN:alice                 a common name of its subject, byte for byte
 *   URI:spiffe://a/ns/x      a URI of its subjectAltName, byte for byte; where the last
 *                            segment is a *, everything below that path
 *   SPKI:sha256/BASE64       its public key, by the SHA-256 of the SubjectPublicKeyInfo
 *                            (RFC 7469, section 2.4)
 */
enum identity_kind {
    IDENTITY_DNS,
    IDENTITY_CN,
    IDENTITY_URI,
    IDENTITY_SPKI,
    IDENTITY_KINDS
};

/* Returns what is wrong with a pattern ("has no name behind DNS:"), or NULL. */
const char *identity_check(const char *pattern);

/*
 * Does a name of that kind, of len bytes, fit the pattern (which identity_check has found
 * right)? The name may be hostile: one with a NUL in it fits nothing. Of a key the name is
 * "sha256/" and the base64 of its digest.
 */
bool identity_match(const char *pattern, enum identity_kind kind, const void *name,
                    size_t len);

#endif
