/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_BALANCE_H
#define CORE_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which server of a backend the next connection goes to. Pure: the state of the servers in,
 * a number out. Backups count only while no other server is a candidate.
 *
 * ROUND_ROBIN goes through the servers in turn, each as often as its weight says, and
 * evenly spread ("smooth": a a b, with weights 2 and 1, is a b a). LEAST_CONNECTIONS takes
 * the one with the fewest for its weight; of equal ones each in turn. SOURCE always takes
 * the same one for a client: each server has a score for each client, and the highest wins
 * (rendezvous hashing), so that a server that goes takes only its own clients along, and
 * one that comes takes an equal share from all others. FIRST takes the first candidate in
 * order.
 */
enum balance {
    BALANCE_ROUND_ROBIN,
    BALANCE_LEAST_CONNECTIONS,
    BALANCE_SOURCE,
    BALANCE_FIRST
};

/* The servers of a backend at most: a set of them is the bits of a number. */
#define BALANCE_SERVERS_MAX 64
#define BALANCE_NONE BALANCE_SERVERS_MAX

#define BALANCE_WEIGHT_MAX 256

/* Weights may be given so many times as high, for a share of one: all of them at once. */
#define BALANCE_WEIGHT_SCALE 256

/* What is known of a server. The caller's, who keeps it between calls. */
struct balance_server {
    uint64_t id;     /* that of its name, see balance_hash; for SOURCE */
    uint32_t weight; /* 1 to BALANCE_WEIGHT_MAX * BALANCE_WEIGHT_SCALE */
    uint32_t live;   /* connections now; for LEAST_CONNECTIONS */
    bool usable;     /* false: it is no candidate */
    bool backup;
    int32_t credit; /* of ROUND_ROBIN, begins with 0: only balance_choose changes it */
};

/* The servers of a backend, and where it stands. Begins with turn at any number. */
struct balance_state {
    struct balance_server *server;
    unsigned count; /* BALANCE_SERVERS_MAX at most */
    unsigned turn;  /* whose turn it is among equal ones */
};

/*
 * The number of a server that is usable and not in tried (bit by number), or BALANCE_NONE.
 * client is balance_hash of its address; only SOURCE looks at it.
 */
unsigned balance_choose(enum balance how, struct balance_state *state, uint64_t tried,
                        uint64_t client);

/* How many more balance_choose would find, as things are. */
unsigned balance_left(const struct balance_state *state, uint64_t tried);

/* The same number for the same bytes in every process and release, spread evenly. */
uint64_t balance_hash(const void *bytes, size_t len);

#endif
