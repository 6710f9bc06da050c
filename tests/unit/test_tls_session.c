/* SPDX-License-Identifier: BSD-2-Clause */
/* Resumption: what tls_ctx promises, over several connections. */
#include "support/check_main.h"
#include "support/tls_pair.h"
#include "tls/tls_ctx.h"

#include <openssl/err.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

#define VERSIONS 2

static struct config_frontend frontend;
static struct tls_pair pair;
static SSL_CTX *ctx;
static char heard[256];

static void
setup(void)
{
    frontend = tls_pair_frontend(0);
}

static SSL_SESSION *session;
static int tickets;

static int
on_session(SSL *ssl, SSL_SESSION *new_session)
{
    (void)ssl;
    SSL_SESSION_free(session);
    session = new_session;
    tickets++;
    return 1; /* kept */
}

/* One connection; offers `session` if there is one, and keeps the one that it gets. */
static bool
connect_once(int version)
{
    bool reused;

    tickets = 0;
    tls_pair_init(&pair, ctx, version);
    /* Not stored inside: what is in the cache of an SSL_CTX goes bad with it. */
    SSL_CTX_set_session_cache_mode(pair.client_ctx, SSL_SESS_CACHE_CLIENT |
                                                        SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(pair.client_ctx, on_session);
    if (session != NULL)
        ck_assert_int_eq(SSL_set_session(pair.client, session), 1);
    tls_pair_must_shake(&pair);
    ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)),
                     SSL_ERROR_WANT_READ);
    tls_pair_client_says(&pair, "hello");
    (void)tls_pair_carry_up(&pair);
    ck_assert_int_eq(tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, NULL),
                     TLS_WANT_READ);
    ck_assert_str_eq(heard, "hello");
    reused = SSL_session_reused(pair.server);
    ck_assert_ptr_nonnull(tls_group_name(pair.server));
    tls_pair_client_ends(&pair); /* without, OpenSSL holds the session for spoilt */
    tls_pair_clear(&pair);
    return reused;
}

static void
forget_session(void)
{
    SSL_SESSION_free(session);
    session = NULL;
    SSL_CTX_free(ctx);
    tls_bio_cleanup();
}

START_TEST(resumption_with_one_ticket_and_no_early_data)
{
    ctx = tls_pair_server_ctx(&frontend);
    ck_assert(!connect_once(versions[_i]));
    ck_assert_int_eq(tickets, 1);
    ck_assert(SSL_SESSION_has_ticket(session));
    ck_assert_uint_eq(SSL_SESSION_get_max_early_data(session), 0);
    ck_assert(connect_once(versions[_i]));
    ck_assert_int_le(tickets, 1);
    forget_session();
}
END_TEST

/* With the same ticket keys, only a frontend of the same name takes a session back. */
START_TEST(sessions_are_of_one_frontend)
{
    static const char *names[] = {"test", "another"};
    unsigned char keys[80] = {1};

    ctx = tls_pair_server_ctx(&frontend);
    ck_assert_int_eq(SSL_CTX_set_tlsext_ticket_keys(ctx, keys, sizeof(keys)), 1);
    ck_assert(!connect_once(versions[_i % VERSIONS]));
    SSL_CTX_free(ctx);
    frontend.name = names[_i / VERSIONS];
    ctx = tls_pair_server_ctx(&frontend);
    ck_assert_int_eq(SSL_CTX_set_tlsext_ticket_keys(ctx, keys, sizeof(keys)), 1);
    ck_assert_int_eq(connect_once(versions[_i % VERSIONS]), _i / VERSIONS == 0);
    forget_session();
}
END_TEST

/* The SSL_CTX of another worker, with the keys of tls_ctx_make_ticket_keys. */
static SSL_CTX *
ctx_with(const unsigned char keys[TLS_CTX_TICKET_KEYS])
{
    SSL_CTX *made = tls_pair_server_ctx(&frontend);

    ck_assert_int_eq(tls_ctx_set_ticket_keys(made, keys, TLS_CTX_TICKET_KEYS), 0);
    return made;
}

START_TEST(workers_with_the_same_keys_resume_one_anothers_sessions)
{
    unsigned char keys[TLS_CTX_TICKET_KEYS], given[TLS_CTX_TICKET_KEYS];
    SSL_CTX *worker[2];

    ck_assert_int_eq(tls_ctx_make_ticket_keys(keys), 0);
    memcpy(given, keys, sizeof(given));
    for (int i = 0; i < 2; i++)
        worker[i] = ctx_with(given);
    memset(given, 0, sizeof(given)); /* they are copied */
    for (int i = 0; i < 4; i++) {
        ctx = worker[i % 2];
        ck_assert_int_eq(connect_once(versions[_i]), i > 0);
    }
    SSL_CTX_free(worker[0]);
    forget_session();
}
END_TEST

START_TEST(other_keys_make_a_full_handshake)
{
    unsigned char keys[2][TLS_CTX_TICKET_KEYS];

    ck_assert_int_eq(tls_ctx_make_ticket_keys(keys[0]), 0);
    ck_assert_int_eq(tls_ctx_make_ticket_keys(keys[1]), 0);
    ctx = ctx_with(keys[0]);
    ck_assert(!connect_once(versions[_i]));
    SSL_CTX_free(ctx);
    ctx = ctx_with(keys[1]);
    ck_assert(!connect_once(versions[_i]));
    ck_assert_int_eq(tickets, 1); /* with a ticket of its own */
    ck_assert(connect_once(versions[_i]));
    forget_session();
}
END_TEST

START_TEST(keys_of_the_wrong_size_are_refused)
{
    unsigned char keys[TLS_CTX_TICKET_KEYS + 1] = {0};

    ctx = tls_pair_server_ctx(&frontend);
    ck_assert_int_eq(tls_ctx_set_ticket_keys(ctx, keys, TLS_CTX_TICKET_KEYS - 1), -1);
    ck_assert_int_eq(tls_ctx_set_ticket_keys(ctx, keys, TLS_CTX_TICKET_KEYS + 1), -1);
    ck_assert_int_eq(tls_ctx_set_ticket_keys(ctx, NULL, 0), -1);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    ck_assert(!connect_once(versions[_i])); /* with those of its own */
    ck_assert(connect_once(versions[_i]));
    forget_session();
}
END_TEST

static Suite *
tls_session_suite(void)
{
    Suite *suite = suite_create("tls_session");
    TCase *sessions = tcase_create("sessions");

    tcase_add_checked_fixture(sessions, setup, NULL);
    tcase_add_loop_test(sessions, resumption_with_one_ticket_and_no_early_data, 0,
                        VERSIONS);
    tcase_add_loop_test(sessions, sessions_are_of_one_frontend, 0, 2 * VERSIONS);
    tcase_add_loop_test(sessions, workers_with_the_same_keys_resume_one_anothers_sessions,
                        0, VERSIONS);
    tcase_add_loop_test(sessions, other_keys_make_a_full_handshake, 0, VERSIONS);
    tcase_add_loop_test(sessions, keys_of_the_wrong_size_are_refused, 0, VERSIONS);
    suite_add_tcase(suite, sessions);
    return suite;
}

CHECK_MAIN(tls_session_suite)
