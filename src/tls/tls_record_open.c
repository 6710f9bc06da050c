/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_record_private.h"

#include <string.h>

#define WARNING 1
#define FATAL 2

/* libssl's bounds for what a client may send in a row without saying anything. */
#define WARNINGS_MAX 4
#define EMPTIES_MAX 32

/* Each costs some microseconds, and has 27 bytes. In one read. */
#define UPDATES_MAX 32

#define MESSAGE_HEADER 4

/* One record, decrypted. */
struct fragment {
    unsigned type;
    const unsigned char *data;
    size_t len;
};

static enum tls_verdict
fail(struct tls_record *r, struct tls_opening *o, enum record_alert alert,
     const char *words)
{
    r->failed = true;
    record_put_alert(r, FATAL, alert, o->gather);
    text_add(o->why, words);
    return TLS_PROTOCOL;
}

static enum tls_verdict
unexpected(struct tls_record *r, struct tls_opening *o)
{
    return fail(r, o, ALERT_UNEXPECTED_MESSAGE, "unexpected message");
}

/* ---- alerts: RFC 8446, 6; RFC 5246, 7.2 ---- */

static enum tls_verdict
ignore_warning(struct tls_record *r, struct tls_opening *o)
{
    if (++r->warnings > WARNINGS_MAX)
        return fail(r, o, ALERT_UNEXPECTED_MESSAGE, "too many warn alerts");
    return TLS_WANT_READ;
}

static enum tls_verdict
take_alert(struct tls_record *r, struct tls_opening *o, const struct fragment *f)
{
    if (f->len != 2)
        return fail(r, o, ALERT_UNEXPECTED_MESSAGE, "invalid alert");
    if (f->data[1] == ALERT_CLOSE_NOTIFY && (r->is13 || f->data[0] == WARNING)) {
        r->notified = true;
        return TLS_NOTIFY;
    }
    if (r->is13 ? f->data[1] == ALERT_USER_CANCELED : f->data[0] == WARNING)
        return ignore_warning(r, o);
    if (!r->is13 && f->data[0] != FATAL)
        return fail(r, o, ALERT_ILLEGAL_PARAMETER, "unknown alert type");
    r->failed = r->shut = true;
    tls_err_alert(f->data[1], o->why);
    return TLS_ALERT;
}

/* ---- handshake messages: RFC 8446, 4.6.3 ---- */

static enum tls_verdict
take_update(struct tls_record *r, struct tls_opening *o, bool is_last)
{
    unsigned char wants = r->message[MESSAGE_HEADER];

    r->message_len = 0;
    if (wants > 1)
        return fail(r, o, ALERT_ILLEGAL_PARAMETER, "bad key update");
    if (!is_last) /* RFC 8446, 5.1: what follows has another key */
        return fail(r, o, ALERT_UNEXPECTED_MESSAGE, "not on record boundary");
    if (wants == 1)
        r->update_due = true;
    if (++o->updates > UPDATES_MAX)
        return fail(r, o, ALERT_UNEXPECTED_MESSAGE,
                    "too many renegotiations or key updates");
    return record_next_key(r, &r->client) == 0 ? TLS_WANT_READ : TLS_NO_MEMORY;
}

/* A message may come in several records, but has only five bytes. */
static enum tls_verdict
take_message_13(struct tls_record *r, struct tls_opening *o, const struct fragment *f)
{
    size_t room = sizeof(r->message) - r->message_len;
    size_t step = f->len < room ? f->len : room;

    if (f->len == 0)
        return unexpected(r, o);
    memcpy(r->message + r->message_len, f->data, step);
    r->message_len = (unsigned char)(r->message_len + step);
    if (r->message[0] != SSL3_MT_KEY_UPDATE)
        return unexpected(r, o);
    if (r->message_len < MESSAGE_HEADER)
        return TLS_WANT_READ;
    if (memcmp(r->message + 1, "\0\0\1", 3) != 0)
        return fail(r, o, ALERT_DECODE_ERROR, "bad key update");
    if (r->message_len < sizeof(r->message))
        return TLS_WANT_READ;
    return take_update(r, o, step == f->len);
}

/* The header of a message is complete: a ClientHello is refused and passed over. */
static enum tls_verdict
refuse_message(struct tls_record *r, struct tls_opening *o)
{
    if (r->message[0] != SSL3_MT_CLIENT_HELLO)
        return unexpected(r, o);
    r->message_len = 0;
    r->skip = (uint32_t)r->message[1] << 16 | (uint32_t)r->message[2] << 8 | r->message[3];
    record_put_alert(r, WARNING, ALERT_NO_RENEGOTIATION, o->gather);
    return TLS_WANT_READ;
}

static enum tls_verdict
take_message_12(struct tls_record *r, struct tls_opening *o, const struct fragment *f)
{
    enum tls_verdict verdict = TLS_WANT_READ;
    size_t at = 0;

    while (at < f->len && verdict == TLS_WANT_READ) {
        size_t left = f->len - at;
        size_t want = r->skip > 0 ? r->skip : MESSAGE_HEADER - (size_t)r->message_len;
        size_t step = left < want ? left : want;

        if (r->skip > 0) {
            r->skip -= (uint32_t)step;
        } else {
            memcpy(r->message + r->message_len, f->data + at, step);
            r->message_len = (unsigned char)(r->message_len + step);
            if (r->message_len == MESSAGE_HEADER)
                verdict = refuse_message(r, o);
        }
        at += step;
    }
    return verdict;
}

/* ---- records ---- */

static enum tls_verdict
take_fragment(struct tls_record *r, struct tls_opening *o, const struct fragment *f)
{
    if (f->len > 0) {
        r->empties = 0;
        if (f->type != SSL3_RT_ALERT)
            r->warnings = 0;
    } else if (++r->empties > EMPTIES_MAX) {
        return fail(r, o, ALERT_UNEXPECTED_MESSAGE, "record too small");
    }
    /* RFC 8446, 5.1: nothing comes between two parts of a message. */
    if (r->is13 && r->message_len > 0 && f->type != SSL3_RT_HANDSHAKE)
        return unexpected(r, o);
    switch (f->type) {
    case SSL3_RT_APPLICATION_DATA:
        o->out_len += f->len;
        return TLS_WANT_READ;
    case SSL3_RT_ALERT:
        return take_alert(r, o, f);
    case SSL3_RT_HANDSHAKE:
        return r->is13 ? take_message_13(r, o, f) : take_message_12(r, o, f);
    default:
        return unexpected(r, o);
    }
}

/* RFC 8446, 5.4: behind the data stand its type and zeros. */
static bool
strip(struct fragment *f)
{
    while (f->len > 0 && f->data[f->len - 1] == 0)
        f->len--;
    if (f->len == 0)
        return false;
    f->type = f->data[--f->len];
    return true;
}

static enum tls_verdict
take_record(struct tls_record *r, struct tls_opening *o, const unsigned char *header,
            size_t len)
{
    struct fragment f = {header[0], o->out + o->out_len, 0};
    int plain = record_decrypt(r, header, header + RECORD_HEADER, len, o->out + o->out_len);

    if (plain < 0)
        return fail(r, o, ALERT_BAD_RECORD_MAC, "record does not decrypt");
    f.len = (size_t)plain;
    if (f.len > RECORD_PLAIN_MAX + (r->is13 ? 1 : 0))
        return fail(r, o, ALERT_RECORD_OVERFLOW, "record too long");
    if (r->is13 && !strip(&f))
        return unexpected(r, o);
    return take_fragment(r, o, &f);
}

/* What is wrong with a record is known as soon as its header is there. */
static enum tls_verdict
check_header(struct tls_record *r, struct tls_opening *o, const unsigned char *header,
             size_t len)
{
    if (r->is13 ? header[0] != SSL3_RT_APPLICATION_DATA
                : header[0] < SSL3_RT_ALERT || header[0] > SSL3_RT_APPLICATION_DATA)
        return unexpected(r, o);
    if (!r->is13 &&
        (header[1] != TLS1_2_VERSION >> 8 || header[2] != (TLS1_2_VERSION & 255)))
        return fail(r, o, ALERT_PROTOCOL_VERSION, "not TLS");
    if (len > RECORD_PLAIN_MAX + (r->is13 ? 256 : 2048))
        return fail(r, o, ALERT_RECORD_OVERFLOW, "record too long");
    return TLS_WANT_READ;
}

/* Returns whether there was a whole record, or one that is wrong already. */
static bool
open_one(struct tls_record *r, struct tls_opening *o, enum tls_verdict *verdict)
{
    const unsigned char *header = o->in;
    size_t len;

    if (o->in_len < RECORD_HEADER)
        return false;
    len = (size_t)header[3] << 8 | header[4];
    *verdict = check_header(r, o, header, len);
    if (*verdict != TLS_WANT_READ)
        return true;
    if (o->in_len - RECORD_HEADER < len)
        return false;
    o->in += RECORD_HEADER + len;
    o->in_len -= RECORD_HEADER + len;
    *verdict = take_record(r, o, header, len);
    return true;
}

enum tls_verdict
tls_record_open(struct tls_record *r, struct tls_opening *o)
{
    enum tls_verdict verdict = r->notified ? TLS_NOTIFY : TLS_WANT_READ;

    o->out_len = 0;
    o->updates = 0;
    if (r->failed) {
        text_add(o->why, "TLS has failed before");
        verdict = TLS_PROTOCOL;
    }
    while (verdict == TLS_WANT_READ && open_one(r, o, &verdict))
        continue;
    if (verdict == TLS_NO_MEMORY)
        r->failed = r->shut = true;
    if (verdict != TLS_WANT_READ)
        o->in_len = 0;
    return verdict;
}
