/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/hangup.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct hangup {
    int epoll_fd;
    struct event *event;
};

static void
on_ready(evutil_socket_t fd, short what ATTR_UNUSED, void *arg ATTR_UNUSED)
{
    struct epoll_event ready[64];
    int n = epoll_wait(fd, ready, (int)COUNT_OF(ready), 0);

    for (int i = 0; i < n; i++) {
        struct hangup_watch *watch = ready[i].data.ptr;

        /* EPOLLHUP alone is no more than both FINs. */
        if (watch->fd >= 0 && (ready[i].events & EPOLLERR))
            watch->on_hangup(watch);
    }
}

struct hangup *
hangup_new(struct event_base *base)
{
    struct hangup *hangup = calloc(1, sizeof(*hangup));

    if (hangup == NULL)
        return NULL;
    hangup->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (hangup->epoll_fd >= 0)
        hangup->event =
            event_new(base, hangup->epoll_fd, EV_READ | EV_PERSIST, on_ready, NULL);
    if (hangup->event == NULL || event_add(hangup->event, NULL) < 0) {
        hangup_free(hangup);
        return NULL;
    }
    return hangup;
}

void
hangup_free(struct hangup *hangup)
{
    if (hangup == NULL)
        return;
    if (hangup->event != NULL)
        event_free(hangup->event);
    if (hangup->epoll_fd >= 0)
        close(hangup->epoll_fd);
    free(hangup);
}

int
hangup_add(struct hangup *hangup, struct hangup_watch *watch)
{
    /* Errors are always reported; EPOLLET tells each of them once. */
    struct epoll_event event = {.events = EPOLLET, .data.ptr = watch};

    return epoll_ctl(hangup->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event);
}
