/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CERT_STORE_PRIVATE_H
#define TLS_CERT_STORE_PRIVATE_H

#include <stdint.h>

/*
 * The bytes of a store, for cert_build and cert_store. All numbers are of the machine's
 * order, and at no particular alignment.
 *
 *     7 x u32      certificates, issuers, links, standard, most, bytes of the index and of
 *                  the data
 *     records      of certificates: see the offsets below
 *     2 x u32      for each issuer: where its DER is in the data, and its length
 *     u32          links: numbers of issuers
 *     the index    see core/domains
 *     the data     DER, and strings with their NUL
 */
enum {
    STORE_HEAD = 28,
    STORE_ISSUER = 8,

    STORE_NOT_BEFORE = 0,
    STORE_NOT_AFTER = 8,
    STORE_TYPE = 16,
    STORE_LINK = 20, /* the first of its links */
    STORE_LINKS = 24,
    STORE_LEAF = 28, /* where, and how long; so are the next */
    STORE_KEY = 36,
    STORE_FILE = 44,
    STORE_SUBJECT = 52,
    STORE_RECORD = 60
};

#endif
