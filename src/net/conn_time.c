/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/conn_time.h"

#include "base/clock.h"

bool
conn_is_new(const struct conn *conn)
{
    return conn->phase == CONN_PROXY || conn->phase == CONN_HANDSHAKE;
}

struct deadline
conn_deadline(const struct conn *conn)
{
    if (conn_is_new(conn))
        return (struct deadline){.at = conn->start_us / 1000 - conn->waited_ms +
                                       conn->front->config->handshake_timeout_ms,
                                 .event = TERM_TIMEOUT_HANDSHAKE};
    if (conn->phase == CONN_DIAL && conn->relay.term.client == TERM_CLIENT_LIVE)
        return (struct deadline){
            .at = conn->relay.times.expires, /* the dial keeps its own time */
            .event = TERM_CLIENT_CERT_EXPIRED};
    return deadline_next(&conn->relay.term, &conn->front->limits, &conn->relay.times);
}

static uint64_t
sooner(uint64_t a, uint64_t b)
{
    return a != 0 && (b == 0 || a < b) ? a : b;
}

/* After how many milliseconds the sockets are to be looked at; 0: not at all. */
static uint64_t
look_after(const struct conn *conn, const struct deadline *d)
{
    const struct deadline_limits *limits = &conn->front->limits;
    unsigned back_off = conn->ack_polls < 2 ? conn->ack_polls : 2;
    uint64_t after = 0;

    if (conn->phase == CONN_RELAY)
        after = conn->front->config->tcp_user_timeout_ms / 4;
    if (d->poll_acked)
        return sooner(after, (uint64_t)deadline_poll_ms(limits) << back_off);
    if (d->at != 0 &&
        (d->event == TERM_TIMEOUT_IDLE || d->event == TERM_TIMEOUT_HALF_CLOSED))
        return sooner(after, (d->at - conn->relay.times.last_byte) / 8 + 1);
    return after;
}

uint64_t
conn_timer_at(const struct conn *conn, uint64_t now)
{
    struct deadline d = conn_deadline(conn);
    uint64_t after = look_after(conn, &d);

    return sooner(sooner(d.at, conn->settle_ms), after != 0 ? now + after : 0);
}

void
conn_settle(struct conn *conn)
{
    if (conn->settle_ms == 0 || conn->settle_ms > clock_ms())
        return;
    conn->settle_ms = 0;
    leg_settle(conn->relay.client, conn->front->config);
    if (conn->backend_addr.u.sa.sa_family != AF_UNIX)
        leg_settle(conn->relay.backend, conn->front->config);
}

void
conn_look(struct conn *conn, bool for_ack)
{
    struct relay *relay = &conn->relay;
    uint32_t user_timeout_ms = conn->front->config->tcp_user_timeout_ms;
    size_t client = leg_unacked(relay->client);
    size_t backend = relay->backend != NULL ? leg_unacked(relay->backend) : 0;

    if (client < conn->unacked_client || backend < conn->unacked_backend)
        relay->times.last_byte = clock_ms();
    conn->unacked_client = client;
    conn->unacked_backend = backend;
    if (user_timeout_ms > 0 && client > 0)
        leg_mind_window(relay->client, user_timeout_ms);
    if (user_timeout_ms > 0 && backend > 0)
        leg_mind_window(relay->backend, user_timeout_ms);
    if (!for_ack)
        return;
    conn->ack_polls++;
    if (client == 0 && leg_queued(relay->client) == 0)
        relay->times.acked = clock_ms();
}
