/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONFIG_PARSE_H
#define CONFIG_PARSE_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * One file of the configuration as a row of tokens; see SYNTAX in sallyport.conf(5). It
 * knows quoting, comments and environment variables; statements are config/load's.
 */

/* The kind of a token is one of these, or the character that it consists of: = { } , ; ( )
 */
enum {
    PARSE_END = 256,
    PARSE_WORD,
    PARSE_STRING,
    PARSE_BAD /* no token at all; diag has it */
};

struct parse_token {
    int kind;
    const char *text; /* of a word or string: without quotes, variables filled in */
    unsigned line;
    bool lost_brace; /* of a BAD one: an unclosed string, which swallowed a } */
};

struct parse {
    struct arena *arena; /* lent; everything is allocated there */
    struct diag *diag;   /* lent */
    const char *file;
    const char *cur; /* the next byte; a NUL follows the last */
    unsigned line;
    struct parse_token token; /* the one to look at */
    bool quiet;               /* mistakes are not to be told: what is broken is skipped */
    const struct parse *includer; /* lent; NULL: the first file, or memory */
    bool in_memory;
    dev_t device;
    ino_t inode;
    char *buf; /* a string in the making */
    size_t len, size;
};

/* How deep files may include one another. */
#define PARSE_DEPTH_MAX 16

/*
 * Read the file at path, which includer (NULL: nobody) includes at the place from, and
 * look at its first token. Returns 0, or -1 if it cannot be read, is no text,
 * or is being read already; diag has it then.
 */
int parse_file(struct parse *p, const struct parse *includer, struct pos from,
               const char *path, struct arena *arena, struct diag *diag) ATTR_MUST_CHECK;

/* The same for len bytes (copied) that are called name in messages. */
int parse_memory(struct parse *p, const char *name, const char *bytes, size_t len,
                 struct arena *arena, struct diag *diag) ATTR_MUST_CHECK;

/*
 * What include("pattern") in a line of p means: call each for the matching paths, in
 * alphabetical order. A relative pattern begins at the directory of p's file. Without a
 * wildcard (* ? [) it is one path, whether there is such a file or not. Included by what is
 * in memory it is a mistake.
 */
void parse_include(const struct parse *p, unsigned line, const char *pattern,
                   void (*each)(void *arg, struct pos from, const char *path), void *arg);

/* Look at the next token. At the end it is PARSE_END, again and again. */
void parse_next(struct parse *p);

/* Does the token begin a statement? A value is never followed by what a name is followed
 * by. */
bool parse_at_statement(const struct parse *p);

/* Does a { follow the token in its line? */
bool parse_before_brace(const struct parse *p);

/* The token in words, for messages. */
const char *parse_describe(const struct parse *p);

/* Is this text a bare word, which needs no quotes? */
bool parse_is_word(const char *text);

/* The text as a double-quoted string of the conf file, which is read as that text again. */
const char *parse_quote(struct arena *arena, const char *text);

#endif
