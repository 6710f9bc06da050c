/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX ((size_t)16 << 20)

#define mistake(p, at_line, ...)                                                  \
    do {                                                                          \
        if (!(p)->quiet)                                                          \
            diag_error((p)->diag, (struct pos){(p)->file, at_line}, __VA_ARGS__); \
    } while (0)

static bool
is_in(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool
is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
}

static bool
is_word_byte(char c)
{
    return is_name_byte(c) || is_in(c, ".:/*@+-");
}

bool
parse_is_word(const char *text)
{
    const char *c = text;

    while (is_word_byte(*c))
        c++;
    /* These would begin a comment. */
    return c != text && *c == '\0' && strncmp(text, "//", 2) != 0 &&
           strncmp(text, "/*", 2) != 0;
}

static bool
is_control(char c)
{
    return ((unsigned char)c < ' ' && !is_in(c, "\t\r\n")) || c == 0x7f;
}

static void
buf_add(struct parse *p, const char *bytes, size_t len)
{
    char *grown;

    if (p->size - p->len < len) {
        p->size = 2 * (p->len + len) + 64;
        grown = arena_alloc(p->arena, p->size);
        if (p->len > 0)
            memcpy(grown, p->buf, p->len);
        p->buf = grown;
    }
    if (len > 0)
        memcpy(p->buf + p->len, bytes, len);
    p->len += len;
}

static void
skip_comment(struct parse *p)
{
    const char *end = strstr(p->cur + 2, "*/");

    if (end == NULL) {
        mistake(p, p->line, "the comment that begins here is not closed; */ is missing");
        p->cur += strlen(p->cur);
        p->quiet = true; /* what it has swallowed is missing everywhere */
        return;
    }
    for (; p->cur < end; p->cur++)
        p->line += *p->cur == '\n' ? 1 : 0;
    p->cur += 2;
}

static void
skip_space(struct parse *p)
{
    for (;;) {
        if (*p->cur == '#' || strncmp(p->cur, "//", 2) == 0) {
            p->cur += strcspn(p->cur, "\n");
        } else if (strncmp(p->cur, "/*", 2) == 0) {
            skip_comment(p);
        } else if (is_in(*p->cur, " \t\r\n")) {
            p->line += *p->cur == '\n' ? 1 : 0;
            p->cur++;
        } else {
            return;
        }
    }
}

static int
read_escape(struct parse *p)
{
    static const char letters[] = "\"\\$nt", meanings[] = "\"\\$\n\t";
    const char *at = is_in(p->cur[1], letters) ? strchr(letters, p->cur[1]) : NULL;

    if (at == NULL) {
        mistake(p, p->line,
                "a backslash in double quotes stands before \", \\, $, n or t only; write "
                "\\\\ for a backslash");
        return -1;
    }
    buf_add(p, &meanings[at - letters], 1);
    p->cur += 2;
    return 0;
}

static int
add_variable(struct parse *p, const char *name)
{
    const char *value = getenv(name);

    if (value == NULL) {
        mistake(p, p->line,
                "the environment variable %s is not set; set it, or write ${%s:-default}",
                name, name);
        return -1;
    }
    for (const char *c = value; *c != '\0'; c++) {
        if (is_control(*c) || *c == '\r') {
            mistake(p, p->line,
                    "the environment variable %s holds a control byte; it has to be text",
                    name);
            return -1;
        }
    }
    buf_add(p, value, strlen(value));
    return 0;
}

/* ${NAME} or ${NAME:-default}: as in a shell, an empty variable takes the default too. */
static int
read_variable(struct parse *p)
{
    const char *start = p->cur + 2, *fallback, *name, *value;
    size_t len = 0;

    while (is_name_byte(start[len]))
        len++;
    fallback = strncmp(start + len, ":-", 2) == 0 ? start + len + 2 : NULL;
    p->cur = fallback == NULL ? start + len : fallback + strcspn(fallback, "}\"\\\n");
    if (len == 0 || *p->cur != '}') {
        mistake(p, p->line,
                "a variable is written ${NAME} or ${NAME:-default}; write \\$ for a dollar "
                "sign");
        return -1;
    }
    p->cur++;
    name = arena_strndup(p->arena, start, len);
    value = getenv(name);
    if (fallback == NULL || (value != NULL && *value != '\0'))
        return add_variable(p, name);
    buf_add(p, fallback, (size_t)(p->cur - 1 - fallback));
    return 0;
}

/* What is left of a bad string is passed over: to its quote, or to the end of the line. */
static int
end_bad_string(struct parse *p, char quote)
{
    for (; *p->cur != quote && *p->cur != '\n' && *p->cur != '\0'; p->cur++) {
        if (*p->cur == '\\' && quote == '"' && p->cur[1] != '\n' && p->cur[1] != '\0')
            p->cur++;
        p->token.lost_brace |= *p->cur == '}';
    }
    if (*p->cur == quote) {
        p->cur++;
        p->token.lost_brace = false;
    }
    return PARSE_BAD;
}

static int
read_string(struct parse *p)
{
    char quote = *p->cur++;
    const char *start = p->cur;

    p->len = 0;
    while (*p->cur != quote) {
        if (*p->cur == '\n' || *p->cur == '\0') {
            mistake(p, p->line,
                    "the string that begins here is not closed; a %c is missing", quote);
            p->cur = start; /* to see what it has swallowed */
            return end_bad_string(p, quote);
        }
        if (quote == '"' && *p->cur == '\\') {
            if (read_escape(p) != 0)
                return end_bad_string(p, quote);
        } else if (quote == '"' && strncmp(p->cur, "${", 2) == 0) {
            if (read_variable(p) != 0)
                return end_bad_string(p, quote);
        } else {
            buf_add(p, p->cur++, 1);
        }
    }
    p->cur++;
    p->token.text = arena_strndup(p->arena, p->len > 0 ? p->buf : "", p->len);
    return PARSE_STRING;
}

static int
read_word(struct parse *p)
{
    size_t len = 0;

    while (is_word_byte(p->cur[len]))
        len++;
    p->token.text = arena_strndup(p->arena, p->cur, len);
    p->cur += len;
    return PARSE_WORD;
}

static int
read_stray(struct parse *p)
{
    unsigned char c = (unsigned char)*p->cur;

    if (c < 0x7f)
        mistake(p, p->line,
                "unexpected %c; a value with such a character is written in double quotes",
                c);
    else
        mistake(
            p, p->line,
            "unexpected byte 0x%02x; what is not ASCII is written in double quotes (\")",
            c);
    if (strncmp(p->cur, "${", 2) == 0)
        p->cur += strcspn(p->cur, "}\n");
    p->cur += *p->cur == '}' ? 1 : 0;
    p->cur += strcspn(p->cur, " \t\r\n,;{}");
    return PARSE_BAD;
}

void
parse_next(struct parse *p)
{
    skip_space(p);
    p->token = (struct parse_token){.line = p->line};
    if (*p->cur == '\0')
        p->token.kind = PARSE_END;
    else if (is_in(*p->cur, "={},;()"))
        p->token.kind = (unsigned char)*p->cur++;
    else if (is_in(*p->cur, "\"'"))
        p->token.kind = read_string(p);
    else
        p->token.kind = is_word_byte(*p->cur) ? read_word(p) : read_stray(p);
}

/* Does a word or string follow the token, and then a {? */
static bool
is_name_before_brace(const struct parse *p)
{
    const char *at = p->cur + strspn(p->cur, " \t");
    const char *start = at;

    while (is_word_byte(*at) || is_in(*at, "\"'"))
        at++;
    return at > start && at[strspn(at, " \t")] == '{';
}

bool
parse_at_statement(const struct parse *p)
{
    char c = p->cur[strspn(p->cur, " \t")];

    if (p->token.kind != PARSE_WORD)
        return false;
    return is_in(c, "={(") ||
           (strcmp(p->token.text, "frontend") == 0 &&
            (is_word_byte(c) || is_in(c, "\"'"))) ||
           (strcmp(p->token.text, "backend") == 0 && is_name_before_brace(p));
}

bool
parse_before_brace(const struct parse *p)
{
    return p->cur[strspn(p->cur, " \t")] == '{';
}

const char *
parse_describe(const struct parse *p)
{
    if (p->token.kind == PARSE_END)
        return "the end of the file";
    if (p->token.kind == PARSE_BAD)
        return "what is no token";
    if (p->token.text != NULL)
        return parse_quote(p->arena, p->token.text);
    return arena_printf(p->arena, "\"%c\"", p->token.kind);
}

const char *
parse_quote(struct arena *arena, const char *text)
{
    char *quoted = arena_alloc(arena, 2 * strlen(text) + 3), *to = quoted;

    *to++ = '"';
    for (; *text != '\0'; text++) {
        if (is_in(*text, "\"\\$\n\t"))
            *to++ = '\\';
        *to++ = *text == '\n' ? 'n' : *text == '\t' ? 't' : *text;
    }
    *to++ = '"';
    return quoted;
}

/*
 * Is it text? A NUL means that it is some other file, and that its other bytes are not
 * worth a look. A control byte is one mistake in its line, and a space from then on.
 */
static int
scan(struct parse *p, char *bytes, size_t len)
{
    unsigned line = 1, told = 0;

    if (memchr(bytes, '\0', len) != NULL) {
        mistake(p, 0, "holds a NUL byte and is no text; a conf file is plain text");
        return -1;
    }
    for (size_t i = 0; i < len; line += bytes[i++] == '\n' ? 1 : 0) {
        if (!is_control(bytes[i]))
            continue;
        if (told != line)
            mistake(p, line, "holds the control byte 0x%02x; a conf file is plain text",
                    (unsigned char)bytes[i]);
        told = line;
        bytes[i] = ' ';
    }
    return 0;
}

static int
start(struct parse *p, char *bytes, size_t len)
{
    if (scan(p, bytes, len) != 0)
        return -1;
    p->cur = strncmp(bytes, "\xef\xbb\xbf", 3) == 0 ? bytes + 3 : bytes; /* a BOM */
    p->line = 1;
    parse_next(p);
    return 0;
}

int
parse_memory(struct parse *p, const char *name, const char *bytes, size_t len,
             struct arena *arena, struct diag *diag)
{
    char *copy = arena_alloc(arena, len + 1);

    *p = (struct parse){.arena = arena, .diag = diag, .file = arena_strdup(arena, name)};
    p->in_memory = true;
    if (len > 0)
        memcpy(copy, bytes, len);
    return start(p, copy, len);
}

/* All bytes of an open file, and a NUL. NULL with errno. */
static char *
read_all(struct arena *arena, int fd, size_t *len)
{
    size_t room = 4096;
    char *bytes = arena_alloc(arena, room + 1), *grown;
    ssize_t n;

    *len = 0;
    while ((n = read(fd, bytes + *len, room - *len)) != 0) {
        if (n < 0 && errno != EINTR)
            return NULL;
        *len += n < 0 ? 0 : (size_t)n;
        if (*len < room)
            continue;
        if (room >= FILE_SIZE_MAX) {
            errno = EFBIG;
            return NULL;
        }
        room *= 2;
        grown = arena_alloc(arena, room + 1);
        memcpy(grown, bytes, *len);
        bytes = grown;
    }
    bytes[*len] = '\0';
    return bytes;
}

/* Is it a file that is being read already, or are there too many of them? */
static int
check_includers(struct parse *p, struct pos from)
{
    const struct parse *other = p->includer;
    unsigned depth = 0;

    for (; other != NULL; other = other->includer, depth++) {
        if (other->device == p->device && other->inode == p->inode) {
            diag_error(p->diag, from, "%s would be included by itself; remove this include",
                       p->file);
            return -1;
        }
    }
    if (depth > PARSE_DEPTH_MAX) {
        diag_error(p->diag, from, "%s is included at a depth of %u; %u is the most",
                   p->file, depth, PARSE_DEPTH_MAX);
        return -1;
    }
    return 0;
}

int
parse_file(struct parse *p, const struct parse *includer, struct pos from, const char *path,
           struct arena *arena, struct diag *diag)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *bytes = NULL;
    struct stat st;
    size_t len;

    *p = (struct parse){.arena = arena, .diag = diag, .file = arena_strdup(arena, path)};
    p->includer = includer;
    if (fd >= 0 && fstat(fd, &st) == 0) {
        p->device = st.st_dev;
        p->inode = st.st_ino;
        if (check_includers(p, from) != 0) {
            close(fd);
            return -1;
        }
        bytes = read_all(arena, fd, &len);
    }
    if (bytes == NULL && includer != NULL)
        diag_error(diag, from, "cannot read %s: %s", path, strerror(errno));
    else if (bytes == NULL)
        diag_error(diag, from, "cannot be read: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return bytes == NULL ? -1 : start(p, bytes, len);
}

/* The pattern behind the directory of p's file, in which nothing is to be a wildcard. */
static const char *
in_directory_of(const struct parse *p, const char *pattern, bool escape)
{
    const char *slash = strrchr(p->file, '/');
    size_t len = slash == NULL || *pattern == '/' ? 0 : (size_t)(slash - p->file) + 1;
    char *path = arena_alloc(p->arena, 2 * len + strlen(pattern) + 1), *to = path;

    for (size_t i = 0; i < len; i++) {
        if (escape && is_in(p->file[i], "*?[\\"))
            *to++ = '\\';
        *to++ = p->file[i];
    }
    memcpy(to, pattern, strlen(pattern) + 1);
    return path;
}

void
parse_include(const struct parse *p, unsigned line, const char *pattern,
              void (*each)(void *arg, struct pos from, const char *path), void *arg)
{
    struct pos from = {p->file, line};
    glob_t found;
    int rc;

    if (p->in_memory) {
        diag_error(p->diag, from, "include works in a file only");
        return;
    }
    if (strpbrk(pattern, "*?[") == NULL) {
        each(arg, from, in_directory_of(p, pattern, false));
        return;
    }
    rc = glob(in_directory_of(p, pattern, true), GLOB_ERR, NULL, &found);
    if (rc == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            each(arg, from, arena_strdup(p->arena, found.gl_pathv[i]));
        globfree(&found);
    } else if (rc != GLOB_NOMATCH) {
        diag_error(p->diag, from, "cannot look for %s: %s", pattern, strerror(errno));
    }
}
