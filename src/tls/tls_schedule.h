/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_SCHEDULE_H
#define TLS_TLS_SCHEDULE_H

#include <stddef.h>

/*
 * The key schedule of TLS 1.3 (RFC 8446, 7.1). libssl asks a KDF, "TLS13-KDF", for each
 * secret, and finds it by its name. Ours (see provider-kdf(7)) stands before that of the
 * default provider, for two reasons: it tells of the two secrets that own records need
 * (tls_keys.h), which OpenSSL tells to nobody but the callback of its key log, and formats
 * for that with a call of sprintf for each byte (version 3.0); and it does the same in half
 * the time. What it does not know it leaves to the default provider's.
 */

/*
 * The property query that SSL_CTX_new_ex needs so that a context's handshakes come by here;
 * or NULL where they must not (tls_conf_default_provider). The first call sets it up.
 */
const char *tls_schedule_properties(void);

/* server_application_traffic_secret_0 and client_. */
enum tls_schedule_secret {
    TLS_SCHEDULE_SERVER,
    TLS_SCHEDULE_CLIENT
};

/* The secret is lent for the call; OpenSSL makes it when it goes over to it. */
typedef void tls_schedule_fn(enum tls_schedule_secret which, const unsigned char *secret,
                             size_t len, void *arg);

/* Who is told of what is derived from now on, whosoever it is; NULL: nobody. */
void tls_schedule_tell(tls_schedule_fn *fn, void *arg);

#endif
