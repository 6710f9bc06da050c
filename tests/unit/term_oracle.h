/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef UNIT_TERM_ORACLE_H
#define UNIT_TERM_ORACLE_H

#include "core/term.h"

/*
 * A second opinion about the termination machine: what term_step and the
 * questions about a state are expected to answer, as tables of rows that quote
 * the rule they come from. Nothing here is shared with core/term.c.
 */

struct oracle_answer {
    struct term next;
    unsigned actions;
    const char *rule; /* of the row that applied; NULL if none did */
    unsigned rows; /* how many rows claim the case: more than one is a fault of the table */
};

/* One step of the machine. With no row for the case nothing happens. */
struct oracle_answer oracle_step(const struct term *t, enum term_event event);

/* What the machine's questions have to answer in a state. */
struct oracle_view {
    enum term_reading reads_client;
    bool reads_backend, awaits_up, awaits_down, closed;
    unsigned clocks;
    enum reason reason;
    unsigned
        rows; /* 2: each of the tables, reading and clocks, has one row for the state */
};
struct oracle_view oracle_look(const struct term *t);

/* How often row number i of the step table has applied so far, and its rule; NULL behind
 * the last one. */
const char *oracle_row(unsigned i, unsigned long *used);

/* The reason an event brings if it aborts: REASON_NONE if it never does. */
enum reason oracle_reason(enum term_event event);

/* The clock bit of a time-out event, 0 for other events. */
unsigned oracle_clock(enum term_event event);

#endif
