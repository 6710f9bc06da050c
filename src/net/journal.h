/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_JOURNAL_H
#define NET_JOURNAL_H

#include "base/addr.h"
#include "core/reason.h"
#include "net/front.h"

#include <stdint.h>

struct conn;

/*
 * The handshake is done, and the SSL object is going to be freed: keep in conn->tls what
 * journal_write needs of it.
 */
void journal_keep_tls(struct conn *conn);

/* Write the record of a connection that has ended to the log (core/record, base/log). */
void journal_write(struct conn *conn);

/* The same of a client that was turned away before there was a connection to speak of. */
void journal_refusal(uint64_t id, const struct front *front, const struct addr *client,
                     const struct addr *local, enum reason reason);

#endif
