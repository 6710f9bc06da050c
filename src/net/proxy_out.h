/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_PROXY_OUT_H
#define NET_PROXY_OUT_H

#include "base/attr.h"
#include "net/leg.h"

struct conn;
struct pool;

/* A header of the PROXY protocol that waits for the backend's connection. */
struct proxy_head;

/*
 * At the end of the handshake, while the SSL object is there: make the header that
 * that backend is to get in front of all, if any. Returns 0, or -1 without memory.
 */
int proxy_out_prepare(struct conn *conn, const struct pool *pool) ATTR_MUST_CHECK;

/* Have it go out in front of what is written to the backend's leg, which is new. */
void proxy_out_put(const struct conn *conn, struct leg *backend);

/* It has been sent, or never will be: give its memory back. */
void proxy_out_clear(struct conn *conn);

#endif
