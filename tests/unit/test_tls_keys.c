/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_keys.h"

#include "support/check_main.h"
#include "support/tls_pair.h"
#include "tls/tls_record.h"

#include <openssl/err.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static struct tls_pair pair;
static SSL_CTX *ctx;
static struct tls_keys keys;

static void
must_be(const unsigned char *bytes, size_t len, const char *hex)
{
    unsigned char expected[64];
    size_t expected_len;

    ck_assert_int_eq(
        OPENSSL_hexstr2buf_ex(expected, sizeof(expected), &expected_len, hex, '\0'), 1);
    ck_assert_uint_eq(expected_len, len);
    ck_assert_mem_eq(bytes, expected, len);
}

/* RFC 8448, 3: the application traffic secrets of the first handshake. */
START_TEST(keys_are_those_of_the_rfc)
{
    static const struct {
        const char *secret, *key, *iv;
    } ways[] = {
        {"9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
         "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9"},
        {"a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
         "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984"},
    };
    struct tls_way_keys way = {.seq = 7};
    size_t len;

    ck_assert_int_eq(
        OPENSSL_hexstr2buf_ex(way.secret, sizeof(way.secret), &len, ways[_i].secret, '\0'),
        1);
    ck_assert_int_eq(tls_keys_derive(TLS_SUITE_AES_128_GCM, &way), 0);
    must_be(way.key, 16, ways[_i].key);
    must_be(way.iv, 12, ways[_i].iv);
    ck_assert_uint_eq(way.seq, 0);
    tls_keys_cleanup();
}
END_TEST

START_TEST(a_secret_may_take_the_place_of_its_parent)
{
    unsigned char secret[TLS_SECRET_MAX] =
        "a secret of forty-eight bytes, give or take one";
    unsigned char next[TLS_SECRET_MAX];

    ck_assert_int_eq(
        tls_keys_expand(TLS_SUITE_AES_256_GCM, secret, "traffic upd", next, 48), 0);
    ck_assert_int_eq(
        tls_keys_expand(TLS_SUITE_AES_256_GCM, secret, "traffic upd", secret, 48), 0);
    ck_assert_mem_eq(secret, next, 48);
    tls_keys_cleanup();
}
END_TEST

/* ---- after a handshake ---- */

static void
begin(int version)
{
    struct config_frontend frontend = tls_pair_frontend(version);

    ctx = tls_pair_server_ctx(&frontend);
    tls_pair_init(&pair, ctx, version);
}

static void
end(void)
{
    ck_assert_uint_eq(ERR_peek_error(), 0);
    tls_pair_clear(&pair);
    SSL_CTX_free(ctx);
    tls_bio_cleanup();
    tls_record_cleanup();
}

/* Go on without the SSL object, both ways. */
static void
must_go_on(void)
{
    struct tls_record *record;
    unsigned char out[256];
    char heard[64];
    struct tls_opening o = {.out = out, .gather = &pair.gather};
    bool no_memory;
    unsigned char *bytes;
    size_t len;

    ck_assert_int_eq(tls_keys_take(pair.server, &keys), 0);
    SSL_free(pair.server);
    pair.server = NULL;
    record = tls_record_new(&keys);
    ck_assert_ptr_nonnull(record);
    tls_pair_client_says(&pair, "question");
    bytes = tls_pair_take(&pair, &len);
    o.in = bytes;
    o.in_len = len;
    ck_assert_int_eq(tls_record_open(record, &o), TLS_WANT_READ);
    ck_assert_uint_eq(o.out_len, 8);
    ck_assert_mem_eq(out, "question", 8);
    ck_assert_int_eq(tls_record_seal(record, "answer", 6, &pair.gather, &no_memory), 0);
    (void)tls_pair_carry_down(&pair);
    ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)),
                     SSL_ERROR_WANT_READ);
    ck_assert_str_eq(heard, "answer");
    free(bytes);
    tls_record_free(record);
}

/* Each ticket is a record of ours under the key (RFC 8446, 4.6.1). */
START_TEST(tickets_count)
{
    begin(TLS1_3_VERSION);
    ck_assert_int_eq(SSL_set_num_tickets(pair.server, (size_t)_i), 1);
    tls_pair_must_shake(&pair);
    must_go_on();
    ck_assert_uint_eq(keys.server.seq, _i);
    ck_assert_uint_eq(keys.client.seq, 0);
    end();
}
END_TEST

static SSL_SESSION *session;

static int
on_session(SSL *ssl ATTR_UNUSED, SSL_SESSION *new_session)
{
    SSL_SESSION_free(session);
    session = new_session;
    return 1;
}

/* In TLS 1.2 the server's Finished is then not the last of the handshake. */
START_TEST(a_resumed_connection_goes_on)
{
    struct config_frontend frontend = tls_pair_frontend(versions[_i]);

    ctx = tls_pair_server_ctx(&frontend);
    for (int round = 0; round < 2; round++) {
        tls_pair_init(&pair, ctx, versions[_i]);
        SSL_CTX_set_session_cache_mode(
            pair.client_ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(pair.client_ctx, on_session);
        if (session != NULL)
            ck_assert_int_eq(SSL_set_session(pair.client, session), 1);
        tls_pair_must_shake(&pair);
        ck_assert_int_eq(SSL_session_reused(pair.server), round);
        must_go_on();
        ck_assert_ptr_nonnull(session);
        tls_pair_client_ends(&pair);
        tls_pair_clear(&pair);
    }
    SSL_SESSION_free(session);
    session = NULL;
    SSL_CTX_free(ctx);
    tls_bio_cleanup();
    tls_record_cleanup();
}
END_TEST

/* The server asks again for another group (RFC 8446, 4.1.4). */
START_TEST(a_second_hello_goes_on)
{
    begin(TLS1_3_VERSION);
    tls_pair_client_groups(&pair, "P-521:P-384");
    tls_pair_must_shake(&pair);
    must_go_on();
    end();
}
END_TEST

START_TEST(max_fragment_length_stays_with_openssl)
{
    begin(versions[_i]);
    ck_assert_int_eq(
        SSL_set_tlsext_max_fragment_length(pair.client, TLSEXT_max_fragment_length_512), 1);
    tls_pair_must_shake(&pair);
    ck_assert_int_eq(tls_keys_take(pair.server, &keys), -1);
    end();
}
END_TEST

START_TEST(other_suites_stay_with_openssl)
{
    begin(versions[_i]);
    ck_assert_int_eq(SSL_set_ciphersuites(pair.server, "TLS_AES_128_CCM_SHA256"), 1);
    ck_assert_int_eq(SSL_set_ciphersuites(pair.client, "TLS_AES_128_CCM_SHA256"), 1);
    ck_assert_int_eq(SSL_set_cipher_list(pair.server, "AES128-CCM:ECDHE+AES+SHA256"), 1);
    ck_assert_int_eq(SSL_set_cipher_list(pair.client, "ECDHE-ECDSA-AES128-SHA256:"
                                                      "ECDHE-RSA-AES128-SHA256"),
                     1);
    tls_pair_must_shake(&pair);
    ck_assert_int_eq(tls_keys_take(pair.server, &keys), -1);
    end();
}
END_TEST

START_TEST(without_secrets_it_stays_with_openssl)
{
    begin(TLS1_3_VERSION);
    tls_pair_must_shake(&pair);
    pair.bio.secrets.client_len = 0;
    ck_assert_int_eq(tls_keys_take(pair.server, &keys), -1);
    end();
}
END_TEST

START_TEST(bytes_of_a_record_stay_with_openssl)
{
    char heard[16];

    begin(versions[_i]);
    tls_pair_must_shake(&pair);
    tls_pair_feed(&pair, "\x17\x03\x03", 3);
    ck_assert_int_eq(tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, NULL),
                     TLS_WANT_READ);
    ck_assert_int_eq(tls_keys_take(pair.server, &keys), -1);
    end();
}
END_TEST

/* ---- the key log ---- */

static unsigned lines;

static void
on_line(const SSL *ssl ATTR_UNUSED, const char *line ATTR_UNUSED)
{
    lines++;
}

START_TEST(another_listener_hears_all_lines)
{
    begin(TLS1_3_VERSION);
    lines = 0;
    SSL_CTX_set_keylog_callback(ctx, on_line);
    tls_pair_must_shake(&pair);
    ck_assert(SSL_CTX_get_keylog_callback(ctx) == on_line);
    ck_assert_uint_eq(lines, 5); /* four secrets, and that of the exporter */
    must_go_on();
    end();
}
END_TEST

START_TEST(nobody_listens_afterwards)
{
    begin(versions[_i]);
    tls_pair_must_shake(&pair);
    ck_assert(SSL_CTX_get_keylog_callback(ctx) == NULL);
    must_go_on();
    ck_assert_uint_eq(pair.bio.secrets.client_len + pair.bio.secrets.server_len, 0);
    end();
}
END_TEST

static Suite *
tls_keys_suite(void)
{
    Suite *suite = suite_create("tls_keys");
    TCase *tcase = tcase_create("tls_keys");

    tcase_add_loop_test(tcase, keys_are_those_of_the_rfc, 0, 2);
    tcase_add_test(tcase, a_secret_may_take_the_place_of_its_parent);
    tcase_add_loop_test(tcase, tickets_count, 0, 3);
    tcase_add_loop_test(tcase, a_resumed_connection_goes_on, 0, 2);
    tcase_add_test(tcase, a_second_hello_goes_on);
    tcase_add_loop_test(tcase, max_fragment_length_stays_with_openssl, 0, 2);
    tcase_add_loop_test(tcase, other_suites_stay_with_openssl, 0, 2);
    tcase_add_test(tcase, without_secrets_it_stays_with_openssl);
    tcase_add_loop_test(tcase, bytes_of_a_record_stay_with_openssl, 0, 2);
    tcase_add_test(tcase, another_listener_hears_all_lines);
    tcase_add_loop_test(tcase, nobody_listens_afterwards, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(tls_keys_suite)
