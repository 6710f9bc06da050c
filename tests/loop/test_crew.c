/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The children are this program again, as crew_start wants it: what they do there is told
 * by the variable CREW_TEST, see be_child.
 */
#include "proc/crew.h"

#include "base/clock.h"
#include "base/log.h"
#include "config/check.h"
#include "config/load.h"
#include "proc/seal.h"
#include "support/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BEHAVIOUR "CREW_TEST"
#define WAIT_MS 10000
#define TALK 150

/* ---- The child ---- */

static struct ipc_message message;

static void
wait_for_message(void)
{
    struct pollfd pollfd = {.fd = IPC_CHILD_FD, .events = POLLIN};
    enum ipc_result result;

    do
        (void)poll(&pollfd, 1, -1);
    while ((result = ipc_receive(IPC_CHILD_FD, &message)) == IPC_NOTHING);
    if (result == IPC_GONE)
        _exit(5);
}

static void
say(enum ipc_type type, const void *data, size_t len)
{
    if (ipc_send(IPC_CHILD_FD, type, data, len, NULL, 0) < 0)
        _exit(6);
}

/* Have three connections of five clients, in the frontend of place 1; two with a server. */
static void
count(struct stats_page *page, struct stats_shared *shared)
{
    stats_set(&page->fronts, 2);
    stats_add(&page->front[1].accepted, 5);
    stats_set(&page->front[1].live, 3);
    atomic_fetch_add(&shared->live[1], 3);
    stats_set(&page->servers, 8);
    stats_set(&page->server[7].live, 2);
    atomic_fetch_add(&shared->server[7].live, 2);
}

static void
serve(struct stats_page *page, struct stats_shared *shared)
{
    struct ipc_done done = {.generation = 1};

    count(page, shared);
    say(IPC_SERVING, &done, sizeof(done));
    do
        wait_for_message();
    while (message.type != IPC_DRAIN);
    _exit(0);
}

/* Tell how many of the sockets that come with a configuration listen. */
static void
look_at_sockets(void)
{
    unsigned expected, got = 0, listening = 0;
    char words[64];

    wait_for_message();
    if (message.type != IPC_CONFIG || message.fds != 1)
        _exit(7);
    expected = message.u.config.listeners;
    while (got < expected) {
        wait_for_message();
        if (message.type != IPC_LISTENERS || message.fds == 0)
            _exit(8);
        for (size_t i = 0; i < message.fds; i++, got++) {
            int on = 0;
            socklen_t len = sizeof(on);

            (void)getsockopt(message.fd[i], SOL_SOCKET, SO_ACCEPTCONN, &on, &len);
            listening += on && message.u.listener[i].frontend == 0 &&
                         message.u.listener[i].listen < 3;
        }
        ipc_close_fds(&message);
    }
    snprintf(words, sizeof(words), "%u of %u", listening, got);
    say(IPC_FORGET, words, strlen(words));
    _exit(0);
}

/* More at once than the master listens to in a turn; the page tells when all is said. */
static void
talk(struct stats_page *page)
{
    for (int i = 0; i < TALK; i++)
        say(IPC_FORGET, "!", 1);
    stats_set(&page->cut, 1);
    wait_for_message();
}

static bool
is_to(const char *behaviour)
{
    return strcmp(getenv(BEHAVIOUR), behaviour) == 0;
}

static int
be_child(void)
{
    struct stats_page *page;
    struct stats_shared *shared;

    if (is_to("die"))
        return 1;
    if (is_to("be deaf"))
        for (;;)
            pause();
    if (child_begin(IPC_CHILD_FD, &message) < 0)
        return 2;
    if (is_to("wait"))
        wait_for_message();
    if (message.fds != 2)
        return 3;
    page = seal_map_shared(message.fd[0], sizeof(*page));
    shared = seal_map_shared(message.fd[1], sizeof(*shared));
    ipc_close_fds(&message);
    if (page == NULL || shared == NULL)
        return 4;
    if (is_to("serve"))
        serve(page, shared);
    if (is_to("look at sockets"))
        look_at_sockets();
    if (is_to("lie"))
        stats_set(&page->fronts, UINT64_C(1) << 40);
    if (is_to("talk"))
        talk(page);
    say(IPC_FORGET, "last words", 10);
    if (is_to("lie"))
        wait_for_message();
    return 0;
}

/* ---- The master ---- */

static struct crew crew;
static struct event_base *base;
static struct event *sigchld;
static const struct privdrop who = {.uid = 1, .gid = 2};
static unsigned starts, vacancies, gone, strangers, messages;
static int last_status;
static enum ipc_type last_type;
static char last_words[64];
static bool restarting, late;

/* No child begins before it knows where to log to. */
static void
send_log(struct crew_child *child)
{
    struct ipc_log log = {.level = LOG_LEVEL_ERROR};
    int fd = log_shared_fd();

    crew_send(child, IPC_LOG, &log, sizeof(log), &fd, 1);
}

static struct crew_child *
start(unsigned slot)
{
    struct crew_child *child = crew_start(&crew, CHILD_WORKER, slot, &who, -1);

    ck_assert_ptr_nonnull(child);
    send_log(child);
    starts++;
    return child;
}

static void
on_message(void *owner, struct crew_child *child, struct ipc_message *m)
{
    ck_assert_ptr_eq(owner, &crew);
    ck_assert_ptr_eq(child->crew, &crew);
    messages++;
    last_type = m->type;
    snprintf(last_words, sizeof(last_words), "%.*s", (int)m->len, (const char *)m->u.bytes);
    if (m->type == IPC_SERVING)
        child->state = CREW_SERVING;
}

static void
on_gone(void *owner, const struct crew_child *child, int status)
{
    ck_assert_ptr_eq(owner, &crew);
    ck_assert(crew_find(&crew, child->role, child->slot) != child);
    gone++;
    last_status = status;
}

static void
on_stranger(void *owner, pid_t pid, int status)
{
    ck_assert_ptr_eq(owner, &crew);
    ck_assert_int_gt(pid, 0);
    last_status = status;
    strangers++;
}

static void
on_vacant(void *owner, enum child_role role, unsigned slot)
{
    ck_assert_ptr_eq(owner, &crew);
    ck_assert_int_eq(role, CHILD_WORKER);
    vacancies++;
    if (restarting)
        (void)start(slot);
}

static void
on_sigchld(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    crew_reap(arg);
}

static void
on_late(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg ATTR_UNUSED)
{
    late = true;
}

static void
behave(const char *behaviour)
{
    ck_assert_int_eq(setenv(BEHAVIOUR, behaviour, 1), 0);
}

static void
setup(void)
{
    static const struct log_settings quiet = {
        .level = LOG_LEVEL_ERROR, .to = "/dev/null", .facility = "daemon"};

    ck_assert_int_eq(log_open(&quiet), 0);
    (void)signal(SIGPIPE, SIG_IGN);
    base = event_base_new();
    ck_assert_int_eq(crew_init(&crew, base), 0);
    crew.on_message = on_message;
    crew.on_gone = on_gone;
    crew.on_stranger = on_stranger;
    crew.on_vacant = on_vacant;
    crew.owner = &crew;
    sigchld = evsignal_new(base, SIGCHLD, on_sigchld, &crew);
    ck_assert(sigchld != NULL && event_add(sigchld, NULL) == 0);
}

/* Nobody stays behind: whoever does not see the channel end is killed. */
static void
teardown(void)
{
    struct crew_child *child;

    TAILQ_FOREACH (child, &crew.children, link)
        (void)kill(child->pid, SIGKILL);
    crew_clear(&crew);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    event_free(sigchld);
    event_base_free(base);
    log_close();
}

static void
run_for(unsigned ms)
{
    struct timeval limit = clock_timeval(ms);
    struct event *guard = evtimer_new(base, on_late, NULL);

    late = false;
    ck_assert(guard != NULL && event_add(guard, &limit) == 0);
    while (!late)
        ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
    event_free(guard);
}

/* Until a counter has come so far. */
static void
run_until(const unsigned *counter, unsigned wanted)
{
    struct timeval limit = clock_timeval(WAIT_MS);
    struct event *guard = evtimer_new(base, on_late, NULL);

    late = false;
    ck_assert(guard != NULL && event_add(guard, &limit) == 0);
    while (*counter < wanted) {
        ck_assert_msg(!late, "what the test waits for does not happen");
        ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    event_free(guard);
}

static struct crew_child *
start_serving(unsigned slot)
{
    struct crew_child *child;
    unsigned before = messages;

    behave("serve");
    child = start(slot);
    run_until(&messages, before + 1);
    ck_assert_int_eq(last_type, IPC_SERVING);
    return child;
}

/* ---- Successors ---- */

START_TEST(whoever_dies_at_once_is_not_started_too_often)
{
    behave("die");
    restarting = true;
    (void)start(2);
    run_for(1000);
    /* At once, then after 100, 200 and 400 ms. */
    ck_assert_uint_ge(starts, 3);
    ck_assert_uint_le(starts, 5);
    ck_assert_uint_ge(gone, starts - 1);
    ck_assert_uint_eq(crew.restarts, gone);
    ck_assert_int_eq(WEXITSTATUS(last_status), 1);
}
END_TEST

START_TEST(whoever_has_lived_is_followed_at_once)
{
    struct crew_child *child = start_serving(1);
    uint64_t since;

    restarting = true;
    crew.slot[1].failures = 7;
    child->start_ms -= 1000;
    since = clock_ms();
    ck_assert_int_eq(kill(child->pid, SIGKILL), 0);
    run_until(&starts, 2);
    ck_assert_uint_lt(clock_ms() - since, 1500); /* and not after 5 s */
    ck_assert_uint_eq(crew.slot[1].failures, 0);
    ck_assert_int_eq(WTERMSIG(last_status), SIGKILL);
}
END_TEST

/* It has lived long, but has never served: that counts as a failure. */
START_TEST(whoever_never_served_has_failed)
{
    struct crew_child *child;

    behave("be deaf");
    child = start(1);
    crew.slot[1].failures = 3;
    child->start_ms -= 1000;
    ck_assert_int_eq(kill(child->pid, SIGKILL), 0);
    run_until(&gone, 1);
    ck_assert_uint_eq(crew.slot[1].failures, 4);
    ck_assert_uint_eq(vacancies, 0);
    run_until(&vacancies, 1);
}
END_TEST

START_TEST(slots_fail_each_for_itself)
{
    behave("die");
    (void)start(0);
    (void)start(1);
    run_until(&vacancies, 2);
    ck_assert_uint_eq(crew.slot[0].failures, 1);
    ck_assert_uint_eq(crew.slot[1].failures, 1);
}
END_TEST

START_TEST(some_are_not_followed)
{
    struct crew_child *child = start_serving(0);

    if (_i == 0)
        crew.ending = true;
    else if (_i == 1)
        child->replaced = true;
    else
        child->state = CREW_RETIRING;
    ck_assert_int_eq(kill(child->pid, SIGKILL), 0);
    run_until(&gone, 1);
    run_for(50);
    ck_assert_uint_eq(vacancies, 0);
    ck_assert_uint_eq(crew.restarts, 0);
}
END_TEST

START_TEST(nobody_is_started_once_all_is_ending)
{
    struct crew_child *child;

    behave("be deaf");
    child = start(1);
    crew.slot[1].failures = 1;
    ck_assert_int_eq(kill(child->pid, SIGKILL), 0);
    run_until(&gone, 1);
    crew.ending = true; /* while the successor waits for its time */
    run_for(300);
    ck_assert_uint_eq(vacancies, 0);
}
END_TEST

/* ---- What they count ---- */

START_TEST(what_the_dead_have_counted_stays)
{
    struct crew_child *child = start_serving(0);

    ck_assert_uint_eq(crew_live(child), 3);
    ck_assert_uint_eq(crew_sum(&crew)->front[1].accepted, 5);
    ck_assert_uint_eq(crew_sum(&crew)->front[1].live, 3);
    ck_assert_uint_eq(crew_sum(&crew)->server[7].live, 2);
    ck_assert_uint_eq(crew.shared->live[1], 3);
    ck_assert_uint_eq(crew.shared->server[7].live, 2);
    (void)start_serving(1);
    ck_assert_uint_eq(crew_live_all(&crew), 6);
    ck_assert_uint_eq(crew_sum(&crew)->front[1].accepted, 10);
    ck_assert_uint_eq(crew.shared->live[1], 6);
    ck_assert_uint_eq(crew.shared->server[7].live, 4);
    ck_assert_int_eq(kill(child->pid, SIGKILL), 0);
    run_until(&gone, 1);
    ck_assert_uint_eq(crew_live_all(&crew), 3);
    ck_assert_uint_eq(crew_sum(&crew)->front[1].accepted, 10);
    ck_assert_uint_eq(crew_sum(&crew)->front[1].live, 3);
    ck_assert_uint_eq(crew_sum(&crew)->server[7].live, 2);
    ck_assert_uint_eq(crew.shared->live[1], 3);
    ck_assert_uint_eq(crew.shared->server[7].live, 2);
    ck_assert_uint_eq(crew.shared->live[0], 0);
}
END_TEST

/* A worker that was taken over may write anything into its page: the master lives on. */
START_TEST(a_page_may_lie)
{
    struct crew_child *child;

    behave("lie");
    child = start(0);
    run_until(&messages, 1);
    ck_assert_uint_eq(crew_live(child), 0);
    ck_assert_uint_le(crew_sum(&crew)->fronts, STATS_FRONTS);
    ck_assert_uint_eq(crew_sum(&crew)->front[1].live, 0);
    ck_assert_int_eq(kill(child->pid, SIGKILL), 0);
    run_until(&gone, 1);
    ck_assert_uint_le(crew_sum(&crew)->fronts, STATS_FRONTS);
}
END_TEST

/* ---- Talking ---- */

/* Also where the news of its end comes first. */
START_TEST(last_words_are_heard)
{
    struct crew_child *child;

    behave("say a word");
    child = start(0);
    ck_assert_int_eq(event_del(child->messages), 0);
    run_until(&gone, 1);
    ck_assert_uint_eq(messages, 1);
    ck_assert_str_eq(last_words, "last words");
    ck_assert_int_eq(last_status, 0);
}
END_TEST

START_TEST(whoever_does_not_listen_is_killed)
{
    struct crew_child *child;

    behave("be deaf");
    child = start(0);
    for (int i = 0; i < 100000 && gone == 0; i++) {
        crew_send(child, IPC_SWITCH, NULL, 0, NULL, 0);
        if (i % 1000 == 0)
            ck_assert_int_ge(event_base_loop(base, EVLOOP_NONBLOCK), 0);
    }
    run_until(&gone, 1);
    ck_assert(WIFSIGNALED(last_status) && WTERMSIG(last_status) == SIGKILL);
}
END_TEST

START_TEST(whoever_talks_a_lot_keeps_nobody_waiting)
{
    uint64_t limit = clock_ms() + WAIT_MS;
    struct crew_child *child;

    behave("talk");
    child = start(0);
    while (__atomic_load_n(&child->page->cut, __ATOMIC_RELAXED) == 0)
        ck_assert(clock_ms() < limit);
    ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
    ck_assert_uint_gt(messages, 0);
    ck_assert_uint_lt(messages, TALK / 2); /* the others have their turn */
    run_until(&messages, TALK);
}
END_TEST

START_TEST(to_retire)
{
    struct crew_child *child = start_serving(3);

    ck_assert_ptr_eq(crew_find(&crew, CHILD_WORKER, 3), child);
    ck_assert_ptr_null(crew_find(&crew, CHILD_WORKER, 2));
    ck_assert_ptr_null(crew_find(&crew, CHILD_ADMIN, 3));
    crew_retire(child);
    ck_assert_ptr_null(crew_find(&crew, CHILD_WORKER, 3));
    ck_assert_uint_eq(crew_workers(&crew), 1);
    run_until(&gone, 1);
    ck_assert_int_eq(last_status, 0);
    run_for(50);
    ck_assert_uint_eq(vacancies, 0);
    ck_assert_uint_eq(crew_workers(&crew), 0);
}
END_TEST

START_TEST(to_be_dismissed)
{
    struct crew_child *child;

    behave("wait");
    child = crew_start(&crew, CHILD_ADMIN, 0, &who, -1);
    ck_assert_ptr_nonnull(child);
    send_log(child);
    ck_assert_uint_eq(crew_workers(&crew), 0);
    crew_dismiss(child);
    crew_send(child, IPC_SWITCH, NULL, 0, NULL, 0); /* to nobody */
    run_until(&gone, 1);
    ck_assert_int_eq(WEXITSTATUS(last_status), 5);
    ck_assert_uint_eq(vacancies, 0);
}
END_TEST

static struct config *
configure(void)
{
    static const char text[] =
        "frontend a { listen = { \"127.0.0.1:0\", \"127.0.0.2:0\", \"127.0.0.3:0\" }"
        " cert = c backend = \"127.0.0.1:1\" }";
    struct diag *diag = diag_new();
    struct config *config = config_load_memory("t", text, strlen(text), diag);

    config_check(config, diag);
    ck_assert_uint_eq(diag_errors(diag), 0);
    diag_free(diag);
    return config;
}

/* More sockets than a message takes; _i + 1 workers share them. */
START_TEST(all_sockets_arrive)
{
    struct setup setup = {
        .config = configure(), .workers = (unsigned)_i + 1, .key_log = -1};
    struct diag *diag = diag_new();
    struct listeners listeners;
    struct crew_child *child;

    listeners_init(&listeners);
    listeners_prepare(&listeners, setup.config, 90, diag);
    listeners_commit(&listeners, setup.config, 90, diag);
    ck_assert_uint_eq(diag_errors(diag), 0);
    setup.bundle = seal_make("bundle", "x", 1);
    behave("look at sockets");
    child = start(0);
    crew_send_setup(child, &setup, 1, &listeners, false);
    run_until(&messages, 1);
    ck_assert_str_eq(last_words, _i == 0   ? "270 of 270"
                                 : _i == 1 ? "135 of 135"
                                           : "90 of 90");
    run_until(&gone, 1);
    ck_assert_int_eq(last_status, 0);
    close(setup.bundle);
    listeners_clear(&listeners);
    config_free(setup.config);
    diag_free(diag);
}
END_TEST

/* ---- Others ---- */

static pid_t
start_stranger(int *channel)
{
    int end[2];
    pid_t pid;
    char byte;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, end), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(end[0]);
        (void)!read(end[1], &byte, 1);
        _exit(9);
    }
    close(end[1]);
    *channel = end[0];
    return pid;
}

START_TEST(a_child_of_the_program_of_before)
{
    int channel;
    pid_t pid = start_stranger(&channel);
    struct crew_child *child = crew_adopt(&crew, pid, 1, channel);

    ck_assert_ptr_nonnull(child);
    ck_assert_uint_eq(crew_workers(&crew), 1);
    ck_assert_ptr_null(crew_find(&crew, CHILD_WORKER, 1)); /* it is to be replaced */
    ck_assert_uint_eq(crew_live(child), 0);
    crew_retire(child);
    run_until(&gone, 1);
    ck_assert_int_eq(WEXITSTATUS(last_status), 9);
    ck_assert_uint_eq(strangers + vacancies, 0);
}
END_TEST

START_TEST(strangers_are_reaped)
{
    int channel;

    (void)start_stranger(&channel);
    close(channel);
    run_until(&strangers, 1);
    ck_assert_int_eq(WEXITSTATUS(last_status), 9);
    ck_assert_uint_eq(gone, 0);
}
END_TEST

static Suite *
crew_suite(void)
{
    Suite *suite = suite_create("crew");
    TCase *tcase = tcase_create("crew");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, whoever_dies_at_once_is_not_started_too_often);
    tcase_add_test(tcase, whoever_has_lived_is_followed_at_once);
    tcase_add_test(tcase, whoever_never_served_has_failed);
    tcase_add_test(tcase, slots_fail_each_for_itself);
    tcase_add_loop_test(tcase, some_are_not_followed, 0, 3);
    tcase_add_test(tcase, nobody_is_started_once_all_is_ending);
    tcase_add_test(tcase, what_the_dead_have_counted_stays);
    tcase_add_test(tcase, a_page_may_lie);
    tcase_add_test(tcase, last_words_are_heard);
    tcase_add_test(tcase, whoever_does_not_listen_is_killed);
    tcase_add_test(tcase, whoever_talks_a_lot_keeps_nobody_waiting);
    tcase_add_test(tcase, to_retire);
    tcase_add_test(tcase, to_be_dismissed);
    tcase_add_loop_test(tcase, all_sockets_arrive, 0, 3);
    tcase_add_test(tcase, a_child_of_the_program_of_before);
    tcase_add_test(tcase, strangers_are_reaped);
    suite_add_tcase(suite, tcase);
    return suite;
}

static int
run_suite(void)
{
    SRunner *runner = srunner_create(crew_suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(void)
{
    return getenv(CHILD_VARIABLE) != NULL ? be_child() : run_suite();
}
