/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef E2E_HAMMER_CLIENT_H
#define E2E_HAMMER_CLIENT_H

#include "base/attr.h"
#include "e2e/hammer_tally.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One client of hammer: it connects, shakes hands, says a line, gets it back, and ends in
 * order: its close_notify, the other side's, FIN. The socket is watched edge-triggered, in
 * both directions; so client_turn may be called at any time, and has to be when due_us has
 * come.
 */
enum client_kind {
    CLIENT_BRIEF,   /* ends when its line has come back */
    CLIENT_HELD,    /* says a line now and then, and once more when it is told to end */
    CLIENT_DOWNLOAD /* says a number, and wants so many bytes of the pattern, and the end */
};

enum client_stage {
    CLIENT_NONE, /* there is no connection */
    CLIENT_CONNECT,
    CLIENT_HANDSHAKE,
    CLIENT_SAY,
    CLIENT_ECHO,
    CLIENT_IDLE,
    CLIENT_READ, /* the download */
    CLIENT_END,
    CLIENT_STAGES
};

/* What all clients share. */
struct client_setup {
    unsigned names; /* host0.test ...: how many are asked for; 0: localhost */
    SSL_CTX *ctx;
    int epoll;
    uint16_t port; /* on 127.0.0.1 */
    uint16_t download_port;
    uint64_t timeout_us; /* for each stage, and between two parts of the download */
    uint64_t beat_us;    /* between two lines of one that is held */
    uint64_t pause_us;   /* between two connections of the same client */
    uint64_t rate;       /* of the download in bytes per second; 0: as fast as they come */
    bool stop;           /* end what is idle, and hurry */
    struct tally tally;
};

struct client {
    struct client_setup *setup;
    enum client_kind kind;
    enum client_stage stage;
    unsigned number; /* in lines about it */
    uint16_t local_port;
    int fd;
    SSL *ssl;             /* its app data is the client */
    SSL_SESSION *session; /* to be resumed; owned; NULL: none */
    uint64_t start_us;
    uint64_t
        stage_us; /* since when it is in this stage; of the download: of its last bytes */
    uint64_t due_us;
    char line[32];
    size_t line_bytes;
    uint64_t echoed;             /* bytes of the line */
    unsigned echoes;             /* lines that came back */
    uint64_t size, got, read_us; /* of the download, and when it began */
    bool over; /* has ended, well or not; due_us says when to begin the next */
};

/* A client that is not connected yet; size is the download's. */
void client_init(struct client *c, struct client_setup *setup, enum client_kind kind,
                 unsigned number, uint64_t size);

/* Begin a connection, then go on with it as far as it goes. A failure is told, and counted;
 * over is true then, and stage is CLIENT_NONE, as after the end. */
void client_start(struct client *c);
void client_turn(struct client *c);

/* Close what is open, and forget the session. */
void client_clear(struct client *c);

#endif
