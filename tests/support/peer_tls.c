/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/peer_tls.h"

#include "base/clock.h"
#include "support/netns.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
#define RECORD_MAX 16384
#define RECORD_HEADER 5
#define AHEAD_BYTES 131072 /* how much is encrypted before the wire has taken it */
#define PACE_MS 2

SSL_CTX *
peer_tls_context(int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
        SSL_CTX_set_max_proto_version(ctx, version) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

void
peer_tls_init(struct peer_tls *p, uint64_t send_salt, uint64_t expect_salt)
{
    memset(p, 0, sizeof(*p));
    p->fd = -1;
    p->salt = send_salt;
    p->record_bytes = RECORD_MAX;
    observe_init(&p->saw, expect_salt);
}

/* Alerts are seen here, whatever SSL_read() makes of them. */
static void
on_info(const SSL *ssl, int where, int value)
{
    struct peer_tls *p = SSL_get_app_data(ssl);

    if (where != SSL_CB_READ_ALERT)
        return;
    if ((value & 0xff) == SSL_AD_CLOSE_NOTIFY) {
        observe_end(&p->saw, OBSERVED_NOTIFY);
    } else if (value >> 8 == SSL3_AL_FATAL) {
        p->saw.alert = value & 0xff;
        observe_end(&p->saw, OBSERVED_ALERT);
    }
}

static int
begin_tls(struct peer_tls *p, SSL_CTX *ctx)
{
    p->ssl = SSL_new(ctx);
    p->in = BIO_new(BIO_s_mem());
    p->out = BIO_new(BIO_s_mem());
    if (p->ssl == NULL || p->in == NULL || p->out == NULL) {
        BIO_free(p->in);
        BIO_free(p->out);
        p->in = p->out = NULL;
        return -1;
    }
    BIO_set_mem_eof_return(p->in, -1);
    SSL_set_bio(p->ssl, p->in, p->out);
    SSL_set_app_data(p->ssl, p);
    SSL_set_info_callback(p->ssl, on_info);
    SSL_set_connect_state(p->ssl);
    return 0;
}

int
peer_tls_start(struct peer_tls *p, SSL_CTX *ctx, const struct addr *to, int rcvbuf_bytes)
{
    int one = 1;

    netns_enter(NETNS_CLIENT);
    p->fd = socket(to->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0)
        return -1;
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (rcvbuf_bytes != 0)
        setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf_bytes, sizeof(rcvbuf_bytes));
    if (connect(p->fd, &to->u.sa, to->len) != 0 && errno != EINPROGRESS)
        return -1;
    p->tls_over = ctx == NULL;
    if (ctx != NULL)
        return begin_tls(p, ctx);
    p->out = BIO_new(BIO_s_mem());
    return p->out == NULL ? -1 : 0;
}

void
peer_tls_send(struct peer_tls *p, uint64_t bytes)
{
    p->to_send += bytes;
}

void
peer_tls_notify(struct peer_tls *p)
{
    p->want_notify = true;
}

void
peer_tls_fin(struct peer_tls *p)
{
    p->want_fin = true;
}

static void
encrypt(struct peer_tls *p, size_t ahead_bytes)
{
    uint8_t buf[RECORD_MAX];

    while (p->to_send != 0 && BIO_ctrl_pending(p->out) < ahead_bytes) {
        size_t len = p->to_send < p->record_bytes ? (size_t)p->to_send : p->record_bytes;

        observe_pattern(p->salt, p->sent, buf, len);
        if (SSL_write(p->ssl, buf, (int)len) <= 0) {
            p->to_send = 0; /* only a connection that an alert has ended refuses */
            return;
        }
        p->sent += len;
        p->to_send -= len;
    }
    if (p->to_send == 0 && p->want_notify && !p->notify_sent) {
        SSL_shutdown(p->ssl);
        /* OpenSSL is to forget it, so that it goes on reading as if nothing had been said
         */
        SSL_set_shutdown(p->ssl, SSL_get_shutdown(p->ssl) & ~SSL_SENT_SHUTDOWN);
        p->notify_sent = true;
    }
}

void
peer_tls_hold(struct peer_tls *p)
{
    p->hold = true;
    if (p->handshaken)
        encrypt(p, SIZE_MAX);
}

void
peer_tls_release(struct peer_tls *p)
{
    if (p->handshaken)
        encrypt(p, SIZE_MAX);
    p->hold = false;
}

void
peer_tls_raw(struct peer_tls *p, const void *bytes, size_t len)
{
    if (p->handshaken)
        encrypt(p, SIZE_MAX);
    if (p->out != NULL)
        BIO_write(p->out, bytes, (int)len);
}

/* Leave only the first `keep` of the bytes that wait for the wire. */
static void
keep_only(struct peer_tls *p, size_t keep)
{
    char *data = NULL;
    long len = BIO_get_mem_data(p->out, &data);
    char *copy;

    if ((size_t)len <= keep || (copy = malloc(keep + 1)) == NULL)
        return;
    memcpy(copy, data, keep);
    (void)BIO_reset(p->out);
    BIO_write(p->out, copy, (int)keep);
    free(copy);
}

void
peer_tls_cut_record(struct peer_tls *p, uint64_t bytes, size_t part)
{
    size_t before;

    if (!p->handshaken)
        return;
    encrypt(p, SIZE_MAX);
    before = BIO_ctrl_pending(p->out);
    p->to_send += bytes;
    encrypt(p, SIZE_MAX);
    p->sent -= bytes;
    keep_only(p, before + part);
}

/* A record whose content is noise. */
static void
make_forged(uint8_t *record, size_t len)
{
    static const uint8_t header[3] = {SSL3_RT_APPLICATION_DATA, 3, 3};

    observe_pattern(0xf04d, 0, record, len);
    memcpy(record, header, sizeof(header));
    record[3] = (uint8_t)((len - RECORD_HEADER) >> 8);
    record[4] = (uint8_t)(len - RECORD_HEADER);
}

void
peer_tls_forged_record(struct peer_tls *p)
{
    uint8_t record[RECORD_HEADER + 200];

    make_forged(record, sizeof(record));
    peer_tls_raw(p, record, sizeof(record));
}

void
peer_tls_fatal_alert(struct peer_tls *p)
{
    uint8_t record[RECORD_HEADER + 200];
    char nothing;

    if (!p->handshaken)
        return;
    encrypt(p, SIZE_MAX);
    make_forged(record, sizeof(record));
    BIO_write(p->in, record, sizeof(record));
    (void)SSL_read(p->ssl, &nothing, 1); /* fails, and leaves the alert for the wire */
    ERR_clear_error();
    p->tls_over = true;
}

void
peer_tls_half_hello(struct peer_tls *p, SSL_CTX *ctx, size_t part)
{
    BIO_free(p->out);
    p->out = NULL;
    if (begin_tls(p, ctx) != 0)
        return;
    (void)SSL_do_handshake(p->ssl);
    keep_only(p, part);
    p->tls_over = true;
}

void
peer_tls_read_slowly(struct peer_tls *p, uint64_t rate)
{
    p->reading = PEER_READS_SLOWLY;
    peer_pace_start(&p->pace, rate);
}

void
peer_tls_reset(struct peer_tls *p)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (p->fd < 0)
        return;
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(p->fd);
    p->fd = -1;
    p->end_sent_us = clock_us();
}

bool
peer_tls_wrote_all(const struct peer_tls *p)
{
    if (p->out == NULL)
        return true;
    return p->to_send == 0 && BIO_ctrl_pending(p->out) == 0 &&
           (!p->want_notify || p->notify_sent) && (!p->want_fin || p->fin_sent);
}

static bool
can_write(const struct peer_tls *p)
{
    if (p->fd < 0 || p->hold || p->saw.write_failed_us != 0 || p->saw.ends & OBSERVED_RST)
        return false;
    if (!p->handshaken && !p->tls_over)
        return BIO_ctrl_pending(p->out) != 0;
    return !peer_tls_wrote_all(p);
}

static bool
may_read(const struct peer_tls *p)
{
    if (p->fd < 0 || p->saw.ends & (OBSERVED_FIN | OBSERVED_ERROR))
        return false;
    if (p->reading == PEER_READS_LAST)
        return !can_write(p);
    if (p->reading == PEER_READS_SLOWLY)
        return peer_pace_budget(&p->pace, 1) != 0;
    return p->reading == PEER_READS;
}

/* Nothing that poll() could still tell. */
static bool
is_over(const struct peer_tls *p)
{
    if (p->saw.ends & (OBSERVED_RST | OBSERVED_ERROR))
        return !may_read(p);
    return (p->saw.ends & OBSERVED_FIN) && p->fin_sent && !can_write(p);
}

int
peer_tls_poll(const struct peer_tls *p, struct pollfd *pfd)
{
    bool connecting = p->ssl != NULL && !p->handshaken && !p->tls_over && p->raw_bytes == 0;

    *pfd = (struct pollfd){.fd = -1};
    if (p->fd < 0)
        return -1;
    if (is_over(p))
        return p->reading == PEER_READS_SLOWLY ? PACE_MS : -1;
    pfd->fd = p->fd;
    pfd->events = (short)((may_read(p) ? POLLIN : 0) | (can_write(p) ? POLLOUT : 0));
    if (connecting && !p->hold && SSL_in_before(p->ssl))
        pfd->events |= POLLOUT;
    if (p->reading == PEER_READS_SLOWLY && !may_read(p))
        return peer_pace_wait_ms(&p->pace);
    return -1;
}

/* Follow the records on the wire, so that a FIN in the middle of one is seen as such. */
static void
follow_records(struct peer_tls_frame *f, const uint8_t *bytes, size_t len)
{
    while (len != 0) {
        size_t n = f->left < len ? f->left : len;

        if (n == 0) {
            f->header[f->have++] = *bytes;
            n = 1;
            if (f->have == RECORD_HEADER) {
                f->left = (size_t)f->header[3] << 8 | f->header[4];
                f->have = 0;
            }
        } else {
            f->left -= n;
        }
        bytes += n;
        len -= n;
    }
}

static void
note_tls_failure(struct peer_tls *p, int error)
{
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return;
    p->tls_over = true;
    if (!(p->saw.ends & (OBSERVED_NOTIFY | OBSERVED_ALERT)))
        observe_end(&p->saw, OBSERVED_ERROR);
}

static void
decrypt(struct peer_tls *p)
{
    static uint8_t buf[RECORD_MAX];
    int got;

    ERR_clear_error();
    if (!p->handshaken && !p->tls_over) {
        got = SSL_do_handshake(p->ssl);
        if (got != 1) {
            note_tls_failure(p, SSL_get_error(p->ssl, got));
            return;
        }
        p->handshaken = true;
    }
    while (!p->tls_over) {
        got = SSL_read(p->ssl, buf, sizeof(buf));
        if (got <= 0) {
            note_tls_failure(p, SSL_get_error(p->ssl, got));
            return;
        }
        observe_bytes(&p->saw, buf, (size_t)got);
    }
}

/* Returns whether more may be there. */
static bool
read_some(struct peer_tls *p)
{
    static uint8_t buf[CHUNK_BYTES];
    size_t most = sizeof(buf);
    ssize_t got;

    if (p->reading == PEER_READS_SLOWLY)
        most = peer_pace_budget(&p->pace, most);
    if (most == 0)
        return false;
    got = recv(p->fd, buf, most, 0);
    if (got > 0) {
        p->raw_bytes += (uint64_t)got;
        p->pace.taken += (uint64_t)got;
        follow_records(&p->frame, buf, (size_t)got);
        if (p->tls_over) { /* behind its end, TLS has no bytes that could be read */
            if (p->saw.ends != 0)
                p->saw.late_bytes += (uint64_t)got;
            return true;
        }
        BIO_write(p->in, buf, (int)got);
        decrypt(p);
        return true;
    }
    if (got == 0) {
        if (observe_eof(&p->saw))
            p->saw.fin_in_record = p->frame.have != 0 || p->frame.left != 0;
        else
            p->reading = PEER_READS_NOT;
    } else if (errno != EAGAIN && errno != EINTR) {
        observe_errno(&p->saw, errno);
        return (p->saw.ends & OBSERVED_RST) != 0;
    }
    return false;
}

/* Returns whether all that waits for the wire has been taken. */
static bool
write_pending(struct peer_tls *p, bool fin_follows)
{
    char *data = NULL;
    long len = BIO_get_mem_data(p->out, &data);
    ssize_t put;

    if (len <= 0)
        return true;
    put = send(p->fd, data, (size_t)len, MSG_NOSIGNAL | (fin_follows ? MSG_MORE : 0));
    if (put < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return false;
        p->saw.write_failed_us = clock_us();
        p->to_send = 0;
        observe_errno(&p->saw, errno);
        return false;
    }
    if (put == len)
        (void)BIO_reset(p->out);
    else
        for (char gone[4096]; put > 0;)
            put -= BIO_read(p->out, gone, put < (ssize_t)sizeof(gone) ? (int)put : 4096);
    return BIO_ctrl_pending(p->out) == 0;
}

static void
write_some(struct peer_tls *p)
{
    bool ready = p->handshaken || p->tls_over;
    bool fin_follows;

    if (p->handshaken)
        encrypt(p, AHEAD_BYTES);
    fin_follows = ready && p->want_fin && p->to_send == 0;
    if (!write_pending(p, fin_follows))
        return;
    if (p->notify_sent && p->end_sent_us == 0)
        p->end_sent_us = clock_us();
    if (fin_follows && !p->fin_sent) {
        p->end_sent_us = clock_us();
        p->fin_sent = true;
        shutdown(p->fd, SHUT_WR);
    }
}

void
peer_tls_turn(struct peer_tls *p, short revents)
{
    if (p->fd < 0)
        return;
    if (revents & POLLOUT && p->ssl != NULL && SSL_in_before(p->ssl))
        decrypt(p); /* connected: the ClientHello */
    if (p->handshaken || p->tls_over || p->raw_bytes != 0 || revents & POLLIN)
        while (may_read(p) && read_some(p))
            ;
    if (revents & POLLERR && !(p->saw.ends & OBSERVED_RST))
        peer_note_error(&p->saw, p->fd);
    if (can_write(p) && (revents & POLLOUT || p->raw_bytes != 0))
        write_some(p);
}

void
peer_tls_free(struct peer_tls *p)
{
    peer_tls_reset(p);
    if (p->ssl == NULL)
        BIO_free(p->out);
    SSL_free(p->ssl);
    p->ssl = NULL;
    p->in = p->out = NULL;
}
