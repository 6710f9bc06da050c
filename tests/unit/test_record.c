/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/record.h"

#include "support/check_main.h"

#include <string.h>

static char buf[RECORD_LINE_SIZE];
static struct text out;

static void
begin(void)
{
    text_init(&out, buf, sizeof(buf));
}

static const struct record full = {
    .start_wall_us = 1769860800123456,
    .id = 7,
    .client = "192.0.2.1:50000",
    .frontend = "mail",
    .listen = "[::]:993",
    .backend = "unix:/run/mail.sock",
    .sni = "mail.example.org",
    .alpn = "imap",
    .tls = "TLSv1.3",
    .cipher = "TLS_AES_128_GCM_SHA256",
    .group = "x25519",
    .error = "the socket said \"no\"",
    .handshake_done = true,
    .resumed = true,
    .up_bytes = 18446744073709551615u,
    .down_bytes = 0,
    .handshake_us = 1234,
    .connect_us = 7,
    .whole_us = 3600000001,
    .reason = REASON_CLIENT_TRUNCATED,
    .first = TERM_THE_CLIENT,
    .client_end = TERM_END_FIN,
    .backend_end = TERM_END_NONE,
    .truncated = true,
};

static const struct record unknown = {
    .handshake_us = -1,
    .connect_us = -1,
    .whole_us = 0,
    .reason = REASON_TIMEOUT_HANDSHAKE,
    .first = TERM_SALLYPORT,
};

/* Where one server was enough nothing is said of it. */
START_TEST(test_attempts)
{
    struct record r = full;

    r.attempts = (unsigned)_i;
    begin();
    record_format_text(&r, "info", &out);
    ck_assert_int_eq(strstr(buf, " backend=unix:/run/mail.sock attempts=2 sni=") != NULL,
                     _i == 2);
    ck_assert_int_eq(strstr(buf, "attempts") != NULL, _i == 2);
    begin();
    record_format_json(&r, "info", &out);
    ck_assert_int_eq(strstr(buf, "\",\"attempts\":2,\"sni\":") != NULL, _i == 2);
}
END_TEST

START_TEST(test_text_of_everything)
{
    record_format_text(&full, "info", &out);
    ck_assert_str_eq(
        buf, "time=2026-01-31T12:00:00.123Z level=info msg=connection id=7 "
             "client=192.0.2.1:50000 frontend=mail listen=[::]:993 "
             "backend=unix:/run/mail.sock sni=mail.example.org alpn=imap tls=TLSv1.3 "
             "cipher=TLS_AES_128_GCM_SHA256 group=x25519 "
             "error=\"the socket said \\\"no\\\"\" resumed=yes up=18446744073709551615 "
             "down=0 handshake=1.234ms connect=0.007ms duration=3600000.001ms "
             "reason=client-truncated first=client client-end=fin backend-end=none "
             "truncated=yes");
    ck_assert(!out.cut);
}
END_TEST

START_TEST(test_json_of_everything)
{
    record_format_json(&full, "info", &out);
    ck_assert_str_eq(
        buf, "{\"time\":\"2026-01-31T12:00:00.123Z\",\"level\":\"info\","
             "\"msg\":\"connection\",\"id\":7,\"client\":\"192.0.2.1:50000\","
             "\"frontend\":\"mail\",\"listen\":\"[::]:993\","
             "\"backend\":\"unix:/run/mail.sock\",\"sni\":\"mail.example.org\","
             "\"alpn\":\"imap\",\"tls\":\"TLSv1.3\",\"cipher\":\"TLS_AES_128_GCM_SHA256\","
             "\"group\":\"x25519\",\"error\":\"the socket said \\\"no\\\"\","
             "\"resumed\":true,\"up_bytes\":18446744073709551615,\"down_bytes\":0,"
             "\"handshake_ms\":1.234,\"connect_ms\":0.007,\"duration_ms\":3600000.001,"
             "\"reason\":\"client-truncated\",\"first\":\"client\",\"client_end\":\"fin\","
             "\"backend_end\":\"none\",\"truncated\":true}");
    ck_assert(!out.cut);
    ck_assert_uint_eq(out.len, strlen(buf));
}
END_TEST

START_TEST(test_text_of_the_unknown)
{
    record_format_text(&unknown, "probe", &out);
    ck_assert_str_eq(buf, "time=1970-01-01T00:00:00.000Z level=probe "
                          "msg=\"handshake failed\" id=0 client=- frontend=- listen=- "
                          "backend=- sni=- alpn=- tls=- cipher=- group=- resumed=- up=0 "
                          "down=0 handshake=- connect=- duration=0.000ms "
                          "reason=timeout-handshake first=sallyport client-end=none "
                          "backend-end=none");
}
END_TEST

START_TEST(test_json_of_the_unknown)
{
    record_format_json(&unknown, "probe", &out);
    ck_assert_str_eq(buf, "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"probe\","
                          "\"msg\":\"handshake failed\",\"id\":0,\"client\":null,"
                          "\"frontend\":null,\"listen\":null,\"backend\":null,\"sni\":null,"
                          "\"alpn\":null,\"tls\":null,\"cipher\":null,\"group\":null,"
                          "\"resumed\":null,\"up_bytes\":0,\"down_bytes\":0,"
                          "\"handshake_ms\":null,\"connect_ms\":null,\"duration_ms\":0.000,"
                          "\"reason\":\"timeout-handshake\",\"first\":\"sallyport\","
                          "\"client_end\":\"none\",\"backend_end\":\"none\"}");
}
END_TEST

START_TEST(test_certificate_of_a_client)
{
    struct record r = full;

    r.client_cert = "CN=alice,O=\"Ex\"";
    record_format_text(&r, "info", &out);
    ck_assert_ptr_nonnull(
        strstr(buf, " group=x25519 client-cert=\"CN=alice,O=\\\"Ex\\\"\" error="));
    begin();
    record_format_json(&r, "info", &out);
    ck_assert_ptr_nonnull(strstr(
        buf, ",\"group\":\"x25519\",\"client_cert\":\"CN=alice,O=\\\"Ex\\\"\",\"error\":"));
}
END_TEST

START_TEST(test_who_told_of_the_client)
{
    struct record r = full;

    r.proxy = "10.0.0.1:4711";
    record_format_text(&r, "info", &out);
    ck_assert_ptr_nonnull(
        strstr(buf, " client=192.0.2.1:50000 proxy=10.0.0.1:4711 frontend=mail "));
    begin();
    record_format_json(&r, "info", &out);
    ck_assert_ptr_nonnull(strstr(
        buf, ",\"client\":\"192.0.2.1:50000\",\"proxy\":\"10.0.0.1:4711\",\"frontend\":"));
}
END_TEST

START_TEST(test_not_resumed)
{
    struct record r = full;

    r.resumed = false;
    record_format_text(&r, "info", &out);
    ck_assert_ptr_nonnull(strstr(buf, " resumed=no "));
    begin();
    record_format_json(&r, "info", &out);
    ck_assert_ptr_nonnull(strstr(buf, ",\"resumed\":false,"));
}
END_TEST

START_TEST(test_message_tells_failed_handshakes)
{
    struct record r = full;

    r.reason = (enum reason)_i;
    record_format_text(&r, "info", &out);
    if (_i == REASON_HANDSHAKE_FAILED || _i == REASON_TIMEOUT_HANDSHAKE)
        ck_assert_ptr_nonnull(strstr(buf, " msg=\"handshake failed\" "));
    else
        ck_assert_ptr_nonnull(strstr(buf, " msg=connection "));
}
END_TEST

START_TEST(test_appends)
{
    text_add(&out, "before ");
    record_format_json(&unknown, "info", &out);
    ck_assert_int_eq(strncmp(buf, "before {\"time\"", 14), 0);
    text_init(&out, buf, 100);
    text_add(&out, "before ");
    record_format_json(&unknown, "info", &out);
    ck_assert_str_eq(buf, "before ");
}
END_TEST

/* A client cannot forge a field or a line. */
START_TEST(test_hostile_strings_are_escaped)
{
    struct record r = full;

    r.sni = "x reason=clean\n\x1b[2J\"\xff";
    record_format_text(&r, "info", &out);
    ck_assert_ptr_nonnull(strstr(buf, " sni=\"x reason=clean\\n\\x1b[2J\\\"\\xff\" alpn="));
    begin();
    record_format_json(&r, "info", &out);
    ck_assert_ptr_nonnull(
        strstr(buf, ",\"sni\":\"x reason=clean\\n\\u001b[2J\\\"\xef\xbf\xbd\",\"alpn\""));
}
END_TEST

static const char *
without_hostile_strings(void)
{
    static char expected[RECORD_LINE_SIZE];
    const char *sni, *tls, *error, *resumed;
    size_t len;

    begin();
    record_format_json(&full, "info", &out);
    sni = strstr(buf, ",\"sni\"");
    tls = strstr(buf, ",\"tls\"");
    error = strstr(buf, ",\"error\"");
    resumed = strstr(buf, ",\"resumed\"");
    len = (size_t)(sni - buf);
    memcpy(expected, buf, len);
    memcpy(expected + len, tls, (size_t)(error - tls));
    strcpy(expected + len + (error - tls), resumed);
    return expected;
}

START_TEST(test_json_is_written_again_rather_than_torn)
{
    const char *expected = without_hostile_strings();
    static char huge[RECORD_LINE_SIZE];
    struct record r = full;

    memset(huge, '\x01', sizeof(huge) - 1);
    if (_i == 0)
        r.sni = huge;
    else if (_i == 1)
        r.alpn = huge;
    else
        r.error = huge;
    begin();
    record_format_json(&r, "info", &out);
    ck_assert_str_eq(buf, expected);
    ck_assert(!out.cut);
}
END_TEST

/* In every size of memory: the whole line, the one without hostile strings, or nothing. */
START_TEST(test_json_is_never_torn)
{
    char whole[RECORD_LINE_SIZE], less[RECORD_LINE_SIZE];
    size_t size;

    record_format_json(&full, "info", &out);
    strcpy(whole, buf);
    strcpy(less, without_hostile_strings());
    for (size = 1; size < sizeof(buf); size++) {
        const char *expected = size > strlen(whole)  ? whole
                               : size > strlen(less) ? less
                                                     : "";

        text_init(&out, buf, size);
        record_format_json(&full, "info", &out);
        ck_assert_str_eq(buf, expected);
        ck_assert_uint_eq(out.len, strlen(expected));
        ck_assert(out.cut == (*expected == '\0'));
    }
}
END_TEST

/* As long as each may get: SNI and ALPN have 255 bytes, of which each becomes six. */
START_TEST(test_the_longest_sane_line_fits)
{
    char name[256], path[256];
    struct record r = full;

    memset(name, '\x01', 255);
    name[255] = '\0';
    memset(path, 'p', 255);
    path[255] = '\0';
    r.sni = name;
    r.alpn = NULL;
    r.frontend = r.error = path;
    r.client = r.listen = r.backend = path + 128;
    record_format_json(&r, "warning", &out);
    ck_assert(!out.cut);
    ck_assert_ptr_nonnull(strstr(buf, "\"sni\""));
    begin();
    r.alpn = name;
    record_format_text(&r, "warning", &out);
    ck_assert(!out.cut);
}
END_TEST

START_TEST(test_text_is_cut)
{
    text_init(&out, buf, 40);
    record_format_text(&full, "info", &out);
    ck_assert(out.cut);
    ck_assert_str_eq(buf, "time=2026-01-31T12:00:00.123Z level=inf");
}
END_TEST

static const struct {
    uint64_t client_bytes;
    enum term_party first;
    enum term_end client_end;
    bool is_probe;
} probes[] = {
    {0, TERM_THE_CLIENT, TERM_END_FIN, true},
    {0, TERM_THE_CLIENT, TERM_END_RST, true},
    {1, TERM_THE_CLIENT, TERM_END_FIN, false},
    {1, TERM_THE_CLIENT, TERM_END_RST, false},
    {0, TERM_THE_CLIENT, TERM_END_NOTIFY, false},
    {0, TERM_THE_CLIENT, TERM_END_NONE, false},
    {0, TERM_SALLYPORT, TERM_END_FIN, false}, /* silent until our time-out: no probe */
    {0, TERM_SALLYPORT, TERM_END_NONE, false},
    {0, TERM_THE_BACKEND, TERM_END_FIN, false},
    {0, TERM_NOBODY, TERM_END_NONE, false},
};

START_TEST(test_probe)
{
    struct record r = unknown;

    r.first = probes[_i].first;
    r.client_end = probes[_i].client_end;
    ck_assert(record_is_probe(&r, probes[_i].client_bytes) == probes[_i].is_probe);
}
END_TEST

static Suite *
record_suite(void)
{
    Suite *suite = suite_create("record");
    TCase *tcase = tcase_create("record");

    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_test(tcase, test_text_of_everything);
    tcase_add_loop_test(tcase, test_attempts, 0, 3);
    tcase_add_test(tcase, test_json_of_everything);
    tcase_add_test(tcase, test_text_of_the_unknown);
    tcase_add_test(tcase, test_json_of_the_unknown);
    tcase_add_test(tcase, test_certificate_of_a_client);
    tcase_add_test(tcase, test_who_told_of_the_client);
    tcase_add_test(tcase, test_not_resumed);
    tcase_add_loop_test(tcase, test_message_tells_failed_handshakes, 0, REASONS);
    tcase_add_test(tcase, test_appends);
    tcase_add_test(tcase, test_hostile_strings_are_escaped);
    tcase_add_loop_test(tcase, test_json_is_written_again_rather_than_torn, 0, 3);
    tcase_add_test(tcase, test_json_is_never_torn);
    tcase_add_test(tcase, test_the_longest_sane_line_fits);
    tcase_add_test(tcase, test_text_is_cut);
    tcase_add_loop_test(tcase, test_probe, 0, COUNT_OF(probes));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(record_suite)
