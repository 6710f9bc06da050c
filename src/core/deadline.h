/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_DEADLINE_H
#define CORE_DEADLINE_H

#include "core/term.h"

#include <stdint.h>

/*
 * Which time-out of a connection runs out next, and when. Pure: time is an
 * argument. All times are milliseconds of one monotonic clock; 0 means 'never'
 * or 'not yet'.
 */

/* The settings. 0 of the first two is 'off'; of the others it is 'at once'. */
struct deadline_limits {
    uint32_t idle_ms;
    uint32_t half_closed_ms;
    uint32_t close_wait_ms;
    uint32_t linger_ms;     /* of silence */
    uint32_t linger_max_ms; /* in all */
};

/* How long the client may go on sending to a backend that has reset. */
#define DEADLINE_GRACE_MS 1000

struct deadline_times {
    uint64_t last_byte;        /* the last byte read from, or taken by, either endpoint */
    uint64_t last_client_byte; /* the last byte that came from the client */
    uint64_t acked;            /* when the kernel's send queue towards the client was first
                                  seen empty after all was written; 0: not yet */
    uint64_t linger;           /* when the lingering began */
    uint64_t expires;          /* when the client's certificate does; 0: never */
    bool up_blocked;           /* bytes of the client wait because the backend takes none */
};

struct deadline {
    uint64_t at;           /* 0: nothing runs */
    enum term_event event; /* what to post then */
    bool poll_acked;       /* the caller has to look for the acknowledgement now and then,
                              and to set times.acked: a clock waits for it */
};

/* The deadline that applies now; a change of any argument may move it. */
struct deadline deadline_next(const struct term *t, const struct deadline_limits *limits,
                              const struct deadline_times *times);

/* How often to look for the acknowledgement: an eighth of close-wait, 10 ms to 250 ms. */
uint32_t deadline_poll_ms(const struct deadline_limits *limits);

#endif
