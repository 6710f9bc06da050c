/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/load.h"

#include "config/load_private.h"

#include <string.h>

static void read_statements(struct loader *l, struct parse *p);

/* "in frontend web", "in client-cert of frontend web". */
static const char *
describe(struct arena *arena, const struct block *b)
{
    const char *kind = option_block_name(b->kind);

    if (b->kind == OPTION_GLOBAL)
        return kind;
    if (b->outer != NULL && b->outer->kind != OPTION_GLOBAL)
        return arena_printf(arena, "in %s of %s", kind, b->outer->where + strlen("in "));
    if (*b->name == '\0')
        return arena_printf(arena, "in %s", kind);
    return arena_printf(arena, "in %s %s", kind,
                        parse_is_word(b->name) ? b->name : parse_quote(arena, b->name));
}

static struct block *
new_block(struct loader *l, enum option_block kind, struct pos pos, const char *name)
{
    struct block *b = arena_alloc(l->arena, sizeof(*b));

    b->kind = kind;
    b->pos = pos;
    b->name = name;
    b->last = &b->first;
    if (kind == OPTION_CLIENT_CERT)
        b->outer = l->block->outer != NULL ? l->block->outer : l->block;
    b->where = describe(l->arena, b);
    return b;
}

static bool
has_name(enum option_block kind)
{
    return kind == OPTION_FRONTEND || kind == OPTION_BACKEND;
}

/* The name of a frontend or backend; the other blocks have none. */
static const char *
parse_block_name(struct loader *l, enum option_block kind, unsigned line)
{
    struct parse_token token = l->p->token;
    const char *kind_name = option_block_name(kind), *name = "";

    if (token.kind == PARSE_STRING ||
        (token.kind == PARSE_WORD && (token.line == line || parse_before_brace(l->p)))) {
        name = token.text;
        parse_next(l->p);
    }
    if (has_name(kind) && *name == '\0')
        mistake(l, line, "%s has no name; write %s NAME { ... }", kind_name, kind_name);
    if (!has_name(kind) && kind != OPTION_BLOCKS && *name != '\0')
        mistake(l, line, "%s takes no name; write %s { ... }", kind_name, kind_name);
    return has_name(kind) ? name : "";
}

/* Without its brace the block begins nevertheless, on the next line. */
static void
expect_brace(struct loader *l, const char *kind_name, unsigned line)
{
    if (!load_is(l, '{'))
        mistake(l, line, "%s is followed by %s; a { has to begin the block", kind_name,
                parse_describe(l->p));
    while (l->p->token.line == line && !load_is(l, '{') && !load_is(l, PARSE_END))
        parse_next(l->p);
    if (load_is(l, '{'))
        parse_next(l->p);
}

/* May a block of that kind begin here? */
static bool
has_place(const struct loader *l, enum option_block kind)
{
    enum option_block here = l->block->kind;

    if (kind == OPTION_CLIENT_CERT)
        return here == OPTION_FRONTEND || here == OPTION_DEFAULTS;
    return l->block == l->root;
}

static void
refuse_place(struct loader *l, enum option_block kind, unsigned line)
{
    const char *kind_name = option_block_name(kind);
    const struct block *outer = l->block;

    if (kind == OPTION_CLIENT_CERT && outer->outer == NULL)
        mistake(l, line, "%s has no place %s; it belongs %s", kind_name, outer->where,
                option_home(OPTION_FRONTEND));
    else
        mistake(l, line,
                "%s begins %s, which begins at %s:%u and is not closed; a } is missing",
                kind_name, outer->where, outer->pos.file, outer->pos.line);
}

/* Of kind OPTION_BLOCKS: diag has it, and only the syntax of its settings is looked at. */
static void
open_block(struct loader *l, enum option_block kind, unsigned line)
{
    const char *kind_name = option_block_name(kind), *name;
    bool placed = has_place(l, kind);

    if (!placed && !l->adrift && kind != OPTION_BLOCKS)
        refuse_place(l, kind, line);
    if (!placed && (kind != OPTION_CLIENT_CERT || l->block->outer != NULL))
        l->adrift |= l->block != l->root;
    name = parse_block_name(l, kind, line);
    l->block = new_block(l, kind, (struct pos){l->p->file, line}, name);
    l->newest->next = l->block;
    l->newest = l->block;
    expect_brace(l, kind_name, line);
}

static void
close_block(struct loader *l)
{
    if (l->block == l->home && !l->adrift)
        mistake(l, l->p->token.line, "there is no block that this } could close");
    if (l->adrift && l->block->outer == NULL)
        l->block = l->root;
    else
        load_leave(l);
    parse_next(l->p);
}

/* A name that is not known, and a { behind it: what does it look like? */
static void
guess_block(struct loader *l, const char *name, unsigned line)
{
    enum option_block kind = option_block_nearest(name);

    if (kind == OPTION_BLOCKS && load_is(l, '{') &&
        option_nearest(name, l->block->kind) != NULL) {
        load_setting(l, name, line);
        return;
    }
    if (kind != OPTION_BLOCKS)
        mistake(l, line, "unknown block \"%s\"; did you mean \"%s\"?", name,
                option_block_name(kind));
    else
        mistake(l, line,
                "unknown block \"%s\"; there are log, admin, defaults, frontend and "
                "backend",
                name);
    open_block(l, kind, line);
}

static void
include_file(void *arg, struct pos from, const char *path)
{
    struct loader *l = arg;
    struct parse p;

    if (parse_file(&p, l->p, from, path, l->arena, l->diag) == 0)
        read_statements(l, &p);
}

static void
parse_inclusion(struct loader *l, unsigned line)
{
    const char *pattern = NULL;

    if (load_is(l, '(')) {
        parse_next(l->p);
        pattern = l->p->token.text;
        if (pattern != NULL)
            parse_next(l->p);
    }
    if (pattern == NULL || !load_is(l, ')')) {
        mistake(l, line, "include is written include(\"conf.d/*.conf\")");
        load_skip(l, 0);
        return;
    }
    parse_next(l->p);
    parse_include(l->p, line, pattern, include_file, l);
}

/* Behind a name that the token follows. backend is the name of a setting as well. */
static bool
is_block(const struct loader *l, enum option_block kind)
{
    if (kind != OPTION_BACKEND)
        return kind != OPTION_BLOCKS;
    if (load_is(l, '{') || load_is(l, '='))
        return load_is(l, '{');
    return l->block == l->root || ((load_is(l, PARSE_WORD) || load_is(l, PARSE_STRING)) &&
                                   parse_before_brace(l->p));
}

static void
parse_statement(struct loader *l)
{
    struct parse_token name = l->p->token;
    enum option_block kind;

    if (name.kind != PARSE_WORD) {
        mistake(l, name.line, "found %s where the name of a setting or block was expected",
                parse_describe(l->p));
        parse_next(l->p);
        load_skip(l, 0);
        return;
    }
    parse_next(l->p);
    kind = option_block_find(name.text);
    if (strcmp(name.text, "include") == 0)
        parse_inclusion(l, name.line);
    else if (is_block(l, kind))
        open_block(l, kind, name.line);
    else if ((load_is(l, '{') && option_find(name.text, l->block->kind) == NULL) ||
             ((load_is(l, PARSE_WORD) || load_is(l, PARSE_STRING)) &&
              parse_before_brace(l->p)))
        guess_block(l, name.text, name.line);
    else
        load_setting(l, name.text, name.line);
}

/* Read a file that stands in the current block: the whole of it. */
static void
read_statements(struct loader *l, struct parse *p)
{
    struct parse *includer = l->p;
    struct block *outer_home = l->home;

    l->p = p;
    l->home = l->block;
    while (!load_is(l, PARSE_END)) {
        if (load_is(l, '}'))
            close_block(l);
        else if (load_is(l, ';'))
            parse_next(p);
        else
            parse_statement(l);
    }
    if (l->block != l->home && !l->adrift)
        mistake(l, l->block->pos.line,
                "the block that begins here is not closed; a } is missing");
    l->block = l->home;
    l->home = outer_home;
    l->p = includer;
}

static void
apply_settings(const struct block *b, void *base, struct pos *seen)
{
    for (struct setting *s = b->first; s != NULL; s = s->next) {
        s->in.base = base;
        option_apply(&s->in, b->kind, b->where, seen);
    }
}

/* With the blocks that stand in it. */
static void
apply(const struct block *b, void *base, struct pos *seen)
{
    apply_settings(b, base, seen);
    if (b->kind != OPTION_FRONTEND && b->kind != OPTION_DEFAULTS)
        return; /* what stands in it has no place there, and diag has it */
    for (const struct block *i = b->next; i != NULL && i->outer != NULL; i = i->next)
        if (i->outer == b)
            apply_settings(i, base, seen);
}

/* Apply all blocks of a kind to one struct: a setting may be given once in all of them. */
static struct pos *
apply_all(struct loader *l, enum option_block kind, void *base)
{
    struct pos *seen = arena_alloc(l->arena, option_count * sizeof(*seen));

    for (const struct block *b = l->root; b != NULL; b = b->next)
        if (b->kind == kind)
            apply(b, base, seen);
    return seen;
}

static void
apply_frontends(struct loader *l, struct config *config,
                const struct config_frontend *defaults)
{
    struct config_frontend *f;
    size_t count = 0;

    for (const struct block *b = l->root; b != NULL; b = b->next)
        count += b->kind == OPTION_FRONTEND ? 1 : 0;
    config->frontend = arena_alloc(l->arena, (count + 1) * sizeof(*f));
    for (const struct block *b = l->root; b != NULL; b = b->next) {
        if (b->kind != OPTION_FRONTEND)
            continue;
        f = &config->frontend[config->frontends++];
        *f = *defaults;
        f->name = b->name;
        f->pos = b->pos;
        apply(b, f, arena_alloc(l->arena, option_count * sizeof(struct pos)));
    }
}

static void
apply_backends(struct loader *l, struct config *config)
{
    struct config_pool *pool;
    size_t count = 0;

    for (const struct block *b = l->root; b != NULL; b = b->next)
        count += b->kind == OPTION_BACKEND ? 1 : 0;
    config->pool = arena_alloc(l->arena, (count + 1) * sizeof(*pool));
    for (const struct block *b = l->root; b != NULL; b = b->next) {
        if (b->kind != OPTION_BACKEND)
            continue;
        pool = &config->pool[config->pools++];
        option_store_initial_pool(config, pool);
        pool->name = b->name;
        pool->pos = b->pos;
        apply(b, pool, arena_alloc(l->arena, option_count * sizeof(struct pos)));
    }
}

/* From a file, or with bytes from memory. */
static struct config *
load(const char *name, const char *bytes, size_t len, struct diag *diag)
{
    struct config_frontend defaults;
    struct config *config = config_new(&defaults);
    struct loader l = {.arena = config->arena, .diag = diag};
    struct pos from = {name, 0};
    struct parse p;
    int rc;

    l.root = l.newest = l.block = new_block(&l, OPTION_GLOBAL, from, "");
    config->file = arena_strdup(l.arena, name);
    if (bytes != NULL)
        rc = parse_memory(&p, name, bytes, len, l.arena, diag);
    else
        rc = parse_file(&p, NULL, from, name, l.arena, diag);
    if (rc == 0)
        read_statements(&l, &p);
    apply_all(&l, OPTION_GLOBAL, config);
    config->log_to_pos =
        apply_all(&l, OPTION_LOG, config)[option_find("to", OPTION_LOG) - option_table];
    apply_all(&l, OPTION_ADMIN, config);
    apply_all(&l, OPTION_DEFAULTS, &defaults);
    apply_backends(&l, config);
    apply_frontends(&l, config, &defaults);
    return config;
}

struct config *
config_load_file(const char *path, struct diag *diag)
{
    return load(path, NULL, 0, diag);
}

struct config *
config_load_memory(const char *name, const char *bytes, size_t len, struct diag *diag)
{
    return load(name, len == 0 ? "" : bytes, len, diag);
}

static struct config_strings
one(struct arena *arena, const char *text)
{
    struct config_string *item = arena_alloc(arena, sizeof(*item));

    item->text = arena_strdup(arena, text);
    return (struct config_strings){item, 1};
}

struct config *
config_from_words(const char *listen, const char *backend, const char *cert)
{
    struct config_frontend f;
    struct config *config = config_new(&f);
    struct arena *arena = config->arena;

    f.name = "main";
    f.listen_text = one(arena, listen);
    f.backend_text.text = arena_strdup(arena, backend);
    f.cert = one(arena, cert);
    config->frontend = arena_alloc(arena, sizeof(f));
    *config->frontend = f;
    config->frontends = 1;
    return config;
}
