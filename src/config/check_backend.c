/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a frontend's connections lead to: which of the pools that check_pool.c makes. */
#include "config/check_private.h"

#include <ctype.h>
#include <string.h>

/* One of the settings that choose a backend, and its list. */
struct list {
    const char *setting, *example;
    enum route_by by;
    const struct config_strings *strings;
};

/* What a route leads to, until routes are sorted; these are numbered by their targets. */
struct target {
    struct pos pos;
    uint32_t pool;
};

static bool
has_protocol(const struct config_frontend *f, const char *name)
{
    for (size_t i = 0; i < f->alpn.count; i++)
        if (strcmp(f->alpn.item[i].text, name) == 0)
            return true;
    return false;
}

/* Returns what is wrong with the key, or NULL. Names become lower case. */
static const char *
check_key(struct checker *c, enum route_by by, char *key)
{
    if (*key == '\0')
        return by == ROUTE_BY_NAME ? "has no name before its ="
                                   : "has no protocol before its =";
    if (by == ROUTE_BY_PROTOCOL)
        return has_protocol(c->frontend, key) ? NULL
                                              : "is for a protocol that alpn does not list";
    for (char *k = key; *k != '\0'; k++)
        *k = (char)tolower((unsigned char)*k);
    return route_check_name(key);
}

/* "h2=127.0.0.1:8081": a key, and what backend takes. */
static void
check_route(struct checker *c, const struct list *list, const struct config_string *from,
            struct target *target)
{
    struct config_frontend *f = c->frontend;
    uint32_t n = (uint32_t)f->routes;
    char *key = arena_strdup(c->config->arena, from->text), *equals = strchr(key, '=');
    const char *wrong;

    if (equals == NULL) {
        diag_error(c->diag, from->pos, "%s %s has no =; write \"%s\"", list->setting,
                   check_quote(c, from->text), list->example);
        return;
    }
    *equals = '\0';
    wrong = check_key(c, list->by, key);
    target[n].pos = from->pos;
    if (wrong == NULL)
        wrong = check_pool(c, equals + 1, from, &target[n].pool);
    f->route[n] = (struct route){list->by, key, n};
    f->routes++;
    if (wrong != NULL)
        diag_error(c->diag, from->pos, "%s %s %s", list->setting,
                   check_quote(c, from->text), wrong);
}

static void
check_list(struct checker *c, const struct list *list, struct target *target)
{
    for (size_t i = 0; i < list->strings->count; i++)
        check_route(c, list, &list->strings->item[i], target);
}

/* Two for the same connections. */
static void
check_same(struct checker *c, const struct list *lists, const struct target *target)
{
    const struct config_frontend *f = c->frontend;

    for (size_t i = 1; i < f->routes; i++) {
        const struct route *a = &f->route[i - 1], *b = &f->route[i];
        struct pos first = target[a->target].pos;

        if (route_is_same(a, b))
            diag_error(c->diag, target[b->target].pos,
                       "%s has two backends for %s; the first is at %s:%u",
                       lists[b->by].setting, check_quote(c, b->key), first.file,
                       first.line);
    }
}

static void
check_routes(struct checker *c)
{
    struct config_frontend *f = c->frontend;
    size_t room = f->sni_backend.count + f->alpn_backend.count + 1;
    const struct list lists[] = {
        [ROUTE_BY_NAME] = {"sni-backend", "api.example.org=127.0.0.1:8081", ROUTE_BY_NAME,
                           &f->sni_backend},
        [ROUTE_BY_PROTOCOL] = {"alpn-backend", "h2=127.0.0.1:8081", ROUTE_BY_PROTOCOL,
                               &f->alpn_backend},
    };

    struct target *target = arena_alloc(c->config->arena, room * sizeof(*target));

    f->route = arena_alloc(c->config->arena, room * sizeof(*f->route));
    f->routes = 0;
    check_list(c, &lists[ROUTE_BY_NAME], target);
    check_list(c, &lists[ROUTE_BY_PROTOCOL], target);
    route_sort(f->route, f->routes);
    check_same(c, lists, target);
    for (size_t i = 0; i < f->routes; i++)
        f->route[i].target = target[f->route[i].target].pool;
}

void
check_backends(struct checker *c)
{
    const struct config_string *from = &c->frontend->backend_text;
    const char *wrong;

    check_routes(c);
    if (from->text == NULL || *from->text == '\0')
        return;
    wrong = check_pool(c, from->text, from, &c->frontend->backend);
    if (wrong != NULL)
        diag_error(c->diag, from->pos, "backend %s %s", check_quote(c, from->text), wrong);
}
