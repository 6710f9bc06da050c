/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/daemon.h"

#include "support/check_main.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Pipes between the test and the daemon: it tells, the test lets it go on. */
static int tell[2], go[2], errors[2];

/* Where the daemon has to end up when its parent has gone, so that the test can wait for
 * it. */
static void
begin(void)
{
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    ck_assert_int_eq(pipe2(tell, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(errors, O_CLOEXEC), 0);
}

/* Start the program: a process that calls daemon_start and whose child does this. */
static pid_t
start(int (*act)(void))
{
    pid_t program = fork();

    ck_assert_int_ge(program, 0);
    if (program == 0) {
        close(go[1]);
        dup2(errors[1], STDERR_FILENO);
        close(errors[1]);
        if (daemon_start() < 0)
            _exit(100);
        _exit(act());
    }
    close(go[0]);
    close(errors[1]);
    close(tell[1]);
    return program;
}

static int
status_of(pid_t pid)
{
    int status = 0;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static pid_t
daemon_pid(void)
{
    pid_t pid = -1;

    ck_assert_int_eq(read(tell[0], &pid, sizeof(pid)), sizeof(pid));
    return pid;
}

static bool
say_pid(void)
{
    pid_t pid = getpid();

    return write(tell[1], &pid, sizeof(pid)) == sizeof(pid);
}

static bool
wait_to_go(void)
{
    char byte;

    return read(go[0], &byte, 1) >= 0;
}

static bool
is_null(int fd)
{
    struct stat status, null;

    return stat("/dev/null", &null) == 0 && fstat(fd, &status) == 0 &&
           status.st_rdev == null.st_rdev && S_ISCHR(status.st_mode);
}

/* Says each thing that is wrong by its exit status. */
static int
serve(void)
{
    char before[4096], after[4096];

    if (getcwd(before, sizeof(before)) == NULL)
        return 9;
    if (getsid(0) != getpid() || is_null(STDERR_FILENO))
        return 10;
    if (fprintf(stderr, "nearly there\n") < 0 || !say_pid() || !wait_to_go())
        return 11;
    if (daemon_ready() < 0)
        return 12;
    if (!is_null(STDIN_FILENO) || !is_null(STDOUT_FILENO) || !is_null(STDERR_FILENO))
        return 13;
    if (getcwd(after, sizeof(after)) == NULL || strcmp(before, after) != 0)
        return 14;
    if (daemon_ready() < 0 || !say_pid() || !wait_to_go())
        return 15;
    return 0;
}

START_TEST(the_parent_waits_for_the_word)
{
    pid_t program = start(serve), child = daemon_pid();
    char words[64] = "", byte = 0;

    ck_assert_int_ne(child, program);
    ck_assert_int_eq(waitpid(program, NULL, WNOHANG), 0);
    ck_assert_int_eq(write(go[1], &byte, 1), 1);
    ck_assert_int_eq(status_of(program), 0);
    ck_assert_int_eq(daemon_pid(), child); /* it lives on */
    ck_assert_int_gt(read(errors[0], words, sizeof(words) - 1), 0);
    ck_assert_str_eq(words, "nearly there\n");
    close(go[1]);
    ck_assert_int_eq(status_of(child), 0);
}
END_TEST

/* stderr of a daemon has gone: whoever reads it does not wait for ever. */
START_TEST(the_caller_is_let_go)
{
    pid_t program = start(serve), child = daemon_pid();
    char words[64], byte = 0;

    ck_assert_int_eq(write(go[1], &byte, 1), 1);
    ck_assert_int_eq(status_of(program), 0);
    ck_assert_int_gt(read(errors[0], words, sizeof(words)), 0);
    ck_assert_int_eq(read(errors[0], words, sizeof(words)), 0);
    ck_assert_int_eq(daemon_pid(), child);
    close(go[1]);
    ck_assert_int_eq(status_of(child), 0);
}
END_TEST

static int
complain(void)
{
    fprintf(stderr, "no such certificate\n");
    return 2;
}

START_TEST(a_failure_is_told)
{
    char words[64] = "";

    ck_assert_int_eq(status_of(start(complain)), 2);
    ck_assert_int_gt(read(errors[0], words, sizeof(words) - 1), 0);
    ck_assert_str_eq(words, "no such certificate\n");
}
END_TEST

static int
end_without_a_word(void)
{
    return 0;
}

START_TEST(to_end_is_not_to_serve)
{
    ck_assert_int_eq(status_of(start(end_without_a_word)), 1);
}
END_TEST

static int
crash(void)
{
    raise(SIGKILL);
    return 0;
}

START_TEST(a_crash_is_a_failure)
{
    ck_assert_int_eq(status_of(start(crash)), 1);
}
END_TEST

/* Somebody has lost patience and killed the parent: no reason to die of SIGPIPE. */
START_TEST(the_parent_may_be_gone)
{
    pid_t program = start(serve), child = daemon_pid();
    char byte = 0;

    ck_assert_int_eq(kill(program, SIGKILL), 0);
    ck_assert_int_eq(waitpid(program, NULL, 0), program);
    ck_assert_int_eq(write(go[1], &byte, 1), 1);
    ck_assert_int_eq(daemon_pid(), child);
    close(go[1]);
    ck_assert_int_eq(status_of(child), 0);
}
END_TEST

START_TEST(in_the_foreground_nothing_changes)
{
    char before[4096], after[4096];

    ck_assert_ptr_nonnull(getcwd(before, sizeof(before)));
    ck_assert_int_eq(daemon_ready(), 0);
    ck_assert_ptr_nonnull(getcwd(after, sizeof(after)));
    ck_assert_str_eq(before, after);
    ck_assert(!is_null(STDERR_FILENO));
}
END_TEST

static Suite *
daemon_suite(void)
{
    Suite *suite = suite_create("daemon");
    TCase *tc = tcase_create("daemon");

    tcase_add_checked_fixture(tc, begin, NULL);
    tcase_add_test(tc, the_parent_waits_for_the_word);
    tcase_add_test(tc, the_caller_is_let_go);
    tcase_add_test(tc, a_failure_is_told);
    tcase_add_test(tc, to_end_is_not_to_serve);
    tcase_add_test(tc, a_crash_is_a_failure);
    tcase_add_test(tc, the_parent_may_be_gone);
    tcase_add_test(tc, in_the_foreground_nothing_changes);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(daemon_suite)
