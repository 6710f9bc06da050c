/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LOOP_SUPPORT_H
#define LOOP_SUPPORT_H

#include "base/addr.h"
#include "config/config.h"
#include "net/front.h"
#include "net/loop.h"
#include "net/pool.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A real event loop with a frontend's settings, real sockets on loopback, and a TLS client
 * that does only what it is told. What fails here fails the test.
 */
struct stage {
    struct loop loop;
    struct config config;
    struct config_frontend frontend;
    struct config_server server[3]; /* of the only backend; one unless stage_set_servers */
    struct config_pool backend;
    struct pool pool;   /* of backend */
    struct front front; /* of frontend, without TLS */
    struct stats_page *page;
    struct stats_shared *shared;
};

/* SIGPIPE is ignored from then on, as in the worker. */
void stage_init(struct stage *stage);
void stage_clear(struct stage *stage);

/* The backend has so many of stage->server from now on, and is not used yet. */
void stage_set_servers(struct stage *stage, size_t count);

/* Run the loop until done says so; fails after five seconds. */
void stage_run(struct stage *stage, bool (*done)(void *arg), void *arg);

/* Run it as long as something is due at once. */
void stage_settle(struct stage *stage);

/* A listening socket on 127.0.0.1, any port; *addr gets its address. */
int listen_on_loopback(struct addr *addr, int backlog);

/* The port of a listening socket that has been closed: connections are refused there. */
void refusing_addr(struct addr *addr);

/* Two connected TCP sockets that do not block; small: with small kernel buffers. */
void tcp_pair(int fd[2], bool small);

/* Bytes that do not repeat soon; to be freed. */
void *make_bulk(size_t len);

/* Both block for five seconds at most. send_all returns false if the peer has gone. */
bool send_all(int fd, const void *data, size_t len);
size_t recv_some(int fd, void *buf, size_t size);

/* Read until the end, without keeping it. Returns 0 at a FIN, else errno; *len the bytes.
 */
int drain(int fd, size_t *len);

/* Close with RST. */
void close_with_rst(int fd);

/* Wait until the kernel has an event of poll() for fd. */
void await(int fd, short events);

/* A TLS client on a socket: OpenSSL between two memory BIOs. */
struct tls_client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
};

/* Takes fd. version: of OpenSSL, or 0 for any. */
void tls_client_init(struct tls_client *client, int fd, int version);
void tls_client_clear(struct tls_client *client);

/* Send what OpenSSL has written; take what has come, without waiting. The latter returns
 * false at the end of the stream. */
void tls_client_send(struct tls_client *client);
bool tls_client_take(struct tls_client *client);

/* One step of the handshake. Returns whether it is done; without sending the last flight.
 */
bool tls_client_shake(struct tls_client *client);

/* Encrypt, do not send. */
void tls_client_says(struct tls_client *client, const void *data, size_t len);

/* Decrypt what has come. Returns the SSL_get_error that it ended with. */
int tls_client_hears(struct tls_client *client, void *buf, size_t size, size_t *len);

/* A server's SSL_CTX with a certificate made for the test. */
SSL_CTX *server_ctx(const struct config_frontend *frontend);

#endif
