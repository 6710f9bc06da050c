/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_NETNS_H
#define SUPPORT_NETNS_H

#include "base/attr.h"

/*
 * Network namespaces of the two peers: a socket stays in the one that it was made in, so
 * that one process can be two hosts.
 */
enum netns_side {
    NETNS_CLIENT,
    NETNS_BACKEND,
    NETNS_SIDES
};

/* The side lives in the namespace of that file (/run/netns/NAME). Returns 0, or -1 with
 * errno. */
int netns_set(enum netns_side side, const char *file) ATTR_MUST_CHECK;

/* The next socket is one of that side's. Nothing happens to a side without a namespace. */
void netns_enter(enum netns_side side);

#endif
