/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_PROXY_WRITE_H
#define CORE_PROXY_WRITE_H

#include "base/addr.h"
#include "core/proxy.h"

#include <stdbool.h>
#include <stddef.h>

/* Room for any header that is written. It fits in one segment of an Ethernet. */
#define PROXY_WRITE_MAX 1024

/* The longest values that are told; longer ones are left out. */
#define PROXY_NAME_MAX 255      /* of a host (RFC 1035, 2.3.4), and of a protocol */
#define PROXY_CN_MAX 256        /* 64 characters (X.520) as UTF-8 */
#define PROXY_WORD_MAX 64       /* of an algorithm, a cipher, a version */
#define PROXY_UNIQUE_ID_MAX 128 /* the text, 2.2.5 */

/* What version 2 tells of TLS. Strings may be NULL: then they are not told. */
struct proxy_tls {
    const char *version; /* "TLSv1.3" */
    const char *cipher;  /* "ECDHE-RSA-AES128-GCM-SHA256" */
    const char *sig_alg; /* of our certificate's signature: "RSA-SHA256" */
    const char *key_alg; /* of our certificate's key: "RSA2048" */
    const char *cn;      /* the client's common name, of cn_len bytes */
    size_t cn_len;
    bool cert_conn; /* the client has shown a certificate in this connection, */
    bool cert_sess; /* or in the one that this one's session comes from */
    bool verified;  /* and it was good */
};

/* What a header tells. All is borrowed for the call only. */
struct proxy_facts {
    const struct addr *src; /* the client's */
    const struct addr *dst; /* what it connected to */
    /* Version 2 only; NULL: not told. */
    const char *alpn;
    const char *authority; /* the name that the client asked for */
    const char *unique_id;
    const struct proxy_tls *tls; /* NULL: it is a client without TLS */
};

/*
 * Write a header to buf of size bytes (PROXY_WRITE_MAX are always enough), with a CRC32C in
 * version 2. Where both addresses are IPv4 within IPv6 they are told as IPv4; where they
 * are not of one family of the Internet (Unix), as unknown. What does not fit in buf is
 * left out; returns the bytes written, or 0 if not even the addresses fit.
 */
size_t proxy_write(enum proxy_version version, const struct proxy_facts *facts,
                   unsigned char *buf, size_t size);

/*
 * The same for a connection of our own, as a health check is one: LOCAL in version 2. In
 * version 1, which has no word for that, its own addresses (the text, 2.1): own is that of
 * our end, server that of the other.
 */
size_t proxy_write_local(enum proxy_version version, const struct addr *own,
                         const struct addr *server, unsigned char *buf, size_t size);

#endif
