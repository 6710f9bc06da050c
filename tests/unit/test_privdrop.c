/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/privdrop.h"

#include "base/attr.h"
#include "proc/sandbox.h"
#include "support/check_main.h"
#include "support/watched.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that has given everything up, and waits until it may go on. */
struct child {
    pid_t pid;
    int said; /* it says a byte when it is ready */
    int go;   /* it goes on when this is closed */
};

static struct child
start(const struct privdrop *who, int (*act)(void))
{
    struct child child = {0};
    int said[2], go[2];
    char byte = 0;

    ck_assert_int_eq(pipe(said), 0);
    ck_assert_int_eq(pipe(go), 0);
    child.pid = fork();
    ck_assert_int_ge(child.pid, 0);
    if (child.pid == 0) {
        close(go[1]);
        if (privdrop_perform(who) < 0)
            _exit(254);
        if (write(said[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 0)
            _exit(253);
        _exit(act());
    }
    close(said[1]);
    close(go[0]);
    child.said = said[0];
    child.go = go[1];
    return child;
}

static void
must_be_ready(const struct child *child)
{
    char byte;

    ck_assert_int_eq(read(child->said, &byte, 1), 1);
}

/* Its exit status; SIGSYS as 128 + SIGSYS. */
static int
end(const struct child *child)
{
    int status = 0;

    close(child->go);
    ck_assert_int_eq(waitpid(child->pid, &status, 0), child->pid);
    close(child->said);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A field of /proc/PID/status, without the white space around it. */
static const char *
status_of(pid_t pid, const char *field)
{
    static char line[512];
    char path[64];
    FILE *file;
    size_t len = strlen(field);

    snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
    file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, field, len) == 0 && line[len] == ':') {
            char *value = line + len + 1 + strspn(line + len + 1, " \t");

            fclose(file);
            for (len = strlen(value); len > 0 && strchr(" \n", value[len - 1]) != NULL;)
                value[--len] = '\0';
            return value;
        }
    }
    fclose(file);
    ck_abort_msg("/proc/PID/status has no %s", field);
    return NULL;
}

/* Where it has no filter of its own it has the one that we have, as in a container. */
static void
must_be_filtered(pid_t pid, bool filter)
{
    int own = atoi(status_of(getpid(), "Seccomp"));

    ck_assert_int_eq(atoi(status_of(pid, "Seccomp")), filter ? 2 : own);
}

#define NO_CAPS "0000000000000000"
#define NET_RAW_ALONE "0000000000002000" /* CAP_NET_RAW is 13 */

static void
must_have_nothing_but(const struct child *child, const struct privdrop *who,
                      const char *caps)
{
    static const struct {
        const char *name;
        bool has_some;
    } sets[] = {{"CapInh", false}, {"CapPrm", true}, {"CapEff", true}, {"CapAmb", false}};
    char ids[64];

    snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", who->uid, who->uid, who->uid, who->uid);
    ck_assert_str_eq(status_of(child->pid, "Uid"), ids);
    snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", who->gid, who->gid, who->gid, who->gid);
    ck_assert_str_eq(status_of(child->pid, "Gid"), ids);
    for (size_t i = 0; i < COUNT_OF(sets); i++)
        ck_assert_str_eq(status_of(child->pid, sets[i].name),
                         sets[i].has_some ? caps : NO_CAPS);
    ck_assert_str_eq(status_of(child->pid, "NoNewPrivs"), "1");
}

static void
must_have_nothing(const struct child *child, const struct privdrop *who)
{
    must_have_nothing_but(child, who, NO_CAPS);
}

static void
must_have_empty_root(pid_t pid)
{
    char path[64];
    unsigned entries = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%ld/root", (long)pid);
    dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        entries += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    ck_assert_uint_eq(entries, 0);
}

/* The files of such a process are root's, and only root may look into its memory. */
static void
must_not_be_dumpable(pid_t pid)
{
    char path[64];
    struct stat status;

    snprintf(path, sizeof(path), "/proc/%ld/mem", (long)pid);
    ck_assert_int_eq(stat(path, &status), 0);
    if (sandbox_is_built())
        ck_assert_uint_eq(status.st_uid, 0);
}

/* All that would be bad if it went well, without the filter that kills for trying. */
static int
try_to_regain(void)
{
    struct rlimit limit;
    struct stat status;

    if (setuid(0) == 0 || seteuid(0) == 0 || setresuid(-1, 0, -1) == 0 || setgid(0) == 0 ||
        setegid(0) == 0 || setgroups(0, NULL) == 0)
        return 1;
    if (sandbox_is_built() && (fork() >= 0 || errno != EAGAIN))
        return 2;
    if (prctl(PR_GET_DUMPABLE) != !sandbox_is_built() ||
        prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 3;
    if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_cur != 0 || limit.rlim_max != 0)
        return 4;
    limit.rlim_max = 1;
    if (sandbox_is_built() && setrlimit(RLIMIT_NPROC, &limit) == 0)
        return 5;
    if (kill(1, 0) == 0 || stat("/etc", &status) == 0 || stat("/proc", &status) == 0)
        return 6;
    return 0;
}

/* Nothing can be created, and there is no way out: the parent of the root is the root. */
static int
try_root(void)
{
    struct stat here, above;

    if (open("/file", O_WRONLY | O_CREAT, 0600) >= 0 || mkdir("/dir", 0700) == 0 ||
        symlink("x", "/link") == 0 || mknod("/fifo", S_IFIFO | 0600, 0) == 0)
        return 11;
    if (stat("/..", &above) < 0)
        return 0;
    return stat("/", &here) == 0 && here.st_ino == above.st_ino &&
                   here.st_dev == above.st_dev
               ? 0
               : 12;
}

static int
try_all(void)
{
    int failed = try_to_regain();

    return failed != 0 ? failed : try_root();
}

static int
open_a_file(void)
{
    return open("/", O_RDONLY);
}

static int
do_nothing(void)
{
    return 0;
}

static struct privdrop
nobody(bool filter)
{
    struct privdrop who = {.filter = filter};

    ck_assert_ptr_null(privdrop_find(&who, "nobody", NULL));
    ck_assert(who.root);
    return who;
}

START_TEST(nothing_is_left)
{
    static const gid_t groups[] = {0, 1, 2};
    struct privdrop who = nobody(true);
    struct child child;

    ck_assert_int_eq(setgroups(COUNT_OF(groups), groups), 0);
    child = start(&who, do_nothing);
    must_be_ready(&child);
    must_have_nothing(&child, &who);
    ck_assert_str_eq(status_of(child.pid, "Groups"), "");
    ck_assert_str_eq(status_of(child.pid, "CapBnd"), "0000000000000000");
    must_be_filtered(child.pid, sandbox_is_built());
    must_have_empty_root(child.pid);
    ck_assert_int_eq(end(&child), 0);
}
END_TEST

START_TEST(nothing_comes_back)
{
    struct privdrop who = nobody(false);
    struct child child = start(&who, try_all);

    must_be_ready(&child);
    must_be_filtered(child.pid, false);
    ck_assert_int_eq(end(&child), 0);
}
END_TEST

/* To use an address that this host has not got. 0: it can be done; 2: the right is missing.
 */
static int
use_another_address(void)
{
    static const int on = 1;
    struct sockaddr_in in = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    in.sin_addr.s_addr = htonl(UINT32_C(0xc6336407)); /* 198.51.100.7 (RFC 5737) */
    if (fd < 0)
        return 1;
    if (setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on)) < 0)
        return errno == EPERM ? 2 : 3;
    return bind(fd, (const struct sockaddr *)&in, sizeof(in)) == 0 ? 0 : 4;
}

static int
open_a_raw_socket(void)
{
    return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP) >= 0 ? 0 : 1;
}

START_TEST(transparent_keeps_one_capability)
{
    struct privdrop who = nobody(true);
    struct child child;

    ck_assert(privdrop_can_be_transparent());
    who.transparent = true;
    child = start(&who, use_another_address);
    must_be_ready(&child);
    must_have_nothing_but(&child, &who, NET_RAW_ALONE);
    ck_assert_str_eq(status_of(child.pid, "Groups"), "");
    ck_assert_str_eq(status_of(child.pid, "CapBnd"), NO_CAPS);
    must_have_empty_root(child.pid);
    ck_assert_int_eq(end(&child), 0);
}
END_TEST

START_TEST(transparent_gets_nothing_back)
{
    struct privdrop who = nobody(false);
    struct child child;

    who.transparent = true;
    child = start(&who, try_all);
    must_be_ready(&child);
    ck_assert_int_eq(end(&child), 0);
}
END_TEST

/* The capability would allow it. */
START_TEST(transparent_has_no_raw_sockets)
{
    struct privdrop who = nobody(_i == 0);
    struct child child;

    who.transparent = true;
    child = start(&who, open_a_raw_socket);
    must_be_ready(&child);
    ck_assert_int_eq(end(&child), who.filter && sandbox_is_built() ? 128 + SIGSYS : 0);
}
END_TEST

START_TEST(others_have_their_own_address)
{
    struct privdrop who = nobody(true);
    struct child child = start(&who, use_another_address);

    must_be_ready(&child);
    ck_assert_int_eq(end(&child), 2);
}
END_TEST

/* Let go of CAP_NET_RAW, or of all the others. */
static void
have(bool net_raw)
{
    ck_assert_int_eq(capng_get_caps_process(), 0);
    if (net_raw)
        capng_clear(CAPNG_SELECT_CAPS);
    ck_assert_int_eq(capng_update(net_raw ? CAPNG_ADD : CAPNG_DROP,
                                  CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_RAW),
                     0);
    ck_assert_int_eq(capng_apply(CAPNG_SELECT_CAPS), 0);
}

/* As in a container that has taken the capability away: nothing else is done then. */
START_TEST(transparent_without_the_capability)
{
    struct privdrop who = nobody(false);
    struct child child;
    char byte;

    have(false);
    ck_assert(!privdrop_can_be_transparent());
    who.transparent = true;
    child = start(&who, do_nothing);
    ck_assert_int_eq(read(child.said, &byte, 1), 0);
    ck_assert_int_eq(end(&child), 254);
}
END_TEST

/* As from a systemd unit with User= and AmbientCapabilities=. */
START_TEST(transparent_without_root)
{
    struct privdrop who = nobody(true);
    struct child child;

    ck_assert_int_eq(setgroups(0, NULL), 0);
    ck_assert_int_eq(setresgid(who.gid, who.gid, who.gid), 0);
    ck_assert_int_eq(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(setresuid(who.uid, who.uid, who.uid), 0);
    have(true);
    ck_assert_ptr_null(privdrop_find(&who, NULL, NULL));
    ck_assert(!who.root && privdrop_can_be_transparent());
    who.transparent = true;
    child = start(&who, use_another_address);
    must_be_ready(&child);
    must_have_nothing_but(&child, &who, NET_RAW_ALONE);
    ck_assert_int_eq(end(&child), 0);
}
END_TEST

START_TEST(the_filter_is_there)
{
    struct privdrop who = nobody(true);
    struct child child = start(&who, open_a_file);

    must_be_ready(&child);
    if (sandbox_is_built())
        ck_assert_int_eq(end(&child), 128 + SIGSYS);
    else
        (void)end(&child);
}
END_TEST

/* Even root could not put anything into the new root: so no trace, and no way to leave one.
 */
START_TEST(root_is_a_removed_directory)
{
    struct privdrop who = nobody(false);
    struct child child = start(&who, do_nothing);
    char path[64], target[256];
    ssize_t len;

    must_be_ready(&child);
    snprintf(path, sizeof(path), "/proc/%ld/root", (long)child.pid);
    len = readlink(path, target, sizeof(target) - 1);
    ck_assert_int_gt(len, 0);
    target[len] = '\0';
    ck_assert_ptr_nonnull(strstr(target, "/sallyport."));
    ck_assert_ptr_nonnull(strstr(target, " (deleted)"));
    *strstr(target, " (deleted)") = '\0';
    ck_assert(access(target, F_OK) < 0 && errno == ENOENT);
    snprintf(path, sizeof(path), "/proc/%ld/root/x", (long)child.pid);
    ck_assert(mkdir(path, 0700) < 0 && errno == ENOENT);
    ck_assert_int_eq(end(&child), 0);
}
END_TEST

/* In a mount name space of our own: all places but one are read-only. */
static void
hide(const char *const *dir, size_t count, const char *options)
{
    for (size_t i = 0; i < count; i++)
        if (access(dir[i], F_OK) == 0)
            ck_assert_int_eq(mount("none", dir[i], "tmpfs", MS_RDONLY, options), 0);
}

static const char *const writable[] = {"/run", "/tmp", "/dev/shm", "/var/tmp"};

/* 0, or 1 where the machine does not allow name spaces to be made. */
static int
make_name_space(void)
{
    if (unshare(CLONE_NEWNS) < 0)
        return 1;
    ck_assert_int_eq(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
    return 0;
}

START_TEST(another_place_is_found)
{
    struct privdrop who = nobody(true);
    struct child child;

    if (make_name_space())
        return;
    hide(writable, 2, NULL);
    child = start(&who, do_nothing);
    must_be_ready(&child);
    must_have_empty_root(child.pid);
    ck_assert_int_eq(end(&child), 0);
}
END_TEST

START_TEST(read_only_system_with_an_empty_directory)
{
    struct privdrop who = nobody(false);
    struct child child;
    char path[64], target[64] = "";

    if (make_name_space())
        return;
    ck_assert_int_eq(mount("none", "/var", "tmpfs", 0, "mode=755"), 0);
    ck_assert_int_eq(mkdir("/var/tmp", 0755), 0);
    ck_assert_int_eq(mkdir("/var/empty", 0755), 0);
    hide(writable, COUNT_OF(writable), NULL);
    child = start(&who, try_root);
    must_be_ready(&child);
    snprintf(path, sizeof(path), "/proc/%ld/root", (long)child.pid);
    ck_assert_int_gt(readlink(path, target, sizeof(target) - 1), 0);
    ck_assert_str_eq(target, "/var/empty");
    ck_assert_int_eq(end(&child), 0);
}
END_TEST

/* Directories that are not empty, or not root's alone, are no root: then nothing is done.
 */
START_TEST(no_place_at_all)
{
    struct privdrop who = nobody(false);
    static const mode_t mode[] = {0755, 0777, 0775, 0755};
    struct child child;
    char byte;

    if (make_name_space())
        return;
    ck_assert_int_eq(mount("none", "/var", "tmpfs", 0, "mode=755"), 0);
    ck_assert_int_eq(mkdir("/var/tmp", 0755), 0);
    ck_assert_int_eq(mkdir("/var/empty", 0755), 0);
    ck_assert_int_eq(chmod("/var/empty", mode[_i]), 0);
    if (_i == 0)
        ck_assert_int_eq(mkdir("/var/empty/x", 0755), 0);
    if (_i == 3)
        ck_assert_int_eq(chown("/var/empty", who.uid, 0), 0);
    hide(writable, COUNT_OF(writable), NULL);
    if (access("/usr/share/empty", F_OK) == 0)
        ck_assert_int_eq(mount("none", "/usr/share/empty", "tmpfs", 0, "mode=777"), 0);
    child = start(&who, do_nothing);
    ck_assert_int_eq(read(child.said, &byte, 1), 0);
    ck_assert_int_eq(end(&child), 254);
}
END_TEST

/* As in the child of a master that runs as nobody. */
START_TEST(without_root)
{
    struct privdrop who = {.filter = true};
    const struct passwd *entry = getpwnam("nobody");
    struct child child;

    if (geteuid() == 0) {
        ck_assert_int_eq(setgroups(0, NULL), 0);
        ck_assert_int_eq(setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid), 0);
        ck_assert_int_eq(setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid), 0);
    }
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
    ck_assert_ptr_null(privdrop_find(&who, "no-such-user", "no-such-group"));
    ck_assert(!who.root);
    child = start(&who, do_nothing);
    must_be_ready(&child);
    must_have_nothing(&child, &who);
    must_be_filtered(child.pid, sandbox_is_built());
    must_not_be_dumpable(child.pid);
    ck_assert_int_eq(end(&child), 0);
}
END_TEST

/* A uid of 0 that is to stay is no drop, whatever the caller thinks. */
START_TEST(root_may_not_stay)
{
    struct privdrop who = {.root = true, .uid = 0, .gid = 0};
    struct child child = start(&who, do_nothing);

    ck_assert_int_eq(end(&child), 254);
}
END_TEST

START_TEST(find_names)
{
    struct privdrop who = {.filter = true};
    const struct passwd *entry = getpwnam("nobody");
    uid_t uid = entry->pw_uid;
    gid_t gid = entry->pw_gid, daemon = getgrnam("daemon")->gr_gid;

    ck_assert_ptr_null(privdrop_find(&who, "nobody", NULL));
    ck_assert_uint_eq(who.uid, uid);
    ck_assert_uint_eq(who.gid, gid);
    ck_assert(who.root && who.filter);
    ck_assert_ptr_null(privdrop_find(&who, "nobody", "daemon"));
    ck_assert_uint_eq(who.uid, uid);
    ck_assert_uint_eq(who.gid, daemon);
    entry = getpwnam("sallyport");
    uid = entry != NULL ? entry->pw_uid : uid;
    ck_assert_ptr_null(privdrop_find(&who, NULL, NULL));
    ck_assert_uint_eq(who.uid, uid);
    ck_assert_ptr_null(privdrop_find(&who, "", ""));
    ck_assert_uint_eq(who.uid, uid);
}
END_TEST

START_TEST(find_mistakes)
{
    struct privdrop who;

    ck_assert_str_eq(privdrop_find(&who, "no-such-user", NULL),
                     "there is no user \"no-such-user\"");
    ck_assert_str_eq(privdrop_find(&who, "nobody", "no-such-group"),
                     "there is no group \"no-such-group\"");
    ck_assert_str_eq(privdrop_find(&who, "root", NULL), "the user \"root\" is root");
    ck_assert_str_eq(privdrop_find(&who, "nobody", "root"), "the group \"root\" is root's");
}
END_TEST

static Suite *
privdrop_suite(void)
{
    Suite *suite = suite_create("privdrop");
    TCase *tc = tcase_create("privdrop");

    suite_add_tcase(suite, tc);
    if (geteuid() == 0) {
        tcase_add_test(tc, find_names);
        tcase_add_test(tc, find_mistakes);
        tcase_add_test(tc, root_may_not_stay);
    }
    if (is_watched())
        return suite;
    tcase_add_test(tc, without_root);
    if (geteuid() == 0) {
        tcase_add_test(tc, nothing_is_left);
        tcase_add_test(tc, nothing_comes_back);
        tcase_add_test(tc, the_filter_is_there);
        tcase_add_test(tc, others_have_their_own_address);
        tcase_add_test(tc, transparent_without_the_capability);
    }
    if (geteuid() == 0 && privdrop_can_be_transparent()) {
        tcase_add_test(tc, transparent_keeps_one_capability);
        tcase_add_test(tc, transparent_gets_nothing_back);
        tcase_add_loop_test(tc, transparent_has_no_raw_sockets, 0, 2);
        tcase_add_test(tc, transparent_without_root);
    }
    if (geteuid() == 0) {
        tcase_add_test(tc, root_is_a_removed_directory);
        tcase_add_test(tc, another_place_is_found);
        tcase_add_test(tc, read_only_system_with_an_empty_directory);
        tcase_add_loop_test(tc, no_place_at_all, 0, 4);
    }
    return suite;
}

CHECK_MAIN(privdrop_suite)
