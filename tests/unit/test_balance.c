/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/balance.h"

#include "support/check_main.h"

#include <stdio.h>
#include <string.h>

static struct balance_server server[BALANCE_SERVERS_MAX];
static struct balance_state state;

static void
have(unsigned count)
{
    char name[32];

    memset(server, 0, sizeof(server));
    state = (struct balance_state){.server = server, .count = count};
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "db%u.example.org:5432", i);
        server[i].id = balance_hash(name, strlen(name));
        server[i].weight = 1;
        server[i].usable = true;
    }
}

static unsigned
choose(enum balance how)
{
    return balance_choose(how, &state, 0, 0);
}

/* So many choices as letters: 0 is 'a'. */
static const char *
sequence(enum balance how, size_t length)
{
    static char letters[128];

    for (size_t i = 0; i < length; i++)
        letters[i] = (char)('a' + choose(how));
    letters[length] = '\0';
    return letters;
}

static uint64_t
client(uint32_t number)
{
    return balance_hash(&number, sizeof(number));
}

START_TEST(each_in_turn)
{
    have(3);
    ck_assert_str_eq(sequence(BALANCE_ROUND_ROBIN, 9), "abcabcabc");
    have(3);
    state.turn = 2;
    ck_assert_str_eq(sequence(BALANCE_ROUND_ROBIN, 6), "cabcab");
    have(1);
    ck_assert_str_eq(sequence(BALANCE_ROUND_ROBIN, 3), "aaa");
}
END_TEST

START_TEST(weights_are_spread_evenly)
{
    have(3);
    server[0].weight = 5;
    ck_assert_str_eq(sequence(BALANCE_ROUND_ROBIN, 14), "aabacaaaabacaa");
    have(2);
    server[0].weight = 2;
    ck_assert_str_eq(sequence(BALANCE_ROUND_ROBIN, 6), "abaaba");
}
END_TEST

START_TEST(one_that_comes_back_does_not_catch_up)
{
    have(3);
    server[1].usable = false;
    ck_assert_str_eq(sequence(BALANCE_ROUND_ROBIN, 8), "acacacac");
    server[1].usable = true;
    ck_assert_str_eq(sequence(BALANCE_ROUND_ROBIN, 6), "abcabc");
}
END_TEST

/* In whatever way servers come and go, over a long time each gets its share of the time. */
START_TEST(whoever_fails_over_gets_its_share)
{
    unsigned got[3] = {0};

    have(3);
    for (unsigned i = 0; i < 3000; i++) {
        unsigned first = choose(BALANCE_ROUND_ROBIN);

        if (first == 0) /* is dead */
            first = balance_choose(BALANCE_ROUND_ROBIN, &state, 1, 0);
        ck_assert_uint_ne(first, 0);
        got[first]++;
    }
    ck_assert_uint_ge(got[1], 1490);
    ck_assert_uint_ge(got[2], 1490);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_le(server[i].credit > 0 ? server[i].credit : -server[i].credit, 6);
}
END_TEST

START_TEST(the_fewest_connections)
{
    have(3);
    server[0].live = 2;
    server[1].live = 1;
    server[2].live = 3;
    ck_assert_uint_eq(choose(BALANCE_LEAST_CONNECTIONS), 1);
    server[1].live = 5;
    ck_assert_uint_eq(choose(BALANCE_LEAST_CONNECTIONS), 0);
    server[2].weight = 4; /* 4 connections of 4 are fewer than 3 of 1 */
    ck_assert_uint_eq(choose(BALANCE_LEAST_CONNECTIONS), 2);
}
END_TEST

START_TEST(equal_ones_in_turn)
{
    have(3);
    ck_assert_str_eq(sequence(BALANCE_LEAST_CONNECTIONS, 6), "abcabc");
    server[1].live = 1;
    ck_assert_str_eq(sequence(BALANCE_LEAST_CONNECTIONS, 4), "acac");
}
END_TEST

/* Filled up from nothing, each has what its weight says. */
START_TEST(connections_by_weight)
{
    have(3);
    server[0].weight = 3;
    server[1].weight = 2;
    for (unsigned i = 0; i < 600; i++)
        server[choose(BALANCE_LEAST_CONNECTIONS)].live++;
    ck_assert_uint_eq(server[0].live, 300);
    ck_assert_uint_eq(server[1].live, 200);
    ck_assert_uint_eq(server[2].live, 100);
    server[0].live = server[1].live = UINT32_MAX; /* no overflow */
    ck_assert_uint_eq(choose(BALANCE_LEAST_CONNECTIONS), 2);
}
END_TEST

START_TEST(the_first)
{
    have(3);
    ck_assert_str_eq(sequence(BALANCE_FIRST, 3), "aaa");
    server[0].usable = false;
    ck_assert_str_eq(sequence(BALANCE_FIRST, 3), "bbb");
    ck_assert_uint_eq(balance_choose(BALANCE_FIRST, &state, 2, 0), 2);
}
END_TEST

/* ---- By source ---- */

#define CLIENTS 20000

static unsigned char chosen[CLIENTS];

static void
choose_for_all(unsigned got[BALANCE_SERVERS_MAX])
{
    memset(got, 0, BALANCE_SERVERS_MAX * sizeof(*got));
    for (uint32_t i = 0; i < CLIENTS; i++) {
        chosen[i] = (unsigned char)balance_choose(BALANCE_SOURCE, &state, 0, client(i));
        got[chosen[i]]++;
    }
}

static void
must_be_near(unsigned got, unsigned wanted)
{
    ck_assert_msg(got > wanted - wanted / 10 && got < wanted + wanted / 10,
                  "%u clients instead of %u", got, wanted);
}

START_TEST(clients_are_spread_evenly)
{
    static const unsigned counts[] = {2, 3, 7, 10};
    unsigned got[BALANCE_SERVERS_MAX];
    unsigned count = counts[_i];

    have(count);
    choose_for_all(got);
    for (unsigned i = 0; i < count; i++)
        must_be_near(got[i], CLIENTS / count);
}
END_TEST

START_TEST(clients_are_spread_by_weight)
{
    unsigned got[BALANCE_SERVERS_MAX];

    have(3);
    server[0].weight = 3;
    server[1].weight = 2;
    choose_for_all(got);
    must_be_near(got[0], CLIENTS / 2);
    must_be_near(got[1], CLIENTS / 3);
    must_be_near(got[2], CLIENTS / 6);
}
END_TEST

START_TEST(the_same_server_for_a_client)
{
    unsigned before[BALANCE_SERVERS_MAX], got[BALANCE_SERVERS_MAX];

    have(5);
    choose_for_all(before);
    state.turn = 3; /* what others have chosen does not matter */
    server[2].live = 100;
    server[1].credit = 7;
    choose_for_all(got);
    ck_assert_mem_eq(before, got, sizeof(got));
}
END_TEST

/* One that goes takes only its own clients along, and they are spread over all others. */
START_TEST(others_keep_their_clients)
{
    static unsigned char before[CLIENTS];
    unsigned got[BALANCE_SERVERS_MAX], moved[5] = {0};

    have(5);
    choose_for_all(got);
    memcpy(before, chosen, sizeof(before));
    server[2].usable = false;
    choose_for_all(got);
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (before[i] != 2)
            ck_assert_uint_eq(chosen[i], before[i]);
        else
            moved[chosen[i]]++;
    }
    ck_assert_uint_eq(moved[2], 0);
    for (unsigned i = 0; i < 5; i++)
        if (i != 2)
            must_be_near(moved[i], CLIENTS / 5 / 4);
    server[2].usable = true;
    choose_for_all(got);
    ck_assert_mem_eq(chosen, before, sizeof(before));
}
END_TEST

/* By their names, not by their numbers: another order in the conf file moves nobody. */
START_TEST(the_order_does_not_matter)
{
    static unsigned char before[CLIENTS];
    unsigned got[BALANCE_SERVERS_MAX];
    struct balance_server first;

    have(4);
    choose_for_all(got);
    memcpy(before, chosen, sizeof(before));
    first = server[0];
    memmove(server, server + 1, 3 * sizeof(*server));
    server[3] = first;
    choose_for_all(got);
    for (unsigned i = 0; i < CLIENTS; i++)
        ck_assert_uint_eq(chosen[i], (before[i] + 3) % 4);
}
END_TEST

/* It is the same in every release, or an upgrade would move all clients. */
START_TEST(hashes_stay_what_they_are)
{
    ck_assert_uint_eq(balance_hash("", 0), UINT64_C(0xf52a15e9a9b5e89b));
    ck_assert_uint_eq(balance_hash("127.0.0.1:8080", 14), UINT64_C(2381806429134831245));
}
END_TEST

/* ---- What is a candidate ---- */

START_TEST(backups_only_without_others)
{
    enum balance how = (enum balance)_i;

    have(4);
    server[0].backup = server[2].backup = true;
    for (unsigned i = 0; i < 50; i++)
        ck_assert_uint_eq(balance_choose(how, &state, 0, client(i)) % 2, 1);
    server[1].usable = false;
    for (unsigned i = 0; i < 50; i++)
        ck_assert_uint_eq(balance_choose(how, &state, 0, client(i)), 3);
    for (unsigned i = 0; i < 50; i++) /* tried in vain */
        ck_assert_uint_eq(balance_choose(how, &state, 1 << 3, client(i)) % 2, 0);
    server[0].usable = false;
    ck_assert_uint_eq(balance_choose(how, &state, 1 << 3, 0), 2);
    ck_assert_uint_eq(balance_choose(how, &state, 1 << 3 | 1 << 2, 0), BALANCE_NONE);
}
END_TEST

/* Whoever fails over meets each server once. */
START_TEST(all_are_met_once)
{
    enum balance how = (enum balance)_i;

    have(BALANCE_SERVERS_MAX);
    server[5].backup = server[63].backup = true;
    server[7].usable = false;
    for (unsigned k = 0; k < 10; k++) {
        uint64_t tried = 0;

        for (unsigned i = 0; i < BALANCE_SERVERS_MAX - 1; i++) {
            unsigned number = balance_choose(how, &state, tried, client(k));

            ck_assert_uint_eq(balance_left(&state, tried), BALANCE_SERVERS_MAX - 1 - i);
            ck_assert_uint_lt(number, BALANCE_SERVERS_MAX);
            ck_assert_uint_ne(number, 7);
            ck_assert_int_eq(number == 5 || number == 63, i >= BALANCE_SERVERS_MAX - 3);
            ck_assert_uint_eq(tried >> number & 1, 0);
            tried |= UINT64_C(1) << number;
        }
        ck_assert_uint_eq(balance_choose(how, &state, tried, client(k)), BALANCE_NONE);
        ck_assert_uint_eq(balance_left(&state, tried), 0);
    }
}
END_TEST

static Suite *
balance_suite(void)
{
    Suite *suite = suite_create("balance");
    TCase *tcase = tcase_create("balance");

    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, each_in_turn);
    tcase_add_test(tcase, weights_are_spread_evenly);
    tcase_add_test(tcase, one_that_comes_back_does_not_catch_up);
    tcase_add_test(tcase, whoever_fails_over_gets_its_share);
    tcase_add_test(tcase, the_fewest_connections);
    tcase_add_test(tcase, equal_ones_in_turn);
    tcase_add_test(tcase, connections_by_weight);
    tcase_add_test(tcase, the_first);
    tcase_add_loop_test(tcase, clients_are_spread_evenly, 0, 4);
    tcase_add_test(tcase, clients_are_spread_by_weight);
    tcase_add_test(tcase, the_same_server_for_a_client);
    tcase_add_test(tcase, others_keep_their_clients);
    tcase_add_test(tcase, the_order_does_not_matter);
    tcase_add_test(tcase, hashes_stay_what_they_are);
    tcase_add_loop_test(tcase, backups_only_without_others, 0, BALANCE_FIRST + 1);
    tcase_add_loop_test(tcase, all_are_met_once, 0, BALANCE_FIRST + 1);
    return suite;
}

CHECK_MAIN(balance_suite)
