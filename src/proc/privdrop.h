/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_PRIVDROP_H
#define PROC_PRIVDROP_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * How a child process gives up what it will not need, in one place and always in the same
 * order: chroot into an empty directory, no capability bounding set, no supplementary
 * groups, group, user, no capabilities at all (or CAP_NET_RAW alone, see transparent),
 * no_new_privs, not dumpable, no core file, no further process (RLIMIT_NPROC), a check that
 * nothing of it can be taken back, and the seccomp filter (proc/sandbox). Without root
 * there is no chroot and no change of user and groups; the rest is done all the same.
 *
 * root takes CAP_SYS_CHROOT, CAP_SETGID and CAP_SETUID for this; the bounding set stays
 * where CAP_SETPCAP is missing.
 */
struct privdrop {
    bool root; /* we are root: uid and gid are to be changed to, and chroot is done */
    uid_t uid;
    gid_t gid;
    bool filter;      /* the caller's: install the seccomp filter (sandbox = on) */
    bool may_start;   /* the caller's: threads and processes may be started */
    bool no_chroot;   /* the caller's: a backend is a Unix socket in the file system, which
                         could not be reached from an empty directory */
    bool transparent; /* the caller's: keep CAP_NET_RAW, which IP_TRANSPARENT takes (ip(7));
                         the filter forbids raw sockets all the same */
};

/* Has this process CAP_NET_RAW, so that what it starts can keep it? */
bool privdrop_can_be_transparent(void);

/*
 * Who a child is to be, from the settings user and group (NULL or "": the user sallyport,
 * or nobody where there is none; the user's own group). root and its group are mistakes.
 * Looks into the user database: before any chroot. Without root the names do not matter,
 * and are not looked up: the child is who we are. Sets all of who but what
 * is the caller's. Returns NULL, or what is wrong as half a sentence ("there is no user
 * \"x\""), which is static or lent until the next call.
 */
const char *privdrop_find(struct privdrop *who, const char *user,
                          const char *group) ATTR_MUST_CHECK;

/*
 * Do it. Whatever has to be loaded from files (OpenSSL's configuration, time zone, seeds)
 * has been loaded before, and no descriptor of a directory is open. The new root is a
 * directory that has been removed already, so that nothing can be created in it, or, where
 * none can be made, an empty one of the system's that only root can write to. Returns 0, or
 * -1 after a line in the log that says which step failed and why: then the process has to
 * end.
 */
int privdrop_perform(const struct privdrop *who) ATTR_MUST_CHECK;

#endif
