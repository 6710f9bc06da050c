/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The admin process as a child of the test, which is both its master and its clients. Its
 * times are short ones, see tests/local.mk.
 */
#include "proc/admin.h"

#include "base/clock.h"
#include "base/log.h"
#include "proc/ipc.h"
#include "proc/privdrop.h"
#include "support/check_main.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 20000
#define CONNECTIONS_MAX 64 /* as admin.c has it */
#define MANY 200

static pid_t child = -1;
static int channel = -1; /* the master's end */
static struct ipc_message message;
static union {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_un un;
} addr;
static socklen_t addr_len;

static char got[4 << 20]; /* what a client was sent */
static size_t got_len;

/* Instead of the real one: it tells the master whom it was asked to become. */
int
privdrop_perform(const struct privdrop *who)
{
    if (who->uid == 666)
        return -1;
    return who->root || who->gid != 2 || !who->filter ? -1 : 0;
}

/* ---- The process ---- */

static int
listen_on(bool on_unix)
{
    int fd;

    memset(&addr, 0, sizeof(addr));
    if (on_unix) {
        addr.un.sun_family = AF_UNIX;
        addr_len = sizeof(sa_family_t); /* an abstract name that the kernel finds */
    } else {
        addr.in.sin_family = AF_INET;
        addr.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        addr_len = sizeof(addr.in);
    }
    fd = socket(addr.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, &addr.sa, addr_len), 0);
    ck_assert_int_eq(listen(fd, 512), 0);
    addr_len = sizeof(addr);
    ck_assert_int_eq(getsockname(fd, &addr.sa, &addr_len), 0);
    return fd;
}

/* As after the exec: nothing is open but the standard descriptors and the channel. */
static void ATTR_NORETURN
be_admin(int end)
{
    if (end != IPC_CHILD_FD && dup2(end, IPC_CHILD_FD) < 0)
        abort();
    (void)close_range(IPC_CHILD_FD + 1, UINT_MAX, 0);
    exit(admin_main(IPC_CHILD_FD));
}

static void
send_log(void)
{
    struct ipc_log log = {.level = LOG_LEVEL_INFO};
    int null = open("/dev/null", O_WRONLY);

    ck_assert_int_eq(ipc_send(channel, IPC_LOG, &log, sizeof(log), &null, 1), 0);
    close(null);
}

static void
begin(bool on_unix, uint32_t uid)
{
    struct ipc_start start = {.uid = uid, .gid = 2, .filter = 1};
    int end[2], listener = listen_on(on_unix);

    ck_assert_int_eq(ipc_pair(end), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        be_admin(end[1]);
    close(end[1]);
    channel = end[0];
    ck_assert_int_eq(ipc_send(channel, IPC_START, &start, sizeof(start), &listener, 1), 0);
    send_log();
    close(listener);
}

static int
exit_status(void)
{
    int status = 0;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    child = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void
setup_tcp(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    begin(false, 1);
}

static void
setup_unix(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    begin(true, 1);
}

/* However the test went, the process ends with its channel, and well. */
static void
teardown(void)
{
    close(channel);
    if (child > 0)
        ck_assert_int_eq(exit_status(), 0);
}

static unsigned
child_files(void)
{
    unsigned count = 0;
    char path[64];
    struct stat st;

    for (int fd = 0; fd < 256; fd++) {
        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)child, fd);
        count += lstat(path, &st) == 0;
    }
    return count;
}

/* The same, once the connections that are over have been closed. */
static unsigned
idle_files(void)
{
    unsigned least = child_files();

    for (int i = 0; i < 30; i++) {
        unsigned now = child_files();

        least = now < least ? now : least;
        (void)poll(NULL, 0, 10);
    }
    return least;
}

static void
files_fall_to(unsigned count)
{
    for (int i = 0; child_files() > count; i++) {
        ck_assert_int_lt(i, WAIT_MS / 10);
        (void)poll(NULL, 0, 10);
    }
}

/* ---- The master ---- */

static bool
comes(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return poll(&poll_fd, 1, timeout_ms) == 1;
}

/* The next question; its id. */
static uint32_t
asked(enum ipc_question question)
{
    ck_assert(comes(channel, WAIT_MS));
    ck_assert_int_eq(ipc_receive(channel, &message), IPC_MESSAGE);
    ck_assert_int_eq(message.type, IPC_ASK);
    ck_assert_uint_eq(message.u.ask.question, question);
    return message.u.ask.id;
}

static void
answer(uint32_t id, uint32_t status, const char *type, const char *body, size_t len)
{
    struct ipc_answer a = {.id = id, .status = status};
    int fd = memfd_create("answer", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, body, len), len); /* and the offset stays at the end */
    strcpy(a.type, type);
    ck_assert_int_eq(ipc_send(channel, IPC_ANSWER, &a, sizeof(a), &fd, 1), 0);
    close(fd);
}

/* ---- Clients ---- */

static int
dial(void)
{
    int fd = socket(addr.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, &addr.sa, addr_len), 0);
    return fd;
}

static int
say(const char *words)
{
    int fd = dial();

    ck_assert_int_eq(send(fd, words, strlen(words), MSG_NOSIGNAL), strlen(words));
    return fd;
}

static int
request(const char *method, const char *path)
{
    char words[256];

    (void)snprintf(words, sizeof(words), "%s %s HTTP/1.1\r\nHost: admin\r\n\r\n", method,
                   path);
    return say(words);
}

/* Read to the end, and close. Returns the status, or 0: there was no response. */
static int
response(int fd)
{
    int status = 0;
    ssize_t n = 0;

    got_len = 0;
    do {
        ck_assert(comes(fd, WAIT_MS));
        n = recv(fd, got + got_len, sizeof(got) - 1 - got_len, 0);
        got_len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    close(fd);
    got[got_len] = '\0';
    return sscanf(got, "HTTP/1.%*d %d ", &status) == 1 ? status : 0;
}

static const char *
body(void)
{
    const char *end = strstr(got, "\r\n\r\n");

    ck_assert_ptr_nonnull(end);
    return end + 4;
}

static void
must_say(const char *header)
{
    const char *at = strstr(got, header);

    ck_assert_msg(at != NULL && at < body() && at[-1] == '\n', "no %s in:\n%s", header,
                  got);
}

/* The process still does what it is for. */
static void
must_serve(void)
{
    int fd = request("GET", "/healthz");

    answer(asked(IPC_ASK_HEALTH), 200, "text/plain", "fine\n", 5);
    ck_assert_int_eq(response(fd), 200);
    ck_assert_str_eq(body(), "fine\n");
}

/* ---- Tests ---- */

static const struct {
    const char *path;
    enum ipc_question question;
    unsigned status;
} paths[] = {
    {"/", IPC_ASK_PAGE, 200},
    {"/healthz", IPC_ASK_HEALTH, 200},
    {"/readyz", IPC_ASK_READY, 503},
    {"/metrics", IPC_ASK_METRICS, 200},
    {"/readyz?verbose=1", IPC_ASK_READY, 200},
    {"http://x/metrics", IPC_ASK_METRICS, 200},
};

START_TEST(each_path_asks_its_question)
{
    int fd = request("GET", paths[_i].path);

    answer(asked(paths[_i].question), paths[_i].status, "text/x; charset=utf-8", "hello",
           5);
    ck_assert_int_eq(response(fd), paths[_i].status);
    ck_assert_str_eq(body(), "hello");
    must_say("Content-Type: text/x; charset=utf-8\r\n");
    must_say("Content-Length: 5\r\n");
    must_say("Cache-Control: no-store\r\n");
    must_say("X-Content-Type-Options: nosniff\r\n");
    if (*paths[_i].path ==
        '/') /* evhttp says nothing to what looks like a proxy's request */
        must_say("Connection: close\r\n");
    if (paths[_i].question == IPC_ASK_PAGE)
        must_say("Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline';");
    else
        ck_assert_ptr_null(strstr(got, "Content-Security-Policy"));
}
END_TEST

START_TEST(head_has_no_body)
{
    int fd = request("HEAD", paths[_i].path);

    answer(asked(paths[_i].question), paths[_i].status, "text/x", "hello", 5);
    ck_assert_int_eq(response(fd), paths[_i].status);
    must_say("Content-Length: 5\r\n");
    ck_assert_str_eq(body(), "");
    must_serve();
}
END_TEST

static const char *const other_methods[] = {"POST",    "PUT",   "DELETE",
                                            "OPTIONS", "TRACE", "PATCH"};

START_TEST(other_methods_are_refused)
{
    int fd = request(other_methods[_i], "/metrics");

    ck_assert_int_eq(response(fd), 405);
    must_say("Allow: GET, HEAD\r\n");
    must_serve();
}
END_TEST

START_TEST(another_path_is_not_found)
{
    static const char *const others[] = {"/metrics/", "/favicon.ico", "//", "*", "/%2e"};

    for (size_t i = 0; i < COUNT_OF(others); i++)
        ck_assert_int_eq(response(request("GET", others[i])), 404);
    ck_assert_int_eq(response(request("POST", "/x")), 404);
    must_serve();
}
END_TEST

/* What is no request gets an error or an end, and no question is asked. 0: no response. */
static const struct {
    const char *words;
    int status;
} nonsense[] = {
    {"\r\n\r\n", 400},
    {"GET\r\n\r\n", 400},
    {"GET /metrics\r\n\r\n", 400},
    {"BREW /metrics HTTP/1.1\r\n\r\n", 501},
    {"GET /metrics HTTP/9.9\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
    {"CONNECT x:1 HTTP/1.1\r\n\r\n", 404},
    {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n", 413},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 413},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413},
    {"GET /metr", 0},
    {"\x16\x03\x01\x02\x01\x01\xfc\x03\x03", 0},
};

START_TEST(nonsense_is_refused)
{
    int fd = say(nonsense[_i].words);

    if (nonsense[_i].status == 0)
        (void)shutdown(fd, SHUT_WR);
    ck_assert_int_eq(response(fd), nonsense[_i].status);
    ck_assert(!comes(channel, 0));
    must_serve();
}
END_TEST

START_TEST(headers_are_bounded)
{
    static char line[20000];
    int fd = say("GET /healthz HTTP/1.1\r\nX: ");

    memset(line, 'x', sizeof(line));
    ck_assert_int_gt(send(fd, line, sizeof(line), MSG_NOSIGNAL), 0);
    ck_assert_int_eq(response(fd), 400);
    ck_assert(!comes(channel, 0));
    must_serve();
}
END_TEST

START_TEST(old_clients_are_served)
{
    int fd = say("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");

    answer(asked(IPC_ASK_HEALTH), 200, "text/plain", "fine", 4);
    ck_assert_int_eq(response(fd), 200);
    must_say("Connection: close\r\n");
    ck_assert_ptr_null(strstr(got, "keep-alive"));
    ck_assert_str_eq(body(), "fine");
}
END_TEST

START_TEST(only_the_first_of_pipelined_requests_is_answered)
{
    int fd = say("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
                 "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");

    answer(asked(IPC_ASK_HEALTH), 200, "text/plain", "fine", 4);
    ck_assert_int_eq(response(fd), 200);
    must_say("Connection: close\r\n");
    ck_assert_str_eq(body(), "fine");
    ck_assert(!comes(channel, 100));
    must_serve();
}
END_TEST

START_TEST(a_long_answer_arrives_whole)
{
    static char words[3 << 20];
    int fd = request("GET", "/metrics");

    for (size_t i = 0; i < sizeof(words); i++)
        words[i] = (char)('a' + i % 23);
    answer(asked(IPC_ASK_METRICS), 200, "text/plain", words, sizeof(words));
    ck_assert_int_eq(response(fd), 200);
    ck_assert_uint_eq(got_len, (size_t)(body() - got) + sizeof(words));
    ck_assert_mem_eq(body(), words, sizeof(words));
}
END_TEST

START_TEST(answers_find_their_requests)
{
    int first = request("GET", "/metrics"), second;
    uint32_t first_id = asked(IPC_ASK_METRICS), second_id;

    second = request("GET", "/metrics");
    second_id = asked(IPC_ASK_METRICS);
    answer(second_id, 200, "text/plain", "second", 6);
    ck_assert_int_eq(response(second), 200);
    ck_assert_str_eq(body(), "second");
    answer(first_id, 200, "text/plain", "first", 5);
    ck_assert_int_eq(response(first), 200);
    ck_assert_str_eq(body(), "first");
}
END_TEST

/* By FIN, by RST, and while it is being answered. */
START_TEST(a_client_may_leave_before_the_answer)
{
    static char words[3 << 20];
    const struct linger linger = {.l_onoff = 1};
    unsigned before;

    must_serve();
    before = idle_files();
    for (int i = 0; i < 30; i++) {
        int fd = request("GET", "/metrics");
        uint32_t id = asked(IPC_ASK_METRICS);

        if (i % 3 == 1)
            ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)),
                             0);
        if (i % 3 == 2) {
            answer(id, 200, "text/plain", words, sizeof(words));
            ck_assert(comes(fd, WAIT_MS));
            close(fd);
        } else {
            close(fd);
            answer(id, 200, "text/plain", "late", 4);
        }
    }
    must_serve();
    files_fall_to(before);
}
END_TEST

START_TEST(without_an_answer_it_is_503)
{
    int fd = request("GET", "/healthz");
    uint32_t id = asked(IPC_ASK_HEALTH);

    ck_assert_int_eq(response(fd), 503);
    answer(id, 200, "text/plain", "too late", 8);
    answer(id + 1000, 200, "text/plain", "never asked", 11);
    must_serve();
}
END_TEST

START_TEST(an_answer_without_a_body_is_503)
{
    struct ipc_answer a = {.status = 200, .type = "text/plain"};
    int fd = request("GET", "/healthz");

    a.id = asked(IPC_ASK_HEALTH);
    ck_assert_int_eq(ipc_send(channel, IPC_ANSWER, &a, sizeof(a), NULL, 0), 0);
    ck_assert_int_eq(response(fd), 503);
    must_serve();
}
END_TEST

START_TEST(a_silent_client_is_cut_off)
{
    int quiet = dial(), half = say("GET /healthz HT");
    uint64_t start_ms = clock_ms();

    ck_assert_int_eq(response(quiet), 0);
    ck_assert_int_eq(response(half), 0);
    ck_assert_uint_lt(clock_ms() - start_ms, ADMIN_LIFE_MS - 500);
    must_serve();
}
END_TEST

/* One that never is silent for long. */
START_TEST(a_dripping_client_is_cut_off)
{
    int fd = say("GET /healthz HTTP/1.1\r\nX: ");
    int drops = 0;

    while (!comes(fd, 200) && send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        ck_assert_int_lt(++drops, 100);
    ck_assert_int_gt(drops, 5);
    ck_assert_int_eq(response(fd), 0);
    must_serve();
}
END_TEST

/* Though it has the descriptor of one that has had its time. */
START_TEST(each_connection_has_a_life_of_its_own)
{
    uint64_t start_ms = clock_ms();

    while (clock_ms() - start_ms < ADMIN_LIFE_MS + 1000) {
        static const char words[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
        int fd = dial();

        ck_assert(!comes(fd, 250));
        ck_assert_int_eq(send(fd, words, strlen(words), MSG_NOSIGNAL), strlen(words));
        answer(asked(IPC_ASK_HEALTH), 200, "text/plain", "fine", 4);
        ck_assert_int_eq(response(fd), 200);
    }
}
END_TEST

START_TEST(a_client_that_does_not_read_is_cut_off)
{
    static char words[16 << 20];
    unsigned before;
    int fd;

    must_serve();
    before = idle_files();
    fd = request("GET", "/metrics");
    answer(asked(IPC_ASK_METRICS), 200, "text/plain", words, sizeof(words));
    ck_assert(comes(fd, WAIT_MS));
    files_fall_to(before);
    close(fd);
}
END_TEST

/* No more than the bound are let in; the others wait, and all are served. */
START_TEST(many_at_once_are_served_in_turn)
{
    int fd[MANY];
    uint32_t id[CONNECTIONS_MAX];
    unsigned asked_count = 0;

    for (int i = 0; i < MANY; i++)
        fd[i] = request("GET", "/metrics");
    while (asked_count < CONNECTIONS_MAX)
        id[asked_count++] = asked(IPC_ASK_METRICS);
    ck_assert(!comes(channel, 300));
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        answer(id[i], 200, "text/plain", "one", 3);
    for (; asked_count < MANY; asked_count++)
        answer(asked(IPC_ASK_METRICS), 200, "text/plain", "one", 3);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(response(fd[i]), 200);
        ck_assert_str_eq(body(), "one");
    }
    must_serve();
}
END_TEST

/* Connections that say nothing do not keep others out for longer than they may stay. */
START_TEST(idle_connections_give_way)
{
    int fd[MANY];

    for (int i = 0; i < MANY; i++)
        fd[i] = dial();
    must_serve();
    for (int i = 0; i < MANY; i++)
        close(fd[i]);
}
END_TEST

START_TEST(signals_are_the_masters)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE};

    must_serve();
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        ck_assert_int_eq(kill(child, signals[i]), 0);
    must_serve();
}
END_TEST

START_TEST(other_messages_do_no_harm)
{
    struct ipc_config config = {.generation = 2};
    struct ipc_drain timeout = {.timeout_ms = 0};
    int fd[2] = {STDERR_FILENO, STDERR_FILENO};
    unsigned before;

    must_serve();
    before = idle_files();
    ck_assert_int_eq(ipc_send(channel, IPC_CONFIG, &config, sizeof(config), fd, 2), 0);
    send_log();
    ck_assert_int_eq(ipc_send(channel, IPC_DRAIN, &timeout, sizeof(timeout), NULL, 0), 0);
    ck_assert_int_eq(ipc_send(channel, IPC_SWITCH, NULL, 0, fd, 1), 0);
    ck_assert_int_eq(ipc_send(channel, 77, NULL, 0, NULL, 0), 0);
    must_serve();
    files_fall_to(before);
}
END_TEST

START_TEST(it_ends_with_its_channel)
{
    int waiting = request("GET", "/metrics"), idle = dial();

    (void)asked(IPC_ASK_METRICS);
    close(channel);
    channel = -1;
    ck_assert_int_eq(exit_status(), 0);
    ck_assert_int_eq(response(waiting), 0);
    ck_assert_int_eq(response(idle), 0);
}
END_TEST

START_TEST(it_does_not_serve_with_its_privileges)
{
    begin(false, 666);
    ck_assert_int_eq(exit_status(), 1);
    ck_assert_int_eq(ipc_receive(channel, &message), IPC_GONE);
}
END_TEST

START_TEST(it_needs_a_socket)
{
    struct ipc_start s = {.gid = 2, .filter = 1};
    int end[2];

    ck_assert_int_eq(ipc_pair(end), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        be_admin(end[1]);
    close(end[1]);
    channel = end[0];
    ck_assert_int_eq(ipc_send(channel, IPC_START, &s, sizeof(s), NULL, 0), 0);
    send_log();
    ck_assert_int_eq(exit_status(), 1);
}
END_TEST

static void
add_tests(TCase *tc)
{
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, each_path_asks_its_question, 0, (int)COUNT_OF(paths));
    tcase_add_loop_test(tc, head_has_no_body, 0, (int)COUNT_OF(paths));
    tcase_add_test(tc, a_long_answer_arrives_whole);
    tcase_add_test(tc, a_client_may_leave_before_the_answer);
    tcase_add_test(tc, many_at_once_are_served_in_turn);
    tcase_add_test(tc, a_silent_client_is_cut_off);
    tcase_add_test(tc, it_ends_with_its_channel);
}

static TCase *
tcp_case(void)
{
    TCase *tc = tcase_create("tcp");

    tcase_add_checked_fixture(tc, setup_tcp, teardown);
    add_tests(tc);
    tcase_add_loop_test(tc, other_methods_are_refused, 0, (int)COUNT_OF(other_methods));
    tcase_add_test(tc, another_path_is_not_found);
    tcase_add_loop_test(tc, nonsense_is_refused, 0, (int)COUNT_OF(nonsense));
    tcase_add_test(tc, headers_are_bounded);
    tcase_add_test(tc, old_clients_are_served);
    tcase_add_test(tc, only_the_first_of_pipelined_requests_is_answered);
    tcase_add_test(tc, answers_find_their_requests);
    tcase_add_test(tc, without_an_answer_it_is_503);
    tcase_add_test(tc, an_answer_without_a_body_is_503);
    tcase_add_test(tc, a_dripping_client_is_cut_off);
    tcase_add_test(tc, each_connection_has_a_life_of_its_own);
    tcase_add_test(tc, a_client_that_does_not_read_is_cut_off);
    tcase_add_test(tc, idle_connections_give_way);
    tcase_add_test(tc, signals_are_the_masters);
    tcase_add_test(tc, other_messages_do_no_harm);
    return tc;
}

static Suite *
admin_suite(void)
{
    Suite *suite = suite_create("admin");
    TCase *on_unix = tcase_create("unix"), *starting = tcase_create("starting");

    tcase_add_checked_fixture(on_unix, setup_unix, teardown);
    add_tests(on_unix);
    tcase_add_checked_fixture(starting, NULL, teardown);
    tcase_add_test(starting, it_does_not_serve_with_its_privileges);
    tcase_add_test(starting, it_needs_a_socket);
    suite_add_tcase(suite, tcp_case());
    suite_add_tcase(suite, on_unix);
    suite_add_tcase(suite, starting);
    return suite;
}

CHECK_MAIN(admin_suite)
