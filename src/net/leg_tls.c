/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/leg_private.h"
#include "tls/tls_err.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/*
 * What a client makes us write by what it sends, and without reading it, has to have an
 * end: refusals of renegotiation (TLS 1.2), answers to KeyUpdate (1.3).
 */
#define REFUSALS_MAX 4
#define UNREAD_ANSWERS_MAX (512u << 10)

/*
 * To take the keys over costs as much as OpenSSL's part of some ten records: a connection
 * that has not so many does without.
 */
#define RELEASE_AFTER_RECORDS 8

/* A handshake message flight fits; what came behind it has to be kept, so read no more. */
#define HANDSHAKE_BYTES (16u << 10)

int
leg_tls_attach(struct leg *leg, SSL *ssl)
{
    BIO *bio;

    leg->bio = calloc(1, sizeof(*leg->bio));
    if (leg->bio == NULL)
        return -1;
    leg->bio->out = &leg->loop->gather;
    bio = tls_bio_new(leg->bio);
    if (bio == NULL) {
        free(leg->bio);
        return -1;
    }
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    leg->ssl = ssl;
    loop_rise(&leg->loop->objects);
    return 0;
}

static void
release(struct leg *leg)
{
    if (leg->ssl != NULL)
        loop_fall(leg->loop, &leg->loop->objects);
    SSL_free(leg->ssl);
    leg->ssl = NULL;
    if (leg->bio != NULL)
        OPENSSL_cleanse(&leg->bio->secrets, sizeof(leg->bio->secrets));
    free(leg->bio);
    leg->bio = NULL;
}

void
leg_expect_release(struct leg *leg)
{
    leg->release = true;
}

/* Somebody changes his keys, and OpenSSL alone knows the new ones (RFC 8446, 4.6.3). */
static void
on_message(int is_write ATTR_UNUSED, int version ATTR_UNUSED, int content_type,
           const void *buf, size_t len, SSL *ssl ATTR_UNUSED, void *arg)
{
    struct leg *leg = arg;

    if (content_type == SSL3_RT_HANDSHAKE && len > 0 &&
        *(const unsigned char *)buf == SSL3_MT_KEY_UPDATE)
        leg->release = false;
}

/* Between two records and two messages, when it pays, go on without the SSL object. */
static void
release_if_due(struct leg *leg)
{
    const struct tls_bio *bio = leg->bio;
    struct tls_keys keys;

    if (!leg->released || !leg->release || bio->shut ||
        bio->read.count + bio->written.count < leg->release_after ||
        tls_bio_in_record(bio) || SSL_has_pending(leg->ssl) || SSL_in_init(leg->ssl))
        return;
    leg->release = false; /* what is not possible now never is */
    if (tls_keys_take(leg->ssl, &keys) == 0)
        leg->record = tls_record_new(&keys);
    OPENSSL_cleanse(&keys, sizeof(keys));
    if (leg->record != NULL)
        release(leg);
}

void
leg_release_ssl(struct leg *leg, bool at_once)
{
    if (leg->ssl == NULL || !leg->release)
        return;
    leg->released = true;
    leg->release_after = at_once ? 0 : RELEASE_AFTER_RECORDS;
    SSL_set_msg_callback(leg->ssl, on_message);
    SSL_set_msg_callback_arg(leg->ssl, leg);
    release_if_due(leg);
}

void
leg_tls_settle(struct leg *leg)
{
    leg->release_after = 0;
    if (leg->ssl != NULL)
        release_if_due(leg);
}

void
leg_tls_detach(struct leg *leg)
{
    release(leg);
    tls_record_free(leg->record);
    free(leg->pending);
}

int
leg_flush(struct leg *leg)
{
    struct tls_gather *gather = &leg->loop->gather;
    size_t len = gather->len;

    gather->len = 0;
    return len == 0 ? 0 : leg_send(leg, gather->data, len);
}

/*
 * Give OpenSSL ciphertext to read: what is pending, or else what the socket has. Returns
 * as recv(); 0: the FIN, which OpenSSL is not told of.
 */
static ssize_t
feed(struct leg *leg, size_t size)
{
    ssize_t n;

    if (leg->due) {
        leg->bio->in = leg->pending;
        leg->bio->in_len = leg->pending_len;
        leg->due = false;
        return (ssize_t)leg->bio->in_len;
    }
    n = leg_receive(leg, leg->loop->cipher, size);
    leg->bio->in = leg->loop->cipher;
    leg->bio->in_len = n > 0 ? (size_t)n : 0;
    return n;
}

/*
 * A FIN without close_notify. OpenSSL does not hear of it: it would answer with an alert,
 * and write no more, though the answer may still be owed (on-truncation = eof).
 */
enum leg_end
leg_end_without_notify(const struct leg *leg, bool in_record)
{
    if (leg->error != 0) /* a RST that a write has met looks like a FIN when reading */
        return LEG_RESET;
    return in_record ? LEG_CUT : LEG_FIN;
}

enum leg_end
leg_end_of(enum tls_verdict verdict)
{
    switch (verdict) {
    case TLS_WANT_READ:
        return LEG_GOING_ON;
    case TLS_NOTIFY:
        return LEG_NOTIFY;
    case TLS_ALERT:
        return LEG_ALERT;
    case TLS_NO_MEMORY:
        return LEG_NO_MEMORY;
    case TLS_PROTOCOL:
    default:
        return LEG_TLS_ERROR;
    }
}

int
leg_keep(struct leg *leg, const unsigned char *bytes, size_t len)
{
    unsigned char *kept = NULL;

    if (len > 0) {
        kept = malloc(len);
        if (kept == NULL)
            return -1;
        memcpy(kept, bytes, len);
    }
    free(leg->pending); /* bytes may have been a part of it */
    leg->pending = kept;
    leg->pending_len = len;
    return 0;
}

/* What came behind the handshake's last message is the worker's scratch: keep it. */
static int
keep_rest(struct leg *leg)
{
    if (leg_keep(leg, leg->bio->in, leg->bio->in_len) < 0)
        return -1;
    leg->due = leg->pending_len > 0;
    leg->bio->in_len = 0;
    return 0;
}

static enum leg_handshake
handshake_step(struct leg *leg, enum leg_end *end, struct text *why)
{
    int ret;

    tls_err_clear();
    ret = leg->release ? tls_keys_shake(leg->ssl) : SSL_do_handshake(leg->ssl);
    if (ret == 1) {
        if (keep_rest(leg) == 0)
            return LEG_HANDSHAKE_DONE;
        *end = LEG_NO_MEMORY;
        return LEG_HANDSHAKE_FAILED;
    }
    *end = leg_end_of(tls_err_judge(leg->ssl, ret, why));
    if (*end == LEG_GOING_ON)
        return LEG_HANDSHAKE_AGAIN;
    if (*end == LEG_NOTIFY)
        text_add(why, "the client said close_notify during the handshake");
    return LEG_HANDSHAKE_FAILED;
}

enum leg_handshake
leg_handshake(struct leg *leg, enum leg_end *end, struct text *why)
{
    enum leg_handshake result;
    ssize_t n = feed(leg, HANDSHAKE_BYTES);

    if (n < 0) {
        if (errno == EAGAIN)
            return LEG_HANDSHAKE_AGAIN;
        text_add(why, strerror(leg->error));
        *end = LEG_RESET;
        return LEG_HANDSHAKE_FAILED;
    }
    if (n == 0) {
        text_add(why, "the client left during the handshake");
        *end = leg_end_without_notify(leg, tls_bio_in_record(leg->bio));
        return LEG_HANDSHAKE_FAILED;
    }
    result = handshake_step(leg, end, why);
    if (leg_flush(leg) < 0 && result != LEG_HANDSHAKE_FAILED) {
        text_add(why, strerror(leg->error));
        *end = leg->error == ENOMEM ? LEG_NO_MEMORY : LEG_RESET;
        return LEG_HANDSHAKE_FAILED;
    }
    return result;
}

bool
leg_is_flood(struct leg *leg, int version, struct text *why)
{
    bool flood = false;

    if (leg->loop->gather.len == 0)
        return false;
    if (version == TLS1_2_VERSION)
        flood = ++leg->refusals > REFUSALS_MAX;
    else
        flood = leg_queued(leg) > UNREAD_ANSWERS_MAX;
    if (flood)
        text_add(why, "too many renegotiations or key updates");
    return flood;
}

/* Has all that came been taken, and all that was decrypted been read? */
static bool
is_empty(const struct leg *leg)
{
    return leg->bio->in_len == 0 && SSL_pending(leg->ssl) == 0;
}

enum leg_end
leg_tls_read(struct leg *leg, size_t quantum, struct leg_chunk *chunk, struct text *why)
{
    size_t size = quantum < LOOP_CIPHER_BYTES ? quantum : LOOP_CIPHER_BYTES;
    unsigned char *plain = leg->loop->plain;
    enum leg_end end;
    size_t len = 0;
    ssize_t n = feed(leg, size);
    int ret;

    if (n < 0)
        return errno == EAGAIN ? LEG_GOING_ON : LEG_RESET;
    if (n == 0)
        return leg_end_without_notify(leg, tls_bio_in_record(leg->bio));
    tls_err_clear();
    /* Plaintext is shorter than its ciphertext: all of it finds room (LOOP_PLAIN_BYTES). */
    do {
        ret = SSL_read(leg->ssl, plain + len, (int)(LOOP_PLAIN_BYTES - len));
        len += ret > 0 ? (size_t)ret : 0;
    } while (ret > 0 && !is_empty(leg));
    end = ret > 0 ? LEG_GOING_ON : leg_end_of(tls_err_judge(leg->ssl, ret, why));
    if (end == LEG_GOING_ON && leg_is_flood(leg, SSL_version(leg->ssl), why))
        end = LEG_TLS_ERROR;
    leg->bio->in_len = 0;
    *chunk = (struct leg_chunk){plain, len, (size_t)n == size};
    /* An alert of ours may have gathered. If it cannot be sent, reading will tell. */
    (void)leg_flush(leg);
    (void)leg_keep(leg, NULL, 0); /* it has been read */
    if (end == LEG_GOING_ON)
        release_if_due(leg);
    return end;
}

/*
 * The BIO takes everything, so that writing fails only without memory, or because the
 * client has sent the first part of a handshake message (KeyUpdate) and not yet the rest.
 */
static int
cannot_write(struct leg *leg, int ret)
{
    int error = tls_err_judge(leg->ssl, ret, NULL) == TLS_NO_MEMORY ? ENOMEM : EPROTO;

    if (leg->error == 0)
        leg->error = error;
    leg->loop->gather.len = 0;
    return -1;
}

int
leg_tls_write(struct leg *leg, const void *data, size_t len)
{
    int ret;

    tls_err_clear();
    ret = SSL_write(leg->ssl, data, (int)len);
    if (ret <= 0 || leg_flush(leg) < 0)
        return ret > 0 ? -1 : cannot_write(leg, ret);
    release_if_due(leg);
    return 0;
}

void
leg_tls_shut(struct leg *leg, bool last)
{
    int ret;

    tls_err_clear();
    leg->last = last;
    ret = SSL_shutdown(leg->ssl);
    leg->bio->shut = true;
    if (ret < 0)
        (void)cannot_write(leg, ret);
    else
        (void)leg_flush(leg); /* what fails is in leg_error */
}
