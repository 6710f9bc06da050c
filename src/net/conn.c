/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/conn.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/conn_time.h"
#include "net/generation.h"
#include "net/journal.h"
#include "net/refusal.h"
#include "net/revoke.h"
#include "net/sock.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static void on_stepped(void *owner);

static void
leave_server(struct conn *conn)
{
    if (conn->server != NULL)
        pool_leave(conn->server);
    conn->server = NULL;
}

/*
 * The only way out: write the record, move the counters, and go to the reap list. Both
 * sockets are closed already, or there never was a leg.
 */
static void
finish(struct conn *conn)
{
    struct loop *loop = conn->loop;

    dial_cancel(conn->dial);
    conn->dial = NULL;
    leave_server(conn);
    if (conn->timer != NULL)
        event_free(conn->timer);
    conn->timer = NULL;
    if (!conn->refused ||
        refusal_is_said(loop, &conn->client_addr, term_reason(&conn->relay.term)))
        journal_write(conn);
    front_count_end(conn->front, term_reason(&conn->relay.term),
                    conn->relay.term.truncated);
    if (conn->peer.is_unanswered)
        front_count_unanswered(conn->front);
    admit_leave(loop, conn->front, &conn->admission);
    loop_fall(loop, &loop->connections);
    revoke_forget(&loop->revoke, conn);
    TAILQ_REMOVE(&loop->live, conn, link);
    TAILQ_INSERT_TAIL(&loop->dead, conn, link);
}

void
conn_free(struct conn *conn)
{
    relay_clear(&conn->relay);
    tls_peer_clear(&conn->peer);
    free(conn->tls.alpn);
    proxy_out_clear(conn);
    proxy_in_clear(conn);
    generation_unref(conn->front->generation);
    free(conn);
}

/*
 * Have the timer fire in time. It is left alone where it fires early enough: a deadline
 * that has moved on is found out then, and a byte costs no timer. Returns 0, or -1 without
 * memory.
 */
static int
arm(struct conn *conn)
{
    uint64_t now = clock_ms(), at = conn_timer_at(conn, now), after;
    struct timeval timeout;

    if (at == 0 || (conn->timer_ms != 0 && conn->timer_ms <= at))
        return 0;
    conn->timer_ms = at;
    after = at > now ? at - now : 0;
    timeout = clock_timeval(after);
    return event_add(conn->timer, &timeout);
}

/* When the client's certificate expires, by the clock of deadlines: now and then, as the
 * clock on the wall may be set. */
static void
set_expiry(struct conn *conn)
{
    int64_t left_ms;

    if (conn->peer.not_after == 0)
        return;
    left_ms = conn->peer.not_after * 1000 - (int64_t)(clock_wall_us() / 1000);
    conn->relay.times.expires = clock_ms() + (left_ms > 0 ? (uint64_t)left_ms : 0);
}

/* The handshake is over, well or badly: from now on the client's leg speaks to the relay.
 */
static void
hand_over(struct conn *conn)
{
    conn->phase = CONN_DIAL;
    admit_handshake_over(conn->loop, &conn->admission);
    leg_set_events(conn->relay.client, &relay_client_events, &conn->relay);
}

static void
on_timer(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct conn *conn = arg;
    struct deadline d = conn_deadline(conn);

    conn->timer_ms = 0;
    conn_settle(conn);
    if (conn->phase == CONN_RELAY || d.poll_acked) {
        conn_look(conn, d.poll_acked);
        d = conn_deadline(conn);
    }
    if (d.at != 0 && d.event == TERM_CLIENT_CERT_EXPIRED) {
        set_expiry(conn);
        d = conn_deadline(conn);
    }
    if (d.at != 0 && d.at <= clock_ms()) {
        const char *phrase = proxy_in_awaited(conn);

        if (conn_is_new(conn))
            hand_over(conn);
        relay_post(&conn->relay, d.event, phrase);
    }
    on_stepped(conn);
}

/* After whatever happened: has it ended, is the dial still wanted, what is the next
 * deadline? */
static void
on_stepped(void *owner)
{
    struct conn *conn = owner;
    const struct term *t = &conn->relay.term;

    if (!term_closed(t) && arm(conn) < 0) {
        relay_post(&conn->relay, TERM_INTERNAL_ERROR, strerror(ENOMEM));
        relay_post(&conn->relay, TERM_INTERNAL_ERROR, NULL); /* lingering needs a timer */
    }
    if (term_closed(t)) {
        finish(conn);
        return;
    }
    if (t->backend == TERM_BACKEND_CLOSED)
        leave_server(conn); /* the client may stay for a while */
    if (t->client != TERM_CLIENT_LIVE && conn->dial != NULL) {
        dial_cancel(conn->dial);
        conn->dial = NULL;
    }
}

static void
on_dialled(void *owner, const struct dial_result *result)
{
    struct conn *conn = owner;
    struct leg *leg;

    conn->dial = NULL;
    conn->phase = CONN_RELAY;
    conn->backend_addr = result->addr;
    conn->server = result->server;
    conn->server_name = result->name;
    conn->attempts = result->attempts;
    front_count_dial(conn->front, result->event, clock_us() - conn->handshake_us);
    if (result->fd < 0) {
        relay_post(&conn->relay, result->event, result->phrase);
        on_stepped(conn);
        return;
    }
    conn->dialled_us = clock_us();
    leg = leg_new(conn->loop, result->fd, NULL, &relay_backend_events, &conn->relay);
    if (leg == NULL) {
        sock_reset(result->fd);
        relay_post(&conn->relay, TERM_INTERNAL_ERROR, "out of memory");
    } else {
        if (result->error != 0)
            leg_note_error(leg, result->error);
        conn->settle_ms = clock_ms() + CONN_SETTLE_MS;
        proxy_out_put(conn, leg);
        relay_attach(&conn->relay, leg);
    }
    proxy_out_clear(conn);
    on_stepped(conn);
}

/* By the name that the client asked for, and the protocol that was agreed on. */
static struct pool *
choose_backend(const struct conn *conn)
{
    const unsigned char *protocol = NULL;
    unsigned len = 0;

    SSL_get0_alpn_selected(leg_ssl(conn->relay.client), &protocol, &len);
    return &conn->front
                ->pool[config_route(conn->front->config, conn->peer.name, protocol, len)];
}

static bool
needs_no_ssl(const struct config_frontend *f)
{
    return f->own_records != CONFIG_OWN_RECORDS_OFF &&
           f->client_cert.verify == CONFIG_VERIFY_OFF;
}

/*
 * The end of the handshake's phase. Whoever has to ask the SSL object something asks before
 * this. Where certificates of clients count, they are asked for again.
 */
static void
release_ssl(struct conn *conn)
{
    const struct config_frontend *f = conn->front->config;

    if (needs_no_ssl(f))
        leg_release_ssl(conn->relay.client, f->own_records == CONFIG_OWN_RECORDS_AT_ONCE);
}

static void
run_out(struct conn *conn)
{
    relay_post(&conn->relay, TERM_INTERNAL_ERROR, "out of memory");
    on_stepped(conn);
}

static void
on_handshake_done(struct conn *conn)
{
    struct pool *pool;
    struct source_client client = {&conn->client_addr, conn->front->generation,
                                   leg_fd(conn->relay.client)};
    struct dial *dial;

    conn->handshake_us = clock_us();
    front_count_handshake(conn->front, leg_ssl(conn->relay.client),
                          conn->handshake_us - conn->start_us);
    journal_keep_tls(conn);
    hand_over(conn);
    relay_watch_client(&conn->relay);
    if (conn->peer.is_challenge) {
        relay_post(&conn->relay, TERM_ACME_ANSWERED, NULL);
        on_stepped(conn);
        return;
    }
    if (tls_peer_note_cert(&conn->peer, leg_ssl(conn->relay.client)) < 0) {
        run_out(conn);
        return;
    }
    set_expiry(conn);
    if (revoke_is_due(&conn->loop->revoke, conn)) {
        conn_revoke(conn);
        return;
    }
    pool = choose_backend(conn);
    if (proxy_out_prepare(conn, pool) < 0) {
        run_out(conn);
        return;
    }
    release_ssl(conn);
    dial = dial_start(conn->loop, conn->front->config, pool, &client, on_dialled, conn);
    if (dial != NULL)
        conn->dial = dial;
}

/* Before there is a connection to speak of. */
static void
end_early(struct conn *conn, enum term_event event, enum leg_end end, const char *phrase)
{
    hand_over(conn);
    if (end == LEG_FIN || end == LEG_CUT)
        term_client_left(&conn->relay.term, TERM_END_FIN);
    else if (end == LEG_RESET)
        term_client_left(&conn->relay.term, TERM_END_RST);
    relay_post(&conn->relay, event, phrase);
    on_stepped(conn);
}

static void
on_handshake_failed(struct conn *conn, enum leg_end end, const char *phrase)
{
    end_early(conn, end == LEG_NO_MEMORY ? TERM_INTERNAL_ERROR : TERM_HANDSHAKE_FAILED, end,
              conn->peer.refusal != NULL ? conn->peer.refusal : phrase);
}

/* Now that it is known who the client is; the proxy itself, which checks on us, has no
 * limits. */
static bool
admit_client(struct conn *conn)
{
    enum reason reason = REASON_NONE;

    if (conn->proxied->proxy.len > 0)
        reason =
            admit_source(conn->loop, conn->front, &conn->client_addr, &conn->admission);
    if (reason == REASON_NONE)
        return true;
    conn->refused = true;
    end_early(conn, admit_event(reason), LEG_GOING_ON, NULL);
    return false;
}

/* Returns whether the handshake is next. */
static bool
take_header(struct conn *conn)
{
    enum leg_end end = LEG_GOING_ON;
    enum term_event event = TERM_PROXY_MISSING;
    char text[160];
    struct text why;
    enum proxy_in_status status;

    text_init(&why, text, sizeof(text));
    status = proxy_in_read(conn, &event, &end, &why);
    if (status == PROXY_IN_DONE)
        conn->phase = CONN_HANDSHAKE;
    else if (status == PROXY_IN_FAILED)
        end_early(conn, event, end, text);
    return status == PROXY_IN_DONE && admit_client(conn);
}

static void
on_handshake_readable(void *owner)
{
    struct conn *conn = owner;
    enum leg_end end = LEG_GOING_ON;
    char text[160];
    struct text why;

    if (conn->phase == CONN_PROXY && !take_header(conn))
        return;
    text_init(&why, text, sizeof(text));
    switch (leg_handshake(conn->relay.client, &end, &why)) {
    case LEG_HANDSHAKE_AGAIN:
        break;
    case LEG_HANDSHAKE_DONE:
        on_handshake_done(conn);
        break;
    case LEG_HANDSHAKE_FAILED:
        on_handshake_failed(conn, end, text);
        break;
    }
}

static void
on_handshake_written(void *owner ATTR_UNUSED)
{
    /* Reading goes on by itself, and meets a RST. */
}

static void
on_handshake_broken(void *owner)
{
    struct conn *conn = owner;

    on_handshake_failed(conn, LEG_RESET, strerror(leg_error(conn->relay.client)));
}

static const struct leg_events handshake_events = {
    .on_readable = on_handshake_readable,
    .on_drained = on_handshake_written,
    .on_progress = on_handshake_written,
    .on_broken = on_handshake_broken,
    .on_hangup = on_handshake_written,
};

static struct leg *
new_client_leg(struct conn *conn, int fd)
{
    SSL *ssl = SSL_new(conn->front->tls);
    struct leg *leg = NULL;

    if (ssl != NULL && tls_peer_attach(&conn->peer, ssl) == 0)
        leg = leg_new(conn->loop, fd, ssl, &handshake_events, conn);
    if (leg == NULL)
        SSL_free(ssl);
    else if (needs_no_ssl(conn->front->config))
        leg_expect_release(leg);
    ERR_clear_error();
    return leg;
}

static struct conn *
conn_new(struct loop *loop, struct front *front, int fd)
{
    struct conn *conn = calloc(1, sizeof(*conn));
    struct leg *leg = NULL;

    if (conn == NULL)
        return NULL;
    conn->loop = loop;
    conn->front = front;
    conn->start_us = clock_us();
    conn->start_wall_us = clock_wall_us();
    conn->timer = evtimer_new(loop->base, on_timer, conn);
    if (conn->timer != NULL && proxy_in_init(conn) == 0)
        leg = new_client_leg(conn, fd);
    if (leg == NULL) {
        proxy_in_clear(conn);
        if (conn->timer != NULL)
            event_free(conn->timer);
        free(conn);
        return NULL;
    }
    relay_init(&conn->relay, leg, front->config->on_truncation == CONFIG_TRUNCATION_EOF,
               on_stepped, conn, conn->start_us / 1000);
    conn->relay.up.total = &front->stats->up_bytes;
    conn->relay.down.total = &front->stats->down_bytes;
    return conn;
}

/* The hello is there already, as a rule: see sock_hello_wait_ms. */
static void
begin_handshake(struct conn *conn)
{
    on_handshake_readable(conn);
    if (!term_closed(&conn->relay.term) && leg_received(conn->relay.client) == 0 &&
        !proxy_in_has_begun(conn))
        conn->waited_ms = sock_hello_wait_ms(conn->front->config);
}

void
conn_start(struct loop *loop, struct front *front, int fd, const struct addr *client,
           const struct addr *local, const struct admission *admission)
{
    struct conn *conn = conn_new(loop, front, fd);
    struct admission held = *admission;

    if (conn == NULL) {
        admit_leave(loop, front, &held);
        refuse(loop, front, fd, client, local, REASON_INTERNAL_ERROR);
        return;
    }
    conn->admission = held;
    conn->client_addr = *client;
    conn->local_addr = local;
    conn->id = loop_next_id(loop);
    loop_rise(&loop->connections);
    generation_ref(front->generation);
    TAILQ_INSERT_TAIL(&loop->live, conn, link);
    leg_read_on(conn->relay.client);
    if (leg_is_read_on(conn->relay.client))
        begin_handshake(conn);
    else
        relay_post(&conn->relay, TERM_INTERNAL_ERROR, strerror(ENOMEM));
    if (conn->timer != NULL) /* else it is finished */
        on_stepped(conn);
}

bool
conn_cut(struct conn *conn)
{
    /* Who only owes us an answer to close_notify has got everything: that is no cut. */
    relay_post(&conn->relay, TERM_TIMEOUT_CLOSE_WAIT, NULL);
    relay_post(&conn->relay, TERM_DRAIN_FORCED, NULL);
    on_stepped(conn);
    return conn->relay.term.reason == REASON_DRAIN_FORCED;
}

void
conn_revoke(struct conn *conn)
{
    char buf[160];
    struct text why;

    text_init(&why, buf, sizeof(buf));
    text_addf(&why, "a new CRL names the client's certificate: %s", conn->peer.identity);
    relay_post(&conn->relay, TERM_CLIENT_CERT_REVOKED, buf);
    on_stepped(conn);
}
