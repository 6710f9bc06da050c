/* SPDX-License-Identifier: BSD-2-Clause */
#include "load.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t
tally_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

noreturn void
tally_die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

void
tally_error(struct load_tally *tally, const char *what, const char *why)
{
    if (tally->errors++ == 0)
        snprintf(tally->first_error, sizeof(tally->first_error), "%s%s%s", what,
                 why != NULL ? ": " : "", why != NULL ? why : "");
}

void
tally_latency(struct load_tally *tally, uint64_t ns)
{
    if (tally->latencies == tally->room) {
        tally->room = tally->room * 2 + 65536;
        tally->latency_us10 =
            realloc(tally->latency_us10, tally->room * sizeof(*tally->latency_us10));
        if (tally->latency_us10 == NULL)
            tally_die("memory");
    }
    tally->latency_us10[tally->latencies++] = (uint32_t)(ns / 100);
}

void
tally_restart(struct load_tally *tally)
{
    tally->units = tally->bytes = tally->full = tally->resumed = 0;
    tally->latencies = 0;
}

static int
compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

static double
percentile(const struct load_tally *tally, double share)
{
    size_t at = (size_t)(share * (double)(tally->latencies - 1) + 0.5);

    return tally->latency_us10[at] / 10.0;
}

static void
print_latency(struct load_tally *tally)
{
    if (tally->latencies == 0)
        return;
    qsort(tally->latency_us10, tally->latencies, sizeof(*tally->latency_us10), compare);
    printf(
        ", \"latency_us\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p999\": %.1f, "
        "\"max\": %.1f}",
        percentile(tally, 0.5), percentile(tally, 0.9), percentile(tally, 0.99),
        percentile(tally, 0.999), percentile(tally, 1));
}

static void
print_error(const struct load_tally *tally)
{
    if (tally->errors == 0)
        return;
    printf(", \"first_error\": \"");
    for (const char *at = tally->first_error; *at != '\0'; at++)
        putchar(*at == '"' || *at == '\\' || (unsigned char)*at < ' ' ? '\'' : *at);
    putchar('"');
}

void
tally_print(struct load_tally *tally, const struct load_options *options, double seconds)
{
    printf("{\"work\": \"%s\", \"seconds\": %.6f, \"units\": %llu, \"bytes\": %llu, "
           "\"errors\": %llu, \"full\": %llu, \"resumed\": %llu",
           options->work->name, seconds, (unsigned long long)tally->units,
           (unsigned long long)tally->bytes, (unsigned long long)tally->errors,
           (unsigned long long)tally->full, (unsigned long long)tally->resumed);
    print_latency(tally);
    print_error(tally);
    puts("}");
    fflush(stdout);
}
