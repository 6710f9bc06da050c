/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/check_private.h"

/* A burst of no rate is a rate that was forgotten. */
static void
check_burst(struct checker *c, const char *per_source, uint32_t rate, uint32_t burst)
{
    if (burst > 0 && rate == 0)
        diag_error(
            c->diag, (struct pos){c->config->file, 0},
            "handshake-burst%s is set, but not handshake-rate%s, which it belongs to",
            per_source, per_source);
}

void
check_limits(struct checker *c)
{
    struct config_limits *limits = &c->config->limits;

    check_burst(c, "", limits->rate, limits->burst);
    check_burst(c, "-per-source", limits->rate_per_source, limits->burst_per_source);
    check_nets(c, "limits-exempt", &limits->exempt_text, &limits->exempt);
}

static bool
is_same(const struct addr_net *a, const struct addr_net *b)
{
    return a->prefix == b->prefix && addr_equal(&a->base, &b->base);
}

/* What is in both lists could not be decided. Only good networks keep their order. */
static void
check_both(struct checker *c)
{
    const struct config_frontend *f = c->frontend;

    if (f->allow.count != f->allow_text.count || f->deny.count != f->deny_text.count)
        return;
    for (size_t i = 0; i < f->deny.count; i++)
        for (size_t k = 0; k < f->allow.count; k++)
            if (is_same(&f->deny.item[i], &f->allow.item[k]))
                diag_error(c->diag, f->deny_text.item[i].pos,
                           "deny %s in frontend %s is in allow as well, at %s:%u",
                           check_quote(c, f->deny_text.item[i].text), f->name,
                           f->allow_text.item[k].pos.file, f->allow_text.item[k].pos.line);
}

void
check_access(struct checker *c)
{
    struct config_frontend *f = c->frontend;

    check_nets(c, "allow", &f->allow_text, &f->allow);
    check_nets(c, "deny", &f->deny_text, &f->deny);
    check_both(c);
}
