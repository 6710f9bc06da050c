/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a frontend's connections lead to. */
#include "config/check_private.h"

#include <ctype.h>
#include <string.h>

/* One of the settings that choose a backend, and its list. */
struct list {
    const char *setting, *example;
    enum route_by by;
    const struct config_strings *strings;
};

static const char *
check_tcp(struct checker *c, struct config_backend *b, const char *text)
{
    char host[CHECK_HOST_SIZE];
    const char *wrong = addr_split(text, false, host, sizeof(host), &b->port);

    if (wrong != NULL)
        return wrong;
    if (strcmp(host, "*") == 0)
        return "names no host; * stands for all addresses in listen only";
    if (addr_from_numeric(&b->addr, host, b->port) == 0)
        return NULL;
    if (!check_is_host_name(host))
        return "has neither an address nor a host name before its port";
    b->kind = CONFIG_BACKEND_NAME;
    b->host = arena_strdup(c->config->arena, host);
    return NULL;
}

/* Returns what is wrong with the address, or NULL. */
static const char *
check_address(struct checker *c, struct config_backend *b, const char *text,
              const struct config_string *from)
{
    b->from = *from;
    b->from.text = text;
    b->kind = CONFIG_BACKEND_ADDR;
    return strncmp(text, "unix:", 5) == 0 ? check_unix(&b->addr, text + 5)
                                          : check_tcp(c, b, text);
}

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

/* "h2=127.0.0.1:8081": a key, and an address as that of backend. */
static void
check_route(struct checker *c, const struct list *list, const struct config_string *from)
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
    if (wrong == NULL)
        wrong = check_address(c, &f->routed[n], equals + 1, from);
    f->route[n] = (struct route){list->by, key, n};
    f->routes++;
    if (wrong != NULL)
        diag_error(c->diag, from->pos, "%s %s %s", list->setting,
                   check_quote(c, from->text), wrong);
}

static void
check_list(struct checker *c, const struct list *list)
{
    for (size_t i = 0; i < list->strings->count; i++)
        check_route(c, list, &list->strings->item[i]);
}

/* Two for the same connections. */
static void
check_same(struct checker *c, const struct list *lists)
{
    const struct config_frontend *f = c->frontend;

    for (size_t i = 1; i < f->routes; i++) {
        const struct route *a = &f->route[i - 1], *b = &f->route[i];
        struct pos first = f->routed[a->target].from.pos;

        if (route_is_same(a, b))
            diag_error(c->diag, f->routed[b->target].from.pos,
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

    f->route = arena_alloc(c->config->arena, room * sizeof(*f->route));
    f->routed = arena_alloc(c->config->arena, room * sizeof(*f->routed));
    f->routes = 0;
    check_list(c, &lists[ROUTE_BY_NAME]);
    check_list(c, &lists[ROUTE_BY_PROTOCOL]);
    route_sort(f->route, f->routes);
    check_same(c, lists);
}

void
check_backends(struct checker *c)
{
    const struct config_string *from = &c->frontend->backend_text;
    const char *wrong;

    check_routes(c);
    if (from->text == NULL || *from->text == '\0')
        return;
    wrong = check_address(c, &c->frontend->backend, from->text, from);
    if (wrong != NULL)
        diag_error(c->diag, from->pos, "backend %s %s", check_quote(c, from->text), wrong);
}
