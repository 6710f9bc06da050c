/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands at the head of a stream, in front of what it is about. */
#include "net/leg_private.h"

#include <errno.h>
#include <sys/socket.h>

void
leg_put_ahead(struct leg *leg, const void *bytes, size_t len)
{
    leg->ahead = bytes;
    leg->ahead_len = len;
}

/* As send(), but of two pieces, and 0 where the kernel takes nothing now. */
static ssize_t
send_both(struct leg *leg, const unsigned char *data, size_t len)
{
    struct iovec pieces[2] = {{(void *)(uintptr_t)leg->ahead, leg->ahead_len},
                              {(void *)(uintptr_t)data, len}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = len > 0 ? 2 : 1};
    ssize_t sent;

    do
        sent = sendmsg(leg->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

int
leg_send_behind(struct leg *leg, const unsigned char *data, size_t len)
{
    size_t ahead_len = leg->ahead_len, of_ahead;
    ssize_t sent = send_both(leg, data, len);

    leg->ahead_len = 0;
    if (sent < 0) {
        if (leg->error == 0)
            leg->error = errno;
        return -1;
    }
    of_ahead = (size_t)sent < ahead_len ? (size_t)sent : ahead_len;
    sent -= (ssize_t)of_ahead;
    if ((of_ahead == ahead_len ||
         leg_enqueue(leg, leg->ahead + of_ahead, ahead_len - of_ahead) == 0) &&
        ((size_t)sent == len || leg_enqueue(leg, data + sent, len - (size_t)sent) == 0))
        return 0;
    if (leg->error == 0)
        leg->error = ENOMEM;
    return -1;
}

int
leg_send_ahead(struct leg *leg)
{
    return leg->ahead_len > 0 ? leg_send_behind(leg, NULL, 0) : 0;
}

void
leg_local_addr(const struct leg *leg, struct addr *addr)
{
    addr->len = sizeof(addr->u);
    if (getsockname(leg->watch.fd, &addr->u.sa, &addr->len) < 0)
        addr->len = 0;
}
