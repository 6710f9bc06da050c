/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef E2E_CLOSING_OPTIONS_H
#define E2E_CLOSING_OPTIONS_H

#include "base/addr.h"
#include "base/attr.h"
#include "e2e/closing_stage.h"

#include <stdbool.h>

/* The command line of closing-test. */

#define CLOSING_PAIRS_MAX 16

struct closing_options {
    struct closing_settings settings;
    struct addr fronts[CLOSING_PAIRS_MAX];
    struct addr backends[CLOSING_PAIRS_MAX];
    unsigned n_fronts, n_backends;
    const char *cases; /* borrowed from argv; NULL: all */
    unsigned profile;  /* one of enum closing_profile */
    unsigned versions; /* bit 0: TLS 1.2, bit 1: TLS 1.3 */
    unsigned repeat;
    unsigned jobs;
    bool list;
    bool verbose;
};

/*
 * Parse argv. Returns -1, or the exit status with which the program has to end
 * (what there is to say has been printed).
 */
int closing_options_parse(struct closing_options *o, int argc, char **argv) ATTR_MUST_CHECK;

/* The name of one bit of enum closing_profile. */
const char *closing_profile_name(unsigned bit);

#endif
