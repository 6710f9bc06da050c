/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"
#include "config/options.h"
#include "config/parse.h"

#include <assert.h>
#include <string.h>

#define SECOND UINT32_C(1000) /* in milliseconds */

/* How messages show a value: as the file would write it. */
static const char *
show(const struct option_input *in, const char *value)
{
    return parse_is_word(value) ? value : parse_quote(in->arena, value);
}

static const char *
range_of(const struct option *o, struct arena *arena)
{
    struct text t;
    char buf[64];

    text_init(&t, buf, sizeof(buf));
    if (o->type == OPTION_NUMBER) {
        text_addf(&t, "%u to %u%s", (unsigned)o->min, (unsigned)o->max,
                  o->flags & OPTION_AUTO ? ", or auto" : "");
    } else {
        text_add_duration(&t, o->min);
        text_add(&t, " to ");
        text_add_duration(&t, o->max);
        text_add(&t, o->flags & OPTION_OFF ? ", or off" : "");
    }
    return arena_strdup(arena, buf);
}

/* Is it one, but for a number that is too large? */
static bool
has_unit(const char *value)
{
    const char *unit = value + strspn(value, "0123456789");
    uint32_t ms;
    char one[4];

    if (unit == value || strlen(unit) > 2)
        return false;
    one[0] = '1';
    memcpy(one + 1, unit, strlen(unit) + 1);
    return text_parse_duration(one, &ms) == 0 && ms != 0 && *unit != '\0';
}

static int
refuse_duration(const struct option *o, const struct option_input *in,
                const struct config_string *value)
{
    const char *text = value->text, *range = range_of(o, in->arena);
    bool digits = text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';

    if (strcmp(text, "off") == 0)
        diag_error(in->diag, value->pos, "%s may not be off; it takes %s", o->name, range);
    else if (digits)
        diag_error(in->diag, value->pos, "%s = %s has no unit; write %ss or %sms", o->name,
                   text, text, text);
    else if (has_unit(text))
        diag_error(in->diag, value->pos, "%s = %s is out of range; it takes %s", o->name,
                   text, range);
    else
        diag_error(
            in->diag, value->pos,
            "%s = %s is not a duration; write a whole number and a unit: ms, s, m, h "
            "or d",
            o->name, show(in, text));
    return -1;
}

static int
store_duration(const struct option *o, const struct option_input *in,
               const struct config_string *value, uint32_t *field)
{
    uint32_t ms = 0;
    bool off = strcmp(value->text, "off") == 0;

    if (off ? !(o->flags & OPTION_OFF) : text_parse_duration(value->text, &ms) != 0)
        return refuse_duration(o, in, value);
    if ((ms < o->min && !(ms == 0 && (o->flags & OPTION_OFF))) || ms > o->max) {
        diag_error(in->diag, value->pos, "%s = %s is out of range; it takes %s", o->name,
                   value->text, range_of(o, in->arena));
        return -1;
    }
    if ((o->flags & OPTION_SECONDS) && ms % SECOND != 0) {
        diag_error(in->diag, value->pos, "%s = %s has to be whole seconds; write %us",
                   o->name, value->text, (unsigned)(ms / SECOND + 1));
        return -1;
    }
    *field = ms;
    return 0;
}

static int
store_number(const struct option *o, const struct option_input *in,
             const struct config_string *value, uint32_t *field)
{
    uint64_t number;

    if ((o->flags & OPTION_AUTO) && strcmp(value->text, "auto") == 0) {
        *field = 0;
        return 0;
    }
    if (value->text[0] == '\0' || value->text[strspn(value->text, "0123456789")] != '\0') {
        diag_error(in->diag, value->pos, "%s = %s is not a whole number; it takes %s",
                   o->name, show(in, value->text), range_of(o, in->arena));
        return -1;
    }
    if (text_parse_number(value->text, &number) != 0 || number < o->min ||
        number > o->max) {
        diag_error(in->diag, value->pos, "%s = %s is out of range; it takes %s", o->name,
                   value->text, range_of(o, in->arena));
        return -1;
    }
    *field = (uint32_t)number;
    return 0;
}

static const struct option_word *
find_word(const struct option *o, const struct option_input *in,
          const struct config_string *value)
{
    const struct option_word *w;
    const char *list = "";

    for (w = o->words; w->name != NULL; w++) {
        if (strcmp(w->name, value->text) == 0)
            return w;
        list = arena_printf(in->arena, "%s%s%s", list,
                            w == o->words       ? ""
                            : w[1].name == NULL ? " or "
                                                : ", ",
                            w->name);
    }
    diag_error(in->diag, value->pos, "%s = %s is not known; it takes %s", o->name,
               show(in, value->text), list);
    return NULL;
}

static int
store_value(const struct option *o, const struct option_input *in, void *field)
{
    const struct config_string *value = in->values.item;
    static const struct option_word anything = {"", 0};
    const struct option_word *w = o->words == NULL ? &anything : find_word(o, in, value);

    if (w == NULL)
        return -1;
    switch (o->type) {
    case OPTION_DURATION:
        return store_duration(o, in, value, field);
    case OPTION_NUMBER:
        return store_number(o, in, value, field);
    case OPTION_WORD:
        *(int *)field = w->value;
        return 0;
    case OPTION_SWITCH:
        *(bool *)field = w->value != 0;
        return 0;
    case OPTION_TEXT:
        *(const char **)field = value->text;
        return 0;
    case OPTION_STRING:
        *(struct config_string *)field = *value;
        return 0;
    case OPTION_LIST:
        *(struct config_strings *)field = in->values;
        return 0;
    }
    return -1;
}

/* Add the values of a list to those that it has. */
static void
append(const struct option_input *in, struct config_strings *list)
{
    size_t count = list->count + in->values.count;
    struct config_string *all = arena_alloc(in->arena, (count + 1) * sizeof(*all));

    memcpy(all, list->item, list->count * sizeof(*all));
    memcpy(all + list->count, in->values.item, in->values.count * sizeof(*all));
    *list = (struct config_strings){all, count};
}

static int
store(const struct option *option, const struct option_input *in, bool again)
{
    if (in->list && option->type != OPTION_LIST) {
        diag_error(in->diag, in->pos, "%s takes one value, without braces", option->name);
        return -1;
    }
    for (size_t i = 0; i < in->values.count; i++) {
        if (*in->values.item[i].text == '\0') {
            diag_error(in->diag, in->values.item[i].pos, "%s is empty; it needs a value",
                       option->name);
            return -1;
        }
    }
    if (!again)
        return store_value(option, in, (char *)in->base + option->offset);
    if (in->values.count > 0)
        append(in, (struct config_strings *)((char *)in->base + option->offset));
    return 0;
}

/* A required setting that was given wrongly is not missing as well. */
static void
store_mistaken(const struct option *o, const struct option_input *in)
{
    struct config_string *mistaken = arena_alloc(in->arena, sizeof(*mistaken));
    struct option_input blank = *in;

    if (!(o->flags & OPTION_REQUIRED))
        return;
    *mistaken = (struct config_string){"", in->pos};
    blank.values = (struct config_strings){mistaken, 1};
    (void)store_value(o, &blank, (char *)in->base + o->offset);
}

static const struct option *
find_misspelt(const struct option_input *in, enum option_block block, const char *where)
{
    const struct option *nearest = option_nearest(in->name, block);
    const char *name = parse_quote(in->arena, in->name);

    if (in->broken)
        ; /* its name may be no name at all */
    else if (nearest == NULL)
        diag_error(in->diag, in->pos, "unknown setting %s %s", name, where);
    else if (option_allowed(nearest, block))
        diag_error(in->diag, in->pos, "unknown setting %s %s; did you mean \"%s\"?", name,
                   where, nearest->name);
    else
        diag_error(in->diag, in->pos, "unknown setting %s %s; did you mean \"%s\", %s?",
                   name, where, nearest->name, option_home(nearest->block));
    return nearest != NULL && option_allowed(nearest, block) ? nearest : NULL;
}

void
option_apply(const struct option_input *in, enum option_block block, const char *where,
             struct pos *seen)
{
    const struct option *o = option_find(in->name, block);
    struct pos *first;
    bool again;

    if (o == NULL) {
        o = find_misspelt(in, block, where);
        if (o != NULL)
            store_mistaken(o, in);
        return;
    }
    if (!option_allowed(o, block)) {
        if (!in->broken)
            diag_error(in->diag, in->pos, "%s has no place %s; it belongs %s", o->name,
                       where, option_home(o->block));
        return;
    }
    first = &seen[o - option_table];
    again = first->line != 0;
    if (again && !(o->flags & OPTION_REPEAT)) {
        diag_error(in->diag, in->pos, "%s is given twice %s; the first is at %s:%u",
                   o->name, where, first->file, first->line);
        return;
    }
    if (!again)
        *first = in->pos;
    if ((in->broken || store(o, in, again) != 0) && !again)
        store_mistaken(o, in);
}

static void
store_initial(const struct option *o, struct arena *arena, void *base)
{
    struct config_string value = {.text = o->initial};
    struct option_input in = {.values = {&value, 1}, .arena = arena, .base = base};
    int stored = 0;

    if (o->initial != NULL)
        stored = store(o, &in, false);
    assert(stored == 0);
    (void)stored;
}

void
option_store_initial(struct config *config, struct config_frontend *frontend)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];

        if (option_base(o) == OPTION_FRONTEND)
            store_initial(o, config->arena, frontend);
        else if (option_base(o) == OPTION_GLOBAL)
            store_initial(o, config->arena, config);
    }
}

void
option_store_initial_pool(const struct config *config, struct config_pool *pool)
{
    for (size_t i = 0; i < option_count; i++)
        if (option_base(&option_table[i]) == OPTION_BACKEND)
            store_initial(&option_table[i], config->arena, pool);
}
