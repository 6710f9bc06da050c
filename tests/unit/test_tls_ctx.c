/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_ctx.h"

#include "support/check_main.h"
#include "support/tls_pair.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

#define VERSIONS 2

static struct config_frontend frontend;
static struct tls_pair pair;
static SSL_CTX *ctx;
static char words[256], heard[256];
static struct text why;

static void
setup(void)
{
    frontend = tls_pair_frontend(0);
    text_init(&why, words, sizeof(words));
}

static void
begin(int version)
{
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
}

/* ---- what diag was told ---- */

static char told[2048];
static struct text telling;

static void
on_entry(void *arg, bool is_error, const char *text)
{
    (void)arg;
    text_addf(&telling, "%s %s\n", is_error ? "error" : "warning", text);
}

/* Try to make a ctx of `frontend`; `told` gets what diag was told. Returns true if it was
 * made. */
static bool
try_with(const struct cert *cert)
{
    struct diag *diag = diag_new();
    SSL_CTX *made = tls_ctx_new(&frontend, cert, diag);

    text_init(&telling, told, sizeof(told));
    diag_each(diag, on_entry, NULL);
    ck_assert_int_eq(made == NULL, diag_errors(diag) > 0);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    SSL_CTX_free(made);
    diag_free(diag);
    return made != NULL;
}

static bool
try_it(void)
{
    struct cert *cert = cert_make_self_signed("localhost", 30);
    bool made;

    ck_assert_ptr_nonnull(cert);
    made = try_with(cert);
    cert_free(cert);
    return made;
}

static struct config_string
at_line(const char *text, unsigned line)
{
    return (struct config_string){.text = text, .pos = {"test.conf", line}};
}

/* ---- policy ---- */

START_TEST(policy)
{
    uint64_t options;

    ctx = tls_pair_server_ctx(&frontend);
    options = SSL_CTX_get_options(ctx);
    ck_assert(options & SSL_OP_NO_COMPRESSION);
    ck_assert(options & SSL_OP_NO_RENEGOTIATION);
    ck_assert(options & SSL_OP_CIPHER_SERVER_PREFERENCE);
    ck_assert(options & SSL_OP_PRIORITIZE_CHACHA);
    ck_assert(!(options & SSL_OP_IGNORE_UNEXPECTED_EOF));
    ck_assert(!(options & SSL_OP_ENABLE_KTLS));
    ck_assert(SSL_CTX_get_mode(ctx) & SSL_MODE_RELEASE_BUFFERS);
    ck_assert(!(SSL_CTX_get_mode(ctx) & SSL_MODE_ENABLE_PARTIAL_WRITE));
    ck_assert_int_ge(SSL_CTX_get_security_level(ctx), 2);
    ck_assert_int_eq(SSL_CTX_get_session_cache_mode(ctx), SSL_SESS_CACHE_OFF);
    ck_assert_int_eq(SSL_CTX_get_read_ahead(ctx), 0);
    ck_assert_uint_eq(SSL_CTX_get_max_early_data(ctx), 0);
    SSL_CTX_free(ctx);
}
END_TEST

START_TEST(versions_are_kept)
{
    for (int client = 0; client < VERSIONS; client++) {
        frontend = tls_pair_frontend(versions[_i]);
        begin(versions[client]);
        ck_assert_int_eq(tls_pair_handshake(&pair, NULL) == TLS_WANT_READ, client == _i);
        end();
    }
    setup();
    begin(versions[_i]); /* with both */
    tls_pair_must_shake(&pair);
    ck_assert_int_eq(SSL_version(pair.server), versions[_i]);
    end();
}
END_TEST

/* The server's order counts, unless a client without AES hardware puts ChaCha20 first. */
START_TEST(cipher_preference)
{
    static const struct {
        const char *client, *chosen;
    } rows[] = {
        {"TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
        {"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
         "TLS_AES_128_GCM_SHA256"},
        {"TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
         "TLS_CHACHA20_POLY1305_SHA256"},
    };

    begin(TLS1_3_VERSION);
    ck_assert_int_eq(SSL_set_ciphersuites(pair.client, rows[_i].client), 1);
    tls_pair_must_shake(&pair);
    ck_assert_str_eq(SSL_get_cipher_name(pair.server), rows[_i].chosen);
    end();
}
END_TEST

START_TEST(ciphers_of_the_frontend)
{
    frontend = tls_pair_frontend(versions[_i]);
    frontend.ciphers = at_line("ECDHE-ECDSA-CHACHA20-POLY1305", 7);
    frontend.ciphersuites = at_line("TLS_CHACHA20_POLY1305_SHA256", 8);
    frontend.groups = at_line("P-384", 9);
    begin(versions[_i]);
    tls_pair_must_shake(&pair);
    ck_assert_str_eq(SSL_get_cipher_name(pair.server),
                     _i == 0 ? "ECDHE-ECDSA-CHACHA20-POLY1305"
                             : "TLS_CHACHA20_POLY1305_SHA256");
    ck_assert_str_eq(tls_group_name(pair.server), "P-384");
    end();
}
END_TEST

/* TLS 1.2 needs the curve of the certificate, P-256, among the groups (RFC 8422, 5.1). */
static const struct {
    int version;
    const char *client, *chosen;
} group_rows[] = {
    {TLS1_3_VERSION, "X25519", "X25519"},
    {TLS1_3_VERSION, "P-256", "P-256"},
    {TLS1_3_VERSION, "P-384", "P-384"},
    {TLS1_3_VERSION, "P-521:P-256", "P-256"},
    {TLS1_2_VERSION, "X25519:P-256", "X25519"},
    {TLS1_2_VERSION, "P-384:P-256:X25519", "X25519"},
    {TLS1_2_VERSION, "P-384:P-256", "P-256"},
};

START_TEST(default_groups)
{
    begin(group_rows[_i].version);
    tls_pair_client_groups(&pair, group_rows[_i].client);
    tls_pair_must_shake(&pair);
    ck_assert_str_eq(tls_group_name(pair.server), group_rows[_i].chosen);
    end();
}
END_TEST

START_TEST(no_group_before_the_handshake)
{
    begin(0);
    ck_assert_ptr_null(tls_group_name(pair.server));
    end();
}
END_TEST

static int last_alert;

static void
on_info(const SSL *ssl, int where, int value)
{
    (void)ssl;
    if (where == SSL_CB_WRITE_ALERT)
        last_alert = value;
}

/* RFC 5246, 7.2.2: no_renegotiation is a warning; the connection goes on. */
START_TEST(renegotiation_is_refused)
{
    begin(TLS1_2_VERSION);
    tls_pair_must_shake(&pair);
    SSL_set_info_callback(pair.server, on_info);
    ck_assert_int_eq(SSL_renegotiate(pair.client), 1);
    ck_assert_int_le(SSL_do_handshake(pair.client), 0);
    ck_assert_uint_gt(tls_pair_carry_up(&pair), 0);
    ck_assert_int_eq(tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, NULL),
                     TLS_WANT_READ);
    ck_assert_int_eq(last_alert, SSL3_AL_WARNING << 8 | SSL_AD_NO_RENEGOTIATION);
    tls_pair_server_says(&pair, "it goes on");
    (void)tls_pair_carry_down(&pair);
    /* OpenSSL's client takes the warning for the end. */
    ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)), SSL_ERROR_SSL);
    ck_assert_int_eq(ERR_GET_REASON(pair.client_error), SSL_R_NO_RENEGOTIATION);
    end();
}
END_TEST

/* ---- ALPN ---- */

static struct config_string protocols[2];

static enum tls_verdict
shake_alpn(int version, const char *offer)
{
    if (frontend.alpn.count == 0 && protocols[0].text != NULL) {
        frontend.alpn.item = protocols;
        frontend.alpn.count = 2;
    }
    begin(version);
    if (offer != NULL)
        ck_assert_int_eq(SSL_set_alpn_protos(pair.client, (const unsigned char *)offer,
                                             (unsigned)strlen(offer)),
                         0);
    return tls_pair_handshake(&pair, &why);
}

static void
expect_alpn(const char *expected)
{
    const unsigned char *got;
    unsigned len;

    SSL_get0_alpn_selected(pair.server, &got, &len);
    ck_assert_uint_eq(len, strlen(expected));
    if (len > 0)
        ck_assert_mem_eq(got, expected, len);
}

START_TEST(alpn_our_order_counts)
{
    protocols[0] = at_line("h2", 5);
    protocols[1] = at_line("http/1.1", 5);
    ck_assert_int_eq(shake_alpn(versions[_i], "\x08http/1.1\x03h2c\x02h2"), TLS_WANT_READ);
    expect_alpn("h2");
    end();
}
END_TEST

START_TEST(alpn_second_choice)
{
    protocols[0] = at_line("h2", 5);
    protocols[1] = at_line("http/1.1", 5);
    ck_assert_int_eq(shake_alpn(versions[_i], "\x03h2c\x08http/1.1"), TLS_WANT_READ);
    expect_alpn("http/1.1");
    end();
}
END_TEST

START_TEST(alpn_without_overlap_is_refused)
{
    protocols[0] = at_line("h2", 5);
    protocols[1] = at_line("http/1.1", 5);
    ck_assert_int_eq(shake_alpn(versions[_i], "\x03h2c\x01h\x08http/1.0"), TLS_PROTOCOL);
    ck_assert_str_eq(words, "no common application protocol");
    (void)tls_pair_carry_down(&pair);
    ck_assert_int_le(SSL_do_handshake(pair.client), 0);
    ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()),
                     SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL);
    end();
}
END_TEST

START_TEST(alpn_client_without_it)
{
    protocols[0] = at_line("h2", 5);
    protocols[1] = at_line("http/1.1", 5);
    ck_assert_int_eq(shake_alpn(versions[_i], NULL), TLS_WANT_READ);
    expect_alpn("");
    end();
}
END_TEST

START_TEST(alpn_frontend_without_it)
{
    ck_assert_int_eq(shake_alpn(versions[_i], "\x02h2"), TLS_WANT_READ);
    expect_alpn("");
    end();
}
END_TEST

START_TEST(alpn_names_have_a_length)
{
    static char name[257];
    static const size_t lengths[] = {0, 1, 255, 256};
    bool good = lengths[_i] >= 1 && lengths[_i] <= 255;

    memset(name, 'x', lengths[_i]);
    protocols[0] = at_line("h2", 5);
    protocols[1] = at_line(name, 6);
    frontend.alpn.item = protocols;
    frontend.alpn.count = 2;
    ck_assert_int_eq(try_it(), good);
    ck_assert_str_eq(told,
                     good ? "" : "error test.conf:6: alpn: a name has 1 to 255 bytes\n");
}
END_TEST

/* ---- mistakes ---- */

START_TEST(bad_lists_name_the_part)
{
    frontend.ciphers = at_line("NONSENSE:ALSO-NONSENSE", 7);
    frontend.ciphersuites = at_line("TLS_NONSENSE", 8);
    frontend.groups = at_line("X25519:P-255", 9);
    ck_assert(!try_it());
    ck_assert_str_eq(
        told,
        "error test.conf:7: ciphers: \"NONSENSE\" names no cipher of TLS 1.2 that "
        "OpenSSL knows\n"
        "error test.conf:7: ciphers: \"ALSO-NONSENSE\" names no cipher of TLS 1.2 that "
        "OpenSSL knows\n"
        "error test.conf:8: ciphersuites: \"TLS_NONSENSE\" names no cipher suite of "
        "TLS 1.3 that OpenSSL knows\n"
        "error test.conf:9: groups: \"P-255\" names no group that OpenSSL knows\n");
}
END_TEST

START_TEST(lists_that_openssl_takes_in_part_are_warned_of)
{
    frontend.ciphers =
        at_line("ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256:!RC99", 7);
    frontend.ciphersuites = at_line("TLS_AES_128_GCM_SHA256:TLS_AES_512", 8);
    ck_assert(try_it());
    ck_assert_str_eq(
        told, "warning test.conf:7: ciphers: \"TLS_AES_128_GCM_SHA256\" names no cipher "
              "of TLS 1.2 that OpenSSL knows and is ignored\n"
              "warning test.conf:8: ciphersuites: \"TLS_AES_512\" names no cipher suite "
              "of TLS 1.3 that OpenSSL knows and is ignored\n");
}
END_TEST

START_TEST(lists_with_all_of_the_syntax_are_fine)
{
    frontend.ciphers =
        at_line("HIGH+ECDHE, !aNULL;!MD5 -SHA1:+AES256:@STRENGTH:@SECLEVEL=2", 7);
    frontend.ciphersuites = at_line("TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", 8);
    frontend.groups = at_line("P-521:X448:secp384r1:x25519", 9);
    ck_assert(try_it());
    ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(lists_without_one_wrong_part)
{
    frontend.ciphers = at_line("AES128:!AES", 7);
    frontend.ciphersuites = at_line("", 8);
    frontend.groups = at_line("", 9);
    ck_assert(!try_it());
    ck_assert_str_eq(told, "error test.conf:7: ciphers: \"AES128:!AES\": no cipher match\n"
                           "error test.conf:8: ciphersuites: the list is empty\n"
                           "error test.conf:9: groups: the list is empty\n");
}
END_TEST

START_TEST(key_of_another_certificate)
{
    struct cert *cert = cert_make_self_signed("localhost", 30);
    struct cert *other = cert_make_self_signed("localhost", 30);
    EVP_PKEY *key = cert->key;

    cert->key = other->key;
    cert->from = at_line("/x.pem", 3);
    ck_assert(!try_with(cert));
    ck_assert_str_eq(told,
                     "error test.conf:3: OpenSSL refuses the certificate /x.pem: private "
                     "key mismatch\n");
    cert->key = key;
    cert_free(cert);
    cert_free(other);
}
END_TEST

START_TEST(key_that_is_too_small)
{
    struct cert *cert = cert_make_self_signed("localhost", 30);

    EVP_PKEY_free(cert->key);
    cert->key = EVP_RSA_gen(1024);
    ck_assert_ptr_nonnull(cert->key);
    X509_set_pubkey(cert->leaf, cert->key);
    ck_assert_int_gt(X509_sign(cert->leaf, cert->key, EVP_sha256()), 0);
    cert->from = at_line("/x.pem", 3);
    ck_assert(!try_with(cert));
    ck_assert_str_eq(told,
                     "error test.conf:3: OpenSSL refuses the certificate /x.pem: ee key "
                     "too small\n");
    cert_free(cert);
}
END_TEST

static Suite *
tls_ctx_suite(void)
{
    Suite *suite = suite_create("tls_ctx");
    TCase *policies = tcase_create("policy");
    TCase *alpn = tcase_create("alpn");
    TCase *mistakes = tcase_create("mistakes");

    tcase_add_checked_fixture(policies, setup, NULL);
    tcase_add_test(policies, policy);
    tcase_add_loop_test(policies, versions_are_kept, 0, VERSIONS);
    tcase_add_loop_test(policies, cipher_preference, 0, 3);
    tcase_add_loop_test(policies, ciphers_of_the_frontend, 0, VERSIONS);
    tcase_add_loop_test(policies, default_groups, 0, (int)COUNT_OF(group_rows));
    tcase_add_test(policies, no_group_before_the_handshake);
    tcase_add_test(policies, renegotiation_is_refused);
    suite_add_tcase(suite, policies);

    tcase_add_checked_fixture(alpn, setup, NULL);
    tcase_add_loop_test(alpn, alpn_our_order_counts, 0, VERSIONS);
    tcase_add_loop_test(alpn, alpn_second_choice, 0, VERSIONS);
    tcase_add_loop_test(alpn, alpn_without_overlap_is_refused, 0, VERSIONS);
    tcase_add_loop_test(alpn, alpn_client_without_it, 0, VERSIONS);
    tcase_add_loop_test(alpn, alpn_frontend_without_it, 0, VERSIONS);
    tcase_add_loop_test(alpn, alpn_names_have_a_length, 0, 4);
    suite_add_tcase(suite, alpn);

    tcase_add_checked_fixture(mistakes, setup, NULL);
    tcase_add_test(mistakes, bad_lists_name_the_part);
    tcase_add_test(mistakes, lists_that_openssl_takes_in_part_are_warned_of);
    tcase_add_test(mistakes, lists_with_all_of_the_syntax_are_fine);
    tcase_add_test(mistakes, lists_without_one_wrong_part);
    tcase_add_test(mistakes, key_of_another_certificate);
    tcase_add_test(mistakes, key_that_is_too_small);
    suite_add_tcase(suite, mistakes);
    return suite;
}

CHECK_MAIN(tls_ctx_suite)
