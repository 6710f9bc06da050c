/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A place in what the operator wrote. file is lent by the configuration. */
struct pos {
    const char *file; /* NULL: no file (the command line) */
    unsigned line;    /* from 1; 0: no line */
};

/*
 * The mistakes and warnings found while a configuration is read and checked:
 * collected, so that one run tells all of them, and kept in the order of
 * file and line in which they were added.
 */
struct diag;

struct diag *diag_new(void);
void diag_free(struct diag *diag);

/* Add one sentence, without final full stop or newline. Copies everything. */
void diag_error(struct diag *diag, struct pos pos, const char *format, ...)
    ATTR_PRINTF(3, 4);
void diag_warning(struct diag *diag, struct pos pos, const char *format, ...)
    ATTR_PRINTF(3, 4);

/* How many errors (warnings are not counted). */
size_t diag_errors(const struct diag *diag);

/*
 * Write them, sorted by file (in order of first mention) and line, one to a line:
 * "FILE:LINE: sentence" or "FILE:LINE: warning: sentence"; without a file
 * "command line: sentence"; without a line "FILE: sentence". Control characters become '?'.
 */
void diag_print(struct diag *diag, FILE *out);

/*
 * Call each for every entry in the order of diag_print. text is "FILE:LINE: sentence",
 * without "warning:", and is lent for the call.
 */
void diag_each(struct diag *diag, void (*each)(void *arg, bool is_error, const char *text),
               void *arg);

#endif
