/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_SETUP_H
#define PROC_SETUP_H

#include "base/diag.h"
#include "base/pack.h"
#include "config/config.h"
#include "core/stats.h"
#include "proc/privdrop.h"
#include "tls/cert.h"
#include "tls/tls_ticket.h"

#include <stddef.h>

/*
 * Everything that a configuration means, found out by the master alone: settings,
 * certificates and keys, names, the user that workers become. It is loaded and checked as a
 * whole, then sealed into the bundle that workers map.
 */

/* Where a configuration comes from: a file, or words of the command line. All borrowed. */
struct setup_source {
    const char *conf;                    /* NULL: the words */
    const char *listen, *backend, *file; /* file: certificate and key */
    const struct cert *cert; /* for all frontends; NULL: as they say themselves */
};

struct setup_cert {
    const char *frontend, *file, *subject; /* lent by the configuration */
    int64_t not_after;                     /* seconds since 1970-01-01 UTC */
};

struct setup_staple {
    const char *frontend, *file;      /* lent by the configuration */
    int64_t this_update, next_update; /* seconds since 1970-01-01 UTC */
};

struct setup {
    struct config *config;   /* owned */
    struct privdrop who;     /* what workers become */
    unsigned workers;        /* how many */
    struct setup_cert *cert; /* frontend by frontend; of one in the order of expiry */
    size_t certs;
    struct setup_staple *staple; /* one for each of them that has a good OCSP response */
    size_t staples;
    uint64_t stamp;       /* of the files of certificates, from before they were read */
    uint64_t loaded_us;   /* since 1970-01-01 UTC */
    int bundle;           /* the sealed memfd; -1: none yet */
    struct pack key_list; /* of keys that stay in their tokens (key_keep), until sealed */
    int keys;             /* that list as a sealed memfd, for the keeper only; -1: none */
    int key_log;          /* see proc/keylog; -1: none */
    void *map;            /* that config lies in, if it was restored; or NULL */
    size_t map_len;
};

/*
 * What frontends keep by their names for the life of the master: the place in what is
 * counted, and the secret of session tickets, so that sessions outlive a reload and an
 * upgrade. And the places of servers.
 */
struct setup_place {
    char *name; /* owned; NULL: free */
    unsigned char ticket_secret[TLS_TICKET_SECRET];
};

struct setup_places {
    struct setup_place item[STATS_FRONTS]; /* STATS_OTHER is nobody's */
    char *server[STATS_SERVERS]; /* owned: backend and server; NULL: free. Likewise */
};

/*
 * Load and check it. Every mistake goes to diag, all in one run. Returns it for setup_free,
 * also with mistakes: look at diag_errors.
 */
struct setup *setup_load(const struct setup_source *source, struct diag *diag);

/*
 * The same with the settings of old, which are not read again: only certificates and keys
 * are. Both are to be freed, in any order.
 */
struct setup *setup_renew(const struct setup_source *source, struct setup *old,
                          struct diag *diag);

/*
 * The setup of a bundle and a list of keys (or -1) that were in force before, which are
 * taken from *bundle and *keys (then -1). As setup_load, but without places in files.
 */
struct setup *setup_restore(const struct setup_source *source, int *bundle, int *keys,
                            struct diag *diag);

/* Make the bundle, and open the key log. What keeps it from that goes to diag. */
void setup_seal(struct setup *setup, struct setup_places *places, struct diag *diag);

/*
 * The place of that name, given to it if it has none yet; NULL when there is no free one or
 * no memory.
 */
struct setup_place *setup_place(struct setup_places *places, const char *name);

/* The same with a secret that is known already: of the program of before. 0, or -1. */
int setup_place_restore(struct setup_places *places, const char *name, const void *secret,
                        size_t len) ATTR_MUST_CHECK;

/*
 * Give each server of the backends that are used its place, by the names of both, which it
 * keeps over reloads; STATS_OTHER where there is none left.
 */
void setup_place_servers(struct setup_places *places, struct config *config);

/* They have places already, since config has been in force: that of setup_restore. */
void setup_adopt_servers(struct setup_places *places, const struct config *config);

/* NULL is allowed. */
void setup_free(struct setup *setup);
void setup_places_clear(struct setup_places *places);

#endif
