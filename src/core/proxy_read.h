/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_PROXY_READ_H
#define CORE_PROXY_READ_H

#include "base/addr.h"
#include "base/attr.h"
#include "core/proxy.h"

#include <stdbool.h>
#include <stddef.h>

/* The longest header that is taken: of version 2, with 4 KiB of addresses and TLVs. */
#define PROXY_READ_MAX (PROXY_V2_START + 4096)

enum proxy_read_status {
    PROXY_READ_MORE,    /* it may become one */
    PROXY_READ_DONE,    /* it is one */
    PROXY_READ_MISSING, /* these bytes are the begin of something else */
    PROXY_READ_WRONG    /* it begins as one, and is none */
};

struct proxy_read {
    /* DONE: the bytes of the header; what follows them has not been looked at. MORE: the
     * bytes that there have to be, at the least, before it is worth while to look again. */
    size_t len;
    enum proxy_version version; /* DONE */
    bool is_told; /* DONE: src and dst are told; else those of the connection hold */
    struct addr src, dst;
    const char *wrong; /* WRONG: half a sentence that says why, in static memory */
};

/*
 * Look at the first len bytes of a connection, from its very beginning. Addresses of TCP
 * are told. With LOCAL and UNKNOWN, and for what is not TCP, they are not. TLVs are skipped
 * but for a CRC32C, which has to be right.
 */
enum proxy_read_status proxy_read(const void *bytes, size_t len,
                                  struct proxy_read *out) ATTR_MUST_CHECK;

#endif
