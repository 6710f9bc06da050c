/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/pem.h"

#include "base/attr.h"
#include "support/check_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pem_row {
    const char *text;
    enum pem_result result;
    unsigned line;
    const char *label;
} pem_rows[] = {
    {"", PEM_DONE, 0, ""},
    {"text", PEM_DONE, 0, ""},
    {"-----BEGIN A-----\n-----END A-----\n", PEM_BLOCK, 1, "A"},
    {"x\ny\n-----BEGIN A B-----\r\nz\r\n-----END A B----- \t", PEM_BLOCK, 3, "A B"},
    {"-----BEGIN A-----", PEM_BROKEN, 1, "A"},
    {"\n-----BEGIN A-----\nx\n-----END B-----\n", PEM_BROKEN, 2, "A"},
    {"-----BEGIN A-----\n-----BEGIN A-----\n-----END A-----\n", PEM_BROKEN, 1, "A"},
    {"-----BEGIN A----\n-----END A-----\n", PEM_DONE, 0, ""},
    {"-----BEGIN -----\n-----END -----\n", PEM_BLOCK, 1, ""},
    {"-----BEGIN A-----\n-----END AB-----\n", PEM_BROKEN, 1, "A"},
};

START_TEST(pem_blocks)
{
    const struct pem_row *row = &pem_rows[_i];
    size_t len = strlen(row->text);
    char *bytes = malloc(len > 0 ? len : 1); /* exactly, for the sanitizer */
    struct pem pem = {.bytes = bytes, .len = len};
    struct pem_block block;

    memcpy(bytes, row->text, len);
    ck_assert_int_eq(pem_next(&pem, &block), row->result);
    if (row->result != PEM_DONE) {
        ck_assert_uint_eq(block.line, row->line);
        ck_assert_str_eq(block.label, row->label);
    }
    if (row->result == PEM_BLOCK) {
        ck_assert_ptr_eq(block.begin + block.len, bytes + len);
        ck_assert_int_eq(pem_next(&pem, &block), PEM_DONE);
    }
    free(bytes);
}
END_TEST

START_TEST(pem_label_is_cut)
{
    char text[256], label[101];
    struct pem pem = {.bytes = text};
    struct pem_block block;

    memset(label, 'L', 100);
    label[100] = '\0';
    pem.len = (size_t)snprintf(text, sizeof(text), "-----BEGIN %s-----\n-----END %s-----\n",
                               label, label);
    ck_assert_int_eq(pem_next(&pem, &block), PEM_BLOCK);
    ck_assert_uint_eq(strlen(block.label), 63);
}
END_TEST

static Suite *
pem_suite(void)
{
    Suite *suite = suite_create("pem");
    TCase *blocks = tcase_create("blocks");

    tcase_add_loop_test(blocks, pem_blocks, 0, (int)COUNT_OF(pem_rows));
    tcase_add_test(blocks, pem_label_is_cut);
    suite_add_tcase(suite, blocks);
    return suite;
}

CHECK_MAIN(pem_suite)
