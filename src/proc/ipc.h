/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_IPC_H
#define PROC_IPC_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Messages between the master and its children, over a socket pair of SOCK_SEQPACKET that
 * is the child's descriptor IPC_CHILD_FD. Both ends trust one another's form (the same
 * binary, but for IPC_DRAIN and IPC_LOG, which a newer master may send to a worker of an
 * older one: their numbers and contents never change). That the channel has ended means
 * that the master is gone.
 */
#define IPC_CHILD_FD 3

/* Descriptors that one message may carry (the kernel's SCM_MAX_FD is 253). */
#define IPC_FDS_MAX 128
#define IPC_BYTES_MAX 8192

enum ipc_type {
    /* To a child. */
    IPC_START = 1,  /* first of all: struct ipc_start; descriptors: its stats_page, the
                       stats_shared (a worker), its listening socket (admin) */
    IPC_CONFIG = 2, /* make this ready: struct ipc_config; descriptors: the bundle, the key
                       log if there is one */
    IPC_LISTENERS = 3, /* go with the last IPC_CONFIG: struct ipc_listener, one for each
                          descriptor */
    IPC_SWITCH = 4,    /* serve what was made ready */
    IPC_FORGET = 5,    /* do not */
    IPC_LOG = 6,       /* struct ipc_log: write the log to this descriptor */
    IPC_DRAIN = 7,     /* no new clients; struct ipc_drain. Ends the process */
    IPC_CUT = 8,       /* abort all connections now */
    IPC_KEYS = 9, /* to the keeper, make these ready: struct ipc_done; a descriptor: their
                     list (key_keep) */
    IPC_KEEPER = 10, /* a socket by which a worker and the keeper speak; none, to a worker:
                        there is no keeper any more */

    /* From a worker. */
    IPC_PREPARED = 20, /* struct ipc_done: it is ready to be switched to */
    IPC_FAILED = 21,   /* struct ipc_failed: it is not */
    IPC_SERVING = 22,  /* struct ipc_done: switched */

    /* Between admin and master. */
    IPC_ASK = 40,   /* struct ipc_ask */
    IPC_ANSWER = 41 /* struct ipc_answer; a descriptor: the body (a memfd, from offset 0) */
};

struct ipc_start {
    uint32_t slot;
    uint32_t root; /* who the child is to be: struct privdrop */
    uint32_t uid;
    uint32_t gid;
    uint32_t filter;
    uint32_t no_chroot;
    uint32_t transparent;
    uint32_t may_start;
};

struct ipc_config {
    uint64_t generation;
    uint64_t listeners; /* that follow, in all */
};

struct ipc_done {
    uint64_t generation;
};

#define IPC_WORDS_MAX 512
struct ipc_failed {
    uint64_t generation;
    char words[IPC_WORDS_MAX]; /* a sentence; only its bytes are sent */
};

struct ipc_log { /* see log_attach */
    uint32_t framed, level, format;
};

struct ipc_listener {
    uint32_t frontend; /* index */
    uint32_t listen;   /* index of the address within it */
};

struct ipc_drain {
    uint32_t timeout_ms; /* IPC_NO_TIMEOUT: as long as connections last */
};
#define IPC_NO_TIMEOUT UINT32_MAX

enum ipc_question {
    IPC_ASK_HEALTH,
    IPC_ASK_READY,
    IPC_ASK_METRICS,
    IPC_ASK_PAGE,
    IPC_QUESTIONS
};

struct ipc_ask {
    uint32_t id; /* comes back with the answer */
    uint32_t question;
};

struct ipc_answer {
    uint32_t id;
    uint32_t status; /* of HTTP */
    char type[64];   /* Content-Type */
};

struct ipc_message {
    enum ipc_type type;
    size_t len;
    union {
        unsigned char bytes[IPC_BYTES_MAX + 1]; /* len of them, and a NUL behind them */
        struct ipc_start start;
        struct ipc_config config;
        struct ipc_listener listener[IPC_FDS_MAX];
        struct ipc_done done;
        struct ipc_failed failed;
        struct ipc_log log;
        struct ipc_drain drain;
        struct ipc_ask ask;
        struct ipc_answer answer;
    } u;
    int fd[IPC_FDS_MAX]; /* close-on-exec; the receiver's to close */
    size_t fds;
};

/* A new channel: end[0] is the master's; both close-on-exec, non-blocking. 0, or -1 with
 * errno. */
int ipc_pair(int end[2]) ATTR_MUST_CHECK;

/*
 * Send a message: len bytes of data and copies of fds descriptors. Never blocks. Returns 0,
 * or -1 with errno (EPIPE: the other side is gone; EAGAIN: it does not read; EMSGSIZE: more
 * than a message may have).
 */
int ipc_send(int channel, enum ipc_type type, const void *data, size_t len, const int *fd,
             size_t fds) ATTR_MUST_CHECK;

enum ipc_result {
    IPC_MESSAGE,
    IPC_NOTHING, /* nothing is there now */
    IPC_GONE     /* the other side has closed, or the channel is broken */
};

/*
 * Take the next message. What is shorter than its type's struct counts as IPC_GONE, as does
 * a message whose descriptors the process has no room for. What the other side sent before
 * it closed still arrives.
 */
enum ipc_result ipc_receive(int channel, struct ipc_message *message) ATTR_MUST_CHECK;

/* Close the descriptors that are still in the message; those taken have been set to -1. */
void ipc_close_fds(struct ipc_message *message);

#endif
