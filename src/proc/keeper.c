/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/keeper.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "proc/child.h"
#include "proc/seal.h"
#include "tls/key_keep.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MS 5000

struct answer {
    uint32_t number; /* of the question */
    unsigned char signature[KEY_REMOTE_SIGNATURE_MAX];
};

#define ANSWER_HEAD offsetof(struct answer, signature)

/* ---- The worker's side ---- */

static struct {
    int fd;
    uint32_t asked, answered; /* numbers of questions */
} line = {.fd = -1};

/* The answer to the last question, if it comes until then; its length, or -1. */
static ssize_t
await(struct answer *answer, uint64_t until_ms)
{
    struct pollfd pollfd = {.fd = line.fd, .events = POLLIN};

    for (;;) {
        uint64_t now_ms = clock_ms();
        ssize_t n = recv(line.fd, answer, sizeof(*answer), MSG_DONTWAIT);

        if (n >= (ssize_t)ANSWER_HEAD && answer->number == line.asked) {
            line.answered = answer->number;
            return n - (ssize_t)ANSWER_HEAD;
        }
        if (n > 0)
            continue; /* a late one */
        if (n == 0 || (errno != EAGAIN && errno != EINTR) || now_ms >= until_ms)
            return -1;
        (void)poll(&pollfd, 1, (int)(until_ms - now_ms));
    }
}

static size_t
ask(struct key_remote_request *request, unsigned char *signature)
{
    size_t len = offsetof(struct key_remote_request, data) + request->len;
    struct answer answer;
    ssize_t n;

    if (line.asked != line.answered && await(&answer, 0) < 0)
        return 0;
    request->number = ++line.asked;
    if (send(line.fd, request, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        line.answered = line.asked;
        return 0;
    }
    n = await(&answer, clock_ms() + ANSWER_MS);
    if (n <= 0)
        return 0;
    memcpy(signature, answer.signature, (size_t)n);
    return (size_t)n;
}

void
keeper_use(int fd)
{
    if (line.fd >= 0)
        close(line.fd);
    line.fd = fd;
    line.answered = line.asked;
    key_remote_ask_by(fd >= 0 ? ask : NULL);
}

/* ---- The process ---- */

struct client {
    TAILQ_ENTRY(client) link;
    struct keeper *keeper;
    struct event *event;
    int fd;
};

struct keeper {
    struct event_base *base;
    struct event *messages;
    int channel; /* -1: the master is gone */
    TAILQ_HEAD(, client) clients;
    struct key_keep *keys[3]; /* that are asked for, will be, and have been: somebody may
                                 still be shaking hands */
};

enum {
    NOW,
    NEXT,
    PAST
};

static void
drop_client(struct client *client)
{
    struct keeper *keeper = client->keeper;

    TAILQ_REMOVE(&keeper->clients, client, link);
    if (client->event != NULL)
        event_free(client->event);
    close(client->fd);
    free(client);
    if (keeper->channel < 0 && TAILQ_EMPTY(&keeper->clients))
        (void)event_base_loopbreak(keeper->base);
}

static void
on_question(evutil_socket_t fd, short what ATTR_UNUSED, void *arg)
{
    static struct key_remote_request question;
    struct client *client = arg;
    struct answer answer;
    size_t len = 0;
    ssize_t n = recv(fd, &question, sizeof(question), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < (ssize_t)sizeof(question.number)) {
        drop_client(client);
        return;
    }
    answer.number = question.number;
    for (int i = NOW; len == 0 && i <= PAST; i++)
        len =
            key_keep_sign(client->keeper->keys[i], &question, (size_t)n, answer.signature);
    if (send(fd, &answer, ANSWER_HEAD + len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        drop_client(client);
}

static void
add_client(struct keeper *keeper, struct ipc_message *message)
{
    struct client *client = message->fds == 1 ? calloc(1, sizeof(*client)) : NULL;

    if (client == NULL)
        return;
    client->keeper = keeper;
    client->fd = message->fd[0];
    message->fd[0] = -1;
    TAILQ_INSERT_TAIL(&keeper->clients, client, link);
    client->event =
        event_new(keeper->base, client->fd, EV_READ | EV_PERSIST, on_question, client);
    if (client->event == NULL || event_add(client->event, NULL) < 0)
        drop_client(client);
}

/* ---- Keys ---- */

static void
forget_next(struct keeper *keeper)
{
    key_keep_free(keeper->keys[NEXT]);
    keeper->keys[NEXT] = NULL;
}

static void
open_keys(struct keeper *keeper, const struct ipc_message *message)
{
    struct ipc_failed failed = {.generation = message->u.done.generation};
    size_t len = 0;
    void *list = message->fds == 1 ? seal_map(message->fd[0], &len) : NULL;
    int sent;

    forget_next(keeper);
    if (list != NULL) {
        keeper->keys[NEXT] =
            key_keep_open(list, len, keeper->keys[NOW], failed.words, sizeof(failed.words));
        (void)munmap(list, len);
    }
    if (keeper->keys[NEXT] != NULL)
        sent = ipc_send(keeper->channel, IPC_PREPARED, &message->u.done,
                        sizeof(message->u.done), NULL, 0);
    else
        sent = ipc_send(keeper->channel, IPC_FAILED, &failed,
                        offsetof(struct ipc_failed, words) + strlen(failed.words), NULL, 0);
    if (sent < 0 && errno != EPIPE)
        log_error("the keeper cannot answer the master: %s", strerror(errno));
}

static void
switch_keys(struct keeper *keeper)
{
    if (keeper->keys[NEXT] == NULL)
        return;
    key_keep_free(keeper->keys[PAST]);
    keeper->keys[PAST] = keeper->keys[NOW];
    keeper->keys[NOW] = keeper->keys[NEXT];
    keeper->keys[NEXT] = NULL;
}

/* ---- The master ---- */

static void
dispatch(struct keeper *keeper, struct ipc_message *message)
{
    switch (message->type) {
    case IPC_KEYS:
        open_keys(keeper, message);
        break;
    case IPC_SWITCH:
        switch_keys(keeper);
        break;
    case IPC_FORGET:
        forget_next(keeper);
        break;
    case IPC_KEEPER:
        add_client(keeper, message);
        break;
    case IPC_LOG:
        child_use_log(message);
        break;
    default:
        log_error("the keeper does not know message %u of the master",
                  (unsigned)message->type);
        break;
    }
}

static void
on_master_gone(struct keeper *keeper)
{
    event_free(keeper->messages);
    keeper->messages = NULL;
    close(keeper->channel);
    keeper->channel = -1;
    if (TAILQ_EMPTY(&keeper->clients))
        (void)event_base_loopbreak(keeper->base);
}

static void
on_messages(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct keeper *keeper = arg;
    struct ipc_message message;
    enum ipc_result result;

    while ((result = ipc_receive(keeper->channel, &message)) == IPC_MESSAGE) {
        dispatch(keeper, &message);
        ipc_close_fds(&message);
    }
    if (result == IPC_GONE)
        on_master_gone(keeper);
}

static void
clear(struct keeper *keeper)
{
    struct client *client;

    while ((client = TAILQ_FIRST(&keeper->clients)) != NULL)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who was freed is not in the list */
        drop_client(client);
    for (int i = NOW; i <= PAST; i++)
        key_keep_free(keeper->keys[i]);
    if (keeper->messages != NULL)
        event_free(keeper->messages);
    if (keeper->base != NULL)
        event_base_free(keeper->base);
    if (keeper->channel >= 0)
        close(keeper->channel);
}

int
keeper_main(int channel)
{
    struct keeper keeper = {.channel = channel, .base = event_base_new()};
    struct ipc_message start;
    int status = EXIT_FAILURE;

    TAILQ_INIT(&keeper.clients);
    if (keeper.base == NULL || child_begin(channel, &start) < 0)
        goto out;
    keeper.messages =
        event_new(keeper.base, channel, EV_READ | EV_PERSIST, on_messages, &keeper);
    if (keeper.messages == NULL || event_add(keeper.messages, NULL) < 0 ||
        child_confine(&start.u.start) < 0)
        goto out;
    (void)event_base_dispatch(keeper.base);
    status = EXIT_SUCCESS;
out:
    clear(&keeper);
    return status;
}
