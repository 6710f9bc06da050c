/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "base/attr.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libFuzzer, or replay.c, calls with each input. Each fuzz_NAME.c defines it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void ATTR_NORETURN
fuzz_fail(const char *file, int line, const char *law)
{
    fprintf(stderr, "%s:%d: broken: %s\n", file, line, law);
    abort();
}

/* A law that has to hold: if not, the program dies, and libFuzzer keeps the input. */
#define MUST(law) ((law) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #law))

/* An input that is taken apart from its beginning. */
struct fuzz_input {
    const uint8_t *data;
    size_t size;
    size_t at;
};

/* The next byte; 0 behind the last. */
static inline uint8_t
fuzz_byte(struct fuzz_input *in)
{
    return in->at < in->size ? in->data[in->at++] : 0;
}

/* The next eight bytes, the lowest first. */
static inline uint64_t
fuzz_number(struct fuzz_input *in)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < 8; i++)
        number |= (uint64_t)fuzz_byte(in) << (8 * i);
    return number;
}

/*
 * A copy of the bytes up to the next NUL (which is skipped), or of what is left; to be
 * freed. It has exactly the size that it needs, so that AddressSanitizer sees an overrun.
 */
static inline char *
fuzz_string(struct fuzz_input *in)
{
    size_t left = in->size - in->at;
    size_t len = left > 0 ? strnlen((const char *)in->data + in->at, left) : 0;
    char *string = malloc(len + 1);

    MUST(string != NULL);
    if (len > 0)
        memcpy(string, in->data + in->at, len);
    string[len] = '\0';
    in->at += len < left ? len + 1 : len;
    return string;
}

#endif
