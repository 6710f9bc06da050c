/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/addr.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)
#define PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

/* The part of an IPv6 host before its zone ("%eth0"), which must be an address. */
static bool
parse_in6(const char *host, struct in6_addr *in6)
{
    char bare[INET6_ADDRSTRLEN];
    size_t len = strcspn(host, "%");

    if (len >= sizeof(bare))
        return false;
    memcpy(bare, host, len);
    bare[len] = '\0';
    return inet_pton(AF_INET6, bare, in6) == 1;
}

static const char *
split_port(const char *text, bool allow_zero, uint16_t *port)
{
    uint64_t number;

    if (*text == '\0')
        return "has no port";
    if (text_parse_number(text, &number) != 0)
        return "has a port that is not a number";
    if (number > UINT16_MAX)
        return "has a port above 65535";
    if (number == 0 && !allow_zero)
        return "has port 0";
    *port = (uint16_t)number;
    return NULL;
}

static const char *
copy_host(const char *text, size_t len, char *host, size_t size)
{
    size_t i;

    if (len == 0)
        return "has no host (* stands for all addresses)";
    if (len >= size)
        return "has a host name that is too long";
    for (i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
            return "has a space or a control character in its host name";
    memcpy(host, text, len);
    host[len] = '\0';
    return NULL;
}

static const char *
split_bracketed(const char *text, bool allow_port_zero, char *host, size_t size,
                uint16_t *port)
{
    const char *end = strchr(text, ']');
    const char *wrong;
    struct in6_addr in6;

    if (end == NULL)
        return "has no closing bracket";
    wrong = copy_host(text + 1, (size_t)(end - text - 1), host, size);
    if (wrong != NULL)
        return wrong;
    if (!parse_in6(host, &in6))
        return "has brackets around what is not an IPv6 address";
    if (end[1] == '\0')
        return "has no port";
    if (end[1] != ':')
        return "has something else than a colon and a port behind its bracket";
    return split_port(end + 2, allow_port_zero, port);
}

const char *
addr_split(const char *text, bool allow_port_zero, char *host, size_t size, uint16_t *port)
{
    const char *colon = strchr(text, ':');
    const char *wrong;

    if (*text == '\0')
        return "is empty";
    if (*text == '[')
        return split_bracketed(text, allow_port_zero, host, size, port);
    if (colon == NULL)
        return "has no port";
    if (strchr(colon + 1, ':') != NULL)
        return "has more than one colon (an IPv6 address needs brackets: [::1]:443)";
    wrong = copy_host(text, (size_t)(colon - text), host, size);
    if (wrong != NULL)
        return wrong;
    return split_port(colon + 1, allow_port_zero, port);
}

/* The number of a zone (RFC 4007, section 11): an interface by name or number. 0: unknown.
 */
static uint32_t
parse_zone(const char *zone)
{
    uint64_t number;

    if (text_parse_number(zone, &number) == 0)
        return number <= UINT32_MAX ? (uint32_t)number : 0;
    return if_nametoindex(zone);
}

int
addr_from_numeric(struct addr *a, const char *host, uint16_t port)
{
    const char *zone = strchr(host, '%');

    memset(a, 0, sizeof(*a));
    if (inet_pton(AF_INET, host, &a->u.in.sin_addr) == 1) {
        a->u.in.sin_family = AF_INET;
        a->u.in.sin_port = htons(port);
        a->len = sizeof(a->u.in);
        return 0;
    }
    memset(a, 0, sizeof(*a));
    if (!parse_in6(host, &a->u.in6.sin6_addr))
        return -1;
    if (zone != NULL && (a->u.in6.sin6_scope_id = parse_zone(zone + 1)) == 0)
        return -1;
    a->u.in6.sin6_family = AF_INET6;
    a->u.in6.sin6_port = htons(port);
    a->len = sizeof(a->u.in6);
    return 0;
}

int
addr_from_unix(struct addr *a, const char *path)
{
    size_t len = strlen(path);
    bool is_abstract = path[0] == '@';

    memset(a, 0, sizeof(*a));
    if (len >= PATH_SIZE || len <= (is_abstract ? 1 : 0))
        return -1;
    a->u.un.sun_family = AF_UNIX;
    memcpy(a->u.un.sun_path, path, len);
    if (is_abstract) /* its length is that of the name: a NUL would belong to it */
        a->u.un.sun_path[0] = '\0';
    a->len = (socklen_t)(PATH_OFFSET + len + (is_abstract ? 0 : 1));
    return 0;
}

void
addr_from_sockaddr(struct addr *a, const struct sockaddr *sa, socklen_t len)
{
    memset(a, 0, sizeof(*a));
    if (len > sizeof(a->u))
        len = sizeof(a->u);
    memcpy(&a->u, sa, len);
    a->len = len;
}

/*
 * The name of a Unix address, not terminated: a path (with or without its NUL in
 * len, as the kernel likes), or NUL and an abstract name. Of length 0 if it has none.
 */
static const char *
unix_name(const struct addr *a, size_t *len)
{
    const char *path = a->u.un.sun_path;

    *len = a->len > PATH_OFFSET ? a->len - PATH_OFFSET : 0;
    if (*len > PATH_SIZE)
        *len = PATH_SIZE;
    if (*len > 0 && path[0] != '\0')
        *len = strnlen(path, *len);
    return path;
}

static void
format_unix(const struct addr *a, struct text *t)
{
    size_t len, i;
    const char *name = unix_name(a, &len);

    if (len == 0) {
        text_add(t, "-");
        return;
    }
    text_add(t, name[0] == '\0' ? "unix:@" : "unix:");
    for (i = name[0] == '\0' ? 1 : 0; i < len; i++) {
        bool is_control = (unsigned char)name[i] < ' ' || name[i] == 0x7f;

        text_add_bytes(t, is_control ? "?" : &name[i], 1);
    }
}

static void
format_in6(const struct sockaddr_in6 *in6, struct text *t)
{
    char host[INET6_ADDRSTRLEN];

    inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
    text_addf(t, "[%s", host);
    if (in6->sin6_scope_id != 0)
        text_addf(t, "%%%u", (unsigned)in6->sin6_scope_id);
    text_addf(t, "]:%u", ntohs(in6->sin6_port));
}

const char *
addr_format(const struct addr *a, char *buf, size_t size)
{
    char host[INET_ADDRSTRLEN];
    struct text t;

    text_init(&t, buf, size);
    switch (a->u.sa.sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &a->u.in.sin_addr, host, sizeof(host));
        text_addf(&t, "%s:%u", host, ntohs(a->u.in.sin_port));
        break;
    case AF_INET6:
        format_in6(&a->u.in6, &t);
        break;
    case AF_UNIX:
        format_unix(a, &t);
        break;
    default:
        text_add(&t, "-");
        break;
    }
    return buf;
}

static bool
unix_equal(const struct addr *a, const struct addr *b)
{
    size_t a_len, b_len;
    const char *a_name = unix_name(a, &a_len);
    const char *b_name = unix_name(b, &b_len);

    return a_len == b_len && memcmp(a_name, b_name, a_len) == 0;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
    if (a->u.sa.sa_family != b->u.sa.sa_family)
        return false;
    switch (a->u.sa.sa_family) {
    case AF_INET:
        return a->u.in.sin_port == b->u.in.sin_port &&
               a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
    case AF_INET6:
        return a->u.in6.sin6_port == b->u.in6.sin6_port &&
               a->u.in6.sin6_scope_id == b->u.in6.sin6_scope_id &&
               IN6_ARE_ADDR_EQUAL(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr);
    case AF_UNIX:
        return unix_equal(a, b);
    default:
        return true;
    }
}

uint16_t
addr_port(const struct addr *a)
{
    if (a->u.sa.sa_family == AF_INET)
        return ntohs(a->u.in.sin_port);
    if (a->u.sa.sa_family == AF_INET6)
        return ntohs(a->u.in6.sin6_port);
    return 0;
}

bool
addr_is_wildcard(const struct addr *a)
{
    if (a->u.sa.sa_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
    return a->u.sa.sa_family == AF_INET && a->u.in.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool
addr_is_loopback(const struct addr *a)
{
    if (a->u.sa.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr);
    return a->u.sa.sa_family == AF_INET && ntohl(a->u.in.sin_addr.s_addr) >> 24 == 127;
}

bool
addr_is_file(const struct addr *a)
{
    return a->len > 0 && a->u.sa.sa_family == AF_UNIX && a->u.un.sun_path[0] != '\0';
}

void
addr_unmap(struct addr *a)
{
    struct sockaddr_in in = {.sin_family = AF_INET};

    if (a->u.sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
        return;
    in.sin_port = a->u.in6.sin6_port;
    memcpy(&in.sin_addr, &a->u.in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
    a->u.in = in;
    a->len = sizeof(in);
}

void
addr_set_port(struct addr *a, uint16_t port)
{
    if (a->u.sa.sa_family == AF_INET)
        a->u.in.sin_port = htons(port);
    else if (a->u.sa.sa_family == AF_INET6)
        a->u.in6.sin6_port = htons(port);
}
