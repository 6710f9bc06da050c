/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/arena.h"

#include "support/check_main.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static struct arena *arena;

static void
begin(void)
{
    arena = arena_new();
}

static void
end(void)
{
    arena_free(arena);
}

START_TEST(test_alloc_is_zeroed_and_aligned)
{
    size_t size, i;

    for (size = 0; size < 300; size++) {
        unsigned char *bytes = arena_alloc(arena, size);

        ck_assert_uint_eq((uintptr_t)bytes % _Alignof(max_align_t), 0);
        for (i = 0; i < size; i++)
            ck_assert_uint_eq(bytes[i], 0);
        if (size > 0)
            memset(bytes, 0xff, size);
    }
}
END_TEST

START_TEST(test_pieces_do_not_overlap)
{
    unsigned char *pieces[100];
    size_t i, j;

    for (i = 0; i < 100; i++) {
        pieces[i] = arena_alloc(arena, i + 1);
        memset(pieces[i], (int)i, i + 1);
    }
    for (i = 0; i < 100; i++)
        for (j = 0; j <= i; j++)
            ck_assert_uint_eq(pieces[i][j], i);
}
END_TEST

START_TEST(test_strings_are_copies)
{
    char source[] = "certificate";
    char *whole = arena_strdup(arena, source);
    char *part = arena_strndup(arena, source, 4);
    char *beyond = arena_strndup(arena, source, 400);
    char *empty = arena_strndup(arena, source, 0);

    memset(source, 'x', sizeof(source) - 1);
    ck_assert_str_eq(whole, "certificate");
    ck_assert_str_eq(part, "cert");
    ck_assert_str_eq(beyond, "certificate");
    ck_assert_str_eq(empty, "");
}
END_TEST

START_TEST(test_strndup_reads_no_further_than_told)
{
    char *exact = malloc(4);

    memcpy(exact, "cert", 4); /* no NUL */
    ck_assert_str_eq(arena_strndup(arena, exact, 4), "cert");
    free(exact);
}
END_TEST

START_TEST(test_printf_is_as_long_as_it_must_be)
{
    char *line = arena_printf(arena, "%s:%d", "file", 17);
    char *wide = arena_printf(arena, "%5000d", 1);

    ck_assert_str_eq(line, "file:17");
    ck_assert_uint_eq(strlen(wide), 5000);
    ck_assert_str_eq(arena_printf(arena, "%s", ""), "");
}
END_TEST

START_TEST(test_free_of_nothing)
{
    arena_free(NULL);
}
END_TEST

/* Exit status 1, by itself: anything else, a signal too, is a failure. */
START_TEST(test_out_of_memory_ends_the_program)
{
    (void)arena_alloc(arena, SIZE_MAX);
    _exit(0);
}
END_TEST

static Suite *
arena_suite(void)
{
    Suite *suite = suite_create("arena");
    TCase *tcase = tcase_create("arena");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, test_alloc_is_zeroed_and_aligned);
    tcase_add_test(tcase, test_pieces_do_not_overlap);
    tcase_add_test(tcase, test_strings_are_copies);
    tcase_add_test(tcase, test_strndup_reads_no_further_than_told);
    tcase_add_test(tcase, test_printf_is_as_long_as_it_must_be);
    tcase_add_test(tcase, test_free_of_nothing);
    tcase_add_exit_test(tcase, test_out_of_memory_ends_the_program, EXIT_FAILURE);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(arena_suite)
