/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/route.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 63 /* RFC 1035, section 2.3.4 */

struct wanted {
    enum route_by by;
    const char *key;
    size_t len;
};

/* As strcmp, of a key that need not end with NUL, and may have one in it. */
static int
compare(enum route_by by, const char *key, size_t len, const struct route *route)
{
    size_t route_len = strlen(route->key);
    int order;

    if (by != route->by)
        return by < route->by ? -1 : 1;
    order = memcmp(key, route->key, len < route_len ? len : route_len);
    if (order != 0 || len == route_len)
        return order;
    return len < route_len ? -1 : 1;
}

static int
compare_routes(const void *first, const void *second)
{
    const struct route *a = first, *b = second;
    int order = compare(a->by, a->key, strlen(a->key), b);

    if (order != 0 || a->target == b->target)
        return order;
    return a->target < b->target ? -1 : 1;
}

static int
compare_wanted(const void *key, const void *member)
{
    const struct wanted *w = key;

    return compare(w->by, w->key, w->len, member);
}

void
route_sort(struct route *route, size_t count)
{
    if (count > 0)
        qsort(route, count, sizeof(*route), compare_routes);
}

int
route_is_same(const struct route *a, const struct route *b)
{
    return compare(a->by, a->key, strlen(a->key), b) == 0;
}

static const struct route *
look_up(const struct route *route, size_t count, enum route_by by, const char *key,
        size_t len)
{
    struct wanted wanted = {by, key, len};

    if (count == 0)
        return NULL;
    return bsearch(&wanted, route, count, sizeof(*route), compare_wanted);
}

/*
 * Exact, then "*" for ever more labels at the front. The * goes to where the last byte of
 * the label before the dot was: that is not looked at again.
 */
static const struct route *
find_name(const struct route *route, size_t count, const char *name)
{
    char key[ROUTE_NAME_MAX + 1];
    size_t len = strlen(name);
    const struct route *found;

    if (len > 0 && name[len - 1] == '.')
        len--;
    if (len == 0 || len > ROUTE_NAME_MAX)
        return NULL;
    for (size_t i = 0; i < len; i++)
        key[i] = (char)tolower((unsigned char)name[i]);
    found = look_up(route, count, ROUTE_BY_NAME, key, len);
    for (size_t i = 1; found == NULL && i < len; i++) {
        if (key[i] != '.')
            continue;
        key[i - 1] = '*';
        found = look_up(route, count, ROUTE_BY_NAME, key + i - 1, len - (i - 1));
    }
    return found;
}

uint32_t
route_find(const struct route *route, size_t count, const char *name, const void *protocol,
           size_t len)
{
    const struct route *found = NULL;

    if (name != NULL)
        found = find_name(route, count, name);
    if (found == NULL && len > 0)
        found = look_up(route, count, ROUTE_BY_PROTOCOL, protocol, len);
    return found != NULL ? found->target : ROUTE_NONE;
}

static int
is_label(const char *label, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_')
            return 0;
    return 1;
}

const char *
route_check_name(const char *key)
{
    if (strlen(key) > ROUTE_NAME_MAX)
        return "is longer than a name may be (255 bytes)";
    if (strncmp(key, "*.", 2) == 0)
        key += 2;
    for (;;) {
        size_t len = strcspn(key, ".");

        if (len == 0)
            return "has an empty label";
        if (len > LABEL_MAX)
            return "has a label that is longer than 63 bytes";
        if (memchr(key, '*', len) != NULL)
            return "may have a * only in front, as in *.example.org";
        if (!is_label(key, len))
            return "has a character that names do not have";
        if (key[len] == '\0')
            return NULL;
        key += len + 1;
    }
}
