/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"
#include "config/load.h"
#include "config/options.h"
#include "config/parse.h"

/* What is being printed, and memory for the quoting. */
struct dump {
    FILE *out;
    struct arena *arena;
};

static const char *
name_of(const struct option_word *words, int value)
{
    while (words->name != NULL && words->value != value)
        words++;
    return words->name;
}

static void
print_duration(struct dump *d, const struct option *o, uint32_t ms)
{
    struct text t;
    char buf[32];

    text_init(&t, buf, sizeof(buf));
    text_add_duration(&t, ms);
    fputs(ms == 0 && (o->flags & OPTION_OFF) ? "off" : buf, d->out);
}

static void
print_list(struct dump *d, const struct config_strings *list)
{
    fputs("{", d->out);
    for (size_t i = 0; i < list->count; i++)
        fprintf(d->out, "%s %s", i == 0 ? "" : ",",
                parse_quote(d->arena, list->item[i].text));
    fputs(" }", d->out);
}

static void
print_value(struct dump *d, const struct option *o, const void *field)
{
    switch (o->type) {
    case OPTION_DURATION:
        print_duration(d, o, *(const uint32_t *)field);
        break;
    case OPTION_NUMBER:
        if (*(const uint32_t *)field == 0 && (o->flags & OPTION_AUTO))
            fputs("auto", d->out);
        else
            fprintf(d->out, "%u", (unsigned)*(const uint32_t *)field);
        break;
    case OPTION_WORD:
        fputs(name_of(o->words, *(const int *)field), d->out);
        break;
    case OPTION_SWITCH:
        fputs(name_of(o->words, *(const bool *)field), d->out);
        break;
    case OPTION_TEXT:
        fputs(parse_quote(d->arena, *(const char *const *)field), d->out);
        break;
    case OPTION_STRING:
        fputs(parse_quote(d->arena, ((const struct config_string *)field)->text), d->out);
        break;
    case OPTION_LIST:
        print_list(d, field);
        break;
    }
}

static void
print_settings(struct dump *d, enum option_block block, const void *base,
               const char *indent)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        const void *field = (const char *)base + o->offset;

        if (o->block != block)
            continue;
        if (o->type == OPTION_STRING &&
            ((const struct config_string *)field)->text == NULL) {
            fprintf(d->out, "%s# %s is not set\n", indent, o->name);
            continue;
        }
        fprintf(d->out, "%s%s = ", indent, o->name);
        print_value(d, o, field);
        fputs("\n", d->out);
    }
}

void
config_dump(const struct config *config, FILE *out)
{
    struct dump d = {out, arena_new()};

    print_settings(&d, OPTION_GLOBAL, config, "");
    fputs("\nlog {\n", out);
    print_settings(&d, OPTION_LOG, config, "    ");
    fputs("}\n\nadmin {\n", out);
    print_settings(&d, OPTION_ADMIN, config, "    ");
    fputs("}\n", out);
    for (size_t i = 0; i < config->pools; i++) {
        if (config->pool[i].name == NULL)
            continue;
        fprintf(out, "\nbackend %s {\n", parse_quote(d.arena, config->pool[i].name));
        print_settings(&d, OPTION_BACKEND, &config->pool[i], "    ");
        fputs("}\n", out);
    }
    for (size_t i = 0; i < config->frontends; i++) {
        fprintf(out, "\nfrontend %s {\n", parse_quote(d.arena, config->frontend[i].name));
        print_settings(&d, OPTION_FRONTEND, &config->frontend[i], "    ");
        fputs("    client-cert {\n", out);
        print_settings(&d, OPTION_CLIENT_CERT, &config->frontend[i], "        ");
        fputs("    }\n}\n", out);
    }
    arena_free(d.arena);
}
