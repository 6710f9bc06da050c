/* SPDX-License-Identifier: BSD-2-Clause */
#include "term_oracle.h"

#include "base/attr.h"
#include "term_table.h"

#include <stddef.h>

/* What each event is called when it aborts, who is behind it, and which clock posts it. */
static const struct {
    enum reason reason;
    enum term_party party;
    unsigned clock;
} events[TERM_EVENTS] = {
    [TERM_CLIENT_NOTIFY] = {.party = TERM_THE_CLIENT},
    [TERM_CLIENT_FIN] = {REASON_CLIENT_TRUNCATED, TERM_THE_CLIENT, 0},
    [TERM_CLIENT_CUT] = {REASON_CLIENT_TRUNCATED, TERM_THE_CLIENT, 0},
    [TERM_CLIENT_RESET] = {REASON_CLIENT_RESET, TERM_THE_CLIENT, 0},
    [TERM_CLIENT_TLS_ERROR] = {REASON_CLIENT_TLS_ERROR, TERM_THE_CLIENT, 0},
    [TERM_CLIENT_ALERT] = {REASON_CLIENT_ALERT, TERM_THE_CLIENT, 0},
    [TERM_BACKEND_FIN] = {.party = TERM_THE_BACKEND},
    [TERM_BACKEND_RESET] = {REASON_BACKEND_RESET, TERM_THE_BACKEND, 0},
    [TERM_BACKEND_BROKEN] = {REASON_BACKEND_RESET, TERM_THE_BACKEND, 0},
    [TERM_BACKEND_REFUSED] = {REASON_BACKEND_REFUSED, TERM_THE_BACKEND, 0},
    [TERM_BACKEND_UNREACHABLE] = {REASON_BACKEND_UNREACHABLE, TERM_THE_BACKEND, 0},
    [TERM_HANDSHAKE_FAILED] = {REASON_HANDSHAKE_FAILED, TERM_THE_CLIENT, 0},
    [TERM_TIMEOUT_HANDSHAKE] = {REASON_TIMEOUT_HANDSHAKE, TERM_SALLYPORT, 0},
    [TERM_TIMEOUT_CONNECT] = {REASON_TIMEOUT_CONNECT, TERM_THE_BACKEND, 0},
    [TERM_TIMEOUT_IDLE] = {REASON_TIMEOUT_IDLE, TERM_SALLYPORT, TERM_CLOCK_IDLE},
    [TERM_TIMEOUT_HALF_CLOSED] = {REASON_TIMEOUT_HALF_CLOSED, TERM_SALLYPORT,
                                  TERM_CLOCK_HALF_CLOSED},
    [TERM_TIMEOUT_CLOSE_WAIT] = {REASON_TIMEOUT_CLOSE_WAIT, TERM_SALLYPORT,
                                 TERM_CLOCK_CLOSE_WAIT},
    [TERM_TIMEOUT_LINGER] = {.clock = TERM_CLOCK_LINGER | TERM_CLOCK_LINGER_ACKED},
    [TERM_TIMEOUT_GRACE] = {.clock = TERM_CLOCK_GRACE},
    [TERM_ACME_ANSWERED] = {REASON_ACME_CHALLENGE, TERM_SALLYPORT, 0},
    [TERM_CLIENT_CERT_EXPIRED] = {REASON_CLIENT_CERT_EXPIRED, TERM_SALLYPORT, 0},
    [TERM_CLIENT_CERT_REVOKED] = {REASON_CLIENT_CERT_REVOKED, TERM_SALLYPORT, 0},
    [TERM_PROXY_MISSING] = {REASON_PROXY_HEADER_MISSING, TERM_THE_CLIENT, 0},
    [TERM_PROXY_WRONG] = {REASON_PROXY_HEADER_WRONG, TERM_THE_CLIENT, 0},
    [TERM_DENIED] = {REASON_DENIED, TERM_SALLYPORT, 0},
    [TERM_SOURCE_CONNECTIONS] = {REASON_LIMIT_SOURCE_CONNECTIONS, TERM_SALLYPORT, 0},
    [TERM_SOURCE_HANDSHAKES] = {REASON_LIMIT_SOURCE_HANDSHAKES, TERM_SALLYPORT, 0},
    [TERM_SOURCE_RATE] = {REASON_LIMIT_SOURCE_RATE, TERM_SALLYPORT, 0},
    [TERM_DRAIN_FORCED] = {REASON_DRAIN_FORCED, TERM_SALLYPORT, 0},
    [TERM_OVERLOAD] = {REASON_OVERLOAD, TERM_SALLYPORT, 0},
    [TERM_INTERNAL_ERROR] = {REASON_INTERNAL_ERROR, TERM_SALLYPORT, 0},
};

/* A table of answers: for each state one row. */
struct answer {
    struct pattern when;
    unsigned value;
    const char *rule;
};

static const struct answer readings[] = {
    {{.up = IN(TERM_OPEN), .client = C_LIVE, .backend = B_LIVE, .done = NO},
     TERM_READ_FORWARD,
     "decrypt it and pass it on to the backend"},
    {{.up = IN(TERM_OPEN), .client = C_LIVE, .backend = B_NONE, .done = NO},
     TERM_READ_NOTHING,
     "there is nobody yet to pass it on to"},
    {{.up = IN(TERM_ABORTED), .client = C_LIVE, .done = NO},
     TERM_READ_DISCARD,
     "What the client sends meanwhile is read and discarded"},
    {{.client = C_LINGER, .done = NO},
     TERM_READ_RAW,
     "throw it away as it is, until the client closes"},
    {{.client = C_LIVE | C_LINGER, .done = YES}, TERM_READ_NOTHING, "it has ended"},
    {{.client = C_CLOSED}, TERM_READ_NOTHING, "or is closed"},
};

enum {
    AWAITS_UP = 1,
    AWAITS_DOWN = 2,
    READS_BACKEND = 4,
    CLOSED = 8
};

/* These are four tables in one: each row adds its bit. */
static const struct answer facts[] = {
    {{.up = IN(TERM_DRAINING), .backend = B_LIVE},
     AWAITS_UP,
     "DRAINING --last byte written--> FLUSHED"},
    {{.down = IN(TERM_DRAINING)}, AWAITS_DOWN, "a close_notify is to be sent behind"},
    {{.client = C_LINGER, .fin_sent = NO},
     AWAITS_DOWN,
     "a FIN after an abort is to be sent"},
    {{.down = IN(TERM_OPEN), .backend = B_LIVE},
     READS_BACKEND,
     "read from it until EOF or error"},
    {{.client = C_CLOSED, .backend = B_NONE | IN(TERM_BACKEND_CLOSED)},
     CLOSED,
     "both connections are closed"},
};

static const struct answer clocks[] = {
    {{.client = C_LINGER, .owed = NO},
     TERM_CLOCK_LINGER,
     "Lingering after an abort: at most 5 s of silence and 30 s in all"},
    {{.client = C_LINGER, .owed = YES, .fin_sent = NO},
     TERM_CLOCK_IDLE,
     "delivered whole, however slow the client, within the idle time-out"},
    {{.client = C_LINGER, .owed = YES, .fin_sent = YES},
     TERM_CLOCK_IDLE | TERM_CLOCK_LINGER_ACKED,
     "delivered whole, however slow the client; then it lingers"},
    {{.up = IN(TERM_ABORTED), .down = IN(TERM_ENDED), .client = C_LIVE},
     TERM_CLOCK_GRACE | TERM_CLOCK_IDLE,
     "it is told: RST, 1 s after our last byte was acknowledged"},
    {{.up = IN(TERM_OPEN), .down = IN(TERM_ENDED), .client = C_LIVE},
     TERM_CLOCK_CLOSE_WAIT | TERM_CLOCK_HALF_CLOSED | TERM_CLOCK_IDLE,
     "The wait is bounded by close-wait"},
    {{.up = IN(TERM_ENDED), .down = RUNNING, .client = C_LIVE},
     TERM_CLOCK_HALF_CLOSED | TERM_CLOCK_IDLE,
     "up has ENDED, the backend is still thinking: half-closed-timeout applies"},
    {{.up = RUNNING | IN(TERM_ABORTED), .down = RUNNING, .client = C_LIVE},
     TERM_CLOCK_IDLE,
     "No time-out but the idle one applies while the sink makes progress"},
    {{.up = RUNNING, .client = C_CLOSED, .backend = B_LIVE},
     TERM_CLOCK_HALF_CLOSED | TERM_CLOCK_IDLE,
     "down has ENDED and the client has gone: up goes on"},
    {{.client = C_CLOSED, .backend = B_NONE | IN(TERM_BACKEND_CLOSED)},
     0,
     "a closed connection has no clock"},
};

static unsigned long used[TERM_TABLE_MAX];

static bool
holds(unsigned set, unsigned value)
{
    return set == 0 || (set & IN(value)) != 0;
}

static bool
matches(const struct pattern *p, const struct term *t)
{
    return holds(p->up, t->up) && holds(p->down, t->down) && holds(p->client, t->client) &&
           holds(p->backend, t->backend) && holds(p->done, t->client_done) &&
           holds(p->fin_sent, t->fin_sent) && holds(p->owed, t->owed) &&
           holds(p->eof, t->eof_ends_up);
}

static void
set(uint8_t *field, uint8_t to)
{
    if (to != 0)
        *field = (uint8_t)(to - 1);
}

static void
set_once(uint8_t *field, unsigned value)
{
    if (*field == 0)
        *field = (uint8_t)value;
}

static void
abort_both(struct oracle_answer *a)
{
    if (a->next.up != TERM_ENDED)
        a->next.up = TERM_ABORTED;
    if (a->next.down != TERM_ENDED)
        a->next.down = TERM_ABORTED;
    if (a->next.backend != TERM_BACKEND_LIVE)
        return;
    a->next.backend = TERM_BACKEND_CLOSED;
    a->actions |= TERM_ACT_RESET_BACKEND;
}

static void
apply(const struct row *row, enum term_event event, struct oracle_answer *a)
{
    struct term *n = &a->next;

    a->rule = row->rule;
    a->actions = row->actions;
    if (row->flags & ABORTS)
        abort_both(a);
    set(&n->up, row->then.up);
    set(&n->down, row->then.down);
    set(&n->client, row->then.client);
    set(&n->backend, row->then.backend);
    set_once(&n->client_end, row->then.client_end);
    set_once(&n->backend_end, row->then.backend_end);
    if (row->flags & ENDS)
        set_once(&n->first, events[event].party);
    if (row->flags & NAMED)
        set_once(&n->reason, events[event].reason);
    n->client_done = n->client_done || (row->flags & DONE) != 0;
    n->fin_sent = n->fin_sent || (row->flags & FIN_SENT) != 0;
    n->owed = n->owed || (row->flags & OWED) != 0;
    n->truncated = n->truncated || (row->flags & TRUNCATED) != 0;
}

struct oracle_answer
oracle_step(const struct term *t, enum term_event event)
{
    struct oracle_answer a = {.next = *t};

    for (unsigned i = 0; i < term_table_rows; i++) {
        if ((term_table[i].events & (1ul << event)) == 0 ||
            !matches(&term_table[i].when, t))
            continue;
        a.next = *t;
        apply(&term_table[i], event, &a);
        a.rows++;
        used[i]++;
    }
    return a;
}

static unsigned
look_up(const struct answer *rows, size_t count, const struct term *t, unsigned *found)
{
    unsigned value = 0;

    for (size_t i = 0; i < count; i++) {
        if (!matches(&rows[i].when, t))
            continue;
        value |= rows[i].value;
        ++*found;
    }
    return value;
}

struct oracle_view
oracle_look(const struct term *t)
{
    struct oracle_view v = {0};
    unsigned any = 0;
    unsigned bits = look_up(facts, COUNT_OF(facts), t, &any);

    v.reads_client = look_up(readings, COUNT_OF(readings), t, &v.rows);
    v.clocks = look_up(clocks, COUNT_OF(clocks), t, &v.rows);
    v.reads_backend = (bits & READS_BACKEND) != 0;
    v.awaits_up = (bits & AWAITS_UP) != 0;
    v.awaits_down = (bits & AWAITS_DOWN) != 0;
    v.closed = (bits & CLOSED) != 0;
    v.reason = t->reason;
    if (v.closed && t->reason == REASON_NONE)
        v.reason = REASON_CLEAN;
    return v;
}

const char *
oracle_row(unsigned i, unsigned long *times)
{
    if (i >= term_table_rows)
        return NULL;
    *times = used[i];
    return term_table[i].rule;
}

enum reason
oracle_reason(enum term_event event)
{
    return events[event].reason;
}

unsigned
oracle_clock(enum term_event event)
{
    return events[event].clock;
}
