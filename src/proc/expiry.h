/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_EXPIRY_H
#define PROC_EXPIRY_H

#include "base/attr.h"
#include "proc/setup.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Certificates that are about to expire. Times are seconds since 1970-01-01 UTC. */

/* The log tells of a certificate so many days before it expires, and each day. */
#define EXPIRY_DAYS 21
#define EXPIRY_DAY 86400

/* The exit status of --check-certs that there are some. */
#define EXIT_EXPIRY 4

/*
 * How long ahead --check-certs looks: "21d", "12h", or NULL for EXPIRY_DAYS; up to ten
 * years. Returns 0 and sets *seconds, or -1.
 */
int expiry_parse(const char *text, int64_t *seconds) ATTR_MUST_CHECK;

/*
 * Print a line for each certificate that has expired by then, or will have within so many
 * seconds, frontend by frontend, the first one first. Returns how many.
 */
size_t expiry_print(const struct setup *setup, int64_t now, int64_t within, FILE *out);

/*
 * Call each with a sentence, lent for the call, for each certificate that expires within
 * EXPIRY_DAYS days, or, if expired, has done so; for a handful of each frontend, then with
 * one about how many there are besides.
 */
void expiry_each(const struct setup *setup, int64_t now, bool expired,
                 void (*each)(void *arg, const char *sentence), void *arg);

/* When the log has to tell again that was told last at that time: a day later. */
bool expiry_is_due(int64_t last, int64_t now);

struct master;

/* Tell the log of the certificates in force, and again each day; also after a reload. */
void expiry_begin(struct master *m);
void expiry_clear(struct master *m);

#endif
