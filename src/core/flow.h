/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_FLOW_H
#define CORE_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Back-pressure and the size of reads, for one direction. A sink that does not
 * take everything pauses its source until its queue is empty; so what is held for
 * a connection is bounded by one read. The quantum of reads grows while reads fill it and
 * the sink keeps up: a bulk transfer costs few calls, a slow reader little memory.
 */
#define FLOW_QUANTUM_MIN (16u << 10)
#define FLOW_QUANTUM_MAX (128u << 10)

struct flow {
    uint32_t quantum; /* bytes that the next read may take */
    bool paused;      /* the source is not read: the sink is blocked */
    uint64_t bytes;   /* handed to the sink so far */
    uint64_t *total;  /* a counter that grows by them, see core/stats; NULL: none */
};

void flow_init(struct flow *flow);

/*
 * len bytes have been read and handed to the sink, of which queued could not be sent yet.
 * full: the source had as much as the quantum allowed.
 */
void flow_moved(struct flow *flow, size_t len, bool full, size_t queued);

/* The sink's queue is empty again. Returns whether the source was paused (and is no
 * longer). */
bool flow_drained(struct flow *flow);

#endif
