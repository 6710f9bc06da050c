/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/probe.h"

#include "base/clock.h"
#include "base/text.h"
#include "net/loop.h"
#include "net/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* So much of a wrong answer is told. */
#define ANSWER_TOLD 40

enum phase {
    PHASE_BEGIN,
    PHASE_CONNECT,
    PHASE_SAY,
    PHASE_HEAR
};

struct probe {
    struct loop *loop;
    const struct probe_plan *plan;
    void (*done)(void *owner, enum probe_result result, const char *words);
    void *owner;
    uint64_t deadline_ms;
    enum phase phase;
    struct event *event; /* what is waited for */

    struct addr addr[RESOLVER_ADDRS];
    unsigned count, next; /* addresses, and the one to try next */
    int fd;               /* or -1 */
    int error;            /* of the last address */

    size_t part, sent; /* which of plan->say is being sent, and how much of it is */
    unsigned char answer[PROBE_ANSWER_MAX];
    size_t len;
};

static void
release(struct probe *probe)
{
    if (probe->event != NULL)
        event_free(probe->event);
    probe->event = NULL;
    if (probe->fd >= 0) {
        sock_allow_fin(probe->fd);
        sock_close(probe->fd);
    }
    probe->fd = -1;
}

void
probe_cancel(struct probe *probe)
{
    if (probe == NULL)
        return;
    release(probe);
    free(probe);
}

static void
finish(struct probe *probe, enum probe_result result, const char *words)
{
    release(probe);
    probe->done(probe->owner, result, words);
    free(probe);
}

static void
finish_no_room(struct probe *probe)
{
    finish(probe, PROBE_NO_ROOM, strerror(ENOMEM));
}

/* ---- The answer ---- */

/* Returns whether it may still become what is expected; *is: it is that already. */
static bool
compare(const struct probe *probe, bool *is)
{
    bool may = false;

    *is = false;
    for (size_t i = 0; i < probe->plan->expects; i++) {
        const struct config_blob *e = &probe->plan->expect[i];
        size_t both = e->len < probe->len ? e->len : probe->len;

        if (memcmp(e->data, probe->answer, both) != 0)
            continue;
        may = true;
        *is |= probe->len >= e->len;
    }
    return may;
}

static void
finish_wrong(struct probe *probe, const char *end)
{
    char told[ANSWER_TOLD + 1], buf[4 * ANSWER_TOLD + 80];
    size_t len = probe->len < ANSWER_TOLD ? probe->len : ANSWER_TOLD;
    struct text t;

    memcpy(told, probe->answer, len);
    told[len] = '\0';
    text_init(&t, buf, sizeof(buf));
    if (len == 0) {
        text_addf(&t, "it %s instead of answering", end);
    } else {
        text_add(&t, "it answers ");
        text_add_value(&t, told);
    }
    finish(probe, PROBE_WRONG, buf);
}

static void await(struct probe *probe, enum phase phase, short events, uint64_t until_ms);

static void
hear(struct probe *probe)
{
    bool is = false;
    ssize_t n;

    do
        n = recv(probe->fd, probe->answer + probe->len, sizeof(probe->answer) - probe->len,
                 0);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        await(probe, PHASE_HEAR, EV_READ, probe->deadline_ms);
        return;
    }
    if (n > 0)
        probe->len += (size_t)n;
    if (n > 0 && !compare(probe, &is))
        finish_wrong(probe, "");
    else if (is)
        finish(probe, PROBE_GOOD, "");
    else if (n <= 0)
        finish_wrong(probe, n == 0 ? "closes the connection" : "resets the connection");
    else /* what is expected is not as long as the buffer: there is room left */
        await(probe, PHASE_HEAR, EV_READ, probe->deadline_ms);
}

/* ---- What is said ---- */

static void
say(struct probe *probe)
{
    const struct probe_plan *plan = probe->plan;

    while (probe->part < plan->says) {
        const struct config_blob *part = &plan->say[probe->part];
        ssize_t n = send(probe->fd, (const char *)part->data + probe->sent,
                         part->len - probe->sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            await(probe, PHASE_SAY, EV_WRITE, probe->deadline_ms);
            return;
        }
        if (n < 0)
            break; /* what it has said before may be right all the same */
        probe->sent += (size_t)n;
        if (probe->sent < part->len)
            continue;
        probe->part++;
        probe->sent = 0;
    }
    if (plan->expects > 0)
        hear(probe);
    else if (probe->part < plan->says)
        finish_wrong(probe, "resets the connection");
    else
        finish(probe, PROBE_GOOD, "");
}

/* ---- The connection ---- */

static void
fail(struct probe *probe)
{
    switch (probe->error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL:
        finish(probe, PROBE_NO_ROOM, strerror(probe->error));
        break;
    case EAGAIN: /* of a Unix socket */
        finish(probe, PROBE_TIMEOUT, "its backlog is full");
        break;
    case ETIMEDOUT:
        finish(probe, PROBE_TIMEOUT, strerror(probe->error));
        break;
    default:
        finish(probe, PROBE_NO_CONNECTION, strerror(probe->error));
        break;
    }
}

/* An equal share of what is left for each address that is left. */
static uint64_t
share(const struct probe *probe)
{
    uint64_t now = clock_ms();
    uint64_t left = probe->deadline_ms > now ? probe->deadline_ms - now : 0;

    return now + left / (probe->count - probe->next);
}

/* Try address after address, from the next one. */
static void
connect_next(struct probe *probe)
{
    while (probe->next < probe->count) {
        uint64_t until_ms = share(probe);
        const struct addr *addr = &probe->addr[probe->next++];
        bool connecting = false;

        probe->fd = sock_dial(addr, NULL, false, &connecting);
        if (probe->fd < 0) {
            probe->error = errno;
            continue;
        }
        if (connecting) {
            await(probe, PHASE_CONNECT, EV_WRITE, until_ms);
            return;
        }
        if (!sock_is_itself(probe->fd, addr)) {
            say(probe);
            return;
        }
        probe->error = ECONNREFUSED;
        release(probe);
    }
    fail(probe);
}

static void
on_connect(struct probe *probe, bool timeout)
{
    int error = timeout ? ETIMEDOUT : sock_error(probe->fd);

    if (error == 0 && sock_is_itself(probe->fd, &probe->addr[probe->next - 1]))
        error = ECONNREFUSED;
    if (error == 0) {
        say(probe);
        return;
    }
    probe->error = error;
    release(probe);
    connect_next(probe);
}

/* ---- Events ---- */

static void
on_event(evutil_socket_t fd ATTR_UNUSED, short what, void *arg)
{
    struct probe *probe = arg;
    bool timeout = (what & EV_TIMEOUT) != 0;

    event_free(probe->event);
    probe->event = NULL;
    switch (probe->phase) {
    case PHASE_BEGIN:
        connect_next(probe);
        break;
    case PHASE_CONNECT:
        on_connect(probe, timeout);
        break;
    case PHASE_SAY:
    case PHASE_HEAR:
        if (timeout)
            finish(probe, PROBE_TIMEOUT, "it accepts the connection, but does not answer");
        else if (probe->phase == PHASE_SAY)
            say(probe);
        else
            hear(probe);
        break;
    }
}

static int
add_event(struct probe *probe, short events, uint64_t ms)
{
    struct timeval timeout = clock_timeval(ms);

    probe->event =
        event_new(probe->loop->base, events != 0 ? probe->fd : -1, events, on_event, probe);
    return probe->event == NULL ? -1 : event_add(probe->event, &timeout);
}

static void
await(struct probe *probe, enum phase phase, short events, uint64_t until_ms)
{
    uint64_t now = clock_ms();

    probe->phase = phase;
    if (add_event(probe, events, until_ms > now ? until_ms - now : 0) < 0)
        finish_no_room(probe);
}

struct probe *
probe_start(struct loop *loop, const struct addr *addr, unsigned count,
            const struct probe_plan *plan,
            void (*done)(void *owner, enum probe_result result, const char *words),
            void *owner)
{
    struct probe *probe = calloc(1, sizeof(*probe));

    if (probe == NULL)
        return NULL;
    probe->loop = loop;
    probe->plan = plan;
    probe->done = done;
    probe->owner = owner;
    probe->deadline_ms = clock_ms() + plan->timeout_ms;
    probe->fd = -1;
    probe->error = EHOSTUNREACH;
    probe->count = count < RESOLVER_ADDRS ? count : RESOLVER_ADDRS;
    memcpy(probe->addr, addr, probe->count * sizeof(*addr));
    if (add_event(probe, 0, 0) < 0) {
        probe_cancel(probe);
        return NULL;
    }
    return probe;
}
