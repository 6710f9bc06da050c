/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of the status page: frontends, certificates, workers. */
#include "proc/page_private.h"

#include <stdlib.h>
#include <string.h>

/* So many certificates are listed, those that expire first. */
#define CERTS_LISTED 100

static void
begin_table(struct writer *w, const char *title, const char *const *column, size_t columns)
{
    writer_addf(w, "<h2>%s</h2>\n<table class=\"wide\"><thead><tr>", title);
    for (size_t i = 0; i < columns; i++) {
        /* A leading '#' marks a column of numbers. */
        if (*column[i] == '#')
            writer_addf(w, "<th class=\"num\">%s</th>", column[i] + 1);
        else
            writer_addf(w, "<th>%s</th>", column[i]);
    }
    writer_add(w, "</tr></thead><tbody>\n");
}

static void
end_table(struct writer *w)
{
    writer_add(w, "</tbody></table>\n");
}

static void
begin_cell(struct writer *w, const char *column)
{
    bool is_number = *column == '#';

    writer_addf(w, "<td%s data-as=\"%s\">", is_number ? " class=\"num\"" : "",
                column + is_number);
}

static void
end_cell(struct writer *w)
{
    writer_add(w, "</td>");
}

static void
add_text_cell(struct writer *w, const char *column, const char *string)
{
    begin_cell(w, column);
    writer_add(w, "<span>");
    page_add_text(w, string);
    writer_add(w, "</span>");
    end_cell(w);
}

static void
add_count_cell(struct writer *w, const char *column, uint64_t count)
{
    begin_cell(w, column);
    page_add_count(w, count);
    end_cell(w);
}

static void
add_bytes_cell(struct writer *w, const char *column, uint64_t bytes)
{
    begin_cell(w, column);
    page_add_bytes(w, bytes);
    end_cell(w);
}

/* The first cell of a row is its title. */
static void
add_title(struct writer *w, const char *string)
{
    writer_add(w, "<tr><td>");
    page_add_text(w, string);
    writer_add(w, "</td>");
}

/* ---- Frontends ---- */

static const char *const front_columns[] = {
    "Frontend", "Listens on", "Backend", "#Live", "#Accepted", "#Up", "#Down",
};

static void
add_front(struct writer *w, const struct view_front *front, const char *name,
          const struct stats_front *s)
{
    bool is_one = front->place != STATS_OTHER;

    add_title(w, name);
    add_text_cell(w, front_columns[1], is_one ? front->listen : "several");
    add_text_cell(w, front_columns[2], is_one ? front->backend : "several");
    begin_cell(w, front_columns[3]);
    writer_add(w, "<span>");
    page_add_count(w, s->live);
    if (is_one && front->max_connections > 0) {
        writer_add(w, " <span class=\"soft\">of ");
        page_add_count(w, front->max_connections);
        writer_add(w, "</span>");
    }
    writer_add(w, "</span>");
    end_cell(w);
    add_count_cell(w, front_columns[4], s->accepted);
    add_bytes_cell(w, front_columns[5], s->up_bytes);
    add_bytes_cell(w, front_columns[6], s->down_bytes);
    writer_add(w, "</tr>\n");
}

void
page_add_fronts(struct writer *w, const struct view *view)
{
    begin_table(w, "Frontends", front_columns, COUNT_OF(front_columns));
    for (size_t i = 0; i < view->fronts; i++) {
        const char *name = view_counted_as(view, i);

        if (name != NULL)
            add_front(w, &view->front[i], name, &view->sum->front[view->front[i].place]);
    }
    end_table(w);
}

/* ---- Servers of backends ---- */

static const char *const server_columns[] = {
    "Server", "Backend", "State", "#Live", "#Connected", "#Failed",
};

static const char *
state_of(const struct view_server *server)
{
    if (server->place == STATS_OTHER)
        return "";
    return server->is_draining ? "draining" : health_state_name(server->state);
}

static void
add_server(struct writer *w, const struct view_server *server, const struct stats_server *s)
{
    bool is_one = server->place != STATS_OTHER;
    uint64_t failed = 0;

    for (enum stats_dial dial = 0; dial < STATS_DIALS; dial++)
        failed += dial != STATS_DIAL_CONNECTED ? s->connects[dial] : 0;
    writer_add(w, "<tr><td>");
    page_add_text(w, is_one ? server->server : VIEW_OTHER);
    if (is_one && server->is_backup)
        writer_add(w, " <span class=\"soft\">backup</span>");
    writer_add(w, "</td>");
    add_text_cell(w, server_columns[1], is_one ? server->backend : "several");
    add_text_cell(w, server_columns[2], state_of(server));
    add_count_cell(w, server_columns[3], s->live);
    add_count_cell(w, server_columns[4], s->connects[STATS_DIAL_CONNECTED]);
    add_count_cell(w, server_columns[5], failed);
    writer_add(w, "</tr>\n");
}

static bool
has_sections(const struct view *view)
{
    for (size_t i = 0; i < view->servers; i++)
        if (view->server[i].is_section)
            return true;
    return false;
}

void
page_add_servers(struct writer *w, const struct view *view)
{
    if (!has_sections(view))
        return; /* the frontends say all */
    begin_table(w, "Servers", server_columns, COUNT_OF(server_columns));
    for (size_t i = 0; i < view->servers; i++)
        if (view_tells_server(view, i))
            add_server(w, &view->server[i], &view->sum->server[view->server[i].place]);
    end_table(w);
}

/* ---- Certificates ---- */

static const char *const cert_columns[] = {"Certificate", "Frontend", "File", "Expires",
                                           ""};

static int
compare_expiry(const void *a, const void *b)
{
    const struct view_cert *left = a, *right = b;

    return (left->not_after_us > right->not_after_us) -
           (left->not_after_us < right->not_after_us);
}

static void
add_cert(struct writer *w, const struct view *view, const struct view_cert *cert)
{
    int64_t days = page_days_left(view, cert->not_after_us);

    add_title(w, cert->subject);
    add_text_cell(w, cert_columns[1], cert->frontend);
    add_text_cell(w, cert_columns[2], cert->file);
    writer_addf(w, "<td class=\"time\" data-as=\"%s\">", cert_columns[3]);
    page_add_time(w, cert->not_after_us);
    end_cell(w);
    writer_addf(w, "<td class=\"num\"><span class=\"badge %s\">",
                days < 0                 ? "bad"
                : days <= PAGE_CERT_DAYS ? "warn"
                                         : "good");
    page_add_days_left(w, days);
    writer_add(w, "</span></td></tr>\n");
}

/* A copy of the certificates, in the order of their expiry, to be freed; or NULL. */
static struct view_cert *
sort_certs(const struct view *view)
{
    struct view_cert *sorted = calloc(view->certs, sizeof(*sorted));

    if (sorted == NULL)
        return NULL;
    memcpy(sorted, view->cert, view->certs * sizeof(*sorted));
    qsort(sorted, view->certs, sizeof(*sorted), compare_expiry);
    return sorted;
}

void
page_add_certs(struct writer *w, const struct view *view)
{
    size_t listed = view->certs < CERTS_LISTED ? view->certs : CERTS_LISTED;
    struct view_cert *sorted;

    if (view->certs == 0)
        return;
    sorted = sort_certs(view);
    if (sorted == NULL) {
        w->failed = true;
        return;
    }
    begin_table(w, "Certificates", cert_columns, COUNT_OF(cert_columns));
    for (size_t i = 0; i < listed; i++)
        add_cert(w, view, &sorted[i]);
    end_table(w);
    if (listed < view->certs)
        writer_addf(w, "<p class=\"none\">and %zu that expire later</p>\n",
                    view->certs - listed);
    free(sorted);
}

/* ---- Workers ---- */

static const char *const worker_columns[] = {
    "Worker", "State", "#Process", "#Live connections", "Started",
};

static void
add_worker(struct writer *w, const struct view *view, const struct view_worker *worker)
{
    static const struct {
        const char *class, *word;
    } states[VIEW_WORKER_STATES] = {
        [VIEW_WORKER_STARTING] = {"warn", "starting"},
        [VIEW_WORKER_SERVING] = {"good", "serving"},
        [VIEW_WORKER_RETIRING] = {"", "retiring"},
    };

    writer_addf(w, "<tr><td>%u</td>", worker->slot);
    begin_cell(w, worker_columns[1]);
    writer_addf(w, "<span class=\"badge %s\">%s</span>", states[worker->state].class,
                states[worker->state].word);
    end_cell(w);
    begin_cell(w, worker_columns[2]);
    writer_addf(w, "%ld", (long)worker->pid);
    end_cell(w);
    add_count_cell(w, worker_columns[3], worker->live);
    begin_cell(w, worker_columns[4]);
    page_add_ago(w, view, worker->start_us);
    end_cell(w);
    writer_add(w, "</tr>\n");
}

void
page_add_workers(struct writer *w, const struct view *view)
{
    begin_table(w, "Workers", worker_columns, COUNT_OF(worker_columns));
    for (size_t i = 0; i < view->workers; i++)
        add_worker(w, view, &view->worker[i]);
    end_table(w);
}
