/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CERT_FILE_H
#define TLS_CERT_FILE_H

#include "base/attr.h"
#include "base/diag.h"
#include "base/file.h"
#include "config/config.h"

#include <stdbool.h>

/* A file of certificates or keys while it is read. */
struct cert_file {
    const struct config_string *from; /* borrowed: its path, and where that was written */
    struct diag *diag;                /* borrowed */
    struct file content;              /* owned */
    bool public;                      /* every user may read or change it */
    bool failed;                      /* diag has it */
};

/*
 * Read the file, of 1 MiB at most, with a NUL behind its bytes. Returns 0, or -1 with an
 * error in diag. cert_file_close has to follow in either case.
 */
int cert_file_open(struct cert_file *file, const struct config_string *from,
                   struct diag *diag) ATTR_MUST_CHECK;
void cert_file_close(struct cert_file *file);

/*
 * An error at the place of the setting about a line of the file (0: about all of it):
 * "FILE, line N: sentence". Sets failed.
 */
void cert_file_complain(struct cert_file *file, unsigned line, const char *format, ...)
    ATTR_PRINTF(3, 4);

#endif
