/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/leg_private.h"

#include <errno.h>
#include <string.h>

/*
 * Ciphertext to open: what is pending, and behind it what the socket has; or only the
 * former, where it has not been looked at. Returns as recv().
 */
static ssize_t
fetch(struct leg *leg, size_t size, struct tls_opening *o)
{
    ssize_t n;

    if (leg->due) {
        leg->due = false;
        o->in = leg->pending;
        o->in_len = leg->pending_len;
        return (ssize_t)o->in_len;
    }
    n = leg_receive(leg, leg->loop->cipher + leg->pending_len, size);
    if (n <= 0)
        return n;
    if (leg->pending_len > 0)
        memcpy(leg->loop->cipher, leg->pending, leg->pending_len);
    o->in = leg->loop->cipher;
    o->in_len = leg->pending_len + (size_t)n;
    return n;
}

enum leg_end
leg_record_read(struct leg *leg, size_t quantum, struct leg_chunk *chunk, struct text *why)
{
    size_t size = quantum < LOOP_CIPHER_BYTES ? quantum : LOOP_CIPHER_BYTES;
    struct tls_opening o = {
        .out = leg->loop->plain, .gather = &leg->loop->gather, .why = why};
    ssize_t n = fetch(leg, size, &o);
    enum leg_end end;

    if (n < 0)
        return errno == EAGAIN ? LEG_GOING_ON : LEG_RESET;
    if (n == 0)
        return leg_end_without_notify(leg, leg->pending_len > 0);
    end = leg_end_of(tls_record_open(leg->record, &o));
    if (end == LEG_GOING_ON && leg_is_flood(leg, tls_record_version(leg->record), why))
        end = LEG_TLS_ERROR;
    *chunk = (struct leg_chunk){leg->loop->plain, o.out_len, (size_t)n == size};
    if (leg_keep(leg, o.in, o.in_len) < 0)
        end = LEG_NO_MEMORY;
    /* An alert of ours may have gathered. If it cannot be sent, reading will tell. */
    (void)leg_flush(leg);
    return end;
}

/* Also where it is not allowed to write, or not yet: see leg_error. */
static int
cannot_write(struct leg *leg, bool no_memory)
{
    if (leg->error == 0)
        leg->error = no_memory ? ENOMEM : EPROTO;
    return -1;
}

int
leg_record_write(struct leg *leg, const void *data, size_t len)
{
    bool no_memory;

    if (tls_record_seal(leg->record, data, len, &leg->loop->gather, &no_memory) < 0)
        return cannot_write(leg, no_memory);
    return leg_flush(leg);
}

void
leg_record_shut(struct leg *leg, bool last)
{
    bool no_memory;

    leg->last = last;
    if (tls_record_notify(leg->record, &leg->loop->gather, &no_memory) < 0)
        (void)cannot_write(leg, no_memory);
    else
        (void)leg_flush(leg); /* what fails is in leg_error */
}
