/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/metrics.h"

#include "support/check_main.h"
#include "support/sample_view.h"

#include <stdio.h>
#include <string.h>

#define ODD "frontend=\"<b>\\\"odd\\\" & \\\\co</b>\""

static struct evbuffer *out;
static const char *words; /* what was written */

static void
setup(void)
{
    out = evbuffer_new();
    ck_assert_ptr_nonnull(out);
}

static void
teardown(void)
{
    evbuffer_free(out);
}

static void
write_view(const struct view *view)
{
    ck_assert_int_eq(metrics_write(view, out), 0);
    ck_assert_int_eq(evbuffer_add(out, "", 1), 0);
    words = (const char *)evbuffer_pullup(out, -1);
}

/* How many lines begin with that. */
static unsigned
count(const char *begin)
{
    unsigned lines = 0;

    for (const char *line = words; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (*line == '\0')
            break;
        lines += strncmp(line, begin, strlen(begin)) == 0;
    }
    return lines;
}

static void
must_have(const char *line)
{
    char whole[512];

    ck_assert_int_lt(snprintf(whole, sizeof(whole), "%s\n", line), sizeof(whole));
    ck_assert_msg(count(whole) == 1, "%u times: %s\nin:\n%s", count(whole), line, words);
}

/* Lines of a sample that has everything. */
static const char *const lines[] = {
    "# HELP sallyport_connections Connections now.",
    "# TYPE sallyport_connections gauge",
    "# TYPE sallyport_connections_total counter",
    "# TYPE sallyport_handshake_duration_seconds histogram",
    "sallyport_connections_total{frontend=\"web\",reason=\"client-reset\",blame=\"client\"}"
    " 160",
    "sallyport_connections_total{frontend=\"web\",reason=\"clean\",blame=\"nobody\"} "
    "8056000",
    "sallyport_connections_total{frontend=\"web\",reason=\"backend-refused\",blame="
    "\"backend\"} "
    "320",
    "sallyport_connections_total{frontend=\"mail.example.org\",reason=\"overload\","
    "blame=\"sallyport\"} 1",
    "sallyport_connections_total{" ODD ",reason=\"clean\",blame=\"nobody\"} 0",
    "sallyport_connections_accepted_total{frontend=\"web\"} 8123456",
    "sallyport_connections{frontend=\"web\"} 2388",
    "sallyport_connections{frontend=\"mail.example.org\"} 3",
    "sallyport_client_truncations_total{frontend=\"web\"} 911",
    "sallyport_acme_challenges_refused_total{frontend=\"web\"} 12",
    "sallyport_handshakes_total{frontend=\"web\",version=\"TLSv1.3\",cipher=\"TLS_AES_128_"
    "GCM_"
    "SHA256\",result=\"full\"} 4000000",
    "sallyport_handshakes_total{frontend=\"web\",version=\"TLSv1.3\",cipher=\"TLS_AES_128_"
    "GCM_"
    "SHA256\",result=\"resumed\"} 4000001",
    "sallyport_handshakes_total{frontend=\"web\",version=\"TLSv1.2\",cipher=\"other\","
    "result="
    "\"full\"} 5",
    "sallyport_handshakes_total{frontend=\"web\",version=\"\",cipher=\"\",result="
    "\"failed\"} "
    "200",
    "sallyport_handshakes_total{frontend=\"quiet\",version=\"\",cipher=\"\",result="
    "\"timeout\"}"
    " 0",
    "sallyport_handshake_duration_seconds_bucket{frontend=\"web\",le=\"0.0005\"} 1",
    "sallyport_handshake_duration_seconds_bucket{frontend=\"web\",le=\"0.0025\"} 6",
    "sallyport_handshake_duration_seconds_bucket{frontend=\"web\",le=\"10\"} 78",
    "sallyport_handshake_duration_seconds_bucket{frontend=\"web\",le=\"+Inf\"} 91",
    "sallyport_handshake_duration_seconds_sum{frontend=\"web\"} 1234.567890",
    "sallyport_handshake_duration_seconds_count{frontend=\"web\"} 91",
    "sallyport_bytes_total{frontend=\"web\",direction=\"up\"} 73014444032",
    "sallyport_bytes_total{frontend=\"web\",direction=\"down\"} 1802239102976",
    "sallyport_backend_connects_total{frontend=\"web\",result=\"connected\"} 100",
    "sallyport_backend_connects_total{frontend=\"web\",result=\"error\"} 104",
    "sallyport_backend_connect_duration_seconds_count{frontend=\"web\"} 91",
    "sallyport_server_connections{backend=\"imap\",server=\"imap1.example.org:143\"} 31",
    "sallyport_server_connects_total{backend=\"imap\",server=\"imap1.example.org:143\","
    "result=\"connected\"} 4242",
    "sallyport_server_connects_total{backend=\"imap\",server=\"imap1.example.org:143\","
    "result=\"timeout\"} 6",
    "sallyport_server_connects_total{backend=\"imap\",server=\"unix:/run/"
    "<i>\\\"\\\\.sock\","
    "result=\"refused\"} 0",
    "sallyport_server_up{backend=\"127.0.0.1:8080\",server=\"127.0.0.1:8080\"} 1",
    "sallyport_server_up{backend=\"imap\",server=\"imap1.example.org:143\"} 0",
    "sallyport_server_outs_total{backend=\"imap\",server=\"imap1.example.org:143\","
    "cause=\"connect\"} 7",
    "sallyport_server_outs_total{backend=\"imap\",server=\"imap1.example.org:143\","
    "cause=\"check\"} 8",
    "sallyport_server_checks_total{backend=\"imap\",server=\"imap1.example.org:143\","
    "result=\"passed\"} 900",
    "sallyport_server_checks_total{backend=\"imap\",server=\"imap1.example.org:143\","
    "result=\"wrong-answer\"} 9",
    "sallyport_backend_queued{backend=\"imap\"} 12",
    "sallyport_reloads_total{result=\"success\"} 12",
    "sallyport_reloads_total{result=\"failure\"} 2",
    "sallyport_last_reload_successful 0",
    "sallyport_last_reload_timestamp_seconds 1799999340.123456",
    "sallyport_config_timestamp_seconds 1799222400.123456",
    "sallyport_certificate_expiry_timestamp_seconds{frontend=\"web\",file=\"/etc/sallyport/"
    "web.pem\",subject=\"www.example.org\"} 1805443200",
    "sallyport_certificate_expiry_timestamp_seconds{" ODD
    ",file=\"/srv/<i>\\\"\\\\.pem\",subject=\"old & gone\"} 1799827200",
    "sallyport_ocsp_this_update_timestamp_seconds{frontend=\"web\",file=\"/etc/sallyport/"
    "web.pem.ocsp\"} 1799913600",
    "sallyport_ocsp_next_update_timestamp_seconds{frontend=\"web\",file=\"/etc/sallyport/"
    "web.pem.ocsp\"} 1800172800",
    "sallyport_workers{state=\"starting\"} 1",
    "sallyport_workers{state=\"serving\"} 2",
    "sallyport_workers{state=\"retiring\"} 1",
    "sallyport_worker_restarts_total 1",
    "sallyport_log_lines_dropped_total 17",
    "sallyport_accept_pauses_total 3",
    "sallyport_clients_untracked_total 5",
    "sallyport_ready 1",
    "sallyport_start_time_seconds 1796544000.123456",
};

START_TEST(each_family_is_told)
{
    write_view(sample_view());
    must_have(lines[_i]);
}
END_TEST

START_TEST(each_family_has_its_help_and_type_once)
{
    write_view(sample_view());
    ck_assert_uint_eq(count("# HELP sallyport_"), 32);
    ck_assert_uint_eq(count("# TYPE sallyport_"), 32);
    ck_assert_uint_eq(count("# "), 64);
}
END_TEST

START_TEST(versions_are_those_that_are_running)
{
    write_view(sample_view());
    ck_assert_uint_eq(count("sallyport_build_info{version=\""), 1);
    ck_assert_ptr_nonnull(strstr(words, "\",openssl=\"3."));
    ck_assert_ptr_nonnull(strstr(words, "\",libevent=\"2."));
}
END_TEST

/* A series that appears with its first event hides that event from rate(). */
START_TEST(series_of_a_frontend_are_there_from_the_start)
{
    write_view(sample_view_young());
    ck_assert_uint_eq(count("sallyport_connections_total{frontend=\"quiet\""), REASONS - 1);
    ck_assert_uint_eq(count("sallyport_handshakes_total{frontend=\"quiet\""), 2);
    ck_assert_uint_eq(count("sallyport_backend_connects_total{frontend=\"quiet\""),
                      STATS_DIALS);
    ck_assert_uint_eq(count("sallyport_backend_connect_duration_seconds_bucket{"),
                      STATS_BOUNDS + 1);
    ck_assert_uint_eq(count("sallyport_bytes_total{"), 2);
    must_have("sallyport_ready 0");
    must_have("sallyport_last_reload_successful 1");
    must_have("sallyport_last_reload_timestamp_seconds 0.000000");
    ck_assert_uint_eq(count("sallyport_certificate_expiry"), 0);
}
END_TEST

START_TEST(draining_is_not_ready)
{
    struct view *view = sample_view();

    view->state = VIEW_DRAINING;
    view->last_reload_good = true;
    write_view(view);
    must_have("sallyport_ready 0");
    must_have("sallyport_last_reload_successful 1");
}
END_TEST

START_TEST(frontends_without_a_place_of_their_own_are_one)
{
    struct view *view = sample_view();

    sample_front()[2].place = STATS_OTHER;
    sample_front()[3].place = STATS_OTHER;
    sample_page()->front[STATS_OTHER].accepted = 42;
    write_view(view);
    must_have("sallyport_connections_accepted_total{frontend=\"(other)\"} 42");
    ck_assert_uint_eq(count("sallyport_connections_accepted_total{"), 3);
}
END_TEST

START_TEST(servers_without_a_place_of_their_own_are_one)
{
    struct view *view = sample_view();

    sample_server()[1].place = STATS_OTHER;
    sample_server()[2].place = STATS_OTHER;
    sample_page()->server[STATS_OTHER].live = 43;
    write_view(view);
    must_have("sallyport_server_connections{backend=\"(other)\",server=\"(other)\"} 43");
    ck_assert_uint_eq(count("sallyport_server_connections{"), 2);
    ck_assert_uint_eq(count("sallyport_server_up{"), 1);
}
END_TEST

START_TEST(strings_that_are_no_utf8_are_made_so)
{
    struct view *view = sample_view();

    sample_cert()[0].file = "a\nb\xff\xc3\xa4\xc3";
    sample_cert()[0].subject = NULL;
    write_view(view);
    must_have("sallyport_certificate_expiry_timestamp_seconds{frontend=\"web\","
              "file=\"a\\nb\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\",subject=\"\"} 1805443200");
}
END_TEST

static Suite *
metrics_suite(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tc = tcase_create("metrics");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, each_family_is_told, 0, (int)COUNT_OF(lines));
    tcase_add_test(tc, each_family_has_its_help_and_type_once);
    tcase_add_test(tc, versions_are_those_that_are_running);
    tcase_add_test(tc, series_of_a_frontend_are_there_from_the_start);
    tcase_add_test(tc, draining_is_not_ready);
    tcase_add_test(tc, frontends_without_a_place_of_their_own_are_one);
    tcase_add_test(tc, servers_without_a_place_of_their_own_are_one);
    tcase_add_test(tc, strings_that_are_no_utf8_are_made_so);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(metrics_suite)
