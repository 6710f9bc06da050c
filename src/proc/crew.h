/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_CREW_H
#define PROC_CREW_H

#include "base/attr.h"
#include "core/stats.h"
#include "proc/child.h"
#include "proc/listeners.h"
#include "proc/setup.h"

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

/*
 * The master's children: starting them, talking to them, and noticing that they are gone. A
 * worker has a slot, and a successor where it dies; one that has been replaced (after a
 * reload that needs new processes, or by a binary upgrade) goes on until its last
 * connection has ended.
 */
#define CREW_SLOTS 256

enum crew_state {
    CREW_STARTING,
    CREW_SERVING,
    CREW_RETIRING /* its slot is another's; it was told to end with its connections */
};

struct crew_child {
    TAILQ_ENTRY(crew_child) link;
    struct crew *crew;
    enum child_role role;
    enum crew_state state;
    bool replaced; /* is to retire as soon as its successor serves */
    unsigned slot;
    pid_t pid;
    int channel; /* -1: closed */
    struct event *messages;
    uint64_t start_us, start_ms; /* of clock_wall_us, of clock_ms */
    uint64_t prepared, serving;  /* generations; 0: none yet */
    int page_fd;
    struct stats_page *page; /* NULL: of the program of before, or no worker */
};

struct crew_slot {
    struct crew *crew;
    enum child_role role;
    unsigned number;
    unsigned failures; /* deaths in a row, each soon after the start */
    struct event *restart;
};

struct crew {
    struct event_base *base; /* borrowed */
    TAILQ_HEAD(, crew_child) children;
    struct crew_slot slot[CREW_SLOTS];    /* of workers */
    struct crew_slot single[CHILD_ROLES]; /* of the others */
    struct stats_page *past;              /* what workers have counted that are gone */
    struct stats_page *sum;
    struct stats_shared *shared;
    int shared_fd;
    uint64_t restarts; /* workers that were replaced because they died */
    bool ending;       /* nobody who is gone is replaced */

    /* Called for every message of a child, and after one has gone (with *status of waitpid;
     * the child is freed afterwards); for a slot whose worker is to be started again.
     * Borrowed. */
    void (*on_message)(void *owner, struct crew_child *child, struct ipc_message *message);
    void (*on_gone)(void *owner, const struct crew_child *child, int status);
    void (*on_stranger)(void *owner, pid_t pid,
                        int status); /* no child of crew_start has gone */
    void (*on_vacant)(void *owner, enum child_role role, unsigned slot);
    void *owner;
};

/* Returns 0, or -1 with errno (clear it all the same). Borrows base. */
int crew_init(struct crew *crew, struct event_base *base) ATTR_MUST_CHECK;

/* Forget all children; those that are still there see the channel end. */
void crew_clear(struct crew *crew);

/*
 * Start a child that becomes `who`, and tell it so; socket (lent; -1: none) is what it
 * listens on (admin, demo). Returns it, or NULL after a line in the log: then on_vacant
 * tries again.
 */
struct crew_child *crew_start(struct crew *crew, enum child_role role, unsigned slot,
                              const struct privdrop *who, int socket);

/* A child of the program that this process was before. NULL without memory; takes channel.
 */
struct crew_child *crew_adopt(struct crew *crew, pid_t pid, unsigned slot, int channel);

/* Send; a child that takes no message any more is killed (its exit is noticed as usual). */
void crew_send(struct crew_child *child, enum ipc_type type, const void *data, size_t len,
               const int *fd, size_t fds);

/*
 * Have a worker prepare a configuration: the bundle, and its sockets of the listeners;
 * those that do not listen yet only with standby.
 */
void crew_send_setup(struct crew_child *child, const struct setup *setup,
                     uint64_t generation, const struct listeners *listeners, bool standby);

/* The worker of a slot that is not to be replaced; or NULL. The first child of another
 * role. */
struct crew_child *crew_find(struct crew *crew, enum child_role role, unsigned slot);

/* Close its channel, at which an admin or demo process ends. */
void crew_dismiss(struct crew_child *child);

/* Tell it to end with its last connection. */
void crew_retire(struct crew_child *child);

/* SIGCHLD: take note of all that have ended. Also reaps what others have left to process 1.
 */
void crew_reap(struct crew *crew);

/* How many workers there are, retiring ones included. */
unsigned crew_workers(const struct crew *crew);

/* Connections of one worker now, and of all. */
uint64_t crew_live(const struct crew_child *child);
uint64_t crew_live_all(const struct crew *crew);

/* What all workers have counted; valid until the next call. */
const struct stats_page *crew_sum(struct crew *crew);

#endif
