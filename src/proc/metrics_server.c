/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told of the servers of backends. */
#include "proc/metrics_private.h"

#include <stddef.h>
#include <string.h>

/* name NULL: the family has no further label. */
static void
add_labelled(struct metrics *m, const struct view_server *server, const char *name,
             const char *value_of_name, uint64_t value)
{
    bool is_one = server->place != STATS_OTHER;
    const char *label[] = {"backend", is_one ? server->backend : VIEW_OTHER,
                           "server",  is_one ? server->server : VIEW_OTHER,
                           name,      value_of_name,
                           NULL};

    metrics_add(m, label, value);
}

/* result NULL: the family has no such label. */
static void
add_one(struct metrics *m, const struct view_server *server, const char *result,
        uint64_t value)
{
    add_labelled(m, server, result != NULL ? "result" : NULL, result, value);
}

void
metrics_add_server_live(struct metrics *m)
{
    const struct view *view = m->view;

    for (size_t i = 0; i < view->servers; i++)
        if (view_tells_server(view, i))
            add_one(m, &view->server[i], NULL,
                    view->sum->server[view->server[i].place].live);
}

void
metrics_add_server_connects(struct metrics *m)
{
    const struct view *view = m->view;

    for (size_t i = 0; i < view->servers; i++) {
        const struct view_server *server = &view->server[i];

        if (!view_tells_server(view, i))
            continue;
        for (enum stats_dial dial = 0; dial < STATS_DIALS; dial++)
            add_one(m, server, stats_dial_name(dial),
                    view->sum->server[server->place].connects[dial]);
    }
}

/* Those that share a place, or have left, have no health to tell of. */
static bool
has_health(const struct view *view, size_t i)
{
    return view->server[i].place != STATS_OTHER && !view->server[i].is_draining;
}

void
metrics_add_server_up(struct metrics *m)
{
    for (size_t i = 0; i < m->view->servers; i++)
        if (has_health(m->view, i))
            add_one(m, &m->view->server[i], NULL,
                    m->view->server[i].state == HEALTH_UP ? 1 : 0);
}

void
metrics_add_server_outs(struct metrics *m)
{
    static const char *const causes[2] = {"connect", "check"};

    for (size_t i = 0; i < m->view->servers; i++) {
        const struct view_server *server = &m->view->server[i];

        for (unsigned k = 0; view_tells_server(m->view, i) && k < 2; k++)
            add_labelled(m, server, "cause", causes[k],
                         m->view->sum->server[server->place].outs[k]);
    }
}

void
metrics_add_server_checks(struct metrics *m)
{
    for (size_t i = 0; i < m->view->servers; i++) {
        const struct view_server *server = &m->view->server[i];

        if (!server->is_checked || !view_tells_server(m->view, i))
            continue;
        for (enum stats_check check = 0; check < STATS_CHECKS; check++)
            add_one(m, server, stats_check_name(check),
                    m->view->sum->server[server->place].checks[check]);
    }
}

/* It is counted at the place of the backend's first server. */
void
metrics_add_backend_queued(struct metrics *m)
{
    const struct view *view = m->view;

    for (size_t i = 0; i < view->servers; i++) {
        const struct view_server *server = &view->server[i];
        const char *label[] = {"backend", server->backend, NULL};

        if (server->is_section && has_health(view, i) &&
            (i == 0 || strcmp(view->server[i - 1].backend, server->backend) != 0))
            metrics_add(m, label, view->sum->server[server->place].queued);
    }
}
