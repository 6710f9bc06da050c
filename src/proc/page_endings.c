/* SPDX-License-Identifier: BSD-2-Clause */
/* How connections ended in the last minutes: a card for each frontend where some did. */
#include "proc/page_private.h"

#include "proc/history.h"

static const unsigned spans[] = {1, 5, HISTORY_MINUTES};

/* Connections of a frontend that ended within the longest of the spans. */
struct ended {
    uint64_t by[REASONS];
    uint64_t all;
};

static void
count_ended(struct ended *ended, const struct view *view, unsigned place)
{
    ended->all = 0;
    for (enum reason reason = REASON_CLEAN; reason < REASONS; reason++) {
        ended->by[reason] = history_recent(view->history, view->now_ms, HISTORY_MINUTES,
                                           view->sum, place, reason);
        ended->all += ended->by[reason];
    }
}

uint64_t
page_recent(const struct view *view, unsigned minutes, enum reason reason)
{
    uint64_t count = 0;

    for (size_t i = 0; i < view->fronts; i++)
        if (view_counted_as(view, i) != NULL)
            count += history_recent(view->history, view->now_ms, minutes, view->sum,
                                    view->front[i].place, reason);
    return count;
}

/* For the style sheet: whose doing it was. */
static const char *
class_of(enum reason reason)
{
    return reason == REASON_CLEAN ? "clean" : blame_name(reason_blame(reason));
}

static void
add_bar(struct writer *w, const struct ended *ended)
{
    writer_add(w, "<div class=\"bar\" aria-hidden=\"true\">");
    for (enum reason reason = REASON_CLEAN; reason < REASONS; reason++)
        if (ended->by[reason] > 0)
            writer_addf(w, "<i class=\"%s\" style=\"width:%.3f%%\"></i>", class_of(reason),
                        100.0 * (double)ended->by[reason] / (double)ended->all);
    writer_add(w, "</div>\n");
}

static void
add_reason(struct writer *w, const struct view *view, unsigned place, enum reason reason)
{
    writer_addf(w, "<tr><td><i class=\"dot %s\"></i>%s<span class=\"soft\">",
                class_of(reason), reason_name(reason));
    page_add_text(w, reason_sentence(reason));
    writer_add(w, "</span></td>");
    for (size_t i = 0; i < COUNT_OF(spans); i++) {
        writer_add(w, "<td class=\"num\">");
        page_add_count(w, history_recent(view->history, view->now_ms, spans[i], view->sum,
                                         place, reason));
        writer_add(w, "</td>");
    }
    writer_add(w, "</tr>\n");
}

static void
add_front(struct writer *w, const struct view *view, const char *name, unsigned place,
          const struct ended *ended)
{
    writer_add(w, "<div class=\"card\"><h3>");
    page_add_text(w, name);
    writer_add(w, "<small>");
    page_add_count(w, ended->all - ended->by[REASON_CLEAN]);
    writer_add(w, " of ");
    page_add_count(w, ended->all);
    writer_add(w, " not clean</small></h3>\n");
    add_bar(w, ended);
    writer_add(w, "<table class=\"ends\"><thead><tr><th>Minutes</th>");
    for (size_t i = 0; i < COUNT_OF(spans); i++)
        writer_addf(w, "<th class=\"num\">%u</th>", spans[i]);
    writer_add(w, "</tr></thead><tbody>\n");
    for (enum reason reason = REASON_CLEAN; reason < REASONS; reason++)
        if (ended->by[reason] > 0)
            add_reason(w, view, place, reason);
    writer_add(w, "</tbody></table></div>\n");
}

static void
add_legend(struct writer *w)
{
    static const struct {
        const char *class, *words;
    } classes[] = {
        {"clean", "clean"},           {"client", "the client's doing"},
        {"backend", "the backend's"}, {"sallyport", "sallyport's"},
        {"nobody", "nobody's"},
    };

    writer_add(w, "<p class=\"legend soft\">");
    for (size_t i = 0; i < COUNT_OF(classes); i++)
        writer_addf(w, "<span><i class=\"dot %s\"></i>%s</span>", classes[i].class,
                    classes[i].words);
    writer_add(w, "</p>\n");
}

void
page_add_endings(struct writer *w, const struct view *view)
{
    struct ended ended;
    bool any = false;

    writer_addf(w, "<h2>How connections ended <small>in the last %u minutes</small></h2>\n",
                HISTORY_MINUTES);
    add_legend(w);
    writer_add(w, "<div class=\"grid\">");
    for (size_t i = 0; i < view->fronts; i++) {
        const char *name = view_counted_as(view, i);

        if (name == NULL)
            continue;
        count_ended(&ended, view, view->front[i].place);
        if (ended.all > 0)
            add_front(w, view, name, view->front[i].place, &ended);
        any = any || ended.all > 0;
    }
    writer_add(w, "</div>\n");
    if (!any)
        writer_add(w, "<p class=\"card none\">None did.</p>\n");
}
