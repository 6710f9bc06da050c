/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include "support/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char dir[32], path[64], got[65536];
static int reader, saved_stderr;
static unsigned long dropped_before;

/* How often the writev that log.c calls, the one below, is interrupted. */
static int interruptions;

ssize_t
writev(int fd, const struct iovec *pieces, int count)
{
    if (interruptions > 0) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    return syscall(SYS_writev, fd, pieces, count);
}

static void
begin(void)
{
    strcpy(dir, "test_log.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/log", dir);
    saved_stderr = dup(STDERR_FILENO);
    reader = -1;
    interruptions = 0;
    dropped_before = log_dropped();
}

static void
end(void)
{
    log_close();
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    if (reader >= 0)
        close(reader);
    unlink(path);
    rmdir(dir);
}

static unsigned long
dropped(void)
{
    return log_dropped() - dropped_before;
}

/* stderr becomes one end of a pair that keeps the borders of writes; we read the other. */
static void
catch_stderr(void)
{
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    ck_assert_int_ge(dup2(pair[1], STDERR_FILENO), 0);
    close(pair[1]);
    reader = pair[0];
}

/* stderr becomes the smallest pipe there is, blocking as pipes of shells are. */
static void
catch_stderr_in_a_pipe(void)
{
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_ge(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
    ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
    close(ends[1]);
    reader = ends[0];
    fcntl(reader, F_SETFL, O_NONBLOCK);
}

/* What one read gives: "" if there is nothing to be read. */
static const char *
read_once(void)
{
    ssize_t len = read(reader, got, sizeof(got) - 1);

    got[len < 0 ? 0 : len] = '\0';
    return got;
}

static const char *
read_log(void)
{
    if (reader >= 0)
        close(reader);
    reader = open(path, O_RDONLY);
    ck_assert_int_ge(reader, 0);
    return read_once();
}

static int
open_log(const char *to, enum log_level level, enum log_format format)
{
    struct log_settings settings = {
        .level = level, .format = format, .to = to, .facility = "local3"};

    return log_open(&settings);
}

/* Is the line "<before>2026-01-31T12:00:00.123Z<after>"? */
static void
assert_line(const char *line, const char *before, const char *after)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    size_t skip = strlen(before), i;

    ck_assert_msg(strncmp(line, before, skip) == 0, "%s", line);
    for (i = 0; i < sizeof(shape) - 1; i++) {
        char c = line[skip + i];

        ck_assert_msg(shape[i] == 'd' ? c >= '0' && c <= '9' : c == shape[i], "%s", line);
    }
    ck_assert_str_eq(line + skip + i, after);
}

START_TEST(test_level_names)
{
    int level;

    for (level = 0; level < LOG_LEVELS; level++)
        ck_assert_int_eq(log_level_parse(log_level_name((enum log_level)level)), level);
    ck_assert_str_eq(log_level_name(LOG_LEVEL_ERROR), "error");
    ck_assert_str_eq(log_level_name(LOG_LEVEL_WARNING), "warning");
    ck_assert_str_eq(log_level_name(LOG_LEVEL_NOTICE), "notice");
    ck_assert_str_eq(log_level_name(LOG_LEVEL_INFO), "info");
    ck_assert_str_eq(log_level_name(LOG_LEVEL_PROBE), "probe");
    ck_assert_str_eq(log_level_name(LOG_LEVEL_DEBUG), "debug");
    ck_assert_int_eq(log_level_parse(""), -1);
    ck_assert_int_eq(log_level_parse("INFO"), -1);
    ck_assert_int_eq(log_level_parse("infos"), -1);
}
END_TEST

START_TEST(test_before_open)
{
    catch_stderr();
    ck_assert_int_eq(log_get_format(), LOG_TEXT);
    log_notice("hello %d", 1);
    assert_line(read_once(), "time=", " level=notice msg=\"hello 1\"\n");
    log_write(LOG_LEVEL_INFO, "info");
    assert_line(read_once(), "time=", " level=info msg=info\n");
    log_write(LOG_LEVEL_PROBE, "probe");
    log_debug("debug");
    ck_assert_str_eq(read_once(), "");
}
END_TEST

START_TEST(test_levels_filter)
{
    int set, level;

    catch_stderr();
    for (set = 0; set < LOG_LEVELS; set++) {
        ck_assert_int_eq(open_log("stderr", (enum log_level)set, LOG_TEXT), 0);
        for (level = 0; level < LOG_LEVELS; level++) {
            ck_assert(log_wants((enum log_level)level) == (level <= set));
            log_write((enum log_level)level, "x");
            ck_assert((*read_once() != '\0') == (level <= set));
            log_line((enum log_level)level, "x", 1);
            ck_assert((*read_once() != '\0') == (level <= set));
        }
    }
    ck_assert_uint_eq(dropped(), 0);
}
END_TEST

START_TEST(test_macros_have_their_levels)
{
    catch_stderr();
    ck_assert_int_eq(open_log("stderr", LOG_LEVEL_DEBUG, LOG_TEXT), 0);
    log_error("x");
    assert_line(read_once(), "time=", " level=error msg=x\n");
    log_warning("x");
    assert_line(read_once(), "time=", " level=warning msg=x\n");
    log_debug("x");
    assert_line(read_once(), "time=", " level=debug msg=x\n");
}
END_TEST

START_TEST(test_json)
{
    catch_stderr();
    ck_assert_int_eq(open_log("stderr", LOG_LEVEL_INFO, LOG_JSON), 0);
    ck_assert_int_eq(log_get_format(), LOG_JSON);
    log_warning("say \"%s\"", "hi\n\xff");
    assert_line(read_once(), "{\"time\":\"",
                "\",\"level\":\"warning\",\"msg\":\"say \\\"hi\\n\xef\xbf\xbd\\\"\"}\n");
}
END_TEST

START_TEST(test_a_message_is_one_line)
{
    catch_stderr();
    log_error("two\nlines");
    assert_line(read_once(), "time=", " level=error msg=\"two\\nlines\"\n");
    ck_assert_str_eq(read_once(), "");
}
END_TEST

/* However long and hostile a message is, JSON stays whole. */
START_TEST(test_long_messages_are_cut_before_they_are_escaped)
{
    static char message[5000];
    const char *line;

    memset(message, '\x01', sizeof(message) - 1);
    catch_stderr();
    ck_assert_int_eq(open_log("stderr", LOG_LEVEL_INFO, LOG_JSON), 0);
    log_error("%s", message);
    line = strchr(read_once(), '\\');
    ck_assert_uint_eq(strlen(line), 511 * 6 + 3); /* halved until it fits */
    ck_assert_str_eq(line + 510 * 6, "\\u0001\"}\n");
}
END_TEST

START_TEST(test_log_line_is_written_as_it_is)
{
    catch_stderr();
    log_line(LOG_LEVEL_INFO, "a \"line\" of ours, and more", 16);
    ck_assert_str_eq(read_once(), "a \"line\" of ours\n");
}
END_TEST

START_TEST(test_file_is_appended_to)
{
    FILE *before = fopen(path, "w");
    int fd;

    fputs("before\n", before);
    fclose(before);
    ck_assert_int_eq(open_log(path, LOG_LEVEL_INFO, LOG_TEXT), 0);
    log_line(LOG_LEVEL_INFO, "one", 3);
    fd = open(path, O_WRONLY | O_APPEND);
    ck_assert_int_eq(write(fd, "other\n", 6), 6);
    close(fd);
    log_line(LOG_LEVEL_INFO, "two", 3);
    ck_assert_str_eq(read_log(), "before\none\nother\ntwo\n");
}
END_TEST

START_TEST(test_file_is_created_for_the_owner_and_group)
{
    mode_t umask_before = umask(0);
    struct stat st;

    ck_assert_int_eq(open_log(path, LOG_LEVEL_INFO, LOG_TEXT), 0);
    umask(umask_before);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(test_file_is_not_inherited)
{
    int fd = dup(STDERR_FILENO); /* the number that the file will get */

    close(fd);
    ck_assert_int_eq(open_log(path, LOG_LEVEL_INFO, LOG_TEXT), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    log_close();
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(test_open_again_and_close)
{
    int fd;

    catch_stderr();
    fd = dup(STDERR_FILENO);
    close(fd);
    ck_assert_int_eq(open_log("stderr", LOG_LEVEL_DEBUG, LOG_JSON), 0);
    ck_assert_int_eq(open_log(path, LOG_LEVEL_DEBUG, LOG_JSON), 0);
    ck_assert_int_eq(open_log("stderr", LOG_LEVEL_DEBUG, LOG_JSON), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    log_line(LOG_LEVEL_INFO, "x", 1);
    ck_assert_str_eq(read_once(), "x\n");
    log_close();
    ck_assert_int_eq(log_get_format(), LOG_TEXT);
    ck_assert(!log_wants(LOG_LEVEL_PROBE));
    log_line(LOG_LEVEL_INFO, "y", 1);
    ck_assert_str_eq(read_once(), "y\n");
}
END_TEST

START_TEST(test_open_fails_and_changes_nothing)
{
    struct log_settings bad_facility = {.to = "syslog", .facility = "nonsense"};
    char beneath[80];

    snprintf(beneath, sizeof(beneath), "%s/none/log", dir);
    ck_assert_int_eq(open_log(path, LOG_LEVEL_DEBUG, LOG_JSON), 0);
    errno = 0;
    ck_assert_int_eq(open_log(beneath, LOG_LEVEL_ERROR, LOG_TEXT), -1);
    ck_assert_int_eq(errno, ENOENT);
    errno = 0;
    ck_assert_int_eq(log_open(&bad_facility), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(log_get_format(), LOG_JSON);
    ck_assert(log_wants(LOG_LEVEL_DEBUG));
    log_line(LOG_LEVEL_INFO, "still", 5);
    ck_assert_str_eq(read_log(), "still\n");
}
END_TEST

START_TEST(test_interrupted_writes_are_repeated)
{
    ck_assert_int_eq(open_log(path, LOG_LEVEL_INFO, LOG_TEXT), 0);
    interruptions = 3;
    log_line(LOG_LEVEL_INFO, "x", 1);
    ck_assert_int_eq(interruptions, 0);
    ck_assert_str_eq(read_log(), "x\n");
    ck_assert_uint_eq(dropped(), 0);
}
END_TEST

START_TEST(test_full_disk_is_counted)
{
    ck_assert_int_eq(open_log("/dev/full", LOG_LEVEL_INFO, LOG_TEXT), 0);
    errno = EXDEV;
    log_line(LOG_LEVEL_INFO, "x", 1);
    ck_assert_int_eq(errno, EXDEV);
    ck_assert_uint_eq(dropped(), 1);
    log_error("y");
    ck_assert_int_eq(errno, EXDEV);
    ck_assert_uint_eq(dropped(), 2);
}
END_TEST

/* Were it to block, Check's time-out would tell. */
START_TEST(test_slow_reader_of_stderr_does_not_block)
{
    static char line[LOG_LINE_MAX];
    int i;

    memset(line, 'l', sizeof(line));
    catch_stderr_in_a_pipe();
    log_line(LOG_LEVEL_INFO, line, sizeof(line));
    ck_assert_uint_eq(dropped(), 0);
    for (i = 0; i < 3; i++)
        log_line(LOG_LEVEL_INFO, "lost", 4);
    ck_assert_uint_eq(dropped(), 3);
    ck_assert(log_is_full());
    ck_assert_uint_eq(strlen(read_once()), LOG_LINE_MAX + 1);
    ck_assert(!log_is_full());
    ck_assert_str_eq(read_once(), "");
    log_line(LOG_LEVEL_INFO, "next", 4);
    ck_assert_str_eq(read_once(), "next\n");
    ck_assert_uint_eq(dropped(), 3);
}
END_TEST

START_TEST(test_reader_of_stderr_that_left)
{
    signal(SIGPIPE, SIG_DFL);
    catch_stderr_in_a_pipe();
    close(reader);
    reader = -1;
    log_line(LOG_LEVEL_INFO, "lost", 4);
    ck_assert_uint_eq(dropped(), 1);
    close(STDERR_FILENO);
    log_line(LOG_LEVEL_INFO, "lost", 4);
    ck_assert_uint_eq(dropped(), 2);
}
END_TEST

/* What a full disk took of a torn line is at least ended. */
START_TEST(test_torn_line_is_ended)
{
    struct rlimit limit = {.rlim_cur = 4, .rlim_max = RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(open_log(path, LOG_LEVEL_INFO, LOG_TEXT), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    log_line(LOG_LEVEL_INFO, "torn line", 9);
    ck_assert_uint_eq(dropped(), 1);
    log_line(LOG_LEVEL_INFO, "lost", 4);
    ck_assert_uint_eq(dropped(), 2);
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    log_line(LOG_LEVEL_INFO, "next", 4);
    log_line(LOG_LEVEL_INFO, "last", 4);
    ck_assert_str_eq(read_log(), "torn\nnext\nlast\n");
    ck_assert_uint_eq(dropped(), 2);
}
END_TEST

/* A pipe takes the whole of a line or nothing. */
START_TEST(test_framed_lines)
{
    static char line[LOG_LINE_MAX + 100];
    uint64_t lost = 0;
    int ends[2];
    const char *long_line;

    memset(line, 'l', sizeof(line));
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    ck_assert_int_ge(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
    reader = ends[0];
    log_attach(ends[1], true, LOG_LEVEL_INFO, LOG_TEXT);
    log_count_dropped(&lost);
    ck_assert_int_eq(log_shared_fd(), -1);
    log_line(LOG_LEVEL_DEBUG, "not wanted", 10);
    log_line(LOG_LEVEL_WARNING, "first", 5);
    ck_assert_str_eq(read_once(), "1first\n");
    log_line(LOG_LEVEL_INFO, line, sizeof(line));
    log_line(LOG_LEVEL_INFO, "lost", 4);
    ck_assert_uint_eq(lost, 1);
    ck_assert_uint_eq(dropped(), 1);
    long_line = read_once();
    ck_assert_uint_eq(strlen(long_line), 1 + LOG_LINE_MAX + 1);
    ck_assert_int_eq(long_line[0], '0' + LOG_LEVEL_INFO);
}
END_TEST

START_TEST(test_what_can_be_shared)
{
    catch_stderr_in_a_pipe();
    ck_assert_int_eq(log_shared_fd(), -1);
    ck_assert_int_eq(open_log(path, LOG_LEVEL_INFO, LOG_TEXT), 0);
    ck_assert_int_gt(log_shared_fd(), STDERR_FILENO);
    ck_assert_int_eq(open_log("stderr", LOG_LEVEL_INFO, LOG_TEXT), 0);
    ck_assert_int_ge(dup2(open("/dev/null", O_WRONLY), STDERR_FILENO), 0);
    ck_assert_int_eq(log_shared_fd(), STDERR_FILENO);
    ck_assert_int_ge(dup2(open(path, O_WRONLY), STDERR_FILENO), 0);
    ck_assert_int_eq(log_shared_fd(), STDERR_FILENO);
}
END_TEST

static Suite *
log_suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tcase = tcase_create("log");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, test_level_names);
    tcase_add_test(tcase, test_before_open);
    tcase_add_test(tcase, test_levels_filter);
    tcase_add_test(tcase, test_macros_have_their_levels);
    tcase_add_test(tcase, test_json);
    tcase_add_test(tcase, test_a_message_is_one_line);
    tcase_add_test(tcase, test_long_messages_are_cut_before_they_are_escaped);
    tcase_add_test(tcase, test_log_line_is_written_as_it_is);
    tcase_add_test(tcase, test_file_is_appended_to);
    tcase_add_test(tcase, test_file_is_created_for_the_owner_and_group);
    tcase_add_test(tcase, test_file_is_not_inherited);
    tcase_add_test(tcase, test_open_again_and_close);
    tcase_add_test(tcase, test_open_fails_and_changes_nothing);
    tcase_add_test(tcase, test_interrupted_writes_are_repeated);
    tcase_add_test(tcase, test_full_disk_is_counted);
    tcase_add_test(tcase, test_slow_reader_of_stderr_does_not_block);
    tcase_add_test(tcase, test_reader_of_stderr_that_left);
    tcase_add_test(tcase, test_torn_line_is_ended);
    tcase_add_test(tcase, test_framed_lines);
    tcase_add_test(tcase, test_what_can_be_shared);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(log_suite)
