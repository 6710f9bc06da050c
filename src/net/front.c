/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/front.h"

void
front_init(struct front *front, const struct config_frontend *config, SSL_CTX *tls)
{
    *front = (struct front){
        .config = config,
        .tls = tls,
        .limits =
            {
                .idle_ms = config->idle_timeout_ms,
                .half_closed_ms = config->half_closed_timeout_ms,
                .close_wait_ms = config->close_wait_ms,
                .linger_ms = config->linger_timeout_ms,
                .linger_max_ms = config->linger_max_ms,
            },
    };
}

void
front_clear(struct front *front)
{
    SSL_CTX_free(front->tls);
    front->tls = NULL;
}
