/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/front.h"

#include "net/loop.h"
#include "net/pool.h"
#include "tls/tls_sni.h"

void
front_init(struct front *front, const struct config_frontend *config, SSL_CTX *tls,
           struct pool *pool, const struct loop *loop)
{
    unsigned place = config->place < STATS_FRONTS ? config->place : STATS_OTHER;

    *front = (struct front){
        .config = config,
        .tls = tls,
        .pool = pool,
        .limits =
            {
                .idle_ms = config->idle_timeout_ms,
                .half_closed_ms = config->half_closed_timeout_ms,
                .close_wait_ms = config->close_wait_ms,
                .linger_ms = config->linger_timeout_ms,
                .linger_max_ms = config->linger_max_ms,
            },
        .stats = &loop->page->front[place],
        .live = &loop->shared->live[place],
    };
    if (loop->page->fronts <= place)
        stats_set(&loop->page->fronts, place + 1);
}

void
front_clear(struct front *front)
{
    SSL_CTX_free(front->tls);
    front->tls = NULL;
    tls_sni_free(front->sni);
    front->sni = NULL;
}

bool
front_enter(struct front *front)
{
    uint32_t max = front->config->max_connections;
    uint32_t before;

    /* Who is refused is in nobody's way: the sum is not touched. */
    if (max > 0 && atomic_load_explicit(front->live, memory_order_relaxed) >= max)
        return false;
    before = atomic_fetch_add_explicit(front->live, 1, memory_order_relaxed);
    if (max > 0 && before >= max) {
        atomic_fetch_sub_explicit(front->live, 1, memory_order_relaxed);
        return false;
    }
    stats_set(&front->stats->live, front->stats->live + 1);
    return true;
}

void
front_leave(struct front *front)
{
    atomic_fetch_sub_explicit(front->live, 1, memory_order_relaxed);
    stats_set(&front->stats->live, front->stats->live - 1);
}

void
front_count_client(struct front *front)
{
    stats_add(&front->stats->accepted, 1);
}

void
front_count_handshake(struct front *front, const SSL *ssl, uint64_t us)
{
    enum stats_version version =
        SSL_version(ssl) == TLS1_3_VERSION ? STATS_TLS13 : STATS_TLS12;
    unsigned cipher = stats_cipher(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl)));

    stats_add(&front->stats->handshakes[version][cipher][SSL_session_reused(ssl) ? 1 : 0],
              1);
    stats_observe(&front->stats->handshake, us);
}

void
front_count_dial(struct front *front, enum term_event event, uint64_t us)
{
    if (event == TERM_BACKEND_CONNECTED)
        stats_observe(&front->stats->dial, us);
    stats_add(&front->stats->dials[pool_outcome(event)], 1);
}

void
front_count_end(struct front *front, enum reason reason, bool truncated)
{
    stats_add(&front->stats->ended[reason], 1);
    if (truncated)
        stats_add(&front->stats->truncated, 1);
}

void
front_count_unanswered(struct front *front)
{
    stats_add(&front->stats->acme_refused, 1);
}
