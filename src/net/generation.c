/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/generation.h"

#include "tls/tls_ctx.h"
#include "tls/tls_keylog.h"
#include "tls/tls_sni.h"
#include "tls/tls_ticket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* *sni is set in either case, and has to outlive what is returned. */
static SSL_CTX *
new_tls(const struct config_frontend *f, struct tls_sni **sni, struct diag *diag)
{
    const struct cert *standard;
    SSL_CTX *tls = NULL;

    *sni = tls_sni_new(f->sealed_cert.data, f->sealed_cert.len, f->sni_strict, &standard);
    if (*sni != NULL)
        tls = tls_ctx_new(f, standard, diag);
    if (tls != NULL &&
        (tls_sni_attach(*sni, tls) != 0 ||
         tls_ticket_set_secrets(tls, f->ticket_secrets.data, f->ticket_secrets.len) != 0)) {
        SSL_CTX_free(tls);
        tls = NULL;
    }
    if (tls == NULL && diag_errors(diag) == 0)
        diag_error(diag, f->pos, "frontend %s: out of memory", f->name);
    return tls;
}

static int
init_pools(struct generation *g)
{
    for (size_t i = 0; i < g->config->pools; i++)
        if (pool_init(&g->pool[i], &g->config->pool[i], g->loop) < 0)
            return -1;
    return 0;
}

static int
init_fronts(struct generation *g, struct diag *diag)
{
    for (size_t i = 0; i < g->config->frontends; i++) {
        const struct config_frontend *f = &g->config->frontend[i];
        struct tls_sni *sni;
        SSL_CTX *tls = new_tls(f, &sni, diag);

        if (tls == NULL) {
            tls_sni_free(sni);
            return -1;
        }
        front_init(&g->front[i], f, tls, g->pool, g->loop);
        g->front[i].sni = sni;
        g->front[i].generation = g;
    }
    return 0;
}

static void
release(struct generation *g)
{
    for (size_t i = 0; g->acceptor != NULL && i < g->acceptors; i++)
        acceptor_clear(&g->acceptor[i]);
    for (size_t i = 0; g->front != NULL && i < g->config->frontends; i++)
        front_clear(&g->front[i]);
    for (size_t i = 0; g->pool != NULL && i < g->config->pools; i++)
        pool_clear(&g->pool[i]);
    if (g->key_log >= 0)
        close(g->key_log);
    free(g->acceptor);
    free(g->pool);
    free(g->front);
    config_free(g->config);
    free(g);
}

struct generation *
generation_new(struct loop *loop, uint64_t number, struct config *config, size_t sockets,
               struct diag *diag)
{
    struct generation *g = calloc(1, sizeof(*g));

    if (g == NULL) {
        config_free(config);
        return NULL;
    }
    *g = (struct generation){.loop = loop,
                             .number = number,
                             .config = config,
                             .acceptors_max = sockets,
                             .key_log = -1,
                             .refs = 1};
    g->front = calloc(config->frontends + 1, sizeof(*g->front));
    g->acceptor = calloc(sockets + 1, sizeof(*g->acceptor));
    g->pool = calloc(config->pools + 1, sizeof(*g->pool));
    if (g->front != NULL && g->acceptor != NULL && g->pool != NULL && init_pools(g) == 0 &&
        init_fronts(g, diag) == 0)
        return g;
    release(g);
    return NULL;
}

int
generation_log_keys(struct generation *g, int fd)
{
    g->key_log = fd;
    for (size_t i = 0; i < g->config->frontends; i++)
        if (tls_keylog_enable(g->front[i].tls, fd) != 0)
            return -1;
    return 0;
}

int
generation_listen(struct generation *g, size_t frontend, int fd)
{
    if (frontend >= g->config->frontends || g->acceptors == g->acceptors_max) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    if (acceptor_init(&g->acceptor[g->acceptors], g->loop, &g->front[frontend], fd) < 0)
        return -1;
    g->acceptors++;
    return 0;
}

void
generation_serve(struct generation *g)
{
    for (size_t i = 0; i < g->config->pools; i++)
        pool_serve(&g->pool[i]);
    for (size_t i = 0; i < g->acceptors; i++)
        acceptor_start(&g->acceptor[i]);
}

static bool
serves(const struct generation *g, const struct addr *addr)
{
    for (size_t i = 0; g != NULL && i < g->acceptors; i++)
        if (addr_equal(&g->acceptor[i].addr, addr))
            return true;
    return false;
}

/* What shows the certificates of the frontend of that name, or NULL. */
static struct tls_sni *
find_sni(const struct generation *g, const char *name)
{
    for (size_t i = 0; g != NULL && i < g->config->frontends; i++)
        if (strcmp(g->front[i].config->name, name) == 0)
            return g->front[i].sni;
    return NULL;
}

void
generation_stop(struct generation *g, const struct generation *next)
{
    for (size_t i = 0; i < g->acceptors; i++) {
        if (!serves(next, &g->acceptor[i].addr))
            acceptor_take_waiting(&g->acceptor[i]);
        acceptor_clear(&g->acceptor[i]);
    }
    for (size_t i = 0; i < g->config->pools; i++)
        pool_rest(&g->pool[i]);
    for (size_t i = 0; i < g->config->frontends; i++)
        tls_sni_rest(g->front[i].sni, find_sni(next, g->front[i].config->name));
}

void
generation_ref(struct generation *g)
{
    if (g != NULL)
        g->refs++;
}

void
generation_unref(struct generation *g)
{
    void (*on_gone)(void *);
    void *arg;

    if (g == NULL || --g->refs > 0)
        return;
    on_gone = g->on_gone;
    arg = g->arg;
    release(g);
    if (on_gone != NULL)
        on_gone(arg);
}
