/* SPDX-License-Identifier: BSD-2-Clause */
/* Backends: sections with their servers, and the addresses that stand for such. */
#include "base/text.h"
#include "config/check_private.h"
#include "config/options.h"

#include <string.h>
#include <strings.h>

#define BLANKS " \t\n"
#define ORIGINAL "original"

/* A word behind the address of a server. A row is the whole cost of one. */
struct word {
    const char *name;
    size_t offset;     /* into struct config_server */
    uint32_t min, max; /* of a uint32_t, written name=N; both 0: a bool, the name alone */
};

static const struct word words[] = {
    {"backup", offsetof(struct config_server, backup), 0, 0},
    {"weight", offsetof(struct config_server, weight), 1, BALANCE_WEIGHT_MAX},
    {"max-connections", offsetof(struct config_server, max_connections), 1, 1000000},
};

/* ---- An address ---- */

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

static bool
is_original(const char *text)
{
    size_t len = strlen(ORIGINAL);

    return strncmp(text, ORIGINAL, len) == 0 && (text[len] == '\0' || text[len] == ':');
}

/* "original", or "original:143". */
static const char *
check_original(struct config_backend *b, const char *text, struct pos pos)
{
    char host[CHECK_HOST_SIZE];

    b->from = (struct config_string){text, pos};
    b->kind = CONFIG_BACKEND_ORIGINAL;
    return strcmp(text, ORIGINAL) == 0
               ? NULL
               : addr_split(text, false, host, sizeof(host), &b->port);
}

/* Returns what is wrong with the address, or NULL. */
static const char *
check_address(struct checker *c, struct config_backend *b, const char *text, struct pos pos)
{
    b->from = (struct config_string){text, pos};
    b->kind = CONFIG_BACKEND_ADDR;
    return strncmp(text, "unix:", 5) == 0 ? check_unix(&b->addr, text + 5)
                                          : check_tcp(c, b, text);
}

static bool
is_same_address(const struct config_backend *a, const struct config_backend *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == CONFIG_BACKEND_NAME)
        return strcasecmp(a->host, b->host) == 0 && a->port == b->port;
    return addr_equal(&a->addr, &b->addr);
}

/* ---- A server of a section ---- */

static const struct word *
find_word(const char *text, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strlen(words[i].name) == len && strncmp(words[i].name, text, len) == 0)
            return &words[i];
    return NULL;
}

/* Returns what is wrong with a word that is none, of len bytes before its =. */
static const char *
explain_unknown(const struct checker *c, const char *text, size_t len)
{
    char name[32];
    const struct word *nearest = NULL;
    struct text t;

    text_init(&t, name, sizeof(name));
    text_add_bytes(&t, text, len);
    for (size_t i = 0; i < COUNT_OF(words) && !t.cut; i++)
        if (text_distance(name, words[i].name) <= option_reach(name))
            nearest = &words[i];
    if (nearest != NULL)
        return arena_printf(c->config->arena,
                            "has the unknown word %s; did you mean \"%s\"?",
                            check_quote(c, text), nearest->name);
    return arena_printf(c->config->arena,
                        "has the unknown word %s; behind an address there may be backup, "
                        "weight=N and max-connections=N",
                        check_quote(c, text));
}

/* Returns what is wrong with the word, or NULL. */
static const char *
check_word(const struct checker *c, struct config_server *server, const char *text,
           uint32_t *seen)
{
    size_t len = strcspn(text, "=");
    const struct word *w = find_word(text, len);
    const char *value = text[len] == '=' ? text + len + 1 : NULL;
    struct arena *arena = c->config->arena;
    uint64_t number = 0;

    if (w == NULL)
        return explain_unknown(c, text, len);
    if (*seen >> (w - words) & 1)
        return arena_printf(arena, "has the word %s twice", w->name);
    *seen |= UINT32_C(1) << (w - words);
    if (w->max == 0) {
        *(bool *)((char *)server + w->offset) = true;
        return value == NULL ? NULL : arena_printf(arena, "has a value for %s", w->name);
    }
    if (value == NULL || text_parse_number(value, &number) != 0 || number < w->min ||
        number > w->max)
        return arena_printf(arena, "has %s; write %s=N with a number from %u to %u",
                            check_quote(c, text), w->name, (unsigned)w->min,
                            (unsigned)w->max);
    *(uint32_t *)(void *)((char *)server + w->offset) = (uint32_t)number;
    return NULL;
}

/* "db1:5432 backup": an address, and words. Returns what is wrong with it, or NULL. */
static const char *
check_server(struct checker *c, struct config_server *server,
             const struct config_string *from)
{
    char *rest = NULL, *copy = arena_strdup(c->config->arena, from->text);
    const char *text = strtok_r(copy, BLANKS, &rest), *wrong;
    uint32_t seen = 0;

    *server = (struct config_server){.weight = 1};
    if (text != NULL && is_original(text))
        return "is no server; backend = \"original\" stands in a frontend";
    wrong = check_address(c, &server->at, text != NULL ? text : "", from->pos);
    while (wrong == NULL && (text = strtok_r(NULL, BLANKS, &rest)) != NULL)
        wrong = check_word(c, server, text, &seen);
    return wrong;
}

/* ---- Sections ---- */

/* The server before this one with the same address, or NULL. */
static const struct config_server *
find_same(const struct config_pool *pool, const struct config_server *server)
{
    for (size_t i = 0; i < pool->servers; i++)
        if (is_same_address(&pool->server[i].at, &server->at))
            return &pool->server[i];
    return NULL;
}

static void
add_server(struct checker *c, struct config_pool *pool, const struct config_string *from)
{
    struct config_server *server = &pool->server[pool->servers];
    const char *wrong = check_server(c, server, from);
    const struct config_server *same;

    if (wrong != NULL) {
        diag_error(c->diag, from->pos, "server %s in backend %s %s",
                   check_quote(c, from->text), pool->name, wrong);
        return;
    }
    same = find_same(pool, server);
    if (same != NULL)
        diag_error(c->diag, from->pos,
                   "server %s in backend %s is there twice; the first is at %s:%u",
                   check_quote(c, config_server_name(server)), pool->name,
                   same->at.from.pos.file, same->at.from.pos.line);
    pool->servers++;
}

static void
check_servers(struct checker *c, struct config_pool *pool)
{
    size_t count = pool->server_text.count, backups = 0;

    if (count == 0)
        diag_error(c->diag, pool->pos,
                   "backend %s has no server; write server = \"127.0.0.1:8080\"",
                   pool->name);
    if (count > BALANCE_SERVERS_MAX) {
        diag_error(c->diag, pool->server_text.item[BALANCE_SERVERS_MAX].pos,
                   "backend %s has %zu servers; %d is the most", pool->name, count,
                   BALANCE_SERVERS_MAX);
        count = BALANCE_SERVERS_MAX;
    }
    pool->server = arena_alloc(c->config->arena, (count + 1) * sizeof(*pool->server));
    for (size_t i = 0; i < count; i++)
        if (*pool->server_text.item[i].text != '\0')
            add_server(c, pool, &pool->server_text.item[i]);
    for (size_t i = 0; i < pool->servers; i++)
        backups += pool->server[i].backup ? 1 : 0;
    if (backups > 0 && backups == count)
        diag_error(c->diag, pool->pos,
                   "backend %s has only backups; at least one server has to be none",
                   pool->name);
}

/* The section of that name among the first `count`, or NULL. */
static struct config_pool *
find_section(const struct config *config, const char *name, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (config->pool[i].name != NULL && strcmp(config->pool[i].name, name) == 0)
            return &config->pool[i];
    return NULL;
}

static void
check_section_name(struct checker *c, const struct config_pool *pool)
{
    const struct config *config = c->config;
    const struct config_pool *first =
        find_section(config, pool->name, (size_t)(pool - config->pool));

    if (*pool->name == '\0')
        return; /* diag has it */
    if (strchr(pool->name, ':') != NULL)
        diag_error(c->diag, pool->pos,
                   "backend %s has a colon in its name, by which addresses are told from "
                   "names",
                   check_quote(c, pool->name));
    if (is_original(pool->name))
        diag_error(c->diag, pool->pos,
                   "backend %s has a name that stands for where clients wanted to go; "
                   "choose another one",
                   pool->name);
    if (first != NULL)
        diag_error(c->diag, pool->pos, "there are two backends %s; the first is at %s:%u",
                   pool->name, first->pos.file, first->pos.line);
}

/* Room for the pools that check_pool may add. */
static void
make_room(struct config *config)
{
    size_t room = config->pools;
    struct config_pool *grown;

    for (size_t i = 0; i < config->frontends; i++)
        room += 1 + config->frontend[i].sni_backend.count +
                config->frontend[i].alpn_backend.count;
    grown = arena_alloc(config->arena, (room + 1) * sizeof(*grown));
    if (config->pools > 0)
        memcpy(grown, config->pool, config->pools * sizeof(*grown));
    config->pool = grown;
}

void
check_sections(struct checker *c)
{
    make_room(c->config);
    for (size_t i = 0; i < c->config->pools; i++) {
        check_section_name(c, &c->config->pool[i]);
        check_servers(c, &c->config->pool[i]);
        check_health(c, &c->config->pool[i]);
    }
}

void
check_unused(struct checker *c)
{
    if (diag_errors(c->diag) > 0)
        return; /* whoever uses it may be mistaken */
    for (size_t i = 0; i < c->config->pools; i++) {
        const struct config_pool *pool = &c->config->pool[i];

        if (!pool->used && *pool->name != '\0')
            diag_warning(c->diag, pool->pos, "backend %s is used by no frontend",
                         pool->name);
    }
}

/* ---- What frontends say ---- */

/* Returns why there is no section of that name. */
static const char *
explain_no_section(const struct checker *c, const char *name)
{
    for (size_t i = 0; i < c->config->pools; i++) {
        const char *other = c->config->pool[i].name;

        if (other != NULL && *other != '\0' &&
            text_distance(name, other) <= option_reach(name))
            return arena_printf(c->config->arena, "names no backend; did you mean \"%s\"?",
                                other);
    }
    return "has no port, and there is no backend of that name";
}

/* The pool of one server with that address; NULL: there is none yet. */
static struct config_pool *
find_address(const struct config *config, const char *text)
{
    for (size_t i = 0; i < config->pools; i++) {
        struct config_pool *pool = &config->pool[i];

        if (pool->name == NULL && strcmp(config_pool_name(pool), text) == 0)
            return pool;
    }
    return NULL;
}

static const char *
add_address(struct checker *c, const char *text, const struct config_string *from,
            struct config_pool **added)
{
    struct config *config = c->config;
    struct config_pool *pool = &config->pool[config->pools];
    const char *wrong;

    *pool = (struct config_pool){.pos = from->pos};
    pool->server = arena_alloc(config->arena, sizeof(*pool->server));
    pool->server->weight = 1;
    pool->servers = 1;
    wrong = is_original(text) ? check_original(&pool->server->at, text, from->pos)
                              : check_address(c, &pool->server->at, text, from->pos);
    if (wrong == NULL)
        config->pools++;
    *added = pool;
    return wrong;
}

const char *
check_pool(struct checker *c, const char *text, const struct config_string *from,
           uint32_t *number)
{
    struct config *config = c->config;
    bool is_name = config->pools > 0 && config->pool[0].name != NULL && *text != '\0' &&
                   strchr(text, ':') == NULL && !is_original(text);
    struct config_pool *pool =
        is_name ? find_section(config, text, config->pools) : find_address(config, text);
    const char *wrong = NULL;

    if (pool == NULL && is_name)
        return explain_no_section(c, text);
    if (pool == NULL)
        wrong = add_address(c, text, from, &pool);
    if (wrong != NULL)
        return wrong;
    pool->used = true;
    *number = (uint32_t)(pool - config->pool);
    return NULL;
}
