/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/proxy_in.h"

#include "core/proxy_read.h"
#include "net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(PROXY_READ_MAX <= LOOP_CIPHER_BYTES, "a header finds room");

bool
proxy_in_trusts(const struct front *front, const struct addr *addr)
{
    const struct config_nets *proxies = &front->config->proxies;

    return proxies->count == 0 || config_nets_contain(proxies, addr);
}

int
proxy_in_init(struct conn *conn)
{
    conn->phase = CONN_HANDSHAKE;
    if (conn->front->config->proxies.count == 0)
        return 0;
    conn->phase = CONN_PROXY;
    conn->proxied = calloc(1, sizeof(*conn->proxied));
    return conn->proxied != NULL ? 0 : -1;
}

void
proxy_in_clear(struct conn *conn)
{
    free(conn->proxied);
    conn->proxied = NULL;
}

bool
proxy_in_has_begun(const struct conn *conn)
{
    return conn->proxied != NULL && (conn->phase != CONN_PROXY || conn->proxied->seen > 0);
}

const char *
proxy_in_awaited(const struct conn *conn)
{
    return conn->phase == CONN_PROXY
               ? "the PROXY header did not come within handshake-timeout"
               : NULL;
}

/* From now on the client is who the header says. */
static void
believe(struct conn *conn, const struct proxy_read *header)
{
    if (!header->is_told)
        return;
    conn->proxied->proxy = conn->client_addr;
    conn->proxied->dst = header->dst;
    conn->client_addr = header->src;
}

static enum proxy_in_status
fail(struct conn *conn, enum term_event *event, struct text *why, const char *phrase)
{
    *event = conn->proxied->seen == 0 ? TERM_PROXY_MISSING : TERM_PROXY_WRONG;
    text_add(why, phrase);
    return PROXY_IN_FAILED;
}

/* Bytes that are a header, or may become one. */
static enum proxy_in_status
take(struct conn *conn, const struct proxy_read *header, enum term_event *event,
     enum leg_end *end, struct text *why)
{
    struct leg *leg = conn->relay.client;

    if (leg_skip(leg, header->len) < 0) {
        *end = LEG_RESET;
        return fail(conn, event, why, "the connection was reset behind its PROXY header");
    }
    conn->proxied->seen = 0;
    believe(conn, header);
    return PROXY_IN_DONE;
}

/*
 * The loop would call back at once, since what has been looked at is still there: it is
 * told how many bytes to wait for.
 */
static enum proxy_in_status
wait_for_more(struct conn *conn, const struct proxy_read *header, enum term_event *event,
              enum leg_end *end, struct text *why)
{
    *end = leg_ending(conn->relay.client);
    if (*end == LEG_RESET)
        return fail(conn, event, why, strerror(ECONNRESET));
    if (*end != LEG_GOING_ON)
        return fail(conn, event, why, "the client left within its PROXY header");
    leg_await(conn->relay.client, header->len);
    conn->proxied->is_awaited = true;
    return PROXY_IN_AGAIN;
}

static enum proxy_in_status
look(struct conn *conn, enum term_event *event, enum leg_end *end, struct text *why)
{
    unsigned char *bytes = conn->loop->cipher;
    struct proxy_read header;
    size_t len;

    *end = leg_peek(conn->relay.client, bytes, PROXY_READ_MAX, &len);
    if (*end == LEG_RESET)
        return fail(conn, event, why, strerror(leg_error(conn->relay.client)));
    if (*end != LEG_GOING_ON)
        return fail(conn, event, why, "the client left before its PROXY header");
    if (len == 0)
        return PROXY_IN_AGAIN;
    conn->proxied->seen = len;
    switch (proxy_read(bytes, len, &header)) {
    case PROXY_READ_DONE:
        return take(conn, &header, event, end, why);
    case PROXY_READ_MORE:
        return wait_for_more(conn, &header, event, end, why);
    case PROXY_READ_MISSING:
        *event = TERM_PROXY_MISSING;
        text_add(why, "the connection begins with something else than a PROXY header");
        return PROXY_IN_FAILED;
    case PROXY_READ_WRONG:
    default:
        text_add(why, "the PROXY header ");
        return fail(conn, event, why, header.wrong);
    }
}

enum proxy_in_status
proxy_in_read(struct conn *conn, enum term_event *event, enum leg_end *end,
              struct text *why)
{
    enum proxy_in_status status = look(conn, event, end, why);

    if (status != PROXY_IN_AGAIN && conn->proxied->is_awaited) {
        leg_await(conn->relay.client, 1);
        conn->proxied->is_awaited = false;
    }
    return status;
}
