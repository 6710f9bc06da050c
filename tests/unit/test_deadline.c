/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/deadline.h"

#include "base/attr.h"
#include "support/check_main.h"

#include <string.h>

/* Values that no sum or maximum can mistake for each other. */
enum {
    IDLE = 600000,
    HALF = 3600000,
    CLOSE_WAIT = 10000,
    SILENCE = 5000,
    IN_ALL = 30000,
    LAST_BYTE = 1000100,
    CLIENT_BYTE = 1000020,
    ACKED = 1000300,
    LINGER = 1000200
};

static const struct deadline_limits usual = {IDLE, HALF, CLOSE_WAIT, SILENCE, IN_ALL};

/* The states that matter here, and how to get there. */
enum state {
    NEW,
    FLOWING,
    UP_ENDED,
    UP_ENDED_DOWN_DRAINING,
    DOWN_DRAINING,
    UP_ABORTED,
    WAITING,   /* down has ended; the client may still send */
    GRACE,     /* the same, but the backend takes no more */
    HALF_GONE, /* the client has left in order; up is still on its way */
    LINGERING, /* after an abort of the client's or of ours */
    LINGERING_FIN,
    OWING, /* after an abort of the backend */
    OWING_FIN,
    ALL_CLOSED
};

#define RUN 10
static const uint8_t ways[][RUN] = {
    [NEW] = {TERM_EVENTS},
    [FLOWING] = {TERM_BACKEND_CONNECTED, TERM_EVENTS},
    [UP_ENDED] = {TERM_BACKEND_CONNECTED, TERM_CLIENT_NOTIFY, TERM_UP_FLUSHED,
                  TERM_UP_END_SENT, TERM_EVENTS},
    [UP_ENDED_DOWN_DRAINING] = {TERM_BACKEND_CONNECTED, TERM_CLIENT_NOTIFY, TERM_UP_FLUSHED,
                                TERM_UP_END_SENT, TERM_BACKEND_FIN, TERM_EVENTS},
    [DOWN_DRAINING] = {TERM_BACKEND_CONNECTED, TERM_BACKEND_FIN, TERM_EVENTS},
    [UP_ABORTED] = {TERM_BACKEND_CONNECTED, TERM_BACKEND_BROKEN, TERM_EVENTS},
    [WAITING] = {TERM_BACKEND_CONNECTED, TERM_BACKEND_FIN, TERM_DOWN_FLUSHED,
                 TERM_DOWN_END_SENT, TERM_EVENTS},
    [GRACE] = {TERM_BACKEND_CONNECTED, TERM_BACKEND_FIN, TERM_DOWN_FLUSHED,
               TERM_DOWN_END_SENT, TERM_BACKEND_BROKEN, TERM_EVENTS},
    [HALF_GONE] = {TERM_BACKEND_CONNECTED, TERM_BACKEND_FIN, TERM_DOWN_FLUSHED,
                   TERM_DOWN_END_SENT, TERM_CLIENT_NOTIFY, TERM_EVENTS},
    [LINGERING] = {TERM_BACKEND_CONNECTED, TERM_TIMEOUT_IDLE, TERM_EVENTS},
    [LINGERING_FIN] = {TERM_BACKEND_CONNECTED, TERM_TIMEOUT_IDLE, TERM_DOWN_FLUSHED,
                       TERM_EVENTS},
    [OWING] = {TERM_BACKEND_CONNECTED, TERM_BACKEND_RESET, TERM_EVENTS},
    [OWING_FIN] = {TERM_BACKEND_CONNECTED, TERM_BACKEND_RESET, TERM_DOWN_FLUSHED,
                   TERM_EVENTS},
    [ALL_CLOSED] = {TERM_BACKEND_CONNECTED, TERM_DRAIN_FORCED, TERM_EVENTS},
};

static struct term
state_of(enum state state)
{
    struct term t;

    term_init(&t, false);
    for (const uint8_t *e = ways[state]; *e != TERM_EVENTS; e++)
        ck_assert_uint_le(term_step(&t, *e), 0xff);
    return t;
}

/* Settings that differ from the usual ones. */
enum {
    NO_IDLE = 1,
    NO_HALF = 2,
    NO_CLOSE_WAIT = 4,
    NO_SILENCE = 8,
    NO_MAX = 16,
    LONG_WAIT = 32
};
#define SHORT_HALF 700
#define SHORT_IDLE 650

static struct deadline_limits
limits_of(unsigned without)
{
    struct deadline_limits l = usual;

    l.idle_ms = without & NO_IDLE ? 0 : l.idle_ms;
    l.half_closed_ms = without & NO_HALF ? 0 : l.half_closed_ms;
    l.close_wait_ms = without & NO_CLOSE_WAIT ? 0 : l.close_wait_ms;
    l.linger_ms = without & NO_SILENCE ? 0 : l.linger_ms;
    l.linger_max_ms = without & NO_MAX ? 0 : l.linger_max_ms;
    /* half-closed and idle shorter than all else */
    l.half_closed_ms = without & LONG_WAIT ? SHORT_HALF : l.half_closed_ms;
    l.idle_ms = without & LONG_WAIT ? SHORT_IDLE : l.idle_ms;
    return l;
}

static const struct {
    const char *what;
    enum state state;
    unsigned without;
    uint64_t acked, client_byte; /* 0: not yet; the usual one */
    bool blocked;
    uint64_t at;
    enum term_event event; /* counts only if at is not 0 */
    bool poll;
} cases[] = {
    {"idle", FLOWING, 0, 0, 0, false, LAST_BYTE + IDLE, TERM_TIMEOUT_IDLE, false},
    {"idle, no backend yet", NEW, 0, 0, 0, false, LAST_BYTE + IDLE, TERM_TIMEOUT_IDLE,
     false},
    {"idle is off", FLOWING, NO_IDLE, 0, 0, false, 0, TERM_EVENTS, false},
    {"all acknowledged means nothing yet", FLOWING, 0, ACKED, 0, false, LAST_BYTE + IDLE,
     TERM_TIMEOUT_IDLE, false},
    {"a drain has the idle time-out only", DOWN_DRAINING, NO_IDLE, ACKED, 0, false, 0,
     TERM_EVENTS, false},
    {"up aborted has the idle time-out only", UP_ABORTED, 0, ACKED, 0, false,
     LAST_BYTE + IDLE, TERM_TIMEOUT_IDLE, false},

    {"half closed: idle is shorter", UP_ENDED, 0, 0, 0, false, LAST_BYTE + IDLE,
     TERM_TIMEOUT_IDLE, false},
    {"half closed: no idle", UP_ENDED, NO_IDLE, 0, 0, false, LAST_BYTE + HALF,
     TERM_TIMEOUT_HALF_CLOSED, false},
    {"half closed: the rest drains", UP_ENDED_DOWN_DRAINING, NO_IDLE, 0, 0, false,
     LAST_BYTE + HALF, TERM_TIMEOUT_HALF_CLOSED, false},
    {"half closed: both off", UP_ENDED, NO_IDLE | NO_HALF, 0, 0, false, 0, TERM_EVENTS,
     false},
    {"half closed: the client has gone", HALF_GONE, NO_IDLE, ACKED, 0, false,
     LAST_BYTE + HALF, TERM_TIMEOUT_HALF_CLOSED, false},

    {"close-wait, not acknowledged: idle", WAITING, 0, 0, 0, false, LAST_BYTE + IDLE,
     TERM_TIMEOUT_IDLE, true},
    {"close-wait, not acknowledged: half-closed does not count", WAITING, NO_IDLE, 0, 0,
     false, 0, TERM_EVENTS, true},
    {"close-wait from the acknowledgement", WAITING, 0, ACKED, 0, false, ACKED + CLOSE_WAIT,
     TERM_TIMEOUT_CLOSE_WAIT, false},
    {"close-wait anew from the client's byte", WAITING, 0, ACKED, ACKED + 55, false,
     ACKED + 55 + CLOSE_WAIT, TERM_TIMEOUT_CLOSE_WAIT, false},
    {"close-wait is the only clock", WAITING, LONG_WAIT, ACKED, 0, false,
     ACKED + CLOSE_WAIT, TERM_TIMEOUT_CLOSE_WAIT, false},
    {"close-wait is held while the backend takes nothing", WAITING, NO_IDLE, ACKED, 0, true,
     LAST_BYTE + HALF, TERM_TIMEOUT_HALF_CLOSED, false},
    {"held: idle as well", WAITING, 0, ACKED, 0, true, LAST_BYTE + IDLE, TERM_TIMEOUT_IDLE,
     false},
    {"held: the earlier of both", WAITING, LONG_WAIT, ACKED, 0, true,
     LAST_BYTE + SHORT_IDLE, TERM_TIMEOUT_IDLE, false},

    {"grace, not acknowledged", GRACE, 0, 0, 0, false, LAST_BYTE + IDLE, TERM_TIMEOUT_IDLE,
     true},
    {"grace, not acknowledged, no idle", GRACE, NO_IDLE, 0, 0, false, 0, TERM_EVENTS, true},
    {"grace", GRACE, 0, ACKED, 0, false, ACKED + DEADLINE_GRACE_MS, TERM_TIMEOUT_GRACE,
     false},
    {"grace is not put off by what the client sends", GRACE, 0, ACKED, ACKED + 55, false,
     ACKED + DEADLINE_GRACE_MS, TERM_TIMEOUT_GRACE, false},
    {"grace is the only clock", GRACE, LONG_WAIT, ACKED, 0, true, ACKED + DEADLINE_GRACE_MS,
     TERM_TIMEOUT_GRACE, false},

    {"linger: silence", LINGERING, 0, 0, 0, false, LINGER + SILENCE, TERM_TIMEOUT_LINGER,
     false},
    {"linger: silence since a byte", LINGERING, 0, 0, LINGER + 55, false,
     LINGER + 55 + SILENCE, TERM_TIMEOUT_LINGER, false},
    {"linger: at most", LINGERING, 0, 0, LINGER + 27000, false, LINGER + IN_ALL,
     TERM_TIMEOUT_LINGER, false},
    {"linger: behind the FIN the same", LINGERING_FIN, 0, ACKED, 0, false, LINGER + SILENCE,
     TERM_TIMEOUT_LINGER, false},
    {"linger: no silence is borne", LINGERING, NO_SILENCE, 0, 0, false, LINGER,
     TERM_TIMEOUT_LINGER, false},
    {"linger: at most nothing", LINGERING, NO_MAX, 0, LINGER + 27000, false, LINGER,
     TERM_TIMEOUT_LINGER, false},
    {"linger: idle does not count", LINGERING, LONG_WAIT, 0, 0, false, LINGER + SILENCE,
     TERM_TIMEOUT_LINGER, false},

    {"bytes are owed: idle only", OWING, 0, 0, 0, false, LAST_BYTE + IDLE,
     TERM_TIMEOUT_IDLE, false},
    {"bytes are owed: no idle", OWING, NO_IDLE, ACKED, 0, false, 0, TERM_EVENTS, false},
    {"owed, FIN, not acknowledged", OWING_FIN, 0, 0, 0, false, LAST_BYTE + IDLE,
     TERM_TIMEOUT_IDLE, true},
    {"owed, FIN, acknowledged: silence", OWING_FIN, 0, ACKED, 0, false, ACKED + SILENCE,
     TERM_TIMEOUT_LINGER, false},
    {"owed, FIN, acknowledged: since a byte", OWING_FIN, 0, ACKED, ACKED + 55, false,
     ACKED + 55 + SILENCE, TERM_TIMEOUT_LINGER, false},
    {"owed, FIN, acknowledged: at most", OWING_FIN, 0, ACKED, ACKED + 27000, false,
     ACKED + IN_ALL, TERM_TIMEOUT_LINGER, false},

    {"closed", ALL_CLOSED, 0, ACKED, 0, false, 0, TERM_EVENTS, false},
};

static struct deadline_times
times_of(uint64_t acked, uint64_t client_byte, bool blocked)
{
    struct deadline_times times = {.last_byte = LAST_BYTE,
                                   .last_client_byte =
                                       client_byte ? client_byte : CLIENT_BYTE,
                                   .acked = acked,
                                   .linger = LINGER,
                                   .up_blocked = blocked};
    return times;
}

START_TEST(next_is_as_told)
{
    struct term t = state_of(cases[_i].state);
    struct deadline_limits limits = limits_of(cases[_i].without);
    struct deadline_times times =
        times_of(cases[_i].acked, cases[_i].client_byte, cases[_i].blocked);
    struct deadline d = deadline_next(&t, &limits, &times);

    ck_assert_msg(d.at == cases[_i].at, "%s: at %llu, wanted %llu", cases[_i].what,
                  (unsigned long long)d.at, (unsigned long long)cases[_i].at);
    ck_assert_msg(d.poll_acked == cases[_i].poll, "%s: poll_acked is %d", cases[_i].what,
                  d.poll_acked);
    if (d.at != 0)
        ck_assert_msg(d.event == cases[_i].event, "%s: %s", cases[_i].what,
                      term_event_name(d.event));
}
END_TEST

/* A time-out that is off never comes, in no state. */
START_TEST(what_is_off_never_comes)
{
    static const enum term_event events[] = {TERM_TIMEOUT_IDLE, TERM_TIMEOUT_HALF_CLOSED};
    struct deadline_limits limits = limits_of(1u << _i);
    struct deadline_times times;

    for (unsigned state = NEW; state <= ALL_CLOSED; state++) {
        for (unsigned way = 0; way < 4; way++) {
            struct term t = state_of(state);
            struct deadline d;
            times = times_of(way & 1 ? ACKED : 0, 0, (way & 2) != 0);
            d = deadline_next(&t, &limits, &times);
            ck_assert(d.at == 0 || d.event != events[_i]);
        }
    }
}
END_TEST

/* Whatever is announced means something to the machine, and brings it nearer to its end. */
START_TEST(what_comes_is_understood)
{
    for (unsigned without = 0; without < 64; without++) {
        for (unsigned way = 0; way < 4; way++) {
            struct term t = state_of((enum state)_i), before = t;
            struct deadline_limits limits = limits_of(without);
            struct deadline_times times = times_of(way & 1 ? ACKED : 0, 0, (way & 2) != 0);
            struct deadline d = deadline_next(&t, &limits, &times);
            if (d.at == 0)
                continue;
            ck_assert_uint_ge(d.at, LAST_BYTE);
            ck_assert_uint_ne(term_step(&t, d.event), 0);
            ck_assert_mem_ne(&t, &before, sizeof t);
        }
    }
}
END_TEST

/* As long as a byte may still move, and whatever else runs. */
START_TEST(a_certificate_expires_unless_it_lingers)
{
    for (unsigned without = 0; without < 64; without++) {
        for (unsigned way = 0; way < 4; way++) {
            struct term t = state_of((enum state)_i);
            struct deadline_limits limits = limits_of(without);
            struct deadline_times times = times_of(way & 1 ? ACKED : 0, 0, (way & 2) != 0);
            struct deadline before = deadline_next(&t, &limits, &times), d;
            bool moves = (term_clocks(&t) & TERM_CLOCK_IDLE) != 0;

            times.expires = 1;
            d = deadline_next(&t, &limits, &times);
            ck_assert_uint_eq(d.at, moves ? 1 : before.at);
            ck_assert(!moves || d.event == TERM_CLIENT_CERT_EXPIRED);
            ck_assert(d.poll_acked == before.poll_acked);
            ck_assert(!moves || term_step(&t, d.event) != 0);
            t = state_of((enum state)_i);
            times.expires = 1ull << 50;
            d = deadline_next(&t, &limits, &times);
            ck_assert_uint_eq(d.at, moves && before.at == 0 ? 1ull << 50 : before.at);
        }
    }
}
END_TEST

/* close-wait = 0: not a moment is waited, but all has to be acknowledged first. */
START_TEST(close_wait_of_nothing_is_over_at_once)
{
    struct term t = state_of(WAITING);
    struct deadline_limits limits = limits_of(NO_CLOSE_WAIT);
    struct deadline_times times = times_of(ACKED, 0, false);
    struct deadline d = deadline_next(&t, &limits, &times);

    ck_assert_uint_eq(d.at, ACKED);
    ck_assert_int_eq(d.event, TERM_TIMEOUT_CLOSE_WAIT);
    times = times_of(0, 0, false);
    d = deadline_next(&t, &limits, &times);
    ck_assert_int_eq(d.event, TERM_TIMEOUT_IDLE);
    ck_assert(d.poll_acked);
}
END_TEST

START_TEST(poll_is_an_eighth_of_close_wait)
{
    static const struct {
        uint32_t close_wait, poll;
    } polls[] = {{10000, 250}, {2000, 250}, {1999, 249}, {800, 100},       {81, 10},
                 {80, 10},     {79, 10},    {1, 10},     {UINT32_MAX, 250}};
    struct deadline_limits limits = usual;

    for (unsigned i = 0; i < COUNT_OF(polls); i++) {
        limits.close_wait_ms = polls[i].close_wait;
        ck_assert_uint_eq(deadline_poll_ms(&limits), polls[i].poll);
    }
    limits.close_wait_ms = 0;
    ck_assert_uint_ge(deadline_poll_ms(&limits), 10);
    ck_assert_uint_le(deadline_poll_ms(&limits), 250);
}
END_TEST

/* Durations of 49 days must not wrap. */
START_TEST(long_durations_do_not_wrap)
{
    struct term t = state_of(FLOWING);
    struct deadline_limits limits = usual;
    struct deadline_times times = times_of(0, 0, false);
    struct deadline d;

    limits.idle_ms = UINT32_MAX;
    times.last_byte = 1ull << 40;
    d = deadline_next(&t, &limits, &times);
    ck_assert_uint_eq(d.at, (1ull << 40) + UINT32_MAX);
}
END_TEST

static Suite *
deadline_suite(void)
{
    Suite *suite = suite_create("deadline");
    TCase *tc = tcase_create("deadline");

    tcase_add_loop_test(tc, next_is_as_told, 0, (int)COUNT_OF(cases));
    tcase_add_loop_test(tc, what_is_off_never_comes, 0, 2);
    tcase_add_loop_test(tc, what_comes_is_understood, NEW, ALL_CLOSED + 1);
    tcase_add_loop_test(tc, a_certificate_expires_unless_it_lingers, NEW, ALL_CLOSED + 1);
    tcase_add_test(tc, close_wait_of_nothing_is_over_at_once);
    tcase_add_test(tc, poll_is_an_eighth_of_close_wait);
    tcase_add_test(tc, long_durations_do_not_wrap);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(deadline_suite)
