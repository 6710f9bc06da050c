/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_FRONT_H
#define NET_FRONT_H

#include "config/config.h"
#include "core/deadline.h"

#include <event2/dns.h>
#include <openssl/ssl.h>

/* A frontend at work: its settings, what its connections share, and how many they are. */
struct front {
    const struct config_frontend *config; /* borrowed */
    SSL_CTX *tls;                         /* owned */
    struct deadline_limits limits;
    unsigned live;                           /* connections now */
    struct evdns_getaddrinfo_request *check; /* dial_check_name's; NULL: none under way */
};

/* Takes tls. */
void front_init(struct front *front, const struct config_frontend *config, SSL_CTX *tls);
void front_clear(struct front *front);

#endif
