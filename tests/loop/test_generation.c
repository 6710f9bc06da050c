/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/generation.h"

#include "base/clock.h"
#include "config/check.h"
#include "config/load.h"
#include "loop/loop_support.h"
#include "net/conn.h"
#include "support/check_main.h"
#include "support/seal_cert.h"
#include "tls/cert.h"
#include "tls/tls_ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_MS 10000
#define SOCKETS_MAX 4

/* A client that shakes hands, says a word, and waits for one of the backend's. */
struct talker {
    struct tls_client tls;
    bool said, ended, cut;
    char heard[16];
    size_t heard_len;
};

/* A backend that answers each word with its own. */
struct backend {
    int listener;
    struct addr addr;
    const char *word;
    int fd[8];
    size_t fds;
};

static struct stage stage;
static struct diag *diag;
static struct pack sealed;
static unsigned char ticket_secret[TLS_TICKET_SECRET];
static struct backend backends[2];
static struct talker talkers[4];
static size_t talkers_count;
static int listener;
static struct addr address;
static struct event *tick;
static bool (*is_over)(void); /* NULL: the loop is only being settled */
static bool stop;
static uint64_t limit_ms;
static unsigned gone[2];
static struct generation *old, *next;

/* ---- The peers ---- */

static void
step_talker(struct talker *t)
{
    size_t len;
    bool going_on;

    if (t->tls.fd < 0)
        return;
    going_on = tls_client_take(&t->tls);
    if (tls_client_shake(&t->tls)) {
        if (!t->said)
            tls_client_says(&t->tls, "?", 1);
        t->said = true;
        if (tls_client_hears(&t->tls, t->heard + t->heard_len,
                             sizeof(t->heard) - 1 - t->heard_len,
                             &len) == SSL_ERROR_ZERO_RETURN)
            t->ended = true;
        t->heard_len += len;
    }
    tls_client_send(&t->tls);
    if (!going_on) {
        t->cut = !t->ended;
        close(t->tls.fd);
        t->tls.fd = -1;
    }
}

static void
step_backend(struct backend *b)
{
    int fd = accept4(b->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    char buf[16];

    if (fd >= 0)
        b->fd[b->fds++] = fd;
    for (size_t i = 0; i < b->fds; i++) {
        ssize_t n = recv(b->fd[i], buf, sizeof(buf), 0);

        if (n > 0)
            ck_assert(send_all(b->fd[i], b->word, strlen(b->word)));
        if (n == 0)
            (void)shutdown(b->fd[i], SHUT_WR);
    }
}

static void
on_tick(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg ATTR_UNUSED)
{
    struct timeval soon = {.tv_usec = 1000};

    for (size_t i = 0; i < talkers_count; i++)
        step_talker(&talkers[i]);
    for (size_t i = 0; i < 2; i++)
        step_backend(&backends[i]);
    stop = is_over != NULL && is_over();
    ck_assert_msg(stop || is_over == NULL || clock_ms() < limit_ms,
                  "what the test waits for does not happen");
    ck_assert_int_eq(event_add(tick, &soon), 0);
}

static void
run_until(bool (*over)(void))
{
    is_over = over;
    stop = false;
    limit_ms = clock_ms() + LIMIT_MS;
    ck_assert_int_eq(loop_run(&stage.loop, &stop), 0);
    is_over = NULL;
}

static struct talker *
connect_to(const struct addr *addr)
{
    struct talker *t = &talkers[talkers_count++];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, &addr->u.sa, addr->len), 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    memset(t, 0, sizeof(*t));
    tls_client_init(&t->tls, fd, 0);
    return t;
}

static void
say_again(struct talker *t)
{
    memset(t->heard, 0, sizeof(t->heard));
    t->heard_len = 0;
    t->said = false;
}

static void
end(struct talker *t)
{
    (void)SSL_shutdown(t->tls.ssl);
    tls_client_send(&t->tls);
}

static bool
all_have_heard(void)
{
    for (size_t i = 0; i < talkers_count; i++)
        if (talkers[i].tls.fd >= 0 && talkers[i].heard_len == 0)
            return false;
    return true;
}

static bool
old_is_gone(void)
{
    return gone[0] > 0;
}

static bool
next_is_gone(void)
{
    return gone[1] > 0;
}

/* ---- Generations ---- */

static void
on_gone(void *arg)
{
    (*(unsigned *)arg)++;
}

static struct config *
make_config(const char *global, const char *backend)
{
    char text[512];
    struct config *config;

    snprintf(text, sizeof(text),
             "%s frontend a { listen = \"127.0.0.1:0\" cert = c backend = \"%s\"\n"
             "connect-timeout = 60s handshake-timeout = 60s backlog = 64 }\n",
             global, backend);
    config = config_load_memory("t", text, strlen(text), diag);
    config_check(config, diag);
    ck_assert_uint_eq(diag_errors(diag), 0);
    config->frontend->sealed_cert = (struct config_blob){sealed.data, sealed.len};
    config->frontend->ticket_secrets =
        (struct config_blob){ticket_secret, sizeof(ticket_secret)};
    return config;
}

static struct generation *
make(unsigned number, struct config *config)
{
    struct generation *g = generation_new(&stage.loop, number, config, SOCKETS_MAX, diag);

    ck_assert_uint_eq(diag_errors(diag), 0);
    ck_assert_ptr_nonnull(g);
    g->on_gone = on_gone;
    g->arg = &gone[number];
    return g;
}

/* With the backend of its number, on these sockets (lent). */
static struct generation *
make_on(unsigned number, const int *fd, size_t fds)
{
    char text[ADDR_TEXT_SIZE];
    struct generation *g = make(
        number, make_config("", addr_format(&backends[number].addr, text, sizeof(text))));

    for (size_t i = 0; i < fds; i++)
        ck_assert_int_eq(generation_listen(g, 0, dup(fd[i])), 0);
    return g;
}

static void
serve(struct generation *g)
{
    loop_configure(&stage.loop, g->config);
    generation_serve(g);
}

/* As a worker does it. */
static void
switch_over(void)
{
    serve(next);
    generation_stop(old, next);
    generation_unref(old);
    old = NULL;
}

static void
finish(struct generation **g)
{
    generation_stop(*g, NULL);
    generation_unref(*g);
    *g = NULL;
}

static int
listen_somewhere(struct addr *addr)
{
    int fd = listen_on_loopback(addr, 64);

    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void
setup(void)
{
    struct timeval at_once = {0};
    struct cert *cert = cert_make_self_signed("localhost", 30);

    ck_assert_ptr_nonnull(cert);
    seal_cert(&sealed, cert);
    cert_free(cert);
    ck_assert_int_eq(tls_ticket_make_secret(ticket_secret), 0);
    diag = diag_new();
    stage_init(&stage);
    for (int i = 0; i < 2; i++) {
        backends[i] = (struct backend){.word = i == 0 ? "old" : "new"};
        backends[i].listener = listen_somewhere(&backends[i].addr);
    }
    listener = listen_somewhere(&address);
    tick = evtimer_new(stage.loop.base, on_tick, NULL);
    ck_assert(tick != NULL && event_add(tick, &at_once) == 0);
}

static void
teardown(void)
{
    for (size_t i = 0; i < talkers_count; i++)
        tls_client_clear(&talkers[i].tls);
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < backends[i].fds; k++)
            close(backends[i].fd[k]);
        close(backends[i].listener);
    }
    if (listener >= 0)
        close(listener);
    event_free(tick);
    stage_clear(&stage);
    pack_clear(&sealed);
    diag_free(diag);
}

/* ---- Switching ---- */

START_TEST(live_connections_keep_what_they_have)
{
    struct talker *first, *second;

    old = make_on(0, &listener, 1);
    serve(old);
    first = connect_to(&address);
    run_until(all_have_heard);
    next = make_on(1, &listener, 1);
    switch_over();
    second = connect_to(&address);
    say_again(first);
    run_until(all_have_heard);
    ck_assert_str_eq(first->heard, "old");
    ck_assert_str_eq(second->heard, "new");
    ck_assert_uint_eq(gone[0], 0);
    end(first);
    run_until(old_is_gone);
    ck_assert(!first->cut);
    say_again(second);
    run_until(all_have_heard);
    ck_assert_str_eq(second->heard, "new");
    ck_assert_uint_eq(gone[0], 1);
    ck_assert_uint_eq(gone[1], 0);
    finish(&next);
    ck_assert_uint_eq(gone[1], 0);
    end(second);
    run_until(next_is_gone);
    ck_assert_uint_eq(gone[0], 1);
    ck_assert_uint_eq(gone[1], 1);
}
END_TEST

START_TEST(without_connections_the_old_one_goes_at_once)
{
    old = make_on(0, &listener, 1);
    serve(old);
    next = make_on(1, &listener, 1);
    switch_over();
    ck_assert_uint_eq(gone[0], 1);
    finish(&next);
    ck_assert_uint_eq(gone[1], 1);
}
END_TEST

/* The session that the old one gave is good for the new one: the secret stays. */
START_TEST(sessions_outlive_the_switch)
{
    SSL_SESSION *session;
    struct talker *second;

    old = make_on(0, &listener, 1);
    serve(old);
    (void)connect_to(&address);
    run_until(all_have_heard);
    session = SSL_get1_session(talkers[0].tls.ssl);
    end(&talkers[0]);
    next = make_on(1, &listener, 1);
    switch_over();
    second = connect_to(&address);
    ck_assert_int_eq(SSL_set_session(second->tls.ssl, session), 1);
    SSL_SESSION_free(session);
    run_until(all_have_heard);
    ck_assert_int_eq(SSL_session_reused(second->tls.ssl), 1);
    finish(&next);
    end(second);
    run_until(next_is_gone);
}
END_TEST

/* Nobody else will: the socket is closed then. */
START_TEST(whoever_waits_where_next_is_not_is_accepted_first)
{
    struct addr away;
    int fd[2] = {listener, listen_somewhere(&away)};
    struct talker *here, *there;

    old = make_on(0, fd, 2);
    serve(old);
    next = make_on(1, fd, _i == 0 ? 1 : 0);
    close(fd[1]);
    there = connect_to(&away);
    here = connect_to(&address);
    if (_i == 2) {
        generation_unref(next); /* a drain: there is no next one */
        next = NULL;
        generation_stop(old, NULL);
        generation_unref(old);
    } else {
        switch_over();
    }
    run_until(all_have_heard);
    ck_assert_str_eq(there->heard, "old");
    ck_assert_str_eq(here->heard, _i == 0 ? "new" : "old");
    fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd[0], &away.u.sa, away.len), -1);
    ck_assert_int_eq(errno, ECONNREFUSED);
    close(fd[0]);
    end(there);
    end(here);
    if (next != NULL)
        finish(&next);
    run_until(old_is_gone);
    run_until(next_is_gone);
}
END_TEST

/* Not even in the turn of the switch. */
START_TEST(a_stopped_one_accepts_nobody)
{
    old = make_on(0, &listener, 1);
    serve(old);
    next = make_on(1, &listener, 1);
    switch_over();
    for (int i = 0; i < 3; i++)
        (void)connect_to(&address);
    run_until(all_have_heard);
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(talkers[i].heard, "new");
        end(&talkers[i]);
    }
    finish(&next);
    run_until(next_is_gone);
}
END_TEST

/* IPC_FORGET: who waits meanwhile is still there for the one that goes on. */
START_TEST(one_that_was_never_served_leaves_no_trace)
{
    int fd;

    next = make_on(1, &listener, 1);
    (void)connect_to(&address);
    stage_settle(&stage);
    generation_unref(next);
    ck_assert_uint_eq(gone[1], 1);
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    close(fd);
}
END_TEST

START_TEST(generation_null_is_allowed)
{
    generation_ref(NULL);
    generation_unref(NULL);
}
END_TEST

/* ---- Names ---- */

/* A name server that does not answer: its address as the setting resolver. */
static int
silent_name_server(char *text, size_t size)
{
    struct addr addr;
    char name[ADDR_TEXT_SIZE];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(addr_from_numeric(&addr, "127.0.0.1", 0), 0);
    ck_assert_int_eq(bind(fd, &addr.u.sa, addr.len), 0);
    ck_assert_int_eq(getsockname(fd, &addr.u.sa, &addr.len), 0);
    snprintf(text, size, "resolver = \"%s\"", addr_format(&addr, name, sizeof(name)));
    return fd;
}

static struct generation *
make_with_name(const char *global)
{
    struct generation *g = make(0, make_config(global, "backend.test:80"));

    ck_assert_int_eq(generation_listen(g, 0, dup(listener)), 0);
    serve(g);
    return g;
}

/* It is called off, and that is called back later. */
START_TEST(a_look_up_outlives_it)
{
    char resolver[ADDR_TEXT_SIZE + 32];
    int server = silent_name_server(resolver, sizeof(resolver));

    old = make_with_name(resolver);
    ck_assert(!TAILQ_EMPTY(&stage.loop.names));
    stage_settle(&stage);
    next = make_on(1, &listener, 1);
    switch_over();
    ck_assert_uint_eq(gone[0], 1);
    stage_settle(&stage);
    ck_assert(TAILQ_EMPTY(&stage.loop.names));
    finish(&next);
    close(server);
}
END_TEST

static int name_server;

static bool
name_server_is_asked(void)
{
    char buf[512];

    return recv(name_server, buf, sizeof(buf), MSG_DONTWAIT) > 0;
}

/* That of a connection; it is still under way when the connection, and its generation,
 * goes. */
START_TEST(a_dials_look_up_outlives_it)
{
    char resolver[ADDR_TEXT_SIZE + 32];
    struct talker *t;

    name_server = silent_name_server(resolver, sizeof(resolver));
    old = make_with_name(resolver);
    t = connect_to(&address);
    run_until(name_server_is_asked);
    next = make_on(1, &listener, 1);
    switch_over();
    ck_assert_uint_eq(gone[0], 0);
    close_with_rst(t->tls.fd);
    t->tls.fd = -1;
    run_until(old_is_gone);
    stage_settle(&stage);
    finish(&next);
    close(name_server);
}
END_TEST

/* What was asked of the old name servers is asked of the new ones. */
START_TEST(a_look_up_goes_on_with_other_name_servers)
{
    char first[ADDR_TEXT_SIZE + 32], second[ADDR_TEXT_SIZE + 32];
    int before = silent_name_server(first, sizeof(first));

    name_server = before;
    old = make_with_name(first);
    (void)connect_to(&address);
    run_until(name_server_is_asked);
    name_server = silent_name_server(second, sizeof(second));
    next = make(1, make_config(second, "backend.test:80"));
    switch_over();
    run_until(name_server_is_asked);
    ck_assert_uint_eq(gone[0], 0);
    close_with_rst(talkers[0].tls.fd);
    talkers[0].tls.fd = -1;
    run_until(old_is_gone);
    finish(&next);
    close(name_server);
    close(before);
}
END_TEST

/* ---- What does not come to be ---- */

START_TEST(a_broken_certificate_is_an_error)
{
    struct config *config = make_config("", "127.0.0.1:80");

    if (_i == 0)
        config->frontend->sealed_cert.len -= 1;
    else
        config->frontend->ticket_secrets.len -= 1;
    ck_assert_ptr_null(generation_new(&stage.loop, 1, config, 1, diag));
    ck_assert_uint_eq(diag_errors(diag), 1);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    ck_assert_uint_eq(gone[0] + gone[1], 0);
}
END_TEST

START_TEST(sockets_that_it_has_no_place_for_are_closed)
{
    int fd = dup(listener);

    old = make(0, make_config("", "127.0.0.1:80"));
    ck_assert_int_eq(generation_listen(old, 1, fd), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    for (int i = 0; i < SOCKETS_MAX; i++)
        ck_assert_int_eq(generation_listen(old, 0, dup(listener)), 0);
    fd = dup(listener);
    ck_assert_int_eq(generation_listen(old, 0, fd), -1);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    generation_unref(old);
    ck_assert_uint_eq(gone[0], 1);
}
END_TEST

static Suite *
generation_suite(void)
{
    Suite *suite = suite_create("generation");
    TCase *tcase = tcase_create("generation");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, live_connections_keep_what_they_have);
    tcase_add_test(tcase, without_connections_the_old_one_goes_at_once);
    tcase_add_test(tcase, sessions_outlive_the_switch);
    tcase_add_loop_test(tcase, whoever_waits_where_next_is_not_is_accepted_first, 0, 3);
    tcase_add_test(tcase, a_stopped_one_accepts_nobody);
    tcase_add_test(tcase, one_that_was_never_served_leaves_no_trace);
    tcase_add_test(tcase, generation_null_is_allowed);
    tcase_add_test(tcase, a_look_up_outlives_it);
    tcase_add_test(tcase, a_dials_look_up_outlives_it);
    tcase_add_test(tcase, a_look_up_goes_on_with_other_name_servers);
    tcase_add_loop_test(tcase, a_broken_certificate_is_an_error, 0, 2);
    tcase_add_test(tcase, sockets_that_it_has_no_place_for_are_closed);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(generation_suite)
