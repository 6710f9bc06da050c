/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/flow.h"

#include "core/stats.h"

void
flow_init(struct flow *flow)
{
    *flow = (struct flow){.quantum = FLOW_QUANTUM_MIN};
}

void
flow_moved(struct flow *flow, size_t len, bool full, size_t queued)
{
    flow->bytes += len;
    if (flow->total != NULL)
        stats_add(flow->total, len);
    if (queued > 0) {
        flow->paused = true;
        flow->quantum = FLOW_QUANTUM_MIN;
    } else if (full && flow->quantum < FLOW_QUANTUM_MAX) {
        flow->quantum *= 2;
    }
}

bool
flow_drained(struct flow *flow)
{
    bool was_paused = flow->paused;

    flow->paused = false;
    return was_paused;
}
