/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "proc/metrics.h"

#include "proc/metrics_private.h"

#include <event2/event.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>

/* So many certificates of a frontend have a series of their own. */
#define CERTS_LISTED 200

/* ---- A series: its name and labels, then its value ---- */

static const char *
escape_label(unsigned char byte)
{
    switch (byte) {
    case '\\':
        return "\\\\";
    case '"':
        return "\\\"";
    case '\n':
        return "\\n";
    default:
        return NULL;
    }
}

static void
add_label(struct metrics *m, const char *comma, const char *name, const char *value)
{
    writer_addf(&m->w, "%s%s=\"", comma, name);
    writer_add_escaped(&m->w, value, escape_label);
    writer_add(&m->w, "\"");
}

static void
begin(struct metrics *m, const char *suffix, const char *label, const char *value)
{
    writer_addf(&m->w, "%s%s{", m->family, suffix);
    add_label(m, "", label, value);
}

static void
and_label(struct metrics *m, const char *name, const char *value)
{
    add_label(m, ",", name, value);
}

static void
end(struct metrics *m, uint64_t value)
{
    writer_addf(&m->w, "} %" PRIu64 "\n", value);
}

void
metrics_add(struct metrics *m, const char *const *label, uint64_t value)
{
    begin(m, "", label[0], label[1]);
    for (label += 2; *label != NULL; label += 2)
        and_label(m, label[0], label[1]);
    end(m, value);
}

static void
add_plain(struct metrics *m, uint64_t value)
{
    writer_addf(&m->w, "%s %" PRIu64 "\n", m->family, value);
}

static void
add_seconds(struct metrics *m, uint64_t us)
{
    writer_addf(&m->w, " %" PRIu64 ".%06u\n", us / 1000000, (unsigned)(us % 1000000));
}

static void
add_plain_seconds(struct metrics *m, uint64_t us)
{
    writer_add(&m->w, m->family);
    add_seconds(m, us);
}

/* ---- Families of frontends ---- */

static void
add_one(struct metrics *m, const char *frontend, uint64_t value)
{
    begin(m, "", "frontend", frontend);
    end(m, value);
}

static void
add_connections(struct metrics *m, const char *frontend, const struct stats_front *s)
{
    for (enum reason reason = REASON_CLEAN; reason < REASONS; reason++) {
        begin(m, "", "frontend", frontend);
        and_label(m, "reason", reason_name(reason));
        and_label(m, "blame", blame_name(reason_blame(reason)));
        end(m, s->ended[reason]);
    }
}

static void
add_accepted(struct metrics *m, const char *frontend, const struct stats_front *s)
{
    add_one(m, frontend, s->accepted);
}

static void
add_live(struct metrics *m, const char *frontend, const struct stats_front *s)
{
    add_one(m, frontend, s->live);
}

static void
add_truncations(struct metrics *m, const char *frontend, const struct stats_front *s)
{
    add_one(m, frontend, s->truncated);
}

static void
add_acme_refusals(struct metrics *m, const char *frontend, const struct stats_front *s)
{
    add_one(m, frontend, s->acme_refused);
}

static void
add_handshake(struct metrics *m, const char *frontend, const char *version,
              const char *cipher, const char *result, uint64_t value)
{
    begin(m, "", "frontend", frontend);
    and_label(m, "version", version);
    and_label(m, "cipher", cipher);
    and_label(m, "result", result);
    end(m, value);
}

/* There are many combinations of versions and suites, and few that are ever seen. */
static void
add_handshakes(struct metrics *m, const char *frontend, const struct stats_front *s)
{
    static const char *const results[2] = {"full", "resumed"};

    for (unsigned i = 0; i < STATS_VERSIONS * STATS_CIPHERS * 2; i++) {
        unsigned version = i / (STATS_CIPHERS * 2), cipher = i / 2 % STATS_CIPHERS;
        uint64_t count = s->handshakes[version][cipher][i % 2];

        if (count > 0)
            add_handshake(m, frontend, stats_version_name(version),
                          stats_cipher_name(cipher), results[i % 2], count);
    }
    add_handshake(m, frontend, "", "", "failed", s->ended[REASON_HANDSHAKE_FAILED]);
    add_handshake(m, frontend, "", "", "timeout", s->ended[REASON_TIMEOUT_HANDSHAKE]);
}

static void
add_histogram(struct metrics *m, const char *frontend, const struct stats_histogram *h)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < STATS_BOUNDS; i++) {
        count += h->bucket[i];
        begin(m, "_bucket", "frontend", frontend);
        writer_addf(&m->w, ",le=\"%g\"", stats_bounds_us[i] / 1e6);
        end(m, count);
    }
    count += h->bucket[STATS_BOUNDS];
    begin(m, "_bucket", "frontend", frontend);
    and_label(m, "le", "+Inf");
    end(m, count);
    begin(m, "_sum", "frontend", frontend);
    writer_add(&m->w, "}");
    add_seconds(m, h->sum_us);
    begin(m, "_count", "frontend", frontend);
    end(m, count);
}

static void
add_handshake_times(struct metrics *m, const char *frontend, const struct stats_front *s)
{
    add_histogram(m, frontend, &s->handshake);
}

static void
add_bytes(struct metrics *m, const char *frontend, const struct stats_front *s)
{
    begin(m, "", "frontend", frontend);
    and_label(m, "direction", "up");
    end(m, s->up_bytes);
    begin(m, "", "frontend", frontend);
    and_label(m, "direction", "down");
    end(m, s->down_bytes);
}

static void
add_dials(struct metrics *m, const char *frontend, const struct stats_front *s)
{
    for (enum stats_dial dial = 0; dial < STATS_DIALS; dial++) {
        begin(m, "", "frontend", frontend);
        and_label(m, "result", stats_dial_name(dial));
        end(m, s->dials[dial]);
    }
}

static void
add_dial_times(struct metrics *m, const char *frontend, const struct stats_front *s)
{
    add_histogram(m, frontend, &s->dial);
}

/* ---- Families of the whole ---- */

static void
add_reloads(struct metrics *m)
{
    begin(m, "", "result", "success");
    end(m, m->view->reloads_good);
    begin(m, "", "result", "failure");
    end(m, m->view->reloads_bad);
}

/* The configuration that it started with was a good one. */
static void
add_last_reload_good(struct metrics *m)
{
    add_plain(m, m->view->last_reload_us == 0 || m->view->last_reload_good);
}

static void
add_last_reload(struct metrics *m)
{
    add_plain_seconds(m, m->view->last_reload_us);
}

static void
add_config_time(struct metrics *m)
{
    add_plain_seconds(m, m->view->config_us);
}

/* They stand frontend by frontend. */
static bool
is_first_of_frontend(const struct view *view, size_t i)
{
    return i == 0 || strcmp(view->cert[i - 1].frontend, view->cert[i].frontend) != 0;
}

static void
add_nearest_expiry(struct metrics *m)
{
    const struct view *view = m->view;

    for (size_t i = 0, next; i < view->certs; i = next) {
        uint64_t nearest = view->cert[i].not_after_us;

        for (next = i + 1; next < view->certs && !is_first_of_frontend(view, next); next++)
            if (view->cert[next].not_after_us < nearest)
                nearest = view->cert[next].not_after_us;
        add_one(m, view->cert[i].frontend, nearest / 1000000);
    }
}

static void
add_certs(struct metrics *m)
{
    size_t listed = 0;

    for (size_t i = 0; i < m->view->certs; i++) {
        const struct view_cert *cert = &m->view->cert[i];

        listed = is_first_of_frontend(m->view, i) ? 1 : listed + 1;
        if (listed > CERTS_LISTED)
            continue;
        begin(m, "", "frontend", cert->frontend);
        and_label(m, "file", cert->file);
        and_label(m, "subject", cert->subject);
        end(m, cert->not_after_us / 1000000);
    }
}

static void
add_staple(struct metrics *m, const struct view_staple *staple, uint64_t us)
{
    begin(m, "", "frontend", staple->frontend);
    and_label(m, "file", staple->file);
    end(m, us / 1000000);
}

static void
add_staple_ages(struct metrics *m)
{
    for (size_t i = 0; i < m->view->staples; i++)
        add_staple(m, &m->view->staple[i], m->view->staple[i].this_update_us);
}

static void
add_staple_ends(struct metrics *m)
{
    for (size_t i = 0; i < m->view->staples; i++)
        add_staple(m, &m->view->staple[i], m->view->staple[i].next_update_us);
}

static void
add_workers(struct metrics *m)
{
    static const char *const states[VIEW_WORKER_STATES] = {
        [VIEW_WORKER_STARTING] = "starting",
        [VIEW_WORKER_SERVING] = "serving",
        [VIEW_WORKER_RETIRING] = "retiring",
    };
    uint64_t count[VIEW_WORKER_STATES] = {0};

    for (size_t i = 0; i < m->view->workers; i++)
        count[m->view->worker[i].state]++;
    for (unsigned state = 0; state < VIEW_WORKER_STATES; state++) {
        begin(m, "", "state", states[state]);
        end(m, count[state]);
    }
}

static void
add_restarts(struct metrics *m)
{
    add_plain(m, m->view->worker_restarts);
}

static void
add_log_dropped(struct metrics *m)
{
    add_plain(m, m->view->sum->log_dropped);
}

static void
add_pauses(struct metrics *m)
{
    add_plain(m, m->view->sum->accept_pauses);
}

static void
add_untracked(struct metrics *m)
{
    add_plain(m, m->view->sum->untracked);
}

static void
add_ready(struct metrics *m)
{
    add_plain(m, m->view->state == VIEW_READY);
}

static void
add_start_time(struct metrics *m)
{
    add_plain_seconds(m, m->view->start_us);
}

static void
add_build_info(struct metrics *m)
{
    begin(m, "", "version", PACKAGE_VERSION);
    and_label(m, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
    and_label(m, "libevent", event_get_version());
    end(m, 1);
}

/* ---- All of them ---- */

/* tests/lint/metrics holds the names against sallyport(8) and contrib/grafana. */
static const struct family {
    const char *name, *type, *help;
    void (*of_front)(struct metrics *m, const char *frontend, const struct stats_front *s);
    void (*of_all)(struct metrics *m);
} families[] = {
    {"sallyport_connections_total", "counter", "Connections that ended, by close reason.",
     .of_front = add_connections},
    {"sallyport_connections_accepted_total", "counter",
     "Clients accepted, those refused at a limit included.", .of_front = add_accepted},
    {"sallyport_connections", "gauge", "Connections now.", .of_front = add_live},
    {"sallyport_client_truncations_total", "counter",
     "Streams of clients that ended without close_notify.", .of_front = add_truncations},
    {"sallyport_acme_challenges_refused_total", "counter",
     "Handshakes with acme-tls/1 for a name that there is no challenge for.",
     .of_front = add_acme_refusals},
    {"sallyport_handshakes_total", "counter",
     "TLS handshakes by how they ended; version and cipher of those that succeeded.",
     .of_front = add_handshakes},
    {"sallyport_handshake_duration_seconds", "histogram",
     "How long TLS handshakes took that succeeded.", .of_front = add_handshake_times},
    {"sallyport_bytes_total", "counter",
     "Plaintext handed on: up to the backend, down to the client.", .of_front = add_bytes},
    {"sallyport_backend_connects_total", "counter", "Attempts to reach the backend.",
     .of_front = add_dials},
    {"sallyport_backend_connect_duration_seconds", "histogram",
     "How long it took to reach the backend.", .of_front = add_dial_times},
    {"sallyport_server_connections", "gauge",
     "Connections of a server of a backend now, and those under way.",
     .of_all = metrics_add_server_live},
    {"sallyport_server_connects_total", "counter",
     "Attempts to reach a server of a backend.", .of_all = metrics_add_server_connects},
    {"sallyport_server_up", "gauge",
     "1 unless a server of a backend is out, because of connections or checks that failed.",
     .of_all = metrics_add_server_up},
    {"sallyport_server_outs_total", "counter", "Times that a server was taken out.",
     .of_all = metrics_add_server_outs},
    {"sallyport_server_checks_total", "counter", "Checks of a server.",
     .of_all = metrics_add_server_checks},
    {"sallyport_backend_queued", "gauge",
     "Connections that wait for a place at a server of a backend now.",
     .of_all = metrics_add_backend_queued},
    {"sallyport_reloads_total", "counter", "Reloads of the configuration.",
     .of_all = add_reloads},
    {"sallyport_last_reload_successful", "gauge",
     "1 unless the last reload failed, so that the configuration before it is still in "
     "force.",
     .of_all = add_last_reload_good},
    {"sallyport_last_reload_timestamp_seconds", "gauge",
     "When the last reload was, successful or not; 0: none yet.",
     .of_all = add_last_reload},
    {"sallyport_config_timestamp_seconds", "gauge",
     "Since when the configuration is in force.", .of_all = add_config_time},
    {"sallyport_certificate_nearest_expiry_timestamp_seconds", "gauge",
     "When the first certificate of a frontend expires.", .of_all = add_nearest_expiry},
    {"sallyport_certificate_expiry_timestamp_seconds", "gauge",
     "When a certificate expires; of a frontend with many, those that do so first.",
     .of_all = add_certs},
    {"sallyport_ocsp_this_update_timestamp_seconds", "gauge",
     "Of when an OCSP response is that is sent with a certificate.",
     .of_all = add_staple_ages},
    {"sallyport_ocsp_next_update_timestamp_seconds", "gauge",
     "When an OCSP response becomes stale, and is sent no more.",
     .of_all = add_staple_ends},
    {"sallyport_workers", "gauge", "Worker processes now.", .of_all = add_workers},
    {"sallyport_worker_restarts_total", "counter",
     "Worker processes that died and were replaced.", .of_all = add_restarts},
    {"sallyport_log_lines_dropped_total", "counter", "Lines of the log that were lost.",
     .of_all = add_log_dropped},
    {"sallyport_accept_pauses_total", "counter",
     "Times that a worker could accept no more clients for want of descriptors.",
     .of_all = add_pauses},
    {"sallyport_clients_untracked_total", "counter",
     "Clients that were let in without limits of their source, as there are too many "
     "sources.",
     .of_all = add_untracked},
    {"sallyport_ready", "gauge", "1 while it accepts clients: not starting, not draining.",
     .of_all = add_ready},
    {"sallyport_start_time_seconds", "gauge", "When it was started.",
     .of_all = add_start_time},
    {"sallyport_build_info", "gauge", "1; its labels are the versions that are running.",
     .of_all = add_build_info},
};

static void
add_fronts(struct metrics *m, const struct family *family)
{
    const struct view *view = m->view;

    for (size_t i = 0; i < view->fronts; i++) {
        const char *name = view_counted_as(view, i);

        if (name != NULL)
            family->of_front(m, name, &view->sum->front[view->front[i].place]);
    }
}

int
metrics_write(const struct view *view, struct evbuffer *out)
{
    struct metrics m = {.w = {.out = out}, .view = view};

    for (size_t i = 0; i < COUNT_OF(families); i++) {
        m.family = families[i].name;
        writer_addf(&m.w, "# HELP %s %s\n# TYPE %s %s\n", m.family, families[i].help,
                    m.family, families[i].type);
        if (families[i].of_front != NULL)
            add_fronts(&m, &families[i]);
        else
            families[i].of_all(&m);
    }
    return m.w.failed ? -1 : 0;
}
