/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SALLYPORT_BENCH_LOAD_H
#define SALLYPORT_BENCH_LOAD_H

/*
 * The load generator: load_options.c is the command line, load.c the course of a run,
 * load_client.c one connection, load_work.c what is done on it, load_tally.c what is
 * counted.
 */
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

/* An upload is acknowledged after so many bytes, unless it has a size. */
#define LOAD_ACK_BYTES (16 * 1024 * 1024)
/* Connections that are not done when nothing has happened for so long count as errors. */
#define LOAD_PATIENCE_MS 10000
/* Connections that are opened at the same time. */
#define LOAD_OPENING 64
/* After so many errors a run makes no sense any more. */
#define LOAD_MOST_ERRORS 1000

struct load;
struct client;

/* What a step has come to: events have to be waited for; it can go on at once, but others
 * come first; it has done what this phase wants; or it has failed, and the error is
 * counted. */
enum load_step {
    STEP_WAIT,
    STEP_AGAIN,
    STEP_DONE,
    STEP_FAILED
};

struct load_work {
    const char *name;
    bool reconnects; /* each unit of work is a connection of its own */
    bool is_bulk;    /* large reads and writes */
    bool only_holds; /* opened, held, closed: nothing to measure by time */
    /* Prepares a connection that has just been shaken hands; NULL: nothing to do. */
    enum load_step (*open)(struct load *load, struct client *client);
    enum load_step (*run)(struct load *load, struct client *client);
};

struct load_options {
    const struct load_work *work;
    uint16_t port;
    unsigned clients;
    double seconds, warmup; /* seconds 0: by count */
    uint64_t count; /* transactions in all; round trips of each connection; bytes of each */
    size_t size;    /* of a message */
    int version;    /* TLS1_3_VERSION ... */
    bool resume;
    bool plain; /* no TLS */
    bool sync;  /* says and is told when a phase begins */
    const char *ciphers, *suites, *sigalgs;
};

struct load_tally {
    uint64_t units; /* transactions, round trips, connections that are open */
    uint64_t bytes; /* of payload, one way */
    uint64_t errors;
    uint64_t full, resumed; /* handshakes */
    char first_error[160];
    uint32_t *latency_us10; /* in tenths of a microsecond */
    size_t latencies, room;
};

enum client_state {
    CLIENT_FREE,   /* no connection */
    CLIENT_SHAKES, /* connect, handshake */
    CLIENT_OPENS,  /* work->open */
    CLIENT_PARKED, /* open; waits for the others */
    CLIENT_RUNS,   /* work->run */
    CLIENT_BROKEN, /* failed */
};

struct client {
    enum client_state state;
    int fd;
    bool again;           /* stands in load->again */
    uint64_t began_ns;    /* this transaction */
    SSL *ssl;             /* NULL: plain */
    SSL_SESSION *session; /* to resume */
    uint64_t sent, got;   /* bytes of the stream, without a request */
    uint64_t rounds;      /* round trips that are done */
    bool asked;           /* the request was sent */
    unsigned char ack[8];
    size_t ack_len;
    uint64_t acked;
};

struct load {
    struct load_options options;
    struct load_tally tally;
    SSL_CTX *ctx;
    int epoll_fd;
    struct client *client; /* options.clients of them */
    unsigned *again;       /* which are to be stepped without an event */
    size_t agains;
    unsigned busy; /* clients that are not done with what this phase wants */
    bool learning; /* sessions are kept */
    bool stopping; /* nothing new begins */
    uint64_t began_ns;
    uint64_t started; /* transactions that were begun, of a run by count */
};

/* ---- load_options.c ---- */

/* Ends the program where they make no sense. */
struct load_options options_parse(int argc, char **argv);

/* ---- load_client.c ---- */

/* An SSL_CTX as the options want it; ends the program if there is none. */
SSL_CTX *client_context(struct load *load);
/* Begin a connection; client_shake leads on. Errors are counted. */
void client_start(struct load *load, struct client *client);
/* Connect and shake hands, as far as it goes. */
enum load_step client_shake(struct load *load, struct client *client);
/* Bytes written or read, 0: later, -1: failed (counted), or at the end of the stream. */
ssize_t client_write(struct load *load, struct client *client, const void *bytes,
                     size_t len);
ssize_t client_read(struct load *load, struct client *client, void *bytes, size_t len);
/* close_notify, unless it is broken, and FIN. */
void client_close(struct client *client);
/* Counts an error, with what OpenSSL or else errno says of it (0: nothing), and breaks the
 * connection. */
void client_fail(struct load *load, struct client *client, const char *what);

/* ---- load_work.c ---- */

/* NULL: there is none. */
const struct load_work *work_find(const char *name);
/* Before an orderly close: is what is held still alive, and was all acknowledged? Counts an
 * error if not. */
void work_check(struct load *load, struct client *client);

/* ---- load_tally.c ---- */

uint64_t tally_now_ns(void);
noreturn void tally_die(const char *what);
/* why may be NULL. */
void tally_error(struct load_tally *tally, const char *what, const char *why);
void tally_latency(struct load_tally *tally, uint64_t ns);
/* Forget what was counted, but for the errors. */
void tally_restart(struct load_tally *tally);
/* One line of JSON. */
void tally_print(struct load_tally *tally, const struct load_options *options,
                 double seconds);

#endif
