/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/load.h"

#include "config/options.h"
#include "config/parse.h"

#include <string.h>

struct setting {
    struct option_input in; /* all but its base */
    struct setting *next;
};

struct block {
    enum option_block kind;
    struct pos pos;
    const char *name;  /* of a frontend; "": missing, and diag has it */
    const char *where; /* for messages: "in frontend web" */
    struct setting *first, **last;
    struct block *next;
};

/* All files of one configuration, and the file that is being read. */
struct loader {
    struct arena *arena;
    struct diag *diag;
    struct parse *p;
    struct block *root;   /* OPTION_GLOBAL; the others follow it */
    struct block *newest; /* the last of them */
    struct block *block;  /* where the next setting goes */
    struct block *home;   /* the block that the whole file stands in */
    bool adrift; /* a brace is missing, and diag has it: where blocks end is a guess */
};

/* Not of a bad token: diag has that. */
#define mistake(l, at_line, ...)                                                     \
    do {                                                                             \
        if (!(l)->p->quiet && (l)->p->token.kind != PARSE_BAD)                       \
            diag_error((l)->diag, (struct pos){(l)->p->file, at_line}, __VA_ARGS__); \
    } while (0)

static void read_statements(struct loader *l, struct parse *p);

static bool
is(const struct loader *l, int kind)
{
    return l->p->token.kind == kind;
}

static bool
is_value(const struct loader *l)
{
    return (is(l, PARSE_WORD) || is(l, PARSE_STRING)) && !parse_at_statement(l->p);
}

/*
 * Pass over what is broken: up to the next statement, or to the brace that ends the block
 * or, with braces open, that closes the last of them.
 */
static void
skip(struct loader *l, unsigned braces)
{
    unsigned line = l->p->token.line;
    bool quiet = l->p->quiet, done = false;

    l->p->quiet = true;
    while (!done && !is(l, PARSE_END) && !parse_at_statement(l->p)) {
        if (is(l, '}')) {
            /* In the line of the mistake it belongs to that, not to a block of many lines.
             */
            if (braces == 0 && (l->p->token.line != line || l->block->pos.line == line))
                break;
            done = braces <= 1;
            braces -= done ? 0 : 1;
        }
        braces += is(l, '{') ? 1 : 0;
        parse_next(l->p);
    }
    l->p->quiet = quiet || is(l, PARSE_END);
}

static struct setting *
add_setting(struct loader *l, const char *name, unsigned line)
{
    struct setting *s = arena_alloc(l->arena, sizeof(*s));

    s->in = (struct option_input){.name = name, .arena = l->arena, .diag = l->diag};
    s->in.pos = (struct pos){l->p->file, line};
    if (l->adrift && l->block == l->root)
        return s; /* it would be in the wrong block by the fault of the missing brace */
    *l->block->last = s;
    l->block->last = &s->next;
    return s;
}

/* Take the token as a value. A bad one counts, so that the next ones are looked at, too. */
static bool
take_value(struct loader *l, struct setting *s)
{
    struct config_strings *v = &s->in.values;
    struct config_string *grown;
    struct parse_token token = l->p->token;

    if (token.kind != PARSE_BAD && !is_value(l))
        return false;
    if ((v->count & (v->count - 1)) == 0) { /* full: its room is a power of two */
        grown = arena_alloc(l->arena, 2 * (v->count + 1) * sizeof(*grown));
        if (v->count > 0)
            memcpy(grown, v->item, v->count * sizeof(*grown));
        v->item = grown;
    }
    v->item[v->count].text = token.text;
    v->item[v->count++].pos = (struct pos){l->p->file, token.line};
    s->in.broken |= token.kind == PARSE_BAD;
    if (token.lost_brace && !s->in.list && l->block->pos.line == token.line)
        l->block = l->home; /* of a block in one line */
    parse_next(l->p);
    return true;
}

static void
break_list(struct loader *l, struct setting *s, unsigned line)
{
    if (!s->in.broken && (is(l, PARSE_END) || parse_at_statement(l->p)))
        mistake(l, line, "the list of %s is not closed; a } is missing", s->in.name);
    else if (!s->in.broken)
        mistake(l, l->p->token.line,
                "found %s in the list of %s; commas separate its values and a } ends it",
                parse_describe(l->p), s->in.name);
    s->in.broken = true;
    skip(l, 1);
}

static void
parse_list(struct loader *l, struct setting *s)
{
    unsigned line = l->p->token.line;
    bool lost_brace;

    s->in.list = true;
    parse_next(l->p);
    while (!is(l, '}')) {
        lost_brace = l->p->token.lost_brace;
        if (!take_value(l, s) || (!lost_brace && !is(l, ',') && !is(l, '}'))) {
            break_list(l, s, line);
            return;
        }
        if (lost_brace)
            return;
        if (is(l, ','))
            parse_next(l->p);
    }
    parse_next(l->p);
}

static void
parse_one(struct loader *l, struct setting *s)
{
    unsigned line = l->p->token.line;
    bool was_broken = s->in.broken;

    if (!take_value(l, s))
        mistake(l, s->in.pos.line, "%s has no value", s->in.name);
    else if (is(l, ','))
        mistake(l, line, "%s has several values without braces; write %s = { a, b }",
                s->in.name, s->in.name);
    else if (l->p->token.line != line || !is_value(l))
        return;
    else if (s->in.broken == was_broken)
        mistake(l, line,
                "unexpected %s behind the value of %s; a value with spaces is written in "
                "double quotes",
                parse_describe(l->p), s->in.name);
    s->in.broken = true;
    skip(l, 0);
}

static void
parse_setting(struct loader *l, const char *name, unsigned line)
{
    struct setting *s = add_setting(l, name, line);

    if (is(l, '=')) {
        parse_next(l->p);
    } else if (is(l, '{')) {
        mistake(l, line, "a = is missing between %s and its list", name);
        s->in.broken = true;
    } else {
        mistake(l, line, "\"%s\" is followed by %s; a setting is written name = value",
                name, parse_describe(l->p));
        s->in.broken = true;
        skip(l, 0);
        return;
    }
    if (is(l, '{'))
        parse_list(l, s);
    else
        parse_one(l, s);
}

static struct block *
new_block(struct loader *l, enum option_block kind, struct pos pos, const char *name)
{
    struct block *b = arena_alloc(l->arena, sizeof(*b));

    b->kind = kind;
    b->pos = pos;
    b->name = name;
    b->last = &b->first;
    b->where = arena_printf(l->arena,
                            kind == OPTION_GLOBAL ? "%s"
                            : *name == '\0'       ? "in %s"
                                                  : "in %s %s",
                            option_block_name(kind),
                            parse_is_word(name) ? name : parse_quote(l->arena, name));
    return b;
}

/* The name of a frontend; the other blocks have none. */
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
    if (kind == OPTION_FRONTEND && *name == '\0')
        mistake(l, line, "frontend has no name; write frontend NAME { ... }");
    if (kind != OPTION_FRONTEND && kind != OPTION_BLOCKS && *name != '\0')
        mistake(l, line, "%s takes no name; write %s { ... }", kind_name, kind_name);
    return kind == OPTION_FRONTEND ? name : "";
}

/* Without its brace the block begins nevertheless, on the next line. */
static void
expect_brace(struct loader *l, const char *kind_name, unsigned line)
{
    if (!is(l, '{'))
        mistake(l, line, "%s is followed by %s; a { has to begin the block", kind_name,
                parse_describe(l->p));
    while (l->p->token.line == line && !is(l, '{') && !is(l, PARSE_END))
        parse_next(l->p);
    if (is(l, '{'))
        parse_next(l->p);
}

/* Of kind OPTION_BLOCKS: diag has it, and only the syntax of its settings is looked at. */
static void
open_block(struct loader *l, enum option_block kind, unsigned line)
{
    const char *kind_name = option_block_name(kind), *name;
    struct block *outer = l->block;

    if (outer != l->root && !l->adrift && kind != OPTION_BLOCKS)
        mistake(l, line,
                "%s begins %s, which begins at %s:%u and is not closed; a } is missing",
                kind_name, outer->where, outer->pos.file, outer->pos.line);
    l->adrift |= outer != l->root;
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
    l->block = l->adrift ? l->root : l->home;
    parse_next(l->p);
}

/* A name that is not known, and a { behind it: what does it look like? */
static void
guess_block(struct loader *l, const char *name, unsigned line)
{
    enum option_block kind = option_block_nearest(name);

    if (kind == OPTION_BLOCKS && is(l, '{') &&
        option_nearest(name, l->block->kind) != NULL) {
        parse_setting(l, name, line);
        return;
    }
    if (kind != OPTION_BLOCKS)
        mistake(l, line, "unknown block \"%s\"; did you mean \"%s\"?", name,
                option_block_name(kind));
    else
        mistake(l, line,
                "unknown block \"%s\"; there are log, admin, defaults and frontend", name);
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

    if (is(l, '(')) {
        parse_next(l->p);
        pattern = l->p->token.text;
        if (pattern != NULL)
            parse_next(l->p);
    }
    if (pattern == NULL || !is(l, ')')) {
        mistake(l, line, "include is written include(\"conf.d/*.conf\")");
        skip(l, 0);
        return;
    }
    parse_next(l->p);
    parse_include(l->p, line, pattern, include_file, l);
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
        skip(l, 0);
        return;
    }
    parse_next(l->p);
    kind = option_block_find(name.text);
    if (strcmp(name.text, "include") == 0)
        parse_inclusion(l, name.line);
    else if (kind != OPTION_BLOCKS)
        open_block(l, kind, name.line);
    else if ((is(l, '{') && option_find(name.text, l->block->kind) == NULL) ||
             ((is(l, PARSE_WORD) || is(l, PARSE_STRING)) && parse_before_brace(l->p)))
        guess_block(l, name.text, name.line);
    else
        parse_setting(l, name.text, name.line);
}

/* Read a file that stands in the current block: the whole of it. */
static void
read_statements(struct loader *l, struct parse *p)
{
    struct parse *includer = l->p;
    struct block *outer_home = l->home;

    l->p = p;
    l->home = l->block;
    while (!is(l, PARSE_END)) {
        if (is(l, '}'))
            close_block(l);
        else if (is(l, ';'))
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
apply(const struct block *b, void *base, struct pos *seen)
{
    for (struct setting *s = b->first; s != NULL; s = s->next) {
        s->in.base = base;
        option_apply(&s->in, b->kind, b->where, seen);
    }
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

static struct config *
new_config(struct config_frontend *defaults)
{
    struct arena *arena = arena_new();
    struct config *config = arena_alloc(arena, sizeof(*config));

    config->arena = arena;
    *defaults = (struct config_frontend){.name = "defaults"};
    option_store_initial(config, defaults);
    return config;
}

/* From a file, or with bytes from memory. */
static struct config *
load(const char *name, const char *bytes, size_t len, struct diag *diag)
{
    struct config_frontend defaults;
    struct config *config = new_config(&defaults);
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

struct config *
config_from_words(const char *listen, const char *backend, const char *cert)
{
    struct config_frontend f;
    struct config *config = new_config(&f);
    struct arena *arena = config->arena;

    f.name = "main";
    f.listen_text.item = arena_alloc(arena, sizeof(*f.listen_text.item));
    f.listen_text.item->text = arena_strdup(arena, listen);
    f.listen_text.count = 1;
    f.backend_text.text = arena_strdup(arena, backend);
    f.cert.text = arena_strdup(arena, cert);
    config->frontend = arena_alloc(arena, sizeof(f));
    *config->frontend = f;
    config->frontends = 1;
    return config;
}

void
config_free(struct config *config)
{
    if (config != NULL)
        arena_free(config->arena);
}
