/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_RELAY_H
#define NET_RELAY_H

#include "base/text.h"
#include "core/deadline.h"
#include "core/flow.h"
#include "core/term.h"
#include "net/leg.h"

/*
 * Two legs, a termination machine, and the bytes between them. It moves bytes both
 * ways, tells the machine what happens on either leg, and carries its actions out. It knows
 * nothing of TLS and nothing of time-outs but the times that it notes.
 *
 * It begins with the client's leg alone: a handshake that fails, or a backend that cannot
 * be reached, is an ending like the others.
 */
struct relay {
    struct term term;
    struct leg *client;  /* owned */
    struct leg *backend; /* owned; NULL before relay_attach */
    struct flow up, down;
    struct deadline_times times;
    bool client_hung; /* its socket has an error that nobody has read yet */
    bool backend_hung;
    struct text error; /* a plain phrase about the first abort; empty if there is none */
    char error_text[160];
    /*
     * Something has happened: look at term (closed?) and at the deadlines. The last thing
     * that any callback does; the owner may finish the connection in it. Borrowed.
     */
    void (*on_stepped)(void *owner);
    void *owner;
};

/* The events that a leg of a relay is to be made with; its owner is the relay. */
extern const struct leg_events relay_client_events;
extern const struct leg_events relay_backend_events;

/* Begin. Takes client, which is made with relay_client_events. now_ms: see core/deadline.
 */
void relay_init(struct relay *relay, struct leg *client, bool eof_ends_up,
                void (*on_stepped)(void *owner), void *owner, uint64_t now_ms);

/* Close what is open (with RST) and free both legs; at the end of the turn. */
void relay_clear(struct relay *relay);

/*
 * The backend is connected: take its leg (made with relay_backend_events) and start. Moves
 * what has been decrypted already, behind what leg_put_ahead was given, which counts as no
 * byte of up. Does not call on_stepped.
 */
void relay_attach(struct relay *relay, struct leg *backend);

/*
 * Tell the machine of something that happened elsewhere (a handshake, a dial, a clock) and
 * carry out what follows. phrase (or NULL) says more about it, for the log. Does not call
 * on_stepped.
 */
void relay_post(struct relay *relay, enum term_event event, const char *phrase);

/* Watch the client's leg for a RST while nobody reads it (between handshake and
 * relay_attach). */
void relay_watch_client(struct relay *relay);

#endif
