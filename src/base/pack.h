/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_PACK_H
#define BASE_PACK_H

#include "base/addr.h"
#include "base/addr_net.h"
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Values in a row of bytes, for another process of this program on this machine: numbers in
 * the machine's own order, strings and blobs behind their length. Neither side checks
 * types: what was packed is unpacked in the same order.
 */
struct pack {
    unsigned char *data; /* owned */
    size_t len, size;
    bool failed; /* out of memory: what came after it is lost */
};

/* Begin with {0}. Add a value at the end. NULL is a string, too. */
void pack_u32(struct pack *p, uint32_t value);
void pack_u64(struct pack *p, uint64_t value);
void pack_blob(struct pack *p, const void *data, size_t len);
void pack_bytes(struct pack *p, const void *data, size_t len); /* without its length */
void pack_string(struct pack *p, const char *string);
void pack_addr(struct pack *p, const struct addr *addr);
void pack_net(struct pack *p, const struct addr_net *net);

/* Wipe and release. */
void pack_clear(struct pack *p);

struct unpack {
    const unsigned char *at, *end; /* lent */
    bool failed; /* more was asked for than there is; everything is 0, empty or NULL then */
};

void unpack_init(struct unpack *u, const void *data, size_t len);

/*
 * Take the next value. Blobs and strings are lent by the data. A string has its NUL there;
 * a blob has no particular alignment.
 */
uint32_t unpack_u32(struct unpack *u);
uint64_t unpack_u64(struct unpack *u);
const void *unpack_blob(struct unpack *u, size_t *len);
const char *unpack_string(struct unpack *u);
void unpack_addr(struct unpack *u, struct addr *addr);
void unpack_net(struct unpack *u, struct addr_net *net);

/* A number of things that follow, each of which takes at least size bytes. */
size_t unpack_count(struct unpack *u, size_t size);

#endif
