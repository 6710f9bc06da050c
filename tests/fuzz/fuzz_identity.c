/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Patterns for names of clients (core/identity): a pattern, a kind and a name. A pattern
 * that is found right and has no * in it fits the name that it spells, and nothing else
 * but, for DNS, its other cases; one with a * fits nothing shorter than itself but for the
 * *.
 */
#include "core/identity.h"

#include "fuzz.h"

#include <stdbool.h>
#include <strings.h>

static const char *const kinds[IDENTITY_KINDS] = {"DNS:", "CN:", "URI:", "SPKI:"};

static void
check_exact(const char *pattern, enum identity_kind kind, const char *wanted,
            const char *name, size_t len)
{
    bool same = strlen(wanted) == len && memcmp(wanted, name, len) == 0;
    bool alike = strlen(wanted) == len && strncasecmp(wanted, name, len) == 0 &&
                 memchr(name, '\0', len) == NULL;

    MUST(identity_match(pattern, kind, wanted, strlen(wanted)));
    MUST(identity_match(pattern, kind, name, len) == (kind == IDENTITY_DNS ? alike : same));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.data = data, .size = size};
    char *pattern = fuzz_string(&in), *name;
    enum identity_kind kind = (enum identity_kind)(fuzz_byte(&in) % IDENTITY_KINDS);
    size_t len = in.size - in.at, prefix = strlen(kinds[kind]);
    const char *wrong = identity_check(pattern);
    bool fits;

    name = malloc(len + 1); /* one more, so that 0 bytes are memory, too */
    MUST(name != NULL);
    if (len > 0)
        memcpy(name, in.data + in.at, len);
    name = realloc(name, len > 0 ? len : 1);
    MUST(name != NULL);
    fits = wrong == NULL && identity_match(pattern, kind, name, len);
    MUST(!fits || strncmp(pattern, kinds[kind], prefix) == 0);
    MUST(!fits || (len > 0 && memchr(name, '\0', len) == NULL));
    if (wrong == NULL && strncmp(pattern, kinds[kind], prefix) == 0 &&
        (kind == IDENTITY_CN || strchr(pattern, '*') == NULL))
        check_exact(pattern, kind, pattern + prefix, name, len);
    else
        MUST(!fits || len >= strlen(pattern) - prefix);
    free(name);
    free(pattern);
    return 0;
}
