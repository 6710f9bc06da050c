/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/journal.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/record.h"
#include "net/conn.h"
#include "tls/tls_ctx.h"

#include <stdlib.h>
#include <string.h>

/* The addresses of a record as text. */
struct names {
    char client[ADDR_TEXT_SIZE];
    char proxy[ADDR_TEXT_SIZE];
    char local[ADDR_TEXT_SIZE];
    char backend[ADDR_TEXT_SIZE];
};

static void
write_record(const struct record *r, enum log_level level)
{
    char line[RECORD_LINE_SIZE];
    struct text text;

    text_init(&text, line, sizeof(line));
    if (log_get_format() == LOG_JSON)
        record_format_json(r, log_level_name(level), &text);
    else
        record_format_text(r, log_level_name(level), &text);
    log_line(level, line, text.len);
}

/* What was agreed on, as text; NULL if nothing was. Or no memory: the log does without. */
static char *
copy_alpn(SSL *ssl)
{
    const unsigned char *alpn = NULL;
    unsigned len = 0;

    SSL_get0_alpn_selected(ssl, &alpn, &len);
    return len > 0 ? strndup((const char *)alpn, len) : NULL;
}

void
journal_keep_tls(struct conn *conn)
{
    SSL *ssl = leg_ssl(conn->relay.client);
    struct conn_tls *tls = &conn->tls;

    tls->alpn = copy_alpn(ssl);
    tls->version = SSL_get_version(ssl);
    tls->cipher = SSL_get_cipher_name(ssl);
    tls->group = tls_group_name(ssl);
    tls->resumed = SSL_session_reused(ssl);
}

static void
add_tls_facts(struct record *r, const struct conn *conn)
{
    const struct conn_tls *tls = &conn->tls;

    r->tls = tls->version; /* NULL: the handshake is not done */
    r->cipher = tls->cipher;
    r->group = tls->group;
    r->resumed = tls->resumed;
    r->alpn = tls->alpn;
}

static int64_t
between(uint64_t from_us, uint64_t to_us)
{
    return from_us == 0 || to_us == 0 ? -1 : (int64_t)(to_us - from_us);
}

static void
add_ending(struct record *r, const struct relay *relay)
{
    const struct term *t = &relay->term;

    r->reason = term_reason(t);
    r->first = (enum term_party)t->first;
    r->client_end = (enum term_end)t->client_end;
    r->backend_end = (enum term_end)t->backend_end;
    r->truncated = t->truncated;
    if (relay->error.len > 0)
        r->error = relay->error_text;
    else if (r->reason != REASON_CLEAN)
        r->error = reason_sentence(r->reason);
    r->up_bytes = relay->up.bytes;
    r->down_bytes = relay->down.bytes;
}

/* bytes is what the client has sent: a part of a header, too, is more than a probe. */
static void
add_proxy(struct record *r, const struct proxy_in *proxied, struct names *names,
          uint64_t *bytes)
{
    *bytes += proxied->seen;
    if (proxied->proxy.len > 0)
        r->proxy = addr_format(&proxied->proxy, names->proxy, sizeof(names->proxy));
}

void
journal_write(struct conn *conn)
{
    struct names names;
    struct record r = {
        .start_wall_us = conn->start_wall_us,
        .id = conn->id,
        .client = addr_format(&conn->client_addr, names.client, sizeof(names.client)),
        .frontend = conn->front->config->name,
        .listen = addr_format(conn->local_addr, names.local, sizeof(names.local)),
        .handshake_done = conn->handshake_us != 0,
        .handshake_us = between(conn->start_us, conn->handshake_us),
        .connect_us = between(conn->handshake_us, conn->dialled_us),
        .whole_us = between(conn->start_us, clock_us()),
    };
    uint64_t bytes = leg_received(conn->relay.client);
    enum log_level level;

    add_ending(&r, &conn->relay);
    if (conn->proxied != NULL)
        add_proxy(&r, conn->proxied, &names, &bytes);
    level = record_is_probe(&r, bytes) ? LOG_LEVEL_PROBE : LOG_LEVEL_INFO;
    if (!log_wants(level))
        return;
    if (conn->backend_addr.len > 0)
        r.backend = addr_format(&conn->backend_addr, names.backend, sizeof(names.backend));
    else if (conn->phase == CONN_RELAY)
        r.backend = conn->server_name;
    r.attempts = conn->attempts;
    r.sni = conn->peer.name;
    r.client_cert = conn->peer.identity;
    add_tls_facts(&r, conn);
    write_record(&r, level);
}

void
journal_refusal(uint64_t id, const struct front *front, const struct addr *client,
                const struct addr *local, enum reason reason)
{
    struct names names;
    struct record r = {
        .start_wall_us = clock_wall_us(),
        .id = id,
        .client = addr_format(client, names.client, sizeof(names.client)),
        .frontend = front->config->name,
        .listen = addr_format(local, names.local, sizeof(names.local)),
        .handshake_us = -1,
        .connect_us = -1,
        .reason = reason,
        .error = reason_sentence(reason),
        .first = TERM_SALLYPORT,
    };

    if (log_wants(LOG_LEVEL_INFO))
        write_record(&r, LOG_LEVEL_INFO);
}
