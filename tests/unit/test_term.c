/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks every order of every event through core/term, compares each step and each
 * answer with an independent table (term_oracle), and asserts the laws of
 * termination on every edge without that table's help.
 */
#include "core/term.h"

#include "base/attr.h"
#include "support/check_main.h"
#include "term_laws.h"
#include "term_oracle.h"

#include <stdio.h>
#include <string.h>

enum {
    NODES_MAX = 1 << 17,
    SLOTS = 1 << 19
};

static struct node nodes[NODES_MAX];
static uint32_t slots[SLOTS]; /* index of a node plus 1 */
static uint32_t next_of[NODES_MAX][TERM_EVENTS];
static uint32_t node_count;
static unsigned long edge_count;

static uint32_t
slot_of(const struct term *t, uint16_t seen)
{
    const unsigned char *bytes = (const unsigned char *)t;
    uint32_t hash = 2166136261u ^ seen, i;

    for (size_t k = 0; k < sizeof *t; k++)
        hash = (hash ^ bytes[k]) * 16777619u;
    for (i = hash % SLOTS; slots[i] != 0; i = (i + 1) % SLOTS) {
        const struct node *n = &nodes[slots[i] - 1];
        if (n->seen == seen && memcmp(&n->t, t, sizeof *t) == 0)
            break;
    }
    return i;
}

static uint32_t
add_node(const struct term *t, uint16_t seen, const struct node *parent,
         enum term_event event)
{
    uint32_t i = slot_of(t, seen);

    if (slots[i] != 0)
        return slots[i] - 1;
    ck_assert_uint_lt(node_count, NODES_MAX);
    nodes[node_count] = (struct node){*t, seen, (uint8_t)event, parent};
    slots[i] = ++node_count;
    return node_count - 1;
}

static struct edge
edge_at(uint32_t i, enum term_event event, struct term *after)
{
    struct edge e = {.from = &nodes[i], .t = &nodes[i].t, .u = after, .event = event};

    *after = nodes[i].t;
    e.acts = term_step(after, event);
    e.seen = nodes[i].seen;
    e.sees = laws_look_on(&e);
    return e;
}

static unsigned
count_states(void)
{
    unsigned states = 0;

    for (uint32_t i = 0; i < node_count; i++) {
        uint32_t k = 0;
        while (memcmp(&nodes[k].t, &nodes[i].t, sizeof nodes[i].t) != 0)
            k++;
        states += k == i;
    }
    return states;
}

/* Breadth first, so that the way that is printed is a shortest one. */
static void
walk(void)
{
    struct term start, after;

    for (int eof = 0; eof < 2; eof++) {
        memset(&start, 0xff, sizeof start);
        term_init(&start, eof != 0);
        add_node(&start, 0, NULL, TERM_EVENTS);
    }
    for (uint32_t i = 0; i < node_count; i++) {
        for (unsigned event = 0; event < TERM_EVENTS; event++) {
            struct edge e = edge_at(i, event, &after);
            next_of[i][event] = add_node(&after, e.sees, &nodes[i], event);
            edge_count++;
        }
    }
    printf("term: %u states, %u with what an onlooker remembers, %lu edges\n",
           count_states(), node_count, edge_count);
    fflush(stdout);
}

START_TEST(start_is_open)
{
    struct term t, want = {.eof_ends_up = _i != 0};

    memset(&t, 0xff, sizeof t);
    term_init(&t, _i != 0);
    ck_assert_mem_eq(&t, &want, sizeof t);
    ck_assert_int_eq(term_reason(&t), REASON_NONE);
    ck_assert(!term_closed(&t));
}
END_TEST

/* One event in every state, against the table. */
START_TEST(step_is_as_the_table_says)
{
    unsigned bad = 0;

    for (uint32_t i = 0; i < node_count; i++) {
        struct term after;
        struct edge e = edge_at(i, (enum term_event)_i, &after);
        struct oracle_answer a = oracle_step(e.t, e.event);
        ck_assert_msg(a.rows <= 1, "two rows for one case: %s", a.rule);
        if (memcmp(&a.next, &after, sizeof after) == 0 && a.actions == e.acts)
            continue;
        bad++;
        if (bad > 5)
            continue;
        laws_complain(&e, a.rule ? a.rule : "(no row: nothing happens)");
        laws_print_state("wanted", &a.next);
        printf("  wanted actions: 0x%02x\n", a.actions);
    }
    ck_assert_uint_eq(bad, 0);
}
END_TEST

/* Every row of the table is needed: a row that never applies tests nothing. */
START_TEST(every_row_applies)
{
    unsigned long times;
    const char *rule;

    for (uint32_t i = 0; i < node_count; i++)
        for (unsigned event = 0; event < TERM_EVENTS; event++)
            oracle_step(&nodes[i].t, event);
    for (unsigned row = 0; (rule = oracle_row(row, &times)) != NULL; row++)
        ck_assert_msg(times > 0, "row %u never applies: %s", row, rule);
}
END_TEST

/* One law on every edge of one event. */
START_TEST(laws_hold)
{
    unsigned law = (unsigned)_i / TERM_EVENTS, event = (unsigned)_i % TERM_EVENTS, bad = 0;

    for (uint32_t i = 0; i < node_count; i++) {
        struct term after;
        struct edge e = edge_at(i, event, &after);
        bad += laws_break(law, &e);
    }
    ck_assert_msg(bad == 0, "law of %s, event %s: broken %u times", laws_name(law),
                  term_event_name(event), bad);
}
END_TEST

START_TEST(questions_are_answered_as_the_tables_say)
{
    unsigned bad = 0;

    for (uint32_t i = 0; i < node_count; i++) {
        const struct term *t = &nodes[i].t;
        struct oracle_view v = oracle_look(t);
        bool same = v.rows == 2 && term_reads_client(t) == v.reads_client &&
                    term_reads_backend(t) == v.reads_backend &&
                    term_awaits_up(t) == v.awaits_up &&
                    term_awaits_down(t) == v.awaits_down && term_clocks(t) == v.clocks &&
                    term_closed(t) == v.closed && term_reason(t) == v.reason;
        if (same || bad++ > 5)
            continue;
        laws_print_way(&nodes[i]);
        laws_print_state("\n  state", t);
        printf(
            "  reads %d/%d backend %d/%d up %d/%d down %d/%d clocks 0x%x/0x%x closed %d/%d "
            "reason %s/%s (is/wanted), rows %u\n",
            term_reads_client(t), v.reads_client, term_reads_backend(t), v.reads_backend,
            term_awaits_up(t), v.awaits_up, term_awaits_down(t), v.awaits_down,
            term_clocks(t), v.clocks, term_closed(t), v.closed, reason_name(term_reason(t)),
            reason_name(v.reason), v.rows);
    }
    ck_assert_uint_eq(bad, 0);
}
END_TEST

/* From every state there is a way to the end. */
START_TEST(the_end_can_be_reached)
{
    static bool ends[NODES_MAX];
    bool more = true;

    for (uint32_t i = 0; i < node_count; i++)
        ends[i] = term_closed(&nodes[i].t);
    while (more) {
        more = false;
        for (uint32_t i = 0; i < node_count; i++) {
            for (unsigned event = 0; event < TERM_EVENTS && !ends[i]; event++) {
                ends[i] = ends[next_of[i][event]];
                more = more || ends[i];
            }
        }
    }
    for (uint32_t i = 0; i < node_count; i++)
        ck_assert_msg(ends[i], "no way to the end from state %u", i);
}
END_TEST

/* Does every run of time-outs alone end, whichever clock runs out first? Depth: the
 * longest. */
static unsigned
wait_it_out(uint32_t i, unsigned depth)
{
    unsigned running = term_clocks(&nodes[i].t), longest = depth, most;

    if (term_closed(&nodes[i].t)) {
        ck_assert_uint_eq(running, 0);
        return depth;
    }
    ck_assert_msg(running != 0, "no clock runs in state %u", i);
    ck_assert_msg(depth < 8, "clocks run in circles in state %u", i);
    for (unsigned event = 0; event < TERM_EVENTS; event++) {
        if ((oracle_clock(event) & running) == 0)
            continue;
        ck_assert_msg(next_of[i][event] != i,
                      "%s does nothing in state %u although its clock "
                      "runs",
                      term_event_name(event), i);
        most = wait_it_out(next_of[i][event], depth + 1);
        longest = most > longest ? most : longest;
    }
    return longest;
}

START_TEST(time_alone_ends_everything)
{
    for (uint32_t i = 0; i < node_count; i++)
        ck_assert_uint_le(wait_it_out(i, 0), 2);
}
END_TEST

/* The stories, in the words of the specification: a run of events and how it is named. */
static const struct {
    const char *name;
    bool eof;
    uint8_t events[12]; /* behind TERM_BACKEND_CONNECTED; TERM_BACKEND_CONNECTED ends it */
    enum reason reason;
    enum term_party first;
    enum term_end client_end, backend_end;
    unsigned actions; /* all of them together */
} stories[] = {
    {"both ends, the client first",
     false,
     {TERM_CLIENT_NOTIFY, TERM_UP_FLUSHED, TERM_UP_END_SENT, TERM_BACKEND_FIN,
      TERM_DOWN_FLUSHED, TERM_DOWN_END_SENT, TERM_BACKEND_CONNECTED},
     REASON_CLEAN,
     TERM_THE_CLIENT,
     TERM_END_NOTIFY,
     TERM_END_FIN,
     TERM_ACT_SEND_FIN | TERM_ACT_SEND_NOTIFY | TERM_ACT_CLOSE_BACKEND |
         TERM_ACT_CLOSE_CLIENT},
    {"both ends, the backend first",
     false,
     {TERM_BACKEND_FIN, TERM_DOWN_FLUSHED, TERM_DOWN_END_SENT, TERM_CLIENT_NOTIFY,
      TERM_UP_FLUSHED, TERM_UP_END_SENT, TERM_BACKEND_CONNECTED},
     REASON_CLEAN,
     TERM_THE_BACKEND,
     TERM_END_NOTIFY,
     TERM_END_FIN,
     TERM_ACT_SEND_FIN | TERM_ACT_SEND_NOTIFY | TERM_ACT_CLOSE_BACKEND |
         TERM_ACT_CLOSE_CLIENT},
    {"the refused upload",
     false,
     {TERM_BACKEND_BROKEN, TERM_BACKEND_FIN, TERM_DOWN_FLUSHED, TERM_DOWN_END_SENT,
      TERM_TIMEOUT_GRACE, TERM_BACKEND_CONNECTED},
     REASON_BACKEND_RESET,
     TERM_THE_BACKEND,
     TERM_END_NONE,
     TERM_END_FIN,
     TERM_ACT_SEND_NOTIFY | TERM_ACT_RESET_BACKEND | TERM_ACT_RESET_CLIENT},
    {"a truncated upload",
     false,
     {TERM_CLIENT_FIN, TERM_BACKEND_CONNECTED},
     REASON_CLIENT_TRUNCATED,
     TERM_THE_CLIENT,
     TERM_END_FIN,
     TERM_END_NONE,
     TERM_ACT_RESET_BACKEND | TERM_ACT_CLOSE_CLIENT},
    {"a careless client, after the whole answer",
     false,
     {TERM_BACKEND_FIN, TERM_DOWN_FLUSHED, TERM_DOWN_END_SENT, TERM_CLIENT_FIN,
      TERM_BACKEND_CONNECTED},
     REASON_CLEAN,
     TERM_THE_BACKEND,
     TERM_END_FIN,
     TERM_END_FIN,
     TERM_ACT_SEND_NOTIFY | TERM_ACT_RESET_BACKEND | TERM_ACT_CLOSE_CLIENT},
    {"on-truncation = eof",
     true,
     {TERM_CLIENT_FIN, TERM_UP_FLUSHED, TERM_UP_END_SENT, TERM_BACKEND_FIN,
      TERM_DOWN_FLUSHED, TERM_DOWN_END_SENT, TERM_BACKEND_CONNECTED},
     REASON_CLEAN,
     TERM_THE_CLIENT,
     TERM_END_FIN,
     TERM_END_FIN,
     TERM_ACT_SEND_FIN | TERM_ACT_SEND_NOTIFY | TERM_ACT_CLOSE_BACKEND |
         TERM_ACT_CLOSE_CLIENT},
    {"on-truncation = eof, cut inside a record",
     true,
     {TERM_CLIENT_CUT, TERM_BACKEND_CONNECTED},
     REASON_CLIENT_TRUNCATED,
     TERM_THE_CLIENT,
     TERM_END_FIN,
     TERM_END_NONE,
     TERM_ACT_RESET_BACKEND | TERM_ACT_CLOSE_CLIENT},
    {"a broken download",
     false,
     {TERM_BACKEND_RESET, TERM_DOWN_FLUSHED, TERM_CLIENT_FIN, TERM_BACKEND_CONNECTED},
     REASON_BACKEND_RESET,
     TERM_THE_BACKEND,
     TERM_END_FIN,
     TERM_END_RST,
     TERM_ACT_RESET_BACKEND | TERM_ACT_FIN_CLIENT | TERM_ACT_CLOSE_CLIENT},
    {"a client that never answers the goodbye",
     false,
     {TERM_BACKEND_FIN, TERM_DOWN_FLUSHED, TERM_DOWN_END_SENT, TERM_TIMEOUT_CLOSE_WAIT,
      TERM_BACKEND_CONNECTED},
     REASON_TIMEOUT_CLOSE_WAIT,
     TERM_THE_BACKEND,
     TERM_END_NONE,
     TERM_END_FIN,
     TERM_ACT_SEND_NOTIFY | TERM_ACT_RESET_BACKEND | TERM_ACT_CLOSE_CLIENT},
};

START_TEST(stories_end_as_told)
{
    struct term t;
    unsigned actions;

    term_init(&t, stories[_i].eof);
    actions = term_step(&t, TERM_BACKEND_CONNECTED);
    for (const uint8_t *e = stories[_i].events; *e != TERM_BACKEND_CONNECTED; e++) {
        ck_assert_msg(!term_closed(&t), "%s: closed too early", stories[_i].name);
        actions |= term_step(&t, *e);
    }
    ck_assert_msg(term_closed(&t), "%s: not closed", stories[_i].name);
    ck_assert_str_eq(reason_name(term_reason(&t)), reason_name(stories[_i].reason));
    ck_assert_str_eq(term_party_name(t.first), term_party_name(stories[_i].first));
    ck_assert_str_eq(term_end_name(t.client_end), term_end_name(stories[_i].client_end));
    ck_assert_str_eq(term_end_name(t.backend_end), term_end_name(stories[_i].backend_end));
    ck_assert_uint_eq(actions, stories[_i].actions);
}
END_TEST

START_TEST(names_are_those_of_the_log)
{
    static const char *const ends[] = {"none", "notify", "fin", "rst"};
    static const char *const parties[] = {"none", "client", "backend", "sallyport"};

    for (unsigned i = 0; i < COUNT_OF(ends); i++)
        ck_assert_str_eq(term_end_name(i), ends[i]);
    for (unsigned i = 0; i < COUNT_OF(parties); i++)
        ck_assert_str_eq(term_party_name(i), parties[i]);
    ck_assert_str_eq(term_dir_name(TERM_DRAINING), "draining");
    ck_assert_str_eq(term_event_name(TERM_CLIENT_NOTIFY), "client-notify");
    for (unsigned i = 0; i < TERM_EVENTS; i++)
        for (unsigned k = 0; k < i; k++)
            ck_assert_str_ne(term_event_name(i), term_event_name(k));
}
END_TEST

static Suite *
term_suite(void)
{
    Suite *suite = suite_create("term");
    TCase *tc = tcase_create("walk");

    tcase_set_timeout(tc, 60);
    tcase_add_unchecked_fixture(tc, walk, NULL);
    tcase_add_loop_test(tc, start_is_open, 0, 2);
    tcase_add_loop_test(tc, step_is_as_the_table_says, 0, TERM_EVENTS);
    tcase_add_test(tc, every_row_applies);
    tcase_add_loop_test(tc, laws_hold, 0, LAWS * TERM_EVENTS);
    tcase_add_test(tc, questions_are_answered_as_the_tables_say);
    tcase_add_test(tc, the_end_can_be_reached);
    tcase_add_test(tc, time_alone_ends_everything);
    tcase_add_loop_test(tc, stories_end_as_told, 0, (int)COUNT_OF(stories));
    tcase_add_test(tc, names_are_those_of_the_log);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(term_suite)
