/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/seal.h"

#include "support/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES 10000

static unsigned char data[BYTES];
static int fd;

static void
setup(void)
{
    for (size_t i = 0; i < BYTES; i++)
        data[i] = (unsigned char)(i * 7);
    fd = -1;
}

static void
teardown(void)
{
    if (fd >= 0)
        close(fd);
}

static void
seal(void)
{
    fd = seal_make("test", data, BYTES);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

START_TEST(sealed_holds_the_bytes)
{
    size_t len = 0;
    unsigned char *map;

    seal();
    map = seal_map(fd, &len);
    ck_assert_ptr_nonnull(map);
    ck_assert_uint_eq(len, BYTES);
    ck_assert_int_eq(memcmp(map, data, BYTES), 0);
    data[0] ^= 1; /* it is a copy */
    ck_assert_uint_eq(map[0], data[0] ^ 1);
    ck_assert_int_eq(munmap(map, len), 0);
}
END_TEST

/* Also by way of another descriptor of the same memory, which was opened for writing. */
static void
assert_unchangeable(int other)
{
    char byte = 'x';

    ck_assert_int_eq(pwrite(other, &byte, 1, 0), -1);
    ck_assert_int_eq(errno, EPERM);
    ck_assert_int_eq(pwrite(other, &byte, 1, BYTES), -1);
    ck_assert_int_eq(ftruncate(other, 0), -1);
    ck_assert_int_eq(errno, EPERM);
    ck_assert_int_eq(ftruncate(other, BYTES + 1), -1);
    ck_assert_int_eq(fallocate(other, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096),
                     -1);
    ck_assert_ptr_eq(mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0),
                     MAP_FAILED);
    ck_assert_int_eq(fcntl(other, F_ADD_SEALS, F_SEAL_SHRINK), -1);
}

START_TEST(sealed_cannot_be_changed)
{
    char path[64];
    int again;
    size_t len;
    void *map;

    seal();
    assert_unchangeable(fd);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    again = open(path, O_RDWR | O_CLOEXEC);
    if (again >= 0) {
        assert_unchangeable(again);
        close(again);
    }
    map = seal_map(fd, &len);
    ck_assert_ptr_nonnull(map);
    ck_assert_int_eq(mprotect(map, len, PROT_READ | PROT_WRITE), -1);
    ck_assert_int_eq(memcmp(map, data, BYTES), 0);
    ck_assert_int_eq(munmap(map, len), 0);
}
END_TEST

START_TEST(sealed_are_different_ones)
{
    struct stat first, second;
    int other;

    seal();
    other = seal_make("test", data, 1);
    ck_assert_int_ge(other, 0);
    ck_assert_int_eq(fstat(fd, &first), 0);
    ck_assert_int_eq(fstat(other, &second), 0);
    ck_assert(first.st_ino != second.st_ino);
    ck_assert_int_eq(second.st_size, 1);
    close(other);
}
END_TEST

START_TEST(shared_is_one_memory)
{
    unsigned char *one, *two;

    fd = seal_make_shared("test", BYTES);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    one = seal_map_shared(fd, BYTES);
    two = seal_map_shared(fd, BYTES);
    ck_assert(one != NULL && two != NULL && one != two);
    for (size_t i = 0; i < BYTES; i++)
        ck_assert_uint_eq(one[i], 0);
    one[BYTES - 1] = 5;
    ck_assert_uint_eq(two[BYTES - 1], 5);
    two[0] = 6;
    ck_assert_uint_eq(one[0], 6);
    ck_assert_int_eq(munmap(one, BYTES), 0);
    ck_assert_int_eq(munmap(two, BYTES), 0);
}
END_TEST

/* A worker that cut it would have the master die of SIGBUS. */
START_TEST(shared_cannot_be_resized)
{
    fd = seal_make_shared("test", BYTES);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, 0), -1);
    ck_assert_int_eq(errno, EPERM);
    ck_assert_int_eq(ftruncate(fd, 2 * BYTES), -1);
    ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}
END_TEST

START_TEST(shared_that_is_too_small_is_refused)
{
    fd = seal_make_shared("test", BYTES);
    ck_assert_int_ge(fd, 0);
    ck_assert_ptr_null(seal_map_shared(fd, BYTES + 1));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(no_descriptor_is_no_memory)
{
    size_t len;

    ck_assert_ptr_null(seal_map(-1, &len));
    ck_assert_int_eq(errno, EBADF);
    ck_assert_ptr_null(seal_map_shared(-1, 1));
    ck_assert_int_eq(errno, EBADF);
}
END_TEST

static Suite *
seal_suite(void)
{
    Suite *suite = suite_create("seal");
    TCase *tcase = tcase_create("seal");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, sealed_holds_the_bytes);
    tcase_add_test(tcase, sealed_cannot_be_changed);
    tcase_add_test(tcase, sealed_are_different_ones);
    tcase_add_test(tcase, shared_is_one_memory);
    tcase_add_test(tcase, shared_cannot_be_resized);
    tcase_add_test(tcase, shared_that_is_too_small_is_refused);
    tcase_add_test(tcase, no_descriptor_is_no_memory);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(seal_suite)
