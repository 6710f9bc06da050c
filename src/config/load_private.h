/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONFIG_LOAD_PRIVATE_H
#define CONFIG_LOAD_PRIVATE_H

#include "config/options.h"
#include "config/parse.h"

/* Shared by load.c (files, blocks, what they mean) and load_setting.c (their settings)
 * only.
 */
struct setting {
    struct option_input in; /* all but its base */
    struct setting *next;
};

struct block {
    enum option_block kind;
    struct pos pos;
    const char *name;  /* of a frontend or backend; "": missing, and diag has it */
    const char *where; /* for messages: "in frontend web" */
    struct setting *first, **last;
    struct block *outer; /* that it stands in; NULL: in none */
    struct block *next;  /* behind a block come those that stand in it */
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

/* Is the token of that kind? */
bool load_is(const struct loader *l, int kind);

/*
 * Pass over what is broken: up to the next statement, or to the brace that ends the block
 * or, with braces open, that closes the last of them.
 */
void load_skip(struct loader *l, unsigned braces);

/* A block ends: go on with the one around it, but in no case leave the file's. */
void load_leave(struct loader *l);

/* Take a setting of the block; its name, which began in that line, has been taken. */
void load_setting(struct loader *l, const char *name, unsigned line);

#endif
