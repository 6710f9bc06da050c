/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/sample_view.h"

#include "base/attr.h"
#include "proc/history.h"

#include <string.h>

#define DAY_US (UINT64_C(86400) * 1000000)
#define MINUTE_US (UINT64_C(60) * 1000000)

static struct stats_page page;
static struct history *history;
static struct view view;

static const struct view_front fronts[] = {
    {.name = "web",
     .listen = "*:443, [::]:443",
     .backend = "127.0.0.1:8080",
     .place = 1,
     .max_connections = 20000},
    {.name = "mail.example.org",
     .listen = "*:993",
     .backend = "imap.internal.example.org:143",
     .place = 2},
    {.name = "<b>\"odd\" & \\co</b>",
     .listen = "[2001:db8:1234:5678:9abc:def0:1234:5678]:8443",
     .backend = "unix:/run/a\nb\xff.sock",
     .place = 3},
    {.name = "quiet", .listen = "127.0.0.1:8444", .backend = "127.0.0.1:9", .place = 4},
};

static const struct view_server servers[] = {
    {.backend = "127.0.0.1:8080", .server = "127.0.0.1:8080", .place = 1},
    {.backend = "imap",
     .server = "imap1.example.org:143",
     .place = 2,
     .state = HEALTH_EJECTED,
     .is_checked = true,
     .is_section = true},
    {.backend = "imap",
     .server = "unix:/run/<i>\"\\.sock",
     .place = 3,
     .is_backup = true,
     .is_section = true},
};

static const struct view_cert certs[] = {
    {.frontend = "web",
     .file = "/etc/sallyport/web.pem",
     .subject = "www.example.org",
     .not_after_us = SAMPLE_NOW_US + 63 * DAY_US},
    {.frontend = "mail.example.org",
     .file = "/etc/letsencrypt/live/mail.example.org/fullchain.pem",
     .subject = "mail.example.org",
     .not_after_us = SAMPLE_NOW_US + 20 * DAY_US},
    {.frontend = "<b>\"odd\" & \\co</b>",
     .file = "/srv/<i>\"\\.pem",
     .subject = "old & gone",
     .not_after_us = SAMPLE_NOW_US - 2 * DAY_US},
    {.frontend = "quiet",
     .file = "/etc/sallyport/quiet.pem",
     .subject = "quiet.example.org",
     .not_after_us = SAMPLE_NOW_US + 20000 * MINUTE_US},
};

static const struct view_staple staples[] = {
    {.frontend = "web",
     .file = "/etc/sallyport/web.pem.ocsp",
     .this_update_us = SAMPLE_NOW_US - DAY_US,
     .next_update_us = SAMPLE_NOW_US + 2 * DAY_US},
};

static const struct view_worker workers[] = {
    {0, 4711, VIEW_WORKER_SERVING, SAMPLE_NOW_US - 9 * DAY_US, 1201},
    {1, 4712, VIEW_WORKER_SERVING, SAMPLE_NOW_US - 9 * DAY_US, 1187},
    {1, 4713, VIEW_WORKER_RETIRING, SAMPLE_NOW_US - 40 * DAY_US, 3},
    {2, 4999, VIEW_WORKER_STARTING, SAMPLE_NOW_US - 2000000, 0},
};

static struct view_front front[COUNT_OF(fronts)];
static struct view_server server[COUNT_OF(servers)];
static struct view_cert cert[COUNT_OF(certs)];

static void
fill_histogram(struct stats_histogram *h)
{
    for (unsigned i = 0; i <= STATS_BOUNDS; i++)
        h->bucket[i] = i + 1;
    h->sum_us = 1234567890;
}

static void
fill_web(struct stats_front *s)
{
    s->accepted = 8123456;
    s->live = 2388;
    s->truncated = 911;
    s->acme_refused = 12;
    s->up_bytes = 73014444032;
    s->down_bytes = 1802239102976;
    s->handshakes[STATS_TLS13][0][0] = 4000000;
    s->handshakes[STATS_TLS13][0][1] = 4000001;
    s->handshakes[STATS_TLS12][STATS_CIPHERS - 1][0] = 5;
    fill_histogram(&s->handshake);
    fill_histogram(&s->dial);
    for (unsigned i = 0; i < STATS_DIALS; i++)
        s->dials[i] = 100 + i;
}

/* What ended: much long ago, some of it lately. */
static void
fill_history(void)
{
    struct stats_front *web = &page.front[1], *mail = &page.front[2];

    history_free(history);
    history = history_new();
    web->ended[REASON_CLEAN] = 8000000;
    for (uint64_t ago_ms = 1200000; ago_ms > 0; ago_ms -= HISTORY_STEP_MS) {
        web->ended[REASON_CLEAN] += 700;
        web->ended[REASON_CLIENT_TRUNCATED] += ago_ms % 60000 == 0;
        web->ended[REASON_CLIENT_RESET] += 2;
        web->ended[REASON_HANDSHAKE_FAILED] += ago_ms > 600000 ? 0 : 5;
        web->ended[REASON_BACKEND_REFUSED] += ago_ms > 120000 ? 0 : 40;
        mail->ended[REASON_CLEAN] += 1;
        mail->ended[REASON_TIMEOUT_IDLE] += ago_ms % 300000 == 0;
        mail->ended[REASON_OVERLOAD] += ago_ms == 780000;
        if (history != NULL)
            history_sample(history, SAMPLE_NOW_MS - ago_ms, &page);
    }
}

struct view *
sample_view(void)
{
    memset(&page, 0, sizeof(page));
    memcpy(front, fronts, sizeof(front));
    memcpy(server, servers, sizeof(server));
    memcpy(cert, certs, sizeof(cert));
    page.log_dropped = 17;
    page.accept_pauses = 3;
    page.untracked = 5;
    fill_web(&page.front[1]);
    page.server[2].live = 31;
    page.server[2].connects[STATS_DIAL_CONNECTED] = 4242;
    page.server[2].connects[STATS_DIAL_REFUSED] = 5;
    page.server[2].connects[STATS_DIAL_TIMEOUT] = 6;
    page.server[2].queued = 12;
    page.server[2].outs[0] = 7;
    page.server[2].outs[1] = 8;
    page.server[2].checks[STATS_CHECK_PASSED] = 900;
    page.server[2].checks[STATS_CHECK_WRONG] = 9;
    page.front[2].accepted = 512;
    page.front[2].live = 3;
    page.front[2].up_bytes = 1536;
    page.front[2].down_bytes = 1000;
    fill_history();
    view = (struct view){
        .state = VIEW_READY,
        .now_us = SAMPLE_NOW_US,
        .now_ms = SAMPLE_NOW_MS,
        .start_us = SAMPLE_NOW_US - 40 * DAY_US,
        .conf = "/etc/sallyport/sallyport.conf",
        .front = front,
        .fronts = COUNT_OF(front),
        .server = server,
        .servers = COUNT_OF(server),
        .cert = cert,
        .certs = COUNT_OF(cert),
        .staple = staples,
        .staples = COUNT_OF(staples),
        .worker = workers,
        .workers = COUNT_OF(workers),
        .sum = &page,
        .worker_restarts = 1,
        .reloads_good = 12,
        .reloads_bad = 2,
        .last_reload_us = SAMPLE_NOW_US - 11 * MINUTE_US,
        .last_reload_error =
            "/etc/sallyport/sallyport.conf:17: \"<none>\" is no certificate file",
        .config_us = SAMPLE_NOW_US - 9 * DAY_US,
        .history = history,
    };
    return &view;
}

struct stats_page *
sample_page(void)
{
    return &page;
}

struct view_front *
sample_front(void)
{
    return front;
}

struct view_server *
sample_server(void)
{
    return server;
}

struct view_cert *
sample_cert(void)
{
    return cert;
}

struct view *
sample_view_young(void)
{
    static const struct view_front only = {
        .name = "quiet", .listen = "*:8443", .backend = "127.0.0.1:8080", .place = 1};
    static const struct view_worker worker = {0, 4711, VIEW_WORKER_STARTING,
                                              SAMPLE_NOW_US - 1000, 0};

    memset(&page, 0, sizeof(page));
    history_free(history);
    history = NULL;
    view = (struct view){
        .state = VIEW_STARTING,
        .now_us = SAMPLE_NOW_US,
        .now_ms = SAMPLE_NOW_MS,
        .start_us = SAMPLE_NOW_US - 2000,
        .front = &only,
        .fronts = 1,
        .worker = &worker,
        .workers = 1,
        .sum = &page,
        .config_us = SAMPLE_NOW_US - 2000,
    };
    return &view;
}
