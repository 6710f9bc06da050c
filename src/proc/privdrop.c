/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/privdrop.h"

#include "base/log.h"
#include "proc/sandbox.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The last complaint of privdrop_find. */
static char complaint[256];

static const char *
complain(const char *before, const char *name, const char *after)
{
    snprintf(complaint, sizeof(complaint), "%s \"%s\"%s", before, name, after);
    return complaint;
}

static bool
is_set(const char *name)
{
    return name != NULL && name[0] != '\0';
}

static const char *
find_user(struct privdrop *who, const char *user)
{
    const struct passwd *entry;
    const char *name = user;

    if (!is_set(user)) {
        name = "sallyport";
        entry = getpwnam(name);
        if (entry == NULL) {
            name = "nobody";
            entry = getpwnam(name);
        }
        if (entry == NULL)
            return "there is neither a user \"sallyport\" nor a user \"nobody\"";
    } else {
        entry = getpwnam(name);
    }
    if (entry == NULL)
        return complain("there is no user", name, "");
    if (entry->pw_uid == 0)
        return complain("the user", name, " is root");
    who->uid = entry->pw_uid;
    who->gid = entry->pw_gid;
    return NULL;
}

static const char *
find_group(struct privdrop *who, const char *group, const char *user)
{
    const struct group *entry;

    if (!is_set(group)) {
        if (who->gid != 0)
            return NULL;
        return is_set(user) ? complain("the group of the user", user, " is root's")
                            : "the group of the user is root's";
    }
    entry = getgrnam(group);
    if (entry == NULL)
        return complain("there is no group", group, "");
    if (entry->gr_gid == 0)
        return complain("the group", group, " is root's");
    who->gid = entry->gr_gid;
    return NULL;
}

const char *
privdrop_find(struct privdrop *who, const char *user, const char *group)
{
    const char *wrong;

    who->root = geteuid() == 0;
    who->uid = geteuid();
    who->gid = getegid();
    if (!who->root)
        return NULL;
    wrong = find_user(who, user);
    return wrong != NULL ? wrong : find_group(who, group, user);
}

bool
privdrop_can_be_transparent(void)
{
    return capng_get_caps_process() == 0 &&
           capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW);
}

/* Does the path lead to a directory of ours that nobody else can change? */
static int
open_own_directory(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return -1;
    if (fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
        (status.st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return fd;
    close(fd);
    errno = EACCES;
    return -1;
}

/*
 * A directory that has been removed is the emptiest there is: the kernel lets nobody, root
 * included, create anything in it, and no file system keeps a trace of it.
 */
static int
open_removed(const char *parent)
{
    char path[64];
    struct stat status;
    int fd;

    snprintf(path, sizeof(path), "%s/sallyport.XXXXXX", parent);
    if (mkdtemp(path) == NULL)
        return -1;
    fd = open_own_directory(path);
    if (rmdir(path) == 0 && fd >= 0 && fstat(fd, &status) == 0 && status.st_nlink == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool
is_empty(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    unsigned entries = 0;

    if (dir == NULL) {
        if (copy >= 0)
            close(copy);
        return false;
    }
    while (readdir(dir) != NULL)
        entries++;
    closedir(dir);
    return entries == 2; /* itself and its parent */
}

static int
open_empty(const char *path)
{
    int fd = open_own_directory(path);

    if (fd < 0 || is_empty(fd))
        return fd;
    close(fd);
    errno = ENOTEMPTY;
    return -1;
}

/* Read-only file systems have no place for a new directory, but perhaps an empty one. */
static int
open_new_root(void)
{
    static const char *const parents[] = {"/run", "/tmp", "/dev/shm", "/var/tmp"};
    static const char *const ready[] = {"/var/empty", "/run/sshd", "/usr/share/empty"};
    int fd = -1;

    for (size_t i = 0; fd < 0 && i < COUNT_OF(parents); i++)
        fd = open_removed(parents[i]);
    for (size_t i = 0; fd < 0 && i < COUNT_OF(ready); i++)
        fd = open_empty(ready[i]);
    return fd;
}

static int
change_root(const struct privdrop *who)
{
    int fd, failed;

    if (!who->root || who->no_chroot)
        return 0;
    fd = open_new_root();
    if (fd < 0) {
        log_error("there is no place for an empty directory in /run, /tmp, /dev/shm or "
                  "/var/tmp, and /var/empty, /run/sshd and /usr/share/empty will not do");
        errno = ENOENT;
        return -1;
    }
    failed = fchdir(fd) < 0 || chroot(".") < 0 || chdir("/") < 0;
    close(fd);
    return failed ? -1 : 0;
}

/*
 * While we still may: with the user changes the right to do it. Nothing is lost where we
 * may not: with no_new_privs no program that is started gets capabilities.
 */
static int
drop_bounding_set(const struct privdrop *who ATTR_UNUSED)
{
    if (capng_get_caps_process() < 0)
        return -1;
    if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
        return 0;
    capng_clear(CAPNG_SELECT_BOUNDS);
    return capng_apply(CAPNG_SELECT_BOUNDS) == 0 ? 0 : -1;
}

static int
drop_groups(const struct privdrop *who)
{
    return who->root ? setgroups(0, NULL) : 0;
}

/* Without root too: a program that is set-user-ID has others saved. */
static int
change_group(const struct privdrop *who)
{
    return setresgid(who->gid, who->gid, who->gid);
}

/* What is kept stays permitted, drop_capabilities makes it effective again. */
static int
change_user(const struct privdrop *who)
{
    if (who->transparent && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return -1;
    if (setresuid(who->uid, who->uid, who->uid) < 0)
        return -1;
    return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

static int
drop_capabilities(const struct privdrop *who)
{
    capng_clear(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
    if (who->transparent &&
        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_RAW) != 0)
        return -1;
    return capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) == 0 ? 0 : -1;
}

static int
set_no_new_privs(const struct privdrop *who ATTR_UNUSED)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Neither ptrace nor a core file shows the keys. But LeakSanitizer, at the exit, looks at
 * its own process by ptrace, from a thread. */
static int
set_not_dumpable(const struct privdrop *who ATTR_UNUSED)
{
    return prctl(PR_SET_DUMPABLE, sandbox_is_built() ? 0 : 1, 0, 0, 0);
}

/* No fork even without the filter: the limit is asked about when a process forks. */
static int
set_limits(const struct privdrop *who)
{
    static const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) < 0)
        return -1;
    return sandbox_is_built() && !who->may_start ? setrlimit(RLIMIT_NPROC, &none) : 0;
}

static bool
is_changed(const struct privdrop *who)
{
    uid_t uid[3];
    gid_t gid[3];

    if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 ||
        getresgid(&gid[0], &gid[1], &gid[2]) < 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(uid); i++)
        if (uid[i] != who->uid || gid[i] != who->gid)
            return false;
    return !who->root || getgroups(0, NULL) == 0;
}

/* None, or the one that is kept. */
static bool
has_only_what_it_needs(const struct privdrop *who)
{
    if (capng_get_caps_process() < 0)
        return false;
    for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++) {
        int wanted = who->transparent && cap == CAP_NET_RAW;

        if (capng_have_capability(CAPNG_EFFECTIVE, cap) != wanted ||
            capng_have_capability(CAPNG_PERMITTED, cap) != wanted ||
            capng_have_capability(CAPNG_INHERITABLE, cap))
            return false;
    }
    return true;
}

/* What was given up must not come back by merely asking for it. */
static int
verify(const struct privdrop *who)
{
    errno = EPERM;
    if (!is_changed(who) || setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0)
        return -1;
    errno = EPERM;
    if (!has_only_what_it_needs(who) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return -1;
    return 0;
}

static int
enter_sandbox(const struct privdrop *who)
{
    return who->filter ? sandbox_enter() : 0;
}

int
privdrop_perform(const struct privdrop *who)
{
    static const struct {
        int (*take)(const struct privdrop *who);
        const char *words;
    } steps[] = {
        {change_root, "cannot change the root to an empty directory"},
        {drop_bounding_set, "cannot drop the capability bounding set"},
        {drop_groups, "cannot drop the supplementary groups"},
        {change_group, "cannot change the group"},
        {change_user, "cannot change the user"},
        {drop_capabilities, "cannot drop the capabilities"},
        {set_no_new_privs, "cannot set no_new_privs"},
        {set_not_dumpable, "cannot forbid core dumps"},
        {set_limits, "cannot set limits"},
        {verify, "privileges are still there, or could be taken back"},
        {enter_sandbox, "cannot install the seccomp filter"},
    };

    tzset(); /* the first gmtime_r() of a process, too, wants to read the time zone */
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        if (steps[i].take(who) < 0) {
            log_error("%s: %s", steps[i].words, strerror(errno));
            return -1;
        }
    }
    return 0;
}
