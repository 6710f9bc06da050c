/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/acceptor.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/admit.h"
#include "net/conn.h"
#include "net/refusal.h"
#include "net/sock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Clients accepted in one turn, so that a rush of new ones does not hold up the others. */
#define BURST_MAX 32

#define COMPLAIN_MS 10000

/* Where no connection of ours ends that would free descriptors, try again after that. */
static const struct timeval retry_after = {.tv_usec = 250 * 1000};

/* The log is told now and then only: it must not be flooded by whoever floods us. */
static void
complain(struct acceptor *acceptor, const char *why)
{
    uint64_t now = clock_ms();

    if (acceptor->complained_ms != 0 && now - acceptor->complained_ms < COMPLAIN_MS)
        return;
    acceptor->complained_ms = now;
    log_warning("cannot accept clients of frontend %s: %s; they wait until connections end",
                acceptor->front->config->name, why);
}

static void
pause_accepting(struct acceptor *acceptor, const char *why)
{
    acceptor->paused = true;
    (void)event_del(acceptor->event);
    (void)event_add(acceptor->retry, &retry_after);
    stats_add(&acceptor->loop->page->accept_pauses, 1);
    complain(acceptor, why);
}

void
acceptor_resume(struct acceptor *acceptor)
{
    if (!acceptor->paused || acceptor->fd < 0)
        return;
    if (event_add(acceptor->event, NULL) < 0) {
        (void)event_add(acceptor->retry, &retry_after);
        return;
    }
    acceptor->paused = false;
    (void)event_del(acceptor->retry);
}

static void
on_retry(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    acceptor_resume(arg);
}

/* Errors of accept() that are about the client it would have given, not about us
 * (accept(2)). */
static bool
is_lost_client(int error)
{
    return error != EAGAIN && error != EMFILE && error != ENFILE && error != ENOMEM &&
           error != ENOBUFS;
}

static void
start(struct acceptor *acceptor, int fd, const struct addr *client)
{
    struct loop *loop = acceptor->loop;
    struct front *front = acceptor->front;
    struct admission admission;
    enum reason reason;

    front_count_client(front);
    if (!proxy_in_trusts(front, client))
        reason = REASON_PROXY_UNTRUSTED;
    else /* behind a proxy the client's address is yet to come */
        reason = admit(loop, front, front->config->proxies.count > 0 ? NULL : client,
                       &admission);
    if (reason == REASON_NONE)
        conn_start(loop, front, fd, client, &acceptor->addr, &admission);
    else
        refuse(loop, front, fd, client, &acceptor->addr, reason);
}

/* Would another one lack a descriptor for its backend? */
static bool
is_full(const struct loop *loop)
{
    return loop->live_max > 0 && loop->connections.now >= loop->live_max;
}

/* Accept at most so many. Returns 0, or the errno that has kept it from that; EAGAIN: there
 * were no more. */
static int
accept_some(struct acceptor *acceptor, unsigned max)
{
    for (unsigned i = 0; i < max; i++) {
        struct addr client = {.len = sizeof(client.u)};
        int fd;

        if (is_full(acceptor->loop))
            return i == 0 ? EMFILE : 0; /* with the first, somebody is there */
        fd = accept4(acceptor->fd, &client.u.sa, &client.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            start(acceptor, fd, &client);
        else if (!is_lost_client(errno))
            return errno;
    }
    return 0;
}

static void
on_clients(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct acceptor *acceptor = arg;
    int error = accept_some(acceptor, acceptor->burst);

    /* To ask once too often costs a system call, to come back for the rest a turn. */
    if (error == EAGAIN)
        acceptor->burst = 1;
    else if (acceptor->burst < BURST_MAX)
        acceptor->burst *= 2;
    if (error == EMFILE)
        pause_accepting(acceptor, "all descriptors are in use");
    else if (error != 0 && error != EAGAIN)
        pause_accepting(acceptor, strerror(error));
}

void
acceptor_take_waiting(struct acceptor *acceptor)
{
    if (acceptor->fd >= 0)
        (void)accept_some(acceptor, acceptor->front->config->backlog + 1);
}

int
acceptor_init(struct acceptor *acceptor, struct loop *loop, struct front *front, int fd)
{
    *acceptor = (struct acceptor){.loop = loop, .front = front, .fd = fd, .burst = 1};
    (void)sock_local_addr(fd, &acceptor->addr);
    acceptor->event = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_clients, acceptor);
    acceptor->retry = evtimer_new(loop->base, on_retry, acceptor);
    if (acceptor->event != NULL && acceptor->retry != NULL)
        return 0;
    acceptor_clear(acceptor);
    return -1;
}

void
acceptor_start(struct acceptor *acceptor)
{
    acceptor->paused = true;
    acceptor_resume(acceptor);
}

void
acceptor_clear(struct acceptor *acceptor)
{
    if (acceptor->event != NULL)
        event_free(acceptor->event);
    if (acceptor->retry != NULL)
        event_free(acceptor->retry);
    acceptor->event = acceptor->retry = NULL;
    if (acceptor->fd >= 0)
        close(acceptor->fd);
    acceptor->fd = -1;
}
