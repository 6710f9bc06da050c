/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "base/log.h"
#include "config/load.h"
#include "proc/demo.h"
#include "proc/setup.h"
#include "proc/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEFAULT_CONF "/etc/sallyport/sallyport.conf"
#define DEMO_LISTEN "127.0.0.1:8443"

struct words {
    const char *conf;    /* -c */
    const char *listen;  /* -l */
    const char *backend; /* -b */
    const char *cert;    /* the operand that goes with them */
    bool check, dump, demo;
};

static const char help[] =
    "usage: sallyport [-c FILE] [-t | -T]\n"
    "       sallyport -l ADDRESS -b BACKEND CERTIFICATE\n"
    "       sallyport --demo [-l ADDRESS]\n"
    "\n"
    "  -c, --conf FILE        the conf file (" DEFAULT_CONF ")\n"
    "  -t, --test             check the configuration and exit: 0 if it is right, 2 if "
    "not\n"
    "  -T, --dump             print the effective configuration and exit\n"
    "  -l, --listen ADDRESS   without a conf file: listen here, as '*:8443' ...\n"
    "  -b, --backend BACKEND  ... and lead to this, as 127.0.0.1:8080 or "
    "unix:/run/app.sock;\n"
    "                         CERTIFICATE holds the certificate, its chain and its key\n"
    "      --demo             a certificate and a small HTTP backend of its own, to try "
    "it\n"
    "  -V, --version          print the versions of sallyport and its libraries\n"
    "  -h, --help             print this\n"
    "\n"
    "See sallyport(8) and sallyport.conf(5).\n";

static void
print_version(void)
{
    printf("sallyport %s\n"
           "built with libevent %s, %s\n"
           "running with libevent %s, %s\n",
           PACKAGE_VERSION, LIBEVENT_VERSION, OPENSSL_VERSION_TEXT, event_get_version(),
           OpenSSL_version(OPENSSL_VERSION));
}

static ATTR_NORETURN void
usage_error(const char *sentence)
{
    fprintf(stderr, "sallyport: %s; try 'sallyport --help'\n", sentence);
    exit(EXIT_CONFIG);
}

static void
take_option(struct words *w, int option)
{
    switch (option) {
    case 'c':
        w->conf = optarg;
        break;
    case 't':
        w->check = true;
        break;
    case 'T':
        w->dump = true;
        break;
    case 'l':
        w->listen = optarg;
        break;
    case 'b':
        w->backend = optarg;
        break;
    case 'd':
        w->demo = true;
        break;
    case 'V':
        print_version();
        exit(EXIT_SUCCESS);
    case 'h':
        fputs(help, stdout);
        exit(EXIT_SUCCESS);
    default:
        exit(EXIT_CONFIG); /* getopt has said what is wrong */
    }
}

static void
check_words(const struct words *w)
{
    if (w->demo) {
        if (w->conf != NULL || w->backend != NULL || w->cert != NULL)
            usage_error("--demo takes no conf file, backend or certificate");
        return;
    }
    if ((w->listen != NULL) != (w->backend != NULL))
        usage_error("-l and -b belong together");
    if (w->listen != NULL && w->cert == NULL)
        usage_error("-l and -b need a file with a certificate and its key");
    if (w->listen != NULL && w->conf != NULL)
        usage_error("-l and -b do without a conf file, -c names one");
    if (w->listen == NULL && w->cert != NULL)
        usage_error("an operand is only right with -l and -b (a conf file goes with -c)");
}

static void
parse_words(struct words *w, int argc, char **argv)
{
    static const struct option options[] = {
        {"conf", required_argument, NULL, 'c'},
        {"test", no_argument, NULL, 't'},
        {"dump", no_argument, NULL, 'T'},
        {"listen", required_argument, NULL, 'l'},
        {"backend", required_argument, NULL, 'b'},
        {"demo", no_argument, NULL, 'd'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:tTl:b:Vh", options, NULL)) != -1)
        take_option(w, option);
    if (optind < argc)
        w->cert = argv[optind++];
    if (optind < argc)
        usage_error("more than one operand");
    check_words(w);
    if (w->conf == NULL)
        w->conf = DEFAULT_CONF;
}

/*
 * Somebody may have started us without standard descriptors: a socket must not get one of
 * their numbers, and with it what is written to stderr.
 */
static void
open_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* Descriptors are what connections are made of: take all that we may. */
static void
raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Say what to type next; a wildcard is reached by loopback. */
static void
greet(struct addr where)
{
    char text[ADDR_TEXT_SIZE];

    if (where.u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&where.u.in6.sin6_addr))
        where.u.in6.sin6_addr = in6addr_loopback;
    else if (where.u.sa.sa_family == AF_INET && where.u.in.sin_addr.s_addr == INADDR_ANY)
        where.u.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    printf("sallyport is listening. Now type, in another terminal:\n\n"
           "    curl -k https://%s/\n\n",
           addr_format(&where, text, sizeof(text)));
    fflush(stdout);
}

static int
serve(struct setup *setup, int demo_fd)
{
    struct worker worker;
    struct evhttp *demo = NULL;
    int status = EXIT_FAILURE;

    if (worker_init(&worker, setup) < 0)
        goto out;
    if (demo_fd >= 0) {
        demo = demo_serve(worker.loop.base, demo_fd);
        if (demo == NULL)
            goto out;
    }
    log_notice("sallyport %s serves %zu frontend%s on %zu socket%s", PACKAGE_VERSION,
               setup->config->frontends, setup->config->frontends == 1 ? "" : "s",
               worker.acceptors, worker.acceptors == 1 ? "" : "s");
    if (demo != NULL)
        greet(worker.acceptor[0].addr);
    status = worker_run(&worker);
out:
    if (demo != NULL)
        evhttp_free(demo);
    worker_clear(&worker);
    return status;
}

static void
log_warnings(void *arg ATTR_UNUSED, bool is_error ATTR_UNUSED, const char *text)
{
    log_warning("%s", text);
}

/* With a configuration: do what was asked for. Takes config. */
static int
run(const struct words *w, struct config *config, const struct cert *cert,
    struct diag *diag, int demo_fd)
{
    struct setup setup;
    int status = EXIT_CONFIG;

    setup_init(&setup, config, cert, diag);
    if (diag_errors(diag) == 0 && !w->check && !w->dump)
        setup_listen(&setup, diag);
    if (diag_errors(diag) > 0 || w->check)
        diag_print(diag, stderr);
    if (diag_errors(diag) == 0) {
        status = EXIT_SUCCESS;
        if (w->dump) {
            config_dump(config, stdout);
        } else if (w->check) {
            printf("%s: the configuration is right\n",
                   w->listen != NULL ? "command line" : w->conf);
        } else if (log_open(&config->log) < 0) {
            fprintf(stderr, "sallyport: cannot open the log %s: %s\n", config->log.to,
                    strerror(errno));
            status = EXIT_CONFIG;
        } else {
            diag_each(diag, log_warnings, NULL);
            status = serve(&setup, demo_fd);
        }
    }
    setup_clear(&setup);
    log_close();
    return status;
}

static int
run_demo(const struct words *w, struct diag *diag)
{
    struct cert *cert = cert_make_self_signed("localhost", 30);
    char backend[32];
    uint16_t port = 0;
    int status, fd = demo_listen(&port);

    if (cert == NULL || fd < 0) {
        fprintf(stderr, "sallyport: cannot set the demo up: %s\n", strerror(errno));
        cert_free(cert);
        return EXIT_FAILURE;
    }
    snprintf(backend, sizeof(backend), "127.0.0.1:%u", port);
    status =
        run(w, config_from_words(w->listen != NULL ? w->listen : DEMO_LISTEN, backend, "-"),
            cert, diag, fd);
    cert_free(cert);
    return status;
}

int
main(int argc, char **argv)
{
    struct words words = {0};
    struct diag *diag = diag_new();
    int status;

    open_standard_descriptors();
    parse_words(&words, argc, argv);
    raise_limits();
    if (words.demo)
        status = run_demo(&words, diag);
    else if (words.listen != NULL)
        status = run(&words, config_from_words(words.listen, words.backend, words.cert),
                     NULL, diag, -1);
    else
        status = run(&words, config_load_file(words.conf, diag), NULL, diag, -1);
    diag_free(diag);
    tls_bio_cleanup();
    return status;
}
