/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/demo.h"

#include <errno.h>
#include <event2/buffer.h>
#include <netinet/in.h>
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

struct evhttp *
demo_serve(struct event_base *base, int fd)
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
