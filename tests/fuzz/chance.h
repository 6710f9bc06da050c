/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FUZZ_CHANCE_H
#define FUZZ_CHANCE_H

#include <stdint.h>

/* From now on OpenSSL's random bytes are the same in each run. Returns 1, or 0. */
int chance_fix(void);

/* And these begin anew. */
void chance_seed(uint64_t seed);

#endif
