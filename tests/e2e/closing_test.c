/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * closing-test: does a TLS terminator keep the rules of how a connection ends? It
 * plays the TLS client and the plaintext backend of any terminator that leads to
 * it, and reports what each saw.
 */
#include "e2e/closing_cases.h"
#include "e2e/closing_options.h"
#include "support/netns.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_SKIP 77
#define VERSIONS 2
#define CASES_MAX 256
#define LINE_BYTES 2048

static const struct closing_case *const case_tables[] = {
    closing_cases_orderly, closing_cases_client, closing_cases_backend, closing_cases_last,
    closing_cases_prompt,  closing_cases_time,   closing_cases_story,
};

static const int versions[VERSIONS] = {TLS1_2_VERSION, TLS1_3_VERSION};
static const char *const version_names[VERSIONS] = {"TLSv1.2", "TLSv1.3"};

/* One case with one version; the counters are shared by all workers. */
struct item {
    const struct closing_case *c;
    int version; /* index into versions */
    atomic_uint passed, failed;
};

/* What the workers share. */
struct work {
    atomic_uint next; /* the next run: repeat * items + item */
    unsigned items;
    struct item item[CASES_MAX * VERSIONS];
};

/* Is the name one of those of --case? */
static bool
is_wanted(const char *cases, const char *name)
{
    char pattern[128];

    if (cases == NULL)
        return true;
    while (*cases != '\0') {
        size_t len = strcspn(cases, ",");

        if (len < sizeof(pattern)) {
            memcpy(pattern, cases, len);
            pattern[len] = '\0';
            if (fnmatch(pattern, name, 0) == 0)
                return true;
        }
        cases += len + (cases[len] == ',');
    }
    return false;
}

static bool
has_needs(const struct closing_settings *s, unsigned needs)
{
    const struct {
        unsigned need;
        bool met;
    } rows[] = {
        {CLOSING_NEEDS_CLOSE_WAIT, s->close_wait_ms != 0},
        {CLOSING_NEEDS_IDLE, s->idle_ms != 0},
        {CLOSING_NEEDS_HALF_CLOSED, s->half_closed_ms != 0},
        {CLOSING_NEEDS_LINGER, s->linger_ms != 0},
        {CLOSING_NEEDS_LINGER_MAX, s->linger_max_ms != 0},
        {CLOSING_NEEDS_HANDSHAKE, s->handshake_ms != 0},
        {CLOSING_NEEDS_CONNECT, s->connect_ms != 0},
        {CLOSING_NEEDS_VANISH, s->vanish_ms != 0},
        {CLOSING_NEEDS_MAX_CONNECTIONS, s->max_connections != 0},
        {CLOSING_NEEDS_TERMINATOR, s->terminator != 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if ((needs & rows[i].need) && !rows[i].met)
            return false;
    return true;
}

static void
add_case(struct work *w, const struct closing_options *o, const struct closing_case *c)
{
    if (!(c->profiles & o->profile) || !is_wanted(o->cases, c->name))
        return;
    if (!has_needs(&o->settings, c->needs)) {
        printf("skip  %s: needs a setting that was not given\n", c->name);
        return;
    }
    for (int v = 0; v < VERSIONS; v++) {
        if (!(o->versions & 1u << v) || w->items == COUNT_OF(w->item))
            continue;
        w->item[w->items].c = c;
        w->item[w->items].version = v;
        w->items++;
    }
}

static void
print_case(const struct closing_case *c)
{
    printf("%-40s", c->name);
    for (unsigned bit = 1; bit <= CLOSING_DRAIN; bit <<= 1)
        if (c->profiles & bit)
            printf(" %s", closing_profile_name(bit));
    printf("\n    %s\n", c->rule);
}

static void
print_run(const struct item *it, const struct stage *s)
{
    char line[LINE_BYTES];
    struct text out;

    text_init(&out, line, sizeof(line));
    text_addf(&out, "%-5s %-40s %s  ", s->failed ? "FAIL" : "ok", it->c->name,
              version_names[it->version]);
    if (s->failed)
        text_addf(&out, "expected %s; saw ", s->why);
    text_add(&out, "backend: ");
    if (s->backend.accepted_us == 0)
        text_add(&out, "no connection");
    else
        observe_print(&s->backend.saw, s->start_us, &out);
    text_add(&out, "; client: ");
    observe_print(&s->client.saw, s->start_us, &out);
    if (s->note[0] != '\0')
        text_addf(&out, " [%s]", s->note);
    text_add(&out, "\n");
    fputs(line, stdout);
    fflush(stdout);
}

static void
run_item(struct item *it, const struct closing_options *o,
         const struct closing_settings *settings, SSL_CTX *ctx, bool first)
{
    struct stage s;

    stage_init(&s, settings, ctx, versions[it->version]);
    it->c->play(&s);
    atomic_fetch_add(s.failed ? &it->failed : &it->passed, 1u);
    if (s.failed || first || o->verbose)
        print_run(it, &s);
    stage_clear(&s);
}

/* Take run after run, until all are done. */
static void
work_on_pair(struct work *w, const struct closing_options *o, unsigned pair,
             SSL_CTX *ctx[VERSIONS])
{
    struct closing_settings settings = o->settings;
    unsigned run;

    settings.front = o->fronts[pair];
    settings.backend = o->backends[pair];
    while ((run = atomic_fetch_add(&w->next, 1u)) < w->items * o->repeat) {
        struct item *it = &w->item[run % w->items];
        bool first = run < w->items;

        if (first || !(it->c->needs & CLOSING_ONCE))
            run_item(it, o, &settings, ctx[it->version], first);
    }
}

/* Is somebody at the front, and is the backend's address free? */
static bool
can_run(const struct closing_options *o)
{
    struct peer_plain backend;
    bool good = true;

    for (unsigned i = 0; i < o->jobs && good; i++) {
        int fd;

        netns_enter(NETNS_CLIENT);
        fd = socket(o->fronts[i].u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        good = fd >= 0 && connect(fd, &o->fronts[i].u.sa, o->fronts[i].len) == 0;
        if (!good)
            fprintf(stderr, "closing-test: the terminator: %s\n", strerror(errno));
        if (fd >= 0)
            close(fd);
        peer_plain_init(&backend, 0, 0);
        if (good && peer_plain_listen(&backend, &o->backends[i], 0, 1) != 0) {
            fprintf(stderr, "closing-test: the backend's address: %s\n", strerror(errno));
            good = false;
        }
        peer_plain_free(&backend);
    }
    return good;
}

/* One process for each pair. Returns 0, or -1 if one of them died. */
static int
work_in_parallel(struct work *w, const struct closing_options *o, SSL_CTX *ctx[VERSIONS])
{
    pid_t pids[CLOSING_PAIRS_MAX];
    int result = 0, status;

    fflush(stdout);
    for (unsigned i = 0; i < o->jobs; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            work_on_pair(w, o, i, ctx);
            exit(EXIT_SUCCESS);
        }
    }
    for (unsigned i = 0; i < o->jobs; i++)
        if (pids[i] < 0 || waitpid(pids[i], &status, 0) < 0 || status != 0)
            result = -1;
    return result;
}

/* Returns how many runs failed. */
static unsigned
print_summary(const struct work *w, unsigned repeat)
{
    unsigned passed = 0, failed = 0;

    for (unsigned i = 0; i < w->items; i++) {
        const struct item *it = &w->item[i];

        passed += it->passed;
        failed += it->failed;
        if (i == 0)
            printf("\n%-40s %-8s passed of %u\n", "case", "version", repeat);
        printf("%-40s %-8s %u/%u%s\n", it->c->name, version_names[it->version], it->passed,
               it->passed + it->failed, it->failed != 0 ? "  FAILED" : "");
    }
    printf("\n%u passed, %u failed\n", passed, failed);
    return failed;
}

static int
run_all(struct work *w, const struct closing_options *o)
{
    SSL_CTX *ctx[VERSIONS];
    int result = EXIT_SKIP;

    for (int v = 0; v < VERSIONS; v++)
        ctx[v] = peer_tls_context(versions[v]);
    if (ctx[0] == NULL || ctx[1] == NULL) {
        fputs("closing-test: OpenSSL cannot be used\n", stderr);
        goto out;
    }
    if (w->items == 0) {
        fputs("closing-test: no case is left to be run\n", stderr);
        goto out;
    }
    if (!can_run(o))
        goto out;
    result = EXIT_FAILURE;
    if (o->jobs == 1)
        work_on_pair(w, o, 0, ctx);
    else if (work_in_parallel(w, o, ctx) != 0)
        goto out;
    if (print_summary(w, o->repeat) == 0)
        result = EXIT_SUCCESS;
out:
    for (int v = 0; v < VERSIONS; v++)
        SSL_CTX_free(ctx[v]);
    return result;
}

int
main(int argc, char **argv)
{
    struct closing_options o;
    struct work *w;
    int result = closing_options_parse(&o, argc, argv);

    if (result >= 0)
        return result;
    w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w == MAP_FAILED)
        return EXIT_SKIP;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < COUNT_OF(case_tables); i++)
        for (const struct closing_case *c = case_tables[i]; c->name != NULL; c++) {
            if (!o.list)
                add_case(w, &o, c);
            else if (is_wanted(o.cases, c->name))
                print_case(c);
        }
    result = o.list ? EXIT_SUCCESS : run_all(w, &o);
    munmap(w, sizeof(*w));
    return result;
}
