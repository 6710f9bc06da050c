/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"

#include "support/check_main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/sallyport-file-XXXXXX";
static struct file file;

static void
setup(void)
{
    int fd;

    memcpy(path + strlen(path) - 6, "XXXXXX", 6);
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void
teardown(void)
{
    unlink(path);
}

static void
write_bytes(size_t len)
{
    FILE *out = fopen(path, "w");

    ck_assert_ptr_nonnull(out);
    for (size_t i = 0; i < len; i++)
        fputc((int)(i % 251), out);
    ck_assert_int_eq(fclose(out), 0);
}

START_TEST(all_of_it_is_read)
{
    static const size_t sizes[] = {0, 1, 8190, 8191, 8192, 8193, 16383, 16384, 100000};

    write_bytes(sizes[_i]);
    ck_assert_int_eq(file_read(&file, path, 100000), 0);
    ck_assert_uint_eq(file.len, sizes[_i]);
    for (size_t i = 0; i < file.len; i++)
        ck_assert_int_eq((unsigned char)file.bytes[i], (int)(i % 251));
    ck_assert_int_eq(file.bytes[file.len], '\0');
    file_clear(&file);
    ck_assert_ptr_null(file.bytes);
}
END_TEST

START_TEST(a_larger_one_is_refused)
{
    write_bytes(10001);
    ck_assert_int_eq(file_read(&file, path, 10000), -1);
    ck_assert_int_eq(errno, EFBIG);
    ck_assert_ptr_null(file.bytes);
    ck_assert_int_eq(file_read(&file, path, 10001), 0);
    file_clear(&file);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    ck_assert_int_eq(file_read(&file, "/tmp", 10), -1);
    ck_assert_int_eq(errno, EISDIR);
    ck_assert(file.opened && S_ISDIR(file.mode));
    unlink(path);
    ck_assert_int_eq(file_read(&file, path, 10), -1);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert(!file.opened);
}
END_TEST

static Suite *
file_suite(void)
{
    Suite *suite = suite_create("file");
    TCase *tc = tcase_create("file");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, all_of_it_is_read, 0, 9);
    tcase_add_test(tc, a_larger_one_is_refused);
    tcase_add_test(tc, what_is_no_file_is_refused);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(file_suite)
