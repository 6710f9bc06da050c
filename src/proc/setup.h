/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_SETUP_H
#define PROC_SETUP_H

#include "base/diag.h"
#include "config/config.h"
#include "tls/cert.h"

#include <openssl/ssl.h>
#include <stddef.h>

/*
 * All that has to be there before the first client is served, and all that touches
 * files: the checked configuration, certificates and keys, listening sockets.
 */
struct setup_listener {
    int fd;
    size_t frontend; /* index */
};

struct setup {
    struct config *config; /* owned */
    SSL_CTX **tls;         /* owned; one for each frontend; NULL: taken */
    struct setup_listener *listener;
    size_t listeners;
};

/*
 * Check config, which it takes, and make an SSL_CTX for each frontend: with cert for all of
 * them if it is not NULL (borrowed), else with what their settings name. Every mistake goes
 * to diag.
 */
void setup_init(struct setup *setup, struct config *config, const struct cert *cert,
                struct diag *diag);

/* Open all listening sockets. What cannot be opened goes to diag. */
void setup_listen(struct setup *setup, struct diag *diag);

/* Release everything that has not been taken; closes listening sockets. */
void setup_clear(struct setup *setup);

#endif
