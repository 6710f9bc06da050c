/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/dial.h"

#include "base/clock.h"
#include "loop/loop_support.h"
#include "support/check_main.h"

#include <dirent.h>
#include <event2/dns_struct.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- what the dial tells ---- */

static struct {
    unsigned calls;
    int fd;
    struct addr addr;
    enum term_event event;
    char phrase[200];
    struct pool_server *server;
    char name[64];
    unsigned attempts;
} outcome;

static struct stage stage;
static struct addr client; /* that the dial is for */

static void
on_done(void *owner, const struct dial_result *result)
{
    ck_assert_ptr_eq(owner, &stage);
    outcome.calls++;
    outcome.fd = result->fd;
    outcome.addr = result->addr;
    outcome.event = result->event;
    snprintf(outcome.phrase, sizeof(outcome.phrase), "%s",
             result->phrase != NULL ? result->phrase : "");
    outcome.server = result->server;
    ck_assert((result->server != NULL) == (result->fd >= 0));
    snprintf(outcome.name, sizeof(outcome.name), "%s", result->name);
    outcome.attempts = result->attempts;
}

static bool
is_done(void *arg ATTR_UNUSED)
{
    return outcome.calls > 0;
}

static struct dial *
dial(void)
{

    struct source_client whom = {&client, NULL, -1};

    outcome.calls = 0;
    outcome.fd = -1;
    return dial_start(&stage.loop, &stage.frontend, &stage.pool, &whom, on_done, &stage);
}

static void
dial_to_the_end(void)
{
    struct dial *started = dial();

    ck_assert((started == NULL) == (outcome.calls == 1));
    stage_run(&stage, is_done, NULL);
    stage_settle(&stage);
    ck_assert_uint_eq(outcome.calls, 1);
}

static void
must_be_connected(const struct addr *to)
{
    ck_assert_int_eq(outcome.event, TERM_BACKEND_CONNECTED);
    ck_assert_int_ge(outcome.fd, 0);
    ck_assert(addr_equal(&outcome.addr, to));
    close(outcome.fd);
}

static void
must_have_failed(enum term_event event)
{
    ck_assert_str_eq(term_event_name(outcome.event), term_event_name(event));
    ck_assert_int_eq(outcome.fd, -1);
    ck_assert_str_ne(outcome.phrase, "");
}

/* ---- a name server that says what the test wants ---- */

static int name_socket;
static struct evdns_server_port *name_port;
static struct addr name_addr;
static unsigned questions;

/* The numeric parts of 127.0.0.x that a name stands for; the others do not exist. */
static const struct {
    const char *name;
    unsigned char last[2];
    int count;
} names[] = {
    {"one.test", {1}, 1},  {"two.test", {2, 1}, 2}, {"empty.test", {0}, 0},
    {"localhost", {1}, 1}, {"half.test", {1}, 1}, /* the question for its IPv6 addresses
                                                     gets no answer */
};

static void
answer(struct evdns_server_request *request, const struct evdns_server_question *question)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        unsigned char found[2][4] = {{127, 0, 0, names[i].last[0]},
                                     {127, 0, 0, names[i].last[1]}};

        if (strcasecmp(question->name, names[i].name) != 0)
            continue;
        if (question->type == EVDNS_TYPE_A && names[i].count > 0)
            (void)evdns_server_request_add_a_reply(request, question->name, names[i].count,
                                                   found, 60);
        ck_assert_int_eq(evdns_server_request_respond(request, 0), 0);
        return;
    }
    ck_assert_int_eq(evdns_server_request_respond(request, DNS_ERR_NOTEXIST), 0);
}

static void
on_question(struct evdns_server_request *request, void *arg ATTR_UNUSED)
{
    const struct evdns_server_question *question = request->questions[0];

    questions++;
    if (strcasecmp(question->name, "silent.test") == 0 ||
        (strcasecmp(question->name, "half.test") == 0 && question->type == EVDNS_TYPE_AAAA))
        ck_assert_int_eq(evdns_server_request_drop(request), 0);
    else
        answer(request, question);
}

static bool
was_asked(void *arg ATTR_UNUSED)
{
    return questions > 0;
}

static void
start_name_server(void)
{
    name_socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(name_socket, 0);
    ck_assert_int_eq(addr_from_numeric(&name_addr, "127.0.0.1", 0), 0);
    ck_assert_int_eq(bind(name_socket, &name_addr.u.sa, name_addr.len), 0);
    ck_assert_int_eq(getsockname(name_socket, &name_addr.u.sa, &name_addr.len), 0);
    name_port =
        evdns_add_server_port_with_base(stage.loop.base, name_socket, 0, on_question, NULL);
    ck_assert_ptr_nonnull(name_port);
    stage.config.nameservers = (struct config_addrs){&name_addr, 1};
}

/* ---- fixtures ---- */

/*
 * libevent itself is not sanitized. Each piece of its memory has pages of its own, which
 * cannot be touched any more when it has been freed.
 */
#define PIECE_HEADER 16u

static void *
piece_new(size_t size)
{
    char *piece = mmap(NULL, size + PIECE_HEADER, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (piece == MAP_FAILED)
        return NULL;
    memcpy(piece, &size, sizeof(size));
    return piece + PIECE_HEADER;
}

static size_t
piece_size(const void *memory)
{
    size_t size;

    memcpy(&size, (const char *)memory - PIECE_HEADER, sizeof(size));
    return size;
}

static void
piece_free(void *memory)
{
    if (memory != NULL)
        ck_assert_int_eq(mprotect((char *)memory - PIECE_HEADER,
                                  piece_size(memory) + PIECE_HEADER, PROT_NONE),
                         0);
}

static void *
piece_resize(void *memory, size_t size)
{
    void *bigger = piece_new(size);

    if (memory != NULL && bigger != NULL) {
        memcpy(bigger, memory, piece_size(memory) < size ? piece_size(memory) : size);
        piece_free(memory);
    }
    return bigger;
}

static struct addr listening;
static int listener;

static void
setup(void)
{
    event_set_mem_functions(piece_new, piece_resize, piece_free);
    stage_init(&stage);
    start_name_server();
    listener = listen_on_loopback(&listening, 16);
    stage.server[0].at.addr = listening;
    stage.frontend.connect_timeout_ms = 2000;
    questions = 0;
}

static void
teardown(void)
{
    close(listener);
    evdns_close_server_port(name_port);
    stage_settle(&stage);
    close(name_socket);
    stage_clear(&stage);
}

static void
use_name(const char *name)
{
    stage.server[0].at.kind = CONFIG_BACKEND_NAME;
    stage.server[0].at.host = name;
    stage.server[0].at.port = addr_port(&listening);
    stage.server[0].at.from.text = name;
    stage_set_servers(&stage, 1);
}

static unsigned
open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* A listener whose queue is full: what is dialled there gets no answer at all. */
static struct {
    int listener;
    int queued[8];
    int count;
} full;

static void
fill_backlog(int family, const struct addr *addr)
{
    full.listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(full.listener, 0);
    ck_assert_int_eq(bind(full.listener, &addr->u.sa, addr->len), 0);
    ck_assert_int_eq(listen(full.listener, 0), 0);
    for (full.count = 0; full.count < 8; full.count++) {
        int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(fd, 0);
        full.queued[full.count] = fd;
        if (connect(fd, &addr->u.sa, addr->len) < 0 && family == AF_UNIX)
            break;
    }
}

static void
close_full(void)
{
    for (int i = 0; i < full.count; i++)
        close(full.queued[i]);
    close(full.listener);
}

static void
use_unanswering_addr(void)
{
    struct addr addr;

    close(listener);
    listener = listen_on_loopback(&addr, 1);
    close(listener);
    fill_backlog(AF_INET, &addr);
    stage.server[0].at.addr = addr;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* In the abstract namespace: nothing to be removed. */
static void
use_unix(struct addr *addr)
{
    char name[64];

    snprintf(name, sizeof(name), "@sallyport-dial-%ld", (long)getpid());
    ck_assert_int_eq(addr_from_unix(addr, name), 0);
    stage.server[0].at.addr = *addr;
}

/* ---- addresses ---- */

START_TEST(an_address_is_connected)
{
    dial_to_the_end();
    must_be_connected(&listening);
}
END_TEST

/* Not to block, no Nagle; and whatever ends this process says RST, not FIN. */
START_TEST(the_socket_is_prepared)
{
    struct linger linger = {0};
    socklen_t len = sizeof(linger);
    int nodelay = 0;

    dial_to_the_end();
    ck_assert(fcntl(outcome.fd, F_GETFL) & O_NONBLOCK);
    ck_assert(fcntl(outcome.fd, F_GETFD) & FD_CLOEXEC);
    ck_assert_int_eq(getsockopt(outcome.fd, SOL_SOCKET, SO_LINGER, &linger, &len), 0);
    ck_assert(linger.l_onoff == 1 && linger.l_linger == 0);
    len = sizeof(nodelay);
    ck_assert_int_eq(getsockopt(outcome.fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len), 0);
    ck_assert_int_ne(nodelay, 0);
    must_be_connected(&listening);
}
END_TEST

START_TEST(a_refusal_is_told)
{
    refusing_addr(&stage.server[0].at.addr);
    dial_to_the_end();
    must_have_failed(TERM_BACKEND_REFUSED);
    ck_assert(addr_equal(&outcome.addr, &stage.server[0].at.addr));
    ck_assert_str_eq(outcome.phrase, "Connection refused");
}
END_TEST

START_TEST(no_answer_is_a_timeout)
{
    uint64_t start = clock_us();

    use_unanswering_addr();
    stage.frontend.connect_timeout_ms = 200;
    dial_to_the_end();
    must_have_failed(TERM_TIMEOUT_CONNECT);
    ck_assert_uint_ge(clock_us() - start, 190 * 1000);
    ck_assert_uint_lt(clock_us() - start, 1500 * 1000);
    close_full();
}
END_TEST

START_TEST(connecting_can_be_cancelled)
{
    unsigned before;
    struct dial *started;

    use_unanswering_addr();
    before = open_files();
    started = dial();
    ck_assert_ptr_nonnull(started);
    stage_settle(&stage);
    dial_cancel(started);
    stage_settle(&stage);
    ck_assert_uint_eq(outcome.calls, 0);
    ck_assert_uint_eq(open_files(), before);
    dial_cancel(NULL);
    close_full();
}
END_TEST

/* ---- names ---- */

START_TEST(a_name_is_resolved)
{
    use_name("one.test");
    dial_to_the_end();
    must_be_connected(&listening);
    ck_assert_uint_ge(questions, 1);
}
END_TEST

START_TEST(the_hosts_file_or_the_server_knows_localhost)
{
    use_name("localhost");
    dial_to_the_end();
    must_be_connected(&listening);
}
END_TEST

/* Nobody listens at 127.0.0.2. */
START_TEST(the_next_address_is_tried_after_a_refusal)
{
    use_name("two.test");
    dial_to_the_end();
    must_be_connected(&listening);
}
END_TEST

/* The first address does not answer: it gets half of the time, and the second the rest. */
START_TEST(the_next_address_is_tried_after_silence)
{
    uint64_t start = clock_us();
    struct addr silent;

    ck_assert_int_eq(addr_from_numeric(&silent, "127.0.0.2", addr_port(&listening)), 0);
    fill_backlog(AF_INET, &silent);
    use_name("two.test");
    stage.frontend.connect_timeout_ms = 1200;
    dial_to_the_end();
    must_be_connected(&listening);
    ck_assert_uint_ge(clock_us() - start, 550 * 1000);
    ck_assert_uint_lt(clock_us() - start, 1100 * 1000);
    close_full();
}
END_TEST

START_TEST(the_last_refusal_is_told)
{
    use_name("two.test");
    refusing_addr(&listening);
    stage.server[0].at.port = addr_port(&listening);
    dial_to_the_end();
    must_have_failed(TERM_BACKEND_REFUSED);
    ck_assert(addr_equal(&outcome.addr, &listening));
}
END_TEST

START_TEST(a_name_that_does_not_exist_is_unreachable)
{
    use_name(_i == 0 ? "none.test" : "empty.test");
    dial_to_the_end();
    must_have_failed(TERM_BACKEND_UNREACHABLE);
    ck_assert_uint_eq(outcome.addr.len, 0);
    ck_assert_ptr_nonnull(strstr(outcome.phrase, "does not resolve"));
    ck_assert_ptr_nonnull(strstr(outcome.phrase, stage.server[0].at.host));
}
END_TEST

START_TEST(a_silent_name_server_is_a_timeout)
{
    uint64_t start = clock_us();
    unsigned before;

    use_name("one.test");
    dial_to_the_end(); /* so that the resolver is there */
    must_be_connected(&listening);
    use_name("silent.test");
    stage.frontend.connect_timeout_ms = 300;
    before = open_files();
    dial_to_the_end();
    must_have_failed(TERM_TIMEOUT_CONNECT);
    ck_assert_uint_lt(clock_us() - start, 2000 * 1000);
    ck_assert_uint_eq(open_files(), before);
}
END_TEST

START_TEST(resolving_can_be_cancelled)
{
    struct dial *started;

    use_name(_i == 0 ? "silent.test" : "one.test");
    started = dial();
    ck_assert_ptr_nonnull(started);
    if (_i != 1)
        stage_run(&stage, was_asked, NULL);
    dial_cancel(started);
    stage_settle(&stage);
    ck_assert_uint_eq(outcome.calls, 0);
}
END_TEST

/* As at the end of a drain: the loop does not turn again before it is cleared. */
START_TEST(the_loop_may_end_right_after_a_cancel)
{
    struct dial *started;

    use_name("silent.test");
    started = dial();
    ck_assert_ptr_nonnull(started);
    stage_run(&stage, was_asked, NULL);
    evdns_close_server_port(name_port);
    dial_cancel(started);
    close(name_socket);
    close(listener);
    stage_clear(&stage);
    ck_assert_uint_eq(outcome.calls, 0);
}
END_TEST

START_TEST(the_loop_may_end_while_a_name_is_looked_up)
{
    use_name("silent.test");
    pool_serve(&stage.pool);
    stage_run(&stage, was_asked, NULL);
    if (_i == 1)
        pool_rest(&stage.pool);
    evdns_close_server_port(name_port);
    close(name_socket);
    close(listener);
    stage_clear(&stage);
}
END_TEST

/* Whoever asks next finds the answer there, also through another server. */
START_TEST(a_name_is_asked_for_once)
{
    unsigned before;

    use_name("one.test");
    dial_to_the_end();
    must_be_connected(&listening);
    before = questions;
    stage.server[1].at = stage.server[0].at;
    stage.server[1].at.host = "ONE.test";
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_null(dial());
        must_be_connected(&listening);
    }
    stage_set_servers(&stage, 2);
    ck_assert_uint_eq(before, 2);
    dial_to_the_end(); /* the other pool has forgotten it */
    must_be_connected(&listening);
    ck_assert_uint_eq(questions, 4);
    dial_to_the_end();
    must_be_connected(&listening);
    ck_assert_uint_eq(questions, 4);
}
END_TEST

/* RFC 8305, section 3. */
START_TEST(the_second_family_is_not_waited_for)
{
    uint64_t start = clock_us();

    use_name("half.test");
    dial_to_the_end();
    must_be_connected(&listening);
    ck_assert_uint_ge(clock_us() - start, 45 * 1000);
    ck_assert_uint_lt(clock_us() - start, 1000 * 1000);
    ck_assert_ptr_null(dial()); /* the next one waits for nothing */
    must_be_connected(&listening);
}
END_TEST

/* Its questions are called off, and that is told only when it is asked for again. */
START_TEST(a_name_that_was_given_up_may_come_back)
{
    use_name("silent.test");
    pool_serve(&stage.pool);
    stage_run(&stage, was_asked, NULL);
    stage_set_servers(&stage, 1);
    dial_cancel(dial());
    ck_assert_ptr_nonnull(TAILQ_FIRST(&stage.loop.names));
    use_name("one.test");
    pool_serve(&stage.pool);
    stage_set_servers(&stage, 1);
    dial_to_the_end();
    must_be_connected(&listening);
    ck_assert_uint_eq(stage.page->server[0].connects[STATS_DIAL_CONNECTED], 1);
}
END_TEST

/* A connection to a name that has no address asks again, but not all of them at once. */
START_TEST(a_name_without_an_address_is_asked_for_again)
{
    unsigned before;

    use_name("none.test");
    dial_to_the_end();
    must_have_failed(TERM_BACKEND_UNREACHABLE);
    before = questions;
    ck_assert_ptr_null(dial());
    must_have_failed(TERM_BACKEND_UNREACHABLE);
    ck_assert_uint_eq(questions, before);
}
END_TEST

/* ---- servers ---- */

static int second; /* a listener */
static struct addr second_addr;

/* The first server is at listening, the second at second_addr, in this order. */
static void
use_two(void)
{
    second = listen_on_loopback(&second_addr, 16);
    stage.server[1].at =
        (struct config_backend){.from.text = "second", .addr = second_addr};
    stage.backend.balance = BALANCE_FIRST;
    stage_set_servers(&stage, 2);
}

static void
must_be_counted(unsigned server, enum stats_dial outcome_counted, unsigned count)
{
    const struct stats_server *s = &stage.page->server[stage.server[server].place];

    ck_assert_uint_eq(s->connects[outcome_counted], count);
}

static uint32_t
live(unsigned server)
{
    unsigned place = stage.server[server].place;

    ck_assert_uint_eq(stage.page->server[place].live, stage.shared->server[place].live);
    return (uint32_t)stage.shared->server[place].live;
}

static void
number_servers(void)
{
    stage.server[0].place = 3;
    stage.server[1].place = 5;
}

START_TEST(the_next_server_is_tried_after_a_refusal)
{
    number_servers();
    refusing_addr(&stage.server[0].at.addr);
    use_two();
    dial_to_the_end();
    must_be_connected(&second_addr);
    ck_assert_uint_eq(outcome.attempts, 2);
    ck_assert_str_eq(outcome.name, "second");
    must_be_counted(0, STATS_DIAL_REFUSED, 1);
    must_be_counted(1, STATS_DIAL_CONNECTED, 1);
    ck_assert_uint_eq(live(0), 0);
    ck_assert_uint_eq(live(1), 1);
    pool_leave(outcome.server);
    ck_assert_uint_eq(live(1), 0);
    close(second);
}
END_TEST

/* It gets its half of the time, and no more. */
START_TEST(the_next_server_is_tried_after_silence)
{
    uint64_t start = clock_us();

    number_servers();
    if (_i == 0) {
        use_unanswering_addr();
    } else {
        struct addr addr;

        use_unix(&addr);
        fill_backlog(AF_UNIX, &addr);
    }
    use_two();
    stage.frontend.connect_timeout_ms = 800;
    dial_to_the_end();
    must_be_connected(&second_addr);
    ck_assert_uint_ge(clock_us() - start, 390 * 1000);
    ck_assert_uint_lt(clock_us() - start, 700 * 1000);
    must_be_counted(0, STATS_DIAL_TIMEOUT, 1);
    close_full();
    close(second);
}
END_TEST

START_TEST(the_next_server_is_tried_without_a_name)
{
    uint64_t start = clock_us();

    number_servers();
    use_name(_i == 0 ? "none.test" : "silent.test");
    use_two();
    stage.frontend.connect_timeout_ms = 800;
    dial_to_the_end();
    must_be_connected(&second_addr);
    must_be_counted(0, _i == 0 ? STATS_DIAL_UNREACHABLE : STATS_DIAL_TIMEOUT, 1);
    ck_assert_uint_lt(clock_us() - start, 700 * 1000);
    ck_assert_uint_eq(live(0), 0);
    close(second);
}
END_TEST

START_TEST(the_last_failure_is_told)
{
    number_servers();
    ck_assert_int_eq(addr_from_unix(&stage.server[0].at.addr, "/dev/null/socket"), 0);
    use_two();
    close(second);
    stage.server[1].at.addr = second_addr;
    dial_to_the_end();
    must_have_failed(TERM_BACKEND_REFUSED);
    ck_assert(addr_equal(&outcome.addr, &second_addr));
    ck_assert_str_eq(outcome.phrase, "Connection refused");
    ck_assert_str_eq(outcome.name, "second");
    ck_assert_uint_eq(outcome.attempts, 2);
    ck_assert_ptr_null(outcome.server);
    must_be_counted(0, STATS_DIAL_UNREACHABLE, 1);
    must_be_counted(1, STATS_DIAL_REFUSED, 1);
    ck_assert_uint_eq(live(0), 0);
    ck_assert_uint_eq(live(1), 0);
}
END_TEST

/* All within connect-timeout, whoever is still left. */
START_TEST(all_servers_share_the_time)
{
    uint64_t start = clock_us();

    use_unanswering_addr();
    stage.server[1].at = stage.server[2].at = stage.server[0].at;
    stage_set_servers(&stage, 3);
    stage.frontend.connect_timeout_ms = 300;
    dial_to_the_end();
    must_have_failed(TERM_TIMEOUT_CONNECT);
    ck_assert_uint_eq(outcome.attempts, 3);
    ck_assert_uint_ge(clock_us() - start, 290 * 1000);
    ck_assert_uint_lt(clock_us() - start, 1500 * 1000);
    close_full();
}
END_TEST

START_TEST(whoever_gives_up_leaves_the_server)
{
    struct dial *started;

    number_servers();
    use_unanswering_addr();
    use_two();
    started = dial();
    ck_assert_uint_eq(live(0), 1);
    dial_cancel(started);
    ck_assert_uint_eq(live(0), 0);
    must_be_counted(0, STATS_DIAL_TIMEOUT, 0);
    close_full();
    close(second);
}
END_TEST

/* Also of other workers, which count in the same place. */
START_TEST(the_fewest_connections_of_all_workers)
{
    number_servers();
    use_two();
    stage.backend.balance = BALANCE_LEAST_CONNECTIONS;
    stage.shared->server[3].live = 7;
    stage.shared->server[5].live = 6;
    dial_to_the_end();
    must_be_connected(&second_addr);
    stage.shared->server[5].live = 8;
    dial_to_the_end();
    must_be_connected(&listening);
    close(second);
}
END_TEST

/* Whatever its port is, and in IPv6 by the whole address. */
START_TEST(the_same_server_for_a_client)
{
    unsigned got[2] = {0};

    use_two();
    stage.backend.balance = BALANCE_SOURCE;
    for (unsigned i = 0; i < 40; i++) {
        uint64_t tried = 0, again = 0;
        const struct pool_server *server;
        char text[64];

        snprintf(text, sizeof(text), i % 2 == 0 ? "192.0.2.%u" : "2001:db8::%u", i);
        ck_assert_int_eq(addr_from_numeric(&client, text, 1000), 0);
        server = pool_choose(&stage.pool, &client, &tried);
        ck_assert_int_eq(addr_from_numeric(&client, text, 2000), 0);
        ck_assert_ptr_eq(pool_choose(&stage.pool, &client, &again), server);
        ck_assert_uint_eq(tried, again);
        got[server == stage.pool.server ? 0 : 1]++;
    }
    ck_assert_uint_gt(got[0], 8);
    ck_assert_uint_gt(got[1], 8);
    close(second);
}
END_TEST

/* ---- Unix sockets ---- */

START_TEST(a_unix_socket_is_connected)
{
    struct addr addr;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    use_unix(&addr);
    ck_assert_int_eq(bind(fd, &addr.u.sa, addr.len), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_ptr_null(dial());
    ck_assert_uint_eq(outcome.calls, 1);
    must_be_connected(&addr);
    close(fd);
}
END_TEST

START_TEST(a_missing_unix_socket_is_unreachable)
{
    ck_assert_int_eq(addr_from_unix(&stage.server[0].at.addr, "/dev/null/socket"), 0);
    dial_to_the_end();
    must_have_failed(TERM_BACKEND_UNREACHABLE);
    ck_assert_str_eq(outcome.phrase, "Not a directory");
}
END_TEST

START_TEST(a_unix_socket_nobody_listens_to_refuses)
{
    struct addr addr;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    use_unix(&addr);
    ck_assert_int_eq(bind(fd, &addr.u.sa, addr.len), 0);
    dial_to_the_end();
    must_have_failed(TERM_BACKEND_REFUSED);
    close(fd);
}
END_TEST

/* A full backlog says EAGAIN, and no event tells when it is so no more. */
START_TEST(a_full_unix_backlog_is_tried_again)
{
    struct addr addr;

    use_unix(&addr);
    fill_backlog(AF_UNIX, &addr);
    ck_assert_ptr_nonnull(dial());
    stage_settle(&stage);
    ck_assert_uint_eq(outcome.calls, 0);
    close(accept(full.listener, NULL, NULL));
    stage_run(&stage, is_done, NULL);
    must_be_connected(&addr);
    close_full();
}
END_TEST

START_TEST(a_unix_backlog_that_stays_full_is_a_timeout)
{
    struct addr addr;
    unsigned before;

    use_unix(&addr);
    fill_backlog(AF_UNIX, &addr);
    before = open_files();
    stage.frontend.connect_timeout_ms = 100;
    dial_to_the_end();
    must_have_failed(TERM_TIMEOUT_CONNECT);
    ck_assert(addr_equal(&outcome.addr, &addr));
    ck_assert_uint_eq(open_files(), before);
    dial_cancel(dial());
    stage_settle(&stage);
    ck_assert_uint_eq(outcome.calls, 0);
    ck_assert_uint_eq(open_files(), before);
    close_full();
}
END_TEST

/* ---- the suite ---- */

static TCase *
address_case(void)
{
    TCase *tcase = tcase_create("address");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 20);
    tcase_add_test(tcase, an_address_is_connected);
    tcase_add_test(tcase, the_socket_is_prepared);
    tcase_add_test(tcase, a_refusal_is_told);
    tcase_add_test(tcase, no_answer_is_a_timeout);
    tcase_add_test(tcase, connecting_can_be_cancelled);
    tcase_add_test(tcase, a_unix_socket_is_connected);
    tcase_add_test(tcase, a_missing_unix_socket_is_unreachable);
    tcase_add_test(tcase, a_unix_socket_nobody_listens_to_refuses);
    tcase_add_test(tcase, a_full_unix_backlog_is_tried_again);
    tcase_add_test(tcase, a_unix_backlog_that_stays_full_is_a_timeout);
    return tcase;
}

static TCase *
name_case(void)
{
    TCase *tcase = tcase_create("name");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 20);
    tcase_add_test(tcase, a_name_is_resolved);
    tcase_add_test(tcase, the_hosts_file_or_the_server_knows_localhost);
    tcase_add_test(tcase, the_next_address_is_tried_after_a_refusal);
    tcase_add_test(tcase, the_next_address_is_tried_after_silence);
    tcase_add_test(tcase, the_last_refusal_is_told);
    tcase_add_loop_test(tcase, a_name_that_does_not_exist_is_unreachable, 0, 2);
    tcase_add_test(tcase, a_silent_name_server_is_a_timeout);
    tcase_add_loop_test(tcase, resolving_can_be_cancelled, 0, 3);
    tcase_add_test(tcase, a_name_is_asked_for_once);
    tcase_add_test(tcase, the_second_family_is_not_waited_for);
    tcase_add_test(tcase, a_name_that_was_given_up_may_come_back);
    tcase_add_test(tcase, a_name_without_an_address_is_asked_for_again);
    return tcase;
}

static TCase *
server_case(void)
{
    TCase *tcase = tcase_create("server");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 20);
    tcase_add_test(tcase, the_next_server_is_tried_after_a_refusal);
    tcase_add_loop_test(tcase, the_next_server_is_tried_after_silence, 0, 2);
    tcase_add_loop_test(tcase, the_next_server_is_tried_without_a_name, 0, 2);
    tcase_add_test(tcase, the_last_failure_is_told);
    tcase_add_test(tcase, all_servers_share_the_time);
    tcase_add_test(tcase, whoever_gives_up_leaves_the_server);
    tcase_add_test(tcase, the_fewest_connections_of_all_workers);
    tcase_add_test(tcase, the_same_server_for_a_client);
    return tcase;
}

static TCase *
ending_case(void)
{
    TCase *tcase = tcase_create("ending");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 20);
    tcase_add_test(tcase, the_loop_may_end_right_after_a_cancel);
    tcase_add_loop_test(tcase, the_loop_may_end_while_a_name_is_looked_up, 0, 2);
    return tcase;
}

static Suite *
dial_suite(void)
{
    Suite *suite = suite_create("dial");

    suite_add_tcase(suite, address_case());
    suite_add_tcase(suite, name_case());
    suite_add_tcase(suite, server_case());
    suite_add_tcase(suite, ending_case());
    return suite;
}

CHECK_MAIN(dial_suite)
