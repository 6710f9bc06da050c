/* SPDX-License-Identifier: BSD-2-Clause */
/* What source does on this host alone; tests/e2e/transparent has the other hosts. */
#include "net/source.h"

#include "net/generation.h"
#include "net/sock.h"
#include "support/check_main.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A listening socket of the family, and a client of it. */
static struct {
    struct addr addr; /* of the listening socket */
    int listener, client, accepted;
    struct addr from; /* the client's address, as accept() has it */
} stage;

static struct config_frontend frontend;
static struct acceptor acceptors[2];
static struct generation generation = {.acceptor = acceptors};

static struct addr
local_of(int fd)
{
    struct addr a = {.len = sizeof(a.u)};

    ck_assert_int_eq(getsockname(fd, &a.u.sa, &a.len), 0);
    return a;
}

/* host: to listen on. With both, a socket for all addresses of IPv6 takes IPv4, too. */
static void
listen_on(const char *host, bool both)
{
    struct addr at;
    int off = 0;

    ck_assert_int_eq(addr_from_numeric(&at, host, 0), 0);
    stage.listener = socket(at.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(stage.listener, 0);
    if (both)
        ck_assert_int_eq(
            setsockopt(stage.listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
    ck_assert_int_eq(bind(stage.listener, &at.u.sa, at.len), 0);
    ck_assert_int_eq(listen(stage.listener, 16), 0);
    stage.addr = local_of(stage.listener);
}

static void
accept_client(void)
{
    stage.from.len = sizeof(stage.from.u);
    stage.accepted =
        accept4(stage.listener, &stage.from.u.sa, &stage.from.len, SOCK_CLOEXEC);
    ck_assert_int_ge(stage.accepted, 0);
}

/* A client of host, by the kernel's choice of address. */
static void
connect_to(const char *host)
{
    struct addr to;

    ck_assert_int_eq(addr_from_numeric(&to, host, addr_port(&stage.addr)), 0);
    stage.client = socket(to.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(stage.client, &to.u.sa, to.len), 0);
    accept_client();
}

static void
set_up(void)
{
    stage.listener = stage.client = stage.accepted = -1;
    memset(&frontend, 0, sizeof(frontend));
    memset(acceptors, 0, sizeof(acceptors));
    generation.acceptors = 0;
}

static void
tear_down(void)
{
    close(stage.listener);
    close(stage.client);
    close(stage.accepted);
}

static void
must_be(const struct addr *a, const char *host, uint16_t port)
{
    struct addr wanted;

    ck_assert_int_eq(addr_from_numeric(&wanted, host, port), 0);
    ck_assert(addr_equal(a, &wanted));
}

/* ---- source_original ---- */

static int
ask(uint16_t port, struct addr *to, const char **why)
{
    struct source_client client = {&stage.from, &generation, stage.accepted};

    *why = NULL;
    errno = 0;
    return source_original(&client, port, to, why);
}

static void
must_be_refused(uint16_t port, const char *words)
{
    const char *why;
    struct addr to;

    ck_assert_int_eq(ask(port, &to, &why), -1);
    ck_assert_int_eq(errno, ELOOP);
    ck_assert_ptr_nonnull(why);
    ck_assert_ptr_nonnull(strstr(why, words));
}

static const struct {
    const char *listen, *host, *means;
    bool both;
} originals[] = {
    {"127.0.0.1", "127.0.0.1", "127.0.0.1", false},
    {"0.0.0.0", "127.0.0.3", "127.0.0.3", false},
    {"::1", "::1", "::1", false},
    {"::", "::1", "::1", false},
    {"::", "127.0.0.3", "127.0.0.3", true}, /* ::ffff:127.0.0.3 */
};

/* Behind a listening socket of somebody else it is the address of the connection. */
START_TEST(destination_of_a_connection)
{
    const char *why;
    struct addr to;

    listen_on(originals[_i].listen, originals[_i].both);
    connect_to(originals[_i].host);
    ck_assert_int_eq(ask(0, &to, &why), 0);
    must_be(&to, originals[_i].means, addr_port(&stage.addr));
    ck_assert_int_eq(ask(143, &to, &why), 0);
    must_be(&to, originals[_i].means, 143);
}
END_TEST

START_TEST(our_own_socket_is_no_destination)
{
    listen_on(originals[_i].listen, originals[_i].both);
    connect_to(originals[_i].host);
    acceptors[1].addr = stage.addr;
    generation.acceptors = 2;
    must_be_refused(0, "was not redirected");
    must_be_refused(143, "was not redirected");
}
END_TEST

START_TEST(another_of_our_sockets_is_none_either)
{
    const char *why;
    struct addr to;

    listen_on("127.0.0.1", false);
    connect_to("127.0.0.1");
    ck_assert_int_eq(
        addr_from_numeric(&acceptors[0].addr, _i == 0 ? "127.0.0.1" : "0.0.0.0", 9), 0);
    generation.acceptors = 1;
    must_be_refused(9, "leads to sallyport itself");
    ck_assert_int_eq(ask(10, &to, &why), 0);
    ck_assert_int_eq(
        addr_from_numeric(&acceptors[0].addr, _i == 0 ? "127.0.0.2" : "::1", 9), 0);
    ck_assert_int_eq(ask(9, &to, &why), 0);
}
END_TEST

START_TEST(no_socket_no_destination)
{
    const char *why;
    struct addr to;

    ck_assert_int_eq(ask(0, &to, &why), -1);
    ck_assert_ptr_nonnull(why);
}
END_TEST

/* ---- source_dial ---- */

/* As the client at that address, which may be NULL. Returns the socket, or -1. */
static int
dial_as(const struct addr *client, const char **why)
{
    struct source_client whom = {client, NULL, -1};
    struct addr to = stage.addr;
    bool connecting;

    errno = 0;
    return source_dial(&to, &frontend, &whom, &connecting, why);
}

static void
dial_well(const struct addr *client)
{
    const char *why;

    stage.client = dial_as(client, &why);
    ck_assert_msg(stage.client >= 0, "%s", strerror(errno));
    ck_assert_ptr_null(why);
    accept_client();
}

static struct addr
address(const char *host, uint16_t port)
{
    struct addr a;

    ck_assert_int_eq(addr_from_numeric(&a, host, port), 0);
    return a;
}

/* Can addresses of others be used here? */
static bool
may_be_transparent(void)
{
    static const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool may = setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on)) == 0;

    close(fd);
    return may;
}

START_TEST(own_address)
{
    struct addr client = address("127.0.0.9", 4711);

    listen_on("127.0.0.1", false);
    dial_well(&client);
    must_be(&stage.from, "127.0.0.1", addr_port(&stage.from));
}
END_TEST

START_TEST(address_of_the_conf_file)
{
    struct addr client = address("127.0.0.9", 4711);

    frontend.source = CONFIG_SOURCE_ADDR;
    frontend.source_addr = address("127.0.0.5", 0);
    listen_on("127.0.0.1", false);
    dial_well(&client);
    must_be(&stage.from, "127.0.0.5", addr_port(&stage.from));
    ck_assert_uint_ne(addr_port(&stage.from), 4711);
}
END_TEST

static const struct {
    const char *client, *listen;
} strangers[] = {{"::1", "127.0.0.1"}, {"127.0.0.9", "::1"}};

START_TEST(other_family)
{
    struct addr client = address(strangers[_i].client, 4711);
    const char *why;

    listen_on(strangers[_i].listen, false);
    frontend.source = CONFIG_SOURCE_CLIENT;
    ck_assert_int_eq(dial_as(&client, &why), -1);
    ck_assert_int_eq(errno, EAFNOSUPPORT);
    ck_assert_ptr_nonnull(strstr(why, "not both IPv4 or IPv6"));
    frontend.source = CONFIG_SOURCE_ADDR;
    frontend.source_addr = client;
    ck_assert_int_eq(dial_as(&client, &why), -1);
    ck_assert_int_eq(errno, EAFNOSUPPORT);
}
END_TEST

START_TEST(unix_sockets_have_no_clients)
{
    struct addr client = address("127.0.0.9", 4711);
    const char *why;

    frontend.source = CONFIG_SOURCE_CLIENT;
    ck_assert_int_eq(addr_from_unix(&stage.addr, "@sallyport-test-source"), 0);
    ck_assert_int_eq(dial_as(&client, &why), -1);
    ck_assert_int_eq(errno, EAFNOSUPPORT);
    client = stage.addr;
    ck_assert_int_eq(dial_as(&client, &why), -1);
    ck_assert_int_eq(errno, EAFNOSUPPORT);
}
END_TEST

/* A port that nobody has. */
static uint16_t
free_port(void)
{
    struct addr any = address("127.0.0.9", 0);
    int fd = sock_bind(&any, false);
    uint16_t port;

    ck_assert_int_ge(fd, 0);
    any = local_of(fd);
    port = addr_port(&any);
    close(fd);
    return port;
}

START_TEST(address_and_port_of_the_client)
{
    uint16_t port = free_port();
    struct addr client = address(_i == 0 ? "127.0.0.9" : "::ffff:127.0.0.9", port);

    frontend.source = CONFIG_SOURCE_CLIENT;
    listen_on("127.0.0.1", false);
    dial_well(&client);
    must_be(&stage.from, "127.0.0.9", port);
}
END_TEST

/* Twice the same port to the same backend cannot be. */
START_TEST(another_port_where_it_is_taken)
{
    uint16_t port = free_port();
    struct addr client = address("127.0.0.9", port);
    int first, first_accepted;

    frontend.source = CONFIG_SOURCE_CLIENT;
    listen_on("127.0.0.1", false);
    dial_well(&client);
    must_be(&stage.from, "127.0.0.9", port);
    first = stage.client;
    first_accepted = stage.accepted;
    dial_well(&client);
    ck_assert_uint_ne(addr_port(&stage.from), port);
    must_be(&stage.from, "127.0.0.9", addr_port(&stage.from));
    close(first);
    close(first_accepted);
}
END_TEST

/* To two backends it can. */
START_TEST(one_port_for_two_backends)
{
    uint16_t port = free_port();
    struct addr client = address("127.0.0.9", port);
    int first[3];

    frontend.source = CONFIG_SOURCE_CLIENT;
    for (int i = 0; i < 2; i++) {
        listen_on("127.0.0.1", false);
        dial_well(&client);
        must_be(&stage.from, "127.0.0.9", port);
        if (i == 0)
            memcpy(first, (int[]){stage.listener, stage.client, stage.accepted},
                   sizeof(first));
    }
    for (size_t i = 0; i < COUNT_OF(first); i++)
        close(first[i]);
}
END_TEST

/* Somebody else, who does not share, listens on it. */
START_TEST(another_port_where_somebody_has_it)
{
    struct addr client = address("127.0.0.9", 0);
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(other, &client.u.sa, client.len), 0);
    ck_assert_int_eq(listen(other, 1), 0);
    client = local_of(other);
    frontend.source = CONFIG_SOURCE_CLIENT;
    listen_on("127.0.0.1", false);
    dial_well(&client);
    ck_assert_uint_ne(addr_port(&stage.from), addr_port(&client));
    must_be(&stage.from, "127.0.0.9", addr_port(&stage.from));
    close(other);
}
END_TEST

START_TEST(without_the_right)
{
    struct addr client = address("127.0.0.9", 4711);
    bool is_root = geteuid() == 0;
    const char *why;
    int error;

    frontend.source = CONFIG_SOURCE_CLIENT;
    listen_on("127.0.0.1", false);
    ck_assert(!is_root || seteuid(65534) == 0);
    ck_assert_int_eq(dial_as(&client, &why), -1);
    error = errno;
    ck_assert(!is_root || seteuid(0) == 0); /* LeakSanitizer wants to look at us */
    ck_assert_int_eq(error, EPERM);
    ck_assert_ptr_nonnull(strstr(why, "CAP_NET_RAW"));
}
END_TEST

static Suite *
source_suite(void)
{
    Suite *suite = suite_create("source");
    TCase *tc = tcase_create("source");

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, destination_of_a_connection, 0, COUNT_OF(originals));
    tcase_add_loop_test(tc, our_own_socket_is_no_destination, 0, COUNT_OF(originals));
    tcase_add_loop_test(tc, another_of_our_sockets_is_none_either, 0, 2);
    tcase_add_test(tc, no_socket_no_destination);
    tcase_add_test(tc, own_address);
    tcase_add_test(tc, address_of_the_conf_file);
    tcase_add_loop_test(tc, other_family, 0, COUNT_OF(strangers));
    tcase_add_test(tc, unix_sockets_have_no_clients);
    tcase_add_test(tc, without_the_right);
    if (may_be_transparent()) {
        tcase_add_loop_test(tc, address_and_port_of_the_client, 0, 2);
        tcase_add_test(tc, one_port_for_two_backends);
        tcase_add_test(tc, another_port_where_it_is_taken);
        tcase_add_test(tc, another_port_where_somebody_has_it);
    }
    return suite;
}

CHECK_MAIN(source_suite)
