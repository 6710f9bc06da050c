/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_HEALTH_H
#define CORE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Is a server of a backend fit for connections? Pure: what happened to it and the time
 * (milliseconds of a clock that never goes back) in, its state out.
 *
 * A server is UP, EJECTED because connections to it failed, or DOWN because checks of it
 * did. After eject_after failed connections in a row it is EJECTED for eject_ms, and each
 * time that it comes to that again for twice as long, eject_max_ms at most. When that time
 * is over one connection is tried (a trial), which decides: UP, or out for longer. It
 * begins anew with eject_ms once it has been UP for as long as it had been out.
 *
 * Where it is checked, `fall` failed checks in a row make it DOWN, and only `rise` good
 * ones in a row bring it back from there; these bring it back from EJECTED as well. After
 * it has come back its share of connections grows for slow_start_ms.
 *
 * All of that is one number, so that processes can share it without a lock: whoever has
 * seen something reads it, steps, and writes it by compare-and-swap. 0 is a server that is
 * UP and that nothing is known of.
 */
enum health_state {
    HEALTH_UP,
    HEALTH_EJECTED,
    HEALTH_DOWN
};

struct health {
    enum health_state state;
    bool trial;       /* of EJECTED: a connection has been sent there to try it */
    bool good;        /* what the last check said, if checks is not 0 */
    unsigned level;   /* how often it was ejected in a row */
    unsigned fails;   /* of UP: failed connections in a row */
    unsigned checks;  /* checks in a row with the same result, against its state */
    uint64_t time_ms; /* UP: when it came back, 0: never; EJECTED: when it may be tried */
};

/* Counters of failed connections and of checks go up to that. */
#define HEALTH_COUNT_MAX 100

struct health_rules {
    uint32_t eject_after;  /* up to HEALTH_COUNT_MAX; 0: it is never ejected */
    uint32_t eject_ms;     /* not 0 */
    uint32_t eject_max_ms; /* not less than eject_ms */
    bool checked;
    uint32_t rise, fall; /* 1 to HEALTH_COUNT_MAX */
    uint32_t slow_start_ms;
};

enum health_event {
    HEALTH_CONNECTED, /* a connection was made */
    HEALTH_FAILED,    /* or not */
    HEALTH_CHECK_GOOD,
    HEALTH_CHECK_BAD
};

/* What a step has changed, for the log. */
enum health_change {
    HEALTH_SAME,
    HEALTH_GOT_EJECTED,   /* it was UP */
    HEALTH_STAYS_EJECTED, /* the trial has failed */
    HEALTH_WENT_DOWN,
    HEALTH_CAME_BACK
};

enum health_use {
    HEALTH_NO,
    HEALTH_YES,
    HEALTH_TRIAL /* for one connection, see health_try */
};

uint64_t health_pack(const struct health *health);
struct health health_unpack(uint64_t number);

/*
 * Something happened. What was begun before it was ejected, and fails later, changes
 * nothing; any connection that is made brings it back from EJECTED.
 */
enum health_change health_step(struct health *health, const struct health_rules *rules,
                               enum health_event event, uint64_t now_ms);

/* Is it good for a connection? */
enum health_use health_use(const struct health *health, const struct health_rules *rules,
                           uint64_t now_ms);

/*
 * It is a TRIAL, and the connection goes there: for the next eject_ms no other one does,
 * and should nobody tell how that one fared, another one may then.
 */
void health_try(struct health *health, const struct health_rules *rules, uint64_t now_ms);

/* For how long it is ejected by the last ejection, in milliseconds. */
uint64_t health_out_ms(const struct health *health, const struct health_rules *rules);

/* Its share of connections, of HEALTH_WHOLE; never 0. */
#define HEALTH_WHOLE 256
uint32_t health_share(const struct health *health, const struct health_rules *rules,
                      uint64_t now_ms);

const char *health_state_name(enum health_state state); /* "up", "ejected", "down" */

#endif
