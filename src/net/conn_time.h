/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_CONN_TIME_H
#define NET_CONN_TIME_H

#include "core/deadline.h"
#include "net/conn.h"

/* What the timer of a connection is for. */

/* Is it still to come to the end of its handshake? */
bool conn_is_new(const struct conn *conn);

/* The deadline of the phase: one of the relay's clocks, or that of the handshake. */
struct deadline conn_deadline(const struct conn *conn);

/* When, by clock_ms, the timer is to fire: at the deadline, or sooner for conn_look and
 * conn_settle; 0: never. */
uint64_t conn_timer_at(const struct conn *conn, uint64_t now);

/*
 * Look at what no event tells of: bytes that a slow reader has taken from the kernel's
 * queue (they are progress, too), a window that is closed, and, for_ack, whether all has
 * been acknowledged.
 */
void conn_look(struct conn *conn, bool for_ack);

/* After so many milliseconds a connection is not one of the short ones. */
#define CONN_SETTLE_MS 1000

/* If it is time, both legs do what a short connection can do without (leg_settle). */
void conn_settle(struct conn *conn);

#endif
