/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/sandbox.h"

#include "base/log.h"
#include "support/check_main.h"
#include "support/tls_pair.h"
#include "support/watched.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILLED (-1) /* by SIGSYS */

/* A path or pointer that leads nowhere: no call may come so far that it matters. */
#define NOWHERE 0L

/* What a process that enters has loaded before. */
static void
load(void)
{
    tzset();
    ck_assert_int_eq(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL), 1);
}

/* Let a child do something within the sandbox. Returns its wait status. */
static int
within(int (*act)(const void *arg), const void *arg)
{
    int status = 0;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        static const struct rlimit no_core = {0, 0};

        (void)setrlimit(RLIMIT_CORE, &no_core);
        if (sandbox_enter() < 0)
            _exit(254);
        _exit(act(arg));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

/* It has to end by itself, with status 0. */
static void
must_work(int (*act)(const void *arg), const void *arg)
{
    int status = within(act, arg);

    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s %d",
                  WIFEXITED(status) ? "status" : "signal",
                  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

struct attempt {
    const char *name;
    long number;
    long argument[6];
    int outcome; /* KILLED, or an errno; 0: it works */
};

static int
call(const void *arg)
{
    const struct attempt *a = arg;
    long ret = syscall(a->number, a->argument[0], a->argument[1], a->argument[2],
                       a->argument[3], a->argument[4], a->argument[5]);

    return ret < 0 ? errno : 0;
}

static const struct attempt attempts[] = {
    {"openat", SYS_openat, {AT_FDCWD, NOWHERE, O_RDONLY}, KILLED},
    {"openat2", SYS_openat2, {AT_FDCWD, NOWHERE}, KILLED},
    {"memfd_create", SYS_memfd_create, {NOWHERE}, KILLED},
    {"unlinkat", SYS_unlinkat, {AT_FDCWD, NOWHERE}, KILLED},
    {"mkdirat", SYS_mkdirat, {AT_FDCWD, NOWHERE}, KILLED},
    {"linkat", SYS_linkat, {AT_FDCWD, NOWHERE, AT_FDCWD, NOWHERE}, KILLED},
    {"symlinkat", SYS_symlinkat, {NOWHERE, AT_FDCWD, NOWHERE}, KILLED},
    {"renameat2", SYS_renameat2, {AT_FDCWD, NOWHERE, AT_FDCWD, NOWHERE}, KILLED},
    {"fchmod", SYS_fchmod, {-1, 0}, KILLED},
    {"fchmodat", SYS_fchmodat, {AT_FDCWD, NOWHERE, 0}, KILLED},
    {"fchown", SYS_fchown, {-1, 0, 0}, KILLED},
    {"fchownat", SYS_fchownat, {AT_FDCWD, NOWHERE, 0, 0}, KILLED},
    {"mknodat", SYS_mknodat, {AT_FDCWD, NOWHERE, S_IFIFO}, KILLED},
    {"ftruncate", SYS_ftruncate, {-1, 0}, KILLED},
    {"name_to_handle_at", SYS_name_to_handle_at, {AT_FDCWD, NOWHERE}, KILLED},
    {"open_by_handle_at", SYS_open_by_handle_at, {-1, NOWHERE}, KILLED},
    {"getdents64", SYS_getdents64, {-1, NOWHERE, 0}, KILLED},
    {"execve", SYS_execve, {NOWHERE}, KILLED},
    {"execveat", SYS_execveat, {-1, NOWHERE}, KILLED},
    {"clone", SYS_clone, {SIGCHLD}, KILLED},
    {"clone3", SYS_clone3, {NOWHERE}, KILLED},
    {"ptrace", SYS_ptrace, {0}, KILLED}, /* PTRACE_TRACEME */
    {"process_vm_readv", SYS_process_vm_readv, {0}, KILLED},
    {"process_vm_writev", SYS_process_vm_writev, {0}, KILLED},
    {"pidfd_open", SYS_pidfd_open, {0}, KILLED},
    {"pidfd_send_signal", SYS_pidfd_send_signal, {-1}, KILLED},
    {"kill", SYS_kill, {0, 0}, KILLED},
    {"tkill", SYS_tkill, {0, 0}, KILLED},
    {"tgkill", SYS_tgkill, {1, 1, 0}, KILLED},
    {"rt_sigqueueinfo", SYS_rt_sigqueueinfo, {0}, KILLED},
    {"setuid", SYS_setuid, {-1}, KILLED},
    {"setgid", SYS_setgid, {-1}, KILLED},
    {"setreuid", SYS_setreuid, {-1, -1}, KILLED},
    {"setregid", SYS_setregid, {-1, -1}, KILLED},
    {"setresuid", SYS_setresuid, {-1, -1, -1}, KILLED},
    {"setresgid", SYS_setresgid, {-1, -1, -1}, KILLED},
    {"setfsuid", SYS_setfsuid, {-1}, KILLED},
    {"setgroups", SYS_setgroups, {-1, NOWHERE}, KILLED},
    {"capset", SYS_capset, {NOWHERE}, KILLED},
    {"prctl: dumpable", SYS_prctl, {PR_SET_DUMPABLE, 0}, KILLED},
    {"prctl: capabilities", SYS_prctl, {PR_CAPBSET_DROP, -1}, KILLED},
    {"chroot", SYS_chroot, {NOWHERE}, KILLED},
    {"pivot_root", SYS_pivot_root, {NOWHERE}, KILLED},
    {"mount", SYS_mount, {NOWHERE}, KILLED},
    {"umount2", SYS_umount2, {NOWHERE}, KILLED},
    {"unshare", SYS_unshare, {0}, KILLED},
    {"setns", SYS_setns, {-1}, KILLED},
    {"bpf", SYS_bpf, {-1}, KILLED},
    {"perf_event_open", SYS_perf_event_open, {NOWHERE}, KILLED},
    {"keyctl", SYS_keyctl, {-1}, KILLED},
    {"add_key", SYS_add_key, {NOWHERE}, KILLED},
    {"request_key", SYS_request_key, {NOWHERE}, KILLED},
    {"init_module", SYS_init_module, {NOWHERE}, KILLED},
    {"finit_module", SYS_finit_module, {-1}, KILLED},
    {"kexec_load", SYS_kexec_load, {0, 0, NOWHERE, -1}, KILLED},
    {"userfaultfd", SYS_userfaultfd, {-1}, KILLED},
    {"io_uring_setup", SYS_io_uring_setup, {0, NOWHERE}, KILLED},
    {"io_uring_enter", SYS_io_uring_enter, {-1}, KILLED},
    {"reboot", SYS_reboot, {0}, KILLED},
#ifdef SYS_open /* the older names, which newer architectures do not have */
    {"open", SYS_open, {NOWHERE, O_RDONLY}, KILLED},
    {"creat", SYS_creat, {NOWHERE}, KILLED},
    {"fork", SYS_fork, {0}, KILLED},
    {"vfork", SYS_vfork, {0}, KILLED},
    {"unlink", SYS_unlink, {NOWHERE}, KILLED},
    {"rename", SYS_rename, {NOWHERE, NOWHERE}, KILLED},
    {"mkdir", SYS_mkdir, {NOWHERE}, KILLED},
    {"chmod", SYS_chmod, {NOWHERE}, KILLED},
    {"chown", SYS_chown, {NOWHERE}, KILLED},
    {"mknod", SYS_mknod, {NOWHERE}, KILLED},
    {"link", SYS_link, {NOWHERE, NOWHERE}, KILLED},
    {"stat", SYS_stat, {NOWHERE, NOWHERE}, ENOSYS},
#endif
#ifdef SYS_mmap
    {"mmap", SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}, 0},
    {"mmap: executable",
     SYS_mmap,
     {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0},
     EPERM},
#endif
    {"mprotect: executable", SYS_mprotect, {0, 0, PROT_EXEC}, EPERM},
    {"mprotect", SYS_mprotect, {0, 0, PROT_READ}, 0},
    {"socket: packet", SYS_socket, {AF_PACKET, SOCK_RAW, 0}, EAFNOSUPPORT},
    {"socket: netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}, EAFNOSUPPORT},
    {"socket: vsock", SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}, EAFNOSUPPORT},
    {"socket: alg", SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}, EAFNOSUPPORT},
    {"socket: raw", SYS_socket, {AF_INET, SOCK_RAW, IPPROTO_ICMP}, KILLED},
    {"socket: raw IPv6",
     SYS_socket,
     {AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6},
     KILLED},
    {"socket: packets of inet", SYS_socket, {AF_INET, SOCK_PACKET, 0}, KILLED},
    {"socket: seqpacket", SYS_socket, {AF_UNIX, SOCK_SEQPACKET, 0}, ENOSYS},
    {"socket: flags",
     SYS_socket,
     {AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0},
     0},
    {"socket: inet", SYS_socket, {AF_INET, SOCK_STREAM, 0}, 0},
    {"socket: unix", SYS_socket, {AF_UNIX, SOCK_DGRAM, 0}, 0},
    {"listen", SYS_listen, {-1, 0}, ENOSYS},
    {"ioctl", SYS_ioctl, {STDERR_FILENO, TIOCSTI, NOWHERE}, ENOSYS},
    {"ioctl: how much", SYS_ioctl, {-1, FIONREAD, NOWHERE}, EBADF},
    {"fcntl: owner", SYS_fcntl, {STDERR_FILENO, F_SETOWN, 1}, ENOSYS},
    {"fcntl: flags", SYS_fcntl, {STDERR_FILENO, F_GETFD}, 0},
    {"prlimit64: another's", SYS_prlimit64, {1, RLIMIT_NOFILE}, ENOSYS},
    {"prlimit64", SYS_prlimit64, {0, RLIMIT_NOFILE}, 0},
    {"prctl", SYS_prctl, {PR_SET_TIMERSLACK, 1}, ENOSYS},
    {"newfstatat", SYS_newfstatat, {AT_FDCWD, NOWHERE, NOWHERE, 0}, ENOSYS},
    {"personality", SYS_personality, {0xffffffff}, ENOSYS},
    {"unknown", 0x3fff, {0}, ENOSYS},
};

START_TEST(a_call_ends_as_it_should)
{
    const struct attempt *a = &attempts[_i];
    int status = within(call, a);

    if (a->outcome == KILLED)
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
                      "%s: wait status 0x%x instead of SIGSYS", a->name, status);
    else
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == a->outcome,
                      "%s: wait status 0x%x instead of errno %d", a->name, status,
                      a->outcome);
}
END_TEST

static int
kill_parent(const void *arg)
{
    (void)arg;
    return kill(getppid(), SIGKILL);
}

START_TEST(the_parent_survives)
{
    int status = within(kill_parent, NULL);

    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}
END_TEST

static int
end_by_abort(const void *arg)
{
    (void)arg;
    abort();
}

START_TEST(abort_is_abort)
{
    int status = within(end_by_abort, NULL);

    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
END_TEST

/* Neither the filter nor no_new_privs goes away: these commands of prctl() do not exist. */
static int
enter_twice(const void *arg)
{
    (void)arg;
    return prctl(PR_GET_SECCOMP) >= 0 || prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}

START_TEST(there_is_no_way_back)
{
    must_work(enter_twice, NULL);
}
END_TEST

static int
use_memory(const void *arg)
{
    size_t size = 100 << 20;
    unsigned char *bytes = malloc(size);

    (void)arg;
    if (bytes == NULL)
        return 1;
    memset(bytes, 1, size);
    bytes = realloc(bytes, 2 * size);
    if (bytes == NULL || bytes[size - 1] != 1)
        return 2;
    free(bytes);
    for (int i = 0; i < 1000; i++) {
        void *piece = malloc(100000);

        if (piece == NULL)
            return 3;
        memset(piece, 0, 100000);
        free(piece);
    }
    return 0;
}

START_TEST(memory)
{
    must_work(use_memory, NULL);
}
END_TEST

static int
use_randomness(const void *arg)
{
    unsigned char bytes[64];

    (void)arg;
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return 1;
    return RAND_bytes(bytes, sizeof(bytes)) == 1 ? 0 : 2;
}

START_TEST(randomness)
{
    must_work(use_randomness, NULL);
}
END_TEST

/* A listening socket on loopback, with a port of the kernel's choice. */
static int
listen_on_loopback(int type, struct sockaddr_in *in)
{
    socklen_t len = sizeof(*in);
    int fd = socket(AF_INET, type, 0);

    *in = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)in, sizeof(*in)), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)in, &len), 0);
    if (type == SOCK_STREAM)
        ck_assert_int_eq(listen(fd, 4), 0);
    return fd;
}

struct place {
    int fd;
    struct sockaddr_in in;
};

static int
speak(int client, int server)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC), queued = -1, one = 1;
    char bytes[8];

    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event) < 0)
        return 10;
    if (fcntl(server, F_SETFL, O_NONBLOCK) < 0 || recv(server, bytes, 8, 0) != -1 ||
        errno != EAGAIN)
        return 11;
    if (setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
        send(client, "hello", 5, MSG_NOSIGNAL) != 5)
        return 12;
    if (epoll_wait(epoll, &event, 1, 5000) != 1 || ioctl(server, FIONREAD, &queued) < 0 ||
        queued != 5)
        return 13;
    if (recv(server, bytes, sizeof(bytes), 0) != 5 || shutdown(server, SHUT_WR) < 0 ||
        recv(client, bytes, sizeof(bytes), 0) != 0)
        return 14;
    if (ioctl(client, TIOCOUTQ, &queued) < 0 || queued != 0)
        return 15;
    return close(epoll);
}

static int
use_sockets(const void *arg)
{
    const struct place *place = arg;
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);

    if (client < 0 ||
        connect(client, (const struct sockaddr *)&place->in, sizeof(place->in)) < 0)
        return 1;
    server = accept4(place->fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
    if (server < 0 || getpeername(client, (struct sockaddr *)&peer, &len) < 0 ||
        peer.sin_port != place->in.sin_port)
        return 2;
    return speak(client, server);
}

START_TEST(sockets_on_loopback)
{
    struct place place;

    place.fd = listen_on_loopback(SOCK_STREAM, &place.in);
    must_work(use_sockets, &place);
    close(place.fd);
}
END_TEST

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ++*(int *)arg;
}

static int
use_event_loop(const void *arg)
{
    struct event_base *base = event_base_new();
    struct timeval soon = {0, 1000};
    int fired = 0;
    struct event *timer, *sign;

    (void)arg;
    if (base == NULL)
        return 1;
    timer = evtimer_new(base, on_timer, &fired);
    sign = evsignal_new(base, SIGUSR1, on_timer, &fired);
    if (timer == NULL || sign == NULL || event_add(timer, &soon) < 0 ||
        event_add(sign, NULL) < 0 || raise(SIGUSR1) != 0)
        return 2;
    while (fired < 2)
        if (event_base_loop(base, EVLOOP_ONCE) < 0)
            return 3;
    event_free(timer);
    event_free(sign);
    event_base_free(base);
    return 0;
}

START_TEST(event_loop)
{
    must_work(use_event_loop, NULL);
}
END_TEST

static void
on_address(int error, struct evutil_addrinfo *result, void *arg)
{
    if (result != NULL)
        evutil_freeaddrinfo(result);
    *(int *)arg = error;
}

/* libevent would complain on stderr about what the filter refuses. */
static void
on_libevent_log(int severity, const char *words)
{
    (void)severity;
    (void)words;
}

/* The name server never answers. Both families, as dial asks for them. */
static int
use_resolver(const void *arg)
{
    const struct place *place = arg;
    struct event_base *base = event_base_new();
    struct evdns_base *dns = evdns_base_new(base, 0);
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = EVUTIL_AI_ADDRCONFIG};
    int error = 1;
    char query[512];

    event_set_log_callback(on_libevent_log);
    if (dns == NULL || evdns_base_nameserver_sockaddr_add(
                           dns, (const struct sockaddr *)&place->in, sizeof(place->in), 0))
        return 1;
    evdns_base_set_option(dns, "timeout:", "0.1");
    evdns_base_set_option(dns, "attempts:", "2");
    (void)evdns_getaddrinfo(dns, "name.invalid", "80", &hints, on_address, &error);
    while (error == 1)
        if (event_base_loop(base, EVLOOP_ONCE) < 0)
            return 2;
    if (error == 0 || recv(place->fd, query, sizeof(query), MSG_DONTWAIT) < 12)
        return 3;
    evdns_base_free(dns, 0);
    event_base_free(base);
    return 0;
}

START_TEST(resolver)
{
    struct place place;

    place.fd = listen_on_loopback(SOCK_DGRAM, &place.in);
    must_work(use_resolver, &place);
    close(place.fd);
}
END_TEST

static int
shake_hands(const void *arg)
{
    SSL_CTX *ctx = (SSL_CTX *)(uintptr_t)arg;
    struct tls_pair pair;
    char heard[16];

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        tls_pair_init(&pair, ctx, version);
        tls_pair_must_shake(&pair);
        tls_pair_client_says(&pair, "hello");
        tls_pair_carry_up(&pair);
        (void)tls_pair_server_hears(&pair, heard, sizeof(heard), NULL, NULL);
        if (strcmp(heard, "hello") != 0)
            return 1;
        tls_pair_clear(&pair);
    }
    return 0;
}

START_TEST(tls_handshake)
{
    struct config_frontend frontend = tls_pair_frontend(0);
    SSL_CTX *ctx = tls_pair_server_ctx(&frontend);

    must_work(shake_hands, ctx);
    SSL_CTX_free(ctx);
}
END_TEST

static int
shake_hands_from_scratch(const void *arg)
{
    struct config_frontend frontend = tls_pair_frontend(0);
    SSL_CTX *ctx = tls_pair_server_ctx(&frontend);
    int failed = shake_hands(ctx);

    (void)arg;
    SSL_CTX_free(ctx);
    return failed;
}

START_TEST(tls_context)
{
    must_work(shake_hands_from_scratch, NULL);
}
END_TEST

/* A descriptor as the channel passes it. */
static int
receive_descriptor(const void *arg)
{
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec piece = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    const struct cmsghdr *head;
    struct stat status;
    char *bytes;
    int fd;

    if (recvmsg(*(const int *)arg, &message, MSG_CMSG_CLOEXEC) != 1)
        return 1;
    head = CMSG_FIRSTHDR(&message);
    if (head == NULL || head->cmsg_type != SCM_RIGHTS)
        return 2;
    memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    if (fstat(fd, &status) < 0 || status.st_size != 6)
        return 3;
    bytes = mmap(NULL, 6, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED || memcmp(bytes, "bundle", 6) != 0)
        return 4;
    return munmap(bytes, 6) + close(fd);
}

static void
send_descriptor(int channel, int fd)
{
    char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec piece = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    ck_assert_int_eq(sendmsg(channel, &message, 0), 1);
}

START_TEST(descriptors_arrive)
{
    int end[2], sent = memfd_create("test", MFD_CLOEXEC);

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, end), 0);
    ck_assert_int_eq(write(sent, "bundle", 6), 6);
    send_descriptor(end[0], sent);
    must_work(receive_descriptor, &end[1]);
    close(sent);
    close(end[0]);
    close(end[1]);
}
END_TEST

static int
write_log(const void *arg)
{
    (void)arg;
    log_error("it is %s, or %s", strerror(EPERM), gai_strerror(EAI_AGAIN));
    log_error("%s", strerror(12345));
    return (int)log_dropped();
}

/* To a file that was opened before, as all that the operator wants to read. */
START_TEST(log_is_written)
{
    char path[] = "test_sandbox.XXXXXX", line[512];
    struct log_settings settings = {.level = LOG_LEVEL_INFO, .to = path};
    int fd = mkstemp(path);
    ssize_t len;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(log_open(&settings), 0);
    must_work(write_log, NULL);
    log_close();
    len = read(fd, line, sizeof(line) - 1);
    ck_assert_int_gt(len, 0);
    line[len] = '\0';
    ck_assert_ptr_nonnull(strstr(line, "it is Operation not permitted, or Temporary"));
    ck_assert_ptr_nonnull(strstr(line, "12345"));
    close(fd);
    unlink(path);
}
END_TEST

static int
write_stdio(const void *arg)
{
    (void)arg;
    return fprintf(stdout, "%s", "") < 0 || fprintf(stderr, "%s", "") < 0 ||
           fflush(stdout) != 0;
}

START_TEST(stdio_is_written)
{
    must_work(write_stdio, NULL);
}
END_TEST

START_TEST(no_filter_with_sanitizers)
{
    int before = prctl(PR_GET_SECCOMP); /* a container has one of its own */

    ck_assert_int_eq(sandbox_enter(), 0);
    ck_assert_int_eq(prctl(PR_GET_SECCOMP), before);
}
END_TEST

static Suite *
sandbox_suite(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *tc = tcase_create("sandbox");

    suite_add_tcase(suite, tc);
    if (!sandbox_is_built()) {
        tcase_add_test(tc, no_filter_with_sanitizers);
        return suite;
    }
    if (is_watched())
        return suite;
    tcase_add_checked_fixture(tc, load, NULL);
    tcase_add_loop_test(tc, a_call_ends_as_it_should, 0, COUNT_OF(attempts));
    tcase_add_test(tc, the_parent_survives);
    tcase_add_test(tc, abort_is_abort);
    tcase_add_test(tc, there_is_no_way_back);
    tcase_add_test(tc, memory);
    tcase_add_test(tc, randomness);
    tcase_add_test(tc, sockets_on_loopback);
    tcase_add_test(tc, event_loop);
    tcase_add_test(tc, resolver);
    tcase_add_test(tc, tls_handshake);
    tcase_add_test(tc, tls_context);
    tcase_add_test(tc, descriptors_arrive);
    tcase_add_test(tc, log_is_written);
    tcase_add_test(tc, stdio_is_written);
    return suite;
}

CHECK_MAIN(sandbox_suite)
