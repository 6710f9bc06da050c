/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/config.h"

#include "config/options.h"

struct config *
config_new(struct config_frontend *defaults)
{
    struct arena *arena = arena_new();
    struct config *config = arena_alloc(arena, sizeof(*config));

    config->arena = arena;
    *defaults = (struct config_frontend){.name = "defaults"};
    option_store_initial(config, defaults);
    return config;
}

void
config_free(struct config *config)
{
    if (config != NULL)
        arena_free(config->arena);
}
