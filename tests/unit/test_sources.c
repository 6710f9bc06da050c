/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/sources.h"

#include "support/check_main.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW UINT64_C(5000000000)
#define SECOND UINT64_C(1000000)
#define WORKERS 2

/* Shared, so that processes can be workers. */
struct stage {
    struct sources table;
    struct source_held held[WORKERS][SOURCES];
    int go;
};
static struct stage *stage;
static const struct source_limits none;

static void
set_up(void)
{
    stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
    ck_assert_ptr_ne(stage, MAP_FAILED);
    stage->table.secret[0] = UINT64_C(0x0706050403020100);
    stage->table.secret[1] = UINT64_C(0x0f0e0d0c0b0a0908);
}

static void
tear_down(void)
{
    (void)munmap(stage, sizeof(*stage));
}

static uint64_t
key_of(const char *host)
{
    struct addr a;

    ck_assert_int_eq(addr_from_numeric(&a, host, 443), 0);
    return source_key(&a);
}

static enum source_verdict
enter(unsigned worker, uint64_t key, const struct source_limits *limits, uint64_t now,
      uint32_t *place)
{
    return sources_enter(&stage->table, stage->held[worker], key, limits, now, place);
}

static void
ck_assert_count(uint64_t key, uint32_t connections, uint32_t handshakes)
{
    struct source_held now = sources_count(&stage->table, key);

    ck_assert_uint_eq(now.connections, connections);
    ck_assert_uint_eq(now.handshakes, handshakes);
}

/* ---- Who is who ---- */

START_TEST(a_source_is_an_address_or_a_network)
{
    struct addr none_such = {0}, un;

    ck_assert_uint_ne(key_of("192.0.2.1"), key_of("192.0.2.2"));
    ck_assert_uint_eq(key_of("192.0.2.1"), key_of("::ffff:192.0.2.1"));
    ck_assert_uint_eq(key_of("2001:db8:0:1::1"), key_of("2001:db8:0:1:ffff::2"));
    ck_assert_uint_ne(key_of("2001:db8:0:1::1"), key_of("2001:db8:0:2::1"));
    ck_assert_uint_ne(key_of("::1"), 0);
    ck_assert_uint_ne(key_of("0.0.0.0"), 0);
    ck_assert_uint_ne(key_of("::1"), key_of("0.0.0.0"));
    ck_assert_uint_eq(source_key(&none_such), 0);
    ck_assert_int_eq(addr_from_unix(&un, "/run/x"), 0);
    ck_assert_uint_eq(source_key(&un), 0);
}
END_TEST

START_TEST(a_source_has_a_name)
{
    static const char *const names[][2] = {{"192.0.2.1", "192.0.2.1"},
                                           {"::ffff:10.0.0.1", "10.0.0.1"},
                                           {"2001:db8:0:1::7", "2001:db8:0:1::/64"},
                                           {"::1", "::/64"},
                                           {"0.0.0.0", "0.0.0.0"}};
    char buf[SOURCE_TEXT_SIZE];

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        ck_assert_str_eq(source_format(key_of(names[i][0]), buf), names[i][1]);
    ck_assert_str_eq(source_format(0, buf), "a Unix socket");
}
END_TEST

/* The vectors of its reference implementation: key 00..0f, input 00..07. */
START_TEST(the_hash_is_siphash)
{
    ck_assert_uint_eq(sources_hash(stage->table.secret, UINT64_C(0x0706050403020100)),
                      UINT64_C(0x93f5f5799a932462));
}
END_TEST

/* ---- Limits ---- */

START_TEST(without_limits_all_are_counted)
{
    uint64_t key = key_of("192.0.2.1");
    uint32_t place[100];

    for (unsigned i = 0; i < 100; i++)
        ck_assert_int_eq(enter(0, key, &none, NOW, &place[i]), SOURCE_IN);
    ck_assert_count(key, 100, 100);
    for (unsigned i = 0; i < 100; i++)
        sources_handshake_over(&stage->table, stage->held[0], place[i]);
    ck_assert_count(key, 100, 0);
    for (unsigned i = 0; i < 100; i++)
        sources_leave(&stage->table, stage->held[0], place[i]);
    ck_assert_count(key, 0, 0);
}
END_TEST

START_TEST(connections_are_limited_in_all_workers)
{
    struct source_limits limits = {.connections = 3};
    uint64_t key = key_of("192.0.2.1"), other = key_of("192.0.2.2");
    uint32_t place[3], more;

    ck_assert_int_eq(enter(0, key, &limits, NOW, &place[0]), SOURCE_IN);
    ck_assert_int_eq(enter(1, key, &limits, NOW, &place[1]), SOURCE_IN);
    ck_assert_int_eq(enter(0, key, &limits, NOW, &place[2]), SOURCE_IN);
    ck_assert_int_eq(enter(0, key, &limits, NOW, &more), SOURCE_CONNECTIONS);
    ck_assert_int_eq(enter(1, key, &limits, NOW, &more), SOURCE_CONNECTIONS);
    ck_assert_int_eq(enter(1, other, &limits, NOW, &more), SOURCE_IN);
    sources_handshake_over(&stage->table, stage->held[1], place[1]);
    ck_assert_int_eq(enter(0, key, &limits, NOW, &more), SOURCE_CONNECTIONS);
    sources_leave(&stage->table, stage->held[1], place[1]);
    ck_assert_int_eq(enter(0, key, &limits, NOW, &more), SOURCE_IN);
    ck_assert_count(key, 3, 3);
}
END_TEST

START_TEST(handshakes_are_limited)
{
    struct source_limits limits = {.handshakes = 2};
    uint64_t key = key_of("2001:db8::1");
    uint32_t place[2], more;

    ck_assert_int_eq(enter(0, key, &limits, NOW, &place[0]), SOURCE_IN);
    ck_assert_int_eq(enter(1, key_of("2001:db8::2"), &limits, NOW, &place[1]), SOURCE_IN);
    ck_assert_int_eq(enter(0, key, &limits, NOW, &more), SOURCE_HANDSHAKES);
    sources_handshake_over(&stage->table, stage->held[1], place[1]);
    ck_assert_int_eq(enter(0, key, &limits, NOW, &more), SOURCE_IN);
    ck_assert_count(key, 3, 2);
}
END_TEST

START_TEST(the_rate_is_limited)
{
    struct source_limits limits = {.rate = bucket_rate(10, 4)};
    uint64_t key = key_of("192.0.2.1");
    unsigned in = 0;
    uint32_t place;

    for (unsigned i = 0; i < 100; i++)
        in += enter(i % WORKERS, key, &limits, NOW, &place) == SOURCE_IN;
    ck_assert_uint_eq(in, 4);
    ck_assert_int_eq(enter(0, key, &limits, NOW, &place), SOURCE_RATE);
    ck_assert_count(key, 4, 4);
    ck_assert_int_eq(enter(0, key, &limits, NOW + SECOND / 10, &place), SOURCE_IN);
    ck_assert_int_eq(enter(0, key, &limits, NOW + SECOND / 10, &place), SOURCE_RATE);
    ck_assert_int_eq(enter(0, key_of("192.0.2.2"), &limits, NOW, &place), SOURCE_IN);
}
END_TEST

START_TEST(what_is_undone_leaves_nothing)
{
    struct source_limits limits = {.connections = 1, .rate = bucket_rate(1, 1)};
    uint64_t key = key_of("192.0.2.1");
    uint32_t place;

    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(enter(0, key, &limits, NOW, &place), SOURCE_IN);
        sources_undo(&stage->table, stage->held[0], &limits, place);
        ck_assert_count(key, 0, 0);
        ck_assert_uint_eq(stage->held[0][place].connections, 0);
        ck_assert_uint_eq(stage->held[0][place].handshakes, 0);
    }
}
END_TEST

/* ---- A table that is full ---- */

/* The i-th of many sources. */
static uint64_t
some_key(uint32_t i)
{
    return UINT64_C(0x20010db800000000) + i;
}

/* Keys of one set: what an attacker could find who knew the secret. */
static uint64_t
next_of_set(uint32_t *i, uint64_t set)
{
    uint64_t key;

    do
        key = some_key((*i)++);
    while (sources_hash(stage->table.secret, key) % SOURCES_SETS != set);
    return key;
}

START_TEST(sources_of_one_set_do_not_meet)
{
    struct source_limits limits = {.connections = 1};
    uint64_t key[SOURCES_WAYS];
    uint32_t at = 0, place;

    for (unsigned i = 0; i < SOURCES_WAYS; i++) {
        key[i] = next_of_set(&at, 7);
        ck_assert_int_eq(enter(0, key[i], &limits, NOW, &place), SOURCE_IN);
    }
    for (unsigned i = 0; i < SOURCES_WAYS; i++) {
        ck_assert_count(key[i], 1, 1);
        ck_assert_int_eq(enter(0, key[i], &limits, NOW, &place), SOURCE_CONNECTIONS);
    }
    /* There is no place for one more, and it has done nothing wrong. */
    ck_assert_int_eq(enter(0, next_of_set(&at, 7), &limits, NOW, &place), SOURCE_UNTRACKED);
    ck_assert_int_eq(enter(0, next_of_set(&at, 8), &limits, NOW, &place), SOURCE_IN);
}
END_TEST

START_TEST(who_has_left_makes_room)
{
    struct source_limits limits = {.rate = bucket_rate(1, 2)};
    uint32_t at = 0, place;
    uint64_t key;

    for (unsigned i = 0; i < 1000; i++) {
        key = next_of_set(&at, 7);
        ck_assert_int_eq(enter(0, key, &limits, NOW + i * SECOND, &place), SOURCE_IN);
        sources_handshake_over(&stage->table, stage->held[0], place);
        sources_leave(&stage->table, stage->held[0], place);
    }
}
END_TEST

/* Whose bucket is not full is forgotten last, and the one nearest to full first. */
START_TEST(debts_are_kept_as_long_as_there_is_room)
{
    struct source_limits limits = {.rate = bucket_rate(1, 100)};
    uint64_t key[SOURCES_WAYS], last;
    uint32_t at = 0, place;

    for (unsigned i = 0; i < SOURCES_WAYS; i++) {
        key[i] = next_of_set(&at, 7);
        for (unsigned n = 0; n <= (i + 5) % SOURCES_WAYS; n++) {
            ck_assert_int_eq(enter(0, key[i], &limits, NOW, &place), SOURCE_IN);
            sources_handshake_over(&stage->table, stage->held[0], place);
            sources_leave(&stage->table, stage->held[0], place);
        }
    }
    last = next_of_set(&at, 7);
    ck_assert_int_eq(enter(0, last, &limits, NOW, &place), SOURCE_IN);
    ck_assert_uint_eq(stage->table.source[place].bucket.full_ns,
                      NOW * 1000 + 1000 * SECOND);
    for (unsigned i = 0; i < SOURCES_WAYS; i++) {
        ck_assert_int_eq(enter(1, key[i], &limits, NOW, &place), SOURCE_IN);
        if ((i + 5) % SOURCES_WAYS != 0)
            ck_assert_uint_eq(stage->table.source[place].bucket.full_ns,
                              NOW * 1000 + ((i + 5) % SOURCES_WAYS + 2) * 1000 * SECOND);
        else /* no place: it was forgotten, and another after it */
            break;
    }
}
END_TEST

/* As many sources as a busy service has at one time. */
START_TEST(most_of_many_sources_find_a_place)
{
    struct source_limits limits = {.connections = 1};
    unsigned untracked = 0, refused = 0;
    uint32_t place;

    for (uint32_t i = 0; i < SOURCES / 2; i++) {
        enum source_verdict verdict = enter(0, some_key(i), &limits, NOW, &place);

        untracked += verdict == SOURCE_UNTRACKED;
        refused += verdict > SOURCE_UNTRACKED;
    }
    ck_assert_uint_eq(refused, 0);
    ck_assert_uint_lt(untracked, SOURCES / 2 / 200);
}
END_TEST

/* ---- Workers ---- */

START_TEST(a_dead_worker_gives_back_what_it_held)
{
    struct source_limits limits = {.connections = 5};
    uint64_t key = key_of("192.0.2.1");
    uint32_t place;

    for (unsigned i = 0; i < 5; i++)
        ck_assert_int_eq(enter(i % WORKERS, key, &limits, NOW, &place), SOURCE_IN);
    sources_handshake_over(&stage->table, stage->held[0], place);
    ck_assert_count(key, 5, 4);
    sources_give_back(&stage->table, stage->held[0]);
    ck_assert_count(key, 2, 2);
    sources_give_back(&stage->table, stage->held[1]);
    ck_assert_count(key, 0, 0);
}
END_TEST

START_TEST(a_page_that_makes_no_sense_does_no_harm)
{
    uint64_t key = key_of("192.0.2.1");
    uint32_t place;

    ck_assert_int_eq(enter(0, key, &none, NOW, &place), SOURCE_IN);
    memset(stage->held[1], 0xff, sizeof(stage->held[1]));
    sources_give_back(&stage->table, stage->held[1]);
    ck_assert_count(key, 0, 0);
    sources_handshake_over(&stage->table, stage->held[0], place); /* of one that lives */
    sources_leave(&stage->table, stage->held[0], place);
    ck_assert_count(key, 0, 0);
    ck_assert_int_eq(enter(0, key, &none, NOW, &place), SOURCE_IN);
    ck_assert_count(key, 1, 1);
}
END_TEST

static void
come_and_go(unsigned worker, unsigned rounds)
{
    struct source_limits limits = {.connections = 1};
    uint32_t place;

    while (!__atomic_load_n(&stage->go, __ATOMIC_RELAXED))
        ;
    for (unsigned i = 0; i < rounds; i++) {
        if (enter(worker, some_key(i % 5), &limits, NOW, &place) != SOURCE_IN)
            continue;
        sources_handshake_over(&stage->table, stage->held[worker], place);
        sources_leave(&stage->table, stage->held[worker], place);
    }
}

static pid_t
start_worker(unsigned worker, unsigned rounds)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        come_and_go(worker, rounds);
        _exit(0);
    }
    return pid;
}

START_TEST(workers_do_not_lose_count_of_one_another)
{
    pid_t pid[WORKERS];
    int status;

    for (unsigned i = 0; i < WORKERS; i++)
        pid[i] = start_worker(i, 1000000);
    __atomic_store_n(&stage->go, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < WORKERS; i++) {
        ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
        ck_assert_int_eq(status, 0);
    }
    for (unsigned i = 0; i < 5; i++)
        ck_assert_count(some_key(i), 0, 0);
}
END_TEST

/* Wherever it was: afterwards nothing is left of it. */
START_TEST(a_killed_worker_leaves_nothing)
{
    for (unsigned i = 0; i < 300; i++) {
        pid_t pid = start_worker(0, UINT32_MAX);
        int status;

        __atomic_store_n(&stage->go, 1, __ATOMIC_RELAXED);
        for (volatile unsigned spin = 0; spin < i * 1000; spin++)
            ;
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        sources_give_back(&stage->table, stage->held[0]);
        memset(stage->held[0], 0, sizeof(stage->held[0]));
        for (unsigned k = 0; k < 5; k++)
            ck_assert_count(some_key(k), 0, 0);
    }
}
END_TEST

static Suite *
sources_suite(void)
{
    Suite *suite = suite_create("sources");
    TCase *tc = tcase_create("sources");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_source_is_an_address_or_a_network);
    tcase_add_test(tc, a_source_has_a_name);
    tcase_add_test(tc, the_hash_is_siphash);
    tcase_add_test(tc, without_limits_all_are_counted);
    tcase_add_test(tc, connections_are_limited_in_all_workers);
    tcase_add_test(tc, handshakes_are_limited);
    tcase_add_test(tc, the_rate_is_limited);
    tcase_add_test(tc, what_is_undone_leaves_nothing);
    tcase_add_test(tc, sources_of_one_set_do_not_meet);
    tcase_add_test(tc, who_has_left_makes_room);
    tcase_add_test(tc, debts_are_kept_as_long_as_there_is_room);
    tcase_add_test(tc, most_of_many_sources_find_a_place);
    tcase_add_test(tc, a_dead_worker_gives_back_what_it_held);
    tcase_add_test(tc, a_page_that_makes_no_sense_does_no_harm);
    tcase_add_test(tc, workers_do_not_lose_count_of_one_another);
    tcase_add_test(tc, a_killed_worker_leaves_nothing);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(sources_suite)
