/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/term.h"

/* What becomes of the client's connection when the connection is aborted. */
enum farewell {
    LINGER_BEHIND_QUEUE, /* what is queued (an alert) goes out, then FIN, then discard */
    LINGER_AT_ONCE,      /* what is queued is dropped, FIN, discard */
    CLOSE_AT_ONCE        /* nobody is left to linger for, or no time is */
};

/* The aborts that strike both directions: the table of events, row by row. */
static const struct abort_rule {
    enum reason reason;
    enum term_party party;
    enum farewell farewell;
} abort_rules[TERM_EVENTS] = {
    [TERM_CLIENT_RESET] = {REASON_CLIENT_RESET, TERM_THE_CLIENT, CLOSE_AT_ONCE},
    [TERM_CLIENT_TLS_ERROR] = {REASON_CLIENT_TLS_ERROR, TERM_THE_CLIENT,
                               LINGER_BEHIND_QUEUE},
    [TERM_CLIENT_ALERT] = {REASON_CLIENT_ALERT, TERM_THE_CLIENT, LINGER_AT_ONCE},
    [TERM_BACKEND_REFUSED] = {REASON_BACKEND_REFUSED, TERM_THE_BACKEND,
                              LINGER_BEHIND_QUEUE},
    [TERM_BACKEND_UNREACHABLE] = {REASON_BACKEND_UNREACHABLE, TERM_THE_BACKEND,
                                  LINGER_BEHIND_QUEUE},
    [TERM_TIMEOUT_CONNECT] = {REASON_TIMEOUT_CONNECT, TERM_THE_BACKEND,
                              LINGER_BEHIND_QUEUE},
    [TERM_HANDSHAKE_FAILED] = {REASON_HANDSHAKE_FAILED, TERM_THE_CLIENT,
                               LINGER_BEHIND_QUEUE},
    [TERM_TIMEOUT_HANDSHAKE] = {REASON_TIMEOUT_HANDSHAKE, TERM_SALLYPORT, LINGER_AT_ONCE},
    [TERM_TIMEOUT_IDLE] = {REASON_TIMEOUT_IDLE, TERM_SALLYPORT, LINGER_AT_ONCE},
    [TERM_TIMEOUT_HALF_CLOSED] = {REASON_TIMEOUT_HALF_CLOSED, TERM_SALLYPORT,
                                  LINGER_AT_ONCE},
    [TERM_TIMEOUT_CLOSE_WAIT] = {REASON_TIMEOUT_CLOSE_WAIT, TERM_SALLYPORT, CLOSE_AT_ONCE},
    [TERM_ACME_ANSWERED] = {REASON_ACME_CHALLENGE, TERM_SALLYPORT, LINGER_BEHIND_QUEUE},
    [TERM_CLIENT_CERT_EXPIRED] = {REASON_CLIENT_CERT_EXPIRED, TERM_SALLYPORT,
                                  LINGER_AT_ONCE},
    [TERM_CLIENT_CERT_REVOKED] = {REASON_CLIENT_CERT_REVOKED, TERM_SALLYPORT,
                                  LINGER_AT_ONCE},
    [TERM_PROXY_MISSING] = {REASON_PROXY_HEADER_MISSING, TERM_THE_CLIENT,
                            LINGER_BEHIND_QUEUE},
    [TERM_PROXY_WRONG] = {REASON_PROXY_HEADER_WRONG, TERM_THE_CLIENT, LINGER_BEHIND_QUEUE},
    [TERM_DENIED] = {REASON_DENIED, TERM_SALLYPORT, CLOSE_AT_ONCE},
    [TERM_SOURCE_CONNECTIONS] = {REASON_LIMIT_SOURCE_CONNECTIONS, TERM_SALLYPORT,
                                 CLOSE_AT_ONCE},
    [TERM_SOURCE_HANDSHAKES] = {REASON_LIMIT_SOURCE_HANDSHAKES, TERM_SALLYPORT,
                                CLOSE_AT_ONCE},
    [TERM_SOURCE_RATE] = {REASON_LIMIT_SOURCE_RATE, TERM_SALLYPORT, CLOSE_AT_ONCE},
    [TERM_DRAIN_FORCED] = {REASON_DRAIN_FORCED, TERM_SALLYPORT, CLOSE_AT_ONCE},
    [TERM_OVERLOAD] = {REASON_OVERLOAD, TERM_SALLYPORT, CLOSE_AT_ONCE},
    [TERM_INTERNAL_ERROR] = {REASON_INTERNAL_ERROR, TERM_SALLYPORT, LINGER_AT_ONCE},
};

void
term_init(struct term *t, bool eof_ends_up)
{
    *t = (struct term){.eof_ends_up = eof_ends_up};
}

static void
note_end(struct term *t, enum term_party party)
{
    if (t->first == TERM_NOBODY)
        t->first = party;
}

static void
note_client_end(struct term *t, enum term_end end)
{
    note_end(t, TERM_THE_CLIENT);
    if (t->client_end == TERM_END_NONE)
        t->client_end = end;
}

void
term_client_left(struct term *t, enum term_end end)
{
    note_client_end(t, end);
    t->client_done = true;
}

static void
note_abort(struct term *t, enum reason reason, enum term_party party)
{
    note_end(t, party);
    if (t->reason == REASON_NONE)
        t->reason = reason;
}

static void
abort_direction(uint8_t *dir)
{
    if (*dir != TERM_ENDED)
        *dir = TERM_ABORTED;
}

static unsigned
close_client(struct term *t, enum term_action how)
{
    t->client = TERM_CLIENT_CLOSED;
    return how;
}

static unsigned
close_backend(struct term *t, enum term_action how)
{
    t->backend = TERM_BACKEND_CLOSED;
    return how;
}

static unsigned
part_from_client(struct term *t, enum farewell farewell)
{
    if (t->client == TERM_CLIENT_CLOSED)
        return 0;
    if (t->client == TERM_CLIENT_LINGER || farewell == CLOSE_AT_ONCE)
        return close_client(t, TERM_ACT_CLOSE_CLIENT);
    t->client = TERM_CLIENT_LINGER;
    return farewell == LINGER_AT_ONCE ? TERM_ACT_DROP_DOWN : 0;
}

/* Both directions, at once. */
static unsigned
abort_all(struct term *t, const struct abort_rule *rule)
{
    unsigned actions = 0;

    note_abort(t, rule->reason, rule->party);
    abort_direction(&t->up);
    abort_direction(&t->down);
    if (t->backend == TERM_BACKEND_LIVE)
        actions |= close_backend(t, TERM_ACT_RESET_BACKEND);
    return actions | part_from_client(t, rule->farewell);
}

/* Nothing more will come while we linger; once our FIN is said, nobody has to wait. */
static unsigned
client_left_lingering(struct term *t)
{
    t->client_done = true;
    return t->fin_sent ? close_client(t, TERM_ACT_CLOSE_CLIENT) : 0;
}

static unsigned
on_client_notify(struct term *t)
{
    if (t->client_done)
        return 0;
    note_client_end(t, TERM_END_NOTIFY);
    if (t->client == TERM_CLIENT_LINGER)
        return client_left_lingering(t);
    t->client_done = true;
    if (t->up == TERM_OPEN)
        t->up = TERM_DRAINING;
    return 0;
}

/* FIN without close_notify: four different things, by what has been said before. */
static unsigned
on_client_eof(struct term *t, bool between_records)
{
    static const struct abort_rule truncated = {REASON_CLIENT_TRUNCATED, TERM_THE_CLIENT,
                                                CLOSE_AT_ONCE};

    if (t->client_done)
        return 0;
    note_client_end(t, TERM_END_FIN);
    if (t->client ==
        TERM_CLIENT_LINGER) /* a close_notify may have been among the discarded */
        return client_left_lingering(t);
    t->truncated = true;
    t->client_done = true;
    if (t->eof_ends_up && between_records && t->up == TERM_OPEN) {
        t->up = TERM_DRAINING;
        return 0;
    }
    if (t->down == TERM_ENDED) { /* the client had all that it was owed: no abort */
        abort_direction(&t->up);
        return 0;
    }
    if (t->up == TERM_ABORTED) /* nobody took what is missing; the answer still goes out */
        return 0;
    return abort_all(t, &truncated);
}

/* After close_notify whatever comes is ignored (RFC 8446, 6.1), but for the socket's death.
 */
static unsigned
on_client_error(struct term *t, enum term_event event)
{
    if (event == TERM_CLIENT_RESET) {
        note_client_end(t, TERM_END_RST);
        t->client_done = true;
    } else if (t->client_done) {
        return 0;
    } else if (t->client == TERM_CLIENT_LINGER) {
        return client_left_lingering(t);
    }
    return abort_all(t, &abort_rules[event]);
}

static unsigned
on_client_event(struct term *t, enum term_event event)
{
    if (t->client == TERM_CLIENT_CLOSED)
        return 0;
    switch (event) {
    case TERM_CLIENT_NOTIFY:
        return on_client_notify(t);
    case TERM_CLIENT_FIN:
        return on_client_eof(t, true);
    case TERM_CLIENT_CUT:
        return on_client_eof(t, false);
    default:
        return on_client_error(t, event);
    }
}

/*
 * The backend takes no more. A failed write does not end the reading side: what
 * it said before is read on, and what the client sends is discarded meanwhile, so
 * that no RST overtakes the answer (RFC 9112, 9.6).
 */
static unsigned
on_backend_broken(struct term *t)
{
    if (t->up == TERM_ENDED || t->up == TERM_ABORTED)
        return 0;
    t->up = TERM_ABORTED;
    note_abort(t, REASON_BACKEND_RESET, TERM_THE_BACKEND);
    return 0;
}

static unsigned
on_backend_reset(struct term *t)
{
    if (t->backend_end == TERM_END_NONE)
        t->backend_end = TERM_END_RST;
    if (t->down != TERM_OPEN) /* its FIN was said before: down goes on to its end */
        return on_backend_broken(t);
    note_abort(t, REASON_BACKEND_RESET, TERM_THE_BACKEND);
    t->down = TERM_ABORTED;
    abort_direction(&t->up);
    t->client = TERM_CLIENT_LINGER;
    t->owed = true;
    return close_backend(t, TERM_ACT_RESET_BACKEND);
}

static unsigned
on_backend_event(struct term *t, enum term_event event)
{
    if (t->backend != TERM_BACKEND_LIVE)
        return 0;
    if (event == TERM_BACKEND_RESET)
        return on_backend_reset(t);
    if (event == TERM_BACKEND_BROKEN)
        return on_backend_broken(t);
    note_end(t, TERM_THE_BACKEND);
    if (t->down == TERM_OPEN) {
        t->down = TERM_DRAINING;
        t->backend_end = TERM_END_FIN;
    }
    return 0;
}

static unsigned
on_dialled(struct term *t, enum term_event event)
{
    if (t->backend != TERM_BACKEND_NONE)
        return 0;
    if (event != TERM_BACKEND_CONNECTED)
        return t->client == TERM_CLIENT_LIVE ? abort_all(t, &abort_rules[event]) : 0;
    t->backend = TERM_BACKEND_LIVE;
    if (t->client != TERM_CLIENT_LIVE)
        return close_backend(t, TERM_ACT_RESET_BACKEND);
    return 0;
}

static unsigned
on_up_progress(struct term *t, enum term_event event)
{
    if (t->backend != TERM_BACKEND_LIVE)
        return 0;
    if (event == TERM_UP_FLUSHED && t->up == TERM_DRAINING) {
        t->up = TERM_FLUSHED;
        return TERM_ACT_SEND_FIN;
    }
    if (event == TERM_UP_END_SENT && t->up == TERM_FLUSHED)
        t->up = TERM_ENDED;
    return 0;
}

static unsigned
on_down_progress(struct term *t, enum term_event event)
{
    if (event == TERM_DOWN_END_SENT) {
        if (t->down == TERM_FLUSHED)
            t->down = TERM_ENDED;
        return 0;
    }
    if (t->client == TERM_CLIENT_LINGER && !t->fin_sent) {
        t->fin_sent = true;
        return TERM_ACT_FIN_CLIENT |
               (t->client_done ? close_client(t, TERM_ACT_CLOSE_CLIENT) : 0u);
    }
    if (t->client == TERM_CLIENT_LIVE && t->down == TERM_DRAINING) {
        t->down = TERM_FLUSHED;
        return TERM_ACT_SEND_NOTIFY;
    }
    return 0;
}

static bool
in_grace(const struct term *t)
{
    return t->client == TERM_CLIENT_LIVE && t->down == TERM_ENDED &&
           t->up == TERM_ABORTED && !t->client_done;
}

/* A clock means something only in the states in which it runs: see term_clocks. */
static unsigned
on_clock(struct term *t, enum term_event event)
{
    unsigned clocks = term_clocks(t);

    switch (event) {
    case TERM_TIMEOUT_LINGER:
        if (clocks & (TERM_CLOCK_LINGER | TERM_CLOCK_LINGER_ACKED))
            return close_client(t, TERM_ACT_CLOSE_CLIENT);
        return 0;
    case TERM_TIMEOUT_GRACE:
        return clocks & TERM_CLOCK_GRACE ? close_client(t, TERM_ACT_RESET_CLIENT) : 0;
    case TERM_TIMEOUT_CLOSE_WAIT:
        return clocks & TERM_CLOCK_CLOSE_WAIT ? abort_all(t, &abort_rules[event]) : 0;
    default:
        return abort_all(t, &abort_rules[event]);
    }
}

static unsigned
dispatch(struct term *t, enum term_event event)
{
    switch (event) {
    case TERM_CLIENT_NOTIFY:
    case TERM_CLIENT_FIN:
    case TERM_CLIENT_CUT:
    case TERM_CLIENT_RESET:
    case TERM_CLIENT_TLS_ERROR:
    case TERM_CLIENT_ALERT:
        return on_client_event(t, event);
    case TERM_BACKEND_FIN:
    case TERM_BACKEND_RESET:
    case TERM_BACKEND_BROKEN:
        return on_backend_event(t, event);
    case TERM_BACKEND_CONNECTED:
    case TERM_BACKEND_REFUSED:
    case TERM_BACKEND_UNREACHABLE:
    case TERM_TIMEOUT_CONNECT:
        return on_dialled(t, event);
    case TERM_UP_FLUSHED:
    case TERM_UP_END_SENT:
        return on_up_progress(t, event);
    case TERM_DOWN_FLUSHED:
    case TERM_DOWN_END_SENT:
        return on_down_progress(t, event);
    default:
        return on_clock(t, event);
    }
}

/* What follows from the state alone: connections of which both directions are over. */
static unsigned
settle(struct term *t)
{
    unsigned actions = 0;

    if (t->backend == TERM_BACKEND_LIVE && t->down != TERM_OPEN) {
        if (t->up == TERM_ENDED)
            actions |= close_backend(t, TERM_ACT_CLOSE_BACKEND);
        else if (t->up == TERM_ABORTED)
            actions |= close_backend(t, TERM_ACT_RESET_BACKEND);
    }
    if (t->client == TERM_CLIENT_LIVE && t->down == TERM_ENDED && t->client_done)
        actions |= close_client(t, TERM_ACT_CLOSE_CLIENT);
    return actions;
}

unsigned
term_step(struct term *t, enum term_event event)
{
    unsigned actions;

    if (term_closed(t))
        return 0;
    actions = dispatch(t, event);
    return actions | settle(t);
}

enum term_reading
term_reads_client(const struct term *t)
{
    if (t->client == TERM_CLIENT_CLOSED || t->client_done)
        return TERM_READ_NOTHING;
    if (t->client == TERM_CLIENT_LINGER)
        return TERM_READ_RAW;
    if (t->up == TERM_ABORTED)
        return TERM_READ_DISCARD;
    return t->backend == TERM_BACKEND_LIVE ? TERM_READ_FORWARD : TERM_READ_NOTHING;
}

bool
term_reads_backend(const struct term *t)
{
    return t->backend == TERM_BACKEND_LIVE && t->down == TERM_OPEN;
}

bool
term_awaits_down(const struct term *t)
{
    if (t->client == TERM_CLIENT_LINGER)
        return !t->fin_sent;
    return t->client == TERM_CLIENT_LIVE && t->down == TERM_DRAINING;
}

bool
term_awaits_up(const struct term *t)
{
    return t->backend == TERM_BACKEND_LIVE && t->up == TERM_DRAINING;
}

/* One direction has ended and the other still goes on. */
static bool
half_closed(const struct term *t)
{
    if (t->up == TERM_ENDED)
        return t->down != TERM_ENDED && t->down != TERM_ABORTED;
    return t->down == TERM_ENDED && t->up != TERM_ABORTED;
}

unsigned
term_clocks(const struct term *t)
{
    if (term_closed(t))
        return 0;
    if (t->client == TERM_CLIENT_LINGER) {
        if (!t->owed)
            return TERM_CLOCK_LINGER;
        return TERM_CLOCK_IDLE | (t->fin_sent ? TERM_CLOCK_LINGER_ACKED : 0u);
    }
    if (in_grace(t))
        return TERM_CLOCK_GRACE | TERM_CLOCK_IDLE;
    if (t->client == TERM_CLIENT_LIVE && t->down == TERM_ENDED && !t->client_done)
        return TERM_CLOCK_CLOSE_WAIT | TERM_CLOCK_HALF_CLOSED | TERM_CLOCK_IDLE;
    return TERM_CLOCK_IDLE | (half_closed(t) ? TERM_CLOCK_HALF_CLOSED : 0u);
}

bool
term_closed(const struct term *t)
{
    return t->client == TERM_CLIENT_CLOSED && t->backend != TERM_BACKEND_LIVE;
}

enum reason
term_reason(const struct term *t)
{
    if (t->reason != REASON_NONE)
        return (enum reason)t->reason;
    return term_closed(t) ? REASON_CLEAN : REASON_NONE;
}
