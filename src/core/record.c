/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/record.h"

#include <stddef.h>

struct writer {
    struct text *out;
    bool json;
    bool omit_hostile;
    bool begun; /* a field has been written */
};

/* unit stands behind the name in JSON only, where the value cannot carry it. */
static void
add_name(struct writer *w, const char *name, const char *unit)
{
    if (!w->json) {
        text_addf(w->out, "%s%s=", w->begun ? " " : "", name);
    } else {
        text_add(w->out, w->begun ? ",\"" : "{\"");
        for (; *name != '\0'; name++)
            text_add_bytes(w->out, *name == '-' ? "_" : name, 1);
        text_addf(w->out, "%s\":", unit);
    }
    w->begun = true;
}

static void
add_string(struct writer *w, const char *name, const char *string)
{
    add_name(w, name, "");
    if (w->json)
        text_add_json(w->out, string);
    else
        text_add_value(w->out, string);
}

static void
add_hostile_string(struct writer *w, const char *name, const char *string)
{
    if (!w->omit_hostile)
        add_string(w, name, string);
}

static void
add_number(struct writer *w, const char *name, const char *unit, uint64_t number)
{
    add_name(w, name, unit);
    text_addf(w->out, "%llu", (unsigned long long)number);
}

static void
add_time(struct writer *w, const char *name, uint64_t wall_us)
{
    const char *quote = w->json ? "\"" : "";

    add_name(w, name, "");
    text_add(w->out, quote);
    text_add_time(w->out, wall_us);
    text_add(w->out, quote);
}

static void
add_duration(struct writer *w, const char *name, int64_t us)
{
    add_name(w, name, "_ms");
    if (us < 0)
        text_add(w->out, w->json ? "null" : "-");
    else
        text_addf(w->out, "%lld.%03lld%s", (long long)us / 1000, (long long)us % 1000,
                  w->json ? "" : "ms");
}

static void
add_resumed(struct writer *w, const struct record *r)
{
    add_name(w, "resumed", "");
    if (!r->handshake_done)
        text_add(w->out, w->json ? "null" : "-");
    else if (r->resumed)
        text_add(w->out, w->json ? "true" : "yes");
    else
        text_add(w->out, w->json ? "false" : "no");
}

static void
add_truncated(struct writer *w, const struct record *r)
{
    if (!r->truncated)
        return;
    add_name(w, "truncated", "");
    text_add(w->out, w->json ? "true" : "yes");
}

static const char *
message_of(const struct record *r)
{
    if (r->reason == REASON_HANDSHAKE_FAILED || r->reason == REASON_TIMEOUT_HANDSHAKE)
        return "handshake failed";
    return "connection";
}

static void
add_fields(struct writer *w, const struct record *r, const char *level)
{
    add_time(w, "time", r->start_wall_us);
    add_string(w, "level", level);
    add_string(w, "msg", message_of(r));
    add_number(w, "id", "", r->id);
    add_string(w, "client", r->client);
    if (r->proxy != NULL)
        add_string(w, "proxy", r->proxy);
    add_string(w, "frontend", r->frontend);
    add_string(w, "listen", r->listen);
    add_string(w, "backend", r->backend);
    if (r->attempts > 1)
        add_number(w, "attempts", "", r->attempts);
    add_hostile_string(w, "sni", r->sni);
    add_hostile_string(w, "alpn", r->alpn);
    add_string(w, "tls", r->tls);
    add_string(w, "cipher", r->cipher);
    add_string(w, "group", r->group);
    if (r->client_cert != NULL)
        add_hostile_string(w, "client-cert", r->client_cert);
    if (r->error != NULL)
        add_hostile_string(w, "error", r->error);
    add_resumed(w, r);
    add_number(w, "up", "_bytes", r->up_bytes);
    add_number(w, "down", "_bytes", r->down_bytes);
    add_duration(w, "handshake", r->handshake_us);
    add_duration(w, "connect", r->connect_us);
    add_duration(w, "duration", r->whole_us);
    add_string(w, "reason", reason_name(r->reason));
    add_string(w, "first", term_party_name(r->first));
    add_string(w, "client-end", term_end_name(r->client_end));
    add_string(w, "backend-end", term_end_name(r->backend_end));
    add_truncated(w, r);
}

void
record_format_text(const struct record *r, const char *level, struct text *out)
{
    struct writer w = {.out = out, .json = false};

    add_fields(&w, r, level);
}

/* Returns whether it fitted; if not, nothing of it stays behind. */
static bool
try_json(const struct record *r, const char *level, bool omit_hostile, struct text *out)
{
    struct writer w = {.out = out, .json = true, .omit_hostile = omit_hostile};
    size_t start = out->len;

    add_fields(&w, r, level);
    text_add(out, "}");
    if (!out->cut)
        return true;
    out->len = start;
    out->buf[start] = '\0';
    return false;
}

void
record_format_json(const struct record *r, const char *level, struct text *out)
{
    if (try_json(r, level, false, out))
        return;
    out->cut = false;
    (void)try_json(r, level, true, out);
}

bool
record_is_probe(const struct record *r, uint64_t client_bytes)
{
    return client_bytes == 0 && r->first == TERM_THE_CLIENT &&
           (r->client_end == TERM_END_FIN || r->client_end == TERM_END_RST);
}
