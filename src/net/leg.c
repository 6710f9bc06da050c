/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/leg.h"

#include "net/leg_private.h"
#include "net/sock.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than is ever queued. */
#define SINGLE_WRITE_BYTES (1u << 20)

/* With libevent's header of 48 bytes, exactly a chain of 64 KiB. */
#define QUEUE_PIECE_BYTES 65488u

static void
watch(struct leg *leg)
{
    if (!leg->watch_on || leg->watched)
        return;
    /* Without it a RST is noticed later, by a write or a time-out: no reason to fail. */
    leg->watched = hangup_add(leg->loop->hangup, &leg->watch) == 0;
}

/*
 * Reading is often switched off for a moment only. So the loop is told only when something
 * comes that nobody wants; until then a hangup would be noticed here, too.
 */
static void
unregister(struct leg *leg)
{
    leg->registered = false;
    (void)event_del(leg->readable);
    watch(leg);
}

static void
on_event_readable(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct leg *leg = arg;

    if (leg->read_on)
        leg->events->on_readable(leg->owner);
    else
        unregister(leg);
}

static void
on_watch_hangup(struct hangup_watch *watch)
{
    struct leg *leg = (struct leg *)watch; /* its first member */

    leg->events->on_hangup(leg->owner);
}

static void
on_queue_written(struct bufferevent *bev ATTR_UNUSED, void *arg)
{
    struct leg *leg = arg;

    leg->events->on_drained(leg->owner);
}

static void
on_queue_event(struct bufferevent *bev ATTR_UNUSED, short what, void *arg)
{
    struct leg *leg = arg;

    if (!(what & BEV_EVENT_ERROR))
        return;
    /* The write has consumed the socket's error: the next read would see a clean EOF. */
    if (leg->error == 0)
        leg->error = EVUTIL_SOCKET_ERROR();
    leg_drop(leg);
    leg->events->on_broken(leg->owner);
}

static void
on_queue_changed(struct evbuffer *buffer ATTR_UNUSED, const struct evbuffer_cb_info *info,
                 void *arg)
{
    struct leg *leg = arg;

    if (info->n_deleted > 0 && !leg->dropped)
        leg->events->on_progress(leg->owner);
}

struct leg *
leg_new(struct loop *loop, int fd, SSL *ssl, const struct leg_events *events, void *owner)
{
    struct leg *leg = calloc(1, sizeof(*leg));

    if (leg == NULL)
        return NULL;
    leg->loop = loop;
    leg->events = events;
    leg->owner = owner;
    leg->watch.fd = fd;
    leg->watch.on_hangup = on_watch_hangup;
    leg->readable = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_event_readable, leg);
    if (leg->readable == NULL || (ssl != NULL && leg_tls_attach(leg, ssl) < 0)) {
        if (leg->readable != NULL)
            event_free(leg->readable);
        free(leg);
        return NULL;
    }
    return leg;
}

void
leg_set_events(struct leg *leg, const struct leg_events *events, void *owner)
{
    leg->events = events;
    leg->owner = owner;
}

static bool
is_plain(const struct leg *leg)
{
    return leg->ssl == NULL && leg->record == NULL;
}

/* Take the socket out of the loop, before it is closed. Returns it, or -1 if it was closed.
 */
static int
detach(struct leg *leg)
{
    int fd = leg->watch.fd;

    if (fd < 0)
        return -1;
    leg->watch.fd = -1;
    leg->read_on = leg->registered = false;
    event_free(leg->readable);
    leg->readable = NULL;
    if (leg->queue != NULL) {
        leg_drop(leg);
        bufferevent_free(leg->queue);
        leg->queue = NULL;
    }
    return fd;
}

void
leg_close(struct leg *leg)
{
    int fd = detach(leg);

    if (fd < 0)
        return;
    if (!leg->ended)
        sock_drain(fd);
    if (is_plain(leg))
        sock_allow_fin(fd);
    close(fd);
}

void
leg_reset(struct leg *leg)
{
    int fd = detach(leg);

    if (fd >= 0)
        sock_reset(fd);
}

void
leg_free(struct leg *leg)
{
    if (leg == NULL)
        return;
    leg_reset(leg);
    leg_tls_detach(leg);
    free(leg);
}

uint64_t
leg_received(const struct leg *leg)
{
    return leg->received;
}

SSL *
leg_ssl(struct leg *leg)
{
    return leg->ssl;
}

ssize_t
leg_receive(struct leg *leg, void *buf, size_t size)
{
    ssize_t n;

    do
        n = recv(leg->watch.fd, buf, size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        leg->received += (size_t)n;
    leg->ended = n == 0;
    if (n < 0 && errno != EAGAIN && leg->error == 0)
        leg->error = errno;
    return n;
}

/*
 * A RST that a write met first has left the socket's error cleared, and reading ends as
 * after a FIN. EPIPE is what the kernel reports where the FIN had come before the RST.
 */
static enum leg_end
end_of_stream(const struct leg *leg)
{
    return leg->error == 0 || leg->error == EPIPE ? LEG_FIN : LEG_RESET;
}

enum leg_end
leg_read(struct leg *leg, size_t quantum, struct leg_chunk *chunk, struct text *why)
{
    enum leg_end end = LEG_GOING_ON;
    ssize_t n;

    *chunk = (struct leg_chunk){0};
    if (leg->record != NULL) {
        end = leg_record_read(leg, quantum, chunk, why);
    } else if (leg->ssl != NULL) {
        end = leg_tls_read(leg, quantum, chunk, why);
    } else {
        if (quantum > LOOP_PLAIN_BYTES)
            quantum = LOOP_PLAIN_BYTES;
        n = leg_receive(leg, leg->loop->plain, quantum);
        if (n > 0)
            *chunk = (struct leg_chunk){leg->loop->plain, (size_t)n, (size_t)n == quantum};
        else if (n == 0)
            end = end_of_stream(leg);
        else if (errno != EAGAIN)
            end = LEG_RESET;
    }
    if (end == LEG_RESET)
        text_add(why, strerror(leg->error));
    return end;
}

enum leg_end
leg_discard(struct leg *leg, size_t *bytes)
{
    ssize_t n = sock_discard(leg->watch.fd);

    if (n == 0)
        return end_of_stream(leg);
    if (n < 0)
        return errno == EAGAIN ? LEG_GOING_ON : LEG_RESET;
    *bytes += (size_t)n;
    leg->received += (size_t)n;
    return LEG_GOING_ON;
}

bool
leg_has_pending(const struct leg *leg)
{
    return leg->due;
}

void
leg_read_on(struct leg *leg)
{
    if (!leg->registered)
        leg->registered = event_add(leg->readable, NULL) == 0;
    leg->read_on = leg->registered;
}

void
leg_read_off(struct leg *leg)
{
    leg->read_on = false;
}

bool
leg_is_read_on(const struct leg *leg)
{
    return leg->read_on;
}

void
leg_watch(struct leg *leg)
{
    leg->watch_on = true;
    if (!leg->registered)
        watch(leg);
}

static int
queue_new(struct leg *leg)
{
    leg->queue = bufferevent_socket_new(leg->loop->base, leg->watch.fd, 0);
    if (leg->queue == NULL)
        return -1;
    bufferevent_setcb(leg->queue, NULL, on_queue_written, on_queue_event, leg);
    /* What the kernel takes it gets at once, not in libevent's pieces of 16 KiB. */
    if (bufferevent_set_max_single_write(leg->queue, SINGLE_WRITE_BYTES) < 0)
        return -1;
    if (evbuffer_add_cb(bufferevent_get_output(leg->queue), on_queue_changed, leg) == NULL)
        return -1;
    return 0;
}

/*
 * libevent would begin to write by itself, but does not say if it cannot, for want of
 * memory: so it is told to, and asked.
 */
int
leg_enqueue(struct leg *leg, const unsigned char *data, size_t len)
{
    struct evbuffer *output;

    if (leg->queue == NULL && queue_new(leg) < 0)
        return -1;
    output = bufferevent_get_output(leg->queue);
    while (len > 0) {
        size_t piece = len < QUEUE_PIECE_BYTES ? len : QUEUE_PIECE_BYTES;

        if (evbuffer_add(output, data, piece) < 0)
            return -1;
        data += piece;
        len -= piece;
    }
    return bufferevent_enable(leg->queue, EV_WRITE);
}

int
leg_send(struct leg *leg, const unsigned char *data, size_t len)
{
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (leg->last ? MSG_MORE : 0);
    ssize_t sent = 0;

    if (leg->dropped)
        return -1;
    if (leg->ahead_len > 0)
        return leg_send_behind(leg, data, len);
    if (leg_queued(leg) == 0) {
        do
            sent = send(leg->watch.fd, data, len, flags);
        while (sent < 0 && errno == EINTR);
        if (sent < 0 && errno == EAGAIN)
            sent = 0;
        if (sent < 0) {
            if (leg->error == 0)
                leg->error = errno;
            return -1;
        }
    }
    if ((size_t)sent == len || leg_enqueue(leg, data + sent, len - (size_t)sent) == 0)
        return 0;
    if (leg->error == 0)
        leg->error = ENOMEM;
    return -1;
}

int
leg_write(struct leg *leg, const void *data, size_t len)
{
    if (leg->record != NULL)
        return leg_record_write(leg, data, len);
    return leg->ssl != NULL ? leg_tls_write(leg, data, len) : leg_send(leg, data, len);
}

size_t
leg_queued(const struct leg *leg)
{
    if (leg->dropped)
        return 0;
    if (leg->queue == NULL)
        return leg->ahead_len;
    return leg->ahead_len + evbuffer_get_length(bufferevent_get_output(leg->queue));
}

void
leg_settle(struct leg *leg, const struct config_frontend *frontend)
{
    if (!is_plain(leg))
        leg_tls_settle(leg);
    else if (leg->watch.fd >= 0)
        sock_find_vanished(leg->watch.fd, frontend);
}

size_t
leg_unacked(const struct leg *leg)
{
    return leg->watch.fd < 0 ? 0 : sock_unacked(leg->watch.fd);
}

int
leg_fd(const struct leg *leg)
{
    return leg->watch.fd;
}

void
leg_mind_window(struct leg *leg, uint32_t timeout_ms)
{
    if (leg->watch.fd >= 0)
        sock_mind_window(leg->watch.fd, timeout_ms);
}

void
leg_note_error(struct leg *leg, int error)
{
    leg->error = error;
}

int
leg_error(const struct leg *leg)
{
    return leg->error;
}

void
leg_shut(struct leg *leg, bool last)
{
    if (leg->record != NULL)
        leg_record_shut(leg, last);
    else if (leg->ssl != NULL)
        leg_tls_shut(leg, last);
    else
        leg_fin(leg);
}

void
leg_fin(struct leg *leg)
{
    /* ENOTCONN: a RST was faster, and reading will tell. */
    (void)shutdown(leg->watch.fd, SHUT_WR);
}

void
leg_drop(struct leg *leg)
{
    leg->dropped = true;
    if (leg->queue != NULL)
        bufferevent_disable(leg->queue, EV_READ | EV_WRITE);
}
