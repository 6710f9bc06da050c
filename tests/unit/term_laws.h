/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef UNIT_TERM_LAWS_H
#define UNIT_TERM_LAWS_H

#include "core/term.h"

/* The laws of termination, as they can be checked on one step, without any table. */

/* What an onlooker remembers of the events and actions so far. */
enum {
    SAID_NOTIFY = 1 << 0, /* the client ended in an orderly way (also by FIN, with eof) */
    SAID_FIN = 1 << 1,    /* the backend did */
    CLIENT_OVER = 1 << 2, /* the client's stream is over, one way or another */
    BACKEND_OVER = 1 << 3,
    CONNECTED = 1 << 4,
    SENT_FIN = 1 << 5,
    SENT_NOTIFY = 1 << 6,
    SENT_RAW_FIN = 1 << 7,
    BROKE_UP = 1 << 8, /* up was aborted before its end was sent */
    BROKE_DOWN = 1 << 9
};

/* A state that was reached, and how. */
struct node {
    struct term t;
    uint16_t seen;
    uint8_t event;             /* by which it was first reached */
    const struct node *parent; /* from where; NULL: a start */
};

/* An edge on trial. */
struct edge {
    const struct node *from;  /* how it was come by */
    const struct term *t, *u; /* before, after */
    enum term_event event;
    unsigned acts;
    uint16_t seen, sees; /* before, after */
};

/* What the onlooker remembers after the edge. */
uint16_t laws_look_on(const struct edge *e);

/* Print an edge (the first few only), the way to it, and what is wrong with it. Returns 1.
 */
unsigned laws_complain(const struct edge *e, const char *what);

void laws_print_state(const char *label, const struct term *t);
void laws_print_way(const struct node *n);

/* Law number i, and its name: how often does the edge break it? */
#define LAWS 6
unsigned laws_break(unsigned i, const struct edge *e);
const char *laws_name(unsigned i);

#endif
