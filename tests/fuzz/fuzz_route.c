/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes (core/route): a table of keys, then a name and a protocol as a client may send
 * them, each ended by NUL. What is found is what a look at every route in turn finds.
 */
#include "core/route.h"

#include "fuzz.h"

#include <ctype.h>
#include <stdbool.h>
#include <strings.h>

#define ROUTES_MAX 32

static size_t
length_of(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && name[len - 1] == '.' ? len - 1 : len;
}

/* How well a key fits a name: 0: not at all; else the better the more. */
static size_t
rank(const char *key, const char *name, size_t len)
{
    size_t key_len = strlen(key), rest;

    if (key_len == len && strncasecmp(key, name, len) == 0)
        return SIZE_MAX;
    if (strncmp(key, "*.", 2) != 0 || len <= key_len - 1)
        return 0;
    rest = key_len - 1; /* from the dot on */
    return strncasecmp(key + 1, name + len - rest, rest) == 0 ? key_len : 0;
}

static uint32_t
find_slowly(const struct route *route, size_t count, const char *name, const char *protocol,
            size_t len)
{
    size_t name_len = name != NULL ? length_of(name) : 0, best = 0;
    uint32_t target = ROUTE_NONE;

    for (size_t i = 0; i < count && name_len > 0 && name_len <= ROUTE_NAME_MAX; i++) {
        size_t fits = route[i].by == ROUTE_BY_NAME ? rank(route[i].key, name, name_len) : 0;

        if (fits > best) {
            best = fits;
            target = route[i].target;
        }
    }
    for (size_t i = 0; i < count && target == ROUTE_NONE && len > 0; i++)
        if (route[i].by == ROUTE_BY_PROTOCOL && strlen(route[i].key) == len &&
            memcmp(route[i].key, protocol, len) == 0)
            return route[i].target;
    return target;
}

static bool
is_new(const struct route *route, size_t count, const struct route *other)
{
    for (size_t i = 0; i < count; i++)
        if (route_is_same(&route[i], other))
            return false;
    return true;
}

/* As config_check takes them: names that are none are refused, and so are two alike. */
static size_t
read_table(struct fuzz_input *in, struct route *route)
{
    size_t count = 0, wanted = fuzz_byte(in) % ROUTES_MAX;

    for (size_t i = 0; i < wanted; i++) {
        enum route_by by = fuzz_byte(in) % 2 == 0 ? ROUTE_BY_NAME : ROUTE_BY_PROTOCOL;
        char *key = fuzz_string(in);
        struct route r = {by, key, (uint32_t)count};

        for (char *k = key; by == ROUTE_BY_NAME && *k != '\0'; k++)
            *k = (char)tolower((unsigned char)*k);
        if (*key == '\0' || (by == ROUTE_BY_NAME && route_check_name(key) != NULL) ||
            !is_new(route, count, &r))
            free(key);
        else
            route[count++] = r;
    }
    return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.data = data, .size = size};
    struct route route[ROUTES_MAX];
    size_t count = read_table(&in, route), len;
    bool named = fuzz_byte(&in) % 2 == 0;
    char *name = fuzz_string(&in), *protocol = fuzz_string(&in);
    const char *asked = named ? name : NULL;

    len = strlen(protocol);
    route_sort(route, count);
    MUST(route_find(route, count, asked, protocol, len) ==
         find_slowly(route, count, asked, protocol, len));
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)route[i].key);
    free(name);
    free(protocol);
    return 0;
}
