/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/relay.h"

#include "base/clock.h"
#include "support/check_main.h"
#include "support/fake_leg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/*
 * relay.c between two fake legs. Random schedules play the peers, the kernel and the
 * clocks; fake_leg.c and check_state hold what relay does against core/term.h. A schedule
 * that fails prints its seed: SALLYPORT_SEED=<seed> replays it and tells each step.
 */
#define SCHEDULES 30000u
#define STEPS_MAX 120u

/* The clock of the relay. */
static uint64_t now_us = 1000000;

uint64_t
clock_us(void)
{
    return now_us;
}

uint64_t
clock_ms(void)
{
    return now_us / 1000;
}

struct run {
    struct relay relay;
    struct leg *client, *backend;
    uint64_t random;
    bool attached;
    bool finished; /* on_stepped has seen the end */
    unsigned reads;
};

static struct run run;
static bool telling;

/* In memory that the parent of a failed test still sees. */
static struct progress {
    uint64_t seed;
    bool running;
} * progress;

static uint64_t
next_random(void)
{
    run.random ^= run.random << 13;
    run.random ^= run.random >> 7;
    run.random ^= run.random << 17;
    return run.random;
}

static unsigned
pick(unsigned below)
{
    return (unsigned)(next_random() >> 20) % below;
}

static bool
chance(unsigned percent)
{
    return pick(100) < percent;
}

/* Mostly a few bytes, now and then more than a quantum. */
static size_t
pick_size(void)
{
    return chance(90) ? 1 + pick(64) : 1 + pick(40000);
}

static void
tell(const char *what)
{
    const struct term *t = &run.relay.term;

    if (telling)
        fprintf(stderr, "%-22s up %-8s down %-8s client %u backend %u reason %s\n", what,
                term_dir_name((enum term_dir)t->up), term_dir_name((enum term_dir)t->down),
                t->client, t->backend, reason_name((enum reason)t->reason));
}

/* ---- what must hold at every step ---- */

static void
on_stepped(void *owner)
{
    MUST(owner == &run, "on_stepped of another owner");
    MUST(!run.finished, "a connection that has ended was called back");
    run.finished = term_closed(&run.relay.term);
}

/* Back-pressure: the sink of what is read has no queue. */
static void
before_read(struct leg *leg)
{
    run.reads++;
    if (leg == run.backend)
        MUST(leg_queued(run.client) == 0,
             "the backend is read while the client is blocked");
    else if (term_reads_client(&run.relay.term) == TERM_READ_FORWARD)
        MUST(leg_queued(run.backend) == run.backend->ahead,
             "the client is read while the backend is blocked");
}

static void
check_orderly_ends(const struct term *t)
{
    const struct leg *client = run.client, *backend = run.backend;

    if (client->shut)
        MUST(backend->told == LEG_FIN, "close_notify without the backend's FIN");
    if (backend->shut)
        MUST(client->told == LEG_NOTIFY || (t->eof_ends_up && client->told == LEG_FIN),
             "FIN without the client's close_notify");
    if (t->down == TERM_ENDED)
        MUST(client->shut && !client->shut_failed && client->flushed == backend->said,
             "down has ended, but the client was not told all of it");
    if (backend->shut || backend->flushed > 0)
        MUST(backend->ahead + backend->head == 0, "bytes or an end in front of the header");
    if (t->up == TERM_ENDED)
        MUST(backend->shut && backend->flushed == client->said,
             "up has ended, but the backend was not told all of it");
}

static void
check_closing(const struct term *t)
{
    const struct leg *client = run.client, *backend = run.backend;

    if (backend->closed == FAKE_CLOSED)
        MUST(backend->shut && backend->told == LEG_FIN,
             "a backend was closed like one that had ended");
    if (client->closed == FAKE_WAS_RESET)
        MUST(client->shut && client->flushed == backend->said,
             "a client was reset that is owed bytes");
    if (client->fin)
        MUST(t->reason != REASON_NONE, "FIN without close_notify, but no abort");
    if (client->fin && t->owed)
        MUST(client->flushed == backend->said,
             "FIN before the bytes that the backend said before its RST");
    if (term_reason(t) == REASON_CLEAN)
        MUST(t->down == TERM_ENDED, "called clean, but down has not ended");
    MUST(run.finished == term_closed(t), "on_stepped was not called at the end");
    if (run.finished) {
        MUST(client->closed != FAKE_OPEN, "the client's leg stays open");
        MUST(!run.attached || backend->closed != FAKE_OPEN, "the backend's leg stays open");
        MUST(term_reason(t) != REASON_NONE, "an end without a reason");
    }
}

/* What is wanted is read, and nothing else; what is not read is watched. */
static void
check_reading(const struct term *t)
{
    enum term_reading reading = term_reads_client(t);
    bool wanted = reading != TERM_READ_NOTHING &&
                  (reading != TERM_READ_FORWARD || leg_queued(run.backend) == 0);

    if (!run.attached)
        return;
    if (run.client->closed == FAKE_OPEN) {
        MUST(run.client->read_on == wanted, "the client is %sread", wanted ? "not " : "");
        MUST(wanted || run.client->watched, "nobody watches the client");
    }
    wanted = term_reads_backend(t) && leg_queued(run.client) == 0;
    if (run.backend->closed == FAKE_OPEN) {
        MUST(run.backend->read_on == wanted, "the backend is %sread", wanted ? "not " : "");
        MUST(wanted || run.backend->watched, "nobody watches the backend");
    }
}

static void
check_state(const char *after)
{
    const struct term *t = &run.relay.term;

    tell(after);
    check_orderly_ends(t);
    check_closing(t);
    check_reading(t);
    MUST(run.relay.up.bytes == run.backend->written, "bytes of up are miscounted");
    MUST(run.relay.down.bytes == run.client->written, "bytes of down are miscounted");
}

/* ---- steps ---- */

static void
begin(uint64_t seed, bool eof_ends_up)
{
    progress->seed = seed;
    progress->running = true;
    memset(&run, 0, sizeof(run));
    run.random = seed * 0x9e3779b97f4a7c15u | 1;
    run.client = fake_leg_new("client", true, &relay_client_events, &run.relay);
    run.backend = fake_leg_new("backend", false, &relay_backend_events, &run.relay);
    run.client->source = run.backend;
    run.backend->source = run.client;
    run.client->before_read = run.backend->before_read = before_read;
    relay_init(&run.relay, run.client, eof_ends_up, on_stepped, &run, now_us / 1000);
    relay_watch_client(&run.relay);
}

static void
post(enum term_event event)
{
    relay_post(&run.relay, event, NULL);
    on_stepped(&run);
    check_state(term_event_name(event));
}

static void
attach(void)
{
    run.attached = true;
    relay_attach(&run.relay, run.backend);
    on_stepped(&run);
    check_state("attached");
}

static void
finish(void)
{
    MUST(run.finished, "it does not get to its end");
    relay_clear(&run.relay);
    if (!run.attached)
        leg_free(run.backend);
    ck_assert_uint_eq(fake_legs, 0);
    progress->running = false;
}

/* Everything that is due, until nothing is. Returns whether there was anything. */
static bool
deliver_all(void)
{
    bool any = false, again = true;

    for (unsigned i = 0; again; i++) {
        MUST(i < 100000, "the loop spins");
        again = fake_deliver_hangup(run.client) || fake_deliver_hangup(run.backend) ||
                fake_deliver_readable(run.client) || fake_deliver_readable(run.backend);
        if (again)
            check_state("delivered");
        any = any || again;
    }
    return any;
}

/* Post one of the clocks that run; those that wait for the acknowledgement only when all
 * has gone out. */
static bool
fire_clock(void)
{
    static const struct {
        enum term_clock clock;
        enum term_event event;
        bool acked;
    } clocks[] = {
        {TERM_CLOCK_IDLE, TERM_TIMEOUT_IDLE, false},
        {TERM_CLOCK_HALF_CLOSED, TERM_TIMEOUT_HALF_CLOSED, false},
        {TERM_CLOCK_CLOSE_WAIT, TERM_TIMEOUT_CLOSE_WAIT, true},
        {TERM_CLOCK_GRACE, TERM_TIMEOUT_GRACE, true},
        {TERM_CLOCK_LINGER, TERM_TIMEOUT_LINGER, false},
        {TERM_CLOCK_LINGER_ACKED, TERM_TIMEOUT_LINGER, true},
    };
    unsigned first = pick(COUNT_OF(clocks));

    for (unsigned i = 0; i < COUNT_OF(clocks); i++) {
        unsigned c = (first + i) % COUNT_OF(clocks);

        if (!(term_clocks(&run.relay.term) & clocks[c].clock))
            continue;
        if (clocks[c].acked && leg_queued(run.client) > 0)
            continue;
        post(clocks[c].event);
        return true;
    }
    return false;
}

/* Both peers take all, nobody says more, and the clocks run out one after the other. */
static void
run_to_the_end(void)
{
    run.client->read_max = run.backend->read_max = 0;
    for (unsigned i = 0; !run.finished; i++) {
        MUST(i < 20, "the clocks do not end it");
        do {
            fake_makes_room(run.client, 1u << 30);
            fake_makes_room(run.backend, 1u << 30);
            check_state("room for all");
        } while (deliver_all());
        if (run.attached && run.relay.term.up != TERM_ABORTED)
            MUST(run.backend->flushed == run.client->said, "bytes of up wait");
        if (run.attached && run.relay.term.down != TERM_ABORTED)
            MUST(run.client->flushed == run.backend->said, "bytes of down wait");
        if (!run.finished)
            MUST(fire_clock(), "no clock runs");
    }
    finish();
}

static void
end_client(void)
{
    static const enum leg_end ends[] = {LEG_NOTIFY, LEG_NOTIFY, LEG_FIN,
                                        LEG_CUT,    LEG_RESET,  LEG_ALERT,
                                        LEG_RESET,  LEG_NOTIFY, LEG_TLS_ERROR};

    if (fake_may_speak(run.client))
        fake_ends(run.client, ends[pick(COUNT_OF(ends))]);
    else if (run.client->rst == 0 && chance(50))
        fake_ends(run.client, LEG_RESET);
}

static void
end_backend(void)
{
    if (fake_may_speak(run.backend))
        fake_ends(run.backend, chance(60) ? LEG_FIN : LEG_RESET);
    else if (run.backend->rst == 0 && chance(50))
        fake_ends(run.backend, LEG_RESET);
}

/* What seldom happens: clocks, a forced drain, no memory. */
static void
mishap(void)
{
    switch (pick(6)) {
    case 0:
        post(TERM_DRAIN_FORCED);
        break;
    case 1:
        run.client->fail_write = 1;
        break;
    case 2:
        run.backend->fail_write = 1;
        break;
    default:
        (void)fire_clock();
    }
}

static void
say(struct leg *leg)
{
    if (!fake_may_speak(leg))
        return;
    fake_says(leg, pick_size());
    leg->end_with_bytes = leg->tls && chance(50);
    leg->read_max = chance(30) ? 1 + pick(100) : 0;
}

/* One random step, of which `ends` and `mishaps` are so many percent. */
static void
step(unsigned ends, unsigned mishaps)
{
    struct leg *leg = chance(50) ? run.client : run.backend;
    const char *what = "nothing";
    unsigned dice = pick(100);

    now_us += 1000;
    if (dice < ends) {
        what = leg == run.client ? "client ends" : "backend ends";
        if (leg == run.client)
            end_client();
        else
            end_backend();
    } else if (dice < ends + mishaps) {
        what = "mishap";
        mishap();
    } else if (chance(40)) {
        what = leg == run.client ? "client says" : "backend says";
        say(leg);
    } else if (chance(40)) {
        what = leg == run.client ? "client takes" : "backend takes";
        fake_makes_room(leg, pick_size());
    } else if (chance(80)) {
        what = leg == run.client ? "client readable" : "backend readable";
        (void)fake_deliver_readable(leg);
    } else if (chance(70)) {
        what = leg == run.client ? "client hangup" : "backend hangup";
        (void)fake_deliver_hangup(leg);
    } else if (fake_may_speak(run.client)) {
        what = "client dribbles";
        fake_dribbles(run.client, 1 + pick(50));
    }
    check_state(what);
}

/* Before there is a backend: nobody reads the client. */
static void
dial(void)
{
    static const enum term_event failures[] = {
        TERM_BACKEND_REFUSED, TERM_BACKEND_UNREACHABLE, TERM_TIMEOUT_CONNECT,
        TERM_HANDSHAKE_FAILED, TERM_TIMEOUT_HANDSHAKE};

    if (chance(5)) {
        if (chance(50))
            term_client_left(&run.relay.term, TERM_END_FIN);
        post(failures[pick(COUNT_OF(failures))]);
        return;
    }
    if (chance(10)) {
        fake_ends(run.client, LEG_RESET);
        if (chance(50))
            (void)fake_deliver_hangup(run.client);
        check_state("reset while dialling");
    }
    if (!run.finished)
        attach();
}

static void
run_schedule(uint64_t seed)
{
    unsigned ends, mishaps, steps;

    begin(seed, seed % 4 == 0);
    ends = 1 + pick(8);
    mishaps = chance(30) ? 3 : 0;
    steps = pick(STEPS_MAX);
    run.client->room = chance(50) ? pick(200) : 1u << 30;
    run.backend->room = chance(50) ? pick(200) : 1u << 30;
    if (chance(50))
        say(run.client);
    if (chance(50))
        run.client->pending = run.client->said;
    if (chance(30))
        run.backend->ahead = 1 + pick(600);
    dial();
    for (unsigned i = 0; i < steps && !run.finished; i++)
        step(ends, mishaps);
    tell("the end begins");
    run_to_the_end();
}

START_TEST(random_schedules_keep_the_rule)
{
    const char *replay = getenv("SALLYPORT_SEED");
    uint64_t first = (uint64_t)time(NULL) << 24 ^ (uint64_t)getpid() << 12;

    if (replay != NULL) {
        telling = true;
        run_schedule(strtoull(replay, NULL, 10));
        return;
    }
    for (uint64_t i = 0; i < SCHEDULES; i++)
        run_schedule(first + i);
}
END_TEST

/* ---- stories ---- */

static void
begin_attached(void)
{
    begin(1, false);
    run.client->room = run.backend->room = 1u << 30;
    attach();
}

/* What the client says, and its end, are with the backend when the callback returns. */
START_TEST(bytes_and_ends_are_forwarded_in_the_same_turn)
{
    begin_attached();
    fake_says(run.client, 100);
    fake_deliver_readable(run.client);
    ck_assert_uint_eq(run.backend->flushed, 100);
    fake_ends(run.client, LEG_NOTIFY);
    fake_deliver_readable(run.client);
    ck_assert(run.backend->shut);

    fake_says(run.backend, 200);
    fake_deliver_readable(run.backend);
    ck_assert_uint_eq(run.client->flushed, 200);
    fake_ends(run.backend, LEG_FIN);
    fake_deliver_readable(run.backend);
    ck_assert(run.client->shut);
    ck_assert(run.finished);
    ck_assert_int_eq(term_reason(&run.relay.term), REASON_CLEAN);
    ck_assert_int_eq(run.backend->closed, FAKE_CLOSED);
    finish();
}
END_TEST

START_TEST(what_came_behind_the_handshake_needs_no_event)
{
    begin(1, false);
    run.backend->room = 1u << 30;
    fake_says(run.client, 500);
    run.client->pending = 500;
    attach();
    ck_assert_uint_eq(run.backend->flushed, 500);
    run_to_the_end();
}
END_TEST

/* With what stands ahead of it; alone, too, and it counts as no byte. */
START_TEST(a_header_needs_no_event)
{
    begin(1, false);
    run.backend->room = 1u << 30;
    run.backend->ahead = 300;
    fake_says(run.client, 500);
    run.client->pending = 500;
    attach();
    ck_assert_uint_eq(run.backend->flushed, 500);
    ck_assert_uint_eq(run.backend->room, (1u << 30) - 800);
    ck_assert_uint_eq(run.relay.up.bytes, 500);
    run_to_the_end();

    begin(2, false);
    run.backend->room = 200;
    run.backend->ahead = 300;
    attach();
    ck_assert_uint_eq(leg_queued(run.backend), 100);
    ck_assert_uint_eq(run.relay.up.bytes, 0);
    fake_ends(run.client, LEG_NOTIFY);
    ck_assert(!fake_deliver_readable(run.client)); /* blocked */
    fake_makes_room(run.backend, 100);
    fake_deliver_readable(run.client);
    ck_assert(run.backend->shut);
    run_to_the_end();
}
END_TEST

/* Fairness: a peer that never stops does not hold up the others. */
START_TEST(one_turn_reads_a_bounded_amount)
{
    begin_attached();
    fake_says(run.backend, 8u << 20);
    fake_deliver_readable(run.backend);
    ck_assert_uint_ge(run.reads, 1);
    ck_assert_uint_le(run.reads, 8);
    ck_assert_uint_lt(run.client->written, 2u << 20);
    run_to_the_end();
}
END_TEST

/* Story 1: the backend answers, and then takes no more of the upload. */
static void
refuse_upload(uint64_t seed, enum leg_end end, bool rst_follows)
{
    uint64_t answer;

    begin(seed, false);
    run.client->room = pick(100);
    run.backend->room = pick(300);
    attach();
    for (unsigned i = 0; i < 5; i++)
        step(0, 0);
    fake_says(run.backend, pick_size());
    answer = run.backend->said;
    fake_ends(run.backend, end);
    if (rst_follows)
        fake_ends(run.backend, LEG_RESET);
    for (unsigned i = 0; i < 30 && !run.finished; i++)
        step(0, 0);
    while (deliver_all() || leg_queued(run.client) > 0) {
        fake_says(run.client, run.client->closed == FAKE_OPEN && chance(20) ? 10 : 0);
        fake_makes_room(run.client, 1000);
        check_state("the client takes the answer");
    }
    ck_assert_uint_eq(run.client->flushed, answer);
    ck_assert_uint_eq(run.client->lost, 0);
    ck_assert_int_eq(run.client->shut, end == LEG_FIN);
    ck_assert_int_eq(run.client->fin, end == LEG_RESET);
    ck_assert_msg(run.client->closed != FAKE_WAS_RESET, "the answer is overtaken");
    run_to_the_end();
}

START_TEST(an_early_answer_is_delivered)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        refuse_upload(seed, LEG_FIN, true);
        refuse_upload(seed, LEG_RESET, false);
    }
}
END_TEST

/* The same, met by a write before a read. */
START_TEST(a_failed_write_hides_no_answer)
{
    begin_attached();
    fake_says(run.client, 10);
    fake_says(run.backend, 4000);
    fake_ends(run.backend, LEG_RESET);
    fake_deliver_readable(run.client);
    ck_assert_int_eq(run.relay.term.up, TERM_ABORTED);
    ck_assert_int_eq(run.relay.term.down, TERM_OPEN);
    fake_says(run.client, 10);
    ck_assert(fake_deliver_readable(run.client));
    ck_assert(deliver_all());
    ck_assert_uint_eq(run.client->flushed, 4000);
    ck_assert(run.client->fin && !run.client->shut);
    run_to_the_end();
}
END_TEST

/* A RST is noticed on a leg that back-pressure keeps from being read. */
START_TEST(a_reset_is_noticed_while_paused)
{
    begin_attached();
    run.backend->room = 0;
    fake_says(run.client, 10);
    fake_deliver_readable(run.client);
    ck_assert(!run.client->read_on);
    fake_ends(run.client, LEG_RESET);
    ck_assert(fake_deliver_hangup(run.client));
    ck_assert(run.finished);
    ck_assert_int_eq(run.relay.term.reason, REASON_CLIENT_RESET);
    ck_assert_int_eq(run.backend->closed, FAKE_WAS_RESET);
    finish();

    begin_attached();
    run.client->room = 0;
    fake_says(run.backend, 10);
    fake_deliver_readable(run.backend);
    fake_says(run.backend, 20);
    fake_ends(run.backend, LEG_RESET);
    ck_assert(fake_deliver_hangup(run.backend));
    ck_assert_int_eq(run.relay.term.up, TERM_ABORTED);
    fake_makes_room(run.client, 1000);
    ck_assert(deliver_all());
    ck_assert_uint_eq(run.client->flushed, 30);
    ck_assert(run.client->fin);
    run_to_the_end();
}
END_TEST

/* A RST behind a FIN, seen before the FIN is read, is heeded once it has been. */
START_TEST(a_hangup_waits_until_reading_has_ended)
{
    begin_attached();
    run.backend->watched = true;
    fake_says(run.backend, 10);
    fake_ends(run.backend, LEG_FIN);
    fake_ends(run.backend, LEG_RESET);
    ck_assert(fake_deliver_hangup(run.backend));
    ck_assert_int_eq(run.relay.term.up, TERM_OPEN);
    ck_assert(deliver_all());
    ck_assert_int_eq(run.relay.term.up, TERM_ABORTED);
    ck_assert_int_eq(run.relay.term.down, TERM_ENDED);
    ck_assert_uint_eq(run.client->flushed, 10);
    run_to_the_end();
}
END_TEST

/*
 * The backend has ended, its last bytes are queued; the client says close_notify, and its
 * RST fails the writing of the queue. The dropped bytes are missing: this is not clean.
 */
START_TEST(a_queue_that_was_dropped_has_not_been_flushed)
{
    begin_attached();
    run.client->room = 5;
    fake_says(run.backend, 10);
    run.backend->end_with_bytes = true;
    fake_ends(run.backend, LEG_FIN);
    fake_deliver_readable(run.backend);
    ck_assert_int_eq(run.relay.term.down, TERM_DRAINING);
    ck_assert_uint_eq(leg_queued(run.client), 5);
    fake_ends(run.client, LEG_NOTIFY);
    fake_ends(run.client, LEG_RESET);
    fake_makes_room(run.client, 100);
    check_state("the queue is broken");
    ck_assert(run.finished);
    ck_assert_int_eq(run.relay.term.reason, REASON_CLIENT_RESET);
    finish();
}
END_TEST

/* A close_notify that could not be sent has not been sent, although nobody reads. */
START_TEST(a_goodbye_that_failed_has_not_been_said)
{
    begin_attached();
    fake_ends(run.client, LEG_NOTIFY);
    fake_deliver_readable(run.client);
    fake_ends(run.client, LEG_RESET);
    fake_ends(run.backend, LEG_FIN);
    fake_deliver_readable(run.backend);
    ck_assert(run.client->shut_failed);
    ck_assert_int_ne(run.relay.term.down, TERM_ENDED);
    deliver_all();
    ck_assert_int_eq(term_reason(&run.relay.term), REASON_CLIENT_RESET);
    run_to_the_end();
}
END_TEST

/* A record on its way, byte by byte: its client is not silent (termination: close-wait). */
START_TEST(ciphertext_without_plaintext_is_a_byte_of_the_client)
{
    uint64_t before;

    begin_attached();
    before = run.relay.times.last_client_byte;
    now_us += 5000000;
    fake_dribbles(run.client, 10);
    ck_assert(fake_deliver_readable(run.client));
    ck_assert_uint_eq(run.relay.times.last_client_byte, before + 5000);
    run_to_the_end();
}
END_TEST

START_TEST(times_are_noted)
{
    uint64_t start;

    begin_attached();
    start = run.relay.times.last_byte;
    now_us += 1000000;
    fake_says(run.backend, 10);
    fake_deliver_readable(run.backend);
    ck_assert_uint_eq(run.relay.times.last_byte, start + 1000);
    ck_assert_uint_eq(run.relay.times.last_client_byte, start);
    run.backend->room = 1;
    now_us += 1000000;
    fake_says(run.client, 10);
    fake_deliver_readable(run.client);
    ck_assert_uint_eq(run.relay.times.last_client_byte, start + 2000);
    ck_assert(run.relay.times.up_blocked);
    now_us += 1000000;
    fake_makes_room(run.backend, 1);
    ck_assert_uint_eq(run.relay.times.last_byte, start + 3000);
    fake_makes_room(run.backend, 100);
    ck_assert(!run.relay.times.up_blocked);
    now_us += 1000000;
    post(TERM_TIMEOUT_IDLE);
    ck_assert_uint_eq(run.relay.times.linger, start + 4000);
    run_to_the_end();
}
END_TEST

START_TEST(the_phrase_is_that_of_the_first_abort)
{
    begin(1, false);
    relay_post(&run.relay, TERM_BACKEND_REFUSED, "connection refused");
    on_stepped(&run);
    ck_assert(run.client->fin && !run.client->shut);
    relay_post(&run.relay, TERM_DRAIN_FORCED, "another");
    on_stepped(&run);
    ck_assert_str_eq(run.relay.error_text, "connection refused");
    finish();
}
END_TEST

/* ---- the suite ---- */

static void
setup_progress(void)
{
    progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(progress, MAP_FAILED);
}

static void
teardown_progress(void)
{
    if (progress->running)
        fprintf(stderr, "a schedule has failed: SALLYPORT_SEED=%llu replays it\n",
                (unsigned long long)progress->seed);
    munmap(progress, sizeof(*progress));
}

static Suite *
relay_suite(void)
{
    Suite *suite = suite_create("relay");
    TCase *schedules = tcase_create("schedules");
    TCase *stories = tcase_create("stories");

    tcase_add_unchecked_fixture(schedules, setup_progress, teardown_progress);
    tcase_set_timeout(schedules, 60);
    tcase_add_test(schedules, random_schedules_keep_the_rule);
    tcase_add_unchecked_fixture(stories, setup_progress, teardown_progress);
    tcase_add_test(stories, bytes_and_ends_are_forwarded_in_the_same_turn);
    tcase_add_test(stories, what_came_behind_the_handshake_needs_no_event);
    tcase_add_test(stories, a_header_needs_no_event);
    tcase_add_test(stories, one_turn_reads_a_bounded_amount);
    tcase_add_test(stories, an_early_answer_is_delivered);
    tcase_add_test(stories, a_failed_write_hides_no_answer);
    tcase_add_test(stories, a_reset_is_noticed_while_paused);
    tcase_add_test(stories, a_hangup_waits_until_reading_has_ended);
    tcase_add_test(stories, a_queue_that_was_dropped_has_not_been_flushed);
    tcase_add_test(stories, a_goodbye_that_failed_has_not_been_said);
    tcase_add_test(stories, ciphertext_without_plaintext_is_a_byte_of_the_client);
    tcase_add_test(stories, times_are_noted);
    tcase_add_test(stories, the_phrase_is_that_of_the_first_abort);
    suite_add_tcase(suite, schedules);
    suite_add_tcase(suite, stories);
    return suite;
}

CHECK_MAIN(relay_suite)
