/* SPDX-License-Identifier: BSD-2-Clause */
/* Resumption: what tls_ctx promises, over several connections. */
#include "support/check_main.h"
#include "support/tls_pair.h"
#include "tls/tls_ctx.h"
#include "tls/tls_ticket.h"

#include <openssl/err.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

#define VERSIONS 2

#define HOURS(n) ((n)*3600)

static struct config_frontend frontend;
static struct tls_pair pair;
static SSL_CTX *ctx;
static char heard[256];

/* ---- A clock that the tests turn: instead of the C library's, for OpenSSL as well ---- */

static time_t ahead;

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec ts;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    now->tv_sec = ts.tv_sec + ahead;
    now->tv_usec = ts.tv_nsec / 1000;
    return 0;
}

time_t
time(time_t *where)
{
    struct timeval now;

    (void)gettimeofday(&now, NULL);
    if (where != NULL)
        *where = now.tv_sec;
    return now.tv_sec;
}

/* To the beginning of an epoch of the default rotation. */
static void
begin_epoch(void)
{
    ahead += HOURS(8) - time(NULL) % HOURS(8);
}

static void
setup(void)
{
    frontend = tls_pair_frontend(0);
    begin_epoch();
}

/* ---- Connections ---- */

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

/* TLS 1.2: OpenSSL does not call back for a ticket that replaces one. */
static void
take_renewed(void)
{
    SSL_SESSION *now = SSL_get1_session(pair.client);
    const unsigned char *ticket[2];
    size_t len[2];

    SSL_SESSION_get0_ticket(session, &ticket[0], &len[0]);
    SSL_SESSION_get0_ticket(now, &ticket[1], &len[1]);
    if (len[0] == len[1] && (len[0] == 0 || memcmp(ticket[0], ticket[1], len[0]) == 0))
        SSL_SESSION_free(now);
    else
        (void)on_session(NULL, now);
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
    if (reused && version == TLS1_2_VERSION)
        take_renewed();
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

/* The client does not look at the clock: only the server refuses. */
static void
rejuvenate(void)
{
#if OPENSSL_VERSION_NUMBER < 0x30300000L
    (void)SSL_SESSION_set_time(session, (long)time(NULL));
#else
    (void)SSL_SESSION_set_time_ex(session, time(NULL));
#endif
}

static bool
connect_later(int version, long seconds)
{
    ahead += seconds;
    rejuvenate();
    return connect_once(version);
}

/* The SSL_CTX of another worker, or of a replica. */
static SSL_CTX *
ctx_with(const void *secrets, size_t len)
{
    SSL_CTX *made = tls_pair_server_ctx(&frontend);

    ck_assert_int_eq(tls_ticket_set_secrets(made, secrets, len), 0);
    return made;
}

static const unsigned char secrets[TLS_TICKET_SECRETS_MAX][TLS_TICKET_SECRET] = {
    {1}, {2}, {3}};

/* ctx becomes another one with these secrets. */
static void
become(const void *with, size_t count)
{
    SSL_CTX_free(ctx);
    ctx = ctx_with(with, count * TLS_TICKET_SECRET);
}

/* A resumption of TLS 1.3 always gives a new ticket; see tls_ticket.c. */
static int
new_tickets(int version)
{
    return version == TLS1_3_VERSION ? 1 : 0;
}

START_TEST(resumption_with_one_ticket_and_no_early_data)
{
    ctx = tls_pair_server_ctx(&frontend);
    ck_assert(!connect_once(versions[_i]));
    ck_assert_int_eq(tickets, 1);
    ck_assert(SSL_SESSION_has_ticket(session));
    ck_assert_uint_eq(SSL_SESSION_get_max_early_data(session), 0);
    ck_assert_uint_eq(SSL_SESSION_get_ticket_lifetime_hint(session), HOURS(24));
    for (int i = 0; i < 3; i++) {
        ck_assert(connect_once(versions[_i]));
        ck_assert_int_eq(tickets, new_tickets(versions[_i]));
    }
    forget_session();
}
END_TEST

START_TEST(without_a_lifetime_there_are_no_sessions)
{
    frontend.session_lifetime_ms = 0;
    ctx = ctx_with(secrets, TLS_TICKET_SECRET); /* which change nothing */
    ck_assert(!connect_once(versions[_i]));
    ck_assert_int_le(tickets, versions[_i] == TLS1_3_VERSION ? 0 : 1);
    ck_assert(session == NULL || !SSL_SESSION_has_ticket(session));
    ck_assert(!connect_once(versions[_i])); /* by a session id, with TLS 1.2 */
    SSL_CTX_free(ctx);
    frontend = tls_pair_frontend(0);
    ctx = ctx_with(secrets, TLS_TICKET_SECRET);
    ck_assert(!connect_once(versions[_i]));
    ck_assert(SSL_SESSION_has_ticket(session));
    SSL_CTX_free(ctx);
    frontend.session_lifetime_ms = 0;
    ctx = ctx_with(secrets, TLS_TICKET_SECRET);
    ck_assert(!connect_once(versions[_i])); /* the ticket of before is not looked at */
    forget_session();
}
END_TEST

/* With the same secret, only a frontend of the same name takes a session back. */
START_TEST(sessions_are_of_one_frontend)
{
    static const char *names[] = {"test", "another"};

    ctx = ctx_with(secrets, TLS_TICKET_SECRET);
    ck_assert(!connect_once(versions[_i % VERSIONS]));
    frontend.name = names[_i / VERSIONS];
    become(secrets, 1);
    ck_assert_int_eq(connect_once(versions[_i % VERSIONS]), _i / VERSIONS == 0);
    forget_session();
}
END_TEST

/* Other rules for clients: the session may be of one whom they would refuse. */
START_TEST(sessions_are_of_one_set_of_rules)
{
    unsigned char context[TLS_TICKET_CONTEXT];

    ctx = ctx_with(secrets, TLS_TICKET_SECRET);
    ck_assert(!connect_once(versions[_i]));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(tls_ticket_context(context, "test", "rules", i == 0 ? 0 : 5), 0);
        ck_assert_int_eq(tls_ticket_enable(ctx, context, HOURS(24), HOURS(8)), 0);
        ck_assert_int_eq(tls_ticket_set_secrets(ctx, secrets, TLS_TICKET_SECRET), 0);
        ck_assert_int_eq(connect_once(versions[_i]), i != 1);
    }
    forget_session();
}
END_TEST

START_TEST(workers_with_the_same_secret_resume_one_anothers_sessions)
{
    unsigned char secret[TLS_TICKET_SECRET], given[TLS_TICKET_SECRET];
    SSL_CTX *worker[2];

    ck_assert_int_eq(tls_ticket_make_secret(secret), 0);
    memcpy(given, secret, sizeof(given));
    for (int i = 0; i < 2; i++)
        worker[i] = ctx_with(given, sizeof(given));
    memset(given, 0, sizeof(given)); /* they are copied */
    for (int i = 0; i < 4; i++) {
        ctx = worker[i % 2];
        ck_assert_int_eq(connect_once(versions[_i]), i > 0);
    }
    SSL_CTX_free(worker[0]);
    forget_session();
}
END_TEST

START_TEST(another_secret_makes_a_full_handshake)
{
    ctx = tls_pair_server_ctx(&frontend); /* with one of its own */
    ck_assert(!connect_once(versions[_i]));
    for (int i = 0; i < 2; i++) {
        become(secrets[i], 1);
        ck_assert(!connect_once(versions[_i]));
        ck_assert_int_eq(tickets, 1); /* with a ticket of its own */
        ck_assert(connect_once(versions[_i]));
    }
    forget_session();
}
END_TEST

/* An operator puts a new secret before the old one, everywhere, and later takes that away.
 */
START_TEST(secrets_roll_over)
{
    ctx = ctx_with(secrets[1], TLS_TICKET_SECRET);
    ck_assert(!connect_once(versions[_i]));
    become(secrets, 2);
    ck_assert(connect_once(versions[_i]));
    ck_assert_int_eq(tickets, 1); /* by the new one, whatever the version */
    become(secrets, 1);
    ck_assert(connect_once(versions[_i]));
    become(secrets[1], 1);
    ck_assert(!connect_once(versions[_i]));
    become(secrets, TLS_TICKET_SECRETS_MAX);
    ck_assert(connect_once(versions[_i]));
    forget_session();
}
END_TEST

START_TEST(secrets_of_the_wrong_size_are_refused)
{
    ctx = tls_pair_server_ctx(&frontend);
    ck_assert_int_eq(tls_ticket_set_secrets(ctx, secrets, TLS_TICKET_SECRET - 1), -1);
    ck_assert_int_eq(tls_ticket_set_secrets(ctx, secrets, TLS_TICKET_SECRET + 1), -1);
    ck_assert_int_eq(tls_ticket_set_secrets(ctx, secrets, sizeof(secrets) + 32), -1);
    ck_assert_int_eq(tls_ticket_set_secrets(ctx, NULL, 0), -1);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    ck_assert(!connect_once(versions[_i])); /* with those of its own */
    ck_assert(connect_once(versions[_i]));
    forget_session();
}
END_TEST

/* ---- Time ---- */

/* Before and after a turn of the key; wherever the reader has its clock. */
START_TEST(keys_turn_and_those_of_before_still_open)
{
    int version = versions[_i % VERSIONS];
    SSL_CTX *reader = ctx_with(secrets, TLS_TICKET_SECRET), *writer;

    ctx = reader;
    if (_i / VERSIONS == 1) /* it has keys of its own time already */
        ck_assert(!connect_once(version));
    SSL_SESSION_free(session);
    session = NULL;
    writer = ctx = ctx_with(secrets, TLS_TICKET_SECRET);
    ck_assert(!connect_once(version));
    ctx = reader;
    ck_assert(connect_later(version, HOURS(8) - 10));
    ck_assert_int_eq(tickets, new_tickets(version));
    for (int i = 0; i < 2; i++) { /* by one key, and by two */
        ck_assert(connect_later(version, i == 0 ? 20 : HOURS(15)));
        ck_assert_int_eq(tickets, 1); /* a new one, by the new key */
        ck_assert(connect_once(version));
        ck_assert_int_eq(tickets, new_tickets(version));
    }
    SSL_CTX_free(writer);
    forget_session();
}
END_TEST

/* The clock of a replica may go before ours, by less than a rotation. */
START_TEST(the_next_key_opens_but_no_later_one)
{
    int version = versions[_i];

    ctx = ctx_with(secrets, TLS_TICKET_SECRET);
    ck_assert(!connect_once(version));
    ck_assert(connect_later(version, -10));
    ck_assert_int_eq(tickets, new_tickets(version)); /* it need not be renewed */
    SSL_SESSION_free(session);
    session = NULL;
    ahead += HOURS(8) + 20;
    ck_assert(!connect_once(version));
    ck_assert(!connect_later(version, -HOURS(9)));
    forget_session();
}
END_TEST

START_TEST(a_key_that_is_too_old_makes_a_full_handshake)
{
    int version = versions[_i];

    ctx = ctx_with(secrets, TLS_TICKET_SECRET);
    ck_assert(!connect_once(version));
    ck_assert(!connect_later(version, HOURS(24 * 365)));
    ck_assert_int_eq(tickets, 1);
    ck_assert(connect_once(version));
    ck_assert(!connect_later(version, -HOURS(24 * 365))); /* and a clock that is put back */
    ck_assert(connect_once(version));
    forget_session();
}
END_TEST

/* However fresh the ticket, and though its key would still open it. */
START_TEST(a_session_ends_with_its_lifetime)
{
    int version = versions[_i];

    ctx = ctx_with(secrets, TLS_TICKET_SECRET);
    ck_assert(!connect_once(version));
    for (int hour = 6; hour < 24; hour += 6)
        ck_assert(connect_later(version, HOURS(6)));
    ck_assert(connect_later(version, HOURS(6) - 10));
    if (version == TLS1_3_VERSION)
        ck_assert_uint_le(SSL_SESSION_get_ticket_lifetime_hint(session), 10);
    ck_assert(!connect_later(version, 20));
    ck_assert(connect_later(version, HOURS(23)));
    forget_session();
}
END_TEST

START_TEST(a_shorter_lifetime_holds_for_sessions_of_before)
{
    int version = versions[_i];

    ctx = ctx_with(secrets, TLS_TICKET_SECRET);
    ck_assert(!connect_once(version));
    frontend.session_lifetime_ms = HOURS(12) * 1000;
    become(secrets, 1);
    ck_assert(connect_later(version, HOURS(1)));
    ck_assert(!connect_later(version, HOURS(13)));
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
    tcase_add_loop_test(sessions, without_a_lifetime_there_are_no_sessions, 0, VERSIONS);
    tcase_add_loop_test(sessions, sessions_are_of_one_frontend, 0, 2 * VERSIONS);
    tcase_add_loop_test(sessions, sessions_are_of_one_set_of_rules, 0, VERSIONS);
    tcase_add_loop_test(sessions, workers_with_the_same_secret_resume_one_anothers_sessions,
                        0, VERSIONS);
    tcase_add_loop_test(sessions, another_secret_makes_a_full_handshake, 0, VERSIONS);
    tcase_add_loop_test(sessions, secrets_roll_over, 0, VERSIONS);
    tcase_add_loop_test(sessions, secrets_of_the_wrong_size_are_refused, 0, VERSIONS);
    tcase_add_loop_test(sessions, keys_turn_and_those_of_before_still_open, 0,
                        2 * VERSIONS);
    tcase_add_loop_test(sessions, the_next_key_opens_but_no_later_one, 0, VERSIONS);
    tcase_add_loop_test(sessions, a_key_that_is_too_old_makes_a_full_handshake, 0,
                        VERSIONS);
    tcase_add_loop_test(sessions, a_session_ends_with_its_lifetime, 0, VERSIONS);
    tcase_add_loop_test(sessions, a_shorter_lifetime_holds_for_sessions_of_before, 0,
                        VERSIONS);
    suite_add_tcase(suite, sessions);
    return suite;
}

CHECK_MAIN(tls_session_suite)
