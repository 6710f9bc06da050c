/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * load WORK --port N [option ...]: TLS clients on 127.0.0.1, in one thread, in front of
 * `backend`.
 *
 *     handshake   connect, handshake, --size bytes each way, close_notify and close; over
 * and over pingpong    --size bytes each way, in turn, over and over on each connection
 *     download    the pattern, as fast as it goes
 *     upload      the same the other way
 *     idle        --size bytes each way, then nothing
 *     noreader    asks for a download without end and reads nothing
 *
 *     --clients N       at the same time (1)
 *     --seconds S       how long it is measured (1), after --warmup S (0)
 *     --count N         instead: so many handshakes in all, round trips of each client,
 * bytes of each client
 *     --size N          of a message (1; of a ping-pong 64)
 *     --tls 1.2|1.3     that version and no other (1.3)
 *     --resume          every handshake that is measured resumes a session from a ticket
 *     --rsa             the server must sign with RSA; else with ECDSA
 *     --aes256          instead of AES-128-GCM
 *     --plain           no TLS at all
 *     --sync            says "begin" on stdout and waits for a line before it measures;
 * likewise "end" before it closes what is open. idle and noreader say only "begin": all are
 * open
 *
 * `load --version` says that of OpenSSL.
 *
 * Prints one line of JSON. A handshake that is not resumed as meant, a wrong byte, an end
 * that nobody asked for, a connection on which nothing moves: each counts as an error. Exit
 * status: 0 without errors, else 1.
 */
#include "load.h"

#include <getopt.h>
#include <math.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static noreturn void
usage(void)
{
    fprintf(stderr,
            "usage: load handshake|pingpong|download|upload|idle|noreader --port N\n"
            "            [--clients N] [--seconds S | --count N] [--warmup S] [--size N]\n"
            "            [--tls 1.2|1.3] [--resume] [--rsa] [--aes256] "
            "[--sync]\n");
    exit(2);
}

static double
number(const char *text)
{
    char *end;
    double value = strtod(text, &end);

    if (*end != '\0' || end == text || !isfinite(value) || value < 0 || value > 1e15)
        usage();
    return value;
}

static const struct option long_options[] = {
    {"port", required_argument, NULL, 'p'},    {"clients", required_argument, NULL, 'c'},
    {"seconds", required_argument, NULL, 's'}, {"warmup", required_argument, NULL, 'w'},
    {"count", required_argument, NULL, 'n'},   {"size", required_argument, NULL, 'z'},
    {"tls", required_argument, NULL, 't'},

    {"resume", no_argument, NULL, 'r'},        {"rsa", no_argument, NULL, 'R'},
    {"plain", no_argument, NULL, 'P'},         {"aes256", no_argument, NULL, 'a'},
    {"sync", no_argument, NULL, 'S'},          {NULL, 0, NULL, 0},
};

static void
set_switch(struct load_options *options, int which)
{
    if (which == 'r')
        options->resume = true;
    else if (which == 'R')
        options->sigalgs = "RSA-PSS+SHA256";
    else if (which == 'S')
        options->sync = true;
    else if (which == 'P')
        options->plain = true;
    else if (which == 'a') {
        options->suites = "TLS_AES_256_GCM_SHA384";
        options->ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
    } else
        usage();
}

static void
set_option(struct load_options *options, int which)
{
    switch (which) {
    case 'p':
        options->port = (uint16_t)number(optarg);
        break;
    case 'c':
        options->clients = (unsigned)number(optarg);
        break;
    case 's':
        options->seconds = number(optarg);
        break;
    case 'w':
        options->warmup = number(optarg);
        break;
    case 'n':
        options->count = (uint64_t)number(optarg);
        break;
    case 'z':
        options->size = (size_t)number(optarg);
        break;
    case 't':
        options->version = strcmp(optarg, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
        break;
    default:
        set_switch(options, which);
    }
}

struct load_options
options_parse(int argc, char **argv)
{
    struct load_options options = {
        .clients = 1,
        .seconds = 1,
        .size = 1,
        .version = TLS1_3_VERSION,
        .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256",
        .suites = "TLS_AES_128_GCM_SHA256",
        .sigalgs = "ECDSA+SHA256",
    };
    int which;

    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts(OpenSSL_version(OPENSSL_VERSION_STRING));
        exit(EXIT_SUCCESS);
    }
    options.work = argc > 1 ? work_find(argv[1]) : NULL;
    if (options.work == NULL)
        usage();
    if (strcmp(argv[1], "pingpong") == 0)
        options.size = 64;
    while ((which = getopt_long(argc - 1, argv + 1, "", long_options, NULL)) != -1)
        set_option(&options, which);
    if (options.port == 0 || options.clients == 0 || options.size == 0)
        usage();
    return options;
}
