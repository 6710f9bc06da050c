/* SPDX-License-Identifier: BSD-2-Clause */
/* Where connections to backends come from. */
#include "config/check_private.h"

#include <string.h>

static const char *
family_name(int family)
{
    return family == AF_INET6 ? "IPv6" : "IPv4";
}

/* One of systemd's is not known yet, and counts for both. */
static bool
can_have_clients(const struct config_listen *l, int family)
{
    return l->systemd != NULL || l->addr.u.sa.sa_family == family;
}

/* Is there somebody who can reach a backend of that family, and somebody who cannot? */
static void
check_clients(struct checker *c, const struct config_backend *b)
{
    const struct config_frontend *f = c->frontend;
    int family = b->addr.u.sa.sa_family;
    const struct config_listen *other = NULL;
    size_t good = 0;

    for (size_t i = 0; i < f->listens; i++) {
        if (can_have_clients(&f->listen[i], family))
            good++;
        else
            other = &f->listen[i];
    }
    if (other == NULL)
        return;
    if (good == 0)
        diag_error(c->diag, b->from.pos,
                   "backend %s is not to be reached from clients of %s with source = "
                   "client; it takes an %s address",
                   check_quote(c, b->from.text), check_quote(c, other->from.text),
                   family_name(other->addr.u.sa.sa_family));
    else
        diag_warning(c->diag, b->from.pos,
                     "backend %s is not to be reached from clients of %s with source = "
                     "client; they will be cut off",
                     check_quote(c, b->from.text), check_quote(c, other->from.text));
}

static void
check_backend(struct checker *c, const struct config_backend *b)
{
    const struct config_frontend *f = c->frontend;
    int family = b->addr.u.sa.sa_family;

    if (b->kind != CONFIG_BACKEND_ADDR || b->addr.len == 0)
        return;
    if (family == AF_UNIX)
        diag_error(c->diag, b->from.pos,
                   "backend %s is a Unix socket, which sees no addresses; source = %s "
                   "takes a TCP address",
                   check_quote(c, b->from.text), f->source_text.text);
    else if (f->source == CONFIG_SOURCE_CLIENT)
        check_clients(c, b);
    else if (family != f->source_addr.u.sa.sa_family)
        diag_error(c->diag, b->from.pos,
                   "backend %s is not to be reached from source = %s; it takes an %s "
                   "address",
                   check_quote(c, b->from.text), f->source_text.text,
                   family_name(f->source_addr.u.sa.sa_family));
}

static void
check_servers(struct checker *c, uint32_t number, bool is_set)
{
    const struct config_pool *pool = &c->config->pool[number];

    for (size_t i = 0; i < pool->servers; i++) {
        c->frontend->original |= pool->server[i].at.kind == CONFIG_BACKEND_ORIGINAL;
        if (is_set)
            check_backend(c, &pool->server[i].at);
    }
}

/* Returns whether it is anything but the kernel's choice. */
static bool
find_source(struct checker *c)
{
    struct config_frontend *f = c->frontend;
    const char *text = f->source_text.text;

    f->source = CONFIG_SOURCE_OWN;
    f->source_addr.len = 0;
    if (text == NULL || strcmp(text, "own") == 0)
        return false;
    if (strcmp(text, "client") == 0) {
        f->source = CONFIG_SOURCE_CLIENT;
        return true;
    }
    if (addr_from_numeric(&f->source_addr, text, 0) == 0 &&
        !addr_is_wildcard(&f->source_addr)) {
        f->source = CONFIG_SOURCE_ADDR;
        return true;
    }
    f->source_addr.len = 0;
    diag_error(c->diag, f->source_text.pos,
               "source %s is not known; it takes own, client or an address of this host "
               "without a port",
               check_quote(c, text));
    return false;
}

void
check_source(struct checker *c)
{
    struct config_frontend *f = c->frontend;
    bool is_set = find_source(c);

    if (diag_errors(c->diag) > 0)
        return; /* which backends are meant may not be known */
    check_servers(c, f->backend, is_set);
    for (size_t i = 0; i < f->routes; i++)
        check_servers(c, f->route[i].target, is_set);
}
