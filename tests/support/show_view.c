/* SPDX-License-Identifier: BSD-2-Clause */
/* `show-view page|metrics [young]`: what the admin address would say of a sample. */
#include "proc/metrics.h"
#include "proc/page.h"
#include "support/sample_view.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    struct evbuffer *out = evbuffer_new();
    const struct view *view =
        argc > 2 && strcmp(argv[2], "young") == 0 ? sample_view_young() : sample_view();

    if (argc < 2 || out == NULL)
        return EXIT_FAILURE;
    if ((strcmp(argv[1], "page") == 0 ? page_write : metrics_write)(view, out) < 0)
        return EXIT_FAILURE;
    while (evbuffer_get_length(out) > 0)
        if (evbuffer_write(out, STDOUT_FILENO) < 0)
            return EXIT_FAILURE;
    evbuffer_free(out);
    return EXIT_SUCCESS;
}
