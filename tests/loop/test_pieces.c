/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/pieces.h"

#include "support/check_main.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define MANY 10000 /* more than two slabs */
#define DESCRIPTORS 1000

static unsigned char *piece[MANY];

static void
fill(unsigned i)
{
    memset(piece[i], (int)(i % 251), PIECES_BYTES);
}

static void
must_be_whole(unsigned i)
{
    for (unsigned j = 0; j < PIECES_BYTES; j++)
        ck_assert_uint_eq(piece[i][j], i % 251);
}

START_TEST(pieces_are_whole_and_used_again)
{
    uintptr_t first;

    for (unsigned i = 0; i < MANY; i++) {
        piece[i] = pieces_allocate(1 + i % PIECES_BYTES);
        ck_assert_ptr_nonnull(piece[i]);
        ck_assert_uint_eq((uintptr_t)piece[i] % PIECES_BYTES, 0);
        fill(i);
    }
    for (unsigned i = 0; i < MANY; i++)
        must_be_whole(i);
    for (unsigned i = 0; i < MANY; i += 2)
        pieces_release(piece[i]);
    first = (uintptr_t)piece[MANY - 2];
    for (unsigned i = 0; i < MANY; i += 2) {
        piece[i] = pieces_allocate(PIECES_BYTES);
        ck_assert(i > 0 || (uintptr_t)piece[i] == first);
        fill(i);
    }
    for (unsigned i = 0; i < MANY; i++) {
        must_be_whole(i);
        pieces_release(piece[i]);
    }
}
END_TEST

START_TEST(a_piece_grows_into_other_memory)
{
    unsigned char *memory = pieces_allocate(PIECES_BYTES), *grown;

    ck_assert_ptr_nonnull(memory);
    memset(memory, 'x', PIECES_BYTES);
    ck_assert_ptr_eq(pieces_reallocate(memory, 3), memory);
    grown = pieces_reallocate(memory, 5000);
    ck_assert_ptr_nonnull(grown);
    ck_assert_ptr_ne(grown, memory);
    for (unsigned i = 0; i < PIECES_BYTES; i++)
        ck_assert_uint_eq(grown[i], 'x');
    ck_assert_ptr_eq(pieces_allocate(PIECES_BYTES), memory); /* it has been released */
    grown = pieces_reallocate(grown, 9000);
    ck_assert_ptr_nonnull(grown);
    ck_assert_uint_eq(grown[PIECES_BYTES - 1], 'x');
    pieces_release(grown);
    pieces_release(memory);
    pieces_release(NULL);
}
END_TEST

/* What has been allocated before is valid, and so is what was not allocated here. */
START_TEST(strange_memory_is_taken)
{
    unsigned char *memory = malloc(100);

    ck_assert_ptr_nonnull(memory);
    memset(memory, 'y', 100);
    memory = pieces_reallocate(memory, 200);
    ck_assert_ptr_nonnull(memory);
    ck_assert_uint_eq(memory[99], 'y');
    pieces_release(memory);
    memory = pieces_reallocate(NULL, 8);
    ck_assert_ptr_nonnull(memory);
    pieces_release(memory);
}
END_TEST

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

/* Those that it keeps for descriptors lie side by side. */
START_TEST(libevent_uses_them)
{
    struct event_base *base;
    unsigned char *before, *behind;
    static struct event *event[DESCRIPTORS];
    int ends[2];

    pieces_use();
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    ck_assert_int_eq(pipe(ends), 0);
    before = pieces_allocate(PIECES_BYTES);
    for (int i = 0; i < DESCRIPTORS; i++) {
        int copy = fcntl(ends[0], F_DUPFD, ends[0]);

        event[i] = event_new(base, copy, EV_READ, on_event, NULL);
        ck_assert_ptr_nonnull(event[i]);
        ck_assert_int_eq(event_add(event[i], NULL), 0);
    }
    behind = pieces_allocate(PIECES_BYTES);
    ck_assert_int_ge((behind - before) / PIECES_BYTES, DESCRIPTORS);
    ck_assert_int_le((behind - before) / PIECES_BYTES, 2 * DESCRIPTORS);
    for (int i = 0; i < DESCRIPTORS; i++) {
        (void)close(event_get_fd(event[i]));
        event_free(event[i]);
    }
    event_base_free(base);
}
END_TEST

static Suite *
pieces_suite(void)
{
    Suite *suite = suite_create("pieces");
    TCase *tcase = tcase_create("pieces");

    tcase_add_test(tcase, pieces_are_whole_and_used_again);
    tcase_add_test(tcase, a_piece_grows_into_other_memory);
    tcase_add_test(tcase, strange_memory_is_taken);
    tcase_add_test(tcase, libevent_uses_them);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(pieces_suite)
