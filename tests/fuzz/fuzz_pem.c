/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The blocks of a PEM file (tls/pem). Blocks lie within the file, one behind the other,
 * where their lines say, from BEGIN to the END of the same label; no BEGIN is passed
 * over; and each block, taken alone, is the same block.
 */
#include "fuzz.h"
#include "tls/pem.h"

#include <stdbool.h>

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static unsigned
count_lines(const char *from, const char *to)
{
    unsigned lines = 1;

    for (; from < to; from++)
        lines += *from == '\n';
    return lines;
}

/* Is there a line BEGIN? from is where a line begins. */
static bool
has_begin(const char *from, const char *to)
{
    static const char begin[] = "-----BEGIN ", dashes[] = "-----";

    while (from < to) {
        const char *newline = memchr(from, '\n', (size_t)(to - from));
        const char *end = newline != NULL ? newline : to;
        const char *next = newline != NULL ? newline + 1 : to;

        while (end > from && is_blank(end[-1]))
            end--;
        if ((size_t)(end - from) >= strlen(begin) + strlen(dashes) &&
            memcmp(from, begin, strlen(begin)) == 0 &&
            memcmp(end - strlen(dashes), dashes, strlen(dashes)) == 0)
            return true;
        from = next;
    }
    return false;
}

/* Where the last line of a block begins. */
static const char *
last_line(const char *begin, const char *end)
{
    while (end > begin && is_blank(end[-1]))
        end--;
    while (end > begin && end[-1] != '\n')
        end--;
    return end;
}

static void
check_begin(const struct pem *pem, const struct pem_block *block)
{
    static const char begin[] = "-----BEGIN ";
    const char *end = pem->bytes + pem->len;

    MUST(block->begin >= pem->bytes && block->begin < end);
    MUST(block->begin == pem->bytes || block->begin[-1] == '\n');
    MUST((size_t)(end - block->begin) >= strlen(begin));
    MUST(memcmp(block->begin, begin, strlen(begin)) == 0);
    MUST(block->line == count_lines(pem->bytes, block->begin));
    MUST(strnlen(block->label, sizeof(block->label)) < sizeof(block->label));
    MUST(strchr(block->label, '\n') == NULL);
}

static void
check_block(const struct pem *pem, const struct pem_block *block)
{
    static const char end_word[] = "-----END ";
    const char *end = block->begin + block->len;
    const char *last = last_line(block->begin, end);
    size_t label_len = strlen(block->label);
    struct pem alone = {.bytes = block->begin, .len = block->len};
    struct pem_block again;

    MUST(end == pem->bytes + pem->at);
    MUST(last > block->begin && (size_t)(end - last) >= strlen(end_word));
    MUST(memcmp(last, end_word, strlen(end_word)) == 0);
    last += strlen(end_word);
    MUST((size_t)(end - last) >= label_len + 5);
    MUST(memcmp(last, block->label, label_len) == 0);
    MUST(label_len == sizeof(block->label) - 1 ||
         memcmp(last + label_len, "-----", 5) == 0 || last[label_len] == '\0');
    MUST(!has_begin((const char *)memchr(block->begin, '\n', block->len) + 1, end));
    MUST(pem_next(&alone, &again) == PEM_BLOCK);
    MUST(again.begin == block->begin && again.len == block->len && again.line == 1);
    MUST(strcmp(again.label, block->label) == 0);
    MUST(pem_next(&alone, &again) == PEM_DONE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pem pem = {.bytes = (const char *)data, .len = size};
    struct pem_block block;
    enum pem_result result;
    size_t before = 0;

    while ((result = pem_next(&pem, &block)) != PEM_DONE) {
        MUST(pem.at > before && pem.at <= pem.len);
        check_begin(&pem, &block);
        MUST(block.begin >= pem.bytes + before);
        MUST(!has_begin(pem.bytes + before, block.begin));
        if (result == PEM_BLOCK)
            check_block(&pem, &block);
        before = pem.at;
    }
    MUST(pem.at == pem.len && !has_begin(pem.bytes + before, pem.bytes + pem.len));
    MUST(pem_next(&pem, &block) == PEM_DONE);
    return 0;
}
