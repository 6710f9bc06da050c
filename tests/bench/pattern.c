/* SPDX-License-Identifier: BSD-2-Clause */
#include "pattern.h"

#include <stddef.h>

static unsigned char bytes[PATTERN_PERIOD + PATTERN_RUN];

void
pattern_make(void)
{
    uint32_t noise = 2463534242;

    for (size_t i = 0; i < PATTERN_PERIOD; i++) {
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        bytes[i] = (unsigned char)noise;
    }
    bytes[0] = PATTERN_ECHO;
    for (size_t i = PATTERN_PERIOD; i < sizeof(bytes); i++)
        bytes[i] = bytes[i - PATTERN_PERIOD];
}

const unsigned char *
pattern_at(uint64_t at)
{
    return bytes + at % PATTERN_PERIOD;
}
