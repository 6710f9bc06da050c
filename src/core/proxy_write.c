/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/proxy_write.h"

#include "base/text.h"
#include "core/crc32c.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#define CRC_BYTES 4
#define SSL_START 5 /* bits, and four bytes of the verification's result */

/* Bytes being written. What does not fit is not written at all. */
struct writer {
    unsigned char *buf;
    size_t size, len;
};

/* Two addresses of one family; family AF_UNSPEC: of none that a header could tell. */
struct ends {
    int family;
    const void *src, *dst; /* 4 or 16 bytes */
    uint16_t src_port, dst_port;
};

static const void *
ip_of(const struct addr *a, bool *is_v4)
{
    const struct in6_addr *in6 = &a->u.in6.sin6_addr;

    *is_v4 = true;
    if (a->u.sa.sa_family == AF_INET)
        return &a->u.in.sin_addr;
    if (IN6_IS_ADDR_V4MAPPED(in6))
        return in6->s6_addr + 12;
    *is_v4 = false;
    return in6;
}

static bool
is_inet(const struct addr *a)
{
    return a->len > 0 && (a->u.sa.sa_family == AF_INET || a->u.sa.sa_family == AF_INET6);
}

static struct ends
ends_of(const struct addr *src, const struct addr *dst)
{
    struct ends ends = {.family = AF_UNSPEC};
    bool src_v4, dst_v4;

    if (!is_inet(src) || !is_inet(dst))
        return ends;
    ends.src = ip_of(src, &src_v4);
    ends.dst = ip_of(dst, &dst_v4);
    ends.src_port = addr_port(src);
    ends.dst_port = addr_port(dst);
    if (src_v4 && dst_v4) {
        ends.family = AF_INET;
    } else if (src->u.sa.sa_family == AF_INET6 && dst->u.sa.sa_family == AF_INET6) {
        ends.family = AF_INET6;
        ends.src = &src->u.in6.sin6_addr;
        ends.dst = &dst->u.in6.sin6_addr;
    }
    return ends;
}

/* ---- Version 1 ---- */

/* The text knows no dots within IPv6, which inet_ntop writes for some. */
static void
add_in6(struct text *t, const unsigned char *ip)
{
    char host[INET6_ADDRSTRLEN];

    inet_ntop(AF_INET6, ip, host, sizeof(host));
    if (strchr(host, '.') == NULL) {
        text_add(t, host);
        return;
    }
    for (unsigned i = 0; i < 16; i += 2)
        text_addf(t, "%s%x", i == 0 ? "" : ":", (unsigned)(ip[i] << 8 | ip[i + 1]));
}

static void
add_ip(struct text *t, int family, const void *ip)
{
    char host[INET_ADDRSTRLEN];

    text_add(t, " ");
    if (family == AF_INET6)
        add_in6(t, ip);
    else
        text_add(t, inet_ntop(AF_INET, ip, host, sizeof(host)));
}

static size_t
write_v1(const struct ends *ends, unsigned char *buf, size_t size)
{
    char line[PROXY_V1_MAX + 1];
    struct text t;

    text_init(&t, line, sizeof(line));
    if (ends->family == AF_UNSPEC) {
        text_add(&t, "PROXY UNKNOWN");
    } else {
        text_addf(&t, "PROXY TCP%c", ends->family == AF_INET ? '4' : '6');
        add_ip(&t, ends->family, ends->src);
        add_ip(&t, ends->family, ends->dst);
        text_addf(&t, " %u %u", ends->src_port, ends->dst_port);
    }
    text_add(&t, "\r\n");
    assert(!t.cut);
    if (t.len > size)
        return 0;
    memcpy(buf, line, t.len);
    return t.len;
}

/* ---- Version 2 ---- */

static bool
fits(const struct writer *w, size_t len)
{
    return len <= w->size - w->len;
}

static void
add(struct writer *w, const void *bytes, size_t len)
{
    memcpy(w->buf + w->len, bytes, len);
    w->len += len;
}

static void
add_u16(struct writer *w, size_t value)
{
    w->buf[w->len++] = (unsigned char)(value >> 8);
    w->buf[w->len++] = (unsigned char)value;
}

static void
put_u16(unsigned char *at, size_t value)
{
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
}

static void
add_tlv(struct writer *w, enum proxy_tlv type, const void *value, size_t len, size_t max)
{
    if (value == NULL || len == 0 || len > max || !fits(w, PROXY_TLV_START + len))
        return;
    w->buf[w->len++] = (unsigned char)type;
    add_u16(w, len);
    add(w, value, len);
}

static void
add_string(struct writer *w, enum proxy_tlv type, const char *value, size_t max)
{
    add_tlv(w, type, value, value != NULL ? strlen(value) : 0, max);
}

static void
add_ssl(struct writer *w, const struct proxy_tls *tls)
{
    unsigned char *start = w->buf + w->len;
    unsigned char value[SSL_START] = {PROXY_CLIENT_SSL, 0, 0, 0, 1};

    if (!fits(w, PROXY_TLV_START + SSL_START))
        return;
    if (tls->cert_conn)
        value[0] |= PROXY_CLIENT_CERT_CONN;
    if (tls->cert_sess)
        value[0] |= PROXY_CLIENT_CERT_SESS;
    value[4] = tls->verified ? 0 : 1;
    w->buf[w->len++] = PROXY_TLV_SSL;
    w->len += 2;
    add(w, value, sizeof(value));
    add_string(w, PROXY_TLV_SSL_VERSION, tls->version, PROXY_WORD_MAX);
    add_string(w, PROXY_TLV_SSL_CIPHER, tls->cipher, PROXY_WORD_MAX);
    add_string(w, PROXY_TLV_SSL_SIG_ALG, tls->sig_alg, PROXY_WORD_MAX);
    add_string(w, PROXY_TLV_SSL_KEY_ALG, tls->key_alg, PROXY_WORD_MAX);
    add_tlv(w, PROXY_TLV_SSL_CN, tls->cn, tls->cn_len, PROXY_CN_MAX);
    put_u16(start + 1, (size_t)(w->buf + w->len - start) - PROXY_TLV_START);
}

static void
add_ends(struct writer *w, const struct ends *ends)
{
    size_t len = ends->family == AF_INET ? 4 : 16;

    if (ends->family == AF_UNSPEC)
        return;
    add(w, ends->src, len);
    add(w, ends->dst, len);
    add_u16(w, ends->src_port);
    add_u16(w, ends->dst_port);
}

static void
start_v2(struct writer *w, enum proxy_v2_command command, enum proxy_v2_family family)
{
    add(w, PROXY_V2_SIGNATURE, PROXY_V2_SIGNATURE_LEN);
    w->buf[w->len++] = (unsigned char)command;
    w->buf[w->len++] = (unsigned char)family;
    add_u16(w, 0); /* the length is known in the end */
}

/* The checksum is that of the header with zeros in its place (the text, 2.2.3). */
static void
end_v2(struct writer *w)
{
    static const unsigned char zeros[CRC_BYTES];
    uint32_t crc;

    add_tlv(w, PROXY_TLV_CRC32C, zeros, sizeof(zeros), sizeof(zeros));
    put_u16(w->buf + PROXY_V2_START - 2, w->len - PROXY_V2_START);
    crc = htonl(crc32c_end(crc32c_add(CRC32C_START, w->buf, w->len)));
    memcpy(w->buf + w->len - CRC_BYTES, &crc, CRC_BYTES);
}

static size_t
write_v2(const struct ends *ends, const struct proxy_facts *facts, unsigned char *buf,
         size_t size)
{
    struct writer w = {.buf = buf, .size = size};
    enum proxy_v2_family family = ends->family == AF_INET    ? PROXY_V2_TCP4
                                  : ends->family == AF_INET6 ? PROXY_V2_TCP6
                                                             : PROXY_V2_UNSPEC;
    size_t checksum = PROXY_TLV_START + CRC_BYTES;

    if (size < PROXY_V2_START + PROXY_V2_INET6 + checksum)
        return 0;
    w.size -= checksum; /* it comes last, and always */
    start_v2(&w, PROXY_V2_PROXY, family);
    add_ends(&w, ends);
    add_string(&w, PROXY_TLV_ALPN, facts->alpn, PROXY_NAME_MAX);
    add_string(&w, PROXY_TLV_AUTHORITY, facts->authority, PROXY_NAME_MAX);
    if (facts->tls != NULL)
        add_ssl(&w, facts->tls);
    add_string(&w, PROXY_TLV_UNIQUE_ID, facts->unique_id, PROXY_UNIQUE_ID_MAX);
    w.size += checksum;
    end_v2(&w);
    return w.len;
}

size_t
proxy_write(enum proxy_version version, const struct proxy_facts *facts, unsigned char *buf,
            size_t size)
{
    struct ends ends = ends_of(facts->src, facts->dst);

    switch (version) {
    case PROXY_V1:
        return write_v1(&ends, buf, size);
    case PROXY_V2:
        return write_v2(&ends, facts, buf, size);
    case PROXY_OFF:
    default:
        return 0;
    }
}

size_t
proxy_write_local(enum proxy_version version, const struct addr *own,
                  const struct addr *server, unsigned char *buf, size_t size)
{
    struct writer w = {.buf = buf, .size = size};
    struct ends ends;

    if (version == PROXY_V1) {
        ends = ends_of(own, server);
        return write_v1(&ends, buf, size);
    }
    if (version != PROXY_V2 || size < PROXY_V2_START)
        return 0;
    start_v2(&w, PROXY_V2_LOCAL, PROXY_V2_UNSPEC);
    return w.len;
}
