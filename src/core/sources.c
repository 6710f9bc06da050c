/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/sources.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

/* The word of a source: 24 bits of the hash, and two counts. */
#define COUNT_BITS 20
#define COUNT_MAX ((UINT64_C(1) << COUNT_BITS) - 1)
#define CONNECTION (UINT64_C(1) << COUNT_BITS)
#define HANDSHAKE UINT64_C(1)
#define WHO_SHIFT (2 * COUNT_BITS)

static uint64_t
who_of(uint64_t word)
{
    return word >> WHO_SHIFT;
}

static uint32_t
connections_of(uint64_t word)
{
    return (uint32_t)(word >> COUNT_BITS & COUNT_MAX);
}

static uint32_t
handshakes_of(uint64_t word)
{
    return (uint32_t)(word & COUNT_MAX);
}

static bool
has_connections(uint64_t word)
{
    return (word & ((UINT64_C(1) << WHO_SHIFT) - 1)) != 0;
}

static uint64_t
load(const struct source *source)
{
    return atomic_load_explicit(&source->word, memory_order_relaxed);
}

/* ---- Who is who ---- */

/* Numbers for IPv4 lie where no IPv6 network does: in 0:ffff::/32 (RFC 4291, 2.4). */
#define KEY_IPV4 UINT64_C(0x0000ffff00000000)
#define KEY_ZERO UINT64_C(0x0000fffe00000000) /* of ::/64, where ::1 is */

static uint64_t
key_of_ipv4(uint32_t address)
{
    return KEY_IPV4 | address;
}

static uint64_t
big_endian(const unsigned char *bytes, unsigned count)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

uint64_t
source_key(const struct addr *a)
{
    const unsigned char *ipv6 = a->u.in6.sin6_addr.s6_addr;
    uint64_t key;

    if (a->len == 0)
        return 0;
    switch (a->u.sa.sa_family) {
    case AF_INET:
        return key_of_ipv4(ntohl(a->u.in.sin_addr.s_addr));
    case AF_INET6:
        if (IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
            return key_of_ipv4((uint32_t)big_endian(ipv6 + 12, 4));
        key = big_endian(ipv6, 8);
        return key != 0 ? key : KEY_ZERO;
    default:
        return 0;
    }
}

const char *
source_format(uint64_t key, char buf[SOURCE_TEXT_SIZE])
{
    unsigned char bytes[16] = {0};
    char address[INET6_ADDRSTRLEN];
    bool ipv4 = key >> 32 == KEY_IPV4 >> 32;
    unsigned count = ipv4 ? 4 : 8;
    struct text t;

    text_init(&t, buf, SOURCE_TEXT_SIZE);
    if (key == 0) {
        text_add(&t, "a Unix socket");
        return buf;
    }
    for (unsigned i = 0; i < count && key != KEY_ZERO; i++)
        bytes[i] = (unsigned char)(key >> (8 * (count - 1 - i)));
    if (inet_ntop(ipv4 ? AF_INET : AF_INET6, bytes, address, sizeof(address)) != NULL)
        text_addf(&t, ipv4 ? "%s" : "%s/64", address);
    return buf;
}

static uint64_t
rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void
sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static void
sip_block(uint64_t v[4], uint64_t block)
{
    v[3] ^= block;
    sip_round(v);
    sip_round(v);
    v[0] ^= block;
}

uint64_t
sources_hash(const uint64_t secret[2], uint64_t key)
{
    uint64_t v[4] = {
        secret[0] ^ UINT64_C(0x736f6d6570736575), secret[1] ^ UINT64_C(0x646f72616e646f6d),
        secret[0] ^ UINT64_C(0x6c7967656e657261), secret[1] ^ UINT64_C(0x7465646279746573)};

    sip_block(v, key);
    sip_block(v, UINT64_C(8) << 56); /* the length */
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- Places ---- */

struct search {
    uint64_t who;
    struct source *set; /* SOURCES_WAYS of them */
};

static struct search
search_for(struct sources *table, uint64_t key)
{
    uint64_t hash = sources_hash(table->secret, key);
    struct search s;

    s.who = hash >> WHO_SHIFT;
    if (s.who == 0) /* nobody */
        s.who = 1;
    s.set = &table->source[hash % SOURCES_SETS * SOURCES_WAYS];
    return s;
}

/* *word is what it has. */
static struct source *
find(const struct search *s, uint64_t *word)
{
    for (unsigned i = 0; i < SOURCES_WAYS; i++) {
        *word = load(&s->set[i]);
        if (who_of(*word) == s->who)
            return &s->set[i];
    }
    return NULL;
}

/* One that another may have; *word is what it was then. NULL: all have connections. */
static struct source *
find_free(const struct search *s, uint64_t now_us, uint64_t *word)
{
    uint64_t nearest = UINT64_MAX;
    struct source *found = NULL;

    for (unsigned i = 0; i < SOURCES_WAYS; i++) {
        struct source *source = &s->set[i];
        uint64_t seen = load(source), full_ns;

        if (has_connections(seen))
            continue;
        full_ns = bucket_is_full(&source->bucket, now_us)
                      ? 0
                      : atomic_load_explicit(&source->bucket.full_ns, memory_order_relaxed);
        if (full_ns >= nearest)
            continue;
        nearest = full_ns;
        found = source;
        *word = seen;
    }
    return found;
}

/* ---- Counting ---- */

/* Take off so much, but never what is not there. */
static void
take_off(struct source *source, uint32_t connections, uint32_t handshakes)
{
    uint64_t word = load(source), less;

    do {
        uint32_t c = connections_of(word), h = handshakes_of(word);

        less = (c < connections ? c : connections) * CONNECTION +
               (h < handshakes ? h : handshakes) * HANDSHAKE;
    } while (!atomic_compare_exchange_weak_explicit(
        &source->word, &word, word - less, memory_order_acq_rel, memory_order_relaxed));
}

static enum source_verdict
judge(struct source *source, uint64_t word, const struct source_limits *limits,
      uint64_t now_us)
{
    uint32_t c = connections_of(word), h = handshakes_of(word);

    if ((limits->connections > 0 && c >= limits->connections) || c == COUNT_MAX)
        return SOURCE_CONNECTIONS;
    if ((limits->handshakes > 0 && h >= limits->handshakes) || h == COUNT_MAX)
        return SOURCE_HANDSHAKES;
    return bucket_has(&source->bucket, &limits->rate, now_us) ? SOURCE_IN : SOURCE_RATE;
}

/*
 * A worker's page says what is taken off when it dies, and it can die anywhere. So the page
 * has always as much as the table, or more: to take off too much lets one client too many
 * in, too little would keep one out for ever.
 */
static bool
count(struct source *source, struct source_held *held, uint64_t word, uint64_t counted)
{
    held->connections++;
    held->handshakes++;
    if (atomic_compare_exchange_strong_explicit(&source->word, &word, counted,
                                                memory_order_acq_rel, memory_order_relaxed))
        return true;
    held->connections--;
    held->handshakes--;
    return false;
}

/* Be counted at a place of one's own, or else at a free one. Whoever has lost a race looks
 * again. */
static enum source_verdict
claim(struct sources *table, struct source_held *held, const struct search *s,
      const struct source_limits *limits, uint64_t now_us, uint32_t *place)
{
    enum source_verdict verdict;
    struct source *source;
    uint64_t word, before;
    bool is_new;

    do {
        source = find(s, &word);
        is_new = source == NULL;
        before = word;
        if (is_new) {
            source = find_free(s, now_us, &word);
            before = s->who << WHO_SHIFT;
        } else if ((verdict = judge(source, word, limits, now_us)) != SOURCE_IN) {
            return verdict;
        }
        if (source == NULL)
            return SOURCE_UNTRACKED;
        *place = (uint32_t)(source - table->source);
    } while (!count(source, &held[*place], word, before + CONNECTION + HANDSHAKE));
    if (is_new) /* what another owed is not ours to pay */
        atomic_store_explicit(&source->bucket.full_ns, 0, memory_order_relaxed);
    return SOURCE_IN;
}

enum source_verdict
sources_enter(struct sources *table, struct source_held *held, uint64_t key,
              const struct source_limits *limits, uint64_t now_us, uint32_t *place)
{
    struct search s = search_for(table, key);
    enum source_verdict verdict = claim(table, held, &s, limits, now_us, place);

    if (verdict == SOURCE_IN &&
        !bucket_take(&table->source[*place].bucket, &limits->rate, now_us)) {
        sources_handshake_over(table, held, *place); /* another worker took the last one */
        sources_leave(table, held, *place);
        return SOURCE_RATE;
    }
    return verdict;
}

void
sources_handshake_over(struct sources *table, struct source_held *held, uint32_t place)
{
    take_off(&table->source[place], 0, 1);
    held[place].handshakes--;
}

void
sources_leave(struct sources *table, struct source_held *held, uint32_t place)
{
    take_off(&table->source[place], 1, 0);
    held[place].connections--;
}

void
sources_undo(struct sources *table, struct source_held *held,
             const struct source_limits *limits, uint32_t place)
{
    bucket_give_back(&table->source[place].bucket, &limits->rate);
    sources_handshake_over(table, held, place);
    sources_leave(table, held, place);
}

void
sources_give_back(struct sources *table, const struct source_held *held)
{
    for (uint32_t i = 0; i < SOURCES; i++)
        if (held[i].connections > 0 || held[i].handshakes > 0)
            take_off(&table->source[i], held[i].connections, held[i].handshakes);
}

struct source_held
sources_count(struct sources *table, uint64_t key)
{
    struct search s = search_for(table, key);
    uint64_t word;

    if (find(&s, &word) == NULL)
        word = 0;
    return (struct source_held){connections_of(word), handshakes_of(word)};
}
