/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_ADDR_NET_H
#define BASE_ADDR_NET_H

#include "base/addr.h"
#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A network: the addresses whose first bits are those of base (CIDR, RFC 4632, 3.1; RFC
 * 4291, 2.3). IPv4 within IPv6 (::ffff:0:0/96, RFC 4291, 2.5.5.2) counts as IPv4, in
 * networks and in addresses: so "10.0.0.0/8" holds for such a client of a socket that
 * takes both, and "::/0" does not.
 */
struct addr_net {
    struct addr base; /* with port 0 */
    uint8_t prefix;   /* bits: 0 to 32, or to 128 */
};

/*
 * Parse "10.0.0.0/8", "2001:db8::/32", or an address without a prefix, which stands for
 * itself. Returns NULL, or half a sentence that says what is wrong ("has ...").
 */
const char *addr_net_parse(struct addr_net *net, const char *text) ATTR_MUST_CHECK;

/* Is the address in it? Its port and its zone do not count. A Unix address is in none. */
bool addr_net_contains(const struct addr_net *net, const struct addr *a);

#endif
