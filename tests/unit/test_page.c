/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/page.h"

#include "proc/page_private.h"
#include "support/check_main.h"
#include "support/sample_view.h"

#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

static struct evbuffer *out;
static struct writer w;

static void
setup(void)
{
    out = evbuffer_new();
    ck_assert_ptr_nonnull(out);
    w = (struct writer){.out = out};
}

static void
teardown(void)
{
    evbuffer_free(out);
}

/* What has been written so far. */
static const char *
words(void)
{
    ck_assert_int_eq(evbuffer_add(out, "", 1), 0);
    return (const char *)evbuffer_pullup(out, -1);
}

static const char *
page(const struct view *view)
{
    ck_assert_int_eq(page_write(view, out), 0);
    return words();
}

static void
must_have(const char *html, const char *part)
{
    ck_assert_msg(strstr(html, part) != NULL, "no %s in:\n%s", part, html);
}

static void
must_lack(const char *html, const char *part)
{
    ck_assert_msg(strstr(html, part) == NULL, "%s is in:\n%s", part, html);
}

static const struct {
    const char *in, *out;
} texts[] = {
    {"plain", "plain"},
    {NULL, ""},
    {"<a href=\"x\">&'", "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"},
    {"a\nb\tc", "a b c"},
    {"\x01\x1b[m\x7f", "\xef\xbf\xbd\xef\xbf\xbd[m\xef\xbf\xbd"},
    {"\xc3\xa4\xff<\xc3", "\xc3\xa4\xef\xbf\xbd&lt;\xef\xbf\xbd"},
};

START_TEST(strings_are_escaped)
{
    page_add_text(&w, texts[_i].in);
    ck_assert_str_eq(words(), texts[_i].out);
}
END_TEST

#define THIN "\xe2\x80\xaf"

static const struct {
    uint64_t in;
    const char *count, *bytes, *span;
} numbers[] = {
    {0, "0", "0 B", "0 s"},
    {999, "999", "999 B", "0 s"},
    {1000, "1" THIN "000", "1000 B", "0 s"},
    {1024, "1" THIN "024", "1.0 KiB", "0 s"},
    {1048575, "1" THIN "048" THIN "575", "1.0 MiB", "1 s"},
    {59999999, "59" THIN "999" THIN "999", "57.2 MiB", "59 s"},
    {60000000, "60" THIN "000" THIN "000", "57.2 MiB", "1 min"},
    {7199999999, "7" THIN "199" THIN "999" THIN "999", "6.7 GiB", "1 h"},
    {172799999999, "172" THIN "799" THIN "999" THIN "999", "160.9 GiB", "47 h"},
    {172800000000, "172" THIN "800" THIN "000" THIN "000", "160.9 GiB", "2 days"},
    {UINT64_MAX, "18" THIN "446" THIN "744" THIN "073" THIN "709" THIN "551" THIN "615",
     "16.0 EiB", "213" THIN "503" THIN "982 days"},
};

START_TEST(numbers_are_for_people)
{
    page_add_count(&w, numbers[_i].in);
    writer_add(&w, "|");
    page_add_bytes(&w, numbers[_i].in);
    writer_add(&w, "|");
    page_add_span(&w, numbers[_i].in);
    ck_assert_ptr_eq(strstr(words(), numbers[_i].count), words());
    must_have(words(), numbers[_i].bytes);
    must_have(words(), numbers[_i].span);
}
END_TEST

static const struct {
    int64_t us, days; /* until it expires */
    const char *words;
} expiries[] = {
    {22 * DAY_US, 22, "22 days left"},
    {2 * DAY_US - 1, 1, "1 day left"},
    {DAY_US - 1, 0, "less than a day left"},
    {0, 0, "less than a day left"},
    {-1, -1, "expired"},
    {-DAY_US, -2, "expired 1 day ago"},
    {-30 * DAY_US, -31, "expired 30 days ago"},
};

START_TEST(days_are_rounded_down)
{
    struct view view = {.now_us = SAMPLE_NOW_US};
    int64_t days = page_days_left(&view, SAMPLE_NOW_US + (uint64_t)expiries[_i].us);

    ck_assert_int_eq(days, expiries[_i].days);
    page_add_days_left(&w, days);
    ck_assert_str_eq(words(), expiries[_i].words);
}
END_TEST

START_TEST(times_are_utc)
{
    page_add_time(&w, SAMPLE_NOW_US);
    ck_assert_str_eq(words(), "2027-01-15 08:00:00 UTC");
}
END_TEST

/* What a page has to be like, whatever it shows. */
START_TEST(it_needs_nothing_from_elsewhere)
{
    const char *html = page(_i == 0 ? sample_view() : sample_view_young());

    ck_assert_ptr_eq(strstr(html, "<!DOCTYPE html>\n<html lang=\"en\">"), html);
    must_have(html,
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
    must_have(html, "<meta http-equiv=\"refresh\" content=\"10\"/>");
    must_have(html, "@media(prefers-color-scheme:dark)");
    must_lack(html, "<script");
    must_lack(html, "<link");
    must_lack(html, "<img");
    must_lack(html, "url(");
    must_lack(html, "@import");
    must_lack(html, "://");
    must_have(html, "</body></html>\n");
}
END_TEST

START_TEST(hostile_names_are_only_words)
{
    const char *html = page(sample_view());

    must_have(html, "&lt;b&gt;&quot;odd&quot; &amp; \\co&lt;/b&gt;");
    must_have(html, "/srv/&lt;i&gt;&quot;\\.pem");
    must_have(html, "&quot;&lt;none&gt;&quot; is no certificate file");
    must_have(html, "unix:/run/a b\xef\xbf\xbd.sock");
    must_lack(html, "<none>");
    must_lack(html, "<b>\"odd");
}
END_TEST

static const char *const parts[] = {
    "<title>sallyport: ready</title>",
    "<span class=\"badge good\">ready</span>",
    "set up by /etc/sallyport/sallyport.conf",
    "<span>*:443, [::]:443</span>",
    "<span>127.0.0.1:8080</span>",
    "2" THIN "388 <span class=\"soft\">of 20" THIN "000</span>",
    "data-as=\"Accepted\">8" THIN "123" THIN "456</td>",
    "data-as=\"Up\">68.0 GiB</td>",
    "data-as=\"Down\">1.6 TiB</td>",
    "2" THIN "391</b><span>live connections",
    "98.4" THIN "%</b><span>ended clean in 15 min",
    "652 of 41" THIN "952 not clean",
    ("backend-refused<span class=\"soft\">the backend refused the connection</span></td>"
     "<td class=\"num\">120</td><td class=\"num\">320</td><td class=\"num\">320</td>"),
    "<i class=\"dot sallyport\"></i>overload",
    "<span class=\"badge bad\">expired 2 days ago</span>",
    "<span class=\"badge warn\">20 days left</span>",
    "<span class=\"badge good\">63 days left</span>",
    "2027-02-04 08:00:00 UTC",
    "<span class=\"badge good\">serving</span>",
    "<span class=\"badge \">retiring</span>",
    "data-as=\"Process\">4713</td>",
    "1 worker died and was replaced.",
    "The last reload failed",
    "<span title=\"2027-01-15 07:49:00 UTC\">11 min ago</span>",
    "12 succeeded and 2 failed",
    "17 lines were lost",
    "3 times a worker",
};

START_TEST(it_tells_what_there_is)
{
    must_have(page(sample_view()), parts[_i]);
}
END_TEST

START_TEST(a_quiet_start_is_told_as_such)
{
    const char *html = page(sample_view_young());

    must_have(html, "<span class=\"badge warn\">starting</span>");
    must_have(html, "None did.");
    must_have(html, "It has not been reloaded since the start.");
    must_lack(html, "class=\"note");
    must_lack(html, "Certificates");
    must_lack(html, "died");
}
END_TEST

START_TEST(all_clean_is_all)
{
    struct view *view = sample_view_young();

    sample_page()->front[1].ended[REASON_CLEAN] = 3;
    must_have(page(view), "100" THIN "%</b><span>ended clean");
}
END_TEST

START_TEST(one_of_many_is_not_all)
{
    struct view *view = sample_view_young();

    sample_page()->front[1].ended[REASON_CLEAN] = 1000000;
    sample_page()->front[1].ended[REASON_OVERLOAD] = 1;
    must_have(page(view), "99.9" THIN "%</b><span>ended clean");
}
END_TEST

START_TEST(many_certificates_are_listed_by_expiry)
{
    static struct view_cert cert[150];
    struct view *view = sample_view();
    const char *html, *first, *second;

    for (unsigned i = 0; i < COUNT_OF(cert); i++)
        cert[i] = (struct view_cert){.frontend = "f",
                                     .file = "x.pem",
                                     .subject = i == 149   ? "soon"
                                                : i == 148 ? "next"
                                                           : "later",
                                     .not_after_us = SAMPLE_NOW_US + (200 - i) * DAY_US};
    view->cert = cert;
    view->certs = COUNT_OF(cert);
    html = page(view);
    first = strstr(html, "<td>soon</td>");
    second = strstr(html, "<td>next</td>");
    ck_assert(first != NULL && second != NULL && first < second);
    must_have(html, "and 50 that expire later");
    must_have(html, "51 days</b>");
}
END_TEST

START_TEST(frontends_without_a_place_of_their_own_are_one)
{
    struct view *view = sample_view();
    const char *html;

    sample_front()[2].place = STATS_OTHER;
    sample_front()[3].place = STATS_OTHER;
    sample_page()->front[STATS_OTHER].accepted = 4242;
    html = page(view);
    must_have(html, "<td>(other)</td>");
    must_have(html, "4" THIN "242</td>");
    ck_assert_ptr_null(strstr(strstr(html, "<td>(other)</td>") + 1, "<td>(other)</td>"));
    must_lack(html, "<td>quiet</td>");
}
END_TEST

START_TEST(servers_of_sections)
{
    struct view *view = sample_view();
    const char *html = page(view);

    must_have(html, "<td>imap1.example.org:143</td>");
    must_have(html, "4" THIN "242</td>");
    must_have(html, "\\.sock <span class=\"soft\">backup</span></td>");
    must_have(html, "<h2>Servers</h2>");
    must_have(html, "<span>ejected</span>");
    must_have(html, "<span>up</span>");
}
END_TEST

START_TEST(servers_without_sections_are_not_told)
{
    struct view *view = sample_view();

    view->servers = 1;
    must_lack(page(view), "<h2>Servers</h2>");
}
END_TEST

static Suite *
page_suite(void)
{
    Suite *suite = suite_create("page");
    TCase *tc = tcase_create("page");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, strings_are_escaped, 0, (int)COUNT_OF(texts));
    tcase_add_loop_test(tc, numbers_are_for_people, 0, (int)COUNT_OF(numbers));
    tcase_add_loop_test(tc, days_are_rounded_down, 0, (int)COUNT_OF(expiries));
    tcase_add_test(tc, times_are_utc);
    tcase_add_loop_test(tc, it_needs_nothing_from_elsewhere, 0, 2);
    tcase_add_test(tc, hostile_names_are_only_words);
    tcase_add_loop_test(tc, it_tells_what_there_is, 0, (int)COUNT_OF(parts));
    tcase_add_test(tc, a_quiet_start_is_told_as_such);
    tcase_add_test(tc, all_clean_is_all);
    tcase_add_test(tc, one_of_many_is_not_all);
    tcase_add_test(tc, many_certificates_are_listed_by_expiry);
    tcase_add_test(tc, frontends_without_a_place_of_their_own_are_one);
    tcase_add_test(tc, servers_of_sections);
    tcase_add_test(tc, servers_without_sections_are_not_told);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(page_suite)
