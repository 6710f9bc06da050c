/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_TERM_H
#define CORE_TERM_H

#include "base/attr.h"
#include "core/reason.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The termination machine: how a connection ends. Events go in, actions come
 * out; no socket, no clock, no memory of its own.
 *
 * The rule. sallyport never says goodbye on somebody else's behalf. An orderly
 * end (close_notify towards the client, FIN towards the backend) is sent to one
 * endpoint only because the other endpoint sent an orderly end, and only after
 * every byte that came before it. Everything else is an abort, and reaches the
 * other endpoint as something that it cannot mistake for an orderly end: a RST
 * at the backend, a FIN without close_notify at the client.
 *
 * Words: *up* is client to backend, *down* is backend to client; each is one
 * direction, and the two end independently (RFC 8446, 6.1; RFC 9293, 3.6).
 */

/* One direction. */
enum term_dir {
    TERM_OPEN,
    TERM_DRAINING, /* its source has ended; bytes of it are still on their way */
    TERM_FLUSHED,  /* the last byte is written; its end is being sent */
    TERM_ENDED,    /* its end has been sent: nothing follows */
    TERM_ABORTED,
    TERM_DIRS
};

/* The client's connection. */
enum term_client {
    TERM_CLIENT_LIVE,
    TERM_CLIENT_LINGER, /* after an abort: FIN behind the last byte, then discard */
    TERM_CLIENT_CLOSED,
    TERM_CLIENTS
};

/* The backend's connection. */
enum term_backend {
    TERM_BACKEND_NONE, /* not connected (yet) */
    TERM_BACKEND_LIVE,
    TERM_BACKEND_CLOSED,
    TERM_BACKENDS
};

/* What is logged as client-end and backend-end: how an endpoint ended, if it did. */
enum term_end {
    TERM_END_NONE,
    TERM_END_NOTIFY,
    TERM_END_FIN,
    TERM_END_RST
};

/* What is logged as first: who ended first. */
enum term_party {
    TERM_NOBODY,
    TERM_THE_CLIENT,
    TERM_THE_BACKEND,
    TERM_SALLYPORT
};

enum term_event {
    /* What the client said or did. Ignored when its connection is closed. */
    TERM_CLIENT_NOTIFY,    /* close_notify: the orderly end of up */
    TERM_CLIENT_FIN,       /* FIN with no close_notify before it, between two records */
    TERM_CLIENT_CUT,       /* FIN with no close_notify before it, inside a record */
    TERM_CLIENT_RESET,     /* RST, or any other error of its socket */
    TERM_CLIENT_TLS_ERROR, /* a record that fails to decrypt, any TLS protocol error;
                              OpenSSL's alert is queued behind what was written */
    TERM_CLIENT_ALERT,     /* a fatal alert from the client */

    /* What the backend said or did. Ignored when its connection is closed. */
    TERM_BACKEND_CONNECTED,
    TERM_BACKEND_FIN,     /* FIN: the orderly end of down */
    TERM_BACKEND_RESET,   /* reading from it failed: RST, or any other error */
    TERM_BACKEND_BROKEN,  /* it takes no more: a write failed, or a RST behind its FIN was
                             noticed. What it said before is still to be read */
    TERM_BACKEND_REFUSED, /* no connection could be made: refused, */
    TERM_BACKEND_UNREACHABLE, /* no route, no such name, no such file */

    /* Progress. */
    TERM_UP_FLUSHED,    /* all bytes of up have been taken by the backend's socket */
    TERM_UP_END_SENT,   /* the FIN that TERM_ACT_SEND_FIN asked for has been said */
    TERM_DOWN_FLUSHED,  /* all bytes of down (and what is queued behind them, an alert)
                           have been handed on, nothing is in front of an end */
    TERM_DOWN_END_SENT, /* the close_notify that was asked for has been written out */

    /* Time and sallyport itself. */
    TERM_HANDSHAKE_FAILED,
    TERM_TIMEOUT_HANDSHAKE,
    TERM_TIMEOUT_CONNECT,
    TERM_TIMEOUT_IDLE,
    TERM_TIMEOUT_HALF_CLOSED,
    TERM_TIMEOUT_CLOSE_WAIT,
    TERM_TIMEOUT_LINGER,      /* lingered long enough */
    TERM_TIMEOUT_GRACE,       /* 1 s after the last byte was acknowledged: see term_clock */
    TERM_ACME_ANSWERED,       /* the handshake was all: there is no backend for it */
    TERM_CLIENT_CERT_EXPIRED, /* its certificate is good no longer, */
    TERM_CLIENT_CERT_REVOKED, /* or has been revoked meanwhile */
    TERM_PROXY_MISSING,      /* in front of the handshake a PROXY header is due: there is */
    TERM_PROXY_WRONG,        /* something else, or one that is not right */
    TERM_DENIED,             /* the header has told of a client that may not come in, */
    TERM_SOURCE_CONNECTIONS, /* or that is beyond a limit of its source */
    TERM_SOURCE_HANDSHAKES,
    TERM_SOURCE_RATE,
    TERM_DRAIN_FORCED,
    TERM_OVERLOAD,
    TERM_INTERNAL_ERROR,
    TERM_EVENTS
};

/*
 * What the caller has to do, in this order, before it posts the next event. The
 * bits of one answer never contradict each other.
 */
enum term_action {
    TERM_ACT_SEND_FIN = 1 << 0,      /* shutdown(SHUT_WR) towards the backend; post
                                        TERM_UP_END_SENT when that is done */
    TERM_ACT_SEND_NOTIFY = 1 << 1,   /* SSL_shutdown() towards the client; post
                                        TERM_DOWN_END_SENT when it has been written out */
    TERM_ACT_RESET_BACKEND = 1 << 2, /* drop what is queued, close with RST */
    TERM_ACT_CLOSE_BACKEND = 1 << 3, /* close: both ends have been said */
    TERM_ACT_DROP_DOWN = 1 << 4,     /* drop what is queued for the client */
    TERM_ACT_FIN_CLIENT = 1 << 5,    /* FIN without close_notify, behind the last byte */
    TERM_ACT_CLOSE_CLIENT = 1 << 6,  /* drop what is queued, discard what is unread,
                                        FIN (if not sent) and close */
    TERM_ACT_RESET_CLIENT = 1 << 7   /* drop what is queued, close with RST */
};

/* What is to be done with what the client sends. */
enum term_reading {
    TERM_READ_FORWARD, /* decrypt it and pass it on to the backend */
    TERM_READ_DISCARD, /* decrypt it, for the sake of its close_notify, and throw it away */
    TERM_READ_RAW,     /* throw it away as it is, until the client closes */
    TERM_READ_NOTHING  /* it has ended, or is closed */
};

/* The clocks of which the earliest to run out is to be posted; see core/deadline. */
enum term_clock {
    TERM_CLOCK_IDLE = 1 << 0,        /* idle-timeout, since the last byte moved */
    TERM_CLOCK_HALF_CLOSED = 1 << 1, /* half-closed-timeout, since the last byte moved */
    TERM_CLOCK_CLOSE_WAIT = 1 << 2,  /* close-wait, since all was acknowledged and the
                                        client's last byte */
    TERM_CLOCK_GRACE = 1 << 3,       /* 1 s since all was acknowledged */
    TERM_CLOCK_LINGER = 1 << 4,      /* linger-timeout and linger-max */
    TERM_CLOCK_LINGER_ACKED = 1 << 5 /* the same, since all was acknowledged */
};

struct term {
    uint8_t up, down;    /* enum term_dir */
    uint8_t client;      /* enum term_client */
    uint8_t backend;     /* enum term_backend */
    uint8_t client_end;  /* enum term_end */
    uint8_t backend_end; /* enum term_end */
    uint8_t first;       /* enum term_party */
    uint8_t reason;      /* enum reason; NONE until the first abort */
    bool client_done;    /* nothing more will come from the client */
    bool fin_sent;       /* TERM_ACT_FIN_CLIENT was asked for */
    bool owed;           /* lingering: the bytes before a backend's abort are owed to
                            the client, however slow it is */
    bool truncated;      /* the client's stream ended without close_notify (also where
                            that is no abort): to be counted */
    bool eof_ends_up;    /* on-truncation = eof: TERM_CLIENT_FIN is an orderly end of up */
};

/* A connection whose client has just been accepted and whose backend is not there yet. */
void term_init(struct term *t, bool eof_ends_up);

/*
 * The client left during the handshake, with FIN or RST: note how, before
 * TERM_HANDSHAKE_FAILED is posted. Nothing more will come from it, so that nobody lingers
 * for it.
 */
void term_client_left(struct term *t, enum term_end end);

/*
 * Something has happened: change the state and return the actions (bits of enum
 * term_action) that follow from it. An event that means nothing in a state
 * changes nothing and returns 0.
 */
unsigned term_step(struct term *t, enum term_event event) ATTR_MUST_CHECK;

enum term_reading term_reads_client(const struct term *t);

/* Is the backend's stream still to be read? */
bool term_reads_backend(const struct term *t);

/*
 * Is TERM_DOWN_FLUSHED awaited (a close_notify, or a FIN after an abort, is to
 * be sent behind the last byte)? TERM_UP_FLUSHED?
 */
bool term_awaits_down(const struct term *t);
bool term_awaits_up(const struct term *t);

/* The clocks that run in this state: bits of enum term_clock. */
unsigned term_clocks(const struct term *t);

/* Are both connections closed? No event means anything any more. */
bool term_closed(const struct term *t);

/* The close reason: clean if all has closed and nothing was aborted; NONE while it lives.
 */
enum reason term_reason(const struct term *t);

/* "notify", "fin", "rst", "none"; "client", "backend", "sallyport", "none". Static memory.
 */
const char *term_end_name(enum term_end end);
const char *term_party_name(enum term_party party);

/* Names for tests and debugging: "draining", "client-notify". Static memory. */
const char *term_dir_name(enum term_dir dir);
const char *term_event_name(enum term_event event);

#endif
