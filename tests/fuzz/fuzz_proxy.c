/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Headers of the PROXY protocol (core/proxy_read). However they come in pieces, the answer
 * is the same: what is refused or complete stays so, however much follows, and nobody who
 * waits for as many bytes as he is told to passes over the end of a header. What a header
 * tells comes through proxy_write unchanged.
 */
#include "core/proxy_read.h"
#include "core/proxy_write.h"

#include "fuzz.h"

/* Of memory that ends with the bytes. */
static enum proxy_read_status
read_part(const uint8_t *data, size_t len, struct proxy_read *out)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    enum proxy_read_status status;

    MUST(exact != NULL);
    if (len > 0)
        memcpy(exact, data, len);
    status = proxy_read(exact, len, out);
    free(exact);
    return status;
}

static bool
is_same_ip(const struct addr *a, const struct addr *b)
{
    const struct in6_addr *in6 = &a->u.in6.sin6_addr;

    if (addr_equal(a, b))
        return true;
    return a->u.sa.sa_family == AF_INET6 && b->u.sa.sa_family == AF_INET &&
           IN6_IS_ADDR_V4MAPPED(in6) && addr_port(a) == addr_port(b) &&
           memcmp(in6->s6_addr + 12, &b->u.in.sin_addr, 4) == 0;
}

/* Write what was told, and read it again. */
static void
check_again(const struct proxy_read *told, enum proxy_version version, const char *word)
{
    unsigned char buf[PROXY_WRITE_MAX];
    struct proxy_facts facts = {
        .src = &told->src, .dst = &told->dst, .alpn = word, .authority = word};
    size_t len = proxy_write(version, &facts, buf, sizeof(buf));
    struct proxy_read again;

    MUST(len > 0);
    MUST(read_part(buf, len, &again) == PROXY_READ_DONE);
    MUST(again.len == len && again.version == version && again.is_told);
    MUST(is_same_ip(&told->src, &again.src) && is_same_ip(&told->dst, &again.dst));
}

static void
check_answer(enum proxy_read_status status, const struct proxy_read *out, size_t len)
{
    MUST(status != PROXY_READ_MORE || (out->len > len && out->len <= PROXY_READ_MAX));
    MUST((status == PROXY_READ_WRONG) == (out->wrong != NULL));
    MUST(status == PROXY_READ_DONE || !out->is_told);
    if (status != PROXY_READ_DONE)
        return;
    MUST(out->len > 0 && out->len <= len);
    MUST(out->version == PROXY_V1 || out->version == PROXY_V2);
    MUST(out->version == PROXY_V2 || out->len <= PROXY_V1_MAX);
    MUST(!out->is_told || out->src.u.sa.sa_family == out->dst.u.sa.sa_family);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum proxy_read_status status = PROXY_READ_MORE;
    struct proxy_read out, last = {0};
    char word[8] = "";
    size_t wait = 0;

    if (size > PROXY_READ_MAX + 8)
        size = PROXY_READ_MAX + 8;
    for (size_t len = 0; len <= size; len++) {
        enum proxy_read_status now = read_part(data, len, &out);

        check_answer(now, &out, len);
        if (status != PROXY_READ_MORE) {
            MUST(now == status && (now != PROXY_READ_DONE || out.len == last.len));
            MUST(out.wrong == last.wrong && out.is_told == last.is_told);
        } else if (now == PROXY_READ_DONE) {
            MUST(out.len == len && len >= wait);
        }
        wait = now == PROXY_READ_MORE && out.len > wait ? out.len : wait;
        status = now;
        last = out;
    }
    if (!last.is_told)
        return 0;
    memcpy(word, data, size < sizeof(word) ? size : sizeof(word) - 1);
    check_again(&last, PROXY_V1, word);
    check_again(&last, PROXY_V2, word);
    return 0;
}
