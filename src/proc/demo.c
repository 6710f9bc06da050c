/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/demo.h"

#include "proc/child.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void
on_request(struct evhttp_request *request, void *arg ATTR_UNUSED)
{
    struct evbuffer *body = evbuffer_new();

    if (body == NULL) {
        evhttp_send_error(request, HTTP_INTERNAL, NULL);
        return;
    }
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                      "text/plain; charset=utf-8");
    evbuffer_add_printf(body,
                        "This answer was spoken in plaintext by a small HTTP server.\n"
                        "sallyport put TLS in front of it. You asked for %s\n",
                        evhttp_request_get_uri(request));
    evhttp_send_reply(request, HTTP_OK, "OK", body);
    evbuffer_free(body);
}

int
demo_listen(uint16_t *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 || listen(fd, 128) < 0 ||
        getsockname(fd, (struct sockaddr *)&in, &len) < 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    *port = ntohs(in.sin_port);
    return fd;
}

static struct evhttp *
serve(struct event_base *base, int fd)
{
    struct evhttp *http = evhttp_new(base);

    if (http == NULL || evhttp_accept_socket(http, fd) < 0) {
        close(fd);
        if (http != NULL)
            evhttp_free(http);
        return NULL;
    }
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST);
    evhttp_set_gencb(http, on_request, NULL);
    return http;
}

/* All that the master says after the start is the end of the channel. */
static void
on_channel(evutil_socket_t fd, short what ATTR_UNUSED, void *arg)
{
    struct ipc_message message;
    enum ipc_result result;

    while ((result = ipc_receive(fd, &message)) == IPC_MESSAGE)
        ipc_close_fds(&message);
    if (result == IPC_GONE)
        (void)event_base_loopbreak(arg);
}

int
demo_main(int channel)
{
    struct event_base *base = event_base_new();
    struct event *event = NULL;
    struct evhttp *http = NULL;
    struct ipc_message start;
    int status = EXIT_FAILURE;

    if (base == NULL || child_begin(channel, &start) < 0 || start.fds != 1)
        goto out;
    event = event_new(base, channel, EV_READ | EV_PERSIST, on_channel, base);
    http = serve(base, start.fd[0]);
    if (event == NULL || http == NULL || event_add(event, NULL) < 0 ||
        child_confine(&start.u.start) < 0)
        goto out;
    (void)event_base_dispatch(base);
    status = EXIT_SUCCESS;
out:
    if (http != NULL)
        evhttp_free(http);
    if (event != NULL)
        event_free(event);
    if (base != NULL)
        event_base_free(base);
    return status;
}

void
demo_greet(const struct addr *at)
{
    struct addr where = *at; /* a wildcard is reached by loopback */
    char text[ADDR_TEXT_SIZE];

    if (where.u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&where.u.in6.sin6_addr))
        where.u.in6.sin6_addr = in6addr_loopback;
    else if (where.u.sa.sa_family == AF_INET && where.u.in.sin_addr.s_addr == INADDR_ANY)
        where.u.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    printf("sallyport is listening. Now type, in another terminal:\n\n"
           "    curl -k https://%s/\n\n",
           addr_format(&where, text, sizeof(text)));
    fflush(stdout);
}
