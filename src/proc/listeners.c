/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/listeners.h"

#include "net/sock.h"
#include "proc/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
listeners_init(struct listeners *listeners)
{
    TAILQ_INIT(&listeners->list);
}

static void
listener_free(struct listener *l)
{
    for (size_t i = 0; i < l->count; i++)
        close(l->fd[i]);
    free(l->fd);
    free(l->systemd);
    free(l);
}

static void
remove_listener(struct listeners *listeners, struct listener *l)
{
    TAILQ_REMOVE(&listeners->list, l, link);
    listener_free(l);
}

void
listeners_clear(struct listeners *listeners)
{
    struct listener *l;

    while ((l = TAILQ_FIRST(&listeners->list)) != NULL)
        remove_listener(listeners, l);
}

static bool
is_same(const struct listener *l, const struct config_listen *listen)
{
    if (l->systemd != NULL || listen->systemd != NULL)
        return l->systemd != NULL && listen->systemd != NULL &&
               strcmp(l->systemd, listen->systemd) == 0;
    return addr_equal(&l->key, &listen->addr);
}

const struct listener *
listeners_find(const struct listeners *listeners, const struct config_listen *listen)
{
    const struct listener *l;

    TAILQ_FOREACH (l, &listeners->list, link)
        if (is_same(l, listen))
            return l;
    return NULL;
}

static struct listener *
add_listener(struct listeners *listeners, const struct config_listen *listen)
{
    struct listener *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->addr = l->key = listen->addr;
    if (listen->systemd != NULL) {
        l->systemd = strdup(listen->systemd);
        if (l->systemd == NULL) {
            free(l);
            return NULL;
        }
    }
    TAILQ_INSERT_TAIL(&listeners->list, l, link);
    return l;
}

/* Takes fd. Returns 0, or -1 with errno. */
static int
add_socket(struct listener *l, int fd)
{
    int *grown = fd >= 0 ? realloc(l->fd, (l->count + 1) * sizeof(*grown)) : NULL;

    if (grown == NULL) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    l->fd = grown;
    l->fd[l->count++] = fd;
    l->standby++;
    return 0;
}

/*
 * Does another address of ours hold the same port, so that a probe would be in our own way?
 * Only where one of the two is all addresses, as when a reload makes 127.0.0.1:443 of
 * *:443.
 */
static bool
is_beside_ours(const struct listeners *listeners, const struct listener *l)
{
    const struct listener *other;

    TAILQ_FOREACH (other, &listeners->list, link)
        if (other != l && other->systemd == NULL && other->count > 0 &&
            other->addr.u.sa.sa_family == l->addr.u.sa.sa_family &&
            addr_port(&other->addr) == addr_port(&l->addr) &&
            (addr_is_wildcard(&other->addr) || addr_is_wildcard(&l->addr)))
            return true;
    return false;
}

/*
 * SO_REUSEPORT would let us share the port with another process of our user, another
 * sallyport for instance, and take half of its clients: ask for the port without it first.
 */
static int
probe(const struct listeners *listeners, const struct listener *l)
{
    int fd;

    if (addr_port(&l->addr) == 0 || is_beside_ours(listeners, l))
        return 0;
    fd = sock_bind(&l->addr, false);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

/* With port 0 the first socket picks one, the others share it. */
static int
bind_sockets(const struct listeners *listeners, struct listener *l, unsigned workers)
{
    if (l->count == 0 && probe(listeners, l) < 0)
        return -1;
    while (l->count < workers) {
        if (add_socket(l, sock_bind(&l->addr, true)) < 0)
            return -1;
        if (sock_local_addr(l->fd[0], &l->addr) < 0)
            return -1;
    }
    return 0;
}

/* Is it a TCP socket that listens? */
static bool
is_tcp_listener(int fd, struct addr *addr)
{
    int listening = 0;
    socklen_t len = sizeof(listening);

    return sock_local_addr(fd, addr) == 0 && addr->u.sa.sa_family != AF_UNIX &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

static void
take_from_systemd(struct listener *l, const struct config_listen *listen, struct diag *diag)
{
    int fd[2] = {-1, -1};
    size_t found = systemd_sockets(l->systemd, fd, COUNT_OF(fd));
    const char *wrong = NULL;

    if (l->count > 0)
        return;
    if (found == 0)
        wrong = "systemd has passed in no socket of that name";
    else if (found > 1)
        wrong = "systemd has passed in several sockets of that name";
    else if (!is_tcp_listener(fd[0], &l->addr))
        wrong = "the socket that systemd has passed in is not a listening TCP socket";
    if (wrong != NULL) {
        diag_error(diag, listen->from.pos, "cannot listen on %s: %s; its names are: %s",
                   listen->from.text, wrong, systemd_socket_names());
        return;
    }
    (void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
    if (add_socket(l, fcntl(fd[0], F_DUPFD_CLOEXEC, 0)) < 0)
        diag_error(diag, listen->from.pos, "cannot listen on %s: %s", listen->from.text,
                   strerror(errno));
}

static void
prepare_one(struct listeners *listeners, const struct config_listen *listen,
            unsigned workers, struct diag *diag)
{
    struct listener *l = (struct listener *)(uintptr_t)listeners_find(listeners, listen);
    char text[ADDR_TEXT_SIZE];

    if (l == NULL)
        l = add_listener(listeners, listen);
    if (l == NULL) {
        diag_error(diag, listen->from.pos, "out of memory");
        return;
    }
    if (l->systemd != NULL)
        take_from_systemd(l, listen, diag);
    else if (bind_sockets(listeners, l, workers) < 0)
        diag_error(diag, listen->from.pos, "cannot listen on %s: %s",
                   addr_format(&listen->addr, text, sizeof(text)), strerror(errno));
}

void
listeners_prepare(struct listeners *listeners, const struct config *config,
                  unsigned workers, struct diag *diag)
{
    for (size_t i = 0; i < config->frontends; i++)
        for (size_t k = 0; k < config->frontend[i].listens; k++)
            prepare_one(listeners, &config->frontend[i].listen[k], workers, diag);
}

static void
commit_one(struct listener *l, const struct config_frontend *frontend,
           const struct config_listen *listen, unsigned workers, struct diag *diag)
{
    char text[ADDR_TEXT_SIZE];

    l->wanted = true;
    for (size_t i = 0; i < l->count; i++)
        if (sock_listen(l->fd[i], frontend) < 0)
            diag_error(diag, listen->from.pos, "cannot listen on %s: %s",
                       addr_format(&l->addr, text, sizeof(text)), strerror(errno));
    l->standby = 0;
    if (l->systemd == NULL && l->count > 1)
        sock_steer(l->fd[0], workers);
}

void
listeners_commit(struct listeners *listeners, const struct config *config, unsigned workers,
                 struct diag *diag)
{
    struct listener *l, *next;

    TAILQ_FOREACH (l, &listeners->list, link)
        l->wanted = false;
    for (size_t i = 0; i < config->frontends; i++) {
        const struct config_frontend *f = &config->frontend[i];

        for (size_t k = 0; k < f->listens; k++) {
            const struct listener *found = listeners_find(listeners, &f->listen[k]);

            if (found != NULL)
                commit_one((struct listener *)(uintptr_t)found, f, &f->listen[k], workers,
                           diag);
        }
    }
    for (l = TAILQ_FIRST(&listeners->list); l != NULL; l = next) {
        next = TAILQ_NEXT(l, link);
        if (!l->wanted)
            remove_listener(listeners, l);
    }
}

void
listeners_forget(struct listeners *listeners)
{
    struct listener *l, *next;

    for (l = TAILQ_FIRST(&listeners->list); l != NULL; l = next) {
        next = TAILQ_NEXT(l, link);
        while (l->standby > 0) {
            close(l->fd[--l->count]);
            l->standby--;
        }
        if (l->count == 0)
            remove_listener(listeners, l);
    }
}

bool
listener_is_for(const struct listener *l, size_t index, unsigned worker, unsigned workers)
{
    return l->systemd != NULL || index % workers == worker;
}

/* ---- Handing over ---- */

void
listeners_pack(const struct listeners *listeners, struct pack *p)
{
    const struct listener *l;
    uint32_t count = 0;

    TAILQ_FOREACH (l, &listeners->list, link)
        count++;
    pack_u32(p, count);
    TAILQ_FOREACH (l, &listeners->list, link) {
        pack_addr(p, &l->addr);
        pack_addr(p, &l->key);
        pack_string(p, l->systemd);
        pack_u32(p, (uint32_t)l->count);
        for (size_t i = 0; i < l->count; i++)
            pack_u32(p, (uint32_t)l->fd[i]);
    }
}

void
listeners_keep(const struct listeners *listeners, bool over_exec)
{
    const struct listener *l;

    TAILQ_FOREACH (l, &listeners->list, link)
        for (size_t i = 0; i < l->count; i++)
            (void)fcntl(l->fd[i], F_SETFD, over_exec ? 0 : FD_CLOEXEC);
}

static int
unpack_one(struct listeners *listeners, struct unpack *u)
{
    struct config_listen listen = {0};
    struct addr addr = {.len = 0};
    struct listener *l;
    size_t count;

    unpack_addr(u, &addr);
    unpack_addr(u, &listen.addr);
    listen.systemd = unpack_string(u);
    count = unpack_count(u, sizeof(uint32_t));
    l = add_listener(listeners, &listen);
    if (l == NULL)
        return -1;
    l->addr = addr;
    for (size_t i = 0; i < count; i++) {
        int fd = (int)unpack_u32(u);

        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || add_socket(l, fd) < 0)
            return -1;
    }
    l->standby = 0;
    return u->failed ? -1 : 0;
}

int
listeners_unpack(struct listeners *listeners, struct unpack *u)
{
    size_t count = unpack_u32(u);

    for (size_t i = 0; i < count; i++)
        if (unpack_one(listeners, u) < 0)
            return -1;
    return u->failed ? -1 : 0;
}
