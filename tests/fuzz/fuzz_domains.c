/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of certificates and of clients (core/domains). The first byte tells what follows:
 * 0: the bytes of an index, up to the last 16, which are a name that is looked up in it;
 * else strings, the last of which is a client's name and the others certificates' names.
 * What is found has to be what a plain walk over the names finds, by the words of RFC 9525,
 * section 6.3.
 */
#include "core/domains.h"
#include "fuzz.h"

#include <stdbool.h>

#define NAMES_MAX 16
#define LOOKED_UP 16

static bool
in_one_form(const char *name, size_t len, bool pattern)
{
    char again[DOMAINS_LENGTH_MAX + 1];

    return strlen(name) == len && len <= DOMAINS_LENGTH_MAX &&
           domains_normalize(name, len, pattern, again) == len && strcmp(name, again) == 0;
}

/* The first label is "*", the rest is that of the name. */
static bool
is_pattern_of(const char *pattern, const char *name)
{
    const char *dot = strchr(name, '.');

    return pattern[0] == '*' && dot != NULL && strcmp(pattern + 1, dot) == 0;
}

static bool
has(const struct domains *d, struct domains_values values, uint32_t value)
{
    for (uint32_t i = 0; i < values.count; i++)
        if (domains_value(d, values, i) == value)
            return true;
    return false;
}

static void
check_found(const struct domains *d, const struct domains_entry *entry, size_t entries,
            const char *name)
{
    struct domains_values exact = domains_exact(d, name);
    struct domains_values wildcard = domains_wildcard(d, name);
    uint32_t exacts = 0, wildcards = 0;

    for (size_t i = 0; i < entries; i++) {
        if (strcmp(entry[i].name, name) == 0) {
            MUST(has(d, exact, entry[i].value));
            exacts++;
        }
        if (is_pattern_of(entry[i].name, name)) {
            MUST(has(d, wildcard, entry[i].value));
            wildcards++;
        }
    }
    MUST(exact.count == exacts && wildcard.count == wildcards);
}

static void
check_names(struct fuzz_input *in)
{
    static char form[NAMES_MAX][DOMAINS_LENGTH_MAX + 1];
    struct domains_entry entry[NAMES_MAX];
    char client[DOMAINS_LENGTH_MAX + 1];
    struct pack p = {0};
    struct domains d;
    size_t entries = 0;
    bool is_name = false;

    while (in->at < in->size && entries < NAMES_MAX) {
        char *name = fuzz_string(in);
        size_t len = strlen(name);

        is_name = domains_normalize(name, len, false, client) > 0;
        MUST(!is_name || in_one_form(client, strlen(client), false));
        if (domains_normalize(name, len, true, form[entries]) > 0) {
            MUST(in_one_form(form[entries], strlen(form[entries]), true));
            entry[entries] = (struct domains_entry){form[entries], (uint32_t)entries};
            entries++;
        }
        free(name);
    }
    domains_build(entry, entries, &p);
    MUST(!p.failed && domains_open(&d, p.data, p.len) == 0);
    if (is_name)
        check_found(&d, entry, entries, client);
    pack_clear(&p);
}

/* Bytes that no domains_build has made: whatever is found, nothing else is read. */
static void
check_bytes(const uint8_t *data, size_t size)
{
    char name[LOOKED_UP + 1] = "";
    struct domains_values values[2];
    struct domains d;
    uint32_t sum = 0;

    if (size < LOOKED_UP || domains_open(&d, data, size - LOOKED_UP) != 0)
        return;
    memcpy(name, data + size - LOOKED_UP, LOOKED_UP);
    values[0] = domains_exact(&d, name);
    values[1] = domains_wildcard(&d, name);
    for (size_t i = 0; i < 2; i++)
        for (uint32_t j = 0; j < values[i].count; j++)
            sum += domains_value(&d, values[i], j);
    (void)sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.data = data, .size = size};

    if (fuzz_byte(&in) != 0)
        check_names(&in);
    else if (size > 0)
        check_bytes(data + 1, size - 1);
    return 0;
}
