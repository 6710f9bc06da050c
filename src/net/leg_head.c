/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands at the head of a stream, in front of what it is about. */
#include "net/leg_private.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum leg_end
leg_peek(struct leg *leg, void *buf, size_t size, size_t *len)
{
    ssize_t n;

    do
        n = recv(leg->watch.fd, buf, size, MSG_PEEK | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    *len = n > 0 ? (size_t)n : 0;
    if (n == 0)
        return LEG_FIN;
    if (n > 0 || errno == EAGAIN)
        return LEG_GOING_ON;
    leg->error = errno;
    return LEG_RESET;
}

/* A look at the bytes does not tell: as long as there are some, it tells of these only. */
enum leg_end
leg_ending(const struct leg *leg)
{
    struct pollfd ended = {.fd = leg->watch.fd, .events = POLLRDHUP};

    if (poll(&ended, 1, 0) <= 0)
        return LEG_GOING_ON;
    return ended.revents & POLLERR ? LEG_RESET : LEG_FIN;
}

void
leg_await(struct leg *leg, size_t len)
{
    int bytes = (int)len;

    /* Should it fail, on_readable comes for each byte, and too often. */
    (void)setsockopt(leg->watch.fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

int
leg_skip(struct leg *leg, size_t len)
{
    ssize_t n;

    /* With MSG_TRUNC TCP throws away without copying (tcp(7)). */
    do
        n = recv(leg->watch.fd, leg->loop->cipher, len, MSG_DONTWAIT | MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)len ? 0 : -1;
}

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
