/* SPDX-License-Identifier: BSD-2-Clause */
/* The derivation of ticket keys, against vectors that another HKDF (of Python) has made. */
#include "support/check_main.h"
#include "tls/tls_ticket.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

static char hex[256];

static const char *
to_hex(const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        (void)snprintf(hex + 2 * i, sizeof(hex) - 2 * i, "%02x",
                       ((const unsigned char *)bytes)[i]);
    return hex;
}

static unsigned char secret[TLS_TICKET_SECRET], context[TLS_TICKET_CONTEXT];

/* From the bytes 0, 1, 2 ... 47, and for the frontend web. */
static void
setup(void)
{
    unsigned char bytes[48];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    ck_assert_int_eq(tls_ticket_extract(secret, bytes, sizeof(bytes)), 0);
    ck_assert_int_eq(tls_ticket_context(context, "web", NULL, 0), 0);
}

START_TEST(a_secret_is_extracted)
{
    ck_assert_str_eq(to_hex(secret, sizeof(secret)),
                     "5faa6cfe5742380e62f7981807620cd905a28a1402b9eb640b9f62d1386363a3");
}
END_TEST

START_TEST(a_context_is_a_digest)
{
    ck_assert_str_eq(to_hex(context, sizeof(context)),
                     "cd7dafb18aa02b54273b2f99905a188ed78f02ade3e7dbf113d6bda82223a5cf");
    ck_assert_int_eq(tls_ticket_context(context, "web", "rules", 5), 0);
    ck_assert_str_eq(to_hex(context, sizeof(context)),
                     "1eed525c68d6b5dc502649b7310c0bf65b89cb4f2f8b0da084bdd79f279a8eb7");
}
END_TEST

/* A name cannot pass for another one with rules. */
START_TEST(a_context_tells_name_and_rules_apart)
{
    unsigned char other[TLS_TICKET_CONTEXT];

    ck_assert_int_eq(tls_ticket_context(context, "webrules", NULL, 0), 0);
    ck_assert_int_eq(tls_ticket_context(other, "web", "rules", 5), 0);
    ck_assert_int_ne(memcmp(context, other, sizeof(other)), 0);
    ck_assert_int_eq(tls_ticket_context(context, NULL, NULL, 0), 0);
    ck_assert_int_eq(tls_ticket_context(other, "", NULL, 0), 0);
    ck_assert_int_eq(memcmp(context, other, sizeof(other)), 0);
}
END_TEST

START_TEST(a_key_is_derived)
{
    static const struct {
        uint32_t rotation_s;
        uint64_t epoch;
        const char *key;
    } vectors[] = {
        {28800, 61234,
         "e87c6db7081545fb1f43c49280633015ef5abd7e84efcacbdb007456414fa1b788d4cb3de1388a9b"
         "a57a532b356a7163ada30d421e46c71fdd2d80701ac28c34cfdd4fbf443a760659b6f8a51d7ec36"
         "0"},
        {1, UINT64_C(1) << 33,
         "f184f633edfe66ee70441ca5a21e55141f54ddb60d99715c384b20ad5b68c308745c6982fd865e07"
         "bdbdd28fae408a62a7c4b138670a5f4feb409ef76621fe546cd25ff19f35ebaadc56ea526bee544"
         "7"},
    };
    struct tls_ticket_key key;

    ck_assert_int_eq(
        tls_ticket_derive(&key, secret, context, vectors[_i].rotation_s, vectors[_i].epoch),
        0);
    ck_assert_str_eq(to_hex(&key, sizeof(key)), vectors[_i].key);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

/* Whatever goes in changes all three parts of a key. */
START_TEST(keys_have_nothing_in_common)
{
    struct tls_ticket_key key[5];

    ck_assert_int_eq(tls_ticket_derive(&key[0], secret, context, 60, 7), 0);
    ck_assert_int_eq(tls_ticket_derive(&key[1], secret, context, 60, 8), 0);
    ck_assert_int_eq(tls_ticket_derive(&key[2], secret, context, 61, 7), 0);
    context[31] ^= 1;
    ck_assert_int_eq(tls_ticket_derive(&key[3], secret, context, 60, 7), 0);
    context[31] ^= 1;
    secret[31] ^= 1;
    ck_assert_int_eq(tls_ticket_derive(&key[4], secret, context, 60, 7), 0);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < i; k++) {
            ck_assert_int_ne(memcmp(key[i].name, key[k].name, sizeof(key->name)), 0);
            ck_assert_int_ne(memcmp(key[i].cipher, key[k].cipher, sizeof(key->cipher)), 0);
            ck_assert_int_ne(memcmp(key[i].mac, key[k].mac, sizeof(key->mac)), 0);
        }
}
END_TEST

START_TEST(random_secrets_differ)
{
    unsigned char another[TLS_TICKET_SECRET];

    ck_assert_int_eq(tls_ticket_make_secret(secret), 0);
    ck_assert_int_eq(tls_ticket_make_secret(another), 0);
    ck_assert_int_ne(memcmp(secret, another, sizeof(secret)), 0);
}
END_TEST

static Suite *
tls_ticket_suite(void)
{
    Suite *suite = suite_create("tls_ticket");
    TCase *keys = tcase_create("keys");

    tcase_add_checked_fixture(keys, setup, NULL);
    tcase_add_test(keys, a_secret_is_extracted);
    tcase_add_test(keys, a_context_is_a_digest);
    tcase_add_test(keys, a_context_tells_name_and_rules_apart);
    tcase_add_loop_test(keys, a_key_is_derived, 0, 2);
    tcase_add_test(keys, keys_have_nothing_in_common);
    tcase_add_test(keys, random_secrets_differ);
    suite_add_tcase(suite, keys);
    return suite;
}

CHECK_MAIN(tls_ticket_suite)
