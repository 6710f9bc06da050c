/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_FACTS_H
#define TLS_TLS_FACTS_H

#include "core/proxy_write.h"

#include <openssl/ssl.h>

/* What a header of the PROXY protocol tells of a TLS connection. */
struct tls_facts {
    struct proxy_tls told; /* points into this struct, the SSL object, and static memory */
    char key_alg[PROXY_WORD_MAX + 1];
    unsigned char *cn; /* owned */
};

/*
 * After a handshake: what the SSL object says. Algorithms of our certificate are told where
 * it was shown, which it is not in a resumed session. Borrows ssl until tls_facts_clear.
 * What there is no memory for is not told.
 */
void tls_facts_take(struct tls_facts *facts, const SSL *ssl);

void tls_facts_clear(struct tls_facts *facts);

#endif
