/* SPDX-License-Identifier: BSD-2-Clause */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD */
#include "chance.h"

#include <openssl/rand.h>

static uint64_t chance = 1;

static int
give_bytes(unsigned char *buf, int len)
{
    for (int i = 0; i < len; i++) {
        chance = chance * 6364136223846793005u + 1442695040888963407u;
        buf[i] = (unsigned char)(chance >> 56);
    }
    return 1;
}

static int
give_status(void)
{
    return 1;
}

int
chance_fix(void)
{
    static const RAND_METHOD method = {
        .bytes = give_bytes, .pseudorand = give_bytes, .status = give_status};

    return RAND_set_rand_method(&method);
}

void
chance_seed(uint64_t seed)
{
    chance = seed;
}
