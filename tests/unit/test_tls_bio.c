/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_bio.h"

#include "support/check_main.h"
#include "support/tls_pair.h"
#include "tls/tls_err.h"

#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

#define VERSIONS 2

/* ---- the BIO alone ---- */

static struct tls_bio state;
static struct tls_gather gather;
static BIO *bio;

static void
setup_bio(void)
{
    ck_assert_int_eq(tls_gather_init(&gather, 4), 0);
    state = (struct tls_bio){.out = &gather};
    bio = tls_bio_new(&state);
    ck_assert_ptr_nonnull(bio);
}

static void
teardown_bio(void)
{
    BIO_free(bio);
    tls_gather_clear(&gather);
    tls_bio_cleanup();
}

START_TEST(read_serves_what_was_lent)
{
    char buf[8];

    state.in = (const unsigned char *)"abcdefg";
    state.in_len = 7;
    ck_assert_int_eq(BIO_ctrl_pending(bio), 7);
    ck_assert_int_eq(BIO_read(bio, buf, 5), 5);
    ck_assert_mem_eq(buf, "abcde", 5);
    ck_assert_int_eq(BIO_ctrl_pending(bio), 2);
    ck_assert_int_eq(BIO_read(bio, buf, 5), 2);
    ck_assert_mem_eq(buf, "fg", 2);
    ck_assert_uint_eq(state.in_len, 0);
}
END_TEST

START_TEST(read_without_bytes_asks_to_retry)
{
    char buf[8];

    ck_assert_int_eq(BIO_read(bio, buf, 5), -1);
    ck_assert(BIO_should_retry(bio) && BIO_should_read(bio));
    ck_assert(!BIO_eof(bio));
    state.in = (const unsigned char *)"a";
    state.in_len = 1;
    ck_assert_int_eq(BIO_read(bio, buf, 5), 1);
    ck_assert(!BIO_should_retry(bio));
}
END_TEST

START_TEST(there_is_no_end_to_read)
{
    char buf[8];

    state.in = (const unsigned char *)"a";
    state.in_len = 1;
    ck_assert(!BIO_eof(bio));
    ck_assert_int_eq(BIO_read(bio, buf, 5), 1);
    for (int i = 0; i < 3; i++) {
        ck_assert(!BIO_eof(bio));
        ck_assert_int_eq(BIO_read(bio, buf, 5), -1);
        ck_assert(BIO_should_retry(bio) && BIO_should_read(bio));
    }
}
END_TEST

START_TEST(writes_gather_and_grow_by_doubling)
{
    ck_assert_int_eq(BIO_write(bio, "abc", 3), 3);
    ck_assert_uint_eq(gather.size, 4);
    ck_assert_int_eq(BIO_write(bio, "defgh", 5), 5);
    ck_assert_uint_eq(gather.size, 8);
    ck_assert_int_eq(BIO_write(bio, "ijklmnopqrstu", 13), 13);
    ck_assert_uint_eq(gather.size, 32);
    ck_assert_uint_eq(gather.len, 21);
    ck_assert_mem_eq(gather.data, "abcdefghijklmnopqrstu", 21);
    ck_assert_int_eq(BIO_flush(bio), 1);
    ck_assert_int_eq(BIO_ctrl_wpending(bio), 0);
    ck_assert_uint_eq(gather.len, 21);
}
END_TEST

START_TEST(writes_after_shut_are_dropped)
{
    ck_assert_int_eq(BIO_write(bio, "abc", 3), 3);
    state.shut = true;
    ck_assert_int_eq(BIO_write(bio, "def", 3), 3);
    ck_assert_uint_eq(gather.len, 3);
    ck_assert_mem_eq(gather.data, "abc", 3);
}
END_TEST

START_TEST(write_without_memory_fails_for_good)
{
    /* A gather that is as full as a test can pretend: no room, and none to be had. */
    gather.len = gather.size = SIZE_MAX / 2;
    ck_assert_int_eq(BIO_write(bio, "abc", 3), -1);
    ck_assert(!BIO_should_retry(bio));
    ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), ERR_R_MALLOC_FAILURE);
    ck_assert_uint_eq(gather.len, SIZE_MAX / 2);
}
END_TEST

START_TEST(a_method_can_be_made_again)
{
    BIO_free(bio);
    tls_bio_cleanup();
    bio = tls_bio_new(&state);
    ck_assert_ptr_nonnull(bio);
    ck_assert_int_eq(BIO_write(bio, "abc", 3), 3);
    ck_assert_uint_eq(gather.len, 3);
}
END_TEST

/* ---- TLS on it ---- */

static struct tls_pair pair;
static SSL_CTX *ctx;

static void
begin(int version)
{
    struct config_frontend frontend = tls_pair_frontend(version);
    char none[16];

    ctx = tls_pair_server_ctx(&frontend);
    tls_pair_init(&pair, ctx, version);
    tls_pair_must_shake(&pair);
    ck_assert_int_eq(tls_pair_client_hears(&pair, none, sizeof(none)), SSL_ERROR_WANT_READ);
}

static void
end(void)
{
    tls_pair_clear(&pair);
    SSL_CTX_free(ctx);
    tls_bio_cleanup();
}

START_TEST(records_of_one_feed_all_come_out)
{
    char heard[64];

    begin(versions[_i]);
    tls_pair_client_says(&pair, "one ");
    tls_pair_client_says(&pair, "two ");
    tls_pair_client_says(&pair, "three");
    tls_pair_client_ends(&pair);
    (void)tls_pair_carry_up(&pair);
    ck_assert_int_eq(tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, NULL),
                     TLS_NOTIFY);
    ck_assert_str_eq(heard, "one two three");
    ck_assert_uint_eq(pair.bio.in_len, 0);
    ck_assert(!tls_bio_in_record(&pair.bio));
    end();
}
END_TEST

START_TEST(bytes_one_by_one_give_the_same)
{
    unsigned char *bytes;
    char heard[64], all[64] = "";
    size_t len;

    begin(versions[_i]);
    tls_pair_client_says(&pair, "one ");
    tls_pair_client_says(&pair, "two");
    bytes = tls_pair_take(&pair, &len);
    for (size_t i = 0; i < len; i++) {
        tls_pair_feed(&pair, bytes + i, 1);
        ck_assert_int_eq(tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, NULL),
                         TLS_WANT_READ);
        strcat(all, heard);
    }
    ck_assert_str_eq(all, "one two");
    free(bytes);
    end();
}
END_TEST

START_TEST(close_notify_queues_behind_data)
{
    char heard[64];

    begin(versions[_i]);
    tls_pair_server_says(&pair, "the answer");
    ck_assert_int_eq(SSL_shutdown(pair.server), 0);
    pair.bio.shut = true;
    (void)tls_pair_carry_down(&pair);
    ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)),
                     SSL_ERROR_ZERO_RETURN);
    ck_assert_str_eq(heard, "the answer");
    end();
}
END_TEST

/* RFC 8446, 6.1: the end of one direction says nothing about the other. */
START_TEST(up_goes_on_after_our_close_notify)
{
    char heard[64];

    begin(versions[_i]);
    ck_assert_int_eq(SSL_shutdown(pair.server), 0);
    pair.bio.shut = true;
    (void)tls_pair_carry_down(&pair);
    ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)),
                     SSL_ERROR_ZERO_RETURN);
    for (int i = 0; i < 3; i++) {
        tls_pair_client_says(&pair, "still here");
        (void)tls_pair_carry_up(&pair);
        ck_assert_int_eq(tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, NULL),
                         TLS_WANT_READ);
        ck_assert_str_eq(heard, "still here");
    }
    tls_pair_client_ends(&pair);
    (void)tls_pair_carry_up(&pair);
    ck_assert_int_eq(tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, NULL),
                     TLS_NOTIFY);
    ck_assert_uint_eq(pair.gather.len, 0);
    end();
}
END_TEST

START_TEST(down_goes_on_after_the_clients_close_notify)
{
    char heard[64];

    begin(versions[_i]);
    tls_pair_client_ends(&pair);
    (void)tls_pair_carry_up(&pair);
    ck_assert_int_eq(tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, NULL),
                     TLS_NOTIFY);
    ck_assert_uint_eq(pair.gather.len, 0); /* no close_notify of ours by itself */
    for (int i = 0; i < 3; i++) {
        tls_pair_server_says(&pair, "part of the answer");
        (void)tls_pair_carry_down(&pair);
        ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)),
                         SSL_ERROR_WANT_READ);
        ck_assert_str_eq(heard, "part of the answer");
    }
    ck_assert_int_eq(SSL_shutdown(pair.server), 1);
    (void)tls_pair_carry_down(&pair);
    ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)),
                     SSL_ERROR_ZERO_RETURN);
    end();
}
END_TEST

/* RFC 8446, 4.6.3: whoever is asked to update sends a KeyUpdate of its own first. */
START_TEST(key_update_in_mid_stream)
{
    char heard[64];

    begin(TLS1_3_VERSION);
    for (int i = 0; i < 3; i++) {
        tls_pair_client_says(&pair, "before ");
        ck_assert_int_eq(SSL_key_update(pair.client, SSL_KEY_UPDATE_REQUESTED), 1);
        tls_pair_client_says(&pair, "after");
        (void)tls_pair_carry_up(&pair);
        ck_assert_int_eq(tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, NULL),
                         TLS_WANT_READ);
        ck_assert_str_eq(heard, "before after");
        tls_pair_server_says(&pair, "answer");
        (void)tls_pair_carry_down(&pair);
        ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)),
                         SSL_ERROR_WANT_READ);
        ck_assert_str_eq(heard, "answer");
    }
    end();
}
END_TEST

START_TEST(nothing_follows_close_notify_whatever_the_client_asks)
{
    char heard[64];

    begin(TLS1_3_VERSION);
    ck_assert_int_eq(SSL_shutdown(pair.server), 0);
    pair.bio.shut = true;
    ck_assert_uint_gt(tls_pair_carry_down(&pair), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(SSL_key_update(pair.client, SSL_KEY_UPDATE_REQUESTED), 1);
        tls_pair_client_says(&pair, "more");
        (void)tls_pair_carry_up(&pair);
        ck_assert_int_eq(tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, NULL),
                         TLS_WANT_READ);
        ck_assert_str_eq(heard, "more");
        ck_assert_uint_eq(pair.gather.len, 0);
    }
    tls_pair_feed(&pair, "\x17\x03\x03\x00\x20 a record that does not decrypt", 37);
    ck_assert_int_eq(tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, NULL),
                     TLS_PROTOCOL);
    ck_assert_uint_eq(pair.gather.len, 0); /* not even the alert */
    end();
}
END_TEST

START_TEST(a_large_answer_gathers_whole)
{
    static char answer[100000], heard[sizeof(answer) + 1];

    begin(versions[_i]);
    memset(answer, 'x', sizeof(answer));
    ck_assert_int_eq(SSL_write(pair.server, answer, sizeof(answer)), sizeof(answer));
    ck_assert_uint_gt(pair.gather.len, sizeof(answer));
    (void)tls_pair_carry_down(&pair);
    (void)tls_pair_client_hears(&pair, heard, sizeof(heard));
    ck_assert_mem_eq(heard, answer, sizeof(answer));
    ck_assert_int_eq(heard[sizeof(answer)], '\0');
    end();
}
END_TEST

/* The OpenSSL fact that tls_bio.h warns of: SSL_shutdown is to be called once. */
START_TEST(a_second_shutdown_breaks_on_data)
{
    begin(versions[_i]);
    ck_assert_int_eq(SSL_shutdown(pair.server), 0);
    tls_pair_client_says(&pair, "still here");
    (void)tls_pair_carry_up(&pair);
    ck_assert_int_eq(SSL_shutdown(pair.server), -1);
    ck_assert_int_eq(tls_err_judge(pair.server, -1, NULL), TLS_PROTOCOL);
    end();
}
END_TEST

static Suite *
tls_bio_suite(void)
{
    Suite *suite = suite_create("tls_bio");
    TCase *alone = tcase_create("alone");
    TCase *tls = tcase_create("tls");

    tcase_add_checked_fixture(alone, setup_bio, teardown_bio);
    tcase_add_test(alone, read_serves_what_was_lent);
    tcase_add_test(alone, read_without_bytes_asks_to_retry);
    tcase_add_test(alone, there_is_no_end_to_read);
    tcase_add_test(alone, writes_gather_and_grow_by_doubling);
    tcase_add_test(alone, writes_after_shut_are_dropped);
    tcase_add_test(alone, write_without_memory_fails_for_good);
    tcase_add_test(alone, a_method_can_be_made_again);
    suite_add_tcase(suite, alone);

    tcase_add_loop_test(tls, records_of_one_feed_all_come_out, 0, VERSIONS);
    tcase_add_loop_test(tls, bytes_one_by_one_give_the_same, 0, VERSIONS);
    tcase_add_loop_test(tls, close_notify_queues_behind_data, 0, VERSIONS);
    tcase_add_loop_test(tls, up_goes_on_after_our_close_notify, 0, VERSIONS);
    tcase_add_loop_test(tls, down_goes_on_after_the_clients_close_notify, 0, VERSIONS);
    tcase_add_loop_test(tls, a_large_answer_gathers_whole, 0, VERSIONS);
    tcase_add_loop_test(tls, a_second_shutdown_breaks_on_data, 0, VERSIONS);
    tcase_add_test(tls, key_update_in_mid_stream);
    tcase_add_test(tls, nothing_follows_close_notify_whatever_the_client_asks);
    suite_add_tcase(suite, tls);
    return suite;
}

CHECK_MAIN(tls_bio_suite)
