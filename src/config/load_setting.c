/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings as they stand in the file: a name, and one value or a list of them. */
#include "config/load_private.h"

#include <string.h>

bool
load_is(const struct loader *l, int kind)
{
    return l->p->token.kind == kind;
}

static bool
is_value(const struct loader *l)
{
    return (load_is(l, PARSE_WORD) || load_is(l, PARSE_STRING)) &&
           !parse_at_statement(l->p);
}

void
load_skip(struct loader *l, unsigned braces)
{
    unsigned line = l->p->token.line;
    bool quiet = l->p->quiet, done = false;

    l->p->quiet = true;
    while (!done && !load_is(l, PARSE_END) && !parse_at_statement(l->p)) {
        if (load_is(l, '}')) {
            /* In the line of the mistake it belongs to that, not to a block of many lines.
             */
            if (braces == 0 && (l->p->token.line != line || l->block->pos.line == line))
                break;
            done = braces <= 1;
            braces -= done ? 0 : 1;
        }
        braces += load_is(l, '{') ? 1 : 0;
        parse_next(l->p);
    }
    l->p->quiet = quiet || load_is(l, PARSE_END);
}

void
load_leave(struct loader *l)
{
    if (l->block != l->home)
        l->block = l->block->outer != NULL ? l->block->outer : l->home;
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
        load_leave(l); /* a block in one line */
    parse_next(l->p);
    return true;
}

static void
break_list(struct loader *l, struct setting *s, unsigned line)
{
    if (!s->in.broken && (load_is(l, PARSE_END) || parse_at_statement(l->p)))
        mistake(l, line, "the list of %s is not closed; a } is missing", s->in.name);
    else if (!s->in.broken)
        mistake(l, l->p->token.line,
                "found %s in the list of %s; commas separate its values and a } ends it",
                parse_describe(l->p), s->in.name);
    s->in.broken = true;
    load_skip(l, 1);
}

static void
parse_list(struct loader *l, struct setting *s)
{
    unsigned line = l->p->token.line;
    bool lost_brace;

    s->in.list = true;
    parse_next(l->p);
    while (!load_is(l, '}')) {
        lost_brace = l->p->token.lost_brace;
        if (!take_value(l, s) || (!lost_brace && !load_is(l, ',') && !load_is(l, '}'))) {
            break_list(l, s, line);
            return;
        }
        if (lost_brace)
            return;
        if (load_is(l, ','))
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
    else if (load_is(l, ','))
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
    load_skip(l, 0);
}

void
load_setting(struct loader *l, const char *name, unsigned line)
{
    struct setting *s = add_setting(l, name, line);

    if (load_is(l, '=')) {
        parse_next(l->p);
    } else if (load_is(l, '{')) {
        mistake(l, line, "a = is missing between %s and its list", name);
        s->in.broken = true;
    } else {
        mistake(l, line, "\"%s\" is followed by %s; a setting is written name = value",
                name, parse_describe(l->p));
        s->in.broken = true;
        load_skip(l, 0);
        return;
    }
    if (load_is(l, '{'))
        parse_list(l, s);
    else
        parse_one(l, s);
}
