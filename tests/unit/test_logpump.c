/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Children write to the pump with log_attach, as in truth. The master's log is its stderr:
 * a pipe whose reader is this test.
 */
#include "proc/logpump.h"

#include "base/clock.h"
#include "base/log.h"
#include "support/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define WAIT_MS 10000
#define SMALL_PIPE 16384

static struct event_base *base;
static struct logpump *pump;
static int reader, saved_stderr;
static char heard[1 << 20];
static size_t heard_len;

static void
setup(void)
{
    int end[2];

    (void)signal(SIGPIPE, SIG_IGN);
    saved_stderr = dup(STDERR_FILENO);
    ck_assert_int_eq(pipe2(end, O_CLOEXEC), 0);
    ck_assert_int_ge(dup2(end[1], STDERR_FILENO), 0);
    close(end[1]);
    reader = end[0];
    ck_assert_int_eq(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
    base = event_base_new();
    pump = logpump_new(base);
    ck_assert_ptr_nonnull(pump);
    heard_len = 0;
}

static void
teardown(void)
{
    logpump_free(pump);
    event_base_free(base);
    if (reader >= 0)
        close(reader);
    ck_assert_int_ge(dup2(saved_stderr, STDERR_FILENO), 0);
    close(saved_stderr);
}

/* The reader of stderr takes what there is, at most so much. */
static void
hear(size_t max)
{
    ssize_t n;

    if (max > sizeof(heard) - 1 - heard_len)
        max = sizeof(heard) - 1 - heard_len;
    n = read(reader, heard + heard_len, max);
    heard_len += n > 0 ? (size_t)n : 0;
    heard[heard_len] = '\0';
}

/* Of the bytes for the pump, without a log. */
static void
say(const char *bytes, size_t len)
{
    ck_assert_int_eq(write(logpump_fd(pump), bytes, len), (ssize_t)len);
}

static void
turn(void)
{
    ck_assert_int_ge(event_base_loop(base, EVLOOP_NONBLOCK), 0);
}

/* Turn until the reader, who takes so much at a time, has so many bytes. */
static void
pump_until(size_t len, size_t at_a_time)
{
    uint64_t limit = clock_ms() + WAIT_MS;

    while (heard_len < len) {
        ck_assert_msg(clock_ms() < limit, "%zu of %zu bytes", heard_len, len);
        turn();
        hear(at_a_time);
    }
}

START_TEST(a_line_loses_its_frame)
{
    static const char line[] = "3one line\n";

    say(line, strlen(line));
    pump_until(9, 100);
    ck_assert_str_eq(heard, "one line\n");
}
END_TEST

START_TEST(half_a_line_waits_for_the_rest)
{
    say("3half ", 6);
    for (int i = 0; i < 5; i++)
        turn();
    hear(100);
    ck_assert_uint_eq(heard_len, 0);
    say("a line\n3and", 11);
    pump_until(12, 100);
    ck_assert_str_eq(heard, "half a line\n");
    say("\n", 1);
    pump_until(16, 100);
    ck_assert_str_eq(heard, "half a line\nand\n");
}
END_TEST

/* Not even with a level may a byte do harm; an empty line has none, and is none. */
START_TEST(odd_lines)
{
    static const char odd[] = "\n\xff"
                              "a\n~b\n0\n9c\n";

    say(odd, sizeof(odd) - 1);
    pump_until(7, 100);
    ck_assert_str_eq(heard, "a\nb\n\nc\n");
}
END_TEST

/* A process that writes lines of many lengths as fast as it can, with its number in front.
 */
static pid_t
start_writer(unsigned number, unsigned lines)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid > 0)
        return pid;
    log_attach(dup(logpump_fd(pump)), true, LOG_LEVEL_INFO, LOG_TEXT);
    for (unsigned i = 0; i < lines; i++) {
        char line[4200];
        int len = snprintf(line, sizeof(line), "%u %06u %0*u.", number, i,
                           (int)(i * 37 % 4000) + 1, 0);

        log_line(LOG_LEVEL_INFO, line, (size_t)len);
    }
    _exit(log_dropped() == 0 ? 0 : 1);
}

/* Takes whole lines out of what was heard; each process' lines come in order. */
static unsigned
check_lines(unsigned writers)
{
    static unsigned next[8];
    unsigned count = 0, number, i;
    char *line = heard, *newline;

    while ((newline = strchr(line, '\n')) != NULL) {
        ck_assert_msg(sscanf(line, "%u %u 0", &number, &i) == 2 && newline[-1] == '.',
                      "torn: %.40s", line);
        ck_assert_uint_lt(number, writers);
        ck_assert_uint_eq((size_t)(newline - line), 9 + i * 37 % 4000 + 2);
        ck_assert_uint_eq(i, next[number]);
        next[number]++;
        count++;
        line = newline + 1;
    }
    memmove(heard, line, strlen(line) + 1);
    heard_len = strlen(heard);
    return count;
}

#define WRITERS 3
#define LINES 60

/* All fits into the pump's pipe; the log's is small, and its reader takes little at a time.
 */
START_TEST(no_line_is_torn_or_lost_by_a_slow_reader)
{
    uint64_t limit = clock_ms() + WAIT_MS;
    unsigned lines = 0;
    pid_t pid[WRITERS];
    int status;

    ck_assert_int_ge(fcntl(STDERR_FILENO, F_SETPIPE_SZ, SMALL_PIPE), 0);
    for (unsigned i = 0; i < WRITERS; i++)
        pid[i] = start_writer(i, LINES);
    for (unsigned i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
        ck_assert_int_eq(status, 0); /* none was dropped for want of room in the pipe */
    }
    while (lines < WRITERS * LINES && clock_ms() < limit) {
        turn();
        hear(777);
        hear(777);
        lines += check_lines(WRITERS);
    }
    ck_assert_uint_eq(lines, WRITERS * LINES);
    ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

/* The pump rests meanwhile, and goes on by itself. */
START_TEST(a_log_that_is_full_costs_nothing)
{
    char line[1001];
    uint64_t limit;
    unsigned lines = 0;

    memset(line, '3', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    ck_assert_int_ge(fcntl(STDERR_FILENO, F_SETPIPE_SZ, SMALL_PIPE), 0);
    for (int i = 0; i < 100; i++)
        say(line, sizeof(line));
    for (limit = clock_ms() + 100; clock_ms() < limit; lines++)
        ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
    ck_assert_uint_lt(lines, 20); /* a turn every 20 ms, and a few to begin with */
    pump_until(100 * (sizeof(line) - 1), sizeof(heard));
    for (limit = clock_ms() + 50; clock_ms() < limit;)
        turn();
    say(line, sizeof(line)); /* it is awake again */
    pump_until(101 * (sizeof(line) - 1), sizeof(heard));
    ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

/* What cannot be a line of ours, because it has no end, must not stop the others. */
START_TEST(bytes_without_an_end)
{
    static char garbage[200 << 10];

    memset(garbage, 'x', sizeof(garbage));
    say(garbage, sizeof(garbage));
    say("\n3a line\n", 9);
    for (int i = 0; i < 20 && strstr(heard, "\na line\n") == NULL; i++) {
        turn();
        hear(sizeof(heard));
    }
    ck_assert_ptr_nonnull(strstr(heard, "\na line\n"));
    for (int i = 0; i < 3; i++)
        turn();
    ck_assert_int_eq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
    hear(sizeof(heard));
    ck_assert_uint_le(heard_len, LOG_LINE_MAX + 1 + 7);
}
END_TEST

START_TEST(a_reader_that_leaves)
{
    unsigned long before = log_dropped();

    say("3one\n3two\n", 10);
    close(reader);
    reader = -1;
    for (int i = 0; i < 5; i++)
        turn();
    ck_assert_uint_eq(log_dropped(), before + 2);
    say("3three\n", 7); /* they do not stay in the pipe */
    for (int i = 0; i < 5; i++)
        turn();
    ck_assert_uint_eq(log_dropped(), before + 3);
}
END_TEST

START_TEST(flush_writes_all_that_is_there)
{
    for (int i = 0; i < 200; i++)
        say("3some line\n", 11);
    logpump_flush(pump);
    hear(sizeof(heard));
    ck_assert_uint_eq(heard_len, 200 * 10);
}
END_TEST

/* As by a program that takes over: what was in the pipe comes out. */
START_TEST(a_pipe_can_be_adopted)
{
    int read_fd = dup(logpump_read_fd(pump)), write_fd = dup(logpump_fd(pump));

    say("3one\n", 5);
    logpump_free(pump);
    pump = logpump_adopt(base, read_fd, write_fd);
    ck_assert_ptr_nonnull(pump);
    say("3two\n", 5);
    pump_until(8, 100);
    ck_assert_str_eq(heard, "one\ntwo\n");
}
END_TEST

/* The functions of syslog(3) are replaced: what it was told, as priorities and words. */
static char told[256];

#undef syslog
void
syslog(int priority, const char *format, ...)
{
    size_t len = strlen(told);
    va_list args;

    len += (size_t)snprintf(told + len, sizeof(told) - len, "%d ", priority);
    va_start(args, format);
    vsnprintf(told + len, sizeof(told) - len, format, args);
    va_end(args);
}

void
openlog(const char *ident, int option, int facility)
{
    (void)ident;
    (void)option;
    (void)facility;
}

void
closelog(void)
{
}

/* What a level is worth to syslog; an unknown one counts as info. */
START_TEST(levels_arrive)
{
    static const struct log_settings settings = {
        .level = LOG_LEVEL_ERROR, .to = "syslog", .facility = "daemon"};

    ck_assert_int_eq(log_open(&settings), 0);
    say("0a\n1b\n2c\n3d\n4e\n5f\n6g\n", 21);
    logpump_flush(pump);
    log_close();
    ck_assert_str_eq(told, "3 a4 b5 c6 d6 e7 f6 g");
}
END_TEST

static Suite *
logpump_suite(void)
{
    Suite *suite = suite_create("logpump");
    TCase *tcase = tcase_create("logpump");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_line_loses_its_frame);
    tcase_add_test(tcase, half_a_line_waits_for_the_rest);
    tcase_add_test(tcase, odd_lines);
    tcase_add_test(tcase, levels_arrive);
    tcase_add_test(tcase, no_line_is_torn_or_lost_by_a_slow_reader);
    tcase_add_test(tcase, a_log_that_is_full_costs_nothing);
    tcase_add_test(tcase, bytes_without_an_end);
    tcase_add_test(tcase, a_reader_that_leaves);
    tcase_add_test(tcase, flush_writes_all_that_is_there);
    tcase_add_test(tcase, a_pipe_can_be_adopted);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(logpump_suite)
