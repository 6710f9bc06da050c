/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_ROUTE_H
#define CORE_ROUTE_H

#include <stddef.h>
#include <stdint.h>

/*
 * To which of a frontend's backends a connection leads, by the server name that the client
 * asked for (RFC 6066, section 3) and the application protocol that was agreed on (RFC
 * 7301). Pure: a look-up in a sorted table.
 *
 * The name decides first: a service that has a backend of its own never gets what is meant
 * for another one, whatever the protocol. Of the names the exact one comes first, then the
 * longest that begins with "*."; there the * stands for one label or more. Letters are the
 * same in either case, and a final dot of the client's does not count.
 */
enum route_by {
    ROUTE_BY_NAME,
    ROUTE_BY_PROTOCOL
};

struct route {
    enum route_by by;
    const char *key; /* "api.example.org", "*.example.org", "h2"; names in lower case */
    uint32_t target; /* what it leads to: the caller's to number */
};

/* No route fits. */
#define ROUTE_NONE UINT32_MAX

/* The longest name that is looked up (RFC 1035, section 2.3.4). */
#define ROUTE_NAME_MAX 255

/* Sort a table, which route_find needs; equals by target. */
void route_sort(struct route *route, size_t count);

/* Would two routes take the same connections? Such are neighbours in a sorted table. */
int route_is_same(const struct route *a, const struct route *b);

/*
 * The target for a connection, or ROUTE_NONE. name NULL: the client sent none. The protocol
 * has len bytes and no NUL behind it; len 0: none was agreed on. Both may be hostile.
 */
uint32_t route_find(const struct route *route, size_t count, const char *name,
                    const void *protocol, size_t len);

/* Returns what is wrong with the key of a name ("has an empty label"), or NULL. */
const char *route_check_name(const char *key);

#endif
