/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/proxy_out.h"

#include "core/proxy_write.h"
#include "net/conn.h"
#include "net/sock.h"
#include "tls/tls_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct proxy_head {
    size_t len;
    unsigned char bytes[];
};

static size_t
write_header(const struct conn *conn, enum proxy_version version, unsigned char *buf,
             size_t size)
{
    struct tls_facts tls = {0};
    char unique_id[48];
    struct addr dst;
    struct proxy_facts facts = {.src = &conn->client_addr,
                                .dst = &dst,
                                .alpn = conn->tls.alpn,
                                .authority = conn->peer.name,
                                .unique_id = unique_id,
                                .tls = &tls.told};
    size_t len;

    if (conn->proxied != NULL && conn->proxied->dst.len > 0)
        dst = conn->proxied->dst;
    else
        (void)sock_local_addr(leg_fd(conn->relay.client), &dst);
    if (version == PROXY_V2)
        tls_facts_take(&tls, leg_ssl(conn->relay.client));
    snprintf(unique_id, sizeof(unique_id), "%llu-%llu",
             (unsigned long long)conn->start_wall_us, (unsigned long long)conn->id);
    len = proxy_write(version, &facts, buf, size);
    tls_facts_clear(&tls);
    return len;
}

int
proxy_out_prepare(struct conn *conn, const struct pool *pool)
{
    enum proxy_version version = config_proxy_version(conn->front->config, pool->config);
    unsigned char buf[PROXY_WRITE_MAX];
    size_t len;

    if (version == PROXY_OFF)
        return 0;
    len = write_header(conn, version, buf, sizeof(buf));
    conn->head = malloc(sizeof(*conn->head) + len);
    if (conn->head == NULL)
        return -1;
    conn->head->len = len;
    memcpy(conn->head->bytes, buf, len);
    return 0;
}

void
proxy_out_put(const struct conn *conn, struct leg *backend)
{
    if (conn->head != NULL)
        leg_put_ahead(backend, conn->head->bytes, conn->head->len);
}

void
proxy_out_clear(struct conn *conn)
{
    free(conn->head);
    conn->head = NULL;
}
