/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/listeners.h"

#include "base/text.h"
#include "config/check.h"
#include "config/load.h"
#include "net/sock.h"
#include "proc/systemd.h"
#include "support/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS 200
#define PASSED_MAX 4

static struct listeners listeners;
static struct config *config;
static struct diag *diag;
static char mistakes[1024];

/* Before Check opens its own files: the descriptors that systemd passes are to be free. */
static void __attribute__((constructor)) reserve_descriptors(void)
{
    for (int fd = 3; fd < 3 + PASSED_MAX; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY | O_CLOEXEC) != fd)
            abort();
}

static void
setup(void)
{
    listeners_init(&listeners);
    config = NULL;
    diag = diag_new();
}

static void
teardown(void)
{
    listeners_clear(&listeners);
    config_free(config);
    diag_free(diag);
}

static void
on_mistake(void *arg, bool is_error, const char *text)
{
    struct text *words = arg;

    ck_assert(is_error);
    text_addf(words, "%s\n", text);
}

/* What has been wrong since the last time. */
static const char *
told(void)
{
    struct text words;

    text_init(&words, mistakes, sizeof(mistakes));
    diag_each(diag, on_mistake, &words);
    diag_free(diag);
    diag = diag_new();
    return mistakes;
}

/* A configuration with these addresses, as the list of listen, and settings behind them. */
static void
configure(const char *listen, const char *more)
{
    char text[1024];

    config_free(config);
    snprintf(text, sizeof(text),
             "frontend a { listen = { %s } cert = c backend = \"127.0.0.1:1\" %s }", listen,
             more);
    config = config_load_memory("t", text, strlen(text), diag);
    config_check(config, diag);
    ck_assert_str_eq(told(), "");
}

static void
prepare(unsigned workers)
{
    listeners_prepare(&listeners, config, workers, diag);
    ck_assert_str_eq(told(), "");
}

static void
commit(unsigned workers)
{
    listeners_commit(&listeners, config, workers, diag);
    ck_assert_str_eq(told(), "");
}

static void
open_all(unsigned workers)
{
    prepare(workers);
    commit(workers);
}

static const struct listener *
listener_at(size_t i)
{
    const struct listener *l = listeners_find(&listeners, &config->frontend->listen[i]);

    ck_assert_ptr_nonnull(l);
    return l;
}

/* A client that has begun to speak (TCP_DEFER_ACCEPT waits for that), or -1 with errno. */
static int
try_connect(const struct addr *addr)
{
    int fd = socket(addr->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    if (connect(fd, &addr->u.sa, addr->len) == 0 &&
        (addr->u.sa.sa_family == AF_UNIX || send(fd, "x", 1, MSG_NOSIGNAL) == 1))
        return fd;
    close(fd);
    return -1;
}

static bool
is_refused(const struct addr *addr)
{
    int fd = try_connect(addr);

    if (fd >= 0)
        close(fd);
    return fd < 0 && errno == ECONNREFUSED;
}

/* Connect again and again: which socket gets how many? */
static void
count_clients(const struct listener *l, unsigned *got)
{
    for (unsigned n = 0; n < CLIENTS; n++) {
        int client = try_connect(&l->addr), accepted = -1;

        ck_assert_int_ge(client, 0);
        for (size_t i = 0; i < l->count && accepted < 0; i++) {
            accepted = accept(l->fd[i], NULL, NULL);
            got[i] += accepted >= 0;
        }
        ck_assert_int_ge(accepted, 0);
        close(accepted);
        close(client);
    }
}

/* A port that nobody has, as the text of an address. */
static uint16_t
free_port(void)
{
    struct addr addr;
    int fd;

    ck_assert_int_eq(addr_from_numeric(&addr, "127.0.0.1", 0), 0);
    fd = sock_bind(&addr, false);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(getsockname(fd, &addr.u.sa, &addr.len), 0);
    close(fd);
    return addr_port(&addr);
}

/* What another process, or another sallyport, might have there. */
static int
occupy(const char *host, uint16_t port, bool shared)
{
    struct addr addr;
    int fd;

    ck_assert_int_eq(addr_from_numeric(&addr, host, port), 0);
    fd = sock_bind(&addr, shared);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    return fd;
}

static unsigned
open_files(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* ---- Prepare, commit, forget ---- */

START_TEST(nobody_connects_before_commit)
{
    const struct listener *l;
    int client;

    configure("\"127.0.0.1:0\"", "");
    prepare(2);
    l = listener_at(0);
    ck_assert_uint_eq(l->count, 2);
    ck_assert_uint_eq(l->standby, 2);
    ck_assert(is_refused(&l->addr));
    commit(2);
    ck_assert_uint_eq(l->standby, 0);
    client = try_connect(&l->addr);
    ck_assert_int_ge(client, 0);
    close(client);
}
END_TEST

START_TEST(sockets_do_not_block_and_are_closed_on_exec)
{
    configure("\"127.0.0.1:0\"", "");
    open_all(2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(fcntl(listener_at(0)->fd[i], F_GETFD), FD_CLOEXEC);
        ck_assert_int_eq(fcntl(listener_at(0)->fd[i], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    }
    listeners_keep(&listeners, true);
    ck_assert_int_eq(fcntl(listener_at(0)->fd[1], F_GETFD), 0);
    listeners_keep(&listeners, false);
    ck_assert_int_eq(fcntl(listener_at(0)->fd[1], F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(forget_closes_what_was_prepared)
{
    unsigned before = open_files();
    struct addr addr;
    int fd;

    configure("\"127.0.0.1:0\", \"127.0.0.2:0\"", "");
    prepare(3);
    addr = listener_at(0)->addr;
    ck_assert_uint_eq(open_files(), before + 6);
    listeners_forget(&listeners);
    ck_assert_ptr_null(listeners_find(&listeners, &config->frontend->listen[0]));
    ck_assert_ptr_null(listeners_find(&listeners, &config->frontend->listen[1]));
    ck_assert_uint_eq(open_files(), before);
    fd = sock_bind(&addr, false); /* it is free again */
    ck_assert_int_ge(fd, 0);
    close(fd);
}
END_TEST

/* What is served stays as it is, and only what is new goes. */
START_TEST(forget_keeps_what_was_committed)
{
    const struct listener *l;
    unsigned got[3] = {0};

    configure("\"127.0.0.1:0\"", "");
    open_all(1);
    configure("\"127.0.0.1:0\", \"127.0.0.2:0\"", "");
    prepare(3);
    l = listener_at(0);
    ck_assert_uint_eq(l->count, 3);
    count_clients(l, got);
    ck_assert_uint_eq(got[0], CLIENTS);
    listeners_forget(&listeners);
    ck_assert_uint_eq(l->count, 1);
    ck_assert_ptr_null(listeners_find(&listeners, &config->frontend->listen[1]));
    count_clients(l, got);
    ck_assert_uint_eq(got[0], 2 * CLIENTS);
}
END_TEST

START_TEST(commit_closes_what_is_not_wanted)
{
    unsigned before;
    struct addr addr;

    configure("\"127.0.0.1:0\"", "");
    open_all(1);
    before = open_files();
    configure("\"127.0.0.1:0\", \"127.0.0.2:0\"", "");
    open_all(1);
    addr = listener_at(1)->addr;
    close(try_connect(&addr));
    configure("\"127.0.0.1:0\"", "");
    open_all(1);
    ck_assert(is_refused(&addr));
    ck_assert_uint_eq(open_files(), before);
    close(try_connect(&listener_at(0)->addr));
}
END_TEST

/* ---- Addresses ---- */

START_TEST(all_sockets_share_a_picked_port)
{
    const struct listener *l;

    configure("\"127.0.0.1:0\", \"127.0.0.2:0\"", "");
    prepare(3);
    l = listener_at(0);
    ck_assert_uint_ne(addr_port(&l->addr), 0);
    for (size_t i = 0; i < 3; i++) {
        struct addr own = {.len = sizeof(own.u)};

        ck_assert_int_eq(getsockname(l->fd[i], &own.u.sa, &own.len), 0);
        ck_assert(addr_equal(&own, &l->addr));
    }
    ck_assert(!addr_equal(&listener_at(1)->addr, &l->addr));
    ck_assert(addr_equal(&l->key, &config->frontend->listen[0].addr));
}
END_TEST

/* The other one is of our user, and shares its address with whoever wants it. */
START_TEST(an_address_that_another_listens_on_is_refused)
{
    uint16_t port = free_port();
    int other = occupy("127.0.0.1", port, true);
    char listen[64], wanted[128];

    snprintf(listen, sizeof(listen), "\"127.0.0.1:%u\", \"127.0.0.1:0\"", port);
    snprintf(wanted, sizeof(wanted),
             "t:1: cannot listen on 127.0.0.1:%u: Address already in use\n", port);
    configure(listen, "");
    listeners_prepare(&listeners, config, 2, diag);
    ck_assert_str_eq(told(), wanted);
    listeners_forget(&listeners);
    ck_assert(TAILQ_EMPTY(&listeners.list));
    close(other);
    open_all(2);
}
END_TEST

/* That we have the same port on another address does not change that. */
START_TEST(it_is_refused_beside_an_address_of_ours)
{
    uint16_t port = free_port();
    int other = occupy("127.0.0.2", port, true);
    char listen[64];

    snprintf(listen, sizeof(listen), "\"127.0.0.1:%u\"", port);
    configure(listen, "");
    open_all(1);
    snprintf(listen, sizeof(listen), "\"127.0.0.1:%u\", \"127.0.0.2:%u\"", port, port);
    configure(listen, "");
    listeners_prepare(&listeners, config, 1, diag);
    ck_assert_ptr_nonnull(strstr(told(), "Address already in use"));
    close(other);
    prepare(1);
}
END_TEST

/* A reload may make one address of all of them, or the other way round. */
START_TEST(a_wildcard_of_ours_is_not_in_our_way)
{
    uint16_t port = free_port();
    char all[64], one[64];

    snprintf(all, sizeof(all), "\"0.0.0.0:%u\"", port);
    snprintf(one, sizeof(one), "\"127.0.0.1:%u\"", port);
    configure(all, "");
    open_all(2);
    configure(one, "");
    open_all(2);
    ck_assert_uint_eq(listener_at(0)->count, 2);
    configure(all, "");
    open_all(2);
    close(try_connect(&listener_at(0)->addr));
}
END_TEST

START_TEST(a_changed_backlog_is_taken)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);

    configure("\"127.0.0.1:0\"", "backlog = 17");
    open_all(1);
    ck_assert_int_eq(getsockopt(listener_at(0)->fd[0], IPPROTO_TCP, TCP_INFO, &info, &len),
                     0);
    ck_assert_uint_eq(info.tcpi_sacked, 17); /* of a listening socket it is the backlog */
    configure("\"127.0.0.1:0\"", "backlog = 23");
    open_all(1);
    ck_assert_int_eq(getsockopt(listener_at(0)->fd[0], IPPROTO_TCP, TCP_INFO, &info, &len),
                     0);
    ck_assert_uint_eq(info.tcpi_sacked, 23);
}
END_TEST

/* ---- Workers ---- */

START_TEST(sockets_stay_when_workers_come_and_go)
{
    const struct listener *l;
    int first, third;

    configure("\"127.0.0.1:0\"", "");
    open_all(1);
    l = listener_at(0);
    first = l->fd[0];
    open_all(3);
    ck_assert_uint_eq(l->count, 3);
    ck_assert_int_eq(l->fd[0], first);
    third = l->fd[2];
    open_all(1);
    ck_assert_ptr_eq(listener_at(0), l);
    ck_assert_uint_eq(l->count, 3);
    ck_assert_int_eq(l->fd[0], first);
    ck_assert_int_eq(l->fd[2], third);
}
END_TEST

/* Three sockets, and _i + 1 workers. */
START_TEST(new_clients_reach_the_workers_that_are_left)
{
    unsigned got[3] = {0}, workers = (unsigned)_i + 1;

    configure("\"127.0.0.1:0\"", "");
    open_all(3);
    open_all(workers);
    count_clients(listener_at(0), got);
    for (unsigned i = 0; i < 3; i++)
        if (i < workers)
            ck_assert_uint_ge(got[i], CLIENTS / workers / 2);
        else
            ck_assert_uint_eq(got[i], 0);
}
END_TEST

/* Those who wait in a queue are not lost with the worker. */
START_TEST(whoever_waits_is_still_there)
{
    const struct listener *l;
    int client[20], waiting = 0, fd;

    configure("\"127.0.0.1:0\"", "");
    open_all(3);
    l = listener_at(0);
    for (int i = 0; i < 20; i++)
        ck_assert_int_ge(client[i] = try_connect(&l->addr), 0);
    open_all(1);
    for (size_t i = 0; i < l->count; i++)
        while ((fd = accept(l->fd[i], NULL, NULL)) >= 0) {
            waiting++;
            close(fd);
        }
    ck_assert_int_eq(waiting, 20);
    for (int i = 0; i < 20; i++)
        close(client[i]);
}
END_TEST

START_TEST(each_socket_is_one_workers)
{
    struct listener ours = {.count = 5};

    for (unsigned workers = 1; workers <= 5; workers++)
        for (size_t sockets = workers; sockets <= 5; sockets++)
            for (size_t i = 0; i < sockets; i++) {
                unsigned owners = 0;

                for (unsigned worker = 0; worker < workers; worker++)
                    owners += listener_is_for(&ours, i, worker, workers);
                ck_assert_uint_eq(owners, 1);
                ck_assert(i >= workers || listener_is_for(&ours, i, (unsigned)i, workers));
            }
}
END_TEST

/* ---- systemd ---- */

/* Takes the sockets, under these names. */
static void
pass(const int *fd, int count, const char *names)
{
    char number[32];

    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(dup2(fd[i], 3 + i), 3 + i);
        close(fd[i]);
        ck_assert_int_eq(fcntl(3 + i, F_SETFL, 0), 0); /* as systemd makes them */
    }
    snprintf(number, sizeof(number), "%d", count);
    setenv("LISTEN_FDS", number, 1);
    snprintf(number, sizeof(number), "%d", (int)getpid());
    setenv("LISTEN_PID", number, 1);
    setenv("LISTEN_FDNAMES", names, 1);
    systemd_init();
}

START_TEST(a_socket_of_systemds_is_all_workers)
{
    int fd[] = {occupy("127.0.0.1", 0, false), occupy("127.0.0.2", 0, false)};
    const struct listener *l;
    struct addr addr = {.len = sizeof(addr.u)};

    ck_assert_int_eq(getsockname(fd[1], &addr.u.sa, &addr.len), 0);
    pass(fd, 2, "mail:web");
    configure("\"systemd:web\"", "backlog = 19");
    prepare(3);
    open_all(3); /* it is not taken twice */
    l = listener_at(0);
    ck_assert_uint_eq(l->count, 1);
    ck_assert(addr_equal(&l->addr, &addr));
    ck_assert_int_eq(fcntl(l->fd[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    ck_assert_int_eq(fcntl(l->fd[0], F_GETFD), FD_CLOEXEC);
    for (unsigned worker = 0; worker < 3; worker++)
        ck_assert(listener_is_for(l, 0, worker, 3));
    configure("\"127.0.0.1:0\"", "");
    open_all(3);
    configure("\"systemd:web\"", ""); /* and back: systemd's own is still there */
    open_all(3);
    close(try_connect(&addr));
}
END_TEST

static void
assert_refused(const char *why)
{
    configure("\"systemd:web\"", "");
    listeners_prepare(&listeners, config, 2, diag);
    ck_assert_msg(strstr(told(), why) != NULL, "%s", mistakes);
    ck_assert_ptr_nonnull(strstr(mistakes, "t:1: cannot listen on systemd:web: "));
    listeners_forget(&listeners);
    ck_assert(TAILQ_EMPTY(&listeners.list));
}

START_TEST(what_systemd_passes_has_to_listen)
{
    struct addr addr;
    int fd;

    ck_assert_int_eq(addr_from_numeric(&addr, "127.0.0.1", 0), 0);
    fd = sock_bind(&addr, false);
    pass(&fd, 1, "web");
    assert_refused("is not a listening TCP socket; its names are: web");
}
END_TEST

START_TEST(what_systemd_passes_has_to_be_tcp)
{
    struct addr addr;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (_i == 0) {
        ck_assert_int_eq(addr_from_unix(&addr, "@sallyport-test-listeners"), 0);
        ck_assert_int_eq(bind(fd, &addr.u.sa, addr.len), 0);
        ck_assert_int_eq(listen(fd, 1), 0);
    } else {
        close(fd);
        fd = socket(AF_INET, SOCK_DGRAM, 0);
    }
    pass(&fd, 1, "web");
    assert_refused("is not a listening TCP socket");
}
END_TEST

START_TEST(systemd_has_to_pass_one_socket)
{
    int fd[] = {occupy("127.0.0.1", 0, false), occupy("127.0.0.1", 0, false)};

    pass(fd, 2, _i == 0 ? "web:web" : "mail:news");
    assert_refused(_i == 0 ? "several sockets of that name; its names are: web\n"
                           : "no socket of that name; its names are: mail, news\n");
}
END_TEST

/* ---- Handing over ---- */

static void
assert_same(const struct listeners *a, const struct listeners *b)
{
    const struct listener *of_a = TAILQ_FIRST(&a->list), *of_b = TAILQ_FIRST(&b->list);

    while (of_a != NULL && of_b != NULL) {
        ck_assert(addr_equal(&of_a->addr, &of_b->addr));
        ck_assert_pstr_eq(of_a->systemd, of_b->systemd);
        ck_assert_uint_eq(of_a->key.len, of_b->key.len);
        ck_assert_uint_eq(of_a->count, of_b->count);
        ck_assert_uint_eq(of_b->standby, 0);
        ck_assert_int_eq(memcmp(of_a->fd, of_b->fd, of_a->count * sizeof(*of_a->fd)), 0);
        of_a = TAILQ_NEXT(of_a, link);
        of_b = TAILQ_NEXT(of_b, link);
    }
    ck_assert(of_a == NULL && of_b == NULL);
}

/* In truth it is another process that takes them over: give ours other numbers. */
static void
renumber(void)
{
    struct listener *l;

    TAILQ_FOREACH (l, &listeners.list, link)
        for (size_t i = 0; i < l->count; i++) {
            l->fd[i] = fcntl(l->fd[i], F_DUPFD_CLOEXEC, 0);
            ck_assert_int_ge(l->fd[i], 0);
        }
}

static void
open_various(void)
{
    int fd = occupy("127.0.0.1", 0, false);

    pass(&fd, 1, "web");
    configure("\"127.0.0.1:0\", \"systemd:web\", \"127.0.0.2:0\"", "");
    open_all(3);
}

START_TEST(what_is_packed_can_be_taken_over)
{
    struct listeners other;
    struct pack packed = {0};
    struct unpack u;

    open_various();
    listeners_pack(&listeners, &packed);
    listeners_keep(&listeners, true);
    listeners_init(&other);
    unpack_init(&u, packed.data, packed.len);
    ck_assert_int_eq(listeners_unpack(&other, &u), 0);
    ck_assert_ptr_eq(u.at, u.end);
    assert_same(&listeners, &other);
    renumber();
    listeners_clear(&listeners);
    TAILQ_CONCAT(&listeners.list, &other.list, link);
    ck_assert_int_eq(fcntl(listener_at(0)->fd[2], F_GETFD), FD_CLOEXEC);
    open_all(3); /* there is nothing to be bound */
    ck_assert_uint_eq(listener_at(0)->count, 3);
    ck_assert_uint_eq(listener_at(1)->count, 1);
    close(try_connect(&listener_at(2)->addr));
    pack_clear(&packed);
}
END_TEST

START_TEST(truncated_bytes_are_not_taken_over)
{
    struct pack packed = {0};

    open_various();
    listeners_pack(&listeners, &packed);
    for (size_t len = 0; len < packed.len; len++) {
        unsigned char *bytes = malloc(len);
        struct listeners other;
        struct unpack u;

        if (len > 0)
            memcpy(bytes, packed.data, len);
        listeners_init(&other);
        unpack_init(&u, bytes, len);
        renumber();
        ck_assert_int_eq(listeners_unpack(&other, &u), -1);
        listeners_clear(&other);
        free(bytes);
        pack_clear(&packed);
        listeners_pack(&listeners, &packed);
    }
    pack_clear(&packed);
}
END_TEST

static Suite *
listeners_suite(void)
{
    Suite *suite = suite_create("listeners");
    TCase *tcase = tcase_create("listeners");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, nobody_connects_before_commit);
    tcase_add_test(tcase, sockets_do_not_block_and_are_closed_on_exec);
    tcase_add_test(tcase, forget_closes_what_was_prepared);
    tcase_add_test(tcase, forget_keeps_what_was_committed);
    tcase_add_test(tcase, commit_closes_what_is_not_wanted);
    tcase_add_test(tcase, all_sockets_share_a_picked_port);
    tcase_add_test(tcase, an_address_that_another_listens_on_is_refused);
    tcase_add_test(tcase, it_is_refused_beside_an_address_of_ours);
    tcase_add_test(tcase, a_wildcard_of_ours_is_not_in_our_way);
    tcase_add_test(tcase, a_changed_backlog_is_taken);
    tcase_add_test(tcase, sockets_stay_when_workers_come_and_go);
    tcase_add_loop_test(tcase, new_clients_reach_the_workers_that_are_left, 0, 3);
    tcase_add_test(tcase, whoever_waits_is_still_there);
    tcase_add_test(tcase, each_socket_is_one_workers);
    tcase_add_test(tcase, a_socket_of_systemds_is_all_workers);
    tcase_add_test(tcase, what_systemd_passes_has_to_listen);
    tcase_add_loop_test(tcase, what_systemd_passes_has_to_be_tcp, 0, 2);
    tcase_add_loop_test(tcase, systemd_has_to_pass_one_socket, 0, 2);
    tcase_add_test(tcase, what_is_packed_can_be_taken_over);
    tcase_add_test(tcase, truncated_bytes_are_not_taken_over);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(listeners_suite)
