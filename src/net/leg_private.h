/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_LEG_PRIVATE_H
#define NET_LEG_PRIVATE_H

#include "net/hangup.h"
#include "net/leg.h"
#include "net/loop.h"
#include "tls/tls_bio.h"
#include "tls/tls_record.h"

/* Shared by leg.c (socket, queue, events), leg_tls.c (TLS on top of it, by OpenSSL) and
 * leg_record.c (without its SSL object), and leg_head.c only. */
struct leg {
    struct hangup_watch watch; /* watch.fd is the socket; -1 when closed */
    struct loop *loop;
    const struct leg_events *events;
    void *owner;
    struct event *readable;    /* EV_READ; never the bufferevent's */
    struct bufferevent *queue; /* NULL until something had to be queued */
    int error;                 /* the first errno that a read or a write met */
    bool read_on;              /* the owner wants on_readable */
    bool registered; /* the loop waits for readable: perhaps longer than is wanted */
    bool watch_on;   /* the owner wants on_hangup */
    bool watched;    /* hangup has the socket */
    bool dropped;    /* nothing is written any more */
    bool ended;      /* its FIN has been read: nothing is unread */
    bool last;       /* what is being written is followed by the FIN at once */
    const unsigned char *ahead; /* to be sent in front of the first write; borrowed */
    size_t ahead_len;           /* 0: nothing is */
    uint64_t received;

    SSL *ssl;            /* NULL: a plain leg, or record has taken its place */
    struct tls_bio *bio; /* of ssl */
    struct tls_record *record;
    bool release;           /* the SSL object may go some time after the handshake */
    bool released;          /* its owner does not need it any more */
    uint64_t release_after; /* records, from when on it pays to let it go */
    unsigned refusals;      /* renegotiations that were refused (TLS 1.2) */
    unsigned char *pending; /* ciphertext that precedes what the socket has; owned */
    size_t pending_len;
    bool due; /* pending came behind the handshake: it has not been looked at */
};

/* recv() once. As recv(), but EINTR is retried, and errors are remembered in leg->error. */
ssize_t leg_receive(struct leg *leg, void *buf, size_t size);

/* Queue it. Returns 0, or -1 without memory. */
int leg_enqueue(struct leg *leg, const unsigned char *data, size_t len) ATTR_MUST_CHECK;

/* Send or queue what stands ahead, and behind it data (or nothing). As leg_write. */
int leg_send_behind(struct leg *leg, const unsigned char *data, size_t len) ATTR_MUST_CHECK;

/* send() at once if the queue is empty, and queue the rest. As leg_write. */
int leg_send(struct leg *leg, const unsigned char *data, size_t len) ATTR_MUST_CHECK;

/* The part of each that knows TLS. */
int leg_tls_attach(struct leg *leg, SSL *ssl) ATTR_MUST_CHECK;
void leg_tls_detach(struct leg *leg);
enum leg_end leg_tls_read(struct leg *leg, size_t quantum, struct leg_chunk *chunk,
                          struct text *why);
int leg_tls_write(struct leg *leg, const void *data, size_t len) ATTR_MUST_CHECK;
void leg_tls_shut(struct leg *leg, bool last);
void leg_tls_settle(struct leg *leg);

enum leg_end leg_record_read(struct leg *leg, size_t quantum, struct leg_chunk *chunk,
                             struct text *why);
int leg_record_write(struct leg *leg, const void *data, size_t len) ATTR_MUST_CHECK;
void leg_record_shut(struct leg *leg, bool last);

/* Send what has gathered, in one go. As leg_send. */
int leg_flush(struct leg *leg);

/* Keep ciphertext for the next read, in place of what is pending. Returns 0, or -1 without
 * memory. */
int leg_keep(struct leg *leg, const unsigned char *bytes, size_t len);

/* A FIN without close_notify, in a record or between two of them. */
enum leg_end leg_end_without_notify(const struct leg *leg, bool in_record);

/* What a verdict means to the owner. */
enum leg_end leg_end_of(enum tls_verdict verdict);

/* Has reading made us write once too often? Then why is told. */
bool leg_is_flood(struct leg *leg, int version, struct text *why);

#endif
