/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/ipc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Aligned as the header of ancillary data has to be. */
union ancillary {
    struct cmsghdr header;
    char room[CMSG_SPACE(IPC_FDS_MAX * sizeof(int))];
};

/* What the contents of a type are at least; a type that is not here may be empty. */
static const size_t least_bytes[] = {
    [IPC_START] = sizeof(struct ipc_start),
    [IPC_CONFIG] = sizeof(struct ipc_config),
    [IPC_KEYS] = sizeof(struct ipc_done),
    [IPC_LOG] = sizeof(struct ipc_log),
    [IPC_PREPARED] = sizeof(struct ipc_done),
    [IPC_SERVING] = sizeof(struct ipc_done),
    [IPC_DRAIN] = sizeof(struct ipc_drain),
    [IPC_FAILED] = offsetof(struct ipc_failed, words),
    [IPC_ASK] = sizeof(struct ipc_ask),
    [IPC_ANSWER] = sizeof(struct ipc_answer),
};

int
ipc_pair(int end[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, end);
}

static void
attach_fds(struct msghdr *header, union ancillary *ancillary, const int *fd, size_t fds)
{
    struct cmsghdr *cmsg;

    memset(ancillary, 0, sizeof(*ancillary));
    header->msg_control = ancillary->room;
    header->msg_controllen = CMSG_SPACE(fds * sizeof(int));
    cmsg = CMSG_FIRSTHDR(header);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(fds * sizeof(int));
    memcpy(CMSG_DATA(cmsg), fd, fds * sizeof(int));
}

int
ipc_send(int channel, enum ipc_type type, const void *data, size_t len, const int *fd,
         size_t fds)
{
    uint32_t number = type;
    struct iovec part[2] = {
        {.iov_base = &number, .iov_len = sizeof(number)},
        {.iov_base = (void *)(uintptr_t)data, .iov_len = len},
    };
    struct msghdr header = {.msg_iov = part, .msg_iovlen = 2};
    union ancillary ancillary;
    ssize_t sent;

    if (len > IPC_BYTES_MAX || fds > IPC_FDS_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    if (fds > 0)
        attach_fds(&header, &ancillary, fd, fds);
    do
        sent = sendmsg(channel, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    /* The kernel tells once, in this way, that the other side closed with messages unread.
     */
    if (sent < 0 && errno == ECONNRESET)
        errno = EPIPE;
    return sent < 0 ? -1 : 0;
}

static void
detach_fds(struct msghdr *header, struct ipc_message *message)
{
    struct cmsghdr *cmsg;

    for (cmsg = CMSG_FIRSTHDR(header); cmsg != NULL; cmsg = CMSG_NXTHDR(header, cmsg)) {
        size_t bytes = cmsg->cmsg_len - CMSG_LEN(0);

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        memcpy(message->fd, CMSG_DATA(cmsg), bytes);
        message->fds = bytes / sizeof(int);
    }
}

/* Are there all the bytes that the receiver will look at? */
static bool
is_whole(const struct ipc_message *message)
{
    size_t type = message->type;

    if (type == IPC_LISTENERS)
        return message->len >= message->fds * sizeof(struct ipc_listener);
    return type >= COUNT_OF(least_bytes) || message->len >= least_bytes[type];
}

/*
 * An ECONNRESET says that the other side closed with messages unread; it comes before those
 * that it had sent itself, a worker's last words for instance. They are still there.
 */
static ssize_t
take_bytes(int channel, struct msghdr *header)
{
    ssize_t got;

    do
        got = recvmsg(channel, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    return got;
}

enum ipc_result
ipc_receive(int channel, struct ipc_message *message)
{
    uint32_t number = 0;
    struct iovec part[2] = {
        {.iov_base = &number, .iov_len = sizeof(number)},
        {.iov_base = message->u.bytes, .iov_len = IPC_BYTES_MAX},
    };
    union ancillary ancillary;
    struct msghdr header = {.msg_iov = part,
                            .msg_iovlen = 2,
                            .msg_control = ancillary.room,
                            .msg_controllen = sizeof(ancillary.room)};
    ssize_t got = take_bytes(channel, &header);

    message->fds = 0;
    message->len = 0;
    if (got < 0 && errno == EAGAIN)
        return IPC_NOTHING;
    if (got < 0)
        return IPC_GONE;
    detach_fds(&header, message);
    if (got >= (ssize_t)sizeof(number)) {
        message->type = number;
        message->len = (size_t)got - sizeof(number);
        message->u.bytes[message->len] = '\0';
        if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && is_whole(message))
            return IPC_MESSAGE;
    }
    ipc_close_fds(message);
    return IPC_GONE;
}

void
ipc_close_fds(struct ipc_message *message)
{
    for (size_t i = 0; i < message->fds; i++)
        if (message->fd[i] >= 0)
            close(message->fd[i]);
    message->fds = 0;
}
