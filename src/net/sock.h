/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_SOCK_H
#define NET_SOCK_H

#include "base/addr.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * A non-blocking, close-on-exec socket that is bound to addr (TCP or Unix) but does not
 * listen yet. An IPv6 address is IPv6 only. With shared, other sockets of this user may be
 * bound to the same address, and the kernel spreads clients over them (SO_REUSEPORT).
 * Returns it, or -1 with errno.
 */
int sock_bind(const struct addr *addr, bool shared) ATTR_MUST_CHECK;

/*
 * A client speaks first in TLS, so that the kernel need not hand it over before it has:
 * then its hello can be read at once. One that stays silent is handed over all the same
 * after so many milliseconds. 0: handshake-timeout is too short for that, all come at once.
 */
uint32_t sock_hello_wait_ms(const struct config_frontend *frontend);

/*
 * Listen with the frontend's backlog, or change it if it listens already. What accepted
 * sockets inherit is set here once: TCP_NODELAY, keepalive, TCP_USER_TIMEOUT. With a
 * backend "original" TPROXY may lead connections here, where CAP_NET_RAW allows it. Returns
 * 0, or -1 with errno.
 */
int sock_listen(int fd, const struct config_frontend *frontend) ATTR_MUST_CHECK;

/*
 * Of the listening sockets that share fd's address, let new clients go to the first `count`
 * only, at random. Harmless where the kernel cannot do that.
 */
void sock_steer(int fd, unsigned count);

/*
 * Keepalive and TCP_USER_TIMEOUT as the frontend has them, for a socket of TCP that is
 * connected or listens. For dialled ones conn does this a second late: most connections do
 * not live that long, and it takes five system calls. The time in which nothing has come
 * counts for keepalive all the same.
 */
void sock_find_vanished(int fd, const struct config_frontend *frontend);

/*
 * A non-blocking socket on its way to addr, from the address `from` (NULL: the kernel
 * chooses; port 0: it chooses the port), which may be that of another host if it is
 * transparent.
 * Until sock_allow_fin says otherwise, whatever ends it ends it with a RST (SO_LINGER {1,
 * 0}): also a crash of this process, which must not look like an orderly end to the
 * backend. Returns it and sets *connecting if it is not there yet (wait until it is
 * writable, then ask sock_error), or -1 with errno.
 */
int sock_dial(const struct addr *addr, const struct addr *from, bool transparent,
              bool *connecting) ATTR_MUST_CHECK;

/* The address of our end of a socket. Returns 0, or -1 with errno and len 0. */
int sock_local_addr(int fd, struct addr *addr);

/*
 * A port that nobody listens on, in the range that the kernel takes local ports from, can
 * be connected to by itself (RFC 9293, 3.5, simultaneous open): that is no backend. Is fd,
 * which is connected to addr, such a one?
 */
bool sock_is_itself(int fd, const struct addr *addr);

/* The pending error of a socket (SO_ERROR), which is cleared by that; 0: none. */
int sock_error(int fd) ATTR_MUST_CHECK;

/* Bytes sent but not acknowledged, or not even sent (SIOCOUTQ); 0 also if it cannot be
 * told. */
size_t sock_unacked(int fd);

/*
 * Read and throw away some of what is unread. Returns the bytes thrown away,
 * 0 at a FIN, -1 with errno (EAGAIN: nothing there) as recv().
 */
ssize_t sock_discard(int fd);

/*
 * A vanished peer is found by TCP_USER_TIMEOUT, but Linux also counts the time in which a
 * living one keeps its window closed: a slow reader is not a dead one. Take the option away
 * while the window is closed (keepalive's and the kernel's own bounds stay), and give it
 * back, timeout_ms, afterwards.
 */
void sock_mind_window(int fd, uint32_t timeout_ms);

/*
 * Throw away what is unread, up to some MiB. A socket that is closed with unread bytes
 * sends RST, which can destroy what it has sent before.
 */
void sock_drain(int fd);

/* Close with FIN a socket that was accepted. */
void sock_close(int fd);

/* From now on close() ends a socket of sock_dial's with FIN. */
void sock_allow_fin(int fd);

/* Close with RST (RFC 9293, 3.10.5: ABORT). A Unix socket has none: it is just closed. */
void sock_reset(int fd);

#endif
