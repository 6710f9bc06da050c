/* SPDX-License-Identifier: BSD-2-Clause */
#include "e2e/closing_options.h"

#include "e2e/closing_cases.h"
#include "support/netns.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2

static const struct profile_name {
    const char *name;
    unsigned bit;
} profile_names[] = {
    {"default", CLOSING_DEFAULT},   {"truncation-eof", CLOSING_EOF},
    {"unix", CLOSING_UNIX},         {"refused", CLOSING_REFUSED},
    {"timeouts", CLOSING_TIMEOUTS}, {"keepalive", CLOSING_KEEPALIVE},
    {"overload", CLOSING_OVERLOAD}, {"drain", CLOSING_DRAIN},
};

static const char usage_text[] =
    "usage: closing-test --connect HOST:PORT --backend-port N [option...]\n"
    "Plays the client and the backend of a TLS terminator that listens at HOST:PORT and\n"
    "leads to 127.0.0.1:N; says whether each connection ended as it must.\n"
    "  --connect HOST:PORT       where the terminator listens; with a backend for each it\n"
    "  --backend-port N          may be given several times: pairs are used in parallel\n"
    "  --backend-unix PATH       the backend is a Unix socket\n"
    "  --backend HOST:PORT       the backend is not at 127.0.0.1\n"
    "  --client-netns FILE       the client, the backend live in the network namespace\n"
    "  --backend-netns FILE      of that file\n"
    "  --jobs N                  use at most N pairs\n"
    "  --tls 1.2|1.3|both        (both)\n"
    "  --case NAME[,NAME...]     only these; NAME may be a pattern with * and ?\n"
    "  --profile NAME            the set-up of the terminator: default, truncation-eof,\n"
    "                            unix, refused, timeouts, keepalive, overload, drain\n"
    "  --repeat N                run each case N times\n"
    "  --list                    name the cases and what they show, run nothing\n"
    "  --verbose                 one line for each run, with --repeat too\n"
    "What the terminator is configured with; a case that needs one of them is left out:\n"
    "  --close-wait MS  --idle MS  --half-closed MS  --linger MS  --linger-max MS\n"
    "  --handshake-timeout MS  --connect-timeout MS\n"
    "  --vanish MS               within which keepalives find a vanished peer\n"
    "  --max-connections N       how many clients it takes at a time (at most 64)\n"
    "  --pid PID                 the terminator itself: the process that is told to stop\n"
    "                            (drain: SIGTERM), or the one that serves (overload:\n"
    "                            SIGSTOP, SIGCONT)\n"
    "  --proxy                   clients come with a PROXY header (accept-proxy), and\n"
    "                            backends get one (proxy-protocol = v2)\n"
    "Of the cases themselves:\n"
    "  --patience MS             how long to wait for what must come (5000)\n"
    "  --slow-bytes N            what the slow reader reads (8388608)\n"
    "  --round-trips N           (10000)\n"
    "exit status: 0 all passed, 1 some failed, 2 usage, 77 it cannot run\n";

enum option_id {
    OPT_CONNECT = 256,
    OPT_BACKEND_PORT,
    OPT_BACKEND_UNIX,
    OPT_BACKEND,
    OPT_CLIENT_NETNS,
    OPT_BACKEND_NETNS,
    OPT_TLS,
    OPT_CASE,
    OPT_PROFILE,
    OPT_REPEAT,
    OPT_JOBS,
    OPT_LIST,
    OPT_VERBOSE,
    OPT_CLOSE_WAIT,
    OPT_IDLE,
    OPT_HALF_CLOSED,
    OPT_LINGER,
    OPT_LINGER_MAX,
    OPT_HANDSHAKE,
    OPT_CONNECT_TIMEOUT,
    OPT_VANISH,
    OPT_MAX_CONNECTIONS,
    OPT_PID,
    OPT_PROXY,
    OPT_PATIENCE,
    OPT_SLOW_BYTES,
    OPT_ROUND_TRIPS,
    OPT_HELP
};

static const struct option long_options[] = {
    {"connect", required_argument, NULL, OPT_CONNECT},
    {"backend-port", required_argument, NULL, OPT_BACKEND_PORT},
    {"backend-unix", required_argument, NULL, OPT_BACKEND_UNIX},
    {"backend", required_argument, NULL, OPT_BACKEND},
    {"client-netns", required_argument, NULL, OPT_CLIENT_NETNS},
    {"backend-netns", required_argument, NULL, OPT_BACKEND_NETNS},
    {"tls", required_argument, NULL, OPT_TLS},
    {"case", required_argument, NULL, OPT_CASE},
    {"profile", required_argument, NULL, OPT_PROFILE},
    {"repeat", required_argument, NULL, OPT_REPEAT},
    {"jobs", required_argument, NULL, OPT_JOBS},
    {"list", no_argument, NULL, OPT_LIST},
    {"verbose", no_argument, NULL, OPT_VERBOSE},
    {"close-wait", required_argument, NULL, OPT_CLOSE_WAIT},
    {"idle", required_argument, NULL, OPT_IDLE},
    {"half-closed", required_argument, NULL, OPT_HALF_CLOSED},
    {"linger", required_argument, NULL, OPT_LINGER},
    {"linger-max", required_argument, NULL, OPT_LINGER_MAX},
    {"handshake-timeout", required_argument, NULL, OPT_HANDSHAKE},
    {"connect-timeout", required_argument, NULL, OPT_CONNECT_TIMEOUT},
    {"vanish", required_argument, NULL, OPT_VANISH},
    {"max-connections", required_argument, NULL, OPT_MAX_CONNECTIONS},
    {"pid", required_argument, NULL, OPT_PID},
    {"proxy", no_argument, NULL, OPT_PROXY},
    {"patience", required_argument, NULL, OPT_PATIENCE},
    {"slow-bytes", required_argument, NULL, OPT_SLOW_BYTES},
    {"round-trips", required_argument, NULL, OPT_ROUND_TRIPS},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static int
add_address(struct addr *list, unsigned *count, const char *text)
{
    char host[256];
    uint16_t port;

    if (*count == CLOSING_PAIRS_MAX ||
        addr_split(text, false, host, sizeof(host), &port) != NULL)
        return -1;
    return addr_from_numeric(&list[(*count)++], host, port);
}

static int
add_backend_port(struct closing_options *o, const char *text)
{
    uint64_t port;

    if (o->n_backends == CLOSING_PAIRS_MAX || text_parse_number(text, &port) != 0 ||
        port == 0 || port > UINT16_MAX)
        return -1;
    return addr_from_numeric(&o->backends[o->n_backends++], "127.0.0.1", (uint16_t)port);
}

static int
set_versions(struct closing_options *o, const char *text)
{
    if (strcmp(text, "1.2") == 0)
        o->versions = 1;
    else if (strcmp(text, "1.3") == 0)
        o->versions = 2;
    else if (strcmp(text, "both") == 0)
        o->versions = 3;
    else
        return -1;
    return 0;
}

const char *
closing_profile_name(unsigned bit)
{
    for (size_t i = 0; i < COUNT_OF(profile_names); i++)
        if (profile_names[i].bit == bit)
            return profile_names[i].name;
    return "none";
}

static int
set_profile(struct closing_options *o, const char *text)
{
    for (size_t i = 0; i < COUNT_OF(profile_names); i++)
        if (strcmp(profile_names[i].name, text) == 0) {
            o->profile = profile_names[i].bit;
            return 0;
        }
    return -1;
}

/* The options that are a number: where it goes; NULL if id is none of them. */
static uint32_t *
number_of(struct closing_options *o, int id)
{
    struct closing_settings *s = &o->settings;

    switch (id) {
    case OPT_REPEAT:
        return &o->repeat;
    case OPT_JOBS:
        return &o->jobs;
    case OPT_CLOSE_WAIT:
        return &s->close_wait_ms;
    case OPT_IDLE:
        return &s->idle_ms;
    case OPT_HALF_CLOSED:
        return &s->half_closed_ms;
    case OPT_LINGER:
        return &s->linger_ms;
    case OPT_LINGER_MAX:
        return &s->linger_max_ms;
    case OPT_HANDSHAKE:
        return &s->handshake_ms;
    case OPT_CONNECT_TIMEOUT:
        return &s->connect_ms;
    case OPT_VANISH:
        return &s->vanish_ms;
    case OPT_PATIENCE:
        return &s->patience_ms;
    case OPT_SLOW_BYTES:
        return &s->slow_bytes;
    case OPT_ROUND_TRIPS:
        return &s->round_trips;
    case OPT_MAX_CONNECTIONS:
        return &s->max_connections;
    case OPT_PID:
        return &s->terminator;
    default:
        return NULL;
    }
}

static int
set_number(struct closing_options *o, int id, const char *text)
{
    uint32_t *number = number_of(o, id);
    uint64_t value;

    if (number == NULL || text_parse_number(text, &value) != 0 || value == 0 ||
        value > INT32_MAX)
        return -1;
    *number = (uint32_t)value;
    return 0;
}

static int
set_option(struct closing_options *o, int id, const char *value)
{
    switch (id) {
    case OPT_CONNECT:
        return add_address(o->fronts, &o->n_fronts, value);
    case OPT_BACKEND_PORT:
        return add_backend_port(o, value);
    case OPT_BACKEND_UNIX:
        if (o->n_backends == CLOSING_PAIRS_MAX)
            return -1;
        return addr_from_unix(&o->backends[o->n_backends++], value);
    case OPT_BACKEND:
        return add_address(o->backends, &o->n_backends, value);
    case OPT_CLIENT_NETNS:
        return netns_set(NETNS_CLIENT, value);
    case OPT_BACKEND_NETNS:
        return netns_set(NETNS_BACKEND, value);
    case OPT_TLS:
        return set_versions(o, value);
    case OPT_PROFILE:
        return set_profile(o, value);
    case OPT_CASE:
        o->cases = value;
        return 0;
    case OPT_LIST:
        o->list = true;
        return 0;
    case OPT_PROXY:
        o->settings.proxy = true;
        return 0;
    case OPT_VERBOSE:
        o->verbose = true;
        return 0;
    default:
        return set_number(o, id, value);
    }
}

int
closing_options_parse(struct closing_options *o, int argc, char **argv)
{
    int id, at;

    *o = (struct closing_options){.profile = CLOSING_DEFAULT, .versions = 3, .repeat = 1};
    o->settings.patience_ms = 5000;
    o->settings.slow_bytes = 8 * 1024 * 1024;
    o->settings.round_trips = 10000;
    while ((id = getopt_long(argc, argv, "", long_options, &at)) != -1) {
        if (id == OPT_HELP) {
            fputs(usage_text, stdout);
            return EXIT_SUCCESS;
        }
        if (id == '?')
            return EXIT_USAGE;
        if (set_option(o, id, optarg) != 0) {
            fprintf(stderr, "closing-test: --%s: '%s' will not do\n", long_options[at].name,
                    optarg);
            return EXIT_USAGE;
        }
    }
    if (optind != argc ||
        (!o->list && (o->n_fronts == 0 || o->n_fronts != o->n_backends))) {
        fputs(usage_text, stderr);
        return EXIT_USAGE;
    }
    if (o->jobs == 0 || o->jobs > o->n_fronts)
        o->jobs = o->n_fronts;
    return -1;
}
