/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/diag.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The table of all settings. A row is the whole cost of a setting: reading,
 * printing, defaults and messages follow from it, and tests/lint/options holds the
 * manual, the sample conf file, the completion and the vim syntax against it.
 */

/* Where a setting may stand. */
enum option_block {
    OPTION_GLOBAL, /* outside of any block */
    OPTION_LOG,
    OPTION_ADMIN,
    OPTION_DEFAULTS, /* no row has this: see option_allowed */
    OPTION_FRONTEND,
    OPTION_BACKEND,
    OPTION_CLIENT_CERT, /* within a frontend or defaults */
    OPTION_BLOCKS
};

/* What a setting is in the file, and in the struct. */
enum option_type {
    OPTION_DURATION, /* uint32_t, milliseconds */
    OPTION_NUMBER,   /* uint32_t */
    OPTION_WORD,     /* an int or enum: one of words */
    OPTION_SWITCH,   /* bool: one of words */
    OPTION_TEXT,     /* const char *: anything, or one of words if there are any */
    OPTION_STRING,   /* struct config_string */
    OPTION_LIST      /* struct config_strings */
};

enum option_flag {
    OPTION_OFF = 1,      /* a duration that 0 or the word 'off' switches off */
    OPTION_SECONDS = 2,  /* a duration of whole seconds */
    OPTION_OWN = 4,      /* of a frontend, not allowed in defaults */
    OPTION_REQUIRED = 8, /* every frontend has to have it */
    OPTION_AUTO = 16,    /* a number that the word 'auto' stands for 0 of */
    OPTION_REPEAT = 32   /* a list that may be given in parts */
};

struct option_word {
    const char *name;
    int value;
};

struct option {
    const char *name;
    enum option_block block;
    size_t offset; /* into the struct of option_base */
    enum option_type type;
    const char *initial; /* the default as the conf file writes it; NULL: none */
    unsigned flags;
    uint32_t min, max;               /* of a duration in milliseconds, or of a number */
    const struct option_word *words; /* ends with a NULL name */
    const char *help;
};

extern const struct option option_table[];
extern const size_t option_count;

/* The row of that name, the one that may stand in block if there are several; or NULL. */
const struct option *option_find(const char *name, enum option_block block);

/*
 * The row whose name is nearest to a misspelt one, one that is allowed in block before
 * one that is not; NULL if none is near.
 */
const struct option *option_nearest(const char *name, enum option_block block);

/* May the setting stand in that block? In defaults whatever may stand in a frontend, but
 * OWN. */
bool option_allowed(const struct option *option, enum option_block block);

/*
 * Whose struct it is kept in: OPTION_FRONTEND (struct config_frontend; also of a block
 * within one), OPTION_BACKEND (struct config_pool) or OPTION_GLOBAL (struct config).
 */
enum option_block option_base(const struct option *option);

/* What messages call a block ("frontend"), and where a setting of it belongs ("in frontend
 * NAME { }"); and back. OPTION_BLOCKS: unknown, or none is near. */
const char *option_block_name(enum option_block block);
const char *option_home(enum option_block block);
enum option_block option_block_find(const char *name);
enum option_block option_block_nearest(const char *name);

/* How far off (text_distance) a name may be to count as misspelt. */
unsigned option_reach(const char *name);

/* A setting as it stands in the file, and the struct that it goes to. */
struct option_input {
    const char *name;
    struct pos pos;
    struct config_strings values;
    bool list;   /* values stood in braces */
    bool broken; /* diag has it; values do not count */
    void *base;  /* the struct, see option_base */
    struct arena *arena;
    struct diag *diag;
};

/*
 * Look the setting up, and put its values (lent) into its field if it may stand in this
 * block, is new there and has a value that fits; otherwise the field stays and diag has it.
 * where is the block in words ("in frontend web"); seen has a place for each row,
 * zeroed at first. A required setting that was given wrongly gets the text "".
 */
void option_apply(const struct option_input *in, enum option_block block, const char *where,
                  struct pos *seen);

/* Put the defaults of all settings into config, and those of frontends into frontend. */
void option_store_initial(struct config *config, struct config_frontend *frontend);

/* The same for a section of config's. */
void option_store_initial_pool(const struct config *config, struct config_pool *pool);

#endif
