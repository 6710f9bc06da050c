/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include <stddef.h>

/*
 * The blocks of a PEM file (RFC 7468), with the lines where they begin. What is within a
 * block is not looked at: that is OpenSSL's.
 */
struct pem {
    const char *bytes; /* lent */
    size_t len;
    size_t at;     /* read up to here; begin with 0 */
    unsigned line; /* the number of the last line read, from 1; begin with 0 */
};

/* From the line BEGIN to the line END, both included. */
struct pem_block {
    const char *begin; /* within the bytes of the file */
    size_t len;
    char label[64]; /* "CERTIFICATE", "PRIVATE KEY" ...; cut if longer */
    unsigned line;  /* of BEGIN */
};

enum pem_result {
    PEM_BLOCK,
    PEM_DONE,  /* no further BEGIN */
    PEM_BROKEN /* a BEGIN without its END: label and line are set */
};

/* Take the next block. What is between blocks is passed over. */
enum pem_result pem_next(struct pem *pem, struct pem_block *block);

#endif
