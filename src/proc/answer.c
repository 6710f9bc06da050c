/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/master.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "proc/metrics.h"
#include "proc/page.h"
#include "proc/seal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAIN_TYPE "text/plain; charset=utf-8"

/* A view and what it points to. */
struct snapshot {
    struct arena *arena;
    struct view view;
};

static const char *
join(struct arena *arena, const struct config_strings *strings)
{
    const char *all = "";

    for (size_t i = 0; i < strings->count; i++)
        all = arena_printf(arena, "%s%s%s", all, i > 0 ? ", " : "", strings->item[i].text);
    return all;
}

/* All of them, those that names and protocols lead to as they are written. */
static const char *
join_backends(struct arena *arena, const struct config_frontend *f)
{
    const char *all = f->backend_text.text;

    if (f->sni_backend.count > 0)
        all = arena_printf(arena, "%s, %s", all, join(arena, &f->sni_backend));
    if (f->alpn_backend.count > 0)
        all = arena_printf(arena, "%s, %s", all, join(arena, &f->alpn_backend));
    return all;
}

static void
take_fronts(struct snapshot *s, const struct config *config)
{
    struct view_front *front =
        arena_alloc(s->arena, (config->frontends + 1) * sizeof(*front));

    for (size_t i = 0; i < config->frontends; i++) {
        const struct config_frontend *f = &config->frontend[i];

        front[i] = (struct view_front){.name = f->name,
                                       .listen = join(s->arena, &f->listen_text),
                                       .backend = join_backends(s->arena, f),
                                       .place = f->place,
                                       .max_connections = f->max_connections};
    }
    s->view.front = front;
    s->view.fronts = config->frontends;
}

static enum health_state
state_of(const struct crew *crew, const struct config_pool *pool, uint32_t place)
{
    struct health_rules rules = config_health_rules(pool);
    struct health health = health_unpack(
        atomic_load_explicit(&crew->shared->server[place].health, memory_order_relaxed));

    return health_use(&health, &rules, 0) == HEALTH_YES ? HEALTH_UP : health.state;
}

static size_t
count_servers(const struct config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->pools; i++)
        count += config->pool[i].servers;
    return count;
}

static bool
has_place(const struct view *view, unsigned place)
{
    for (size_t i = 0; i < view->servers; i++)
        if (view->server[i].place == place)
            return true;
    return false;
}

/* Those that a reload has taken out, and that have connections still. */
static void
add_draining(struct snapshot *s, struct view_server *server,
             const struct setup_places *places)
{
    for (unsigned i = STATS_OTHER + 1; i < STATS_SERVERS; i++) {
        char *backend, *name;

        if (places->server[i] == NULL || s->view.sum->server[i].live == 0 ||
            has_place(&s->view, i))
            continue;
        backend = arena_strdup(s->arena, places->server[i]); /* see setup_place_servers */
        name = strchr(backend, '\n');
        if (name == NULL)
            continue;
        *name++ = '\0';
        server[s->view.servers++] = (struct view_server){
            .backend = backend, .server = name, .place = i, .is_draining = true};
    }
}

static void
take_servers(struct snapshot *s, const struct config *config, const struct crew *crew,
             const struct setup_places *places)
{
    struct view_server *server =
        arena_alloc(s->arena, (STATS_SERVERS + count_servers(config)) * sizeof(*server));
    size_t count = 0;

    for (size_t i = 0; i < config->pools; i++) {
        const struct config_pool *pool = &config->pool[i];

        for (size_t k = 0; pool->used && k < pool->servers; k++)
            server[count++] =
                (struct view_server){.backend = config_pool_name(pool),
                                     .server = config_server_name(&pool->server[k]),
                                     .place = pool->server[k].place,
                                     .state = state_of(crew, pool, pool->server[k].place),
                                     .is_checked = pool->check != CONFIG_CHECK_OFF,
                                     .is_backup = pool->server[k].backup,
                                     .is_section = pool->name != NULL};
    }
    s->view.server = server;
    s->view.servers = count;
    add_draining(s, server, places);
}

static void
take_certs(struct snapshot *s, const struct setup *setup)
{
    struct view_cert *cert = arena_alloc(s->arena, (setup->certs + 1) * sizeof(*cert));

    for (size_t i = 0; i < setup->certs; i++)
        cert[i] = (struct view_cert){.frontend = setup->cert[i].frontend,
                                     .file = setup->cert[i].file,
                                     .subject = setup->cert[i].subject,
                                     .not_after_us =
                                         (uint64_t)setup->cert[i].not_after * 1000000};
    s->view.cert = cert;
    s->view.certs = setup->certs;
}

static void
take_staples(struct snapshot *s, const struct setup *setup)
{
    struct view_staple *staple =
        arena_alloc(s->arena, (setup->staples + 1) * sizeof(*staple));

    for (size_t i = 0; i < setup->staples; i++)
        staple[i] = (struct view_staple){
            .frontend = setup->staple[i].frontend,
            .file = setup->staple[i].file,
            .this_update_us = (uint64_t)setup->staple[i].this_update * 1000000,
            .next_update_us = (uint64_t)setup->staple[i].next_update * 1000000};
    s->view.staple = staple;
    s->view.staples = setup->staples;
}

static void
take_workers(struct snapshot *s, const struct crew *crew)
{
    static const enum view_worker_state states[] = {
        [CREW_STARTING] = VIEW_WORKER_STARTING,
        [CREW_SERVING] = VIEW_WORKER_SERVING,
        [CREW_RETIRING] = VIEW_WORKER_RETIRING,
    };
    struct view_worker *worker =
        arena_alloc(s->arena, (crew_workers(crew) + 1) * sizeof(*worker));
    const struct crew_child *child;
    size_t count = 0;

    TAILQ_FOREACH (child, &crew->children, link)
        if (child->role == CHILD_WORKER)
            worker[count++] = (struct view_worker){.slot = child->slot,
                                                   .pid = child->pid,
                                                   .state = states[child->state],
                                                   .start_us = child->start_us,
                                                   .live = crew_live(child)};
    s->view.worker = worker;
    s->view.workers = count;
}

static void
take_view(struct snapshot *s, struct master *m)
{
    s->view = (struct view){
        .state = m->state,
        .now_us = clock_wall_us(),
        .now_ms = clock_ms(),
        .start_us = m->start_us,
        .conf = m->source->conf,
        .sum = crew_sum(&m->crew),
        .worker_restarts = m->crew.restarts,
        .reloads_good = m->reload.good,
        .reloads_bad = m->reload.bad,
        .last_reload_us = m->reload.last_us,
        .last_reload_good = m->reload.last_good,
        .last_reload_error = m->reload.last_error,
        .config_us = m->setup->loaded_us,
        .history = m->history,
    };
    take_fronts(s, m->setup->config);
    take_servers(s, m->setup->config, &m->crew, &m->places);
    take_certs(s, m->setup);
    take_staples(s, m->setup);
    take_workers(s, &m->crew);
}

static int
write_view(struct master *m, uint32_t question, struct evbuffer *out)
{
    struct snapshot s = {.arena = arena_new()};
    int status;

    take_view(&s, m);
    status = question == IPC_ASK_METRICS ? metrics_write(&s.view, out)
                                         : page_write(&s.view, out);
    arena_free(s.arena);
    return status;
}

static int
write_readiness(const struct master *m, struct evbuffer *out, struct ipc_answer *answer)
{
    static const char *const words[] = {
        [VIEW_STARTING] = "starting\n",
        [VIEW_READY] = "ready\n",
        [VIEW_DRAINING] = "draining\n",
    };

    answer->status = m->state == VIEW_READY ? 200 : 503;
    return evbuffer_add(out, words[m->state], strlen(words[m->state]));
}

static int
write_answer(struct master *m, uint32_t question, struct evbuffer *out,
             struct ipc_answer *answer)
{
    const char *type = question == IPC_ASK_METRICS ? METRICS_TYPE
                       : question == IPC_ASK_PAGE  ? PAGE_TYPE
                                                   : PLAIN_TYPE;
    struct text text;

    text_init(&text, answer->type, sizeof(answer->type));
    text_add(&text, type);
    answer->status = 200;
    switch (question) {
    case IPC_ASK_HEALTH:
        return evbuffer_add(out, "alive\n", strlen("alive\n"));
    case IPC_ASK_READY:
        return write_readiness(m, out, answer);
    case IPC_ASK_METRICS:
    case IPC_ASK_PAGE:
        return write_view(m, question, out);
    default:
        return -1;
    }
}

void
answer_question(struct master *m, struct crew_child *admin, const struct ipc_ask *ask)
{
    struct ipc_answer answer = {.id = ask->id};
    struct evbuffer *out = evbuffer_new();
    int fd = -1;

    if (out != NULL && write_answer(m, ask->question, out, &answer) == 0)
        fd = seal_make("sallyport-answer", evbuffer_pullup(out, -1),
                       evbuffer_get_length(out));
    if (fd >= 0)
        crew_send(admin, IPC_ANSWER, &answer, sizeof(answer), &fd, 1);
    else
        log_error("the admin process cannot be answered: out of memory");
    if (fd >= 0)
        close(fd);
    if (out != NULL)
        evbuffer_free(out);
}
