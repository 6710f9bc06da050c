/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/reason.h"

#include "base/attr.h"
#include "support/check_main.h"

#include <string.h>

/* The names are a promise: the log, the metrics and the manual use them. */
static const struct {
    enum reason reason;
    const char *name;
    enum blame blame;
} words[] = {
    {REASON_CLEAN, "clean", BLAME_NOBODY},
    {REASON_CLIENT_TRUNCATED, "client-truncated", BLAME_CLIENT},
    {REASON_CLIENT_RESET, "client-reset", BLAME_CLIENT},
    {REASON_CLIENT_TLS_ERROR, "client-tls-error", BLAME_CLIENT},
    {REASON_CLIENT_ALERT, "client-alert", BLAME_CLIENT},
    {REASON_HANDSHAKE_FAILED, "handshake-failed", BLAME_CLIENT},
    {REASON_BACKEND_REFUSED, "backend-refused", BLAME_BACKEND},
    {REASON_BACKEND_UNREACHABLE, "backend-unreachable", BLAME_BACKEND},
    {REASON_BACKEND_RESET, "backend-reset", BLAME_BACKEND},
    {REASON_TIMEOUT_HANDSHAKE, "timeout-handshake", BLAME_CLIENT},
    {REASON_TIMEOUT_CONNECT, "timeout-connect", BLAME_BACKEND},
    {REASON_TIMEOUT_IDLE, "timeout-idle", BLAME_NOBODY},
    {REASON_TIMEOUT_HALF_CLOSED, "timeout-half-closed", BLAME_NOBODY},
    {REASON_TIMEOUT_CLOSE_WAIT, "timeout-close-wait", BLAME_CLIENT},
    {REASON_ACME_CHALLENGE, "acme-challenge", BLAME_NOBODY},
    {REASON_CLIENT_CERT_EXPIRED, "client-cert-expired", BLAME_CLIENT},
    {REASON_CLIENT_CERT_REVOKED, "client-cert-revoked", BLAME_CLIENT},
    {REASON_PROXY_UNTRUSTED, "proxy-untrusted", BLAME_CLIENT},
    {REASON_PROXY_HEADER_MISSING, "proxy-header-missing", BLAME_CLIENT},
    {REASON_PROXY_HEADER_WRONG, "proxy-header-wrong", BLAME_CLIENT},
    {REASON_DRAIN_FORCED, "drain-forced", BLAME_SALLYPORT},
    {REASON_OVERLOAD, "overload", BLAME_SALLYPORT},
    {REASON_DENIED, "denied", BLAME_CLIENT},
    {REASON_LIMIT_HANDSHAKES, "limit-handshakes", BLAME_SALLYPORT},
    {REASON_LIMIT_RATE, "limit-rate", BLAME_SALLYPORT},
    {REASON_LIMIT_SOURCE_CONNECTIONS, "limit-source-connections", BLAME_CLIENT},
    {REASON_LIMIT_SOURCE_HANDSHAKES, "limit-source-handshakes", BLAME_CLIENT},
    {REASON_LIMIT_SOURCE_RATE, "limit-source-rate", BLAME_CLIENT},
    {REASON_INTERNAL_ERROR, "internal-error", BLAME_SALLYPORT},
};

START_TEST(name_is_that_of_the_manual)
{
    ck_assert_str_eq(reason_name(words[_i].reason), words[_i].name);
}
END_TEST

/* Only where it is beyond dispute: a time-out's blame depends on how one looks at it. */
START_TEST(blame_is_whose_doing_it_was)
{
    if (strncmp(words[_i].name, "timeout-", 8) != 0)
        ck_assert_int_eq(reason_blame(words[_i].reason), words[_i].blame);
    else
        ck_assert_int_le(reason_blame(words[_i].reason), BLAME_SALLYPORT);
}
END_TEST

START_TEST(sentence_is_for_people)
{
    const char *sentence = reason_sentence(words[_i].reason);

    ck_assert_uint_gt(strlen(sentence), 8);
    ck_assert_ptr_ne(strchr(sentence, ' '), NULL);
    ck_assert_int_ne(sentence[strlen(sentence) - 1], '.');
    ck_assert_ptr_eq(strchr(sentence, '\n'), NULL);
    ck_assert_ptr_eq(strchr(sentence, '"'), NULL);
}
END_TEST

START_TEST(words_are_complete_and_distinct)
{
    ck_assert_uint_eq(COUNT_OF(words), REASONS - 1);
    for (unsigned i = 0; i < REASONS; i++) {
        ck_assert_ptr_ne(reason_name(i), NULL);
        ck_assert_ptr_ne(reason_sentence(i), NULL);
        for (unsigned k = 0; k < i; k++) {
            ck_assert_str_ne(reason_name(i), reason_name(k));
            ck_assert_str_ne(reason_sentence(i), reason_sentence(k));
        }
    }
}
END_TEST

START_TEST(nothing_is_nobodys_doing)
{
    ck_assert_int_eq(reason_blame(REASON_NONE), BLAME_NOBODY);
    ck_assert_uint_eq(strspn(reason_name(REASON_NONE), "abcdefghijklmnopqrstuvwxyz-"),
                      strlen(reason_name(REASON_NONE)));
}
END_TEST

START_TEST(blame_has_a_name)
{
    ck_assert_str_eq(blame_name(BLAME_NOBODY), "nobody");
    ck_assert_str_eq(blame_name(BLAME_CLIENT), "client");
    ck_assert_str_eq(blame_name(BLAME_BACKEND), "backend");
    ck_assert_str_eq(blame_name(BLAME_SALLYPORT), "sallyport");
}
END_TEST

static Suite *
reason_suite(void)
{
    Suite *suite = suite_create("reason");
    TCase *tc = tcase_create("reason");

    tcase_add_loop_test(tc, name_is_that_of_the_manual, 0, (int)COUNT_OF(words));
    tcase_add_loop_test(tc, blame_is_whose_doing_it_was, 0, (int)COUNT_OF(words));
    tcase_add_loop_test(tc, sentence_is_for_people, 0, (int)COUNT_OF(words));
    tcase_add_test(tc, words_are_complete_and_distinct);
    tcase_add_test(tc, nothing_is_nobodys_doing);
    tcase_add_test(tc, blame_has_a_name);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(reason_suite)
