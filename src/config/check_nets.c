/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/check_private.h"

void
check_nets(struct checker *c, const char *setting, const struct config_strings *from,
           struct config_nets *nets)
{
    nets->item = arena_alloc(c->config->arena, (from->count + 1) * sizeof(*nets->item));
    nets->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        const struct config_string *text = &from->item[i];
        const char *wrong = addr_net_parse(&nets->item[nets->count], text->text);

        if (wrong == NULL)
            nets->count++;
        else if (*text->text != '\0') /* diag has that */
            diag_error(c->diag, text->pos, "%s %s %s", setting, check_quote(c, text->text),
                       wrong);
    }
}
