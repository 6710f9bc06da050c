/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/source.h"

#include "net/generation.h"
#include "net/sock.h"

#include <errno.h>
#include <linux/netfilter_ipv4.h>
#include <unistd.h>

#ifndef IP6T_SO_ORIGINAL_DST /* it is in linux/netfilter_ipv6/ip6_tables.h, with much else \
                              */
#define IP6T_SO_ORIGINAL_DST 80
#endif

/* ---- The original destination ---- */

/* Can a socket be bound to it? Only to an address that this host has. */
static bool
is_of_this_host(const struct addr *addr)
{
    struct addr any_port = *addr;
    int fd;

    addr_set_port(&any_port, 0);
    fd = sock_bind(&any_port, false);
    if (fd < 0)
        return errno != EADDRNOTAVAIL;
    close(fd);
    return true;
}

/* A socket for all addresses of IPv6 may be one for those of IPv4, too (systemd's). */
static bool
is_listened_on(const struct addr *listening, const struct addr *addr)
{
    struct addr own = *listening;

    addr_unmap(&own);
    if (own.len == 0 || addr_port(&own) != addr_port(addr))
        return false;
    return addr_equal(&own, addr) || (addr_is_wildcard(&own) && is_of_this_host(addr));
}

static bool
leads_to_us(const struct generation *g, const struct addr *addr)
{
    for (size_t i = 0; g != NULL && i < g->acceptors; i++)
        if (is_listened_on(&g->acceptor[i].addr, addr))
            return true;
    return false;
}

/*
 * Where the client has come to, and where it wanted to go: the same, where netfilter knows
 * of nothing else. Returns 0, or -1 with errno.
 */
static int
find_destination(int fd, struct addr *own, struct addr *original)
{
    struct addr before = {.len = sizeof(before.u)};
    bool v6;

    if (sock_local_addr(fd, own) < 0)
        return -1;
    addr_unmap(own);
    *original = *own;
    v6 = own->u.sa.sa_family == AF_INET6;
    if (getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                   v6 ? IP6T_SO_ORIGINAL_DST : SO_ORIGINAL_DST, &before.u.sa,
                   &before.len) == 0 &&
        before.u.sa.sa_family == own->u.sa.sa_family)
        *original = before;
    return 0;
}

int
source_original(const struct source_client *client, uint16_t port, struct addr *to,
                const char **why)
{
    struct addr own;

    if (find_destination(client->fd, &own, to) < 0) {
        *why = "the client's destination cannot be told";
        return -1;
    }
    if (leads_to_us(client->generation, to)) {
        *why = "the client was not redirected, but came to the listening address itself";
        errno = ELOOP;
        return -1;
    }
    if (port == 0)
        return 0;
    addr_set_port(to, port);
    if (!leads_to_us(client->generation, to))
        return 0;
    *why = "the client's destination leads to sallyport itself";
    errno = ELOOP;
    return -1;
}

/* ---- The source ---- */

/*
 * netfilter knows a connection of the client's that it has changed by its addresses and
 * ports: one of ours with the same would be taken for it, and changed as well.
 */
static bool
is_taken_by_redirect(const struct source_client *client, const struct addr *to)
{
    struct addr own, original;

    return client->fd >= 0 && find_destination(client->fd, &own, &original) == 0 &&
           addr_equal(&original, to) && !addr_equal(&original, &own);
}

/* Without the port, it may be possible. EACCES: a port of the privileged. */
static bool
is_about_port(int error)
{
    return error == EADDRINUSE || error == EADDRNOTAVAIL || error == EACCES;
}

static const char *
explain(const struct config_frontend *f, int error)
{
    if (error == EAFNOSUPPORT)
        return "the address that it would come from (source) and the backend's are not "
               "both IPv4 or IPv6";
    if (error == EPERM && f->source == CONFIG_SOURCE_CLIENT)
        return "the client's address cannot be used (source = client): there is no "
               "CAP_NET_RAW, or a packet filter forbids it";
    return NULL;
}

int
source_dial(const struct addr *to, const struct config_frontend *f,
            const struct source_client *client, bool *connecting, const char **why)
{
    bool transparent = f->source == CONFIG_SOURCE_CLIENT;
    struct addr from = f->source_addr;
    int fd = -1;

    *why = NULL;
    if (f->source == CONFIG_SOURCE_OWN)
        return sock_dial(to, NULL, false, connecting);
    if (transparent) {
        from = *client->addr;
        addr_unmap(&from);
        if (is_taken_by_redirect(client, to))
            addr_set_port(&from, 0);
    }
    errno = EAFNOSUPPORT;
    if (from.u.sa.sa_family == to->u.sa.sa_family && to->u.sa.sa_family != AF_UNIX)
        fd = sock_dial(to, &from, transparent, connecting);
    if (fd < 0 && is_about_port(errno) && addr_port(&from) != 0) {
        addr_set_port(&from, 0);
        fd = sock_dial(to, &from, transparent, connecting);
    }
    if (fd < 0)
        *why = explain(f, errno);
    return fd;
}
