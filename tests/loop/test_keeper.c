/* SPDX-License-Identifier: BSD-2-Clause */
/* A worker's end of its line to the keeper; the test is the keeper. */
#include "proc/keeper.h"

#include "base/clock.h"
#include "support/check_main.h"
#include "tls/cert.h"
#include "tls/key_remote.h"

#include <openssl/err.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 5000 /* of a worker */

static struct cert *cert;
static EVP_PKEY *remote;
static int keeper = -1;

static void
setup(void)
{
    struct key_remote_mark mark;
    unsigned char id[KEY_REMOTE_ID];
    int ends[2];

    cert = cert_make_self_signed("localhost", 1);
    ck_assert_ptr_nonnull(cert);
    ck_assert_int_eq(key_remote_mark(cert->leaf, &mark, id), 0);
    remote = key_remote_make(mark.bytes, cert->leaf);
    ck_assert_ptr_nonnull(remote);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    keeper = ends[0];
    keeper_use(ends[1]);
}

static void
teardown(void)
{
    keeper_use(-1);
    if (keeper >= 0)
        (void)close(keeper);
    keeper = -1;
    EVP_PKEY_free(remote);
    cert_free(cert);
    ERR_clear_error();
}

/* The answer to the question of that number; "" says that there is no signature. */
static void
answer(uint32_t number, const char *signature)
{
    unsigned char message[64];
    size_t len = strlen(signature);

    memcpy(message, &number, sizeof(number));
    memcpy(message + sizeof(number), signature, len);
    ck_assert_int_eq(send(keeper, message, sizeof(number) + len, MSG_NOSIGNAL),
                     (ssize_t)(sizeof(number) + len));
}

/* What comes of an attempt to sign; NULL: nothing. */
static const char *
sign(void)
{
    static unsigned char signature[KEY_REMOTE_SIGNATURE_MAX + 1];
    size_t len = KEY_REMOTE_SIGNATURE_MAX;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int ok = EVP_DigestSignInit_ex(md, NULL, "SHA256", NULL, NULL, remote, NULL);

    ck_assert_int_eq(ok, 1);
    ok = EVP_DigestSign(md, signature, &len, (const unsigned char *)"data", 4);
    EVP_MD_CTX_free(md);
    signature[ok == 1 ? len : 0] = '\0';
    return ok == 1 ? (const char *)signature : NULL;
}

/* The keeper is asked that question, and no other. */
static void
must_be_asked(uint32_t number)
{
    struct key_remote_request question;
    const size_t head = offsetof(struct key_remote_request, data);
    ssize_t n = recv(keeper, &question, sizeof(question), MSG_DONTWAIT);

    ck_assert_int_eq(n, (ssize_t)head + 4);
    ck_assert_uint_eq(question.number, number);
    ck_assert_uint_eq(question.len, 4);
    ck_assert_mem_eq(question.data, "data", 4);
    ck_assert_int_eq(recv(keeper, &question, sizeof(question), MSG_DONTWAIT), -1);
}

START_TEST(it_is_told_what_was_signed)
{
    answer(1, "first");
    answer(2, "second");
    ck_assert_str_eq(sign(), "first");
    must_be_asked(1);
    ck_assert_str_eq(sign(), "second");
    must_be_asked(2);
}
END_TEST

START_TEST(a_refusal_is_an_answer)
{
    answer(1, "");
    answer(2, "second");
    ck_assert_ptr_null(sign());
    ck_assert_str_eq(sign(), "second");
}
END_TEST

/* Nobody waits for ever, and while a question is open nobody else waits at all. */
START_TEST(a_keeper_that_is_silent_is_not_asked_again_before_it_answers)
{
    uint64_t begin = clock_ms(), elapsed;

    ck_assert_ptr_null(sign());
    elapsed = clock_ms() - begin;
    ck_assert_uint_ge(elapsed, PATIENCE_MS);
    ck_assert_uint_lt(elapsed, 2 * PATIENCE_MS);
    must_be_asked(1);
    begin = clock_ms();
    ck_assert_ptr_null(sign());
    ck_assert_uint_lt(clock_ms() - begin, PATIENCE_MS);
    answer(1, "late");
    answer(2, "in time");
    ck_assert_str_eq(sign(), "in time");
    must_be_asked(2);
}
END_TEST

START_TEST(one_that_is_gone_is_noticed_at_once)
{
    uint64_t begin = clock_ms();

    (void)close(keeper);
    keeper = -1;
    ck_assert_ptr_null(sign());
    ck_assert_ptr_null(sign());
    ck_assert_uint_lt(clock_ms() - begin, PATIENCE_MS);
}
END_TEST

/* Another one, after a crash, knows nothing of what is under way. */
START_TEST(another_keeper_is_asked_anew)
{
    int ends[2];

    (void)close(keeper);
    ck_assert_ptr_null(sign());
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    keeper = ends[0];
    keeper_use(ends[1]);
    answer(2, "of the new one");
    ck_assert_str_eq(sign(), "of the new one");
    must_be_asked(2);
}
END_TEST

static Suite *
keeper_suite(void)
{
    Suite *suite = suite_create("keeper");
    TCase *tcase = tcase_create("keeper");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 6 * PATIENCE_MS / 1000);
    tcase_add_test(tcase, it_is_told_what_was_signed);
    tcase_add_test(tcase, a_refusal_is_an_answer);
    tcase_add_test(tcase, a_keeper_that_is_silent_is_not_asked_again_before_it_answers);
    tcase_add_test(tcase, one_that_is_gone_is_noticed_at_once);
    tcase_add_test(tcase, another_keeper_is_asked_anew);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(keeper_suite)
