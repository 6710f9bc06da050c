/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/view.h"

const char *
view_counted_as(const struct view *view, size_t i)
{
    size_t first = 0;

    if (view->front[i].place != STATS_OTHER)
        return view->front[i].name;
    while (view->front[first].place != STATS_OTHER)
        first++;
    return first == i ? VIEW_OTHER : NULL;
}

bool
view_tells_server(const struct view *view, size_t i)
{
    size_t first = 0;

    if (view->server[i].place != STATS_OTHER)
        return true;
    while (view->server[first].place != STATS_OTHER)
        first++;
    return first == i;
}
