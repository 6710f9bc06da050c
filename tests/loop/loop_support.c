/* SPDX-License-Identifier: BSD-2-Clause */
#include "loop/loop_support.h"

#include "tls/cert.h"
#include "tls/tls_ctx.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 5000

void
stage_init(struct stage *stage)
{
    memset(stage, 0, sizeof(*stage));
    (void)signal(SIGPIPE, SIG_IGN);
    stage->config.frontend = &stage->frontend;
    stage->config.frontends = 1;
    stage->config.pool = &stage->backend;
    stage->config.pools = 1;
    stage->backend = (struct config_pool){
        .name = "pool", .server = stage->server, .servers = 1, .used = true};
    for (size_t i = 0; i < COUNT_OF(stage->server); i++)
        stage->server[i] = (struct config_server){.at.from.text = "server", .weight = 1};
    stage->frontend = (struct config_frontend){
        .name = "test",
        .pos = {"test.conf", 1},
        .tls_min = TLS1_2_VERSION,
        .tls_max = TLS1_3_VERSION,
        .session_lifetime_ms = 24 * 3600 * 1000,
        .ticket_rotation_ms = 8 * 3600 * 1000,
        .handshake_timeout_ms = 2000,
        .connect_timeout_ms = 2000,
        .idle_timeout_ms = 3000,
        .half_closed_timeout_ms = 3000,
        .close_wait_ms = 500,
        .linger_timeout_ms = 500,
        .linger_max_ms = 1000,
        .backlog = 16,
    };
    stage->page = calloc(1, sizeof(*stage->page));
    stage->shared = calloc(1, sizeof(*stage->shared));
    ck_assert(stage->page != NULL && stage->shared != NULL);
    ck_assert_int_eq(loop_init(&stage->loop, stage->page, stage->shared), 0);
    loop_configure(&stage->loop, &stage->config);
    ck_assert_int_eq(pool_init(&stage->pool, &stage->backend, &stage->loop), 0);
    front_init(&stage->front, &stage->frontend, NULL, &stage->pool, &stage->loop);
}

void
stage_set_servers(struct stage *stage, size_t count)
{
    pool_clear(&stage->pool);
    stage->backend.servers = count;
    ck_assert_int_eq(pool_init(&stage->pool, &stage->backend, &stage->loop), 0);
}

void
stage_clear(struct stage *stage)
{
    loop_clear(&stage->loop);
    pool_clear(&stage->pool); /* as in a worker, the loop goes first */
    free(stage->page);
    free(stage->shared);
    tls_bio_cleanup();
}

static void
on_guard(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    *(bool *)arg = true;
}

void
stage_run(struct stage *stage, bool (*done)(void *arg), void *arg)
{
    struct timeval limit = {.tv_sec = WAIT_MS / 1000};
    bool late = false;
    struct event *guard = evtimer_new(stage->loop.base, on_guard, &late);

    ck_assert(guard != NULL && event_add(guard, &limit) == 0);
    while (!done(arg)) {
        ck_assert_msg(!late, "what the test waits for does not happen");
        ck_assert_int_ge(event_base_loop(stage->loop.base, EVLOOP_ONCE), 0);
    }
    event_free(guard);
}

void
stage_settle(struct stage *stage)
{
    for (int i = 0; i < 5; i++)
        ck_assert_int_ge(event_base_loop(stage->loop.base, EVLOOP_NONBLOCK), 0);
}

int
listen_on_loopback(struct addr *addr, int backlog)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(addr_from_numeric(addr, "127.0.0.1", 0), 0);
    ck_assert_int_eq(bind(fd, &addr->u.sa, addr->len), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    ck_assert_int_eq(getsockname(fd, &addr->u.sa, &addr->len), 0);
    return fd;
}

void
refusing_addr(struct addr *addr)
{
    close(listen_on_loopback(addr, 1));
}

static void
set_nonblocking(int fd)
{
    ck_assert_int_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

void
tcp_pair(int fd[2], bool small)
{
    struct addr addr;
    int listener = listen_on_loopback(&addr, 1);
    int size = 4096, on = 1;

    fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd[0], 0);
    if (small) {
        ck_assert_int_eq(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
        ck_assert_int_eq(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)),
                         0);
    }
    ck_assert_int_eq(connect(fd[0], &addr.u.sa, addr.len), 0);
    fd[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(fd[1], 0);
    for (int i = 0; i < 2; i++) {
        set_nonblocking(fd[i]);
        ck_assert_int_eq(setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    }
    close(listener);
}

void
await(int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};

    ck_assert_int_eq(poll(&poll_fd, 1, WAIT_MS), 1);
}

void *
make_bulk(size_t len)
{
    unsigned char *bulk = malloc(len);

    ck_assert_ptr_nonnull(bulk);
    for (size_t i = 0; i < len; i++)
        bulk[i] = (unsigned char)(i * 2654435761u >> 13);
    return bulk;
}

bool
send_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0)
            await(fd, POLLOUT);
        else {
            at += n;
            len -= (size_t)n;
        }
    }
    return true;
}

size_t
recv_some(int fd, void *buf, size_t size)
{
    ssize_t n;

    await(fd, POLLIN);
    n = recv(fd, buf, size, MSG_DONTWAIT);
    ck_assert_int_gt(n, 0);
    return (size_t)n;
}

int
drain(int fd, size_t *len)
{
    char buf[16384];
    ssize_t n;

    *len = 0;
    for (;;) {
        await(fd, POLLIN);
        n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
        if (n <= 0)
            return n == 0 ? 0 : errno;
        *len += (size_t)n;
    }
}

void
close_with_rst(int fd)
{
    struct linger linger = {.l_onoff = 1};

    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    close(fd);
}

/* ---- TLS ---- */

SSL_CTX *
server_ctx(const struct config_frontend *frontend)
{
    struct diag *diag = diag_new();
    struct cert *cert = cert_make_self_signed("localhost", 30);
    SSL_CTX *ctx;

    ck_assert_ptr_nonnull(cert);
    ctx = tls_ctx_new(frontend, cert, diag);
    ck_assert_ptr_nonnull(ctx);
    cert_free(cert);
    diag_free(diag);
    return ctx;
}

void
tls_client_init(struct tls_client *client, int fd, int version)
{
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

    client->fd = fd;
    client->ctx = SSL_CTX_new(TLS_client_method());
    ck_assert_ptr_nonnull(client->ctx);
    SSL_CTX_set_min_proto_version(client->ctx, version);
    SSL_CTX_set_max_proto_version(client->ctx, version);
    client->ssl = SSL_new(client->ctx);
    ck_assert(client->ssl != NULL && in != NULL && out != NULL);
    SSL_set_bio(client->ssl, in, out);
    SSL_set_connect_state(client->ssl);
}

void
tls_client_clear(struct tls_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->ctx);
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}

void
tls_client_send(struct tls_client *client)
{
    BIO *out = SSL_get_wbio(client->ssl);
    char *bytes;
    long len = BIO_get_mem_data(out, &bytes);

    if (len > 0)
        (void)send_all(client->fd, bytes, (size_t)len);
    (void)BIO_reset(out);
}

bool
tls_client_take(struct tls_client *client)
{
    char buf[16384];
    ssize_t n;

    while ((n = recv(client->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
        ck_assert_int_eq(BIO_write(SSL_get_rbio(client->ssl), buf, (int)n), n);
    return n < 0 && errno == EAGAIN;
}

bool
tls_client_shake(struct tls_client *client)
{
    int ret = SSL_do_handshake(client->ssl);

    ERR_clear_error();
    return ret == 1;
}

void
tls_client_says(struct tls_client *client, const void *data, size_t len)
{
    ck_assert_int_eq(SSL_write(client->ssl, data, (int)len), (int)len);
}

int
tls_client_hears(struct tls_client *client, void *buf, size_t size, size_t *len)
{
    int ret = 1, error;

    *len = 0;
    while (*len < size &&
           (ret = SSL_read(client->ssl, (char *)buf + *len, (int)(size - *len))) > 0)
        *len += (size_t)ret;
    if (*len == size)
        return SSL_ERROR_NONE;
    error = SSL_get_error(client->ssl, ret);
    ERR_clear_error();
    return error;
}
