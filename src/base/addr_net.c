/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/addr_net.h"

#include "base/text.h"

#include <string.h>

#define MAPPED_BITS 96u /* of the prefix of IPv4 within IPv6 */

/* The bytes of an address, and how many bits they are; NULL: it has none. */
static const unsigned char *
bits_of(const struct addr *a, unsigned *bits)
{
    const struct in6_addr *in6 = &a->u.in6.sin6_addr;

    *bits = 32;
    if (a->u.sa.sa_family == AF_INET)
        return (const unsigned char *)&a->u.in.sin_addr;
    if (a->u.sa.sa_family != AF_INET6)
        return NULL;
    if (IN6_IS_ADDR_V4MAPPED(in6))
        return in6->s6_addr + MAPPED_BITS / 8;
    *bits = 128;
    return in6->s6_addr;
}

/* Do the bits from first on, up to bits, say nothing? */
static bool
is_clear(const unsigned char *bytes, unsigned first, unsigned bits)
{
    for (unsigned i = first; i < bits; i++)
        if (bytes[i / 8] & (0x80u >> i % 8))
            return false;
    return true;
}

static bool
is_same(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned char mask = (unsigned char)(0xff00u >> bits % 8);

    return memcmp(a, b, whole) == 0 && (bits % 8 == 0 || !((a[whole] ^ b[whole]) & mask));
}

static const char *
parse_prefix(const char *text, unsigned bits, uint64_t *prefix)
{
    if (*text == '\0')
        return "has no number behind its /";
    if (text_parse_number(text, prefix) != 0)
        return "has a prefix that is not a number";
    if (*prefix > bits)
        return bits == 32 ? "has a prefix above 32" : "has a prefix above 128";
    return NULL;
}

/* ::ffff:10.0.0.0/104 is 10.0.0.0/8. */
static void
unmap(struct addr_net *net)
{
    if (net->base.u.sa.sa_family != AF_INET6 || net->prefix < MAPPED_BITS)
        return;
    addr_unmap(&net->base);
    if (net->base.u.sa.sa_family == AF_INET)
        net->prefix = (uint8_t)(net->prefix - MAPPED_BITS);
}

const char *
addr_net_parse(struct addr_net *net, const char *text)
{
    size_t len = strcspn(text, "/");
    char host[INET6_ADDRSTRLEN];
    const unsigned char *bytes;
    const char *wrong;
    uint64_t prefix;
    unsigned bits;

    if (len == 0)
        return "has no address";
    if (memchr(text, '%', len) != NULL)
        return "has a zone (%), which a network has not";
    if (len >= sizeof(host))
        return "is not an address; a network is written 10.0.0.0/8 or 2001:db8::/32";
    memcpy(host, text, len);
    host[len] = '\0';
    if (addr_from_numeric(&net->base, host, 0) != 0)
        return "is not an address; a network is written 10.0.0.0/8 or 2001:db8::/32";
    bits = net->base.u.sa.sa_family == AF_INET ? 32 : 128;
    prefix = bits;
    wrong = text[len] == '/' ? parse_prefix(text + len + 1, bits, &prefix) : NULL;
    if (wrong != NULL)
        return wrong;
    bytes = bits == 32 ? (const unsigned char *)&net->base.u.in.sin_addr
                       : net->base.u.in6.sin6_addr.s6_addr;
    if (!is_clear(bytes, (unsigned)prefix, bits))
        return "has bits behind its prefix that are not 0";
    net->prefix = (uint8_t)prefix;
    unmap(net);
    return NULL;
}

bool
addr_net_contains(const struct addr_net *net, const struct addr *a)
{
    unsigned bits = 0, net_bits = 0;
    const unsigned char *bytes = a->len > 0 ? bits_of(a, &bits) : NULL;
    const unsigned char *base = bits_of(&net->base, &net_bits);

    return bytes != NULL && base != NULL && bits == net_bits &&
           is_same(bytes, base, net->prefix);
}
