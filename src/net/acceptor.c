/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/acceptor.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/conn.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Clients accepted in one turn, so that a rush of new ones does not hold up the others. */
#define ACCEPTS_PER_TURN 32

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
    return error != EMFILE && error != ENFILE && error != ENOMEM && error != ENOBUFS;
}

static void
start(struct acceptor *acceptor, int fd, const struct addr *client)
{
    struct front *front = acceptor->front;
    uint32_t max = front->config->max_connections;

    if (max > 0 && front->live >= max)
        conn_refuse(acceptor->loop, front, fd, client, &acceptor->addr, REASON_OVERLOAD);
    else
        conn_start(acceptor->loop, front, fd, client, &acceptor->addr);
}

/* Would another one lack a descriptor for its backend? */
static bool
is_full(const struct loop *loop)
{
    return loop->live_max > 0 && loop->live_count >= loop->live_max;
}

static void
on_clients(evutil_socket_t fd, short what ATTR_UNUSED, void *arg)
{
    struct acceptor *acceptor = arg;

    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct addr client = {.len = sizeof(client.u)};
        int client_fd;

        if (is_full(acceptor->loop)) {
            if (i == 0) /* somebody is there */
                pause_accepting(acceptor, "all descriptors are in use");
            return;
        }
        client_fd = accept4(fd, &client.u.sa, &client.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client_fd >= 0) {
            start(acceptor, client_fd, &client);
        } else if (errno == EAGAIN) {
            return;
        } else if (!is_lost_client(errno)) {
            pause_accepting(acceptor, strerror(errno));
            return;
        }
    }
}

int
acceptor_init(struct acceptor *acceptor, struct loop *loop, struct front *front, int fd)
{
    *acceptor = (struct acceptor){.loop = loop, .front = front, .fd = fd};
    acceptor->addr.len = sizeof(acceptor->addr.u);
    if (getsockname(fd, &acceptor->addr.u.sa, &acceptor->addr.len) < 0)
        acceptor->addr.len = 0;
    acceptor->event = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_clients, acceptor);
    acceptor->retry = evtimer_new(loop->base, on_retry, acceptor);
    if (acceptor->event == NULL || acceptor->retry == NULL ||
        event_add(acceptor->event, NULL) < 0) {
        acceptor_clear(acceptor);
        return -1;
    }
    return 0;
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
