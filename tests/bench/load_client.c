/* SPDX-License-Identifier: BSD-2-Clause */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BULK_BUFFER (128 * 1024)
/* A key share is sent for the first. In TLS 1.2 the certificate's must be there too. */
#define GROUPS "X25519:P-256"

/* Only while learning: later handshakes resume this one session. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
    struct client *client = SSL_get_app_data(ssl);

    SSL_SESSION_free(client->session);
    client->session = session;
    return 1;
}

static void
keep_sessions(SSL_CTX *ctx)
{
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
}

SSL_CTX *
client_context(struct load *load)
{
    const struct load_options *options = &load->options;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, options->version) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, options->version) != 1 ||
        SSL_CTX_set_cipher_list(ctx, options->ciphers) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, options->suites) != 1 ||
        SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 ||
        SSL_CTX_set1_sigalgs_list(ctx, options->sigalgs) != 1)
        tally_die("TLS");
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    if (options->resume)
        keep_sessions(ctx);
    else
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (options->work->is_bulk) {
        SSL_CTX_set_read_ahead(ctx, 1);
        SSL_CTX_set_default_read_buffer_len(ctx, BULK_BUFFER);
    }
    return ctx;
}

void
client_fail(struct load *load, struct client *client, const char *what)
{
    char text[128];
    const char *why = errno != 0 ? strerror(errno) : NULL;
    unsigned long code = ERR_peek_error();

    if (code != 0) {
        ERR_error_string_n(code, text, sizeof(text));
        why = text;
    }
    tally_error(&load->tally, what, why);
    ERR_clear_error();
    client->state = CLIENT_BROKEN;
}

static int
connect_socket(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0 &&
        (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS))
        return fd;
    close(fd);
    return -1;
}

/* A copy, since OpenSSL lets a session of TLS 1.3 be used only once. */
static void
offer_session(SSL *ssl, const SSL_SESSION *session)
{
    SSL_SESSION *copy = SSL_SESSION_dup(session);

    if (copy == NULL || SSL_set_session(ssl, copy) != 1)
        tally_die("session");
    SSL_SESSION_free(copy);
}

static SSL *
make_ssl(struct load *load, struct client *client)
{
    SSL *ssl = SSL_new(load->ctx);

    if (ssl == NULL || SSL_set_fd(ssl, client->fd) != 1)
        tally_die("TLS");
    SSL_set_app_data(ssl, client);
    SSL_set_connect_state(ssl);
    if (client->session != NULL && !load->learning)
        offer_session(ssl, client->session);
    return ssl;
}

void
client_start(struct load *load, struct client *client)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = client};

    client->sent = client->got = client->rounds = client->acked = 0;
    client->asked = false;
    client->ack_len = 0;
    client->began_ns = tally_now_ns();
    client->state = CLIENT_SHAKES;
    client->fd = connect_socket(load->options.port);
    if (client->fd < 0) {
        client_fail(load, client, "connect");
        return;
    }
    if (!load->options.plain)
        client->ssl = make_ssl(load, client);
    if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, client->fd, &event) != 0)
        tally_die("epoll");
}

/* Returns 0: later, -1: failed or at its end. */
static int
outcome(struct load *load, struct client *client, int result, const char *what)
{
    switch (SSL_get_error(client->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        errno = 0;
        client_fail(load, client, "close_notify came too early");
        return -1;
    default:
        client_fail(load, client, what);
        return -1;
    }
}

/* NULL: yes. A resumption of TLS 1.2 has no key exchange. */
static const char *
is_as_meant(struct load *load, struct client *client)
{
    const struct load_options *options = &load->options;
    bool resumed = SSL_session_reused(client->ssl) == 1;

    if (resumed)
        load->tally.resumed++;
    else
        load->tally.full++;
    if (resumed != (options->resume && !load->learning))
        return "a session was not resumed, or should not have been";
    if (resumed && options->version == TLS1_2_VERSION)
        return NULL;
    if (SSL_get_negotiated_group(client->ssl) != NID_X25519)
        return "the key exchange is not with X25519";
    return NULL;
}

enum load_step
client_shake(struct load *load, struct client *client)
{
    const char *wrong;
    int result;

    if (client->ssl == NULL) /* until it is connected, writing says EAGAIN */
        return STEP_DONE;
    result = SSL_connect(client->ssl);
    if (result != 1)
        return outcome(load, client, result, "handshake") == 0 ? STEP_WAIT : STEP_FAILED;
    wrong = is_as_meant(load, client);
    if (wrong == NULL)
        return STEP_DONE;
    errno = 0;
    client_fail(load, client, wrong);
    return STEP_FAILED;
}

static ssize_t
plain_outcome(struct load *load, struct client *client, ssize_t result, const char *what)
{
    if (result > 0)
        return result;
    if (result < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (result == 0)
        errno = 0;
    client_fail(load, client, result == 0 ? "FIN came too early" : what);
    return -1;
}

ssize_t
client_write(struct load *load, struct client *client, const void *bytes, size_t len)
{
    int result;

    if (client->ssl == NULL)
        return plain_outcome(load, client, send(client->fd, bytes, len, MSG_NOSIGNAL),
                             "send");
    result = SSL_write(client->ssl, bytes, (int)len);
    return result > 0 ? result : outcome(load, client, result, "write");
}

ssize_t
client_read(struct load *load, struct client *client, void *bytes, size_t len)
{
    int result;

    if (client->ssl == NULL)
        return plain_outcome(load, client, recv(client->fd, bytes, len, 0), "recv");
    result = SSL_read(client->ssl, bytes, (int)len);
    return result > 0 ? result : outcome(load, client, result, "read");
}

void
client_close(struct client *client)
{
    if (client->ssl != NULL) {
        if (client->state != CLIENT_BROKEN && client->state != CLIENT_SHAKES)
            (void)SSL_shutdown(client->ssl);
        ERR_clear_error();
        SSL_free(client->ssl);
        client->ssl = NULL;
    }
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    if (client->state != CLIENT_BROKEN)
        client->state = CLIENT_FREE;
}
