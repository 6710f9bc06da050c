/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/pack.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 1024

/* Not realloc(): what may hold a private key is wiped before its memory is given back. */
static bool
grow(struct pack *p, size_t more)
{
    size_t size = p->size == 0 ? FIRST_SIZE : p->size;
    unsigned char *data;

    while (size - p->len < more)
        size *= 2;
    if (size == p->size)
        return true;
    data = malloc(size);
    if (data == NULL) {
        p->failed = true;
        return false;
    }
    if (p->len > 0) {
        memcpy(data, p->data, p->len);
        explicit_bzero(p->data, p->len);
    }
    free(p->data);
    p->data = data;
    p->size = size;
    return true;
}

static void
add(struct pack *p, const void *bytes, size_t len)
{
    if (p->failed || len == 0 || !grow(p, len))
        return;
    memcpy(p->data + p->len, bytes, len);
    p->len += len;
}

void
pack_u32(struct pack *p, uint32_t value)
{
    add(p, &value, sizeof(value));
}

void
pack_u64(struct pack *p, uint64_t value)
{
    add(p, &value, sizeof(value));
}

void
pack_blob(struct pack *p, const void *data, size_t len)
{
    pack_u64(p, len);
    add(p, data, len);
}

void
pack_bytes(struct pack *p, const void *data, size_t len)
{
    add(p, data, len);
}

void
pack_string(struct pack *p, const char *string)
{
    pack_blob(p, string, string == NULL ? 0 : strlen(string) + 1);
}

void
pack_addr(struct pack *p, const struct addr *addr)
{
    pack_blob(p, &addr->u, addr->len);
}

void
pack_net(struct pack *p, const struct addr_net *net)
{
    pack_addr(p, &net->base);
    pack_u32(p, net->prefix);
}

void
pack_clear(struct pack *p)
{
    if (p->data != NULL)
        explicit_bzero(p->data, p->len);
    free(p->data);
    *p = (struct pack){0};
}

void
unpack_init(struct unpack *u, const void *data, size_t len)
{
    const unsigned char *at = data;

    /* Nothing may be added to NULL, not even nothing. */
    *u = (struct unpack){.at = at, .end = len > 0 ? at + len : at};
}

static const unsigned char *
take(struct unpack *u, size_t len)
{
    const unsigned char *bytes = u->at;

    if (u->failed || (size_t)(u->end - u->at) < len) {
        u->failed = true;
        return NULL;
    }
    u->at += len;
    return bytes;
}

uint32_t
unpack_u32(struct unpack *u)
{
    const unsigned char *bytes = take(u, sizeof(uint32_t));
    uint32_t value = 0;

    if (bytes != NULL)
        memcpy(&value, bytes, sizeof(value));
    return value;
}

uint64_t
unpack_u64(struct unpack *u)
{
    const unsigned char *bytes = take(u, sizeof(uint64_t));
    uint64_t value = 0;

    if (bytes != NULL)
        memcpy(&value, bytes, sizeof(value));
    return value;
}

const void *
unpack_blob(struct unpack *u, size_t *len)
{
    const void *data;

    *len = unpack_u64(u);
    data = take(u, *len);
    if (data == NULL)
        *len = 0;
    return data;
}

const char *
unpack_string(struct unpack *u)
{
    size_t len;
    const char *string = unpack_blob(u, &len);

    if (len == 0)
        return NULL;
    if (string[len - 1] != '\0') {
        u->failed = true;
        return NULL;
    }
    return string;
}

void
unpack_addr(struct unpack *u, struct addr *addr)
{
    size_t len;
    const void *data = unpack_blob(u, &len);

    if (len > sizeof(addr->u)) {
        u->failed = true;
        len = 0;
    }
    if (len > 0)
        memcpy(&addr->u, data, len);
    addr->len = (socklen_t)len;
}

void
unpack_net(struct unpack *u, struct addr_net *net)
{
    uint32_t prefix, bits;

    *net = (struct addr_net){0};
    unpack_addr(u, &net->base);
    prefix = unpack_u32(u);
    bits = net->base.u.sa.sa_family == AF_INET ? 32 : 128;
    u->failed |= prefix > bits; /* it would be compared behind the address */
    net->prefix = prefix > bits ? 0 : (uint8_t)prefix;
}

size_t
unpack_count(struct unpack *u, size_t size)
{
    size_t count = unpack_u32(u);

    if (count > (size_t)(u->end - u->at) / size) {
        u->failed = true;
        return 0;
    }
    return count;
}
