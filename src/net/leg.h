/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_LEG_H
#define NET_LEG_H

#include "base/text.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct config_frontend;
struct loop;

/*
 * One side of a connection: a socket, with TLS on it or plain. It reads into the loop's
 * scratch memory, writes at once what the kernel takes, and queues the rest in a
 * bufferevent, which is made when it is first needed. It knows nothing of directions,
 * and it never decides to close. After leg_close or leg_reset only leg_free may be called.
 */
struct leg;

/* What the owner hears of. May be called from the event loop only, never from a leg_ call.
 */
struct leg_events {
    void (*on_readable)(void *owner); /* only while leg_read_on */
    void (*on_drained)(void *owner);  /* the queue has been written out */
    void (*on_progress)(void *owner); /* some of the queue has been written out */
    void (*on_broken)(void *owner);   /* a write of the queue failed: it is dropped */
    void (*on_hangup)(void *owner);   /* after leg_watch: the socket has an error */
};

/* How a read ended. */
enum leg_end {
    LEG_GOING_ON,
    LEG_NOTIFY,    /* TLS: close_notify. Nothing that follows it counts */
    LEG_FIN,       /* plain: FIN. TLS: FIN without close_notify, between two records */
    LEG_CUT,       /* TLS: FIN without close_notify, inside a record */
    LEG_RESET,     /* RST or another socket error, also one that a write met before */
    LEG_ALERT,     /* TLS: a fatal alert from the peer */
    LEG_TLS_ERROR, /* TLS: what came is not valid; our alert is queued */
    LEG_NO_MEMORY
};

struct leg_chunk {
    const unsigned char *data; /* lent until the next call on any leg of the loop */
    size_t len;
    bool full; /* the read was filled: more may be waiting */
};

enum leg_handshake {
    LEG_HANDSHAKE_DONE,
    LEG_HANDSHAKE_AGAIN,
    LEG_HANDSHAKE_FAILED
};

/*
 * A leg over fd: plain, or the server side of a TLS connection with ssl. On success takes
 * fd and ssl; returns NULL without memory, and both stay the caller's. Borrows loop, events
 * and owner.
 */
struct leg *leg_new(struct loop *loop, int fd, SSL *ssl, const struct leg_events *events,
                    void *owner);

/* From now on tell somebody else. Borrows both. */
void leg_set_events(struct leg *leg, const struct leg_events *events, void *owner);

/*
 * Free its memory; closes with RST if neither leg_close nor leg_reset has been called. NULL
 * is allowed. Not before the end of the turn in which it was closed.
 */
void leg_free(struct leg *leg);

/*
 * Go on with the TLS handshake. FAILED: *end tells how, why gets a plain phrase, and our
 * alert, if one is due, has been sent or queued. AGAIN: wait until it is readable. After
 * DONE leg_read gives first what came behind the handshake.
 */
enum leg_handshake leg_handshake(struct leg *leg, enum leg_end *end, struct text *why);

/* All ciphertext bytes received so far. */
uint64_t leg_received(const struct leg *leg);

/* The SSL object, lent; NULL for a plain leg, and after leg_release_ssl. */
SSL *leg_ssl(struct leg *leg);

/* Before the handshake: have it note what leg_release_ssl needs. Without it that does
 * nothing. */
void leg_expect_release(struct leg *leg);

/*
 * After LEG_HANDSHAKE_DONE, when nobody has anything more to ask of the SSL object: free it
 * and go on without it (tls_record.h), at once, or as soon as that is cheaper than to keep
 * it: after some records, or leg_settle. Where it is not possible all stays as it was;
 * nobody else sees a difference.
 */
void leg_release_ssl(struct leg *leg, bool at_once);

/*
 * The connection is none of the short ones. Its SSL object goes now, or after the record
 * that is under way, if it has been released; and see sock_find_vanished for a plain leg.
 */
void leg_settle(struct leg *leg, const struct config_frontend *frontend);

/*
 * Read once, at most about quantum bytes, and for TLS decrypt all that came. chunk->len may
 * be 0, and bytes and an end may come together: the bytes are before the end. why gets a
 * plain phrase for ALERT, TLS_ERROR and RESET.
 */
enum leg_end leg_read(struct leg *leg, size_t quantum, struct leg_chunk *chunk,
                      struct text *why);

/* Read and throw away, undecrypted. Adds what came to *bytes. LEG_GOING_ON, LEG_FIN or
 * LEG_RESET. */
enum leg_end leg_discard(struct leg *leg, size_t *bytes);

/* Is leg_read due without waiting for the socket (ciphertext that came behind the
 * handshake)? */
bool leg_has_pending(const struct leg *leg);

/* Want on_readable, or not. Without memory for it leg_is_read_on stays false. */
void leg_read_on(struct leg *leg);
void leg_read_off(struct leg *leg);
bool leg_is_read_on(const struct leg *leg);

/* Want on_hangup from now on, whether or not it is read. Once is enough. */
void leg_watch(struct leg *leg);

/*
 * Write all of it: what the kernel does not take is queued. Returns 0, or -1 if the
 * socket takes nothing any more or memory is short: leg_error tells.
 */
int leg_write(struct leg *leg, const void *data, size_t len) ATTR_MUST_CHECK;

/*
 * Look at what the socket has, from its beginning, without taking it: at most size bytes,
 * *len of which are there. LEG_FIN, LEG_RESET: there is nothing, and nothing will come.
 */
enum leg_end leg_peek(struct leg *leg, void *buf, size_t size, size_t *len);

/* Has the stream ended behind what the socket has? LEG_GOING_ON, LEG_FIN or LEG_RESET. */
enum leg_end leg_ending(const struct leg *leg);

/* Want on_readable only once len bytes are there, or the end of the stream. */
void leg_await(struct leg *leg, size_t len);

/* Throw away len bytes that are there. Returns 0, or -1 where they are not. They do not
 * count as received. */
int leg_skip(struct leg *leg, size_t len) ATTR_MUST_CHECK;

/*
 * bytes go out in front of the first that are written, in one send() with them, or by
 * leg_send_ahead, whichever comes first; until then they count as queued. Borrows them
 * until then. For a plain leg that nothing has been written to.
 */
void leg_put_ahead(struct leg *leg, const void *bytes, size_t len);

/* Send them if they have not been sent. As leg_write. */
int leg_send_ahead(struct leg *leg) ATTR_MUST_CHECK;

/* Bytes queued: 0 means that all has been taken by the kernel. */
size_t leg_queued(const struct leg *leg);

/* Bytes that the peer has not acknowledged yet, apart from what is queued. */
size_t leg_unacked(const struct leg *leg);

/* The socket, lent; -1 once it is closed. */
int leg_fd(const struct leg *leg);

/* See sock_mind_window. */
void leg_mind_window(struct leg *leg, uint32_t timeout_ms);

/* The socket's error has been consumed elsewhere: reading is to end with it. */
void leg_note_error(struct leg *leg, int error);

/* The errno that ended writing or reading, ENOMEM where memory was short, EPROTO where TLS
 * cannot be written before the peer has sent the rest of a message that it began; or 0. */
int leg_error(const struct leg *leg);

/*
 * End my sending in the orderly way: close_notify (TLS; queued behind the data), or FIN
 * (plain; only with an empty queue). What fails is in leg_error. last: leg_close follows in
 * this turn, so that close_notify and FIN can leave in one segment.
 */
void leg_shut(struct leg *leg, bool last);

/* FIN without close_notify; only with an empty queue. */
void leg_fin(struct leg *leg);

/* Drop the queue. Nothing may be written any more. */
void leg_drop(struct leg *leg);

/* Drop the queue, throw away what is unread, close with FIN. */
void leg_close(struct leg *leg);

/* Drop the queue, close with RST. */
void leg_reset(struct leg *leg);

#endif
