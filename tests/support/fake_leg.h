/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_FAKE_LEG_H
#define SUPPORT_FAKE_LEG_H

#include "net/leg.h"

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The functions of net/leg.h over memory, for tests of what stands on top of a leg. The
 * test plays the peer and the kernel with the fake_ functions. Each byte of a stream is a
 * function of its place, so that no stream has to be kept: what is written is held against
 * what the other leg has read. A call that the contract forbids fails the test.
 */
enum fake_closed {
    FAKE_OPEN,
    FAKE_CLOSED,   /* leg_close */
    FAKE_WAS_RESET /* leg_reset */
};

struct leg {
    const char *name;
    bool tls;
    const struct leg_events *events;
    void *owner;
    void (*before_read)(struct leg *leg); /* more checks of the test's; or NULL */
    const struct leg *source;             /* whose bytes are written to this one */

    /* What the peer says. */
    uint64_t said;       /* bytes that have arrived */
    uint64_t read;       /* of them read */
    uint64_t discarded;  /* of them thrown away undecrypted */
    uint64_t pending;    /* bytes below this place came behind the handshake */
    uint64_t dribbled;   /* ciphertext that makes no byte yet */
    enum leg_end end;    /* what is behind the bytes; LEG_GOING_ON: nothing yet */
    enum leg_end told;   /* the end that a read has reported */
    bool end_with_bytes; /* the end is told together with the last bytes */
    bool dribble_ready;  /* dribbled bytes wait to be read */
    size_t read_max;     /* what the test lets one read give; 0: no limit of its own */

    /* The socket's other side. */
    size_t room;       /* bytes that the kernel takes now */
    int rst;           /* the peer has reset: ECONNRESET, or EPIPE behind its FIN */
    bool rst_consumed; /* a read or a write has met it */
    bool hangup_told;
    unsigned fail_write; /* writes that will fail without memory */

    /* What it was made to do. */
    uint64_t written;    /* bytes of leg_write, the queue included */
    uint64_t flushed;    /* of them taken by the kernel */
    uint64_t lost;       /* of them dropped */
    size_t queue;        /* bytes of the queue, with those of a goodbye or an alert */
    size_t ahead;        /* bytes of leg_put_ahead that wait for the first write */
    size_t head;         /* bytes of the queue that are of those; always the first ones */
    size_t goodbye;      /* of them not bytes of leg_write; always the last ones */
    size_t largest_read; /* of the source, since the queue was empty */
    bool read_on, watched, dropped, shut, fin, shut_failed;
    int error;
    unsigned writes_after_reset;
    enum fake_closed closed;
};

/* As ck_assert_msg, which writes to a pipe even where it holds: too slow for millions. */
#define MUST(condition, ...)           \
    do {                               \
        if (!(condition))              \
            ck_abort_msg(__VA_ARGS__); \
    } while (0)

/* Bytes of close_notify, or of an alert. */
#define FAKE_GOODBYE 24u

/* A leg, for leg_free. */
struct leg *fake_leg_new(const char *name, bool tls, const struct leg_events *events,
                         void *owner);

/* The peer says len bytes; ends as told; LEG_RESET resets the connection. */
void fake_says(struct leg *leg, size_t len);
void fake_dribbles(struct leg *leg, size_t len);
void fake_ends(struct leg *leg, enum leg_end end);
bool fake_may_speak(const struct leg *leg);

/* The kernel has room for so many bytes more: writes the queue out, which may call back. */
void fake_makes_room(struct leg *leg, size_t len);

/* Turns of the event loop: call back what is due. They return whether something was. */
bool fake_deliver_readable(struct leg *leg);
bool fake_deliver_hangup(struct leg *leg);

/* Legs that have not been freed. */
extern unsigned fake_legs;

#endif
