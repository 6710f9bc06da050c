/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/page_private.h"

#include "base/text.h"

#include <inttypes.h>

#define SECOND_US UINT64_C(1000000)
#define DAY_US (86400 * SECOND_US)

/* Control characters are no part of an HTML document, whichever way they are written. */
static const char *
escape_html(unsigned char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
    case '\n':
    case '\r':
        return " ";
    default:
        return byte < ' ' || byte == 0x7f ? "\xef\xbf\xbd" : NULL;
    }
}

void
page_add_text(struct writer *w, const char *string)
{
    writer_add_escaped(w, string, escape_html);
}

void
page_add_count(struct writer *w, uint64_t count)
{
    if (count >= 1000) {
        page_add_count(w, count / 1000);
        writer_addf(w, "\xe2\x80\xaf%03u",
                    (unsigned)(count % 1000)); /* U+202F: a narrow space */
    } else {
        writer_addf(w, "%u", (unsigned)count);
    }
}

void
page_add_bytes(struct writer *w, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double amount = (double)bytes / 1024;
    unsigned unit = 0;

    if (bytes < 1024) {
        writer_addf(w, "%u B", (unsigned)bytes);
        return;
    }
    for (; amount >= 1023.95 && unit < COUNT_OF(units) - 1; unit++)
        amount /= 1024;
    writer_addf(w, "%.1f %s", amount, units[unit]);
}

static void
add_days(struct writer *w, uint64_t days)
{
    page_add_count(w, days);
    writer_add(w, days == 1 ? " day" : " days");
}

void
page_add_span(struct writer *w, uint64_t us)
{
    uint64_t seconds = us / SECOND_US;

    if (seconds < 60)
        writer_addf(w, "%u s", (unsigned)seconds);
    else if (seconds < 3600)
        writer_addf(w, "%u min", (unsigned)(seconds / 60));
    else if (seconds < 2 * 86400)
        writer_addf(w, "%u h", (unsigned)(seconds / 3600));
    else
        add_days(w, seconds / 86400);
}

void
page_add_time(struct writer *w, uint64_t wall_us)
{
    char time[64];
    struct text text;

    text_init(&text, time, sizeof(time));
    text_add_time(&text, wall_us);
    writer_addf(w, "%.10s %.8s UTC", time, time + sizeof("2026-01-31T") - 1);
}

void
page_add_ago(struct writer *w, const struct view *view, uint64_t wall_us)
{
    writer_add(w, "<span title=\"");
    page_add_time(w, wall_us);
    writer_add(w, "\">");
    page_add_span(w, view->now_us > wall_us ? view->now_us - wall_us : 0);
    writer_add(w, " ago</span>");
}

int64_t
page_days_left(const struct view *view, uint64_t wall_us)
{
    if (wall_us >= view->now_us)
        return (int64_t)((wall_us - view->now_us) / DAY_US);
    return -1 - (int64_t)((view->now_us - wall_us) / DAY_US);
}

void
page_add_days_left(struct writer *w, int64_t days)
{
    if (days == 0) {
        writer_add(w, "less than a day left");
    } else if (days > 0) {
        add_days(w, (uint64_t)days);
        writer_add(w, " left");
    } else if (days == -1) {
        writer_add(w, "expired");
    } else {
        writer_add(w, "expired ");
        add_days(w, (uint64_t)(-1 - days));
        writer_add(w, " ago");
    }
}
