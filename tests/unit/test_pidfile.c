/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/pidfile.h"

#include "base/attr.h"
#include "support/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[32], path[64], other[64];

static void
begin(void)
{
    strcpy(dir, "test_pidfile.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/pid", dir);
    snprintf(other, sizeof(other), "%s/other", dir);
}

/* That the directory goes shows that nothing else was left in it. */
static void
end(void)
{
    pidfile_remove();
    unlink(path);
    unlink(other);
    ck_assert_int_eq(rmdir(dir), 0);
}

static const char *
contents(const char *file)
{
    static char words[256];
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, words, sizeof(words) - 1) : 0;

    words[len > 0 ? len : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return words;
}

static void
put(const char *words)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, words, strlen(words)), (ssize_t)strlen(words));
    close(fd);
}

static const char *
own_pid(void)
{
    static char words[32];

    snprintf(words, sizeof(words), "%ld\n", (long)getpid());
    return words;
}

/* Another process tries to write it: 0 if it could, 1 if it was refused with these words.
 */
static int
another_writes(const char *expected)
{
    int status = 0;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const char *wrong;

        close(pidfile_fd()); /* exec would */
        wrong = pidfile_write(other);
        if (wrong != NULL)
            _exit(3);
        wrong = pidfile_write(path);
        if (wrong == NULL)
            _exit(0);
        _exit(expected != NULL && strcmp(wrong, expected) == 0 ? 1 : 2);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(written_and_removed)
{
    struct stat status;

    umask(077);
    ck_assert_int_eq(pidfile_fd(), -1);
    ck_assert_ptr_null(pidfile_write(path));
    ck_assert_str_eq(contents(path), own_pid());
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0644);
    ck_assert_int_eq(fcntl(pidfile_fd(), F_GETFD), FD_CLOEXEC);
    pidfile_remove();
    ck_assert_int_lt(access(path, F_OK), 0);
    ck_assert_int_eq(pidfile_fd(), -1);
    pidfile_remove();
}
END_TEST

/* After a crash or a power cut: the lock is gone, so that the number does not matter. */
START_TEST(what_was_left_behind_is_replaced)
{
    static const char *const left[] = {"1\n", "99999999\n", "1", ""};

    for (size_t i = 0; i < COUNT_OF(left); i++) {
        put(left[i]);
        ck_assert_ptr_null(pidfile_write(path));
        ck_assert_str_eq(contents(path), own_pid());
        pidfile_remove();
    }
}
END_TEST

START_TEST(what_is_no_pidfile_stays)
{
    static const char *const words[] = {
        "root:x:0:0\n", "1 2\n", "1\n\n",
        "\n",           "-1\n",  "123456789012345678901234567890123\n"};

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        const char *wrong;

        put(words[i]);
        wrong = pidfile_write(path);
        ck_assert_ptr_nonnull(wrong);
        ck_assert_ptr_nonnull(strstr(wrong, "it is there and holds something else"));
        ck_assert_str_eq(contents(path), words[i]);
    }
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_ptr_nonnull(pidfile_write(path));
    ck_assert_int_eq(unlink(path), 0);
    if (mknod(path, S_IFCHR | 0600, makedev(1, 3)) == 0) /* as /dev/null */
        ck_assert_ptr_nonnull(pidfile_write(path));
}
END_TEST

START_TEST(links_are_not_followed)
{
    ck_assert_int_eq(symlink("other", path), 0);
    ck_assert_ptr_nonnull(pidfile_write(path));
    ck_assert_int_lt(access(other, F_OK), 0);
}
END_TEST

START_TEST(no_place)
{
    char words[256];

    snprintf(words, sizeof(words), "%s/no/pid", dir);
    ck_assert_ptr_nonnull(strstr(pidfile_write(words), strerror(ENOENT)));
    ck_assert_int_eq(pidfile_fd(), -1);
}
END_TEST

START_TEST(of_a_living_one_is_not_replaced)
{
    char expected[256];
    int length;

    snprintf(expected, sizeof(expected),
             "cannot write the pidfile %s: sallyport runs already, with the process id %ld",
             path, (long)getpid());
    ck_assert_ptr_null(pidfile_write(path));
    ck_assert_int_eq(another_writes(expected), 1);
    ck_assert_str_eq(contents(path), own_pid());
    length = (int)strlen(contents(other)); /* the one that was refused kept its other one */
    ck_assert_int_gt(length, 0);
    pidfile_remove();
    ck_assert_int_eq(another_writes(NULL), 0);
    ck_assert_str_ne(contents(path), own_pid());
    ck_assert_int_lt(access(other, F_OK), 0); /* it has only the new one */
}
END_TEST

START_TEST(again_is_nothing_new)
{
    int fd;

    ck_assert_ptr_null(pidfile_write(path));
    fd = pidfile_fd();
    ck_assert_ptr_null(pidfile_write(path));
    ck_assert_int_eq(pidfile_fd(), fd);
}
END_TEST

START_TEST(another_path_replaces_the_first)
{
    ck_assert_ptr_null(pidfile_write(path));
    ck_assert_ptr_null(pidfile_write(other));
    ck_assert_int_lt(access(path, F_OK), 0);
    ck_assert_str_eq(contents(other), own_pid());
    pidfile_remove();
    ck_assert_int_lt(access(other, F_OK), 0);
}
END_TEST

START_TEST(of_another_is_not_removed)
{
    ck_assert_ptr_null(pidfile_write(path));
    ck_assert_int_eq(unlink(path), 0);
    put("7\n");
    pidfile_remove();
    ck_assert_str_eq(contents(path), "7\n");
}
END_TEST

/* What exec does with all of our memory: only the descriptor is left. */
static int
forget(void)
{
    int fd = fcntl(pidfile_fd(), F_DUPFD, 64), kept;

    ck_assert_int_ge(fd, 64);
    kept = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_lt(flock(kept, LOCK_EX | LOCK_NB), 0);
    close(kept);
    return fd;
}

START_TEST(an_upgrade_adopts_it)
{
    int fd;

    ck_assert_ptr_null(pidfile_write(path));
    fd = forget();
    ck_assert_int_eq(pidfile_adopt(fd, path), 0);
    ck_assert_int_eq(pidfile_fd(), fd);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_ptr_null(pidfile_write(path));
    ck_assert_int_eq(pidfile_fd(), fd);
    pidfile_remove();
    ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

START_TEST(an_upgrade_adopts_only_what_is_in_place)
{
    int fd;

    ck_assert_ptr_null(pidfile_write(path));
    fd = forget();
    ck_assert_int_eq(pidfile_adopt(fd, other), -1);
    ck_assert_int_eq(errno, ESTALE);
    ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
    ck_assert_int_eq(pidfile_adopt(fd, path), -1);
    ck_assert_int_eq(errno, EBADF);
}
END_TEST

#define MANY 6
#define ROUNDS 12

/* Begins when start is closed, says that it has tried, and ends when go is closed. */
static void
run_rival(const int start[2], const int tried[2], const int go[2])
{
    const char *wrong;
    char byte;

    close(start[1]);
    close(go[1]);
    if (read(start[0], &byte, 1) != 0)
        _exit(2);
    wrong = pidfile_write(path);
    if (write(tried[1], "", 1) != 1 || read(go[0], &byte, 1) != 0)
        _exit(2);
    _exit(wrong == NULL ? 1 : 0);
}

/* How many of those that begin at the same moment come through. */
static int
count_winners(void)
{
    int start[2], tried[2], go[2], won = 0, status = 0;
    pid_t child[MANY];
    char byte;

    ck_assert(pipe(start) == 0 && pipe(tried) == 0 && pipe(go) == 0);
    for (int i = 0; i < MANY; i++) {
        child[i] = fork();
        ck_assert_int_ge(child[i], 0);
        if (child[i] == 0)
            run_rival(start, tried, go);
    }
    close(start[1]);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(read(tried[0], &byte, 1), 1);
    close(go[1]);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(waitpid(child[i], &status, 0), child[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        won += WEXITSTATUS(status);
    }
    close(start[0]);
    close(tried[0]);
    close(tried[1]);
    close(go[0]);
    return won;
}

/* Without a file and with one that was left behind. Nobody may win if all meet one another.
 */
START_TEST(one_of_many_wins)
{
    for (int i = 0; i < ROUNDS; i++) {
        unlink(path);
        if (_i == 1)
            put("1\n");
        ck_assert_int_eq(count_winners(), 1);
    }
}
END_TEST

static Suite *
pidfile_suite(void)
{
    Suite *suite = suite_create("pidfile");
    TCase *tc = tcase_create("pidfile");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, written_and_removed);
    tcase_add_test(tc, what_was_left_behind_is_replaced);
    tcase_add_test(tc, what_is_no_pidfile_stays);
    tcase_add_test(tc, links_are_not_followed);
    tcase_add_test(tc, no_place);
    tcase_add_test(tc, of_a_living_one_is_not_replaced);
    tcase_add_test(tc, again_is_nothing_new);
    tcase_add_test(tc, another_path_replaces_the_first);
    tcase_add_test(tc, of_another_is_not_removed);
    tcase_add_test(tc, an_upgrade_adopts_it);
    tcase_add_test(tc, an_upgrade_adopts_only_what_is_in_place);
    tcase_add_loop_test(tc, one_of_many_wins, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(pidfile_suite)
