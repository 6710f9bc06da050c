/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef UNIT_TERM_TABLE_H
#define UNIT_TERM_TABLE_H

#include "core/term.h"

/* The rows of term_oracle: see there. */

/* Sets of values for the left side of a row; an empty set means 'any'. */
#define IN(value) (1u << (value))
#define NO IN(false)
#define YES IN(true)
#define EV(name) (1ul << (TERM_##name))

/* Clients that may not come in. */
#define REFUSALS \
    (EV(DENIED) | EV(SOURCE_CONNECTIONS) | EV(SOURCE_HANDSHAKES) | EV(SOURCE_RATE))

/* A new value for the right side of a row; 0 means 'as it was'. */
#define TO(value) ((value) + 1)

#define RUNNING (IN(TERM_OPEN) | IN(TERM_DRAINING) | IN(TERM_FLUSHED))
#define SOURCE_OVER (IN(TERM_DRAINING) | IN(TERM_FLUSHED) | IN(TERM_ENDED))
#define C_LIVE IN(TERM_CLIENT_LIVE)
#define C_LINGER IN(TERM_CLIENT_LINGER)
#define C_CLOSED IN(TERM_CLIENT_CLOSED)
#define B_NONE IN(TERM_BACKEND_NONE)
#define B_LIVE IN(TERM_BACKEND_LIVE)

/* States, by what they have in common. */
struct pattern {
    uint8_t up, down, client, backend;
    uint8_t done, fin_sent, owed, eof;
};

/* The flags that a row raises. */
enum {
    DONE = 1 << 0,
    FIN_SENT = 1 << 1,
    OWED = 1 << 2,
    TRUNCATED = 1 << 3,
    ENDS = 1 << 4,   /* the event's party is the first that ended, if nobody was */
    NAMED = 1 << 5,  /* the event's name is the close reason, if there was none */
    ABORTS = 1 << 6, /* up and down are ABORTED unless ENDED; a LIVE backend is reset */
};

struct row {
    unsigned long events;
    struct pattern when;
    struct {
        uint8_t up, down, client, backend; /* TO(...) */
        uint8_t client_end, backend_end;   /* if none is known yet */
    } then;
    unsigned flags;
    unsigned actions;
    const char *rule;
};

/* The table of steps. */
extern const struct row term_table[];
extern const unsigned term_table_rows;
#define TERM_TABLE_MAX 128

#endif
