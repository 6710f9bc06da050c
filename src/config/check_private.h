/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONFIG_CHECK_PRIVATE_H
#define CONFIG_CHECK_PRIVATE_H

#include "config/config.h"

#include <stdbool.h>

/* Shared by the files of config_check (check.c and check_*.c) only. */
struct checker {
    struct config *config;
    struct diag *diag;
    struct config_frontend *frontend; /* the one that is being looked at */
};

#define CHECK_HOST_SIZE 256

/* The text in quotes, for messages. */
const char *check_quote(const struct checker *c, const char *text);

/* A label in dots (RFC 1123, section 2.1); an underscore is seen in container names. */
bool check_is_host_name(const char *host);

/* Returns what is wrong with the path of a Unix socket, or NULL. */
const char *check_unix(struct addr *addr, const char *path);

/* The networks of a list of that setting. Those that are wrong are left out, and diag has
 * them. */
void check_nets(struct checker *c, const char *setting, const struct config_strings *from,
                struct config_nets *nets);

/* The limits of all, and allow and deny of the frontend. */
void check_limits(struct checker *c);
void check_access(struct checker *c);

/* client-cert of the frontend. */
void check_client_cert(struct checker *c);

/*
 * Sections backend NAME { }: first of all; and, when all frontends have been looked at,
 * those that nobody uses.
 */
void check_sections(struct checker *c);
void check_unused(struct checker *c);

/* What the section says of the health of its servers. */
void check_health(struct checker *c, const struct config_pool *pool);

/*
 * The number of the pool that text means, which stands at from: the name of a section, or
 * an address, which gets a pool of its own. Returns what is wrong with it, or NULL.
 */
const char *check_pool(struct checker *c, const char *text,
                       const struct config_string *from, uint32_t *number);

/* backend, sni-backend and alpn-backend of the frontend. */
void check_backends(struct checker *c);

/* source of the frontend, and whether its backends can be reached from there; after these
 * and the listening addresses. */
void check_source(struct checker *c);

#endif
