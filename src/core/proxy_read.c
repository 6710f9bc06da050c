/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/proxy_read.h"

#include "core/crc32c.h"

#include <arpa/inet.h>
#include <string.h>

#define V1_SIGNATURE "PROXY"
#define V1_SIGNATURE_LEN 5
#define V1_UNKNOWN "PROXY UNKNOWN"
#define V1_UNKNOWN_LEN 13
#define V1_MIN 15 /* bytes of "PROXY UNKNOWN\r\n" */
#define CRC_BYTES 4

static enum proxy_read_status
wrong(struct proxy_read *out, const char *why)
{
    out->wrong = why;
    return PROXY_READ_WRONG;
}

static enum proxy_read_status
more(struct proxy_read *out, size_t len)
{
    out->len = len;
    return PROXY_READ_MORE;
}

/* Are these bytes those of the signature, as far as they go? */
static bool
begins_as(const unsigned char *bytes, size_t len, const char *signature, size_t size)
{
    return memcmp(bytes, signature, len < size ? len : size) == 0;
}

/* ---- Version 1: the text, 2.1 ---- */

/* The part of a line before its next space or its end, as a string; false if it is empty or
 * too long. It ends up behind the space. */
static bool
take_word(const char **at, const char *end, char *word, size_t size)
{
    const char *space = memchr(*at, ' ', (size_t)(end - *at));
    size_t len = (size_t)((space != NULL ? space : end) - *at);

    if (len == 0 || len >= size || memchr(*at, '\0', len) != NULL)
        return false;
    memcpy(word, *at, len);
    word[len] = '\0';
    *at += len + (space != NULL ? 1 : 0);
    return true;
}

static bool
take_ip(const char **at, const char *end, int family, struct addr *a)
{
    char word[INET6_ADDRSTRLEN];

    memset(a, 0, sizeof(*a));
    if (!take_word(at, end, word, sizeof(word)))
        return false;
    a->u.sa.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        a->len = sizeof(a->u.in);
        return inet_pton(family, word, &a->u.in.sin_addr) == 1;
    }
    a->len = sizeof(a->u.in6);
    return inet_pton(family, word, &a->u.in6.sin6_addr) == 1;
}

static void
set_port(struct addr *a, uint16_t port)
{
    if (a->u.sa.sa_family == AF_INET)
        a->u.in.sin_port = port;
    else
        a->u.in6.sin6_port = port;
}

static bool
take_port(const char **at, const char *end, struct addr *a)
{
    char word[sizeof("65535")];
    unsigned port = 0;

    if (!take_word(at, end, word, sizeof(word)) || (word[0] == '0' && word[1] != '\0'))
        return false;
    for (const char *w = word; *w != '\0'; w++) {
        if (*w < '0' || *w > '9')
            return false;
        port = 10 * port + (unsigned)(*w - '0');
    }
    set_port(a, htons((uint16_t)port));
    return port <= UINT16_MAX;
}

static enum proxy_read_status
parse_line(const char *line, size_t len, struct proxy_read *out)
{
    const char *at = line + sizeof("PROXY TCP4 ") - 1, *end = line + len - 2;
    int family;

    out->len = len;
    out->version = PROXY_V1;
    if (begins_as((const unsigned char *)line, len, V1_UNKNOWN, V1_UNKNOWN_LEN) &&
        (line[V1_UNKNOWN_LEN] == ' ' || len == V1_MIN))
        return PROXY_READ_DONE;
    if (at > end)
        return wrong(out, "has neither TCP4 nor TCP6 nor UNKNOWN behind PROXY");
    if (memcmp(line, "PROXY TCP4 ", (size_t)(at - line)) == 0)
        family = AF_INET;
    else if (memcmp(line, "PROXY TCP6 ", (size_t)(at - line)) == 0)
        family = AF_INET6;
    else
        return wrong(out, "has neither TCP4 nor TCP6 nor UNKNOWN behind PROXY");
    if (!take_ip(&at, end, family, &out->src) || !take_ip(&at, end, family, &out->dst))
        return wrong(out, "has an address that is none of its family");
    if (!take_port(&at, end, &out->src) || !take_port(&at, end, &out->dst))
        return wrong(out, "has a port that is none");
    if (at != end || end[-1] == ' ')
        return wrong(out, "has something behind its ports");
    out->is_told = true;
    return PROXY_READ_DONE;
}

static enum proxy_read_status
read_v1(const unsigned char *bytes, size_t len, struct proxy_read *out)
{
    bool unknown = len >= V1_UNKNOWN_LEN && memcmp(bytes, V1_UNKNOWN, V1_UNKNOWN_LEN) == 0;

    if (len > V1_SIGNATURE_LEN && bytes[V1_SIGNATURE_LEN] != ' ')
        return wrong(out, "has no space behind PROXY");
    for (size_t i = V1_SIGNATURE_LEN; i < len && i < PROXY_V1_MAX; i++) {
        if (bytes[i] != '\n')
            continue;
        if (bytes[i - 1] == '\r')
            return parse_line((const char *)bytes, i + 1, out);
        if (!unknown) /* there it is to be ignored */
            return wrong(out, "has a line that ends without CR");
    }
    if (len >= PROXY_V1_MAX)
        return wrong(out, "has no CRLF in its first 107 bytes");
    return more(out, len < V1_MIN ? V1_MIN : len + 1);
}

/* ---- Version 2: the text, 2.2 ---- */

static size_t
get_u16(const unsigned char *at)
{
    return (size_t)at[0] << 8 | at[1];
}

/* The checksum is that of the header with zeros in its place. */
static bool
is_crc_right(const unsigned char *bytes, size_t len, size_t at)
{
    static const unsigned char zeros[CRC_BYTES];
    uint32_t crc = crc32c_add(CRC32C_START, bytes, at), told;

    crc = crc32c_add(crc, zeros, CRC_BYTES);
    crc = crc32c_end(crc32c_add(crc, bytes + at + CRC_BYTES, len - at - CRC_BYTES));
    memcpy(&told, bytes + at, CRC_BYTES);
    return told == htonl(crc);
}

/* Returns what is wrong with the TLVs from at on, or NULL. */
static const char *
check_tlvs(const unsigned char *bytes, size_t len, size_t at)
{
    size_t value_len;

    for (; at < len; at += value_len) {
        enum proxy_tlv type = bytes[at];

        if (len - at < PROXY_TLV_START)
            return "has a TLV that is cut off";
        value_len = get_u16(bytes + at + 1);
        at += PROXY_TLV_START;
        if (len - at < value_len)
            return "has a TLV that is longer than the header";
        if (type != PROXY_TLV_CRC32C)
            continue;
        if (value_len != CRC_BYTES)
            return "has a CRC32C that is not of 4 bytes";
        if (!is_crc_right(bytes, len, at))
            return "has a CRC32C that is not right";
    }
    return NULL;
}

/* Bytes of the addresses of a known family; 0: it has none that count. */
static size_t
addrs_len(unsigned family)
{
    static const size_t lens[] = {0, PROXY_V2_INET, PROXY_V2_INET6, PROXY_V2_UNIX};

    return (family & 0xf) == 0 ? 0 : lens[family >> 4];
}

static void
take_inet(const unsigned char *at, struct proxy_read *out)
{
    struct sockaddr_in *src = &out->src.u.in, *dst = &out->dst.u.in;

    src->sin_family = dst->sin_family = AF_INET;
    memcpy(&src->sin_addr, at, 4);
    memcpy(&dst->sin_addr, at + 4, 4);
    memcpy(&src->sin_port, at + 8, 2);
    memcpy(&dst->sin_port, at + 10, 2);
    out->src.len = out->dst.len = sizeof(*src);
    out->is_told = true;
}

static void
take_inet6(const unsigned char *at, struct proxy_read *out)
{
    struct sockaddr_in6 *src = &out->src.u.in6, *dst = &out->dst.u.in6;

    src->sin6_family = dst->sin6_family = AF_INET6;
    memcpy(&src->sin6_addr, at, 16);
    memcpy(&dst->sin6_addr, at + 16, 16);
    memcpy(&src->sin6_port, at + 32, 2);
    memcpy(&dst->sin6_port, at + 34, 2);
    out->src.len = out->dst.len = sizeof(*src);
    out->is_told = true;
}

/* The whole header is there. */
static enum proxy_read_status
parse_block(const unsigned char *bytes, size_t len, struct proxy_read *out)
{
    unsigned command = bytes[PROXY_V2_SIGNATURE_LEN];
    unsigned family = bytes[PROXY_V2_SIGNATURE_LEN + 1];
    const unsigned char *addrs = bytes + PROXY_V2_START;
    size_t at = PROXY_V2_START;
    const char *why;

    out->len = len;
    out->version = PROXY_V2;
    if (command != PROXY_V2_LOCAL) /* else the family does not count, whatever it is */
        at += addrs_len(family);
    /* Nobody can tell how long the addresses of no family are, and where TLVs begin. */
    if (at == PROXY_V2_START)
        return PROXY_READ_DONE;
    if (at > len)
        return wrong(out, "is too short for its addresses");
    why = check_tlvs(bytes, len, at);
    if (why != NULL)
        return wrong(out, why);
    if (family == PROXY_V2_TCP4)
        take_inet(addrs, out);
    else if (family == PROXY_V2_TCP6)
        take_inet6(addrs, out);
    return PROXY_READ_DONE;
}

/* What is wrong with the two bytes behind the signature, as far as they are there. */
static const char *
check_start(const unsigned char *bytes, size_t len)
{
    unsigned command, family;

    if (len <= PROXY_V2_SIGNATURE_LEN)
        return NULL;
    command = bytes[PROXY_V2_SIGNATURE_LEN];
    if (command >> 4 != 2)
        return "has a version that is not 2 behind the signature of version 2";
    if (command != PROXY_V2_LOCAL && command != PROXY_V2_PROXY)
        return "has a command that is neither LOCAL nor PROXY";
    if (len <= PROXY_V2_SIGNATURE_LEN + 1 || command == PROXY_V2_LOCAL)
        return NULL;
    family = bytes[PROXY_V2_SIGNATURE_LEN + 1];
    return family >> 4 > 3 || (family & 0xf) > 2 ? "has an unknown family of addresses"
                                                 : NULL;
}

static enum proxy_read_status
read_v2(const unsigned char *bytes, size_t len, struct proxy_read *out)
{
    const char *why = check_start(bytes, len);
    size_t whole;

    if (why != NULL)
        return wrong(out, why);
    if (len < PROXY_V2_START)
        return more(out, PROXY_V2_START);
    whole = PROXY_V2_START + get_u16(bytes + PROXY_V2_START - 2);
    if (whole > PROXY_READ_MAX)
        return wrong(out, "is longer than 4112 bytes");
    return len < whole ? more(out, whole) : parse_block(bytes, whole, out);
}

enum proxy_read_status
proxy_read(const void *bytes, size_t len, struct proxy_read *out)
{
    const unsigned char *b = bytes;

    memset(out, 0, sizeof(*out));
    if (len == 0)
        return more(out, 1);
    if (begins_as(b, len, V1_SIGNATURE, V1_SIGNATURE_LEN))
        return read_v1(b, len, out);
    if (begins_as(b, len, PROXY_V2_SIGNATURE, PROXY_V2_SIGNATURE_LEN))
        return read_v2(b, len, out);
    return PROXY_READ_MISSING;
}
