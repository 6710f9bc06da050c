/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_record.h"

#include "support/check_main.h"
#include "support/tls_pair.h"
#include "tls/tls_record_private.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* Each test runs with each version and each suite. */
#define CASES 6
static const char *const suites[][2] = {
    {"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"},
    {"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384"},
    {"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
     "TLS_CHACHA20_POLY1305_SHA256"},
};

#define BULK_BYTES (1u << 20)

static SSL_CTX *ctx;
static struct tls_pair pair;
static struct tls_keys keys;
static struct tls_record *record; /* ours */
static struct tls_record *forger; /* the client's: it writes what no library would */
static struct tls_gather forged;
static unsigned char *wire; /* from the client, not opened yet */
static size_t wire_len;
static unsigned char *plain; /* opened so far */
static size_t plain_len;
static char said[256];
static struct text why;
static bool no_memory;

static bool
is_13(void)
{
    return keys.version == TLS1_3_VERSION;
}

static void
make_forger(void)
{
    struct tls_keys swapped = keys;

    swapped.client = keys.server;
    swapped.server = keys.client;
    forger = tls_record_new(&swapped);
    ck_assert_ptr_nonnull(forger);
}

/* A handshake with a real client; then the record layer is ours. */
static void
begin(int i)
{
    int version = i % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
    struct config_frontend frontend = tls_pair_frontend(version);

    ctx = tls_pair_server_ctx(&frontend);
    tls_pair_init(&pair, ctx, version);
    ck_assert_int_eq(SSL_set_cipher_list(pair.client, suites[i / 2][0]), 1);
    ck_assert_int_eq(SSL_set_ciphersuites(pair.client, suites[i / 2][1]), 1);
    tls_pair_must_shake(&pair);
    ck_assert_int_eq(tls_keys_take(pair.server, &keys), 0);
    SSL_free(pair.server);
    pair.server = NULL;
    record = tls_record_new(&keys);
    ck_assert_ptr_nonnull(record);
    make_forger();
    ck_assert_int_eq(tls_gather_init(&forged, 512), 0);
    wire = malloc(2 * BULK_BYTES);
    plain = malloc(2 * BULK_BYTES);
    ck_assert(wire != NULL && plain != NULL);
    wire_len = plain_len = 0;
    text_init(&why, said, sizeof(said));
}

static void
end(void)
{
    ck_assert_uint_eq(ERR_peek_error(), 0);
    tls_record_free(record);
    tls_record_free(forger);
    tls_gather_clear(&forged);
    tls_pair_clear(&pair);
    SSL_CTX_free(ctx);
    free(wire);
    free(plain);
    tls_bio_cleanup();
    tls_record_cleanup();
}

/* ---- moving bytes ---- */

static enum tls_verdict
opens(const void *bytes, size_t len)
{
    struct tls_opening o = {
        .in = wire, .out = plain + plain_len, .gather = &pair.gather, .why = &why};
    enum tls_verdict verdict;

    memcpy(wire + wire_len, bytes, len);
    o.in_len = wire_len + len;
    verdict = tls_record_open(record, &o);
    memmove(wire, o.in, o.in_len);
    wire_len = o.in_len;
    plain_len += o.out_len;
    return verdict;
}

/* All that the client has written, so many bytes at a time. */
static enum tls_verdict
opens_in_pieces(size_t piece)
{
    enum tls_verdict verdict = TLS_WANT_READ;
    size_t len, at = 0;
    unsigned char *bytes = tls_pair_take(&pair, &len);

    while (at < len && verdict == TLS_WANT_READ) {
        size_t step = piece < len - at ? piece : len - at;

        verdict = opens(bytes + at, step);
        at += step;
    }
    free(bytes);
    return verdict;
}

/* The same of what the forger has written. */
static enum tls_verdict
opens_forged(void)
{
    enum tls_verdict verdict = opens(forged.data, forged.len);

    forged.len = 0;
    return verdict;
}

static void
forge(unsigned type, const void *data, size_t len)
{
    ck_assert_int_eq(record_put(forger, type, data, len, &forged), 0);
}

static void
must_have_heard(const char *words)
{
    ck_assert_uint_eq(plain_len, strlen(words));
    ck_assert_mem_eq(plain, words, plain_len);
    ck_assert_uint_eq(wire_len, 0);
    ck_assert_str_eq(said, "");
}

static void
says(const void *data, size_t len)
{
    ck_assert_int_eq(tls_record_seal(record, data, len, &pair.gather, &no_memory), 0);
}

static void
client_must_hear(const char *words, int error)
{
    char heard[256];

    (void)tls_pair_carry_down(&pair);
    ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)), error);
    ck_assert_str_eq(heard, words);
}

/* What we have gathered is this alert, of this level. */
static void
must_alert(const char *name)
{
    unsigned char out[64];
    char phrase[128], expected[128];
    struct text text;
    struct tls_opening o = {.in = pair.gather.data,
                            .in_len = pair.gather.len,
                            .out = out,
                            .gather = &forged,
                            .why = &text};

    text_init(&text, phrase, sizeof(phrase));
    ck_assert_uint_gt(o.in_len, 0);
    ck_assert_int_eq(tls_record_open(forger, &o), TLS_ALERT);
    snprintf(expected, sizeof(expected), "client sent alert: %s", name);
    ck_assert_str_eq(phrase, expected);
    pair.gather.len = 0;
}

/* These words, and perhaps warnings before them. */
static void
forger_must_hear(const char *words)
{
    unsigned char out[256];
    struct tls_opening o = {.in = pair.gather.data,
                            .in_len = pair.gather.len,
                            .out = out,
                            .gather = &forged,
                            .why = &why};

    ck_assert_int_eq(tls_record_open(forger, &o), TLS_WANT_READ);
    ck_assert_uint_eq(o.out_len, strlen(words));
    ck_assert_mem_eq(out, words, o.out_len);
    pair.gather.len = 0;
}

/* The connection has failed: with this phrase in the log, and this alert to the client. */
static void
must_fail(enum tls_verdict verdict, const char *phrase, const char *alert)
{
    ck_assert_int_eq(verdict, TLS_PROTOCOL);
    ck_assert_str_eq(said, phrase);
    must_alert(alert);
    ck_assert_int_eq(tls_record_seal(record, "x", 1, &pair.gather, &no_memory), -1);
    ck_assert(!no_memory);
    ck_assert_int_eq(tls_record_notify(record, &pair.gather, &no_memory), 0);
    ck_assert_uint_eq(pair.gather.len, 0);
    forge(23, "more", 4);
    ck_assert_int_eq(opens_forged(), TLS_PROTOCOL);
    ck_assert_uint_eq(pair.gather.len, 0);
}

static unsigned char *
make_bulk(void)
{
    unsigned char *bulk = malloc(BULK_BYTES);

    ck_assert_ptr_nonnull(bulk);
    for (size_t i = 0; i < BULK_BYTES; i++)
        bulk[i] = (unsigned char)(i * 2654435761u >> 13);
    return bulk;
}

/* ---- data ---- */

static const size_t sizes[] = {1, 2, 15, 16, 17, 1000, 16383, 16384, 16385, 40000};

START_TEST(data_of_all_sizes_goes_up)
{
    unsigned char *bulk = make_bulk();

    begin(_i);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        plain_len = 0;
        ck_assert_int_eq(SSL_write(pair.client, bulk, (int)sizes[i]), sizes[i]);
        ck_assert_int_eq(opens_in_pieces(sizes[i] % 977 + 1), TLS_WANT_READ);
        ck_assert_uint_eq(plain_len, sizes[i]);
        ck_assert_int_eq(memcmp(plain, bulk, plain_len), 0);
        ck_assert_uint_eq(wire_len, 0);
    }
    free(bulk);
    end();
}
END_TEST

START_TEST(data_comes_byte_by_byte)
{
    begin(_i);
    tls_pair_client_says(&pair, "one ");
    tls_pair_client_says(&pair, "two");
    ck_assert_int_eq(opens_in_pieces(1), TLS_WANT_READ);
    must_have_heard("one two");
    end();
}
END_TEST

static void
client_must_hear_bulk(const unsigned char *bulk, size_t len)
{
    char *heard = malloc(len + 2);

    ck_assert_ptr_nonnull(heard);
    (void)tls_pair_carry_down(&pair);
    ck_assert_int_eq(tls_pair_client_hears(&pair, heard, len + 2), SSL_ERROR_WANT_READ);
    ck_assert_int_eq(memcmp(heard, bulk, len), 0);
    ck_assert_int_eq(heard[len], '\0');
    free(heard);
}

START_TEST(data_of_all_sizes_goes_down)
{
    unsigned char *bulk = make_bulk();

    begin(_i);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        says(bulk, sizes[i]);
        client_must_hear_bulk(bulk, sizes[i]);
    }
    says(bulk, BULK_BYTES);
    client_must_hear_bulk(bulk, BULK_BYTES);
    free(bulk);
    end();
}
END_TEST

START_TEST(a_megabyte_goes_up)
{
    unsigned char *bulk = make_bulk();

    begin(_i);
    ck_assert_int_eq(SSL_write(pair.client, bulk, BULK_BYTES), BULK_BYTES);
    ck_assert_int_eq(opens_in_pieces(99991), TLS_WANT_READ);
    ck_assert_uint_eq(plain_len, BULK_BYTES);
    ck_assert_int_eq(memcmp(plain, bulk, BULK_BYTES), 0);
    free(bulk);
    end();
}
END_TEST

/* RFC 5288, 3: OpenSSL has used one of the explicit nonces already. */
START_TEST(no_nonce_is_used_twice)
{
    uint64_t last = 0, first = 0;

    begin(1 + 2 * _i);
    for (unsigned i = 0; i < 8; i++)
        last = last << 8 | pair.bio.written.nonce[i];
    ck_assert_uint_eq(pair.bio.written.count, 1); /* Finished */
    for (uint64_t n = 1; n <= 3; n++) {
        says("x", 1);
        first = 0;
        for (unsigned i = 0; i < 8; i++)
            first = first << 8 | pair.gather.data[5 + i];
        ck_assert_uint_eq(first, last + n);
        pair.gather.len = 0;
    }
    end();
}
END_TEST

START_TEST(no_memory_to_write_leaves_the_gather_alone)
{
    size_t size;

    begin(_i);
    size = pair.gather.size;
    pair.gather.len = pair.gather.size = SIZE_MAX / 2; /* as full as a test can pretend */
    ck_assert_int_eq(tls_record_seal(record, "x", 1, &pair.gather, &no_memory), -1);
    ck_assert(no_memory);
    ck_assert_uint_eq(pair.gather.len, SIZE_MAX / 2);
    pair.gather.size = size;
    pair.gather.len = 0;
    ck_assert_int_eq(tls_record_seal(record, "x", 1, &pair.gather, &no_memory), -1);
    ck_assert(!no_memory);
    end();
}
END_TEST

/* ---- ends ---- */

START_TEST(the_client_ends_and_we_go_on)
{
    begin(_i);
    tls_pair_client_says(&pair, "bye");
    tls_pair_client_ends(&pair);
    ck_assert_int_eq(opens_in_pieces(1000), TLS_NOTIFY);
    must_have_heard("bye");
    says("the answer", 10);
    client_must_hear("the answer", SSL_ERROR_WANT_READ);
    ck_assert_int_eq(opens("rubbish", 7), TLS_NOTIFY);
    ck_assert_uint_eq(wire_len, 0);
    ck_assert_int_eq(tls_record_notify(record, &pair.gather, &no_memory), 0);
    client_must_hear("", SSL_ERROR_ZERO_RETURN);
    end();
}
END_TEST

START_TEST(we_end_and_the_client_goes_on)
{
    begin(_i);
    says("bye", 3);
    ck_assert_int_eq(tls_record_notify(record, &pair.gather, &no_memory), 0);
    client_must_hear("bye", SSL_ERROR_ZERO_RETURN);
    ck_assert_int_eq(tls_record_notify(record, &pair.gather, &no_memory), 0);
    ck_assert_int_eq(tls_record_seal(record, "x", 1, &pair.gather, &no_memory), -1);
    ck_assert_uint_eq(pair.gather.len, 0);
    tls_pair_client_says(&pair, "still here");
    ck_assert_int_eq(opens_in_pieces(7), TLS_WANT_READ);
    must_have_heard("still here");
    /* Nothing follows an end: no alert either. */
    ck_assert_int_eq(opens("\x17\x03\x03\xff\xff", 5), TLS_PROTOCOL);
    ck_assert_uint_eq(pair.gather.len, 0);
    end();
}
END_TEST

START_TEST(a_fatal_alert_is_told)
{
    begin(_i);
    forge(23, "data", 4);
    forge(21, "\x02\x2e", 2);
    ck_assert_int_eq(opens_forged(), TLS_ALERT);
    ck_assert_uint_eq(plain_len, 4);
    ck_assert_str_eq(said, "client sent alert: certificate unknown");
    ck_assert_int_eq(tls_record_seal(record, "x", 1, &pair.gather, &no_memory), -1);
    ck_assert_uint_eq(pair.gather.len, 0);
    end();
}
END_TEST

/* RFC 8446, 6.1: user_canceled. RFC 5246, 7.2.2: any warning. */
START_TEST(four_warnings_in_a_row_are_ignored)
{
    begin(_i);
    for (unsigned i = 0; i < 4; i++)
        forge(21, "\x01\x5a", 2);
    forge(23, "data", 4);
    for (unsigned i = 0; i < 4; i++)
        forge(21, "\x01\x5a", 2);
    ck_assert_int_eq(opens_forged(), TLS_WANT_READ);
    must_have_heard("data");
    forge(21, "\x01\x5a", 2);
    must_fail(opens_forged(), "too many warn alerts", "unexpected message");
    end();
}
END_TEST

START_TEST(a_warning_is_fatal_in_13)
{
    begin(_i);
    forge(21, "\x01\x2e", 2);
    ck_assert_int_eq(opens_forged(), is_13() ? TLS_ALERT : TLS_WANT_READ);
    ck_assert_str_eq(said, is_13() ? "client sent alert: certificate unknown" : "");
    end();
}
END_TEST

/* ---- what is wrong ---- */

static const struct {
    unsigned type;
    const char *data;
    size_t len;
    const char *phrase, *alert;
} wrongs[] = {
    {21, "\x01", 1, "invalid alert", "unexpected message"},
    {21, "", 0, "invalid alert", "unexpected message"},
    {21, "\x01\x00\x01", 3, "invalid alert", "unexpected message"},
    {20, "\x01", 1, "unexpected message", "unexpected message"},
    {24, "\x01", 1, "unexpected message", "unexpected message"},
    {22, "\x02\0\0\0", 4, "unexpected message", "unexpected message"}, /* ServerHello */
};

START_TEST(wrong_contents_are_refused)
{
    for (size_t i = 0; i < COUNT_OF(wrongs); i++) {
        begin(_i);
        forge(23, "data", 4);
        forge(wrongs[i].type, wrongs[i].data, wrongs[i].len);
        must_fail(opens_forged(), wrongs[i].phrase, wrongs[i].alert);
        ck_assert_uint_eq(plain_len, 4);
        end();
    }
}
END_TEST

static const struct {
    const char *data;
    size_t len;
    const char *phrase, *alert;
} wrong_messages[] = {
    {"\x18\0\0\1\2", 5, "bad key update", "illegal parameter"},
    {"\x18\0\0\2\0", 5, "bad key update", "decode error"},
    {"\x18\0\0\1\0\x18", 6, "not on record boundary", "unexpected message"},
    {"\x04\0\0\0", 4, "unexpected message", "unexpected message"}, /* a ticket */
    {"\x01\0\0\0", 4, "unexpected message", "unexpected message"}, /* a hello */
    {"", 0, "unexpected message", "unexpected message"},
};

START_TEST(wrong_messages_are_refused_in_13)
{
    for (size_t i = 0; i < COUNT_OF(wrong_messages); i++) {
        begin(2 * _i);
        forge(22, wrong_messages[i].data, wrong_messages[i].len);
        must_fail(opens_forged(), wrong_messages[i].phrase, wrong_messages[i].alert);
        end();
    }
}
END_TEST

/* RFC 8446, 5.1: nothing comes between the parts of a message. */
START_TEST(data_inside_a_message_is_refused_in_13)
{
    begin(2 * _i);
    forge(22, "\x18\0", 2);
    ck_assert_int_eq(opens_forged(), TLS_WANT_READ);
    ck_assert_int_eq(tls_record_seal(record, "x", 1, &pair.gather, &no_memory), -1);
    ck_assert_int_eq(tls_record_notify(record, &pair.gather, &no_memory), -1);
    ck_assert(!no_memory);
    ck_assert_uint_eq(pair.gather.len, 0);
    forge(23, "x", 1);
    ck_assert_int_eq(opens_forged(), TLS_PROTOCOL);
    must_alert("unexpected message");
    end();
}
END_TEST

/* Each byte of it changed, one after the other. */
START_TEST(a_forged_record_does_not_decrypt)
{
    unsigned char sound[64];
    size_t len;

    begin(_i);
    forge(23, "data", 4);
    len = forged.len;
    memcpy(sound, forged.data, len);
    end();
    for (size_t i = 5; i < len; i++) {
        begin(_i);
        forge(23, "data", 4);
        forged.data[i] ^= 1;
        ck_assert_int_eq(opens_forged(), TLS_PROTOCOL);
        ck_assert_uint_eq(plain_len, 0);
        ck_assert_str_eq(said, "record does not decrypt");
        must_alert("bad record mac");
        end();
    }
}
END_TEST

/* Too short for a tag, or for more than it. */
START_TEST(a_truncated_record_does_not_decrypt)
{
    for (unsigned char len = 0; len < 24; len++) {
        unsigned char bytes[5 + 24] = {23, 3, 3, 0, len};

        begin(_i);
        must_fail(opens(bytes, 5 + (size_t)len), "record does not decrypt",
                  "bad record mac");
        end();
    }
}
END_TEST

START_TEST(records_do_not_swap_places)
{
    begin(_i);
    forge(23, "one", 3);
    forged.len = 0;
    forge(23, "two", 3);
    must_fail(opens_forged(), "record does not decrypt", "bad record mac");
    end();
}
END_TEST

/* The header is enough: a client would else make us wait for, and keep, 64 KiB. */
START_TEST(a_record_too_long_is_refused_at_its_header)
{
    begin(_i);
    ck_assert_int_eq(opens(is_13() ? "\x17\x03\x03\x41\x00" : "\x17\x03\x03\x48\x00", 5),
                     TLS_WANT_READ);
    wire_len = 0;
    must_fail(opens(is_13() ? "\x17\x03\x03\x41\x01" : "\x17\x03\x03\x48\x01", 5),
              "record too long", "record overflow");
    end();
}
END_TEST

START_TEST(a_plaintext_too_long_is_refused)
{
    unsigned char *bulk = make_bulk();

    begin(_i);
    forge(23, bulk, 16384);
    ck_assert_int_eq(opens_forged(), TLS_WANT_READ);
    forge(23, bulk, 16385);
    must_fail(opens_forged(), "record too long", "record overflow");
    free(bulk);
    end();
}
END_TEST

START_TEST(wrong_types_are_refused_at_the_header)
{
    static const unsigned char types[] = {0, 19, 20, 21, 22, 24, 255};

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        unsigned char header[] = {types[i], 3, 3, 0, 30};

        begin(_i);
        if (is_13() || types[i] < 21 || types[i] > 23)
            must_fail(opens(header, 5), "unexpected message", "unexpected message");
        else
            ck_assert_int_eq(opens(header, 5), TLS_WANT_READ);
        end();
    }
}
END_TEST

START_TEST(another_version_is_refused_in_12)
{
    begin(_i);
    forge(23, "data", 4);
    forged.data[2] = 4;
    ck_assert_int_eq(opens_forged(), TLS_PROTOCOL);
    /* In 1.3 it is ignored, but is a part of what is authenticated. */
    ck_assert_str_eq(said, is_13() ? "record does not decrypt" : "not TLS");
    end();
}
END_TEST

START_TEST(empty_records_are_counted)
{
    begin(_i);
    for (unsigned i = 0; i < 32; i++)
        forge(23, "", 0);
    forge(23, "data", 4);
    for (unsigned i = 0; i < 32; i++)
        forge(23, "", 0);
    ck_assert_int_eq(opens_forged(), TLS_WANT_READ);
    must_have_heard("data");
    forge(23, "", 0);
    must_fail(opens_forged(), "record too small", "unexpected message");
    end();
}
END_TEST

START_TEST(padding_is_taken_off)
{
    char inner[16384] = "data\x17";

    begin(2 * _i);
    forge(0, inner, 5); /* with a type behind it that is one more zero */
    forge(0, inner, sizeof(inner));
    forge(0, "\x17", 1); /* nothing but padding */
    ck_assert_int_eq(opens_forged(), TLS_WANT_READ);
    must_have_heard("datadata");
    forge(0, "\0\0\0\0", 4); /* not even a type */
    must_fail(opens_forged(), "unexpected message", "unexpected message");
    end();
}
END_TEST

/* ---- renegotiation (TLS 1.2) ---- */

START_TEST(a_renegotiation_is_refused_and_passed_over)
{
    char hello[300] = "\1\0\1\x28";

    begin(1 + 2 * _i);
    forge(22, hello, 2);
    forge(22, hello + 2, 98);
    forge(22, hello + 100, 199);
    forge(23, "da", 2); /* TLS 1.2 lets data in between */
    forge(22, hello + 299, 1);
    ck_assert_uint_eq(pair.gather.len, 0);
    ck_assert_int_eq(opens_forged(), TLS_WANT_READ);
    ck_assert_uint_gt(pair.gather.len, 0);
    forge(22, "\1\0\0\0\1\0\0\1x", 9); /* two at once */
    forge(23, "ta", 2);
    ck_assert_int_eq(opens_forged(), TLS_WANT_READ);
    must_have_heard("data");
    ck_assert_uint_eq(pair.gather.len,
                      3 * (keys.suite == TLS_SUITE_CHACHA20_POLY1305 ? 23 : 31));
    says("answer", 6);
    forger_must_hear("answer");
    forge(22, "\x10", 1); /* ClientKeyExchange */
    forge(22, "\0\0\0", 3);
    must_fail(opens_forged(), "unexpected message", "unexpected message");
    end();
}
END_TEST

START_TEST(a_real_client_is_refused_a_renegotiation)
{
    char heard[16];

    begin(1 + 2 * _i);
    ck_assert_int_eq(SSL_renegotiate(pair.client), 1);
    (void)SSL_do_handshake(pair.client);
    ck_assert_int_eq(opens_in_pieces(3), TLS_WANT_READ);
    (void)tls_pair_carry_down(&pair);
    ck_assert_int_eq(tls_pair_client_hears(&pair, heard, sizeof(heard)), SSL_ERROR_SSL);
    ck_assert_int_eq(ERR_GET_REASON(pair.client_error), SSL_R_NO_RENEGOTIATION);
    end();
}
END_TEST

/* ---- key updates (TLS 1.3) ---- */

START_TEST(the_client_updates_its_key)
{
    begin(2 * _i);
    tls_pair_client_says(&pair, "one ");
    ck_assert_int_eq(SSL_key_update(pair.client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    tls_pair_client_says(&pair, "two ");
    ck_assert_int_eq(SSL_key_update(pair.client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    tls_pair_client_says(&pair, "three");
    ck_assert_int_eq(opens_in_pieces(11), TLS_WANT_READ);
    must_have_heard("one two three");
    ck_assert(!record->update_due);
    ck_assert_int_eq(record->client.seq, 1);
    says("answer", 6);
    ck_assert_int_eq(record->server.seq, keys.server.seq + 1);
    client_must_hear("answer", SSL_ERROR_WANT_READ);
    end();
}
END_TEST

START_TEST(a_key_update_that_is_asked_for_precedes_our_data)
{
    begin(2 * _i);
    for (int i = 0; i < 3; i++) {
        plain_len = 0;
        says("before ", 7);
        ck_assert_int_eq(SSL_key_update(pair.client, SSL_KEY_UPDATE_REQUESTED), 1);
        tls_pair_client_says(&pair, "new key");
        ck_assert_int_eq(opens_in_pieces(1), TLS_WANT_READ);
        must_have_heard("new key");
        client_must_hear("before ", SSL_ERROR_WANT_READ);
        says("after ", 6);
        ck_assert_uint_eq(record->server.seq, 1);
        says("and after", 9);
        ck_assert_uint_eq(record->server.seq, 2);
        client_must_hear("after and after", SSL_ERROR_WANT_READ);
    }
    ck_assert_int_eq(tls_record_notify(record, &pair.gather, &no_memory), 0);
    client_must_hear("", SSL_ERROR_ZERO_RETURN);
    end();
}
END_TEST

START_TEST(a_key_update_comes_in_pieces)
{
    static const char update[] = "\x18\0\0\1\1";

    begin(2 * _i);
    for (int i = 0; i < 5; i++)
        forge(22, update + i, 1);
    ck_assert_int_eq(record_next_key(forger, &forger->server), 0);
    forge(23, "data", 4);
    ck_assert_int_eq(opens_forged(), TLS_WANT_READ);
    must_have_heard("data");
    ck_assert(record->update_due);
    end();
}
END_TEST

START_TEST(a_flood_of_key_updates_is_refused)
{
    begin(2 * _i);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 32; i++) {
            forge(22, "\x18\0\0\1\0", 5);
            ck_assert_int_eq(record_next_key(forger, &forger->server), 0);
        }
        ck_assert_int_eq(opens_forged(), TLS_WANT_READ);
    }
    for (int i = 0; i < 33; i++) {
        forge(22, "\x18\0\0\1\0", 5);
        ck_assert_int_eq(record_next_key(forger, &forger->server), 0);
    }
    must_fail(opens_forged(), "too many renegotiations or key updates",
              "unexpected message");
    end();
}
END_TEST

/* RFC 8446, 5.5. */
START_TEST(we_update_our_key_before_it_is_worn_out)
{
    unsigned char *bulk = make_bulk();

    begin(2 * _i);
    record->key_limit = 4;
    for (int i = 0; i < 10; i++) {
        says("x", 1);
        ck_assert_uint_lt(record->server.seq, 4);
        client_must_hear("x", SSL_ERROR_WANT_READ);
    }
    says(bulk, 200000);
    ck_assert_uint_lt(record->server.seq, 4);
    client_must_hear_bulk(bulk, 200000);
    tls_pair_client_says(&pair, "no answer is due");
    ck_assert_int_eq(opens_in_pieces(100), TLS_WANT_READ);
    must_have_heard("no answer is due");
    free(bulk);
    end();
}
END_TEST

/* ---- the suite ---- */

static Suite *
tls_record_suite(void)
{
    Suite *suite = suite_create("tls_record");
    TCase *all = tcase_create("all"), *one = tcase_create("one version");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, data_of_all_sizes_goes_up, 0, CASES);
    tcase_add_loop_test(all, data_comes_byte_by_byte, 0, CASES);
    tcase_add_loop_test(all, data_of_all_sizes_goes_down, 0, CASES);
    tcase_add_loop_test(all, a_megabyte_goes_up, 0, CASES);
    tcase_add_loop_test(all, no_memory_to_write_leaves_the_gather_alone, 0, CASES);
    tcase_add_loop_test(all, the_client_ends_and_we_go_on, 0, CASES);
    tcase_add_loop_test(all, we_end_and_the_client_goes_on, 0, CASES);
    tcase_add_loop_test(all, a_fatal_alert_is_told, 0, CASES);
    tcase_add_loop_test(all, four_warnings_in_a_row_are_ignored, 0, CASES);
    tcase_add_loop_test(all, a_warning_is_fatal_in_13, 0, CASES);
    tcase_add_loop_test(all, wrong_contents_are_refused, 0, CASES);
    tcase_add_loop_test(all, a_forged_record_does_not_decrypt, 0, CASES);
    tcase_add_loop_test(all, a_truncated_record_does_not_decrypt, 0, CASES);
    tcase_add_loop_test(all, records_do_not_swap_places, 0, CASES);
    tcase_add_loop_test(all, a_record_too_long_is_refused_at_its_header, 0, CASES);
    tcase_add_loop_test(all, a_plaintext_too_long_is_refused, 0, CASES);
    tcase_add_loop_test(all, wrong_types_are_refused_at_the_header, 0, CASES);
    tcase_add_loop_test(all, another_version_is_refused_in_12, 0, CASES);
    tcase_add_loop_test(all, empty_records_are_counted, 0, CASES);
    suite_add_tcase(suite, all);

    tcase_set_timeout(one, 60);
    tcase_add_loop_test(one, no_nonce_is_used_twice, 0, 2); /* the suites with GCM */
    tcase_add_loop_test(one, wrong_messages_are_refused_in_13, 0, 3);
    tcase_add_loop_test(one, data_inside_a_message_is_refused_in_13, 0, 3);
    tcase_add_loop_test(one, padding_is_taken_off, 0, 3);
    tcase_add_loop_test(one, a_renegotiation_is_refused_and_passed_over, 0, 3);
    tcase_add_loop_test(one, a_real_client_is_refused_a_renegotiation, 0, 3);
    tcase_add_loop_test(one, the_client_updates_its_key, 0, 3);
    tcase_add_loop_test(one, a_key_update_that_is_asked_for_precedes_our_data, 0, 3);
    tcase_add_loop_test(one, a_key_update_comes_in_pieces, 0, 3);
    tcase_add_loop_test(one, a_flood_of_key_updates_is_refused, 0, 3);
    tcase_add_loop_test(one, we_update_our_key_before_it_is_worn_out, 0, 3);
    suite_add_tcase(suite, one);
    return suite;
}

CHECK_MAIN(tls_record_suite)
