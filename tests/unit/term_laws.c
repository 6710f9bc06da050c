/* SPDX-License-Identifier: BSD-2-Clause */
#include "term_laws.h"

#include "term_oracle.h"

#include <stdio.h>
#include <string.h>

#define EV(name) (1ul << (TERM_##name))

/* Clients that may not come in. */
#define REFUSALS \
    (EV(DENIED) | EV(SOURCE_CONNECTIONS) | EV(SOURCE_HANDSHAKES) | EV(SOURCE_RATE))
#define IS(event, set) (((1ul << (event)) & (set)) != 0)

static const unsigned long client_stream = EV(CLIENT_NOTIFY) | EV(CLIENT_FIN) |
                                           EV(CLIENT_CUT) | EV(CLIENT_RESET) |
                                           EV(CLIENT_TLS_ERROR) | EV(CLIENT_ALERT);
static const unsigned long client_breaks = EV(CLIENT_FIN) | EV(CLIENT_CUT) |
                                           EV(CLIENT_RESET) | EV(CLIENT_TLS_ERROR) |
                                           EV(CLIENT_ALERT);
static const unsigned long own_aborts =
    EV(PROXY_MISSING) | EV(PROXY_WRONG) | EV(HANDSHAKE_FAILED) | EV(ACME_ANSWERED) |
    EV(TIMEOUT_HANDSHAKE) | EV(TIMEOUT_CONNECT) | EV(TIMEOUT_IDLE) |
    EV(TIMEOUT_HALF_CLOSED) | EV(TIMEOUT_CLOSE_WAIT) | EV(CLIENT_CERT_EXPIRED) |
    EV(CLIENT_CERT_REVOKED) | EV(DRAIN_FORCED) | REFUSALS | EV(OVERLOAD) |
    EV(INTERNAL_ERROR);
static const unsigned long any_time = EV(CLIENT_RESET) | EV(TIMEOUT_IDLE) |
                                      EV(TIMEOUT_HALF_CLOSED) | EV(CLIENT_CERT_EXPIRED) |
                                      EV(CLIENT_CERT_REVOKED) | EV(DRAIN_FORCED) |
                                      EV(OVERLOAD) | EV(INTERNAL_ERROR);

static const unsigned to_client = TERM_ACT_SEND_NOTIFY | TERM_ACT_DROP_DOWN |
                                  TERM_ACT_FIN_CLIENT | TERM_ACT_CLOSE_CLIENT |
                                  TERM_ACT_RESET_CLIENT;
static const unsigned to_backend =
    TERM_ACT_SEND_FIN | TERM_ACT_RESET_BACKEND | TERM_ACT_CLOSE_BACKEND;
static const unsigned shuts_client = TERM_ACT_CLOSE_CLIENT | TERM_ACT_RESET_CLIENT;
static const unsigned shuts_backend = TERM_ACT_CLOSE_BACKEND | TERM_ACT_RESET_BACKEND;

void
laws_print_state(const char *label, const struct term *t)
{
    static const char *const clients[] = {"live", "linger", "closed"};
    static const char *const backends[] = {"none", "live", "closed"};

    printf("  %s: up=%s down=%s client=%s backend=%s client-end=%s backend-end=%s first=%s "
           "reason=%s%s%s%s%s%s\n",
           label, term_dir_name(t->up), term_dir_name(t->down), clients[t->client],
           backends[t->backend], term_end_name(t->client_end),
           term_end_name(t->backend_end), term_party_name(t->first), reason_name(t->reason),
           t->client_done ? " done" : "", t->fin_sent ? " fin-sent" : "",
           t->owed ? " owed" : "", t->truncated ? " truncated" : "",
           t->eof_ends_up ? " eof" : "");
}

/* The shortest run of events to a state. */
void
laws_print_way(const struct node *n)
{
    if (n->parent == NULL) {
        printf("  after:");
        return;
    }
    laws_print_way(n->parent);
    printf(" %s", term_event_name(n->event));
}

unsigned
laws_complain(const struct edge *e, const char *what)
{
    static unsigned said;

    if (said++ >= 40)
        return 1;
    printf("broken: %s\n", what);
    laws_print_way(e->from);
    printf("\n  event: %s actions: 0x%02x\n", term_event_name(e->event), e->acts);
    laws_print_state("before", e->t);
    laws_print_state("after ", e->u);
    return 1;
}

#define LAW(edge, holds) ((holds) ? 0 : laws_complain((edge), #holds))
/* If a, then b. */
#define IF(a, b) (!(a) || (b))

uint16_t
laws_look_on(const struct edge *e)
{
    uint16_t s = e->seen;
    bool heard = e->t->client != TERM_CLIENT_CLOSED && !(s & CLIENT_OVER);
    bool orderly = e->event == TERM_CLIENT_NOTIFY ||
                   (e->event == TERM_CLIENT_FIN && e->t->eof_ends_up);

    if (heard && orderly)
        s |= SAID_NOTIFY;
    if (heard && IS(e->event, client_stream))
        s |= CLIENT_OVER;
    if (e->event == TERM_BACKEND_CONNECTED && e->u->backend == TERM_BACKEND_LIVE)
        s |= CONNECTED;
    if ((s & CONNECTED) && !(s & BACKEND_OVER) && e->event == TERM_BACKEND_FIN)
        s |= SAID_FIN | BACKEND_OVER;
    if ((s & CONNECTED) && e->event == TERM_BACKEND_RESET)
        s |= BACKEND_OVER;
    s |= e->acts & TERM_ACT_SEND_FIN ? SENT_FIN : 0;
    s |= e->acts & TERM_ACT_SEND_NOTIFY ? SENT_NOTIFY : 0;
    s |= e->acts & TERM_ACT_FIN_CLIENT ? SENT_RAW_FIN : 0;
    s |= e->u->up == TERM_ABORTED ? BROKE_UP : 0;
    s |= e->u->down == TERM_ABORTED ? BROKE_DOWN : 0;
    return s;
}

/* The rule: no goodbye on somebody else's behalf, and nothing behind an end. */
static unsigned
law_of_goodbyes(const struct edge *e)
{
    bool fin = e->acts & TERM_ACT_SEND_FIN, notify = e->acts & TERM_ACT_SEND_NOTIFY;
    bool raw_fin = e->acts & TERM_ACT_FIN_CLIENT, close = e->acts & TERM_ACT_CLOSE_BACKEND;
    unsigned n = 0;

    n += LAW(e, IF(fin, e->seen & SAID_NOTIFY));
    n += LAW(e, IF(fin, e->event == TERM_UP_FLUSHED && e->t->up == TERM_DRAINING));
    n += LAW(e, IF(fin, !(e->seen & (SENT_FIN | BROKE_UP))));
    n += LAW(e, IF(fin, e->u->backend == TERM_BACKEND_LIVE && e->u->up == TERM_FLUSHED));
    n += LAW(e, IF(notify, e->seen & SAID_FIN));
    n += LAW(e, IF(notify, e->event == TERM_DOWN_FLUSHED && e->t->down == TERM_DRAINING));
    n += LAW(e, IF(notify, !(e->seen & (SENT_NOTIFY | BROKE_DOWN | SENT_RAW_FIN))));
    n += LAW(e, IF(notify, e->u->client == TERM_CLIENT_LIVE && e->u->down == TERM_FLUSHED));
    n += LAW(e, IF(close, (e->seen & SENT_FIN) && (e->sees & SAID_FIN)));
    n += LAW(e, IF(close, e->u->up == TERM_ENDED && !(e->sees & BROKE_UP)));
    n += LAW(e, IF(raw_fin, e->event == TERM_DOWN_FLUSHED && !(e->seen & SENT_RAW_FIN)));
    n += LAW(e, IF(raw_fin, e->t->client == TERM_CLIENT_LINGER));
    n += LAW(e, IF(e->u->up == TERM_ENDED, e->sees & SENT_FIN));
    n += LAW(e, IF(e->u->down == TERM_ENDED, e->sees & SENT_NOTIFY));
    return n;
}

/* Every state goes forward only; what is known is never forgotten or changed. */
static unsigned
law_of_progress(const struct edge *e)
{
    const struct term *t = e->t, *u = e->u;
    unsigned n = 0;

    n += LAW(e, u->up >= t->up && u->down >= t->down);
    n += LAW(e, u->client >= t->client && u->backend >= t->backend);
    n += LAW(e, IF(t->up == TERM_ENDED, u->up == TERM_ENDED));
    n += LAW(e, IF(t->down == TERM_ENDED, u->down == TERM_ENDED));
    n += LAW(e, IF(t->reason != REASON_NONE, u->reason == t->reason));
    n += LAW(e, IF(t->first != TERM_NOBODY, u->first == t->first));
    n += LAW(e, IF(t->client_end != TERM_END_NONE, u->client_end == t->client_end));
    n += LAW(e, IF(t->backend_end != TERM_END_NONE, u->backend_end == t->backend_end));
    n += LAW(e, u->client_done >= t->client_done && u->fin_sent >= t->fin_sent);
    n += LAW(e, u->owed >= t->owed && u->truncated >= t->truncated);
    n += LAW(e, u->eof_ends_up == t->eof_ends_up);
    n += LAW(e, IF(e->acts != 0 || memcmp(t, u, sizeof *t) != 0, !term_closed(t)));
    n += LAW(e, IF(e->acts != 0, memcmp(t, u, sizeof *t) != 0));
    return n;
}

/* An abort has its own name, and reaches the other endpoint in the same step. */
static unsigned
law_of_aborts(const struct edge *e)
{
    const struct term *t = e->t, *u = e->u;
    bool live = t->backend == TERM_BACKEND_LIVE, gone = u->backend != TERM_BACKEND_LIVE;
    bool up = u->up == TERM_ABORTED && t->up != TERM_ABORTED;
    bool down = u->down == TERM_ABORTED && t->down != TERM_ABORTED;
    unsigned n = 0;

    n += LAW(e, IF(u->reason != t->reason, u->reason == oracle_reason(e->event)));
    n += LAW(e, IF(u->reason != t->reason, u->reason > REASON_CLEAN && u->first));
    n += LAW(e, IF((up || down) && e->event != TERM_BACKEND_BROKEN, !live || gone));
    n += LAW(e, IF(live && gone && !(e->acts & TERM_ACT_CLOSE_BACKEND),
                   e->acts & TERM_ACT_RESET_BACKEND));
    n += LAW(e, IF(down, u->reason != REASON_NONE));
    n += LAW(e, IF(up && u->reason == REASON_NONE,
                   IS(e->event, EV(CLIENT_FIN) | EV(CLIENT_CUT)) && t->down == TERM_ENDED));
    n +=
        LAW(e, IF(live && t->down != TERM_ENDED && !t->client_done && t->up == TERM_OPEN &&
                      IS(e->event, client_breaks) &&
                      !(e->event == TERM_CLIENT_FIN && t->eof_ends_up),
                  gone && u->down == TERM_ABORTED && u->reason == oracle_reason(e->event)));
    n += LAW(e, IF(live && IS(e->event, any_time) &&
                       (t->client != TERM_CLIENT_CLOSED || e->event != TERM_CLIENT_RESET),
                   gone && u->reason != REASON_NONE));
    n += LAW(e, IF(e->event == TERM_BACKEND_RESET && live && t->down == TERM_OPEN,
                   u->down == TERM_ABORTED && u->owed && !(e->acts & TERM_ACT_DROP_DOWN)));
    n += LAW(e, IF(e->event == TERM_BACKEND_BROKEN && t->down == TERM_OPEN,
                   u->down == TERM_OPEN && u->backend == t->backend));
    return n;
}

/* The actions of one answer agree with each other and with the state. */
static unsigned
law_of_actions(const struct edge *e)
{
    unsigned a = e->acts;
    bool client_shut = e->u->client == TERM_CLIENT_CLOSED && e->t->client != e->u->client;
    bool backend_shut =
        e->u->backend == TERM_BACKEND_CLOSED && e->t->backend != e->u->backend;
    unsigned n = 0;

    n += LAW(e, (a & shuts_client) != shuts_client && (a & shuts_backend) != shuts_backend);
    n += LAW(e, IF(a & to_client, e->t->client != TERM_CLIENT_CLOSED));
    n += LAW(e, IF(a & to_backend, e->t->backend == TERM_BACKEND_LIVE ||
                                       (e->event == TERM_BACKEND_CONNECTED &&
                                        e->t->backend == TERM_BACKEND_NONE)));
    n += LAW(e, IF(a & TERM_ACT_SEND_FIN, !(a & shuts_backend)));
    n += LAW(e, IF(a & TERM_ACT_SEND_NOTIFY, !(a & to_client & ~TERM_ACT_SEND_NOTIFY)));
    n += LAW(e, !(a & TERM_ACT_FIN_CLIENT) || !(a & TERM_ACT_DROP_DOWN));
    n += LAW(e, client_shut == ((a & shuts_client) != 0));
    n += LAW(e, IF(a & shuts_backend, backend_shut));
    n += LAW(e, IF(backend_shut && e->t->backend == TERM_BACKEND_LIVE, a & shuts_backend));
    n += LAW(e, IF(a & TERM_ACT_RESET_CLIENT, e->event == TERM_TIMEOUT_GRACE));
    n += LAW(e, e->u->fin_sent == ((e->sees & SENT_RAW_FIN) != 0));
    /* After an alert or a bad record the client's TCP stream goes on: it is discarded. */
    n += LAW(e, IF(e->t->client == TERM_CLIENT_LIVE && e->u->client == TERM_CLIENT_LINGER,
                   e->u->client_done == e->t->client_done));
    n += LAW(e, IF(e->u->truncated && !e->t->truncated, e->t->client == TERM_CLIENT_LIVE));
    return n;
}

/* Bytes that are owed to the client are dropped only if it, or sallyport, aborts. */
static unsigned
law_of_bytes(const struct edge *e)
{
    const struct term *t = e->t;
    bool drops =
        e->acts & (TERM_ACT_DROP_DOWN | TERM_ACT_CLOSE_CLIENT | TERM_ACT_RESET_CLIENT);
    bool on_the_way = t->down == TERM_OPEN || t->down == TERM_DRAINING ||
                      (t->client == TERM_CLIENT_LINGER && t->owed && !t->fin_sent);
    bool last = e->event == TERM_DOWN_FLUSHED || e->event == TERM_DOWN_END_SENT;
    unsigned n = 0;

    n += LAW(e, IF(drops && on_the_way && !last, IS(e->event, client_breaks | own_aborts)));
    n += LAW(e, IF(drops && t->down == TERM_FLUSHED && !last,
                   IS(e->event, client_breaks | own_aborts)));
    n += LAW(
        e, IF(drops && t->client == TERM_CLIENT_LINGER,
              t->fin_sent || !t->owed || last || IS(e->event, client_breaks | own_aborts)));
    n += LAW(e, IF(e->acts & TERM_ACT_DROP_DOWN, e->u->client == TERM_CLIENT_LINGER));
    return n;
}

/* "clean" is said of what was clean, once all is closed. */
static unsigned
law_of_names(const struct edge *e)
{
    const struct term *u = e->u;
    bool clean = term_reason(u) == REASON_CLEAN;
    unsigned n = 0;

    n += LAW(e, clean == (term_closed(u) && u->reason == REASON_NONE));
    n += LAW(e, IF(clean, u->down == TERM_ENDED));
    n += LAW(e, IF(clean, u->up == TERM_ENDED || (u->up == TERM_ABORTED && u->truncated)));
    n += LAW(e, IF(term_closed(u), term_reason(u) != REASON_NONE));
    n +=
        LAW(e, IF(u->reason != REASON_NONE && term_closed(u), term_reason(u) == u->reason));
    n += LAW(e, IF(term_closed(u), u->first != TERM_NOBODY));
    n += LAW(e, IF(u->truncated, u->client_end == TERM_END_FIN));
    return n;
}

static unsigned (*const laws[LAWS])(const struct edge *) = {
    law_of_goodbyes, law_of_progress, law_of_aborts,
    law_of_actions,  law_of_bytes,    law_of_names,
};
static const char *const law_names[LAWS] = {
    "goodbyes", "progress", "aborts", "actions", "bytes", "names",
};

unsigned
laws_break(unsigned i, const struct edge *e)
{
    return laws[i](e);
}

const char *
laws_name(unsigned i)
{
    return law_names[i];
}
