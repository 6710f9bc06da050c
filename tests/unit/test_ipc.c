/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/ipc.h"

#include "support/check_main.h"
#include "support/watched.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int end[2];
static struct ipc_message message;

static void
setup(void)
{
    ck_assert_int_eq(ipc_pair(end), 0);
}

static void
teardown(void)
{
    close(end[0]);
    close(end[1]);
}

/* How many descriptors are open. */
static unsigned
open_files(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static bool
is_same_file(int a, int b)
{
    struct stat of_a, of_b;

    ck_assert_int_eq(fstat(a, &of_a), 0);
    ck_assert_int_eq(fstat(b, &of_b), 0);
    return of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

START_TEST(a_pair_is_closed_on_exec_and_does_not_block)
{
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(fcntl(end[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        ck_assert_int_eq(fcntl(end[i], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        ck_assert_int_eq(ipc_receive(end[i], &message), IPC_NOTHING);
    }
}
END_TEST

START_TEST(messages_arrive_whole_and_in_order)
{
    struct ipc_start start = {.slot = 3, .root = 1, .uid = 100, .gid = 101, .filter = 1};
    struct ipc_drain timeout = {.timeout_ms = IPC_NO_TIMEOUT};

    ck_assert_int_eq(ipc_send(end[0], IPC_START, &start, sizeof(start), NULL, 0), 0);
    ck_assert_int_eq(ipc_send(end[0], IPC_SWITCH, NULL, 0, NULL, 0), 0);
    ck_assert_int_eq(ipc_send(end[0], IPC_DRAIN, &timeout, sizeof(timeout), NULL, 0), 0);

    ck_assert_int_eq(ipc_receive(end[1], &message), IPC_MESSAGE);
    ck_assert_int_eq(message.type, IPC_START);
    ck_assert_uint_eq(message.len, sizeof(start));
    ck_assert_mem_eq(&message.u.start, &start, sizeof(start));
    ck_assert_uint_eq(message.fds, 0);
    ck_assert_int_eq(ipc_receive(end[1], &message), IPC_MESSAGE);
    ck_assert_int_eq(message.type, IPC_SWITCH);
    ck_assert_uint_eq(message.len, 0);
    ck_assert_int_eq(ipc_receive(end[1], &message), IPC_MESSAGE);
    ck_assert_int_eq(message.type, IPC_DRAIN);
    ck_assert_uint_eq(message.u.drain.timeout_ms, IPC_NO_TIMEOUT);
    ck_assert_int_eq(ipc_receive(end[1], &message), IPC_NOTHING);
}
END_TEST

START_TEST(a_sentence_ends_with_nul)
{
    struct ipc_failed failed = {.generation = 7, .words = "no memoryxxx"};

    memset(&message, 'x', sizeof(message));
    ck_assert_int_eq(ipc_send(end[1], IPC_FAILED, &failed,
                              offsetof(struct ipc_failed, words) + strlen("no memory"),
                              NULL, 0),
                     0);
    ck_assert_int_eq(ipc_receive(end[0], &message), IPC_MESSAGE);
    ck_assert_int_eq(message.type, IPC_FAILED);
    ck_assert_uint_eq(message.u.failed.generation, 7);
    ck_assert_str_eq(message.u.failed.words, "no memory");
}
END_TEST

START_TEST(the_longest_message_arrives)
{
    char bytes[IPC_BYTES_MAX];

    memset(bytes, 'y', sizeof(bytes));
    ck_assert_int_eq(ipc_send(end[0], IPC_FORGET, bytes, sizeof(bytes), NULL, 0), 0);
    ck_assert_int_eq(ipc_receive(end[1], &message), IPC_MESSAGE);
    ck_assert_uint_eq(message.len, sizeof(bytes));
    ck_assert_mem_eq(message.u.bytes, bytes, sizeof(bytes));
    ck_assert_uint_eq(strlen((const char *)message.u.bytes), sizeof(bytes));
}
END_TEST

START_TEST(what_is_too_much_is_not_sent)
{
    static const char bytes[IPC_BYTES_MAX + 1];
    int fd[IPC_FDS_MAX + 1];

    for (size_t i = 0; i < IPC_FDS_MAX + 1; i++)
        fd[i] = end[0];
    ck_assert_int_eq(ipc_send(end[0], IPC_FORGET, bytes, sizeof(bytes), NULL, 0), -1);
    ck_assert_int_eq(errno, EMSGSIZE);
    ck_assert_int_eq(ipc_send(end[0], IPC_CONFIG, bytes, 100, fd, IPC_FDS_MAX + 1), -1);
    ck_assert_int_eq(errno, EMSGSIZE);
    ck_assert_int_eq(ipc_receive(end[1], &message), IPC_NOTHING);
}
END_TEST

START_TEST(descriptors_arrive_in_order)
{
    struct ipc_config config = {.generation = 7, .listeners = 2};
    int pipe_fd[2], fd[2];
    unsigned before;

    ck_assert_int_eq(pipe(pipe_fd), 0);
    fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    fd[1] = pipe_fd[1];
    before = open_files();
    ck_assert_int_eq(ipc_send(end[0], IPC_CONFIG, &config, sizeof(config), fd, 2), 0);
    ck_assert_int_eq(ipc_receive(end[1], &message), IPC_MESSAGE);
    ck_assert_uint_eq(message.u.config.generation, 7);
    ck_assert_uint_eq(message.fds, 2);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_ne(message.fd[i], fd[i]);
        ck_assert(is_same_file(message.fd[i], fd[i]));
        ck_assert_int_eq(fcntl(message.fd[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    }
    ck_assert_uint_eq(open_files(), before + 2);
    close(message.fd[0]);
    message.fd[0] = -1;
    ipc_close_fds(&message);
    ipc_close_fds(&message);
    ck_assert_uint_eq(open_files(), before);
}
END_TEST

START_TEST(a_full_set_of_listeners_arrives)
{
    struct ipc_listener listener[IPC_FDS_MAX];
    int fd[IPC_FDS_MAX];
    unsigned before = open_files();

    for (size_t i = 0; i < IPC_FDS_MAX; i++) {
        listener[i] = (struct ipc_listener){.frontend = (uint32_t)i, .listen = 1};
        fd[i] = end[0];
    }
    ck_assert_int_eq(
        ipc_send(end[0], IPC_LISTENERS, listener, sizeof(listener), fd, IPC_FDS_MAX), 0);
    ck_assert_int_eq(ipc_receive(end[1], &message), IPC_MESSAGE);
    ck_assert_uint_eq(message.fds, IPC_FDS_MAX);
    ck_assert_mem_eq(message.u.listener, listener, sizeof(listener));
    ipc_close_fds(&message);
    ck_assert_uint_eq(open_files(), before);
}
END_TEST

/* A row is a message that is a byte too short for its type. */
static const struct {
    enum ipc_type type;
    size_t len, fds;
} short_ones[] = {
    {IPC_START, sizeof(struct ipc_start) - 1, 1},
    {IPC_CONFIG, sizeof(struct ipc_config) - 1, 1},
    {IPC_LISTENERS, 2 * sizeof(struct ipc_listener) - 1, 2},
    {IPC_DRAIN, sizeof(struct ipc_drain) - 1, 0},
    {IPC_ASK, sizeof(struct ipc_ask) - 1, 0},
    {IPC_ANSWER, sizeof(struct ipc_answer) - 1, 1},
};

START_TEST(a_short_message_breaks_the_channel)
{
    static const char zeros[256];
    unsigned before = open_files();

    for (size_t extra = 0; extra < 2; extra++) {
        ck_assert_int_eq(ipc_send(end[0], short_ones[_i].type, zeros,
                                  short_ones[_i].len + extra, end, short_ones[_i].fds),
                         0);
        ck_assert_int_eq(ipc_receive(end[1], &message),
                         extra == 0 ? IPC_GONE : IPC_MESSAGE);
        ipc_close_fds(&message);
        ck_assert_uint_eq(open_files(), before);
    }
}
END_TEST

START_TEST(less_than_a_type_breaks_the_channel)
{
    ck_assert_int_eq(send(end[0], "ab", 2, 0), 2);
    ck_assert_int_eq(ipc_receive(end[1], &message), IPC_GONE);
}
END_TEST

START_TEST(more_than_fits_breaks_the_channel)
{
    static const char bytes[IPC_BYTES_MAX + 5];

    ck_assert_int_eq(send(end[0], bytes, sizeof(bytes), 0), sizeof(bytes));
    ck_assert_int_eq(ipc_receive(end[1], &message), IPC_GONE);
}
END_TEST

START_TEST(descriptors_there_is_no_room_for_break_the_channel)
{
    struct ipc_config config = {.generation = 1};
    int fd[4] = {end[0], end[0], end[0], end[0]};
    struct rlimit limit, small;
    unsigned before = open_files();

    if (is_watched())
        return; /* valgrind's limit of descriptors is not the kernel's */
    ck_assert_int_eq(ipc_send(end[0], IPC_CONFIG, &config, sizeof(config), fd, 4), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    small = limit;
    small.rlim_cur = (rlim_t)end[1] + 3;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &small), 0);
    ck_assert_int_eq(ipc_receive(end[1], &message), IPC_GONE);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_eq(open_files(), before);
}
END_TEST

START_TEST(a_closed_channel_is_gone_for_both)
{
    static struct ipc_ask ask;

    close(end[0]);
    ck_assert_int_eq(ipc_receive(end[1], &message), IPC_GONE);
    ck_assert_int_eq(ipc_send(end[1], IPC_ASK, &ask, sizeof(ask), NULL, 0), -1);
    ck_assert_int_eq(errno, EPIPE);
    end[0] = -1;
}
END_TEST

/* As a worker that could not take its configuration, and ended without reading the rest. */
START_TEST(last_words_arrive_from_one_that_read_nothing)
{
    ck_assert_int_eq(ipc_send(end[0], IPC_SWITCH, NULL, 0, NULL, 0), 0);
    ck_assert_int_eq(ipc_send(end[1], IPC_FORGET, "sorry", 5, NULL, 0), 0);
    close(end[1]);
    end[1] = -1;
    ck_assert_int_eq(ipc_receive(end[0], &message), IPC_MESSAGE);
    ck_assert_str_eq((const char *)message.u.bytes, "sorry");
    ck_assert_int_eq(ipc_receive(end[0], &message), IPC_GONE);
}
END_TEST

START_TEST(one_that_closed_with_unread_messages_is_gone)
{
    ck_assert_int_eq(ipc_send(end[0], IPC_SWITCH, NULL, 0, NULL, 0), 0);
    close(end[1]);
    end[1] = -1;
    ck_assert_int_eq(ipc_send(end[0], IPC_SWITCH, NULL, 0, NULL, 0), -1);
    ck_assert_int_eq(errno, EPIPE);
}
END_TEST

START_TEST(one_that_does_not_read_does_not_block)
{
    static const char bytes[IPC_BYTES_MAX];
    unsigned sent = 0, got = 0;

    while (ipc_send(end[0], IPC_FORGET, bytes, sizeof(bytes), NULL, 0) == 0)
        ck_assert_uint_lt(++sent, 100000);
    ck_assert_int_eq(errno, EAGAIN);
    while (ipc_receive(end[1], &message) == IPC_MESSAGE)
        got++;
    ck_assert_uint_eq(got, sent);
}
END_TEST

static Suite *
ipc_suite(void)
{
    Suite *suite = suite_create("ipc");
    TCase *tc = tcase_create("ipc");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_pair_is_closed_on_exec_and_does_not_block);
    tcase_add_test(tc, messages_arrive_whole_and_in_order);
    tcase_add_test(tc, a_sentence_ends_with_nul);
    tcase_add_test(tc, the_longest_message_arrives);
    tcase_add_test(tc, what_is_too_much_is_not_sent);
    tcase_add_test(tc, descriptors_arrive_in_order);
    tcase_add_test(tc, a_full_set_of_listeners_arrives);
    tcase_add_loop_test(tc, a_short_message_breaks_the_channel, 0,
                        (int)COUNT_OF(short_ones));
    tcase_add_test(tc, less_than_a_type_breaks_the_channel);
    tcase_add_test(tc, more_than_fits_breaks_the_channel);
    tcase_add_test(tc, descriptors_there_is_no_room_for_break_the_channel);
    tcase_add_test(tc, a_closed_channel_is_gone_for_both);
    tcase_add_test(tc, last_words_arrive_from_one_that_read_nothing);
    tcase_add_test(tc, one_that_closed_with_unread_messages_is_gone);
    tcase_add_test(tc, one_that_does_not_read_does_not_block);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(ipc_suite)
