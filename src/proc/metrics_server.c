/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told of the servers of backends. */
#include "proc/metrics_private.h"

#include <stddef.h>

/* result NULL: the family has no such label. */
static void
add_one(struct metrics *m, const struct view_server *server, const char *result,
        uint64_t value)
{
    bool is_one = server->place != STATS_OTHER;
    const char *label[] = {"backend", is_one ? server->backend : VIEW_OTHER,
                           "server",  is_one ? server->server : VIEW_OTHER,
                           "result",  result,
                           NULL};

    if (result == NULL)
        label[4] = NULL;
    metrics_add(m, label, value);
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
