/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/flow.h"

#include "support/check_main.h"

START_TEST(quantum_grows_while_reads_fill_it)
{
    struct flow flow;
    uint32_t expected = FLOW_QUANTUM_MIN;

    flow_init(&flow);
    while (expected < FLOW_QUANTUM_MAX) {
        ck_assert_uint_eq(flow.quantum, expected);
        flow_moved(&flow, flow.quantum, true, 0);
        expected *= 2;
    }
    flow_moved(&flow, flow.quantum, true, 0);
    ck_assert_uint_eq(flow.quantum, FLOW_QUANTUM_MAX);
}
END_TEST

START_TEST(quantum_stays_when_a_read_does_not_fill_it)
{
    struct flow flow;

    flow_init(&flow);
    flow_moved(&flow, flow.quantum - 1, false, 0);
    ck_assert_uint_eq(flow.quantum, FLOW_QUANTUM_MIN);
    ck_assert(!flow.paused);
    ck_assert_uint_eq(flow.bytes, FLOW_QUANTUM_MIN - 1);
}
END_TEST

START_TEST(blocked_sink_pauses_and_shrinks)
{
    struct flow flow;

    flow_init(&flow);
    flow_moved(&flow, flow.quantum, true, 0);
    flow_moved(&flow, flow.quantum, true, 1);
    ck_assert(flow.paused);
    ck_assert_uint_eq(flow.quantum, FLOW_QUANTUM_MIN);
    ck_assert_uint_eq(flow.bytes, 3 * FLOW_QUANTUM_MIN);
}
END_TEST

START_TEST(drained_sink_resumes_once)
{
    struct flow flow;

    flow_init(&flow);
    ck_assert(!flow_drained(&flow));
    flow_moved(&flow, 10, false, 5);
    ck_assert(flow_drained(&flow));
    ck_assert(!flow.paused);
    ck_assert(!flow_drained(&flow));
}
END_TEST

static Suite *
flow_suite(void)
{
    Suite *suite = suite_create("flow");
    TCase *tc = tcase_create("flow");

    tcase_add_test(tc, quantum_grows_while_reads_fill_it);
    tcase_add_test(tc, quantum_stays_when_a_read_does_not_fill_it);
    tcase_add_test(tc, blocked_sink_pauses_and_shrinks);
    tcase_add_test(tc, drained_sink_resumes_once);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(flow_suite)
