/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "proc/certs.h"
#include "proc/master.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUIET_MS 1000    /* without a change before files are looked at */
#define PATIENCE_MS 5000 /* but no longer where something always changes */
#define RETRIES 6        /* after 2, 4, 8 ... seconds */

#define EVENTS                                                                          \
    (IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | \
     IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* ---- Where to look ---- */

struct walk {
    void (*each)(void *arg, const char *path);
    void *arg;
    char last[PATH_MAX]; /* the directory that was told last: thousands share one */
};

/* The directory of the first len bytes of a path. */
static void
tell_directory(struct walk *walk, const char *path, size_t len)
{
    char dir[PATH_MAX];

    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len >= sizeof(dir))
        return;
    memcpy(dir, len == 0 ? "." : path, len == 0 ? 1 : len);
    dir[len == 0 ? 1 : len] = '\0';
    if (strcmp(dir, walk->last) == 0)
        return;
    memcpy(walk->last, dir, sizeof(dir));
    walk->each(walk->arg, dir);
}

/* Each part of the path that is a symbolic link may be made to lead elsewhere. */
static void
tell_links(struct walk *walk, const char *path)
{
    char part[PATH_MAX];
    struct stat status;

    for (size_t len = 1; path[len - 1] != '\0' && len < sizeof(part); len++) {
        if (path[len] != '/' && path[len] != '\0')
            continue;
        memcpy(part, path, len);
        part[len] = '\0';
        if (lstat(part, &status) == 0 && S_ISLNK(status.st_mode))
            tell_directory(walk, part, len);
    }
}

/* Where the name stands, and where what it leads to is. */
static void
tell_path(struct walk *walk, const char *path)
{
    char real[PATH_MAX];

    if (path == NULL || *path == '\0')
        return;
    tell_directory(walk, path, strlen(path));
    tell_links(walk, path);
    if (realpath(path, real) != NULL)
        tell_directory(walk, real, strlen(real));
}

static void
tell_inside(struct walk *walk, const char *directory)
{
    char inside[PATH_MAX];
    int len;

    if (directory == NULL || *directory == '\0')
        return;
    tell_path(walk, directory);
    len = snprintf(inside, sizeof(inside), "%s/.", directory);
    if (len < (int)sizeof(inside))
        tell_directory(walk, inside, (size_t)len);
}

/* As written: a directory, or what stands before the first wildcard, is itself watched. */
static void
tell_written(struct walk *walk, const struct config_strings *written)
{
    for (size_t i = 0; i < written->count; i++) {
        const char *path = written->item[i].text;
        struct stat status;

        tell_path(walk, path);
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
            tell_inside(walk, path);
        else if (strpbrk(path, "*?[") != NULL)
            tell_directory(walk, path, strcspn(path, "*?["));
    }
}

/* Each directory to be watched; some come several times. */
static void
each_directory(const struct config *config, void (*each)(void *arg, const char *path),
               void *arg)
{
    struct walk walk = {.each = each, .arg = arg};

    for (size_t i = 0; i < config->frontends; i++) {
        const struct config_frontend *f = &config->frontend[i];

        tell_written(&walk, &f->cert);
        tell_written(&walk, &f->key);
        tell_written(&walk, &f->client_cert.ca);
        tell_written(&walk, &f->client_cert.crl);
        tell_path(&walk, f->ocsp.text);
        tell_inside(&walk, f->acme_tls_dir.text);
        tell_path(&walk, f->passphrases.text);
        for (size_t j = 0; j < f->cert_files; j++) {
            tell_path(&walk, f->cert_file[j].cert.text);
            tell_path(&walk, f->cert_file[j].key.text);
        }
    }
}

/* ---- When to look ---- */

static void
look_after(struct master *m, uint64_t ms)
{
    struct timeval after = clock_timeval(ms);

    (void)event_add(m->watch.timer, &after);
}

static void
on_changes(evutil_socket_t fd, short what ATTR_UNUSED, void *arg)
{
    struct master *m = arg;
    char events[4096];
    uint64_t now = clock_ms();

    while (read(fd, events, sizeof(events)) > 0)
        ;
    if (m->watch.since_ms == 0)
        m->watch.since_ms = now;
    if (now - m->watch.since_ms < PATIENCE_MS)
        look_after(m, QUIET_MS);
}

/* Not yet: say so once, and give up only after a while. */
static void
on_mistake(struct master *m, const char *mistake)
{
    struct master_watch *w = &m->watch;

    if (w->tries == 0)
        log_warning(
            "watch: files of certificates have changed, and cannot be used yet: %s; "
            "going on with generation %" PRIu64,
            mistake, m->generation);
    if (w->tries < RETRIES)
        look_after(m, UINT64_C(2000) << w->tries);
    else if (w->tries == RETRIES)
        reload_note_failure(m, mistake);
    w->tries++;
}

static void
on_quiet(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct master *m = arg;
    struct master_watch *w = &m->watch;
    uint64_t stamp = certs_stamp(m->setup->config);
    char *mistake = NULL;

    w->since_ms = 0;
    if (stamp == m->setup->stamp) {
        w->tries = 0; /* they are as they were, or as they were again */
        return;
    }
    if (stamp != w->stamp)
        w->tries = w->tries > 0 ? 1 : 0; /* another change: the log knows already */
    w->stamp = stamp;
    switch (reload_renew(m, &mistake)) {
    case RELOAD_BEGUN:
        break; /* watch_begin follows if it succeeds */
    case RELOAD_BUSY:
        look_after(m, QUIET_MS);
        break;
    case RELOAD_MISTAKEN:
        on_mistake(m, mistake != NULL ? mistake : "out of memory");
        break;
    }
    free(mistake);
}

/* ---- Watching ---- */

struct watching {
    int fd;
    bool failed; /* the log knows */
};

static void
add_watch(void *arg, const char *path)
{
    struct watching *watching = arg;

    /* What is not there is missed elsewhere, and what is above it is watched as well. */
    if (inotify_add_watch(watching->fd, path, EVENTS) >= 0 || errno == ENOENT ||
        errno == ENOTDIR || watching->failed)
        return;
    log_warning("watch: %s cannot be watched: %s", path, strerror(errno));
    watching->failed = true;
}

static void
stop(struct master_watch *w)
{
    if (w->changes != NULL) {
        int fd = event_get_fd(w->changes);

        event_free(w->changes);
        close(fd);
    }
    if (w->timer != NULL)
        event_free(w->timer);
    *w = (struct master_watch){0};
}

void
watch_begin(struct master *m)
{
    struct master_watch *w = &m->watch;
    struct watching watching = {.fd = -1};

    stop(w);
    if (!m->setup->config->watch)
        return;
    watching.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watching.fd >= 0)
        w->changes = event_new(m->base, watching.fd, EV_READ | EV_PERSIST, on_changes, m);
    w->timer = evtimer_new(m->base, on_quiet, m);
    if (w->changes == NULL || w->timer == NULL || event_add(w->changes, NULL) < 0) {
        log_error("watch: files cannot be watched: %s", strerror(errno));
        if (w->changes == NULL && watching.fd >= 0)
            close(watching.fd);
        stop(w);
        return;
    }
    each_directory(m->setup->config, add_watch, &watching);
    look_after(m, QUIET_MS); /* they may have changed since they were read */
}

void
watch_clear(struct master *m)
{
    stop(&m->watch);
}
