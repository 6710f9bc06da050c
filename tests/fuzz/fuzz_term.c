/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The termination machine (core/term) and its clocks (core/deadline). The first byte of an
 * input holds settings, each other one is an event. An onlooker, who knows only what was
 * posted and what was answered, holds the machine to the rule: no goodbye on somebody
 * else's behalf, each at most once, nothing behind an end. And whatever has happened, time
 * alone closes the connection in the end.
 */
#include "core/deadline.h"
#include "fuzz.h"

#define TO_CLIENT                                                      \
    (TERM_ACT_SEND_NOTIFY | TERM_ACT_DROP_DOWN | TERM_ACT_FIN_CLIENT | \
     TERM_ACT_CLOSE_CLIENT | TERM_ACT_RESET_CLIENT)
#define TO_BACKEND (TERM_ACT_SEND_FIN | TERM_ACT_RESET_BACKEND | TERM_ACT_CLOSE_BACKEND)
#define SHUTS_CLIENT (TERM_ACT_CLOSE_CLIENT | TERM_ACT_RESET_CLIENT)
#define SHUTS_BACKEND (TERM_ACT_RESET_BACKEND | TERM_ACT_CLOSE_BACKEND)

/* Bytes from here on: the client leaves during the handshake, by FIN or by RST. */
#define CLIENT_LEFT 250

#define NOW 1000000u

/* What the onlooker remembers. */
struct onlooker {
    bool client_over;  /* its stream has ended, one way or another */
    bool client_ended; /* in an orderly way */
    bool connected;
    bool backend_over;
    bool backend_ended;
    unsigned fins, notifies, bare_fins;
    bool client_shut, backend_shut;
};

static bool
is_orderly(const struct term *t, enum term_event event)
{
    return event == TERM_CLIENT_NOTIFY || (event == TERM_CLIENT_FIN && t->eof_ends_up);
}

/* What has been said, before the machine is asked. */
static void
listen_to(struct onlooker *o, const struct term *t, enum term_event event)
{
    if (event <= TERM_CLIENT_ALERT && !o->client_shut && !o->client_over) {
        o->client_over = true;
        o->client_ended = is_orderly(t, event);
    }
    if (event == TERM_BACKEND_CONNECTED && t->backend == TERM_BACKEND_NONE &&
        !term_closed(t))
        o->connected = true;
    if (!o->connected || o->backend_shut || o->backend_over)
        return;
    if (event == TERM_BACKEND_FIN)
        o->backend_ended = o->backend_over = true;
    if (event == TERM_BACKEND_RESET)
        o->backend_over = true;
}

static void
check_goodbyes(struct onlooker *o, unsigned actions)
{
    if (actions & TERM_ACT_SEND_FIN)
        MUST(o->client_ended && o->fins++ == 0);
    if (actions & TERM_ACT_SEND_NOTIFY)
        MUST(o->backend_ended && o->notifies++ == 0 && o->bare_fins == 0);
    if (actions & TERM_ACT_FIN_CLIENT)
        MUST(o->bare_fins++ == 0);
    if (actions & TERM_ACT_CLOSE_BACKEND)
        MUST(o->fins == 1 && o->backend_ended);
}

static void
check_ends(struct onlooker *o, const struct term *t, unsigned actions)
{
    MUST(!o->client_shut || (actions & TO_CLIENT) == 0);
    MUST(!o->backend_shut || (actions & TO_BACKEND) == 0);
    MUST(o->connected || (actions & TO_BACKEND) == 0);
    MUST((actions & SHUTS_CLIENT) != SHUTS_CLIENT);
    MUST((actions & SHUTS_BACKEND) != SHUTS_BACKEND);
    MUST((actions & TERM_ACT_SEND_FIN) == 0 || (actions & SHUTS_BACKEND) == 0);
    MUST((actions & TERM_ACT_SEND_NOTIFY) == 0 || (actions & SHUTS_CLIENT) == 0);
    o->client_shut = o->client_shut || (actions & SHUTS_CLIENT) != 0;
    o->backend_shut = o->backend_shut || (actions & SHUTS_BACKEND) != 0;
    MUST(o->client_shut == (t->client == TERM_CLIENT_CLOSED));
    MUST(o->backend_shut == (t->backend == TERM_BACKEND_CLOSED));
}

static void
check_progress(const struct term *before, const struct term *t, unsigned actions)
{
    MUST(t->up >= before->up && t->down >= before->down);
    MUST(t->client >= before->client && t->backend >= before->backend);
    MUST(before->up != TERM_ENDED || t->up == TERM_ENDED);
    MUST(before->down != TERM_ENDED || t->down == TERM_ENDED);
    MUST(before->reason == REASON_NONE || t->reason == before->reason);
    MUST(before->first == TERM_NOBODY || t->first == before->first);
    if (term_closed(before))
        MUST(actions == 0 && memcmp(before, t, sizeof(*t)) == 0);
}

/* The backend took no more of the upload, but its answer goes out, to a client that left.
 */
static void
check_early_answer(const struct term *before, enum term_event event, unsigned actions)
{
    if ((event == TERM_CLIENT_FIN || event == TERM_CLIENT_CUT) &&
        before->client == TERM_CLIENT_LIVE && before->up == TERM_ABORTED &&
        before->down < TERM_ENDED)
        MUST(actions == 0);
}

static void
check_queries(const struct onlooker *o, const struct term *t)
{
    bool closed = term_closed(t);
    enum reason reason = term_reason(t);

    MUST(closed == (o->client_shut && (!o->connected || o->backend_shut)));
    MUST(closed == (term_clocks(t) == 0));
    MUST(!closed || reason != REASON_NONE);
    MUST(reason != REASON_CLEAN || (closed && o->notifies == 1));
    MUST(!term_reads_backend(t) || (o->connected && !o->backend_over && !o->backend_shut));
    if (o->client_shut)
        MUST(term_reads_client(t) == TERM_READ_NOTHING && !term_awaits_down(t));
    if (term_reads_client(t) == TERM_READ_FORWARD)
        MUST(o->connected && !o->client_over && t->up == TERM_OPEN);
    MUST(!term_awaits_up(t) || (o->client_ended && o->fins == 0));
    MUST(reason_name(reason)[0] != '\0' && term_dir_name(t->up)[0] != '\0');
}

static void
step(struct onlooker *o, struct term *t, enum term_event event)
{
    struct term before = *t;
    unsigned actions;

    listen_to(o, t, event);
    actions = term_step(t, event);
    check_goodbyes(o, actions);
    check_ends(o, t, actions);
    check_progress(&before, t, actions);
    check_early_answer(&before, event, actions);
    check_queries(o, t);
}

/* The clock that a time-out belongs to. */
static unsigned
clocks_of(enum term_event event)
{
    switch (event) {
    case TERM_TIMEOUT_IDLE:
        return TERM_CLOCK_IDLE;
    case TERM_TIMEOUT_HALF_CLOSED:
        return TERM_CLOCK_HALF_CLOSED;
    case TERM_TIMEOUT_CLOSE_WAIT:
        return TERM_CLOCK_CLOSE_WAIT;
    case TERM_TIMEOUT_GRACE:
        return TERM_CLOCK_GRACE;
    case TERM_TIMEOUT_LINGER:
        return TERM_CLOCK_LINGER | TERM_CLOCK_LINGER_ACKED;
    default:
        return 0;
    }
}

/* bits: which settings are off, and what has happened when. */
static struct deadline
check_deadline(const struct term *t, unsigned bits)
{
    const struct deadline_limits limits = {
        .idle_ms = bits & 1 ? 0 : 60000,
        .half_closed_ms = bits & 2 ? 0 : 3600000,
        .close_wait_ms = bits & 4 ? 0 : 10000,
        .linger_ms = bits & 8 ? 0 : 5000,
        .linger_max_ms = 30000,
    };
    const struct deadline_times times = {
        .last_byte = NOW,
        .last_client_byte = bits & 16 ? NOW + 28000 : NOW,
        .acked = bits & 32 ? NOW : 0,
        .linger = NOW,
        .up_blocked = (bits & 64) != 0,
    };
    struct deadline d = deadline_next(t, &limits, &times);
    uint32_t poll_ms = deadline_poll_ms(&limits);

    MUST(poll_ms >= 10 && poll_ms <= 250);
    MUST(!d.poll_acked || times.acked == 0);
    MUST(d.at == 0 || (d.at >= NOW && d.at <= NOW + 3600000));
    MUST(d.at == 0 || (clocks_of(d.event) & term_clocks(t)) != 0);
    if (d.at != 0 && d.event == TERM_TIMEOUT_LINGER)
        MUST(d.at <= NOW + limits.linger_max_ms &&
             d.at <= times.last_client_byte + limits.linger_ms);
    MUST(!term_closed(t) || (d.at == 0 && !d.poll_acked));
    if (!term_closed(t) && (bits & 3) == 0)
        MUST(d.at != 0);
    return d;
}

/* With nothing but time, all is closed soon. */
static void
let_time_pass(struct onlooker *o, struct term *t, unsigned bits)
{
    for (unsigned i = 0; i < 3 && !term_closed(t); i++) {
        struct term before = *t;

        step(o, t, check_deadline(t, bits & ~15u).event);
        MUST(memcmp(&before, t, sizeof(*t)) != 0);
    }
    MUST(term_closed(t));
}

static void
leave_during_handshake(struct onlooker *o, struct term *t, enum term_end end)
{
    if (t->client != TERM_CLIENT_LIVE || t->backend != TERM_BACKEND_NONE || o->client_over)
        return;
    o->client_over = true;
    term_client_left(t, end);
    step(o, t, TERM_HANDSHAKE_FAILED);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct onlooker o = {0};
    uint8_t settings = size > 0 ? data[0] : 0;
    struct term t;

    term_init(&t, settings >> 7);
    check_queries(&o, &t);
    for (size_t i = 1; i < size; i++) {
        if (data[i] >= CLIENT_LEFT)
            leave_during_handshake(&o, &t, data[i] & 1 ? TERM_END_RST : TERM_END_FIN);
        else
            step(&o, &t, (enum term_event)(data[i] % TERM_EVENTS));
        (void)check_deadline(&t, settings);
    }
    let_time_pass(&o, &t, settings);
    return 0;
}
