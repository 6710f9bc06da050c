/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include "base/attr.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A socket address: IPv4, IPv6 or Unix. len is what bind() and connect() want. */
struct addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } u;
    socklen_t len;
};

/* Room for the longest text that addr_format writes. */
#define ADDR_TEXT_SIZE 128

/*
 * Split "host:port", "[v6]:port" or "*:port". host (at least 256 bytes) gets
 * the host without brackets, "*" as it is; *port a number from 1 to 65535
 * (0 too if allow_port_zero: "any free port").
 * Returns NULL, or half a sentence that says what is wrong ("has no port").
 */
const char *addr_split(const char *text, bool allow_port_zero, char *host, size_t size,
                       uint16_t *port) ATTR_MUST_CHECK;

/* An address from a numeric host and a port. Returns 0, or -1 if host is not numeric. */
int addr_from_numeric(struct addr *a, const char *host, uint16_t port) ATTR_MUST_CHECK;

/*
 * A Unix address from a path; a leading '@' means the abstract namespace.
 * Returns 0, or -1 if the path is empty or does not fit (107 bytes).
 */
int addr_from_unix(struct addr *a, const char *path) ATTR_MUST_CHECK;

/* Copy what accept() or getaddrinfo() gave. len is cut to what fits. */
void addr_from_sockaddr(struct addr *a, const struct sockaddr *sa, socklen_t len);

/* Write "1.2.3.4:80", "[::1]:80", "unix:/path", "unix:@name" or "-" to buf. Returns buf. */
const char *addr_format(const struct addr *a, char *buf, size_t size);

bool addr_equal(const struct addr *a, const struct addr *b);

/* An IPv4 address that is written as IPv6 (::ffff:0:0/96; RFC 4291, 2.5.5.2) becomes IPv4;
 * others stay. */
void addr_unmap(struct addr *a);

/* Give an IPv4 or IPv6 address another port (in host byte order). */
void addr_set_port(struct addr *a, uint16_t port);

/* Does it stand for all addresses of its family? Not of a Unix address. */
bool addr_is_wildcard(const struct addr *a);

/* Is it 127.0.0.0/8 or ::1 (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3)? */
bool addr_is_loopback(const struct addr *a);

/* Is it a Unix socket in the file system, not an abstract one? */
bool addr_is_file(const struct addr *a);

/* The port in host byte order; 0 for a Unix address. */
uint16_t addr_port(const struct addr *a);

#endif
