/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/diag.h"

#include "base/arena.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    unsigned file; /* number of its file, by first mention */
    unsigned line;
    size_t order; /* in which it was added: qsort is not stable */
    bool is_error;
    const char *text; /* "FILE:LINE: sentence" */
    size_t where_len; /* bytes of text before the sentence */
};

/* A file that was mentioned. NULL stands for the command line. */
struct file {
    struct file *next;
    const char *name;
};

struct diag {
    struct arena *arena;
    struct entry *entries;
    size_t count, room, errors;
    struct file *files;
};

struct diag *
diag_new(void)
{
    struct arena *arena = arena_new();
    struct diag *diag = arena_alloc(arena, sizeof(*diag));

    diag->arena = arena;
    return diag;
}

void
diag_free(struct diag *diag)
{
    if (diag != NULL)
        arena_free(diag->arena);
}

static bool
same_name(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

static unsigned
number_of_file(struct diag *diag, const char *name)
{
    struct file **file;
    unsigned number = 0;

    for (file = &diag->files; *file != NULL; file = &(*file)->next, number++)
        if (same_name((*file)->name, name))
            return number;
    *file = arena_alloc(diag->arena, sizeof(**file));
    if (name != NULL)
        (*file)->name = arena_strdup(diag->arena, name);
    return number;
}

static const char *
format_where(struct arena *arena, struct pos pos)
{
    if (pos.file == NULL)
        return "command line: ";
    if (pos.line == 0)
        return arena_printf(arena, "%s: ", pos.file);
    return arena_printf(arena, "%s:%u: ", pos.file, pos.line);
}

/* One entry is one line, whatever stood in the value that it quotes. */
static void
flatten(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

static struct entry *
new_entry(struct diag *diag)
{
    struct entry *grown;

    if (diag->count == diag->room) {
        diag->room = diag->room == 0 ? 16 : diag->room * 2;
        grown = arena_alloc(diag->arena, diag->room * sizeof(*grown));
        if (diag->count > 0)
            memcpy(grown, diag->entries, diag->count * sizeof(*grown));
        diag->entries = grown;
    }
    return &diag->entries[diag->count++];
}

static ATTR_PRINTF(4, 0) void add(struct diag *diag, bool is_error, struct pos pos,
                                  const char *format, va_list args)
{
    const char *where = format_where(diag->arena, pos);
    const char *sentence = arena_vprintf(diag->arena, format, args);
    char *text = arena_printf(diag->arena, "%s%s", where, sentence);
    struct entry *entry = new_entry(diag);

    flatten(text);
    entry->file = number_of_file(diag, pos.file);
    entry->line = pos.line;
    entry->order = diag->count;
    entry->is_error = is_error;
    entry->text = text;
    entry->where_len = strlen(where);
    if (is_error)
        diag->errors++;
}

void
diag_error(struct diag *diag, struct pos pos, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diag, true, pos, format, args);
    va_end(args);
}

void
diag_warning(struct diag *diag, struct pos pos, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diag, false, pos, format, args);
    va_end(args);
}

size_t
diag_errors(const struct diag *diag)
{
    return diag->errors;
}

static int
compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;

    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static void
sort(struct diag *diag)
{
    if (diag->count > 1)
        qsort(diag->entries, diag->count, sizeof(*diag->entries), compare_entries);
}

void
diag_print(struct diag *diag, FILE *out)
{
    const struct entry *entry;
    size_t i;

    sort(diag);
    for (i = 0; i < diag->count; i++) {
        entry = &diag->entries[i];
        fprintf(out, "%.*s%s%s\n", (int)entry->where_len, entry->text,
                entry->is_error ? "" : "warning: ", entry->text + entry->where_len);
    }
}

void
diag_each(struct diag *diag, void (*each)(void *arg, bool is_error, const char *text),
          void *arg)
{
    size_t i;

    sort(diag);
    for (i = 0; i < diag->count; i++)
        each(arg, diag->entries[i].is_error, diag->entries[i].text);
}
