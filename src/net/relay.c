/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/relay.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>

/* What the end of a stream means when it is the client's, and when it is the backend's. */
static const enum term_event client_ends[] = {
    [LEG_NOTIFY] = TERM_CLIENT_NOTIFY,     [LEG_FIN] = TERM_CLIENT_FIN,
    [LEG_CUT] = TERM_CLIENT_CUT,           [LEG_RESET] = TERM_CLIENT_RESET,
    [LEG_ALERT] = TERM_CLIENT_ALERT,       [LEG_TLS_ERROR] = TERM_CLIENT_TLS_ERROR,
    [LEG_NO_MEMORY] = TERM_INTERNAL_ERROR,
};
static const enum term_event backend_ends[] = {
    [LEG_FIN] = TERM_BACKEND_FIN,
    [LEG_RESET] = TERM_BACKEND_RESET,
    [LEG_NO_MEMORY] = TERM_INTERNAL_ERROR,
};

static void
note_moved(struct relay *relay)
{
    relay->times.last_byte = clock_ms();
}

/* Actions in the order that core/term.h prescribes. */
static void
carry_out(struct relay *relay, unsigned actions)
{
    if (actions & TERM_ACT_SEND_FIN)
        leg_shut(relay->backend, false);
    if (actions & TERM_ACT_SEND_NOTIFY)
        leg_shut(relay->client, relay->term.client_done);
    if (actions & TERM_ACT_RESET_BACKEND)
        leg_reset(relay->backend);
    if (actions & TERM_ACT_CLOSE_BACKEND)
        leg_close(relay->backend);
    if (actions & TERM_ACT_DROP_DOWN)
        leg_drop(relay->client);
    if (actions & TERM_ACT_FIN_CLIENT)
        leg_fin(relay->client);
    if (actions & TERM_ACT_CLOSE_CLIENT)
        leg_close(relay->client);
    if (actions & TERM_ACT_RESET_CLIENT)
        leg_reset(relay->client);
}

static void
post(struct relay *relay, enum term_event event, const char *phrase)
{
    bool had_reason = relay->term.reason != REASON_NONE;
    bool lingered = relay->term.client == TERM_CLIENT_LINGER;

    carry_out(relay, term_step(&relay->term, event));
    if (!had_reason && relay->term.reason != REASON_NONE && phrase != NULL)
        text_add(&relay->error, phrase);
    if (!lingered && relay->term.client == TERM_CLIENT_LINGER)
        relay->times.linger = clock_ms();
}

/* The end of up is due once the bytes in front of it are gone. */
static void
advance_up(struct relay *relay)
{
    if (term_awaits_up(&relay->term) && leg_queued(relay->backend) == 0) {
        post(relay, TERM_UP_FLUSHED, NULL);
        post(relay, TERM_UP_END_SENT, NULL);
    }
}

static void sink_broken(struct relay *relay, struct leg *sink);

/* The same of down. A queue that was dropped, or an end that failed, has not been sent. */
static void
advance_down(struct relay *relay)
{
    const struct term *t = &relay->term;

    if (term_awaits_down(t) && leg_queued(relay->client) == 0)
        post(relay, TERM_DOWN_FLUSHED, NULL);
    if (t->client != TERM_CLIENT_LIVE || t->down != TERM_FLUSHED)
        return;
    if (leg_error(relay->client) != 0)
        sink_broken(relay, relay->client);
    else if (leg_queued(relay->client) == 0)
        post(relay, TERM_DOWN_END_SENT, NULL);
}

/* Returns whether it could be done. */
static bool
apply_reading(struct leg *leg, bool on)
{
    if (on) {
        leg_read_on(leg);
        return leg_is_read_on(leg);
    }
    leg_read_off(leg);
    leg_watch(leg);
    return true;
}

/* Ask for the events that the state wants. Returns whether it could be done. */
static bool
apply_state(struct relay *relay)
{
    const struct term *t = &relay->term;
    enum term_reading reading = term_reads_client(t);

    bool done = true;

    relay->times.up_blocked = reading == TERM_READ_FORWARD && relay->up.paused;
    if (t->client != TERM_CLIENT_CLOSED)
        done = apply_reading(relay->client,
                             reading != TERM_READ_NOTHING && !relay->times.up_blocked);
    if (t->backend == TERM_BACKEND_LIVE)
        done &= apply_reading(relay->backend, term_reads_backend(t) && !relay->down.paused);
    return done;
}

/*
 * A RST that was noticed on a leg that nobody reads now. Where it is read, reading meets
 * the error, and what came before it first.
 */
static bool
heed_hangups(struct relay *relay)
{
    const struct term *t = &relay->term;

    if (relay->client_hung && t->client != TERM_CLIENT_CLOSED &&
        !leg_is_read_on(relay->client)) {
        relay->client_hung = false;
        post(relay, TERM_CLIENT_RESET, strerror(ECONNRESET));
        return true;
    }
    if (relay->backend_hung && t->backend == TERM_BACKEND_LIVE &&
        !leg_is_read_on(relay->backend)) {
        relay->backend_hung = false;
        post(relay, TERM_BACKEND_BROKEN, strerror(ECONNRESET));
        return true;
    }
    return false;
}

/* After each change: what follows from it, until nothing does. */
static void
settle(struct relay *relay)
{
    bool again;

    do {
        advance_up(relay);
        advance_down(relay);
        again = !apply_state(relay);
        if (again) /* the second of these closes at once */
            post(relay, TERM_INTERNAL_ERROR, strerror(ENOMEM));
        else
            again = heed_hangups(relay);
    } while (again);
}

static void move_up(struct relay *relay);

/*
 * The client's socket takes nothing more. What it has said before still counts: it is read
 * and offered to the backend once; then the client is gone.
 */
static void
client_broken(struct relay *relay)
{
    move_up(relay);
    advance_up(relay);
    post(relay, TERM_CLIENT_RESET, strerror(leg_error(relay->client)));
}

/* A write to the sink of a direction has failed. */
static void
sink_broken(struct relay *relay, struct leg *sink)
{
    if (leg_error(sink) == EPROTO && !relay->term.client_done)
        post(relay, TERM_CLIENT_TLS_ERROR, "a handshake message that does not end");
    else if (leg_error(sink) == ENOMEM || leg_error(sink) == EPROTO)
        post(relay, TERM_INTERNAL_ERROR, strerror(leg_error(sink)));
    else if (sink == relay->backend)
        post(relay, TERM_BACKEND_BROKEN, strerror(leg_error(sink)));
    else
        client_broken(relay);
}

/*
 * One read of the client: on to the backend, or thrown away. Not more of them in one turn:
 * a fast pair is not to hold up the others.
 */
static void
move_up(struct relay *relay)
{
    enum term_reading reading = term_reads_client(&relay->term);
    uint64_t received = leg_received(relay->client);
    struct leg_chunk chunk = {0};
    enum leg_end end;
    char text[160];
    struct text why;

    if (reading == TERM_READ_NOTHING || (reading == TERM_READ_FORWARD && relay->up.paused))
        return;
    text_init(&why, text, sizeof(text));
    if (reading == TERM_READ_RAW)
        end = leg_discard(relay->client, &chunk.len);
    else
        end = leg_read(relay->client, relay->up.quantum, &chunk, &why);
    if (leg_received(relay->client) > received) /* also a part of a record is no silence */
        relay->times.last_client_byte = relay->times.last_byte = clock_ms();
    if (chunk.len > 0 && reading == TERM_READ_FORWARD) {
        if (leg_write(relay->backend, chunk.data, chunk.len) < 0)
            sink_broken(relay, relay->backend);
        else
            flow_moved(&relay->up, chunk.len, chunk.full, leg_queued(relay->backend));
    }
    if (end != LEG_GOING_ON)
        post(relay, client_ends[end], why.len > 0 ? text : NULL);
}

/* One read of the backend, on to the client. */
static void
move_down(struct relay *relay)
{
    struct leg_chunk chunk;
    enum leg_end end;
    char text[160];
    struct text why;

    if (!term_reads_backend(&relay->term) || relay->down.paused)
        return;
    text_init(&why, text, sizeof(text));
    end = leg_read(relay->backend, relay->down.quantum, &chunk, &why);
    if (chunk.len > 0) {
        note_moved(relay);
        if (leg_write(relay->client, chunk.data, chunk.len) < 0) {
            sink_broken(relay, relay->client);
            return;
        }
        flow_moved(&relay->down, chunk.len, chunk.full, leg_queued(relay->client));
    }
    if (end != LEG_GOING_ON)
        post(relay, backend_ends[end], why.len > 0 ? text : NULL);
}

static void
step_done(struct relay *relay)
{
    settle(relay);
    relay->on_stepped(relay->owner);
}

static void
on_client_readable(void *owner)
{
    move_up(owner);
    step_done(owner);
}

static void
on_backend_readable(void *owner)
{
    move_down(owner);
    step_done(owner);
}

static void
on_client_drained(void *owner)
{
    struct relay *relay = owner;

    if (flow_drained(&relay->down))
        move_down(relay);
    step_done(relay);
}

static void
on_backend_drained(void *owner)
{
    struct relay *relay = owner;

    if (flow_drained(&relay->up))
        move_up(relay);
    step_done(relay);
}

static void
on_progress(void *owner)
{
    note_moved(owner);
}

static void
on_client_broken(void *owner)
{
    struct relay *relay = owner;

    sink_broken(relay, relay->client);
    step_done(relay);
}

static void
on_backend_broken(void *owner)
{
    struct relay *relay = owner;

    (void)flow_drained(&relay->up);
    sink_broken(relay, relay->backend);
    step_done(relay);
}

static void
on_client_hangup(void *owner)
{
    struct relay *relay = owner;

    relay->client_hung = true;
    step_done(relay);
}

static void
on_backend_hangup(void *owner)
{
    struct relay *relay = owner;

    relay->backend_hung = true;
    step_done(relay);
}

const struct leg_events relay_client_events = {
    .on_readable = on_client_readable,
    .on_drained = on_client_drained,
    .on_progress = on_progress,
    .on_broken = on_client_broken,
    .on_hangup = on_client_hangup,
};

const struct leg_events relay_backend_events = {
    .on_readable = on_backend_readable,
    .on_drained = on_backend_drained,
    .on_progress = on_progress,
    .on_broken = on_backend_broken,
    .on_hangup = on_backend_hangup,
};

void
relay_init(struct relay *relay, struct leg *client, bool eof_ends_up,
           void (*on_stepped)(void *owner), void *owner, uint64_t start_ms)
{
    memset(relay, 0, sizeof(*relay));
    term_init(&relay->term, eof_ends_up);
    flow_init(&relay->up);
    flow_init(&relay->down);
    text_init(&relay->error, relay->error_text, sizeof(relay->error_text));
    relay->client = client;
    relay->times.last_byte = start_ms;
    relay->times.last_client_byte = start_ms;
    relay->on_stepped = on_stepped;
    relay->owner = owner;
}

void
relay_clear(struct relay *relay)
{
    leg_free(relay->client);
    leg_free(relay->backend);
    relay->client = relay->backend = NULL;
}

/* No byte of the client's was there to go with it; or it has gone with that. */
static void
send_ahead(struct relay *relay)
{
    if (relay->term.backend != TERM_BACKEND_LIVE)
        return;
    if (leg_send_ahead(relay->backend) < 0)
        sink_broken(relay, relay->backend);
    else
        flow_moved(&relay->up, 0, false, leg_queued(relay->backend));
}

void
relay_attach(struct relay *relay, struct leg *backend)
{
    relay->backend = backend;
    note_moved(relay);
    post(relay, TERM_BACKEND_CONNECTED, NULL);
    if (leg_has_pending(relay->client))
        move_up(relay);
    send_ahead(relay);
    settle(relay);
}

void
relay_post(struct relay *relay, enum term_event event, const char *phrase)
{
    post(relay, event, phrase);
    settle(relay);
}

void
relay_watch_client(struct relay *relay)
{
    leg_read_off(relay->client);
    leg_watch(relay->client);
}
