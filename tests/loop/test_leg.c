/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/leg.h"

#include "loop/loop_support.h"
#include "net/leg_private.h"
#include "support/check_main.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BULK_BYTES (1u << 20)

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* What the owner of the leg has heard of. */
static struct {
    unsigned readable, drained, progress, broken, hangup;
} heard;

static struct stage stage;
static struct leg *leg;
static int peer;      /* the other end of a plain leg */
static char say[160]; /* the phrase of a read */
static struct text why;

static void
on_readable(void *owner ATTR_UNUSED)
{
    heard.readable++;
    leg_read_off(leg);
}

static void
on_drained(void *owner ATTR_UNUSED)
{
    heard.drained++;
}

static void
on_progress(void *owner ATTR_UNUSED)
{
    heard.progress++;
}

static void
on_broken(void *owner ATTR_UNUSED)
{
    heard.broken++;
}

static void
on_hangup(void *owner ATTR_UNUSED)
{
    heard.hangup++;
}

static const struct leg_events events = {on_readable, on_drained, on_progress, on_broken,
                                         on_hangup};

static bool
is_set(void *arg)
{
    return *(unsigned *)arg > 0;
}

static void
make_plain(bool small)
{
    int fd[2];

    tcp_pair(fd, small);
    leg = leg_new(&stage.loop, fd[0], NULL, &events, &stage);
    ck_assert_ptr_nonnull(leg);
    peer = fd[1];
}

static void
setup(void)
{
    stage_init(&stage);
    memset(&heard, 0, sizeof(heard));
    text_init(&why, say, sizeof(say));
    leg = NULL;
    peer = -1;
}

static void
teardown(void)
{
    leg_free(leg);
    if (peer >= 0)
        close(peer);
    stage_clear(&stage);
}

static enum leg_end
read_leg(struct leg_chunk *chunk)
{
    struct pollfd poll_fd = {.fd = leg->watch.fd, .events = POLLIN};

    ck_assert_int_eq(poll(&poll_fd, 1, 5000), 1);
    return leg_read(leg, LOOP_PLAIN_BYTES, chunk, &why);
}

/* The next thing that a read tells is the end, without bytes. */
static void
must_end(enum leg_end end)
{
    struct leg_chunk chunk;

    ck_assert_int_eq(read_leg(&chunk), end);
    ck_assert_uint_eq(chunk.len, 0);
}

static void
must_read(const char *words)
{
    struct leg_chunk chunk;

    ck_assert_int_eq(read_leg(&chunk), LEG_GOING_ON);
    ck_assert_uint_eq(chunk.len, strlen(words));
    ck_assert_mem_eq(chunk.data, words, chunk.len);
}

/* A RST of the peer is on its way: wait until it is here. */
static void
reset_by_peer(void)
{
    struct pollfd poll_fd = {.fd = leg->watch.fd};

    close_with_rst(peer);
    peer = -1;
    ck_assert_int_eq(poll(&poll_fd, 1, 5000), 1);
    ck_assert(poll_fd.revents & POLLERR);
}

/* ---- a plain leg ---- */

START_TEST(a_read_gives_at_most_a_quantum)
{
    struct leg_chunk chunk;

    make_plain(false);
    ck_assert(send_all(peer, "0123456789", 10));
    await(leg->watch.fd, POLLIN);
    ck_assert_int_eq(leg_read(leg, 4, &chunk, &why), LEG_GOING_ON);
    ck_assert(chunk.full && chunk.len == 4 && memcmp(chunk.data, "0123", 4) == 0);
    ck_assert_int_eq(leg_read(leg, 100, &chunk, &why), LEG_GOING_ON);
    ck_assert(!chunk.full && chunk.len == 6 && memcmp(chunk.data, "456789", 6) == 0);
    ck_assert_int_eq(leg_read(leg, 100, &chunk, &why), LEG_GOING_ON);
    ck_assert_uint_eq(chunk.len, 0);
    ck_assert_uint_eq(leg_received(leg), 10);
    ck_assert(shutdown(peer, SHUT_WR) == 0);
    must_end(LEG_FIN);
    ck_assert_str_eq(say, "");
}
END_TEST

START_TEST(reading_is_level_triggered_and_can_be_turned_off)
{
    make_plain(false);
    ck_assert(send_all(peer, "x", 1));
    stage_settle(&stage);
    ck_assert_uint_eq(heard.readable, 0);
    leg_read_on(leg);
    stage_run(&stage, is_set, &heard.readable);
    ck_assert(!leg_is_read_on(leg));
    stage_settle(&stage);
    ck_assert_uint_eq(heard.readable, 1);
    heard.readable = 0;
    leg_read_on(leg);
    stage_run(&stage, is_set, &heard.readable);
}
END_TEST

/* What the kernel takes at once never meets a bufferevent. */
START_TEST(a_write_that_fits_makes_no_queue)
{
    char buf[8];

    make_plain(false);
    ck_assert_int_eq(leg_write(leg, "hello", 5), 0);
    ck_assert_ptr_null(leg->queue);
    ck_assert_uint_eq(leg_queued(leg), 0);
    ck_assert_uint_eq(recv_some(peer, buf, sizeof(buf)), 5);
}
END_TEST

static size_t
recv_now(int fd, char *buf, size_t size)
{
    ssize_t n = recv(fd, buf, size, MSG_DONTWAIT);

    return n > 0 ? (size_t)n : 0;
}

START_TEST(what_the_kernel_does_not_take_is_queued_and_drained)
{
    char *bulk = make_bulk(BULK_BYTES), *got = malloc(BULK_BYTES + 1);
    size_t len = 0;

    make_plain(true);
    ck_assert_int_eq(leg_write(leg, bulk, BULK_BYTES - 10), 0);
    ck_assert_uint_gt(leg_queued(leg), 0);
    ck_assert_int_eq(leg_write(leg, bulk + BULK_BYTES - 10, 10), 0); /* queues behind */
    while (heard.drained == 0) {
        len += recv_now(peer, got + len, BULK_BYTES + 1 - len);
        ck_assert_int_ge(event_base_loop(stage.loop.base, EVLOOP_NONBLOCK), 0);
    }
    ck_assert_uint_eq(leg_queued(leg), 0);
    ck_assert_uint_gt(heard.progress, 1);
    while (len < BULK_BYTES)
        len += recv_some(peer, got + len, BULK_BYTES + 1 - len);
    ck_assert_uint_eq(len, BULK_BYTES);
    ck_assert_int_eq(memcmp(got, bulk, BULK_BYTES), 0);
    stage_settle(&stage);
    ck_assert_uint_eq(heard.drained, 1);
    ck_assert_uint_eq(heard.broken, 0);
    ck_assert_uint_eq(leg_queued(leg), 0);
    free(bulk);
    free(got);
}
END_TEST

START_TEST(what_is_not_acknowledged_is_told)
{
    char *bulk = make_bulk(BULK_BYTES);
    size_t len;

    make_plain(true);
    ck_assert_int_eq(leg_write(leg, bulk, BULK_BYTES), 0);
    ck_assert_uint_gt(leg_unacked(leg), 0);
    leg_drop(leg);
    ck_assert_uint_eq(leg_queued(leg), 0);
    leg_fin(leg);
    ck_assert_int_eq(drain(peer, &len), 0);
    ck_assert_uint_lt(len, BULK_BYTES);
    ck_assert_uint_eq(leg_unacked(leg), 0);
    free(bulk);
}
END_TEST

START_TEST(a_dropped_leg_writes_nothing)
{
    size_t len;

    make_plain(false);
    leg_drop(leg);
    ck_assert_int_eq(leg_write(leg, "x", 1), -1);
    leg_close(leg);
    ck_assert_int_eq(drain(peer, &len), 0);
    ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(bytes_before_a_reset_are_read)
{
    make_plain(false);
    ck_assert(send_all(peer, "last words", 10));
    reset_by_peer();
    must_read("last words");
    must_end(LEG_RESET);
    ck_assert_int_eq(leg_error(leg), ECONNRESET);
    ck_assert_str_eq(say, strerror(ECONNRESET));
}
END_TEST

/* The write takes the socket's error with it: what follows only looks like a FIN. */
START_TEST(a_write_that_met_a_reset_does_not_hide_it)
{
    make_plain(false);
    ck_assert(send_all(peer, "last words", 10));
    reset_by_peer();
    ck_assert_int_eq(leg_write(leg, "x", 1), -1);
    ck_assert_int_eq(leg_error(leg), ECONNRESET);
    must_read("last words");
    must_end(LEG_RESET);
}
END_TEST

/* EPIPE is what a RST behind a FIN makes: the FIN was said. */
START_TEST(a_reset_behind_a_fin_is_a_fin)
{
    make_plain(false);
    ck_assert(send_all(peer, "answer", 6));
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    reset_by_peer();
    ck_assert_int_eq(leg_write(leg, "x", 1), -1);
    ck_assert_int_eq(leg_error(leg), EPIPE);
    must_read("answer");
    must_end(LEG_FIN);
}
END_TEST

START_TEST(a_queue_that_meets_a_reset_is_broken)
{
    char *bulk = make_bulk(BULK_BYTES);

    make_plain(true);
    ck_assert_int_eq(leg_write(leg, bulk, BULK_BYTES), 0);
    ck_assert(send_all(peer, "last words", 10));
    await(leg->watch.fd, POLLIN);
    reset_by_peer();
    stage_run(&stage, is_set, &heard.broken);
    ck_assert_uint_eq(leg_queued(leg), 0);
    ck_assert_int_eq(leg_error(leg), ECONNRESET);
    ck_assert_uint_eq(heard.drained, 0);
    must_read("last words");
    must_end(LEG_RESET);
    stage_settle(&stage);
    ck_assert_uint_eq(heard.broken, 1);
    free(bulk);
}
END_TEST

START_TEST(discarded_bytes_are_counted)
{
    size_t bytes = 5;

    make_plain(false);
    ck_assert(send_all(peer, "rubbish", 7));
    await(leg->watch.fd, POLLIN);
    ck_assert_int_eq(leg_discard(leg, &bytes), LEG_GOING_ON);
    ck_assert_uint_eq(bytes, 12);
    ck_assert_uint_eq(leg_received(leg), 7);
    ck_assert_int_eq(leg_discard(leg, &bytes), LEG_GOING_ON);
    ck_assert_uint_eq(bytes, 12);
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    await(leg->watch.fd, POLLIN);
    ck_assert_int_eq(leg_discard(leg, &bytes), LEG_FIN);
}
END_TEST

START_TEST(discarding_meets_a_reset)
{
    size_t bytes = 0;

    make_plain(false);
    reset_by_peer();
    ck_assert_int_eq(leg_discard(leg, &bytes), LEG_RESET);
}
END_TEST

/* ---- closing ---- */

START_TEST(close_sends_fin_in_spite_of_unread_bytes)
{
    char *bulk = make_bulk(BULK_BYTES);
    size_t len;

    make_plain(false);
    ck_assert_int_eq(leg_write(leg, "answer", 6), 0);
    ck_assert(send_all(peer, bulk, 200000));
    await(leg->watch.fd, POLLIN);
    leg_close(leg);
    ck_assert_int_eq(drain(peer, &len), 0);
    ck_assert_uint_eq(len, 6);
    free(bulk);
}
END_TEST

START_TEST(close_drops_the_queue)
{
    char *bulk = make_bulk(BULK_BYTES);
    size_t len;

    make_plain(true);
    ck_assert_int_eq(leg_write(leg, bulk, BULK_BYTES), 0);
    leg_close(leg);
    ck_assert_int_eq(drain(peer, &len), 0);
    ck_assert_uint_lt(len, BULK_BYTES);
    stage_settle(&stage);
    ck_assert_uint_eq(heard.drained + heard.broken + heard.progress, 0);
    free(bulk);
}
END_TEST

/* Also on a socket that sock_dial has prepared to end in a RST. */
START_TEST(close_sends_fin_on_a_backend_socket)
{
    struct linger linger = {.l_onoff = 1};
    size_t len;

    make_plain(false);
    ck_assert_int_eq(
        setsockopt(leg->watch.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    ck_assert_int_eq(leg_write(leg, "bytes", 5), 0);
    leg_close(leg);
    ck_assert_int_eq(drain(peer, &len), 0);
    ck_assert_uint_eq(len, 5);
}
END_TEST

START_TEST(reset_sends_rst)
{
    size_t len;

    make_plain(false);
    leg_reset(leg);
    ck_assert_int_eq(drain(peer, &len), ECONNRESET);
}
END_TEST

START_TEST(free_without_close_sends_rst)
{
    size_t len;

    make_plain(false);
    leg_free(leg);
    leg = NULL;
    ck_assert_int_eq(drain(peer, &len), ECONNRESET);
}
END_TEST

START_TEST(fin_leaves_the_other_direction_open)
{
    size_t len;

    make_plain(false);
    ck_assert_int_eq(leg_write(leg, "request", 7), 0);
    leg_shut(leg, false);
    ck_assert_int_eq(drain(peer, &len), 0);
    ck_assert_uint_eq(len, 7);
    ck_assert(send_all(peer, "answer", 6));
    must_read("answer");
}
END_TEST

/* ---- a TLS leg ---- */

static struct tls_client client;
static SSL_CTX *ctx;
static bool keeps_ssl; /* what has to stay with OpenSSL behaves the same */

static void
setup_tls(void)
{
    keeps_ssl = false;
    setup();
    ctx = server_ctx(&stage.frontend);
}

static void
setup_ssl(void)
{
    setup_tls();
    keeps_ssl = true;
}

static void
teardown_tls(void)
{
    teardown();
    tls_client_clear(&client);
    SSL_CTX_free(ctx);
}

static void
make_tls(int version, bool small)
{
    SSL *ssl = SSL_new(ctx);
    int fd[2];

    ck_assert_ptr_nonnull(ssl);
    tcp_pair(fd, small);
    leg = leg_new(&stage.loop, fd[0], ssl, &events, &stage);
    leg_expect_release(leg);
    ck_assert_ptr_nonnull(leg);
    tls_client_init(&client, fd[1], version);
}

static enum leg_handshake
shake_leg(enum leg_end *end)
{
    await(leg->watch.fd, POLLIN);
    return leg_handshake(leg, end, &why);
}

/* Until the leg is done; the client's last flight has behind it what it was told to say. */
static void
shake(const char *words)
{
    enum leg_handshake result = LEG_HANDSHAKE_AGAIN;
    enum leg_end end;

    while (result == LEG_HANDSHAKE_AGAIN) {
        if (!SSL_is_init_finished(client.ssl) && tls_client_shake(&client) && *words != 0)
            tls_client_says(&client, words, strlen(words));
        tls_client_send(&client);
        result = shake_leg(&end);
        (void)tls_client_take(&client);
        if (result == LEG_HANDSHAKE_AGAIN && SSL_is_init_finished(client.ssl))
            continue;
        ck_assert_int_ne(result, LEG_HANDSHAKE_FAILED);
    }
    (void)tls_client_shake(&client); /* TLS 1.2: the server's Finished is the last */
    ck_assert(SSL_is_init_finished(client.ssl));
    if (!keeps_ssl) {
        leg_release_ssl(leg, true);
        ck_assert_ptr_null(leg_ssl(leg));
    }
}

static void
make_shaken(int i, bool small)
{
    make_tls(versions[i], small);
    shake("");
}

static void
client_sends(const char *words)
{
    tls_client_says(&client, words, strlen(words));
    tls_client_send(&client);
}

/* The client hears these words, and (to_end) then that its stream is over. */
static int
client_hears(const char *words, bool to_end)
{
    char buf[256];
    size_t len = 0, more;
    int error;

    do {
        await(client.fd, POLLIN);
        (void)tls_client_take(&client);
        error = tls_client_hears(&client, buf + len, sizeof(buf) - len, &more);
        len += more;
    } while (error == SSL_ERROR_WANT_READ && (to_end || len < strlen(words)));
    ck_assert_uint_eq(len, strlen(words));
    ck_assert_mem_eq(buf, words, len);
    return error;
}

START_TEST(bytes_go_both_ways)
{
    make_shaken(_i, false);
    client_sends("question");
    must_read("question");
    ck_assert_int_eq(leg_write(leg, "answer", 6), 0);
    ck_assert_int_eq(client_hears("answer", false), SSL_ERROR_WANT_READ);
    ck_assert_ptr_null(leg->queue);
    ck_assert_uint_eq(stage.loop.gather.len, 0);
}
END_TEST

/* What came with the Finished is not in the socket any more: no event will tell of it. */
START_TEST(bytes_behind_the_handshake_are_pending)
{
    struct leg_chunk chunk;

    make_tls(TLS1_3_VERSION, false);
    shake("early bird");
    ck_assert(leg_has_pending(leg));
    leg_read_on(leg);
    stage_settle(&stage);
    ck_assert_uint_eq(heard.readable, 0);
    ck_assert_int_eq(leg_read(leg, 16384, &chunk, &why), LEG_GOING_ON);
    ck_assert_uint_eq(chunk.len, 10);
    ck_assert_mem_eq(chunk.data, "early bird", 10);
    ck_assert(!leg_has_pending(leg));
    ck_assert_ptr_null(leg->pending);
    client_sends("more");
    must_read("more");
}
END_TEST

START_TEST(close_notify_behind_the_handshake_is_pending)
{
    struct leg_chunk chunk;
    enum leg_end end;

    make_tls(TLS1_3_VERSION, false);
    (void)tls_client_shake(&client);
    tls_client_send(&client);
    ck_assert_int_eq(shake_leg(&end), LEG_HANDSHAKE_AGAIN);
    (void)tls_client_take(&client);
    ck_assert(tls_client_shake(&client));
    tls_client_says(&client, "bye", 3);
    ck_assert_int_eq(SSL_shutdown(client.ssl), 0);
    tls_client_send(&client);
    ck_assert_int_eq(shake_leg(&end), LEG_HANDSHAKE_DONE);
    if (!keeps_ssl)
        leg_release_ssl(leg, true);
    ck_assert_int_eq(leg_read(leg, 16384, &chunk, &why), LEG_NOTIFY);
    ck_assert_uint_eq(chunk.len, 3);
}
END_TEST

START_TEST(bytes_and_close_notify_come_together)
{
    struct leg_chunk chunk;

    make_shaken(_i, false);
    tls_client_says(&client, "last words", 10);
    ck_assert_int_eq(SSL_shutdown(client.ssl), 0);
    tls_client_send(&client);
    close(client.fd);
    client.fd = -1;
    ck_assert_int_eq(read_leg(&chunk), LEG_NOTIFY);
    ck_assert_uint_eq(chunk.len, 10);
    ck_assert_mem_eq(chunk.data, "last words", 10);
}
END_TEST

/* RFC 8446, 6.1: one direction has ended, the other goes on; also with TLS 1.2. */
START_TEST(directions_end_independently)
{
    make_shaken(_i, false);
    ck_assert_int_eq(SSL_shutdown(client.ssl), 0);
    tls_client_send(&client);
    must_end(LEG_NOTIFY);
    ck_assert_int_eq(leg_write(leg, "the whole answer", 16), 0);
    leg_shut(leg, false);
    ck_assert_int_eq(client_hears("the whole answer", true), SSL_ERROR_ZERO_RETURN);
}
END_TEST

START_TEST(a_leg_that_was_shut_still_reads)
{
    size_t len;
    char buf[4];

    make_shaken(_i, false);
    leg_shut(leg, false);
    await(client.fd, POLLIN);
    (void)tls_client_take(&client);
    ck_assert_int_eq(tls_client_hears(&client, buf, sizeof(buf), &len),
                     SSL_ERROR_ZERO_RETURN);
    client_sends("going on");
    must_read("going on");
}
END_TEST

START_TEST(fin_without_close_notify_is_told_from_a_cut)
{
    make_shaken(_i, false);
    client_sends("bytes");
    ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
    must_read("bytes");
    must_end(LEG_FIN);
}
END_TEST

START_TEST(fin_inside_a_record_is_a_cut)
{
    char *bytes;
    long len;

    make_shaken(_i % 2, false);
    client_sends("whole");
    must_read("whole");
    tls_client_says(&client, "half a record", 13);
    len = BIO_get_mem_data(SSL_get_wbio(client.ssl), &bytes);
    ck_assert(send_all(client.fd, bytes, _i < 2 ? 3 : (size_t)len - 1));
    ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
    must_read("");
    must_end(LEG_CUT);
}
END_TEST

START_TEST(a_reset_under_tls_is_a_reset)
{
    make_shaken(_i, false);
    client_sends("last words");
    await(leg->watch.fd, POLLIN);
    peer = client.fd;
    client.fd = -1;
    reset_by_peer();
    must_read("last words");
    must_end(LEG_RESET);
    ck_assert_str_eq(say, strerror(ECONNRESET));
}
END_TEST

START_TEST(a_write_that_met_a_reset_does_not_hide_it_under_tls)
{
    make_shaken(_i, false);
    client_sends("last words");
    await(leg->watch.fd, POLLIN);
    peer = client.fd;
    client.fd = -1;
    reset_by_peer();
    ck_assert_int_eq(leg_write(leg, "x", 1), -1);
    ck_assert_int_eq(leg_error(leg), ECONNRESET);
    must_read("last words");
    must_end(LEG_RESET);
}
END_TEST

/* A forged record: the client gets the alert that is due. */
START_TEST(a_forged_record_is_a_tls_error)
{
    char buf[16];
    size_t len;

    make_shaken(_i, false);
    client_sends("good");
    tls_client_says(&client, "bad", 3);
    {
        char *bytes;
        long n = BIO_get_mem_data(SSL_get_wbio(client.ssl), &bytes);

        bytes[n - 1] = (char)(bytes[n - 1] ^ 1);
    }
    must_read("good");
    tls_client_send(&client);
    must_end(LEG_TLS_ERROR);
    ck_assert_str_eq(say, "record does not decrypt");
    await(client.fd, POLLIN);
    (void)tls_client_take(&client);
    ck_assert_int_eq(tls_client_hears(&client, buf, sizeof(buf), &len), SSL_ERROR_SSL);
}
END_TEST

START_TEST(an_alert_of_the_client_is_told)
{
    char buf[16];
    size_t len;

    make_shaken(_i, false);
    /* What the leg never would do: the client has to complain. */
    ck_assert(send_all(leg->watch.fd,
                       "\x17\x03\x03\x00\x20"
                       "0123456789abcdef0123456789abcdef",
                       37));
    await(client.fd, POLLIN);
    (void)tls_client_take(&client);
    ck_assert_int_eq(tls_client_hears(&client, buf, sizeof(buf), &len), SSL_ERROR_SSL);
    tls_client_send(&client);
    must_end(LEG_ALERT);
    ck_assert_str_eq(say, "client sent alert: bad record mac");
}
END_TEST

static bool
client_takes(void *arg)
{
    (void)tls_client_take(&client);
    return *(unsigned *)arg > 0;
}

/* close_notify is behind every byte, however slow the client is. */
START_TEST(close_notify_queues_behind_the_bytes)
{
    char *bulk = make_bulk(BULK_BYTES), *got = malloc(BULK_BYTES + 1);
    size_t len = 0, more;
    int error = SSL_ERROR_WANT_READ;

    make_shaken(_i, true);
    for (size_t at = 0; at < BULK_BYTES; at += FLOW_QUANTUM_MAX)
        ck_assert_int_eq(leg_write(leg, bulk + at, FLOW_QUANTUM_MAX), 0);
    ck_assert_uint_gt(leg_queued(leg), 0);
    leg_shut(leg, false);
    stage_run(&stage, client_takes, &heard.drained);
    while (error == SSL_ERROR_WANT_READ && len <= BULK_BYTES) {
        (void)tls_client_take(&client);
        error = tls_client_hears(&client, got + len, BULK_BYTES + 1 - len, &more);
        len += more;
    }
    ck_assert_int_eq(error, SSL_ERROR_ZERO_RETURN);
    ck_assert_uint_eq(len, BULK_BYTES);
    ck_assert_int_eq(memcmp(bulk, got, BULK_BYTES), 0);
    free(bulk);
    free(got);
}
END_TEST

/* Each read decrypts all that came: nothing stays behind in OpenSSL. */
START_TEST(an_upload_arrives_whole)
{
    char *bulk = make_bulk(BULK_BYTES), *got = malloc(BULK_BYTES);
    struct leg_chunk chunk;
    BIO *out;
    size_t len = 0;

    make_shaken(_i, false);
    out = SSL_get_wbio(client.ssl);
    tls_client_says(&client, bulk, BULK_BYTES);
    while (len < BULK_BYTES) {
        char *bytes;
        long left = BIO_get_mem_data(out, &bytes);
        ssize_t n = left > 0 ? send(client.fd, bytes, (size_t)left, MSG_DONTWAIT) : 0;
        char bin[4096];

        for (ssize_t gone = 0; gone < n; gone += (ssize_t)sizeof(bin))
            (void)BIO_read(out, bin, (int)(n - gone < 4096 ? n - gone : 4096));
        ck_assert_int_eq(leg_read(leg, 16384, &chunk, &why), LEG_GOING_ON);
        ck_assert_uint_le(len + chunk.len, BULK_BYTES);
        memcpy(got + len, chunk.data, chunk.len);
        len += chunk.len;
        ck_assert(leg->ssl == NULL || SSL_pending(leg->ssl) == 0);
    }
    ck_assert_int_eq(memcmp(bulk, got, BULK_BYTES), 0);
    free(bulk);
    free(got);
}
END_TEST

/* A record that has begun with the Finished, and goes on much later. */
START_TEST(a_part_of_a_record_behind_the_handshake_is_kept)
{
    struct leg_chunk chunk;
    enum leg_end end;
    char *bytes;
    long flight, len;

    make_tls(TLS1_3_VERSION, false);
    (void)tls_client_shake(&client);
    tls_client_send(&client);
    ck_assert_int_eq(shake_leg(&end), LEG_HANDSHAKE_AGAIN);
    await(client.fd, POLLIN);
    (void)tls_client_take(&client);
    ck_assert(tls_client_shake(&client));
    flight = BIO_get_mem_data(SSL_get_wbio(client.ssl), &bytes);
    tls_client_says(&client, "late bird", 9);
    len = BIO_get_mem_data(SSL_get_wbio(client.ssl), &bytes);
    ck_assert(send_all(client.fd, bytes, (size_t)flight + 7));
    ck_assert_int_eq(shake_leg(&end), LEG_HANDSHAKE_DONE);
    if (!keeps_ssl)
        leg_release_ssl(leg, true);
    ck_assert(leg_has_pending(leg));
    ck_assert_int_eq(leg_read(leg, 16384, &chunk, &why), LEG_GOING_ON);
    ck_assert_uint_eq(chunk.len, 0);
    ck_assert(!leg_has_pending(leg));
    ck_assert(send_all(client.fd, bytes + flight + 7, (size_t)(len - flight - 7)));
    must_read("late bird");
    ck_assert_ptr_null(leg->pending);
}
END_TEST

/* RFC 6066, 4: how large our records may be only OpenSSL knows. */
START_TEST(max_fragment_length_stays_with_openssl)
{
    make_tls(versions[_i], false);
    ck_assert_int_eq(
        SSL_set_tlsext_max_fragment_length(client.ssl, TLSEXT_max_fragment_length_512), 1);
    keeps_ssl = true;
    shake("");
    leg_release_ssl(leg, true);
    ck_assert_ptr_nonnull(leg_ssl(leg));
    client_sends("question");
    must_read("question");
    ck_assert_int_eq(leg_write(leg, "answer", 6), 0);
    ck_assert_int_eq(client_hears("answer", false), SSL_ERROR_WANT_READ);
}
END_TEST

/* RFC 8446, 4.6.3: the answer to a KeyUpdate is ours to send, and both go on. */
START_TEST(a_key_update_is_answered)
{
    make_shaken(1, false);
    ck_assert_int_eq(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    client_sends("new keys");
    must_read("new keys");
    ck_assert_int_eq(leg_write(leg, "mine too", 8), 0);
    ck_assert_int_eq(client_hears("mine too", false), SSL_ERROR_WANT_READ);
    leg_shut(leg, false);
    ck_assert_int_eq(client_hears("", true), SSL_ERROR_ZERO_RETURN);
}
END_TEST

/* ---- when the SSL object goes ---- */

/* After the handshake, with an SSL object that goes when it pays. */
static void
make_patient(int i)
{
    keeps_ssl = true;
    make_shaken(i, false);
    leg_release_ssl(leg, false);
    ck_assert_ptr_nonnull(leg_ssl(leg));
}

static void
exchange(void)
{
    client_sends("question");
    must_read("question");
    ck_assert_int_eq(leg_write(leg, "answer", 6), 0);
    ck_assert_int_eq(client_hears("answer", false), SSL_ERROR_WANT_READ);
}

START_TEST(the_ssl_object_goes_after_some_records)
{
    unsigned rounds = 0;

    make_patient(_i);
    for (; leg_ssl(leg) != NULL && rounds < 10; rounds++)
        exchange();
    ck_assert_uint_gt(rounds, 1);
    ck_assert_uint_lt(rounds, 10);
    exchange();
    ck_assert_int_eq(SSL_shutdown(client.ssl), 0);
    tls_client_send(&client);
    must_end(LEG_NOTIFY);
}
END_TEST

START_TEST(a_leg_that_settles_lets_the_ssl_object_go)
{
    make_patient(_i);
    exchange();
    leg_settle(leg, &stage.frontend);
    ck_assert_ptr_null(leg_ssl(leg));
    exchange();
}
END_TEST

/* OpenSSL has the first part of it. */
START_TEST(it_goes_after_the_record_that_is_under_way)
{
    char *bytes;
    long len;

    make_patient(_i % 2);
    tls_client_says(&client, "question", 8);
    len = BIO_get_mem_data(SSL_get_wbio(client.ssl), &bytes);
    ck_assert(send_all(client.fd, bytes, _i < 2 ? 3 : (size_t)len - 1));
    must_read("");
    leg_settle(leg, &stage.frontend);
    ck_assert_ptr_nonnull(leg_ssl(leg));
    if (_i < 2)
        ck_assert(send_all(client.fd, bytes + 3, (size_t)len - 3));
    else
        ck_assert(send_all(client.fd, bytes + len - 1, 1));
    (void)BIO_reset(SSL_get_wbio(client.ssl));
    must_read("question");
    ck_assert_ptr_null(leg_ssl(leg));
    exchange();
}
END_TEST

/* OpenSSL alone knows the keys that follow. */
START_TEST(it_stays_after_a_key_update)
{
    make_patient(1);
    ck_assert_int_eq(SSL_key_update(client.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    exchange();
    leg_settle(leg, &stage.frontend);
    ck_assert_ptr_nonnull(leg_ssl(leg));
    exchange();
}
END_TEST

/* ---- handshakes that fail ---- */

START_TEST(what_is_not_tls_fails_with_a_phrase)
{
    enum leg_end end;

    make_tls(0, false);
    ck_assert(send_all(client.fd, "GET / HTTP/1.1\r\n\r\n", 18));
    ck_assert_int_eq(shake_leg(&end), LEG_HANDSHAKE_FAILED);
    ck_assert_int_eq(end, LEG_TLS_ERROR);
    ck_assert_str_eq(say, "plain HTTP spoken to a TLS port");
}
END_TEST

START_TEST(a_client_that_leaves_fails_the_handshake)
{
    enum leg_end end;

    make_tls(0, false);
    ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
    ck_assert_int_eq(shake_leg(&end), LEG_HANDSHAKE_FAILED);
    ck_assert_int_eq(end, LEG_FIN);
    ck_assert_str_eq(say, "the client left during the handshake");
}
END_TEST

START_TEST(a_reset_fails_the_handshake)
{
    enum leg_end end;

    make_tls(0, false);
    peer = client.fd;
    client.fd = -1;
    reset_by_peer();
    ck_assert_int_eq(shake_leg(&end), LEG_HANDSHAKE_FAILED);
    ck_assert_int_eq(end, LEG_RESET);
}
END_TEST

/* A hello byte by byte: 'again' until it is whole. */
START_TEST(a_hello_in_pieces_is_awaited)
{
    enum leg_end end;
    char *bytes;
    long len;

    make_tls(TLS1_3_VERSION, false);
    (void)tls_client_shake(&client);
    len = BIO_get_mem_data(SSL_get_wbio(client.ssl), &bytes);
    for (long i = 0; i < len; i++) {
        ck_assert(send_all(client.fd, bytes + i, 1));
        ck_assert_int_eq(shake_leg(&end), LEG_HANDSHAKE_AGAIN);
    }
    ck_assert_int_eq(leg_received(leg), len);
    await(client.fd, POLLIN);
}
END_TEST

/* ---- facts of libevent and the kernel that leg.c rests on ---- */

static struct {
    bool done;
    short what;
} fact;

static void
on_fact(struct bufferevent *bev ATTR_UNUSED, short what, void *arg ATTR_UNUSED)
{
    fact.what = what;
    fact.done = true;
}

static bool
is_fact(void *arg ATTR_UNUSED)
{
    return fact.done;
}

START_TEST(fact_a_write_error_disables_only_writing_and_then_looks_like_eof)
{
    struct bufferevent *bev;
    char *bulk = make_bulk(BULK_BYTES);
    char buf[64];
    int fd[2];

    tcp_pair(fd, true);
    bev = bufferevent_socket_new(stage.loop.base, fd[0], 0);
    ck_assert_ptr_nonnull(bev);
    bufferevent_setcb(bev, NULL, NULL, on_fact, NULL);
    ck_assert_int_eq(bufferevent_enable(bev, EV_WRITE), 0);
    ck_assert_int_eq(bufferevent_write(bev, bulk, BULK_BYTES), 0);
    stage_settle(&stage);
    ck_assert(send_all(fd[1], "last words", 10));
    await(fd[0], POLLIN);
    close_with_rst(fd[1]);
    stage_run(&stage, is_fact, NULL);
    ck_assert_int_eq(fact.what, BEV_EVENT_WRITING | BEV_EVENT_ERROR);
    ck_assert_int_eq(bufferevent_get_enabled(bev) & EV_WRITE, 0);
    ck_assert_uint_gt(evbuffer_get_length(bufferevent_get_output(bev)), 0);
    ck_assert_int_eq(recv(fd[0], buf, sizeof(buf), 0), 10);
    ck_assert_int_eq(recv(fd[0], buf, sizeof(buf), 0), 0); /* no ECONNRESET */
    bufferevent_free(bev);
    close(fd[0]);
    free(bulk);
}
END_TEST

START_TEST(fact_a_socket_closed_with_unread_input_sends_rst)
{
    size_t len;
    int fd[2];

    tcp_pair(fd, false);
    ck_assert(send_all(fd[1], "unread", 6));
    await(fd[0], POLLIN);
    close(fd[0]);
    ck_assert_int_eq(drain(fd[1], &len), ECONNRESET);
    close(fd[1]);
}
END_TEST

START_TEST(fact_a_fin_hides_the_reset_behind_it_from_reading)
{
    char buf[8];
    int fd[2];

    tcp_pair(fd, false);
    ck_assert_int_eq(shutdown(fd[1], SHUT_WR), 0);
    await(fd[0], POLLIN);
    close_with_rst(fd[1]);
    await(fd[0], POLLERR);
    ck_assert_int_eq(recv(fd[0], buf, sizeof(buf), 0), 0);
    ck_assert_int_eq(send(fd[0], "x", 1, MSG_NOSIGNAL), -1);
    ck_assert_int_eq(errno, EPIPE);
    close(fd[0]);
}
END_TEST

/* ---- the suite ---- */

static TCase *
plain_case(void)
{
    TCase *tcase = tcase_create("plain");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 20);
    tcase_add_test(tcase, a_read_gives_at_most_a_quantum);
    tcase_add_test(tcase, reading_is_level_triggered_and_can_be_turned_off);
    tcase_add_test(tcase, a_write_that_fits_makes_no_queue);
    tcase_add_test(tcase, what_the_kernel_does_not_take_is_queued_and_drained);
    tcase_add_test(tcase, what_is_not_acknowledged_is_told);
    tcase_add_test(tcase, a_dropped_leg_writes_nothing);
    tcase_add_test(tcase, bytes_before_a_reset_are_read);
    tcase_add_test(tcase, a_write_that_met_a_reset_does_not_hide_it);
    tcase_add_test(tcase, a_reset_behind_a_fin_is_a_fin);
    tcase_add_test(tcase, a_queue_that_meets_a_reset_is_broken);
    tcase_add_test(tcase, discarded_bytes_are_counted);
    tcase_add_test(tcase, discarding_meets_a_reset);
    tcase_add_test(tcase, close_sends_fin_in_spite_of_unread_bytes);
    tcase_add_test(tcase, close_drops_the_queue);
    tcase_add_test(tcase, close_sends_fin_on_a_backend_socket);
    tcase_add_test(tcase, reset_sends_rst);
    tcase_add_test(tcase, free_without_close_sends_rst);
    tcase_add_test(tcase, fin_leaves_the_other_direction_open);
    tcase_add_test(tcase, fact_a_write_error_disables_only_writing_and_then_looks_like_eof);
    tcase_add_test(tcase, fact_a_socket_closed_with_unread_input_sends_rst);
    tcase_add_test(tcase, fact_a_fin_hides_the_reset_behind_it_from_reading);
    return tcase;
}

static TCase *
tls_case(const char *name, SFun set_up)
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, set_up, teardown_tls);
    tcase_set_timeout(tcase, 20);
    tcase_add_loop_test(tcase, bytes_go_both_ways, 0, 2);
    tcase_add_test(tcase, bytes_behind_the_handshake_are_pending);
    tcase_add_test(tcase, close_notify_behind_the_handshake_is_pending);
    tcase_add_loop_test(tcase, bytes_and_close_notify_come_together, 0, 2);
    tcase_add_loop_test(tcase, directions_end_independently, 0, 2);
    tcase_add_loop_test(tcase, a_leg_that_was_shut_still_reads, 0, 2);
    tcase_add_loop_test(tcase, fin_without_close_notify_is_told_from_a_cut, 0, 2);
    tcase_add_loop_test(tcase, fin_inside_a_record_is_a_cut, 0, 4);
    tcase_add_loop_test(tcase, a_reset_under_tls_is_a_reset, 0, 2);
    tcase_add_loop_test(tcase, a_write_that_met_a_reset_does_not_hide_it_under_tls, 0, 2);
    tcase_add_loop_test(tcase, a_forged_record_is_a_tls_error, 0, 2);
    tcase_add_loop_test(tcase, an_alert_of_the_client_is_told, 0, 2);
    tcase_add_loop_test(tcase, close_notify_queues_behind_the_bytes, 0, 2);
    tcase_add_loop_test(tcase, an_upload_arrives_whole, 0, 2);
    tcase_add_test(tcase, a_part_of_a_record_behind_the_handshake_is_kept);
    tcase_add_loop_test(tcase, max_fragment_length_stays_with_openssl, 0, 2);
    tcase_add_test(tcase, a_key_update_is_answered);
    tcase_add_loop_test(tcase, the_ssl_object_goes_after_some_records, 0, 2);
    tcase_add_loop_test(tcase, a_leg_that_settles_lets_the_ssl_object_go, 0, 2);
    tcase_add_loop_test(tcase, it_goes_after_the_record_that_is_under_way, 0, 4);
    tcase_add_test(tcase, it_stays_after_a_key_update);
    tcase_add_test(tcase, what_is_not_tls_fails_with_a_phrase);
    tcase_add_test(tcase, a_client_that_leaves_fails_the_handshake);
    tcase_add_test(tcase, a_reset_fails_the_handshake);
    tcase_add_test(tcase, a_hello_in_pieces_is_awaited);
    return tcase;
}

static Suite *
leg_suite(void)
{
    Suite *suite = suite_create("leg");

    suite_add_tcase(suite, plain_case());
    suite_add_tcase(suite, tls_case("tls", setup_tls));
    suite_add_tcase(suite, tls_case("tls by OpenSSL", setup_ssl));
    return suite;
}

CHECK_MAIN(leg_suite)
