/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef E2E_CLOSING_CASES_H
#define E2E_CLOSING_CASES_H

#include "e2e/closing_stage.h"

/* The cases of closing-test, by subject. Each table ends with a row without name. */

/* Which set-up of the terminator a case belongs to. */
enum closing_profile {
    CLOSING_DEFAULT = 1 << 0,   /* plain settings, short close-wait and linger */
    CLOSING_EOF = 1 << 1,       /* on-truncation = eof */
    CLOSING_UNIX = 1 << 2,      /* a Unix socket as backend */
    CLOSING_REFUSED = 1 << 3,   /* a backend where nobody is, or that cannot be reached */
    CLOSING_TIMEOUTS = 1 << 4,  /* idle, half-closed, handshake, connect: short */
    CLOSING_KEEPALIVE = 1 << 5, /* keepalives and TCP_USER_TIMEOUT short */
    CLOSING_OVERLOAD = 1 << 6,  /* max-connections small */
    CLOSING_DRAIN = 1 << 7,     /* drain-timeout short; the case stops the terminator */
    CLOSING_BOTH = CLOSING_DEFAULT | CLOSING_UNIX
};

/* What must be known of the terminator's settings, or the case is skipped. */
enum closing_need {
    CLOSING_NEEDS_CLOSE_WAIT = 1 << 0,
    CLOSING_NEEDS_IDLE = 1 << 1,
    CLOSING_NEEDS_HALF_CLOSED = 1 << 2,
    CLOSING_NEEDS_LINGER = 1 << 3,
    CLOSING_NEEDS_LINGER_MAX = 1 << 4,
    CLOSING_NEEDS_HANDSHAKE = 1 << 5,
    CLOSING_NEEDS_CONNECT = 1 << 6,
    CLOSING_NEEDS_VANISH = 1 << 7,
    CLOSING_NEEDS_TERMINATOR = 1 << 8,
    CLOSING_NEEDS_MAX_CONNECTIONS = 1 << 9,
    CLOSING_ONCE = 1 << 10 /* no need: it is not repeated */
};

struct closing_case {
    const char *name;
    unsigned profiles; /* bits of enum closing_profile */
    unsigned needs;    /* bits of enum closing_need */
    void (*play)(struct stage *s);
    const char *rule; /* what it shows, in the words of the specification */
};

extern const struct closing_case closing_cases_orderly[];
extern const struct closing_case closing_cases_client[];
extern const struct closing_case closing_cases_backend[];
extern const struct closing_case closing_cases_last[];
extern const struct closing_case closing_cases_prompt[];
extern const struct closing_case closing_cases_time[];
extern const struct closing_case closing_cases_story[];

#endif
