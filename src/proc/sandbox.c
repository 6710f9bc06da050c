/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#endif

#ifdef HAS_SANITIZER
bool
sandbox_is_built(void)
{
    return false;
}

int
sandbox_enter(void)
{
    return 0;
}
#else

/* Whatever their arguments. What the architecture or libseccomp lacks is skipped. */
static const char *const allowed[] = {
    /* the event loop */
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
    "epoll_pwait2", "eventfd", "eventfd2", "pipe", "pipe2", "poll", "ppoll",
    "timerfd_create", "timerfd_gettime", "timerfd_settime",
    /* sockets and descriptors; listen() is not here: listening sockets are the master's */
    "accept", "accept4", "bind", "close", "close_range", "connect", "dup", "dup2", "dup3",
    "fstat", "getpeername", "getsockname", "getsockopt", "lseek", "pread64", "read",
    "readv", "recvfrom", "recvmsg", "sendfile", "sendmsg", "sendto", "setsockopt",
    "shutdown", "write", "writev",
    /* memory */
    "brk", "madvise", "mremap", "munmap",
    /* time and randomness */
    "clock_getres", "clock_gettime", "clock_nanosleep", "getrandom", "gettimeofday",
    "nanosleep", "time",
    /* signals, the end, and what the C library does by itself */
    "exit", "exit_group", "futex", "membarrier", "restart_syscall", "rseq", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "sched_yield", "set_robust_list",
    "set_tid_address", "sigaltstack",
    /* questions about oneself */
    "getcpu", "getegid", "geteuid", "getgid", "getgroups", "getpgrp", "getpid", "getppid",
    "getresgid", "getresuid", "getrlimit", "getrusage", "gettid", "getuid", "sysinfo",
    "uname"};

/* No program that is in order calls these here: whoever does has taken it over. */
static const char *const deadly[] = {
    /* files */
    "open", "openat", "openat2", "open_by_handle_at", "name_to_handle_at", "creat",
    "memfd_create", "memfd_secret", "link", "linkat", "symlink", "symlinkat", "rename",
    "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "chmod",
    "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "fchownat", "lchown", "mknod",
    "mknodat", "truncate", "ftruncate", "setxattr", "lsetxattr", "fsetxattr", "getdents",
    "getdents64", "chdir", "fchdir", "uselib",
    /* processes */
    "execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace", "process_vm_readv",
    "process_vm_writev", "process_madvise", "process_mrelease", "kcmp", "kill", "tkill",
    "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_getfd",
    "pidfd_send_signal",
    /* privileges and name spaces */
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid",
    "setfsgid", "setgroups", "capset", "chroot", "pivot_root", "mount", "umount", "umount2",
    "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
    "unshare", "setns",
    /* the machine */
    "bpf", "perf_event_open", "keyctl", "add_key", "request_key", "init_module",
    "finit_module", "delete_module", "kexec_load", "kexec_file_load", "userfaultfd",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "iopl", "ioperm", "modify_ldt",
    "reboot", "swapon", "swapoff", "acct", "syslog", "sethostname", "setdomainname",
    "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "quotactl"};

/* The kernel looks at the lower half of the register only where an argument is an int. */
#define INT UINT64_C(0xffffffff)
#define SOCKET_TYPE \
    UINT64_C(0xf) /* the bits of a type beside SOCK_CLOEXEC and SOCK_NONBLOCK */
#define DIES SCMP_ACT_KILL_PROCESS
#define FAILS(error) SCMP_ACT_ERRNO(error)

/* Calls that depend on one argument: the action is taken if (argument & mask) == value. */
static const struct {
    const char *name;
    unsigned argument;
    uint32_t action;
    uint64_t mask;
    uint64_t value;
} conditions[] = {
    {"socketpair", 0, SCMP_ACT_ALLOW, INT, AF_UNIX},

    {"mmap", 2, SCMP_ACT_ALLOW, PROT_EXEC, 0},
    {"mmap", 2, FAILS(EPERM), PROT_EXEC, PROT_EXEC},
    {"mmap2", 2, SCMP_ACT_ALLOW, PROT_EXEC, 0},
    {"mmap2", 2, FAILS(EPERM), PROT_EXEC, PROT_EXEC},
    {"mprotect", 2, SCMP_ACT_ALLOW, PROT_EXEC, 0},
    {"mprotect", 2, FAILS(EPERM), PROT_EXEC, PROT_EXEC},

    {"ioctl", 1, SCMP_ACT_ALLOW, INT, FIONREAD},
    {"ioctl", 1, SCMP_ACT_ALLOW, INT, FIONBIO},
    {"ioctl", 1, SCMP_ACT_ALLOW, INT, TIOCOUTQ}, /* SIOCOUTQ */

    /* Not F_SETOWN and F_SETSIG, which make the kernel send signals to others. */
    {"fcntl", 1, SCMP_ACT_ALLOW, INT, F_DUPFD},
    {"fcntl", 1, SCMP_ACT_ALLOW, INT, F_DUPFD_CLOEXEC},
    {"fcntl", 1, SCMP_ACT_ALLOW, INT, F_GETFD},
    {"fcntl", 1, SCMP_ACT_ALLOW, INT, F_SETFD},
    {"fcntl", 1, SCMP_ACT_ALLOW, INT, F_GETFL},
    {"fcntl", 1, SCMP_ACT_ALLOW, INT, F_SETFL},
    {"fcntl", 1, SCMP_ACT_ALLOW, INT, F_GETPIPE_SZ},
    {"fcntl", 1, SCMP_ACT_ALLOW, INT, F_GET_SEALS},

    {"newfstatat", 3, SCMP_ACT_ALLOW, AT_EMPTY_PATH, AT_EMPTY_PATH}, /* fstat() of glibc */
    {"prlimit64", 0, SCMP_ACT_ALLOW, INT, 0},                        /* its own */

    {"prctl", 0, SCMP_ACT_ALLOW, INT, PR_SET_NAME},
    {"prctl", 0, DIES, INT, PR_SET_DUMPABLE},
    {"prctl", 0, DIES, INT, PR_SET_KEEPCAPS},
    {"prctl", 0, DIES, INT, PR_SET_SECUREBITS},
    {"prctl", 0, DIES, INT, PR_CAPBSET_DROP},
    {"prctl", 0, DIES, INT, PR_CAP_AMBIENT},
    {"prctl", 0, DIES, INT, PR_SET_PTRACER},
    {"prctl", 0, DIES, INT, PR_SET_MM},
};

/*
 * libseccomp says -errno; what the kernel or the library does not know is not there to be
 * called.
 */
static int
add_rule(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned arguments,
         const struct scmp_arg_cmp *argument)
{
    int number = seccomp_syscall_resolve_name(name);

    if (number == __NR_SCMP_ERROR)
        return 0;
    return seccomp_rule_add_array(filter, action, number, arguments, argument);
}

static int
add_names(scmp_filter_ctx filter, uint32_t action, const char *const *name, size_t count)
{
    int failed = 0;

    for (size_t i = 0; failed == 0 && i < count; i++)
        failed = add_rule(filter, action, name[i], 0, NULL);
    return failed;
}

static int
add_conditions(scmp_filter_ctx filter)
{
    int failed = 0;

    for (size_t i = 0; failed == 0 && i < COUNT_OF(conditions); i++) {
        struct scmp_arg_cmp argument =
            SCMP_CMP64(conditions[i].argument, SCMP_CMP_MASKED_EQ, conditions[i].mask,
                       conditions[i].value);

        failed = add_rule(filter, conditions[i].action, conditions[i].name, 1, &argument);
    }
    return failed;
}

/* Raw sockets, for which a worker with source = client has the capability, are nothing of
 * ours. */
static int
add_types(scmp_filter_ctx filter, int family)
{
    static const struct {
        uint64_t type;
        uint32_t action;
    } types[] = {{SOCK_STREAM, SCMP_ACT_ALLOW},
                 {SOCK_DGRAM, SCMP_ACT_ALLOW},
                 {SOCK_RAW, DIES},
                 {SOCK_PACKET, DIES}};
    int failed = 0;

    for (size_t i = 0; failed == 0 && i < COUNT_OF(types); i++) {
        struct scmp_arg_cmp arguments[] = {
            SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, INT, (uint64_t)family),
            SCMP_CMP64(1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE, types[i].type)};

        failed =
            add_rule(filter, types[i].action, "socket", COUNT_OF(arguments), arguments);
    }
    return failed;
}

/* The error that getifaddrs() and libevent take for "not here", and then do without. */
static int
add_families(scmp_filter_ctx filter)
{
    int failed = 0;

    for (int family = 0; failed == 0 && family < AF_MAX; family++) {
        struct scmp_arg_cmp argument =
            SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, INT, (uint64_t)family);

        if (family == AF_INET || family == AF_INET6 || family == AF_UNIX)
            failed = add_types(filter, family);
        else
            failed = add_rule(filter, FAILS(EAFNOSUPPORT), "socket", 1, &argument);
    }
    return failed;
}

/* abort() and raise() signal the process itself, which is allowed; any other is not. */
static int
add_tgkill(scmp_filter_ctx filter)
{
    uint64_t self = (uint64_t)getpid();
    struct scmp_arg_cmp own = SCMP_CMP64(0, SCMP_CMP_EQ, self, 0);
    struct scmp_arg_cmp others = SCMP_CMP64(0, SCMP_CMP_NE, self, 0);
    int failed = add_rule(filter, SCMP_ACT_ALLOW, "tgkill", 1, &own);

    return failed != 0 ? failed : add_rule(filter, DIES, "tgkill", 1, &others);
}
/* Calls by the numbers of another architecture die, too. */
static int
set_attributes(scmp_filter_ctx filter)
{
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, DIES);

    if (failed == 0)
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (failed == 0)
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
    return failed;
}

int
sandbox_enter(void)
{
    scmp_filter_ctx filter = seccomp_init(FAILS(ENOSYS));
    int failed;

    if (filter == NULL) {
        errno = ENOMEM;
        return -1;
    }
    failed = set_attributes(filter);
    if (failed == 0)
        failed = add_names(filter, SCMP_ACT_ALLOW, allowed, COUNT_OF(allowed));
    if (failed == 0)
        failed = add_names(filter, DIES, deadly, COUNT_OF(deadly));
    if (failed == 0)
        failed = add_conditions(filter);
    if (failed == 0)
        failed = add_families(filter);
    if (failed == 0)
        failed = add_tgkill(filter);
    if (failed == 0)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    errno = -failed;
    return failed == 0 ? 0 : -1;
}

bool
sandbox_is_built(void)
{
    return true;
}
#endif
