/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of what is called so, or the first free one, or STATS_OTHER. */
static uint32_t
find_place(const struct setup_places *places, const char *name)
{
    uint32_t free_one = STATS_OTHER;

    for (uint32_t i = STATS_SERVERS - 1; i > STATS_OTHER; i--) {
        if (places->server[i] == NULL)
            free_one = i;
        else if (strcmp(places->server[i], name) == 0)
            return i;
    }
    return free_one;
}

/* To be freed; or NULL. */
static char *
make_name(const struct config_pool *pool, const struct config_server *server)
{
    char *name;

    /* A line feed is in neither of the two: no other ones are joined to the same. */
    if (asprintf(&name, "%s\n%s", config_pool_name(pool), config_server_name(server)) < 0)
        return NULL;
    return name;
}

static uint32_t
take_place(struct setup_places *places, const struct config_pool *pool,
           const struct config_server *server)
{
    char *name = make_name(pool, server);
    uint32_t place;

    if (name == NULL)
        return STATS_OTHER;
    place = find_place(places, name);
    if (place != STATS_OTHER && places->server[place] == NULL)
        places->server[place] = name;
    else
        free(name);
    return place;
}

void
setup_place_servers(struct setup_places *places, struct config *config)
{
    for (size_t i = 0; i < config->pools; i++) {
        struct config_pool *pool = &config->pool[i];

        for (size_t k = 0; pool->used && k < pool->servers; k++)
            pool->server[k].place = take_place(places, pool, &pool->server[k]);
    }
}

void
setup_adopt_servers(struct setup_places *places, const struct config *config)
{
    for (size_t i = 0; i < config->pools; i++) {
        const struct config_pool *pool = &config->pool[i];

        for (size_t k = 0; pool->used && k < pool->servers; k++) {
            uint32_t place = pool->server[k].place;

            if (place != STATS_OTHER && place < STATS_SERVERS &&
                places->server[place] == NULL)
                places->server[place] = make_name(pool, &pool->server[k]);
        }
    }
}
