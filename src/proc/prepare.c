/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/prepare.h"

#include "base/log.h"
#include "net/sock.h"
#include "proc/transparent.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ADMIN_BACKLOG 64

/* ---- The admin socket ---- */

/* A Unix socket that nobody listens on any more is left over from before. */
static void
remove_stale(const struct addr *addr)
{
    struct stat status;
    int fd;

    if (!addr_is_file(addr) || lstat(addr->u.un.sun_path, &status) < 0 ||
        !S_ISSOCK(status.st_mode))
        return;
    /* Non-blocking: somebody may listen, and his backlog be full. */
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, &addr->u.sa, addr->len) < 0 && errno == ECONNREFUSED)
        (void)unlink(addr->u.un.sun_path);
    if (fd >= 0)
        close(fd);
}

/* Unlinked first: once it is closed, somebody else may put his own there. */
static void
close_admin(int *fd, const struct addr *addr)
{
    if (*fd < 0)
        return;
    if (addr_is_file(addr))
        (void)unlink(addr->u.un.sun_path);
    close(*fd);
    *fd = -1;
}

/* -1 if the configuration wants none, or with a mistake in diag. */
static int
open_admin(const struct config *config, struct diag *diag)
{
    int fd;

    if (config->admin.len == 0)
        return -1;
    remove_stale(&config->admin);
    fd = sock_bind(&config->admin, false);
    if (fd >= 0 && listen(fd, ADMIN_BACKLOG) == 0)
        return fd;
    diag_error(diag, config->admin_text.pos, "cannot listen on %s: %s",
               config->admin_text.text, strerror(errno));
    close_admin(&fd, &config->admin);
    return -1;
}

bool
prepare_has_new_admin(const struct master *m, const struct setup *setup)
{
    return !addr_equal(&m->admin_addr, &setup->config->admin);
}

void
prepare_take_admin(struct master *m, const struct setup *setup)
{
    if (!prepare_has_new_admin(m, setup))
        return;
    prepare_close_admin(m);
    m->admin_fd = m->reload.admin_fd;
    m->admin_addr = setup->config->admin;
    m->reload.admin_fd = -1;
}

void
prepare_close_admin(struct master *m)
{
    close_admin(&m->admin_fd, &m->admin_addr);
}

/* ---- All of it ---- */

void
prepare_setup(struct master *m, struct setup *setup, struct diag *diag)
{
    const struct config *config = setup->config;

    if (log_check(&config->log) < 0)
        diag_error(diag, config->log_to_pos, "cannot open the log %s: %s", config->log.to,
                   strerror(errno));
    if (!setup->who.root)
        transparent_check(config, diag);
    listeners_prepare(&m->listeners, config, setup->workers, diag);
    if (prepare_has_new_admin(m, setup)) {
        m->reload.admin_fd = open_admin(config, diag);
        m->reload.admin_addr = config->admin;
    }
    if (diag_errors(diag) == 0)
        setup_seal(setup, &m->places, diag);
}

void
prepare_forget(struct master *m)
{
    listeners_forget(&m->listeners);
    close_admin(&m->reload.admin_fd, &m->reload.admin_addr);
}
