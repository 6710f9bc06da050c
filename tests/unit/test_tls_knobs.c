/* SPDX-License-Identifier: BSD-2-Clause */
/* What of OpenSSL can be set beyond ciphers and groups: sigalgs, security-level, ssl-conf.
 */
#include "tls/tls_knobs.h"

#include "support/check_main.h"
#include "support/tls_pair.h"
#include "tls/cert.h"
#include "tls/tls_ctx.h"

#include <openssl/err.h>
#include <string.h>

static struct config_frontend frontend;
static struct config_string lines[4];
static char told[2048];
static struct text telling;

static void
setup(void)
{
    frontend = tls_pair_frontend(0);
}

static void
on_entry(void *arg, bool is_error, const char *text)
{
    (void)arg;
    text_addf(&telling, "%s%s\n", is_error ? "" : "warning: ", text);
}

/* told is what there was to say. NULL after an error. */
static SSL_CTX *
make(void)
{
    struct diag *diag = diag_new();
    struct cert *cert = cert_make_self_signed("localhost", 30);
    SSL_CTX *ctx = tls_ctx_new(&frontend, cert, diag);

    text_init(&telling, told, sizeof(told));
    diag_each(diag, on_entry, NULL);
    ck_assert_int_eq(ctx == NULL, diag_errors(diag) > 0);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    cert_free(cert);
    diag_free(diag);
    return ctx;
}

static struct config_string
at_line(const char *text, unsigned line)
{
    return (struct config_string){.text = text, .pos = {"test.conf", line}};
}

static void
set_conf(const char *line)
{
    lines[0] = at_line(line, 5);
    frontend.ssl_conf = (struct config_strings){lines, 1};
}

/* ---- ssl-conf ---- */

START_TEST(commands_are_obeyed)
{
    SSL_CTX *ctx;

    lines[0] = at_line("CipherString ECDHE-ECDSA-AES256-GCM-SHA384", 5);
    lines[1] = at_line("  options \t -ServerPreference,-MiddleboxCompat", 6);
    lines[2] = at_line("RecordPadding 512", 7);
    frontend.ssl_conf = (struct config_strings){lines, 3};
    frontend.ciphers = at_line("ECDHE-ECDSA-AES128-GCM-SHA256", 4); /* which is overruled */
    ctx = make();
    ck_assert_str_eq(told, "");
    ck_assert_str_eq(
        SSL_CIPHER_get_name(sk_SSL_CIPHER_value(
            SSL_CTX_get_ciphers(ctx), sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(ctx)) - 1)),
        "ECDHE-ECDSA-AES256-GCM-SHA384");
    ck_assert(!(SSL_CTX_get_options(ctx) & SSL_OP_CIPHER_SERVER_PREFERENCE));
    ck_assert(!(SSL_CTX_get_options(ctx) & SSL_OP_ENABLE_MIDDLEBOX_COMPAT));
    SSL_CTX_free(ctx);
}
END_TEST

static const struct {
    const char *line, *words;
} mistakes[] = {
    {"Nonsense x",
     "OpenSSL knows no command \"Nonsense\" for servers (see SSL_CONF_cmd(3ssl))"},
    {"Options", "\"Options\" has no value; write \"Command value\""},
    {" Options ", "\" Options \" has no value; write \"Command value\""},
    {"", "\"\" has no value; write \"Command value\""},
    {"certificate /x", "\"certificate /x\" is not allowed: cert and key are for that"},
    {"DHParameters /x",
     "\"DHParameters /x\" is not allowed: workers open no files; dh = on "
     "takes parameters of OpenSSL's"},
    {"ChainCAFile /x", "\"ChainCAFile /x\" is not allowed: workers open no files; put the "
                       "chain behind the certificate"},
    {"VerifyMode Require",
     "\"VerifyMode Require\" is not allowed: who may be a client is not decided here"},
    {"MinProtocol TLSv1",
     "\"MinProtocol TLSv1\" is not allowed: tls-min and tls-max are for that"},
    {"Protocol -TLSv1.3",
     "\"Protocol -TLSv1.3\" is not allowed: tls-min and tls-max are for that"},
    {"NumTickets 5", "\"NumTickets 5\" is not allowed: session-lifetime is for that"},
    {"Options -SessionTicket",
     "\"Options -SessionTicket\" is not allowed: session-lifetime is for that"},
    {"Options -NoRenegotiation",
     "\"Options -NoRenegotiation\" is not allowed: renegotiation is always refused"},
    {"Options ClientRenegotiation",
     "\"Options ClientRenegotiation\" is not allowed: renegotiation is always refused"},
    {"Options UnsafeLegacyRenegotiation",
     "\"Options UnsafeLegacyRenegotiation\" is not allowed: renegotiation is always "
     "refused"},
    {"Options Compression",
     "\"Options Compression\" is not allowed: compression would tell "
     "of what is encrypted"},
    {"Options KTLS",
     "\"Options KTLS\" is not allowed: TLS works on memory here, not on sockets"},
    {"Options AllowNoDHEKEX",
     "\"Options AllowNoDHEKEX\" is not allowed: resumed sessions of TLS 1.3 keep their "
     "forward secrecy"},
};

START_TEST(what_is_wrong_is_told)
{
    char wanted[256];

    set_conf(mistakes[_i].line);
    ck_assert_ptr_null(make());
    (void)snprintf(wanted, sizeof(wanted), "test.conf:5: ssl-conf: %s\n",
                   mistakes[_i].words);
    ck_assert_str_eq(told, wanted);
}
END_TEST

/* In OpenSSL's words, which are not always the same. */
START_TEST(values_that_openssl_refuses)
{
    static const char *const refused[] = {"Options Sesame", "Groups X25519:P-999",
                                          "RecordPadding -1", "CipherString NONSENSE"};
    char begin[128];

    set_conf(refused[_i]);
    ck_assert_ptr_null(make());
    (void)snprintf(begin, sizeof(begin),
                   "test.conf:5: ssl-conf: %.*s does not take the "
                   "value \"%s\": ",
                   (int)strcspn(refused[_i], " "), refused[_i],
                   strchr(refused[_i], ' ') + 1);
    ck_assert_msg(strncmp(told, begin, strlen(begin)) == 0, "%s", told);
    ck_assert_uint_gt(strlen(told), strlen(begin) + 3);
}
END_TEST

START_TEST(all_mistakes_are_told_in_one_run)
{
    lines[0] = at_line("A b", 5);
    lines[1] = at_line("Options -SessionTicket", 6);
    lines[2] = at_line("RecordPadding 512", 7);
    lines[3] = at_line("X", 8);
    frontend.ssl_conf = (struct config_strings){lines, 4};
    ck_assert_ptr_null(make());
    ck_assert_ptr_nonnull(strstr(told, "test.conf:5: "));
    ck_assert_ptr_nonnull(strstr(told, "test.conf:6: "));
    ck_assert_ptr_null(strstr(told, "test.conf:7: "));
    ck_assert_ptr_nonnull(strstr(told, "test.conf:8: "));
}
END_TEST

/* ---- The others ---- */

START_TEST(signature_algorithms)
{
    SSL_CTX *ctx;
    struct tls_pair pair;

    frontend.sigalgs = at_line("ecdsa_secp384r1_sha384:ECDSA+SHA256", 3);
    ctx = make();
    ck_assert_str_eq(told, "");
    for (int i = 0; i < 2; i++) {
        tls_pair_init(&pair, ctx, TLS1_2_VERSION);
        tls_pair_client_sigalgs(&pair, i == 0 ? "ECDSA+SHA256" : "ECDSA+SHA512");
        ck_assert_int_eq(tls_pair_handshake(&pair, NULL) == TLS_WANT_READ, i == 0);
        tls_pair_clear(&pair);
    }
    SSL_CTX_free(ctx);
    frontend.sigalgs = at_line("ECDSA+SHA256:ECDSA+MD6", 3);
    ck_assert_ptr_null(make());
    ck_assert_str_eq(told,
                     "test.conf:3: sigalgs: \"ECDSA+MD6\" names no signature algorithm "
                     "that OpenSSL knows\n");
    frontend.sigalgs = at_line("", 3);
    ck_assert_ptr_null(make());
    ck_assert_str_eq(told, "test.conf:3: sigalgs: the list is empty\n");
}
END_TEST

START_TEST(security_levels)
{
    SSL_CTX *ctx;

    for (int level = -1; level <= 3; level++) {
        frontend.security_level = level + 1;
        ctx = make();
        ck_assert_ptr_nonnull(ctx);
        if (level < 0)
            ck_assert_int_ge(SSL_CTX_get_security_level(ctx), 2);
        else
            ck_assert_int_eq(SSL_CTX_get_security_level(ctx), level);
        SSL_CTX_free(ctx);
    }
    frontend.security_level = 5 + 1; /* more than the certificate has */
    ck_assert_ptr_null(make());
    ck_assert_ptr_nonnull(strstr(told, "OpenSSL refuses the certificate"));
}
END_TEST

/* DHE has to be asked for twice: by its ciphers, and by dh. */
START_TEST(diffie_hellman)
{
    struct tls_pair pair;
    SSL_CTX *ctx;

    frontend.ciphers =
        at_line("ECDHE-ECDSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:"
                "DHE-PSK-AES128-GCM-SHA256:ADH-AES128-GCM-SHA256:@SECLEVEL=0",
                3);
    for (int dh = 0; dh < 2; dh++) {
        frontend.dh = dh == 1;
        ctx = make();
        ck_assert_str_eq(told, "");
        tls_pair_init(&pair, ctx, TLS1_2_VERSION);
        /* No certificate is involved, so that one of ours does not matter. */
        ck_assert_int_eq(
            SSL_set_cipher_list(pair.client, "ADH-AES128-GCM-SHA256:@SECLEVEL=0"), 1);
        ck_assert_int_eq(tls_pair_handshake(&pair, NULL) == TLS_WANT_READ, dh == 1);
        tls_pair_clear(&pair);
        SSL_CTX_free(ctx);
    }
}
END_TEST

static Suite *
tls_knobs_suite(void)
{
    Suite *suite = suite_create("tls_knobs");
    TCase *knobs = tcase_create("knobs");

    tcase_add_checked_fixture(knobs, setup, NULL);
    tcase_add_test(knobs, commands_are_obeyed);
    tcase_add_loop_test(knobs, what_is_wrong_is_told, 0, (int)COUNT_OF(mistakes));
    tcase_add_loop_test(knobs, values_that_openssl_refuses, 0, 4);
    tcase_add_test(knobs, all_mistakes_are_told_in_one_run);
    tcase_add_test(knobs, signature_algorithms);
    tcase_add_test(knobs, security_levels);
    tcase_add_test(knobs, diffie_hellman);
    suite_add_tcase(suite, knobs);
    return suite;
}

CHECK_MAIN(tls_knobs_suite)
