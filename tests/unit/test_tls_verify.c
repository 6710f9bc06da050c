/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates of clients in one memory; tests/e2e/client-cert has what OpenSSL says to
 * them. */
#include "tls/tls_verify.h"

#include "base/pack.h"
#include "support/check_main.h"
#include "support/client_cert.h"
#include "support/tls_pair.h"
#include "tls/cert.h"
#include "tls/tls_ctx.h"
#include "tls/tls_peer.h"
#include "tls/tls_ticket.h"

#include <openssl/err.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

#define VERSIONS 2

static struct config_frontend frontend;
static struct cert *known, *stranger;
static struct tls_pair pair;
static struct tls_peer peer;
static struct pack packed;
static SSL_CTX *ctx;
static SSL_SESSION *session;

static void
trust(X509 *x509)
{
    pack_clear(&packed);
    packed = (struct pack){0};
    client_cert_trust(&packed, x509);
    frontend.client_cert.sealed = (struct config_blob){packed.data, packed.len};
}

static void
setup(void)
{
    known = client_cert_make("known");
    stranger = client_cert_make("stranger");
    frontend = tls_pair_frontend(0);
    frontend.client_cert.verify = CONFIG_VERIFY_REQUIRED;
    frontend.client_cert.depth = 4;
    trust(known->leaf);
    session = NULL;
}

static void
teardown(void)
{
    ck_assert_uint_eq(ERR_peek_error(), 0);
    cert_free(known);
    cert_free(stranger);
    pack_clear(&packed);
    SSL_SESSION_free(session);
    tls_bio_cleanup();
}

static int
on_session(SSL *ssl ATTR_UNUSED, SSL_SESSION *new_session)
{
    SSL_SESSION_free(session);
    session = new_session;
    return 1; /* kept */
}

static void
begin(int version, const struct cert *cert)
{
    ctx = tls_pair_server_ctx(&frontend);
    tls_pair_init(&pair, ctx, version);
    SSL_CTX_set_session_cache_mode(pair.client_ctx, SSL_SESS_CACHE_CLIENT |
                                                        SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(pair.client_ctx, on_session);
    ck_assert_int_eq(tls_peer_attach(&peer, pair.server), 0);
    if (cert != NULL)
        ck_assert_int_eq(SSL_use_cert_and_key(pair.client, cert->leaf, cert->key, NULL, 1),
                         1);
}

static void
end(void)
{
    tls_pair_client_ends(&pair);
    tls_pair_clear(&pair);
    tls_peer_clear(&peer);
    SSL_CTX_free(ctx);
}

START_TEST(a_good_one_is_noted)
{
    begin(versions[_i], known);
    tls_pair_must_shake(&pair);
    ck_assert_int_eq(tls_peer_note_cert(&peer, pair.server), 0);
    ck_assert_str_eq(peer.identity, "CN=known");
    ck_assert_int_eq(peer.not_after, cert_time(X509_get0_notAfter(known->leaf)));
    ck_assert_ptr_null(peer.refusal);
    end();
}
END_TEST

START_TEST(a_bad_one_is_refused)
{
    char buf[160];
    struct text why;

    text_init(&why, buf, sizeof(buf));
    begin(versions[_i], stranger);
    ck_assert_int_eq(tls_pair_handshake(&pair, &why), TLS_PROTOCOL);
    ck_assert_str_eq(buf, "the client's certificate is refused");
    ck_assert_str_eq(peer.refusal,
                     "the client's certificate is signed by itself, and not known: "
                     "CN=stranger");
    tls_pair_clear(&pair);
    tls_peer_clear(&peer);
    SSL_CTX_free(ctx);
}
END_TEST

/* Without a peer attached nothing is noted, and it is refused all the same. */
START_TEST(nobody_has_to_listen)
{
    begin(versions[_i], stranger);
    for (int i = 0; i < 8; i++)
        if (SSL_get_ex_data(pair.server, i) == &peer)
            SSL_set_ex_data(pair.server, i, NULL);
    ck_assert_int_eq(tls_pair_handshake(&pair, NULL), TLS_PROTOCOL);
    ck_assert_ptr_null(peer.refusal);
    tls_pair_clear(&pair);
    SSL_CTX_free(ctx);
}
END_TEST

static bool
resumes(int version, const struct cert *cert)
{
    static const unsigned char secret[TLS_TICKET_SECRET] = "the same for all of them";
    char heard[64];
    bool reused;

    begin(version, cert);
    ck_assert_int_eq(tls_ticket_set_secrets(ctx, secret, sizeof(secret)), 0);
    if (session != NULL)
        ck_assert_int_eq(SSL_set_session(pair.client, session), 1);
    tls_pair_must_shake(&pair);
    (void)tls_pair_client_hears(&pair, heard, sizeof(heard));
    reused = SSL_session_reused(pair.server);
    end();
    return reused;
}

START_TEST(a_session_is_good_under_the_same_rules)
{
    struct config_string allow[] = {{.text = "CN:known"}, {.text = "CN:x"}};

    ck_assert(!resumes(versions[_i], known));
    ck_assert(resumes(versions[_i], NULL));
    frontend.client_cert.allow = (struct config_strings){allow, 1};
    ck_assert(!resumes(versions[_i], known));
    ck_assert(resumes(versions[_i], known));
    frontend.client_cert.allow.count = 2;
    ck_assert(!resumes(versions[_i], known));
    frontend.client_cert.depth = 5;
    ck_assert(!resumes(versions[_i], known));
    frontend.client_cert.verify = CONFIG_VERIFY_OPTIONAL;
    ck_assert(!resumes(versions[_i], known));
    ck_assert(resumes(versions[_i], known));
    frontend.client_cert.verify = CONFIG_VERIFY_OFF;
    ck_assert(!resumes(versions[_i], known));
    frontend.client_cert.depth = 6;
    ck_assert(resumes(versions[_i], known));
}
END_TEST

START_TEST(the_digest_has_every_rule)
{
    unsigned char first[TLS_VERIFY_DIGEST], second[TLS_VERIFY_DIGEST];
    struct config_string allow[] = {{.text = "CN:a"}, {.text = "CN:b"}};
    struct config_string joined = {.text = "CN:a\nCN:b"};
    struct config_client_cert rules = frontend.client_cert;

    ck_assert_int_eq(tls_verify_digest(&rules, first), 0);
    ck_assert_int_eq(tls_verify_digest(&rules, second), 0);
    ck_assert_mem_eq(first, second, sizeof(first));
    rules.allow = (struct config_strings){allow, 2};
    ck_assert_int_eq(tls_verify_digest(&rules, second), 0);
    ck_assert_mem_ne(first, second, sizeof(first));
    rules.allow = (struct config_strings){&joined, 1};
    ck_assert_int_eq(tls_verify_digest(&rules, first), 0);
    ck_assert_mem_ne(first, second, sizeof(first));
    rules.sealed.len--;
    ck_assert_int_eq(tls_verify_digest(&rules, second), 0);
    ck_assert_mem_ne(first, second, sizeof(first));
}
END_TEST

START_TEST(no_rules_ask_for_nothing)
{
    frontend.client_cert.verify = CONFIG_VERIFY_OFF;
    begin(versions[_i], stranger);
    ck_assert_ptr_null(tls_verify_of(ctx));
    tls_pair_must_shake(&pair);
    ck_assert_int_eq(tls_peer_note_cert(&peer, pair.server), 0);
    ck_assert_ptr_null(peer.identity);
    end();
}
END_TEST

/* Nobody would be let in by CAs that are not there. */
START_TEST(broken_bytes_are_refused)
{
    struct diag *diag = diag_new();

    frontend.client_cert.sealed.len = (size_t)_i;
    ck_assert_ptr_null(tls_ctx_new(&frontend, known, diag));
    ck_assert_uint_eq(diag_errors(diag), 1);
    diag_free(diag);
}
END_TEST

static Suite *
tls_verify_suite(void)
{
    Suite *suite = suite_create("tls_verify");
    TCase *tc = tcase_create("tls_verify");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_good_one_is_noted, 0, VERSIONS);
    tcase_add_loop_test(tc, a_bad_one_is_refused, 0, VERSIONS);
    tcase_add_loop_test(tc, nobody_has_to_listen, 0, VERSIONS);
    tcase_add_loop_test(tc, a_session_is_good_under_the_same_rules, 0, VERSIONS);
    tcase_add_test(tc, the_digest_has_every_rule);
    tcase_add_loop_test(tc, no_rules_ask_for_nothing, 0, VERSIONS);
    tcase_add_loop_test(tc, broken_bytes_are_refused, 0, 40);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(tls_verify_suite)
