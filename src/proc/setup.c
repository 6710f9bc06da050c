/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/setup.h"

#include "config/check.h"
#include "net/sock.h"
#include "tls/tls_ctx.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static SSL_CTX *
make_tls(const struct config_frontend *frontend, const struct cert *given,
         struct diag *diag)
{
    struct cert *loaded;
    SSL_CTX *tls;

    if (given != NULL)
        return tls_ctx_new(frontend, given, diag);
    if (frontend->cert.text == NULL || frontend->cert.text[0] == '\0')
        return NULL; /* there is a mistake in diag about it already */
    loaded = cert_load(frontend, diag);
    if (loaded == NULL)
        return NULL;
    tls = tls_ctx_new(frontend, loaded, diag);
    cert_free(loaded);
    return tls;
}

void
setup_init(struct setup *setup, struct config *config, const struct cert *cert,
           struct diag *diag)
{
    *setup = (struct setup){.config = config};
    config_check(config, diag);
    setup->tls = arena_alloc(config->arena, (config->frontends + 1) * sizeof(SSL_CTX *));
    for (size_t i = 0; i < config->frontends; i++)
        setup->tls[i] = make_tls(&config->frontend[i], cert, diag);
}

static void
listen_at(struct setup *setup, size_t frontend, const struct config_listen *where,
          struct diag *diag)
{
    char text[ADDR_TEXT_SIZE];
    int fd = sock_listen(&where->addr, &setup->config->frontend[frontend]);

    if (fd < 0) {
        diag_error(diag, where->from.pos, "cannot listen on %s: %s",
                   addr_format(&where->addr, text, sizeof(text)), strerror(errno));
        return;
    }
    setup->listener[setup->listeners++] =
        (struct setup_listener){.fd = fd, .frontend = frontend};
}

void
setup_listen(struct setup *setup, struct diag *diag)
{
    const struct config *config = setup->config;
    size_t count = 0;

    for (size_t i = 0; i < config->frontends; i++)
        count += config->frontend[i].listens;
    setup->listener = arena_alloc(config->arena, (count + 1) * sizeof(*setup->listener));
    for (size_t i = 0; i < config->frontends; i++)
        for (size_t k = 0; k < config->frontend[i].listens; k++)
            listen_at(setup, i, &config->frontend[i].listen[k], diag);
}

void
setup_clear(struct setup *setup)
{
    for (size_t i = 0; i < setup->config->frontends; i++)
        SSL_CTX_free(setup->tls[i]);
    for (size_t i = 0; i < setup->listeners; i++)
        if (setup->listener[i].fd >= 0)
            close(setup->listener[i].fd);
    config_free(setup->config);
    memset(setup, 0, sizeof(*setup));
}
