/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "config/load.h"
#include "proc/admin.h"
#include "proc/child.h"
#include "proc/demo.h"
#include "proc/expiry.h"
#include "proc/keeper.h"
#include "proc/master.h"
#include "proc/worker.h"
#include "tls/tls_bio.h"
#include "tls/tls_record.h"

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
#include <time.h>
#include <unistd.h>

#define DEFAULT_CONF "/etc/sallyport/sallyport.conf"
#define DEMO_LISTEN "127.0.0.1:8443"

/* Tests build this file with a function of theirs, see worker_main. */
#ifdef WORKER_HOOK
void WORKER_HOOK(void);
#else
#define WORKER_HOOK NULL
#endif

struct words {
    const char *conf;    /* -c */
    const char *listen;  /* -l */
    const char *backend; /* -b */
    const char *cert;    /* the operand that goes with them */
    bool check, dump, demo, daemon;
    bool check_certs; /* --check-certs, for so long ahead */
    int64_t within_s;
};

static const char help[] =
    "usage: sallyport [-c FILE] [-t | -T | --check-certs[=TIME]]\n"
    "       sallyport -l ADDRESS -b BACKEND CERTIFICATE\n"
    "       sallyport --demo [-l ADDRESS]\n"
    "\n"
    "  -c, --conf FILE        the conf file (" DEFAULT_CONF ")\n"
    "  -t, --test             check the configuration and exit: 0 if it is right, 2 if "
    "not\n"
    "  -T, --dump             print the effective configuration and exit\n"
    "      --check-certs[=TIME]\n"
    "                         tell which certificates expire within TIME (21d), and exit: "
    "4 if\n"
    "                         there are some\n"
    "  -l, --listen ADDRESS   without a conf file: listen here, as '*:8443' ...\n"
    "  -b, --backend BACKEND  ... and lead to this, as 127.0.0.1:8080 or "
    "unix:/run/app.sock;\n"
    "                         CERTIFICATE holds the certificate, its chain and its key\n"
    "      --daemon           go into the background once it serves\n"
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
    case 'D':
        w->daemon = true;
        break;
    case 'E':
        w->check_certs = true;
        if (expiry_parse(optarg, &w->within_s) != 0)
            usage_error("--check-certs takes a time as 21d or 12h");
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
        {"daemon", no_argument, NULL, 'D'},
        {"check-certs", optional_argument, NULL, 'E'},
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

/* What was printed counts only if it could be. Takes both. */
static int
finish(struct setup *setup, struct diag *diag, int status)
{
    if (fflush(stdout) != 0) {
        fprintf(stderr, "sallyport: cannot write to stdout: %s\n", strerror(errno));
        status = EXIT_FAILURE;
    }
    setup_free(setup);
    diag_free(diag);
    return status;
}

/* -t and -T: look, but do not serve. */
static int
inspect(const struct words *w, const struct setup_source *source)
{
    struct diag *diag = diag_new();
    struct setup *setup = setup_load(source, diag);
    int status;

    if (diag_errors(diag) == 0)
        upgrade_rehearse(setup, diag);
    status = diag_errors(diag) == 0 ? EXIT_SUCCESS : EXIT_CONFIG;
    if (status != EXIT_SUCCESS || w->check)
        diag_print(diag, stderr);
    if (status == EXIT_SUCCESS && w->dump)
        config_dump(setup->config, stdout);
    else if (status == EXIT_SUCCESS)
        printf("%s: the configuration is right\n",
               w->listen != NULL ? "command line" : w->conf);
    return finish(setup, diag, status);
}

/* Exit status 0: none expires soon. */
static int
check_certs(const struct words *w, const struct setup_source *source)
{
    struct diag *diag = diag_new();
    struct setup *setup = setup_load(source, diag);
    int status = EXIT_CONFIG;

    if (diag_errors(diag) > 0)
        diag_print(diag, stderr);
    else if (expiry_print(setup, time(NULL), w->within_s, stdout) > 0)
        status = EXIT_EXPIRY;
    else
        status = EXIT_SUCCESS;
    return finish(setup, diag, status);
}

static int
run(const struct words *w, char **argv, const struct setup_source *source, int demo_fd)
{
    struct master_options options = {
        .source = source, .argv = argv, .daemon = w->daemon, .demo_fd = demo_fd};

    if (w->check_certs)
        return check_certs(w, source);
    return w->check || w->dump ? inspect(w, source) : master_main(&options);
}

static int
run_demo(const struct words *w, char **argv)
{
    struct cert *cert = cert_make_self_signed("localhost", 30);
    struct setup_source source = {
        .listen = w->listen != NULL ? w->listen : DEMO_LISTEN, .file = "-", .cert = cert};
    char backend[32];
    uint16_t port = 0;
    int status, fd = demo_listen(&port);

    if (cert == NULL || fd < 0) {
        fprintf(stderr, "sallyport: cannot set the demo up: %s\n", strerror(errno));
        cert_free(cert);
        return EXIT_FAILURE;
    }
    snprintf(backend, sizeof(backend), "127.0.0.1:%u", port);
    source.backend = backend;
    status = run(w, argv, &source, fd);
    cert_free(cert);
    return status;
}

/* A child of the master's: see proc/child. */
static int
be_child(const char *name)
{
    switch (child_role_find(name)) {
    case CHILD_WORKER:
        return worker_main(IPC_CHILD_FD, WORKER_HOOK);
    case CHILD_ADMIN:
        return admin_main(IPC_CHILD_FD);
    case CHILD_DEMO:
        return demo_main(IPC_CHILD_FD);
    case CHILD_KEEPER:
        return keeper_main(IPC_CHILD_FD);
    default:
        usage_error("the variable " CHILD_VARIABLE " is not for users");
    }
}

int
main(int argc, char **argv)
{
    struct words words = {0};
    struct setup_source source = {0};
    const char *child = getenv(CHILD_VARIABLE);
    int status;

    open_standard_descriptors();
    if (child != NULL)
        return be_child(child);
    parse_words(&words, argc, argv);
    raise_limits();
    if (words.demo) {
        status = run_demo(&words, argv);
    } else {
        if (words.listen == NULL)
            source.conf = words.conf;
        source.listen = words.listen;
        source.backend = words.backend;
        source.file = words.cert;
        status = run(&words, argv, &source, -1);
    }
    tls_bio_cleanup();
    tls_record_cleanup();
    return status;
}
