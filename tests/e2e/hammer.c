/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * hammer --port N [option...]: load for a TLS server that sends back what it gets. It makes
 * connections to 127.0.0.1:N all the time, says what fails, and when it is told to stop
 * (SIGTERM, SIGINT) ends what is under way and reports.
 *
 *   --connections N   so many at a time (1); 0: only the others
 *   --count N         stop after so many
 *   --seconds N       stop after that
 *   --pause MS        between two connections of the same client
 *   --hold N          besides, hold so many open, and say a line on each
 *   --beat MS         so often (500)
 *   --download BYTES  besides, say this number and get so many bytes of the pattern of
 *                     backend.py or echod
 *   --rate N          at so many bytes a second, until it is told to stop
 *   --download-port N from another port
 *   --resume          each client resumes the session of its last connection
 *   --names N         ask for host0.test to hostN-1.test in no order, not for localhost
 *   --tls 1.2|1.3
 *   --timeout MS      for each of connect, handshake, echo and end (10000)
 *
 * It writes a line when something happens:
 *
 *     cert CN=localhost serial=1F...         another certificate than that of the
 * connection before held 3 port=40000                      a connection to be held is
 * there, from that port serving                                one of each kind works
 *     failed: brief 1 port=40001 at=echo after 0.001 s: Connection reset by peer
 *     connections=100 failed=0 resumed=0 certs=1 cn=localhost serial=1F... held=3 broken=0
 *         download=whole seconds=9.87 p50_us=700 p99_us=1500 max_us=2345      (one line,
 * the last)
 *
 * The times are those from connect() to the end of the handshake. The exit status is 0 if
 * nothing failed, 1 if something has, 2 for a usage error.
 */
#include "base/clock.h"
#include "e2e/hammer_client.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define EVENTS 64

struct hammer {
    struct client_setup setup;
    struct client *client; /* the brief ones, the held ones, the download */
    unsigned clients;
    unsigned brief, held;
    uint64_t count, begun; /* brief connections; count 0: no limit */
    uint64_t stop_us;      /* when to stop; 0: when told to */
    uint64_t size;         /* of the download; 0: none */
    int version;
    bool resume, serving;
};

static volatile sig_atomic_t told_to_stop;

static void
on_signal(int number)
{
    (void)number;
    told_to_stop = 1;
}

static void
die(const char *what)
{
    fprintf(stderr, "hammer: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* ---- the command line ---- */

enum option_id {
    OPT_PORT = 256,
    OPT_CONNECTIONS,
    OPT_COUNT,
    OPT_SECONDS,
    OPT_PAUSE,
    OPT_HOLD,
    OPT_BEAT,
    OPT_DOWNLOAD,
    OPT_RATE,
    OPT_DOWNLOAD_PORT,
    OPT_RESUME,
    OPT_NAMES,
    OPT_TLS,
    OPT_TIMEOUT
};

static const struct option long_options[] = {
    {"port", required_argument, NULL, OPT_PORT},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"count", required_argument, NULL, OPT_COUNT},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"pause", required_argument, NULL, OPT_PAUSE},
    {"hold", required_argument, NULL, OPT_HOLD},
    {"beat", required_argument, NULL, OPT_BEAT},
    {"download", required_argument, NULL, OPT_DOWNLOAD},
    {"rate", required_argument, NULL, OPT_RATE},
    {"download-port", required_argument, NULL, OPT_DOWNLOAD_PORT},
    {"resume", no_argument, NULL, OPT_RESUME},
    {"names", required_argument, NULL, OPT_NAMES},
    {"tls", required_argument, NULL, OPT_TLS},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {NULL, 0, NULL, 0}};

static uint64_t
parse_number(const char *text)
{
    char *end = NULL;
    unsigned long long value = text == NULL ? 0 : strtoull(text, &end, 10);

    if (end == NULL || end == text || *end != '\0') {
        fprintf(stderr, "hammer: not a number: %s\n", text == NULL ? "" : text);
        exit(EXIT_USAGE);
    }
    return value;
}

static int
parse_version(const char *text)
{
    if (strcmp(text, "1.2") == 0)
        return TLS1_2_VERSION;
    if (strcmp(text, "1.3") == 0)
        return TLS1_3_VERSION;
    fprintf(stderr, "hammer: --tls is 1.2 or 1.3\n");
    exit(EXIT_USAGE);
}

/* Those that are numbers. */
static void
take_number(struct hammer *h, int option, uint64_t value)
{
    switch (option) {
    case OPT_PORT:
        h->setup.port = (uint16_t)value;
        break;
    case OPT_CONNECTIONS:
        h->brief = (unsigned)value;
        break;
    case OPT_COUNT:
        h->count = value;
        break;
    case OPT_SECONDS:
        h->stop_us = clock_us() + value * 1000000;
        break;
    case OPT_PAUSE:
        h->setup.pause_us = value * 1000;
        break;
    case OPT_HOLD:
        h->held = (unsigned)value;
        break;
    case OPT_BEAT:
        h->setup.beat_us = value * 1000;
        break;
    case OPT_DOWNLOAD:
        h->size = value;
        break;
    case OPT_NAMES:
        h->setup.names = (unsigned)value;
        break;
    case OPT_RATE:
        h->setup.rate = value;
        break;
    case OPT_DOWNLOAD_PORT:
        h->setup.download_port = (uint16_t)value;
        break;
    default:
        h->setup.timeout_us = value * 1000;
    }
}

static void
parse_options(struct hammer *h, int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == '?')
            exit(EXIT_USAGE);
        else if (option == OPT_RESUME)
            h->resume = true;
        else if (option == OPT_TLS)
            h->version = parse_version(optarg);
        else
            take_number(h, option, parse_number(optarg));
    }
    if (optind != argc || h->setup.port == 0) {
        fprintf(stderr, "usage: hammer --port N [option...]\n");
        exit(EXIT_USAGE);
    }
}

/* ---- what is needed ---- */

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
    struct client *c = SSL_get_app_data(ssl);

    SSL_SESSION_free(c->session);
    c->session = session;
    return 1;
}

static void
make_context(struct hammer *h)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL ||
        (h->version != 0 && (SSL_CTX_set_min_proto_version(ctx, h->version) != 1 ||
                             SSL_CTX_set_max_proto_version(ctx, h->version) != 1)))
        die("OpenSSL");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (h->resume) {
        SSL_CTX_set_session_cache_mode(ctx,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, on_session);
    }
    h->setup.ctx = ctx;
}

static void
allow_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void
take_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_BLOCK, &mask, NULL); /* they come only in epoll_pwait() */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void
make_clients(struct hammer *h)
{
    struct client *c;

    h->clients = h->brief + h->held + (h->size != 0);
    c = h->client = calloc(h->clients + 1, sizeof(*c));
    if (c == NULL)
        die("memory");
    for (unsigned i = 0; i < h->brief; i++, c++) {
        client_init(c, &h->setup, CLIENT_BRIEF, i + 1, 0);
        c->over = true;
    }
    for (unsigned i = 0; i < h->held; i++, c++)
        client_init(c, &h->setup, CLIENT_HELD, i + 1, 0);
    if (h->size != 0)
        client_init(c, &h->setup, CLIENT_DOWNLOAD, 1, h->size);
    h->setup.tally.held = h->held;
    h->setup.tally.download = h->size == 0 ? "none" : "begun";
}

/* ---- the loop ---- */

static bool
all_over(const struct hammer *h, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        if (!h->client[i].over)
            return false;
    return true;
}

/* Has everything been done that was asked for? */
static bool
is_done(const struct hammer *h)
{
    if (h->brief != 0)
        return h->count != 0 && h->begun >= h->count && all_over(h, 0, h->brief);
    return h->held == 0 && all_over(h, 0, h->clients);
}

static void
look_at_the_end(struct hammer *h)
{
    if (h->setup.stop ||
        !(told_to_stop || (h->stop_us != 0 && clock_us() >= h->stop_us) || is_done(h)))
        return;
    h->setup.stop = true;
    for (unsigned i = 0; i < h->clients; i++)
        client_turn(&h->client[i]);
}

/* A client without a connection: begin its next one, if there is to be one. */
static void
begin_next(struct hammer *h, struct client *c)
{
    if (h->setup.stop || (h->count != 0 && h->begun >= h->count)) {
        c->due_us = UINT64_MAX;
        return;
    }
    h->begun++;
    client_start(c);
}

/* Do what is due; returns when something will be. */
static uint64_t
sweep(struct hammer *h)
{
    uint64_t next = h->stop_us == 0 ? UINT64_MAX : h->stop_us;
    uint64_t now = clock_us();

    for (unsigned i = 0; i < h->clients; i++) {
        struct client *c = &h->client[i];

        if (c->over && c->kind != CLIENT_BRIEF)
            continue;
        if (now >= c->due_us && c->over)
            begin_next(h, c);
        else if (now >= c->due_us)
            client_turn(c);
        if (c->due_us < next)
            next = c->due_us;
    }
    return next;
}

/* Has each kind of client been served? */
static void
look_at_the_beginning(struct hammer *h)
{
    if (h->serving || (h->brief != 0 && h->setup.tally.connections == 0))
        return;
    for (unsigned i = h->brief; i < h->clients; i++)
        if (h->client[i].echoes == 0 && h->client[i].got == 0)
            return;
    h->serving = true;
    printf("serving\n");
}

static int
timeout_ms(uint64_t until)
{
    uint64_t now = clock_us();

    if (until <= now)
        return 0;
    return until - now > 1000000 ? 1000 : (int)((until - now + 999) / 1000);
}

static void
run(struct hammer *h)
{
    struct epoll_event event[EVENTS];
    sigset_t none;

    sigemptyset(&none);
    for (unsigned i = h->brief; i < h->clients; i++)
        client_start(&h->client[i]);
    for (;;) {
        uint64_t next = sweep(h);
        int got;

        look_at_the_beginning(h);
        look_at_the_end(h);
        if (h->setup.stop && all_over(h, 0, h->clients))
            return;
        got = epoll_pwait(h->setup.epoll, event, EVENTS, timeout_ms(next), &none);
        if (got < 0 && errno != EINTR)
            die("epoll");
        for (int i = 0; i < got; i++)
            client_turn(event[i].data.ptr);
    }
}

int
main(int argc, char **argv)
{
    static struct hammer h;
    const struct tally *tally = &h.setup.tally;
    bool whole;

    setvbuf(stdout, NULL, _IOLBF, 0);
    h.brief = 1;
    h.setup.timeout_us = 10000000;
    h.setup.beat_us = 500000;
    parse_options(&h, argc, argv);
    if (h.setup.download_port == 0)
        h.setup.download_port = h.setup.port;
    allow_descriptors();
    take_signals();
    make_context(&h);
    h.setup.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (h.setup.epoll < 0)
        die("epoll");
    make_clients(&h);
    h.setup.tally.start_us = clock_us();
    run(&h);
    tally_report(tally);
    whole = h.size == 0 || strcmp(tally->download, "whole") == 0;
    for (unsigned i = 0; i < h.clients; i++)
        client_clear(&h.client[i]);
    free(h.client);
    SSL_CTX_free(h.setup.ctx);
    return tally->failed == 0 && tally->broken == 0 && whole ? EXIT_SUCCESS : EXIT_FAILURE;
}
