/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_err.h"

#include "support/check_main.h"
#include "support/tls_pair.h"

#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

#define VERSIONS 2

static struct tls_pair pair;
static SSL_CTX *ctx;
static char words[256], heard[256];
static struct text why;

static void
begin(int server_version, int client_version)
{
    struct config_frontend frontend = tls_pair_frontend(server_version);

    ctx = tls_pair_server_ctx(&frontend);
    tls_pair_init(&pair, ctx, client_version);
    text_init(&why, words, sizeof(words));
}

static void
begin_open(int version)
{
    begin(version, version);
    tls_pair_must_shake(&pair);
    (void)tls_pair_client_hears(&pair, heard, sizeof(heard));
}

static void
end(void)
{
    ck_assert_uint_eq(ERR_peek_error(), 0);
    tls_pair_clear(&pair);
    SSL_CTX_free(ctx);
    tls_bio_cleanup();
}

static enum tls_verdict
hear(void)
{
    return tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, &why);
}

/* ---- ends ---- */

START_TEST(close_notify_is_notify)
{
    begin_open(versions[_i]);
    tls_pair_client_says(&pair, "bye");
    tls_pair_client_ends(&pair);
    (void)tls_pair_carry_up(&pair);
    ck_assert_int_eq(hear(), TLS_NOTIFY);
    ck_assert_str_eq(heard, "bye");
    ck_assert_str_eq(words, "");
    ck_assert(!tls_bio_in_record(&pair.bio));
    end();
}
END_TEST

/* Two records in any two pieces: only the three boundaries are outside of a record. */
START_TEST(in_record_at_every_byte)
{
    unsigned char *bytes;
    size_t first, len, cut = 0;

    begin_open(versions[_i]);
    do {
        tls_pair_client_says(&pair, "some words");
        first = BIO_ctrl_pending(SSL_get_wbio(pair.client));
        tls_pair_client_says(&pair, "and more");
        bytes = tls_pair_take(&pair, &len);
        tls_pair_feed(&pair, bytes, cut);
        ck_assert_int_eq(hear(), TLS_WANT_READ);
        ck_assert_int_eq(tls_bio_in_record(&pair.bio),
                         cut != 0 && cut != first && cut != len);
        tls_pair_feed(&pair, bytes + cut, len - cut);
        ck_assert_int_eq(hear(), TLS_WANT_READ);
        ck_assert(!tls_bio_in_record(&pair.bio));
        free(bytes);
    } while (++cut <= len);
    ck_assert_uint_gt(cut, 50);
    end();
}
END_TEST

/* Whoever notices a FIN there and does not tell OpenSSL may go on writing. */
START_TEST(writing_works_wherever_the_stream_stops)
{
    static const size_t cuts[] = {0, 1, 4, 5, 6, 20};
    size_t cut = cuts[_i / VERSIONS];
    unsigned char *bytes;
    size_t len;

    begin_open(versions[_i % VERSIONS]);
    tls_pair_client_says(&pair, "whole");
    (void)tls_pair_carry_up(&pair);
    tls_pair_client_says(&pair, "cut");
    bytes = tls_pair_take(&pair, &len);
    tls_pair_feed(&pair, bytes, cut);
    ck_assert_int_eq(hear(), TLS_WANT_READ);
    ck_assert_str_eq(heard, "whole");
    ck_assert_int_eq(tls_bio_in_record(&pair.bio), cut != 0);
    ck_assert_uint_eq(pair.gather.len, 0); /* no alert */
    tls_pair_server_says(&pair, "the answer");
    ck_assert_int_ge(SSL_shutdown(pair.server), 0);
    (void)tls_pair_carry_down(&pair);
    ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)),
                     SSL_ERROR_ZERO_RETURN);
    ck_assert_str_eq(heard, "the answer");
    ck_assert_str_eq(words, "");
    free(bytes);
    end();
}
END_TEST

START_TEST(in_record_during_the_handshake)
{
    unsigned char *bytes;
    size_t len;

    begin(0, 0);
    (void)SSL_do_handshake(pair.client);
    ERR_clear_error();
    bytes = tls_pair_take(&pair, &len);
    for (size_t fed = 0; fed < len; fed++) {
        ck_assert_int_eq(SSL_do_handshake(pair.server), -1);
        ck_assert_int_eq(tls_err_judge(pair.server, -1, &why), TLS_WANT_READ);
        ck_assert_int_eq(tls_bio_in_record(&pair.bio), fed != 0);
        tls_pair_feed(&pair, bytes + fed, 1);
    }
    ck_assert_int_eq(SSL_do_handshake(pair.server), -1);
    ck_assert_int_eq(tls_err_judge(pair.server, -1, &why), TLS_WANT_READ);
    ck_assert(!tls_bio_in_record(&pair.bio));
    ck_assert_str_eq(words, "");
    free(bytes);
    end();
}
END_TEST

/* ---- what the peer does wrong ---- */

START_TEST(forged_record_does_not_decrypt)
{
    unsigned char *bytes;
    size_t len;

    begin_open(versions[_i]);
    tls_pair_client_says(&pair, "to be changed on the way");
    bytes = tls_pair_take(&pair, &len);
    bytes[len - 1] ^= 1;
    tls_pair_feed(&pair, bytes, len);
    ck_assert_int_eq(hear(), TLS_PROTOCOL);
    ck_assert_str_eq(heard, "");
    ck_assert_str_eq(words, "record does not decrypt");
    (void)tls_pair_carry_down(&pair);
    ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)), SSL_ERROR_SSL);
    ck_assert_int_eq(ERR_GET_REASON(pair.client_error), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    free(bytes);
    end();
}
END_TEST

START_TEST(a_second_look_at_a_failed_connection)
{
    begin_open(versions[_i]);
    tls_pair_feed(&pair, "\x17\x03\x03\x00\x20 a record that does not decrypt", 37);
    ck_assert_int_eq(hear(), TLS_PROTOCOL);
    text_init(&why, words, sizeof(words));
    ck_assert_int_eq(hear(), TLS_PROTOCOL);
    ck_assert_str_eq(words, "TLS has failed before");
    end();
}
END_TEST

START_TEST(alert_in_mid_stream_has_its_name)
{
    begin_open(versions[_i]);
    tls_pair_server_says(&pair, "to be changed on the way");
    pair.gather.data[pair.gather.len - 1] ^= 1;
    (void)tls_pair_carry_down(&pair);
    ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)), SSL_ERROR_SSL);
    (void)tls_pair_carry_up(&pair);
    ck_assert_int_eq(hear(), TLS_ALERT);
    ck_assert_str_eq(words, "client sent alert: bad record mac");
    end();
}
END_TEST

START_TEST(alert_in_the_handshake_has_its_name)
{
    begin(versions[_i], versions[_i]);
    SSL_set_verify(pair.client, SSL_VERIFY_PEER, NULL);
    ck_assert_int_eq(tls_pair_handshake(&pair, &why), TLS_ALERT);
    ck_assert_str_eq(words, "client sent alert: unknown ca");
    end();
}
END_TEST

static const struct greeting {
    const char *bytes;
    size_t len;
    const char *phrase;
} greetings[] = {
    {"GET / HTTP/1.1\r\n\r\n", 18, "plain HTTP spoken to a TLS port"},
    {"POST /x HTTP/1.0\r\n\r\n", 20, "plain HTTP spoken to a TLS port"},
    {"CONNECT a:1 HTTP/1.1\r\n\r\n", 24, "plain HTTP spoken to a TLS port"},
    {"SSH-2.0-OpenSSH_9.2\r\n", 21, "not TLS"},
    {"EHLO example.test\r\n", 19, "not TLS"},
    {"\0\0\0\x08\x04\xd2\x16\x2f", 8, "not TLS"},
    {"\xff\xfe\xfd\xfc\xfb\xfa", 6, "not TLS"},
    {"\x16\x04\x01\x00\x05hello", 10, "not TLS"},
    {"\x16\x03\x01\xff\xffhello", 10, "record too long"},
    /* SSL 2.0's hello: version, lengths, one cipher, challenge */
    {"\x80\x1c\x01\x00\x02\x00\x03\x00\x00\x00\x10\x07\x00\xc0"
     "0123456789abcdef",
     30, "TLS version not supported"},
};

START_TEST(what_is_not_tls_has_a_phrase)
{
    int ret;

    begin(0, 0);
    tls_pair_feed(&pair, greetings[_i].bytes, greetings[_i].len);
    ret = SSL_do_handshake(pair.server);
    ck_assert_int_eq(tls_err_judge(pair.server, ret, &why), TLS_PROTOCOL);
    ck_assert_str_eq(words, greetings[_i].phrase);
    end();
}
END_TEST

START_TEST(no_shared_cipher)
{
    begin(TLS1_2_VERSION, TLS1_2_VERSION);
    ck_assert_int_eq(SSL_set_cipher_list(pair.client, "ECDHE-RSA-AES128-GCM-SHA256"), 1);
    ck_assert_int_eq(tls_pair_handshake(&pair, &why), TLS_PROTOCOL);
    ck_assert_str_eq(words, "no shared cipher");
    end();
}
END_TEST

START_TEST(no_common_version)
{
    begin(versions[_i], versions[1 - _i]);
    ck_assert_int_eq(tls_pair_handshake(&pair, &why), TLS_PROTOCOL);
    ck_assert_str_eq(words, "TLS version not supported");
    end();
}
END_TEST

START_TEST(no_common_group)
{
    begin(TLS1_3_VERSION, TLS1_3_VERSION);
    tls_pair_client_groups(&pair, "P-521");
    ck_assert_int_eq(tls_pair_handshake(&pair, &why), TLS_PROTOCOL);
    ck_assert_str_eq(words, "no common group");
    end();
}
END_TEST

START_TEST(no_common_signature_algorithm)
{
    begin(TLS1_3_VERSION, TLS1_3_VERSION);
    tls_pair_client_sigalgs(&pair, "RSA-PSS+SHA256");
    ck_assert_int_eq(tls_pair_handshake(&pair, &why), TLS_PROTOCOL);
    ck_assert_str_eq(words, "no common signature algorithm");
    end();
}
END_TEST

START_TEST(no_memory)
{
    size_t size;

    begin_open(versions[_i]);
    size = pair.gather.size;
    pair.gather.len = pair.gather.size = SIZE_MAX / 2;
    ck_assert_int_eq(SSL_write(pair.server, "x", 1), -1);
    ck_assert_int_eq(tls_err_judge(pair.server, -1, &why), TLS_NO_MEMORY);
    ck_assert_str_eq(words, "out of memory");
    pair.gather.len = 0;
    pair.gather.size = size;
    end();
}
END_TEST

/* ---- the queue ---- */

START_TEST(the_telling_entry_counts_not_the_first)
{
    int ret;

    begin(0, 0);
    tls_pair_feed(&pair, "GET / HTTP/1.1\r\n\r\n", 18);
    ret = SSL_do_handshake(pair.server);
    ERR_clear_error();
    ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
    ERR_raise(ERR_LIB_SSL, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
    ERR_raise(ERR_LIB_SSL, ERR_R_INTERNAL_ERROR);
    ck_assert_int_eq(tls_err_judge(pair.server, ret, &why), TLS_PROTOCOL);
    ck_assert_str_eq(words, "record does not decrypt");
    end();
}
END_TEST

START_TEST(why_may_be_null)
{
    int ret;

    begin(0, 0);
    tls_pair_feed(&pair, "GET / HTTP/1.1\r\n\r\n", 18);
    ret = SSL_do_handshake(pair.server);
    ck_assert_int_eq(tls_err_judge(pair.server, ret, NULL), TLS_PROTOCOL);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    end();
}
END_TEST

static const struct named {
    int lib, reason;
    const char *phrase;
} named[] = {
    {ERR_LIB_SSL, SSL_R_NO_APPLICATION_PROTOCOL, "no common application protocol"},
    {ERR_LIB_SSL, SSL_R_NO_RENEGOTIATION, "renegotiation refused"},
    {ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING, "end without close_notify"},
    {ERR_LIB_SSL, SSL_AD_REASON_OFFSET + 46, "client sent alert: certificate unknown"},
    {ERR_LIB_SSL, SSL_AD_REASON_OFFSET + 80, "client sent alert: internal error"},
    {ERR_LIB_SSL, SSL_AD_REASON_OFFSET + 120, "client sent alert: no application protocol"},
    {ERR_LIB_SSL, SSL_AD_REASON_OFFSET + 77, "client sent alert: number 77"},
    {ERR_LIB_SSL, SSL_R_BAD_EXTENSION, "bad extension"}, /* OpenSSL's word */
    {ERR_LIB_EVP, EVP_R_BAD_DECRYPT, "bad decrypt"},
    {ERR_LIB_EVP, ERR_R_MALLOC_FAILURE, "out of memory"},
    {ERR_LIB_USER, SSL_R_HTTP_REQUEST, "OpenSSL error 4000009c"},
    {ERR_LIB_USER, 4000, "OpenSSL error 40000fa0"},
};

START_TEST(phrases)
{
    /* Our words are for libssl: the same number means something else elsewhere. */
    ck_assert_int_eq(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, NULL), 1);
    text_init(&why, words, sizeof(words));
    tls_err_phrase(ERR_PACK(named[_i].lib, 0, named[_i].reason), &why);
    ck_assert_str_eq(words, named[_i].phrase);
}
END_TEST

START_TEST(take_empties_the_queue)
{
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER);
    ERR_raise(ERR_LIB_SSL, ERR_R_INTERNAL_ERROR);
    ck_assert_str_eq(tls_err_take(words, sizeof(words), "nothing"), "no shared cipher");
    ck_assert_uint_eq(ERR_peek_error(), 0);
    ck_assert_str_eq(tls_err_take(words, sizeof(words), "nothing"), "nothing");
}
END_TEST

static Suite *
tls_err_suite(void)
{
    Suite *suite = suite_create("tls_err");
    TCase *ends = tcase_create("ends");
    TCase *wrong = tcase_create("wrong");
    TCase *queue = tcase_create("queue");

    tcase_add_loop_test(ends, close_notify_is_notify, 0, VERSIONS);
    tcase_add_loop_test(ends, in_record_at_every_byte, 0, VERSIONS);
    tcase_add_loop_test(ends, writing_works_wherever_the_stream_stops, 0, 6 * VERSIONS);
    tcase_add_test(ends, in_record_during_the_handshake);
    suite_add_tcase(suite, ends);

    tcase_add_loop_test(wrong, forged_record_does_not_decrypt, 0, VERSIONS);
    tcase_add_loop_test(wrong, a_second_look_at_a_failed_connection, 0, VERSIONS);
    tcase_add_loop_test(wrong, alert_in_mid_stream_has_its_name, 0, VERSIONS);
    tcase_add_loop_test(wrong, alert_in_the_handshake_has_its_name, 0, VERSIONS);
    tcase_add_loop_test(wrong, what_is_not_tls_has_a_phrase, 0, (int)COUNT_OF(greetings));
    tcase_add_test(wrong, no_shared_cipher);
    tcase_add_loop_test(wrong, no_common_version, 0, VERSIONS);
    tcase_add_test(wrong, no_common_group);
    tcase_add_test(wrong, no_common_signature_algorithm);
    tcase_add_loop_test(wrong, no_memory, 0, VERSIONS);
    suite_add_tcase(suite, wrong);

    tcase_add_test(queue, the_telling_entry_counts_not_the_first);
    tcase_add_test(queue, why_may_be_null);
    tcase_add_test(queue, take_empties_the_queue);
    tcase_add_loop_test(queue, phrases, 0, (int)COUNT_OF(named));
    suite_add_tcase(suite, queue);
    return suite;
}

CHECK_MAIN(tls_err_suite)
