/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/systemd.h"

#include "base/addr.h"
#include "base/clock.h"
#include "support/check_main.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char dir[32], path[64];
static int receiver;

static void
begin(void)
{
    strcpy(dir, "test_systemd.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/notify", dir);
    receiver = -1;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static void
end(void)
{
    if (receiver >= 0)
        close(receiver);
    unlink(path);
    rmdir(dir);
}

/* Be systemd at that address. */
static void
receive_at(const char *where)
{
    struct addr addr;

    ck_assert_int_eq(addr_from_unix(&addr, where), 0);
    receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(receiver, 0);
    ck_assert_int_eq(bind(receiver, &addr.u.sa, addr.len), 0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", where, 1), 0);
}

/* The next datagram; "" if there is none. */
static const char *
received(void)
{
    static char words[4096];
    ssize_t len = recv(receiver, words, sizeof(words) - 1, 0);

    words[len > 0 ? len : 0] = '\0';
    return words;
}

static void
set_pid(const char *variable, long difference)
{
    char number[32];

    snprintf(number, sizeof(number), "%ld", (long)getpid() + difference);
    ck_assert_int_eq(setenv(variable, number, 1), 0);
}

#define PASSED_MAX 8

/* Before Check opens its own files: the descriptors that systemd passes are to be free. */
static void __attribute__((constructor)) reserve_descriptors(void)
{
    for (int fd = 3; fd < 3 + PASSED_MAX; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY | O_CLOEXEC) != fd)
            abort();
}

/* Sockets as systemd passes them: from descriptor 3 on, not close-on-exec. */
static void
pass(int count, const char *names)
{
    char number[32];

    for (int i = 0; i < count; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        ck_assert_int_ge(fd, 3 + PASSED_MAX);
        ck_assert_int_eq(dup2(fd, 3 + i), 3 + i);
        close(fd);
    }
    snprintf(number, sizeof(number), "%d", count);
    setenv("LISTEN_FDS", number, 1);
    set_pid("LISTEN_PID", 0);
    if (names != NULL)
        setenv("LISTEN_FDNAMES", names, 1);
}

static size_t
count(const char *name)
{
    int fd[8];

    return systemd_sockets(name, fd, 8);
}

START_TEST(states_arrive_at_a_path)
{
    receive_at(path);
    systemd_init();
    systemd_notify("READY=1\nSTATUS=%u workers", 2);
    ck_assert_str_eq(received(), "READY=1\nSTATUS=2 workers");
    systemd_notify("STOPPING=1");
    ck_assert_str_eq(received(), "STOPPING=1");
    ck_assert_str_eq(received(), "");
}
END_TEST

START_TEST(states_arrive_at_an_abstract_address)
{
    char name[64];

    snprintf(name, sizeof(name), "@sallyport-test-%ld", (long)getpid());
    receive_at(name);
    systemd_init();
    systemd_notify("READY=1");
    ck_assert_str_eq(received(), "READY=1");
}
END_TEST

START_TEST(reloading_tells_the_time)
{
    uint64_t before = clock_us(), said = 0;

    receive_at(path);
    systemd_init();
    systemd_notify_reloading();
    ck_assert_int_eq(sscanf(received(), "RELOADING=1\nMONOTONIC_USEC=%" SCNu64, &said), 1);
    ck_assert(before <= said && said <= clock_us());
}
END_TEST

START_TEST(nobody_listens)
{
    systemd_init();
    systemd_notify("READY=1"); /* NOTIFY_SOCKET is not set */
    setenv("NOTIFY_SOCKET", "nowhere/at/all", 1);
    systemd_init();
    systemd_notify("READY=1");
    setenv("NOTIFY_SOCKET", "", 1);
    systemd_init();
    systemd_notify("READY=1");
}
END_TEST

/* The receiver's queue is full: the state is lost, but nobody waits. */
START_TEST(notify_never_blocks)
{
    receive_at(path);
    systemd_init();
    for (int i = 0; i < 5000; i++)
        systemd_notify("STATUS=%d", i);
    ck_assert_str_eq(received(), "STATUS=0");
}
END_TEST

/* Half a state could mean something else. */
START_TEST(too_long_a_state_is_not_sent)
{
    receive_at(path);
    systemd_init();
    systemd_notify("STATUS=%04000d", 1);
    ck_assert_str_eq(received(), "");
}
END_TEST

START_TEST(environment_is_taken)
{
    receive_at(path);
    pass(1, "web");
    setenv("WATCHDOG_USEC", "1000000", 1);
    set_pid("WATCHDOG_PID", 0);
    systemd_init();
    ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
    ck_assert_ptr_null(getenv("LISTEN_PID"));
    ck_assert_ptr_null(getenv("LISTEN_FDS"));
    ck_assert_ptr_null(getenv("LISTEN_FDNAMES"));
    ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
    ck_assert_ptr_null(getenv("WATCHDOG_PID"));
}
END_TEST

START_TEST(export_puts_everything_back)
{
    char pid[32];

    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    receive_at(path);
    pass(2, "web:mail");
    setenv("WATCHDOG_USEC", "1000000", 1);
    systemd_init();
    ck_assert_int_eq(fcntl(3, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(4, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(systemd_export(), 0);
    ck_assert_str_eq(getenv("NOTIFY_SOCKET"), path);
    ck_assert_str_eq(getenv("LISTEN_PID"), pid);
    ck_assert_str_eq(getenv("LISTEN_FDS"), "2");
    ck_assert_str_eq(getenv("LISTEN_FDNAMES"), "web:mail");
    ck_assert_str_eq(getenv("WATCHDOG_USEC"), "1000000");
    ck_assert_ptr_null(getenv("WATCHDOG_PID"));
    ck_assert_int_eq(fcntl(3, F_GETFD), 0);
    ck_assert_int_eq(fcntl(4, F_GETFD), 0);
}
END_TEST

START_TEST(sockets_are_found_by_name)
{
    int fd[8] = {0};

    pass(4, "web:mail:web:webmail");
    systemd_init();
    ck_assert_uint_eq(systemd_sockets("web", fd, 8), 2);
    ck_assert_int_eq(fd[0], 3);
    ck_assert_int_eq(fd[1], 5);
    ck_assert_uint_eq(systemd_sockets("mail", fd, 8), 1);
    ck_assert_int_eq(fd[0], 4);
    ck_assert_uint_eq(systemd_sockets("webmail", fd, 8), 1);
    ck_assert_int_eq(fd[0], 6);
    ck_assert_uint_eq(count("we"), 0);
    ck_assert_uint_eq(count(""), 0);
    ck_assert_str_eq(systemd_socket_names(), "web, mail, webmail");
}
END_TEST

START_TEST(more_sockets_than_asked_for_are_counted)
{
    int fd[2] = {-1, -1};

    pass(3, "web:web:web");
    systemd_init();
    ck_assert_uint_eq(systemd_sockets("web", fd, 1), 3);
    ck_assert_int_eq(fd[0], 3);
    ck_assert_int_eq(fd[1], -1);
}
END_TEST

START_TEST(sockets_without_names_are_unknown)
{
    pass(2, NULL);
    systemd_init();
    ck_assert_uint_eq(count("unknown"), 2);
    ck_assert_str_eq(systemd_socket_names(), "unknown");
}
END_TEST

START_TEST(fewer_names_than_sockets)
{
    pass(3, "web");
    systemd_init();
    ck_assert_uint_eq(count("web"), 1);
    ck_assert_uint_eq(count("unknown"), 2);
    ck_assert_str_eq(systemd_socket_names(), "web, unknown");
}
END_TEST

START_TEST(sockets_of_another_process_are_not_ours)
{
    pass(1, "web");
    set_pid("LISTEN_PID", 1);
    systemd_init();
    ck_assert_uint_eq(count("web"), 0);
    ck_assert_str_eq(systemd_socket_names(), "none");
    ck_assert_int_eq(fcntl(3, F_GETFD), 0);
}
END_TEST

START_TEST(sockets_without_a_process_are_not_ours)
{
    pass(1, "web");
    unsetenv("LISTEN_PID");
    systemd_init();
    ck_assert_uint_eq(count("web"), 0);
}
END_TEST

START_TEST(too_many_sockets_are_those_that_are_there)
{
    size_t others;

    pass(2, "web:web");
    close(5);
    setenv("LISTEN_FDS", "4000000000", 1);
    systemd_init();
    ck_assert_uint_eq(count("web"), 2);
    others = count("unknown");
    ck_assert_int_eq(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), 5);
    ck_assert_uint_eq(count("unknown"), others); /* this one is not systemd's */
}
END_TEST

START_TEST(garbage_for_a_number_is_no_socket)
{
    static const char *const garbage[] = {"", "x", "-1", "2x", "0"};

    pass(1, "web");
    for (size_t i = 0; i < COUNT_OF(garbage); i++) {
        setenv("LISTEN_FDS", garbage[i], 1);
        set_pid("LISTEN_PID", 0);
        systemd_init();
        ck_assert_uint_eq(count("web"), 0);
    }
}
END_TEST

START_TEST(closed_descriptors_are_passed_over)
{
    pass(3, "web:web:mail");
    close(4);
    systemd_init();
    ck_assert_uint_eq(count("web"), 1);
    ck_assert_uint_eq(count("mail"), 1);
    ck_assert_int_eq(systemd_export(), 0);
}
END_TEST

START_TEST(watchdog)
{
    static const struct {
        const char *us;
        uint32_t ms;
    } cases[] = {
        {NULL, 0},
        {"0", 0},
        {"x", 0},
        {"30000000", 15000},
        {"3000", 1},
        {"1", 1},
        {"99999999999999999", UINT32_MAX},
    };

    if (cases[_i].us != NULL)
        setenv("WATCHDOG_USEC", cases[_i].us, 1);
    systemd_init();
    ck_assert_uint_eq(systemd_watchdog_ms(), cases[_i].ms);
}
END_TEST
#define WATCHDOGS 7

START_TEST(watchdog_of_another_process_is_not_ours)
{
    setenv("WATCHDOG_USEC", "30000000", 1);
    set_pid("WATCHDOG_PID", 1);
    systemd_init();
    ck_assert_uint_eq(systemd_watchdog_ms(), 0);
}
END_TEST

START_TEST(watchdog_is_ours)
{
    setenv("WATCHDOG_USEC", "30000000", 1);
    set_pid("WATCHDOG_PID", 0);
    systemd_init();
    ck_assert_uint_eq(systemd_watchdog_ms(), 15000);
}
END_TEST

static Suite *
systemd_suite(void)
{
    Suite *suite = suite_create("systemd");
    TCase *tc = tcase_create("systemd");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, states_arrive_at_a_path);
    tcase_add_test(tc, states_arrive_at_an_abstract_address);
    tcase_add_test(tc, reloading_tells_the_time);
    tcase_add_test(tc, nobody_listens);
    tcase_add_test(tc, notify_never_blocks);
    tcase_add_test(tc, too_long_a_state_is_not_sent);
    tcase_add_test(tc, environment_is_taken);
    tcase_add_test(tc, export_puts_everything_back);
    tcase_add_test(tc, sockets_are_found_by_name);
    tcase_add_test(tc, more_sockets_than_asked_for_are_counted);
    tcase_add_test(tc, sockets_without_names_are_unknown);
    tcase_add_test(tc, fewer_names_than_sockets);
    tcase_add_test(tc, sockets_of_another_process_are_not_ours);
    tcase_add_test(tc, sockets_without_a_process_are_not_ours);
    tcase_add_test(tc, too_many_sockets_are_those_that_are_there);
    tcase_add_test(tc, garbage_for_a_number_is_no_socket);
    tcase_add_test(tc, closed_descriptors_are_passed_over);
    tcase_add_loop_test(tc, watchdog, 0, WATCHDOGS);
    tcase_add_test(tc, watchdog_of_another_process_is_not_ours);
    tcase_add_test(tc, watchdog_is_ours);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(systemd_suite)
