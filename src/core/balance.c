/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/balance.h"

/* Binary digits behind the point of log2_of. */
#define LOG_DIGITS 24

/* A bijection that leaves no bit where it was (the finalizer of SplitMix64). */
static uint64_t
mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* FNV-1a, whose low bits alone are poor. */
uint64_t
balance_hash(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return mix(hash);
}

static bool
is_candidate(const struct balance_server *s, unsigned number, uint64_t tried, bool backup)
{
    return s->usable && s->backup == backup && (tried >> number & 1) == 0;
}

/* The candidates among the backups, or among the others. */
static uint64_t
find_candidates(const struct balance_state *state, uint64_t tried, bool backup)
{
    uint64_t found = 0;

    for (unsigned i = 0; i < state->count; i++)
        if (is_candidate(&state->server[i], i, tried, backup))
            found |= UINT64_C(1) << i;
    return found;
}

static uint64_t
candidates(const struct balance_state *state, uint64_t tried)
{
    uint64_t found = find_candidates(state, tried, false);

    return found != 0 ? found : find_candidates(state, tried, true);
}

static unsigned
choose_in_turn(struct balance_state *state, uint64_t among)
{
    unsigned best = BALANCE_NONE;
    int32_t total = 0;

    for (unsigned k = 0; k < state->count; k++) {
        unsigned i = (state->turn + k) % state->count;
        struct balance_server *s = &state->server[i];

        if ((among >> i & 1) == 0)
            continue;
        s->credit += (int32_t)s->weight;
        total += (int32_t)s->weight;
        if (best == BALANCE_NONE || s->credit > state->server[best].credit)
            best = i;
    }
    state->server[best].credit -= total;
    return best;
}

/* Has a fewer than b for its weight, with the connection that is to come? */
static bool
has_fewer(const struct balance_server *a, const struct balance_server *b)
{
    return (a->live + UINT64_C(1)) * b->weight < (b->live + UINT64_C(1)) * a->weight;
}

static unsigned
choose_least(struct balance_state *state, uint64_t among)
{
    unsigned best = BALANCE_NONE;

    for (unsigned k = 0; k < state->count; k++) {
        unsigned i = (state->turn + k) % state->count;

        if ((among >> i & 1) != 0 &&
            (best == BALANCE_NONE || has_fewer(&state->server[i], &state->server[best])))
            best = i;
    }
    state->turn = best + 1;
    return best;
}

/* -log2(x / 2^32), for x from 1 to 2^32 - 1, with LOG_DIGITS digits behind the point. */
static uint64_t
log2_of(uint32_t x)
{
    unsigned whole = 31 - (unsigned)__builtin_clz(x);
    uint64_t y = (uint64_t)x << (31 - whole); /* from 1 to 2, with 31 digits */
    uint64_t log = whole;

    for (unsigned i = 0; i < LOG_DIGITS; i++) {
        unsigned digit;

        y = y * y >> 31;
        digit = (unsigned)(y >> 32);
        y >>= digit;
        log = log << 1 | digit;
    }
    return (UINT64_C(32) << LOG_DIGITS) - log;
}

/*
 * -log(u) / weight, of u at random from 0 to 1, is least for a server as often as its
 * weight says. Without weights that is the highest u.
 */
static unsigned
choose_by_source(const struct balance_state *state, uint64_t among, uint64_t client)
{
    unsigned best = BALANCE_NONE;
    uint64_t least = 0;

    for (unsigned i = 0; i < state->count; i++) {
        const struct balance_server *s = &state->server[i];
        uint32_t score;
        uint64_t log;

        if ((among >> i & 1) == 0)
            continue;
        score = (uint32_t)(mix(s->id ^ client) >> 32);
        log = log2_of(score != 0 ? score : 1);
        if (best == BALANCE_NONE || log * state->server[best].weight < least * s->weight) {
            best = i;
            least = log;
        }
    }
    return best;
}

unsigned
balance_choose(enum balance how, struct balance_state *state, uint64_t tried,
               uint64_t client)
{
    uint64_t among = candidates(state, tried);

    if (among == 0)
        return BALANCE_NONE;
    switch (how) {
    case BALANCE_ROUND_ROBIN:
        return choose_in_turn(state, among);
    case BALANCE_LEAST_CONNECTIONS:
        return choose_least(state, among);
    case BALANCE_SOURCE:
        return choose_by_source(state, among, client);
    case BALANCE_FIRST:
        break;
    }
    return (unsigned)__builtin_ctzll(among);
}

unsigned
balance_left(const struct balance_state *state, uint64_t tried)
{
    return (unsigned)__builtin_popcountll(find_candidates(state, tried, false) |
                                          find_candidates(state, tried, true));
}
