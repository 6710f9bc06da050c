/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_PEER_PLAIN_H
#define SUPPORT_PEER_PLAIN_H

#include "base/addr.h"
#include "support/observe.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A scripted plaintext backend: it listens, takes one connection, and does with it
 * exactly what it is told. The functions that act only note what is to be done;
 * it is done in peer_plain_turn(), unless the function says 'at once'.
 */

/* When a peer reads. */
enum peer_reading {
    PEER_READS,        /* whenever something is there */
    PEER_READS_NOT,    /* never: it stalls */
    PEER_READS_SLOWLY, /* at most rate bytes per second */
    PEER_READS_LAST    /* only when all its writes have ended, or one failed */
};

/* How far a peer that reads slowly has come. */
struct peer_pace {
    uint64_t rate;     /* bytes per second */
    uint64_t since_us; /* when it began */
    uint64_t taken;    /* bytes since then */
};

/* How many bytes may be read now, and in how many ms some can be. */
void peer_pace_start(struct peer_pace *pace, uint64_t rate);
size_t peer_pace_budget(const struct peer_pace *pace, size_t most);
int peer_pace_wait_ms(const struct peer_pace *pace);

/* The bytes that the peer of fd has not acknowledged yet (SIOCOUTQ); 0 for none, or no fd.
 */
size_t peer_unacked(int fd);

/* Drop whatever arrives at fd from now on, acknowledge nothing: it has vanished. 0 or -1.
 */
int peer_vanish(int fd) ATTR_MUST_CHECK;

/*
 * A pending error of fd's socket was seen by poll(): RST, or another one. Notes
 * it, and consumes it.
 */
void peer_note_error(struct observed *saw, int fd);

struct peer_plain {
    int listener;
    int fd;
    bool is_unix;
    bool expects_header; /* of the PROXY protocol, version 2, before all: it is taken when
                            the connection is, and seen by nobody */
    char path[108];      /* of a Unix socket in the file system, to be removed; or "" */
    struct observed saw;
    uint64_t accepted_us;
    enum peer_reading reading;
    struct peer_pace pace;
    uint64_t to_send; /* bytes of the pattern that are still to be sent */
    uint64_t sent;
    bool want_fin;
    bool fin_sent;
    uint64_t fin_sent_us; /* when it said its end: FIN or RST */
    uint64_t salt;        /* of what it sends */
};

/* Nothing yet. It expects the pattern of expect_salt and sends that of send_salt. */
void peer_plain_init(struct peer_plain *p, uint64_t send_salt, uint64_t expect_salt);

/*
 * Listen at `at`. rcvbuf_bytes: the receive buffer of the connections, 0 for the
 * usual one; backlog as in listen(2). Returns 0, or -1 with errno.
 */
int peer_plain_listen(struct peer_plain *p, const struct addr *at, int rcvbuf_bytes,
                      int backlog) ATTR_MUST_CHECK;

/* Stop listening, at once: whoever comes is refused. */
void peer_plain_refuse(struct peer_plain *p);

/* Send `bytes` more bytes of the pattern. */
void peer_plain_send(struct peer_plain *p, uint64_t bytes);

/* FIN (half-close), behind the last byte. */
void peer_plain_fin(struct peer_plain *p);

/* Read at most rate bytes per second from now on. */
void peer_plain_read_slowly(struct peer_plain *p, uint64_t rate);

/* RST, at once; what was not sent is lost (SO_LINGER 0). */
void peer_plain_reset(struct peer_plain *p);

/* close(), at once: the kernel says RST if there are unread bytes, else FIN. */
void peer_plain_close(struct peer_plain *p);

/* Has everything that it was told to send been handed to the kernel? Acknowledged? */
bool peer_plain_wrote_all(const struct peer_plain *p);
bool peer_plain_acked_all(const struct peer_plain *p);

/* Are there bytes in the kernel that it has not read? */
bool peer_plain_has_unread(const struct peer_plain *p);

/*
 * What poll() has to look for: fills *pfd (fd -1: nothing). Returns after how
 * many ms a turn is due in any case, or -1.
 */
int peer_plain_poll(const struct peer_plain *p, struct pollfd *pfd);

/* Accept, read, write: whatever revents allow and the script says. */
void peer_plain_turn(struct peer_plain *p, short revents);

/* Close everything; RST on a connection that is still there. */
void peer_plain_free(struct peer_plain *p);

#endif
