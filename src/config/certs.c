/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/certs.h"

#include "config/parse.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One of the two settings, and the files that it means. */
struct finder {
    struct config *config;
    const struct config_frontend *frontend;
    struct diag *diag;
    const char *setting;
    struct config_strings files;
    bool failed;
};

static void
add_file(struct finder *f, const struct config_string *from, const char *path)
{
    struct config_strings *files = &f->files;
    struct config_string *grown;

    if ((files->count & (files->count - 1)) == 0) { /* full: its room is a power of two */
        grown = arena_alloc(f->config->arena, 2 * (files->count + 1) * sizeof(*grown));
        if (files->count > 0)
            memcpy(grown, files->item, files->count * sizeof(*grown));
        files->item = grown;
    }
    files->item[files->count++] = (struct config_string){
        path == from->text ? path : arena_strdup(f->config->arena, path), from->pos};
}

static void
refuse(struct finder *f, const struct config_string *from, const char *what)
{
    diag_error(f->diag, from->pos, "%s %s in frontend %s %s", f->setting,
               parse_quote(f->config->arena, from->text), f->frontend->name, what);
    f->failed = true;
}

/* Not those that begin with a dot: editors, and whoever renames into place, make them. */
static int
is_pem(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 4 &&
           strcmp(entry->d_name + len - 4, ".pem") == 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void
find_in_directory(struct finder *f, const struct config_string *from)
{
    struct dirent **entry;
    int count = scandir(from->text, &entry, is_pem, by_name);
    const char *slash = from->text[strlen(from->text) - 1] == '/' ? "" : "/";

    if (count < 0) {
        diag_error(f->diag, from->pos, "%s: cannot be read: %s", from->text,
                   strerror(errno));
        f->failed = true;
        return;
    }
    for (int i = 0; i < count; i++) {
        add_file(
            f, from,
            arena_printf(f->config->arena, "%s%s%s", from->text, slash, entry[i]->d_name));
        free(entry[i]);
    }
    free(entry);
    if (count == 0)
        refuse(f, from, "is a directory without a file that ends in .pem");
}

static void
find_pattern(struct finder *f, const struct config_string *from)
{
    glob_t found;
    int rc = glob(from->text, GLOB_ERR, NULL, &found);

    if (rc == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            add_file(f, from, found.gl_pathv[i]);
    else
        refuse(f, from, rc == GLOB_NOMATCH ? "matches no file" : "cannot be looked up");
    globfree(&found);
}

bool
config_is_uri(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

    return len > 1 && text[len] == ':';
}

static void
find(struct finder *f, const struct config_strings *written)
{
    for (size_t i = 0; i < written->count; i++) {
        const struct config_string *from = &written->item[i];
        struct stat status;
        bool there = !config_is_uri(from->text) && stat(from->text, &status) == 0;

        if (*from->text == '\0')
            f->failed = true; /* diag has it already */
        else if (there && S_ISDIR(status.st_mode))
            find_in_directory(f, from);
        else if (!there && !config_is_uri(from->text) && strpbrk(from->text, "*?[") != NULL)
            find_pattern(f, from);
        else
            add_file(f, from, from->text);
    }
}

static int
by_path(const void *a, const void *b)
{
    const struct config_string *const *left = a, *const *right = b;
    int order = strcmp((*left)->text, (*right)->text);

    return order != 0 ? order : (*left > *right) - (*left < *right);
}

/*
 * A file that is named twice counts once, where it is named first: the default, say, before
 * the directory that it is in.
 */
static void
drop_repeated(struct finder *f)
{
    struct config_strings *files = &f->files;
    struct config_string **sorted =
        arena_alloc(f->config->arena, (files->count + 1) * sizeof(struct config_string *));
    size_t kept = 0, first = 0;

    for (size_t i = 0; i < files->count; i++)
        sorted[i] = &files->item[i];
    if (files->count > 0)
        qsort(sorted, files->count, sizeof(struct config_string *), by_path);
    for (size_t i = 1; i < files->count; i++) {
        if (strcmp(sorted[i]->text, sorted[first]->text) == 0)
            sorted[i]->text = NULL;
        else
            first = i;
    }
    for (size_t i = 0; i < files->count; i++)
        if (files->item[i].text != NULL)
            files->item[kept++] = files->item[i];
    files->count = kept;
}

static void
check_default(struct config *config, const struct config_frontend *frontend,
              struct diag *diag)
{
    const struct config_string *wanted = &frontend->cert_default;

    if (wanted->text == NULL || *wanted->text == '\0')
        return;
    for (size_t i = 0; i < frontend->cert_files; i++)
        if (strcmp(frontend->cert_file[i].cert.text, wanted->text) == 0)
            return;
    diag_error(diag, wanted->pos,
               "cert-default %s in frontend %s is none of its files of "
               "cert",
               parse_quote(config->arena, wanted->text), frontend->name);
}

void
config_find_certs(struct config *config, struct config_frontend *frontend,
                  struct diag *diag)
{
    struct finder certs = {config, frontend, diag, "cert", {0}, false};
    struct finder keys = {config, frontend, diag, "key", {0}, false};

    frontend->cert_files = 0;
    find(&certs, &frontend->cert);
    find(&keys, &frontend->key);
    if (certs.failed || keys.failed)
        return;
    if (keys.files.count == 0)
        drop_repeated(&certs);
    if (keys.files.count > 0 && keys.files.count != certs.files.count) {
        diag_error(diag, keys.files.item[0].pos,
                   "key names %zu file%s and cert %zu in frontend %s; there has to be one "
                   "for each, in the same order",
                   keys.files.count, keys.files.count == 1 ? "" : "s", certs.files.count,
                   frontend->name);
        return;
    }
    frontend->cert_file =
        arena_alloc(config->arena, (certs.files.count + 1) * sizeof(struct config_cert));
    for (size_t i = 0; i < certs.files.count; i++) {
        frontend->cert_file[i].cert = certs.files.item[i];
        frontend->cert_file[i].passphrases = frontend->passphrases;
        if (keys.files.count > 0)
            frontend->cert_file[i].key = keys.files.item[i];
    }
    frontend->cert_files = certs.files.count;
    check_default(config, frontend, diag);
}

size_t
config_default_cert(const struct config_frontend *frontend)
{
    const char *wanted = frontend->cert_default.text;

    for (size_t i = 0; wanted != NULL && i < frontend->cert_files; i++)
        if (strcmp(frontend->cert_file[i].cert.text, wanted) == 0)
            return i;
    return 0;
}
