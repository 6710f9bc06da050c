/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "proc/page.h"

#include "proc/history.h"
#include "proc/page_private.h"

/* Seconds after which a browser asks again. */
#define REFRESH_S 10

static const struct {
    const char *class, *word;
} states[] = {
    [VIEW_STARTING] = {"warn", "starting"},
    [VIEW_READY] = {"good", "ready"},
    [VIEW_DRAINING] = {"warn", "draining"},
};

/* Written so that it is also well-formed XML, which tests can check. */
static void
add_head(struct writer *w, const struct view *view)
{
    writer_addf(
        w,
        "<!DOCTYPE html>\n"
        "<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<meta http-equiv=\"refresh\" content=\"%u\"/>\n"
        "<title>sallyport: %s</title>\n<style>",
        REFRESH_S, states[view->state].word);
    writer_add(w, page_style);
    writer_addf(w,
                "</style></head>\n<body><header><h1>sallyport</h1>"
                "<span class=\"badge %s\">%s</span>\n<p>" PACKAGE_VERSION ", started ",
                states[view->state].class, states[view->state].word);
    page_add_ago(w, view, view->start_us);
    if (view->conf != NULL) {
        writer_add(w, ", set up by ");
        page_add_text(w, view->conf);
    }
    writer_add(w, "</p></header>\n<main>\n");
}

/* ---- What needs attention ---- */

static void
begin_note(struct writer *w, const char *class, const char *title)
{
    writer_addf(w, "<div class=\"note %s\"><b>%s</b>", class, title);
}

static void
end_note(struct writer *w)
{
    writer_add(w, "</div>\n");
}

static void
add_reload_note(struct writer *w, const struct view *view)
{
    begin_note(w, "bad",
               "The last reload failed: the configuration before it stays in force");
    page_add_text(w, view->last_reload_error);
    writer_add(w, " (");
    page_add_ago(w, view, view->last_reload_us);
    writer_add(w, ")");
    end_note(w);
}

static void
add_notes(struct writer *w, const struct view *view)
{
    if (view->last_reload_us != 0 && !view->last_reload_good)
        add_reload_note(w, view);
    if (view->sum->log_dropped > 0) {
        begin_note(w, "warn", "The log is not complete");
        page_add_count(w, view->sum->log_dropped);
        writer_add(w,
                   " lines were lost, for want of space or because their reader was slow");
        end_note(w);
    }
    if (view->sum->accept_pauses > 0) {
        begin_note(w, "warn", "Clients had to wait");
        page_add_count(w, view->sum->accept_pauses);
        writer_add(w, " times a worker could accept no more for want of descriptors");
        end_note(w);
    }
}

/* ---- Figures ---- */

static void
begin_tile(struct writer *w, const char *class)
{
    writer_addf(w, "<div class=\"card\"><b class=\"%s\">", class);
}

static void
end_tile(struct writer *w, const char *words)
{
    writer_addf(w, "</b><span>%s</span></div>\n", words);
}

/* Rounded down: "100 %" means all of them. */
static void
add_clean_tile(struct writer *w, const struct view *view)
{
    uint64_t clean = page_recent(view, HISTORY_MINUTES, REASON_CLEAN), all = clean;

    for (enum reason reason = REASON_CLEAN + 1; reason < REASONS; reason++)
        all += page_recent(view, HISTORY_MINUTES, reason);
    begin_tile(w, "");
    if (all == 0)
        writer_add(w, "\xe2\x80\x93"); /* U+2013: a dash */
    else if (clean == all)
        writer_add(w, "100\xe2\x80\xaf%");
    else
        writer_addf(w, "%u.%u\xe2\x80\xaf%%", (unsigned)(clean * 1000 / all / 10),
                    (unsigned)(clean * 1000 / all % 10));
    end_tile(w, "ended clean in 15 min");
}

static void
add_cert_tile(struct writer *w, const struct view *view)
{
    uint64_t first_us = UINT64_MAX;
    int64_t days;

    for (size_t i = 0; i < view->certs; i++)
        if (view->cert[i].not_after_us < first_us)
            first_us = view->cert[i].not_after_us;
    if (view->certs == 0)
        return;
    days = page_days_left(view, first_us);
    begin_tile(w, days < 0 ? "bad" : days <= PAGE_CERT_DAYS ? "warn" : "");
    if (days < 0)
        writer_add(w, "expired");
    else
        writer_addf(w, "%u day%s", (unsigned)days, days == 1 ? "" : "s");
    end_tile(w, days < 0 ? "at least one certificate" : "until a certificate expires");
}

static void
add_tiles(struct writer *w, const struct view *view)
{
    uint64_t live = 0, accepted = 0, bytes = 0;

    for (unsigned place = 0; place < STATS_FRONTS; place++) {
        const struct stats_front *s = &view->sum->front[place];

        live += s->live;
        accepted += s->accepted;
        bytes += s->up_bytes + s->down_bytes;
    }
    writer_add(w, "<div class=\"tiles\">\n");
    begin_tile(w, "");
    page_add_count(w, live);
    end_tile(w, live == 1 ? "live connection" : "live connections");
    begin_tile(w, "");
    page_add_count(w, accepted);
    end_tile(w, "accepted since the start");
    add_clean_tile(w, view);
    begin_tile(w, "");
    page_add_bytes(w, bytes);
    end_tile(w, "handed on");
    add_cert_tile(w, view);
    writer_add(w, "</div>\n");
}

/* ---- The configuration ---- */

static void
add_reloads(struct writer *w, const struct view *view)
{
    writer_add(w, "<h2>Configuration</h2>\n<div class=\"card\">In force since ");
    page_add_time(w, view->config_us);
    writer_add(w, ". ");
    if (view->last_reload_us == 0) {
        writer_add(w, "It has not been reloaded since the start.");
    } else {
        writer_addf(w, "The last reload <span class=\"badge %s\">%s</span> ",
                    view->last_reload_good ? "good" : "bad",
                    view->last_reload_good ? "succeeded" : "failed");
        page_add_ago(w, view, view->last_reload_us);
        writer_add(w, ". Since the start ");
        page_add_count(w, view->reloads_good);
        writer_add(w, " succeeded and ");
        page_add_count(w, view->reloads_bad);
        writer_add(w, " failed.");
    }
    writer_add(w, "</div>\n");
}

static void
add_restarts(struct writer *w, const struct view *view)
{
    if (view->worker_restarts == 0)
        return;
    writer_add(w, "<p class=\"none\">");
    page_add_count(w, view->worker_restarts);
    writer_addf(w, " worker%s died and %s replaced.</p>\n",
                view->worker_restarts == 1 ? "" : "s",
                view->worker_restarts == 1 ? "was" : "were");
}

int
page_write(const struct view *view, struct evbuffer *out)
{
    struct writer w = {.out = out};

    add_head(&w, view);
    add_notes(&w, view);
    add_tiles(&w, view);
    page_add_fronts(&w, view);
    page_add_servers(&w, view);
    page_add_endings(&w, view);
    page_add_certs(&w, view);
    page_add_workers(&w, view);
    add_restarts(&w, view);
    add_reloads(&w, view);
    writer_add(&w, "</main>\n<footer>As of ");
    page_add_time(&w, view->now_us);
    writer_addf(&w, ", every %u seconds anew. <a href=\"/metrics\">/metrics</a></footer>\n",
                REFRESH_S);
    writer_add(&w, "</body></html>\n");
    return w.failed ? -1 : 0;
}
