/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/pem.h"

#include <stdbool.h>
#include <string.h>

static const char dashes[] = "-----";

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Take the next line, without its end and the blanks before that. False: no more. */
static bool
next_line(struct pem *pem, const char **line, size_t *len)
{
    const char *end;

    if (pem->at == pem->len)
        return false;
    *line = pem->bytes + pem->at;
    end = memchr(*line, '\n', pem->len - pem->at);
    *len = end != NULL ? (size_t)(end - *line) : pem->len - pem->at;
    pem->at += *len + (end != NULL);
    pem->line++;
    while (*len > 0 && is_blank((*line)[*len - 1]))
        (*len)--;
    return true;
}

/* Is the line of the form "-----BEGIN label-----"? Then copies the label. */
static bool
is_boundary(const char *line, size_t len, const char *prefix, char label[64])
{
    size_t prefix_len = strlen(prefix), suffix_len = strlen(dashes);
    size_t label_len;

    if (len < prefix_len + suffix_len || memcmp(line, prefix, prefix_len) != 0 ||
        memcmp(line + len - suffix_len, dashes, suffix_len) != 0)
        return false;
    label_len = len - prefix_len - suffix_len;
    if (label_len > 63)
        label_len = 63;
    memcpy(label, line + prefix_len, label_len);
    label[label_len] = '\0';
    return true;
}

/* Find the END of the block that has begun. */
static enum pem_result
find_end(struct pem *pem, struct pem_block *block)
{
    const char *line;
    size_t len;
    char label[64];

    while (next_line(pem, &line, &len)) {
        if (is_boundary(line, len, "-----BEGIN ", label))
            return PEM_BROKEN;
        if (is_boundary(line, len, "-----END ", label)) {
            block->len = (size_t)(pem->bytes + pem->at - block->begin);
            return strcmp(label, block->label) == 0 ? PEM_BLOCK : PEM_BROKEN;
        }
    }
    return PEM_BROKEN;
}

enum pem_result
pem_next(struct pem *pem, struct pem_block *block)
{
    const char *line;
    size_t len;

    do {
        if (!next_line(pem, &line, &len))
            return PEM_DONE;
    } while (!is_boundary(line, len, "-----BEGIN ", block->label));
    block->begin = line;
    block->line = pem->line;
    return find_end(pem, block);
}
