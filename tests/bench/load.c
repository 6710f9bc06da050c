/* SPDX-License-Identifier: BSD-2-Clause */

/* The course of a run of the load generator. */
#include "load.h"
#include "pattern.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#define EVENTS 256

/* ---- one client ---- */

static bool
is_busy(enum client_state state)
{
    return state == CLIENT_SHAKES || state == CLIENT_OPENS || state == CLIENT_RUNS;
}

static bool
may_start(struct load *load)
{
    const struct load_options *options = &load->options;

    if (load->stopping || load->tally.errors > LOAD_MOST_ERRORS)
        return false;
    return !options->work->reconnects || options->count == 0 ||
           load->started++ < options->count;
}

/* A transaction is done: the next one. */
static void
renew(struct load *load, struct client *client)
{
    load->tally.units++;
    load->tally.bytes += load->options.size;
    tally_latency(&load->tally, tally_now_ns() - client->began_ns);
    client_close(client);
    if (may_start(load))
        client_start(load, client);
}

/* The client has done what its state wants. */
static void
arrive(struct load *load, struct client *client)
{
    bool reconnects = load->options.work->reconnects;

    if (client->state == CLIENT_SHAKES)
        client->state = CLIENT_OPENS;
    else if (client->state == CLIENT_OPENS)
        client->state = reconnects ? CLIENT_RUNS : CLIENT_PARKED;
    else if (reconnects)
        renew(load, client);
    else
        client->state = CLIENT_PARKED;
}

static enum load_step
advance(struct load *load, struct client *client)
{
    const struct load_work *work = load->options.work;

    switch (client->state) {
    case CLIENT_SHAKES:
        return client_shake(load, client);
    case CLIENT_OPENS:
        return work->open != NULL ? work->open(load, client) : STEP_DONE;
    case CLIENT_RUNS:
        return work->run(load, client);
    default:
        return STEP_WAIT;
    }
}

/* What failed is closed; of connections that are made anew, the next one begins. */
static void
give_up(struct load *load, struct client *client)
{
    client_close(client);
    if (load->options.work->reconnects && !load->learning && may_start(load))
        client_start(load, client);
}

static void
push_again(struct load *load, struct client *client)
{
    if (client->again)
        return;
    client->again = true;
    load->again[load->agains++] = (unsigned)(client - load->client);
}

static void
step(struct load *load, struct client *client)
{
    bool was_busy = is_busy(client->state);
    enum load_step step = STEP_DONE;

    while (step == STEP_DONE && is_busy(client->state)) {
        step = advance(load, client);
        if (step == STEP_DONE)
            arrive(load, client);
    }
    if (step == STEP_FAILED)
        give_up(load, client);
    if (step == STEP_AGAIN || (step == STEP_FAILED && is_busy(client->state)))
        push_again(load, client);
    if (was_busy && !is_busy(client->state))
        load->busy--;
}

/* Let a client that is not busy be so. */
static void
launch(struct load *load, struct client *client, enum client_state state)
{
    if (state == CLIENT_SHAKES)
        client_start(load, client);
    else
        client->state = state;
    if (!is_busy(client->state))
        return;
    load->busy++;
    step(load, client);
}

/* ---- the loop ---- */

static void
step_again(struct load *load)
{
    size_t count = load->agains;

    for (size_t i = 0; i < count; i++) {
        struct client *client = &load->client[load->again[i]];

        client->again = false;
        step(load, client);
    }
    load->agains -= count;
    memmove(load->again, load->again + count, load->agains * sizeof(*load->again));
}

/* Returns false: nothing has happened in that time. */
static bool
turn(struct load *load, int timeout_ms)
{
    struct epoll_event event[EVENTS];
    bool has_more = load->agains > 0;
    int got = epoll_wait(load->epoll_fd, event, EVENTS, has_more ? 0 : timeout_ms);

    if (got < 0 && errno != EINTR)
        tally_die("epoll");
    for (int i = 0; i < got; i++)
        step(load, event[i].data.ptr);
    step_again(load);
    return got != 0 || has_more;
}

/* Nothing moves any more: who is not done is broken. */
static void
break_busy(struct load *load)
{
    for (unsigned i = 0; i < load->options.clients; i++) {
        if (!is_busy(load->client[i].state))
            continue;
        errno = 0;
        client_fail(load, &load->client[i], "nothing moves any more");
        client_close(&load->client[i]);
    }
    load->busy = 0;
}

static void
run_until_idle(struct load *load)
{
    while (load->busy > 0) {
        if (!turn(load, LOAD_PATIENCE_MS))
            break_busy(load);
    }
}

static void
run_for(struct load *load, double seconds)
{
    uint64_t now = tally_now_ns();
    uint64_t end = now + (uint64_t)(seconds * 1e9);

    for (; now < end && load->busy > 0; now = tally_now_ns())
        (void)turn(load, (int)((end - now) / 1000000 + 1));
}

/* ---- phases ---- */

static void
open_all(struct load *load)
{
    for (unsigned i = 0; i < load->options.clients; i++) {
        while (load->busy >= LOAD_OPENING) {
            if (!turn(load, LOAD_PATIENCE_MS))
                break_busy(load);
        }
        if (load->tally.errors > LOAD_MOST_ERRORS)
            return;
        launch(load, &load->client[i], CLIENT_SHAKES);
    }
    run_until_idle(load);
}

/* A full handshake of each client, for the session. */
static void
learn(struct load *load)
{
    load->learning = load->stopping = true;
    open_all(load);
    load->learning = load->stopping = false;
    for (unsigned i = 0; i < load->options.clients; i++) {
        if (load->client[i].session == NULL)
            tally_error(&load->tally, "a session", "there was no ticket");
    }
    /* Kept as they are: a client with many connections at once uses a ticket more than
     * once. */
    SSL_CTX_sess_set_new_cb(load->ctx, NULL);
}

static void
launch_all(struct load *load)
{
    bool reconnects = load->options.work->reconnects;

    for (unsigned i = 0; i < load->options.clients; i++) {
        struct client *client = &load->client[i];

        if (reconnects && may_start(load))
            launch(load, client, CLIENT_SHAKES);
        else if (client->state == CLIENT_PARKED)
            launch(load, client, CLIENT_RUNS);
    }
}

static void
sync_with_caller(const struct load *load, const char *word)
{
    char line[16];

    if (!load->options.sync)
        return;
    puts(word);
    fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL)
        exit(EXIT_FAILURE); /* who should say it is gone */
}

static void
close_all(struct load *load)
{
    for (unsigned i = 0; i < load->options.clients; i++) {
        work_check(load, &load->client[i]);
        client_close(&load->client[i]);
        SSL_SESSION_free(load->client[i].session);
    }
}

static void
begin(struct load *load)
{
    sync_with_caller(load, "begin");
    tally_restart(&load->tally);
}

static void
measure_time(struct load *load)
{
    launch_all(load);
    run_for(load, load->options.warmup);
    begin(load);
    load->began_ns = tally_now_ns();
    run_for(load, load->options.seconds);
}

static void
measure_count(struct load *load)
{
    begin(load);
    load->began_ns = tally_now_ns();
    launch_all(load);
    run_until_idle(load);
}

/* Returns what was counted while it was measured. */
static struct load_tally
measure(struct load *load, double *seconds)
{
    struct load_tally counted;

    if (load->options.count != 0)
        measure_count(load);
    else
        measure_time(load);
    *seconds = (double)(tally_now_ns() - load->began_ns) / 1e9;
    counted = load->tally;
    sync_with_caller(load, "end");
    return counted;
}

static struct load_tally
hold(struct load *load)
{
    sync_with_caller(load, "begin");
    for (unsigned i = 0; i < load->options.clients; i++)
        load->tally.units += load->client[i].state == CLIENT_PARKED;
    return load->tally;
}

static int
run(struct load *load)
{
    const struct load_work *work = load->options.work;
    struct load_tally counted;
    double seconds = 0;

    if (!work->reconnects)
        open_all(load);
    else if (load->options.resume)
        learn(load);
    counted = work->only_holds ? hold(load) : measure(load, &seconds);
    load->stopping = true;
    for (unsigned i = 0; i < load->options.clients; i++) {
        if (load->client[i].state == CLIENT_RUNS)
            step(load, &load->client[i]);
    }
    run_until_idle(load);
    close_all(load);
    /* The room for latencies may have moved since; those that were counted stand first. */
    counted.latency_us10 = load->tally.latency_us10;
    counted.errors = load->tally.errors;
    memcpy(counted.first_error, load->tally.first_error, sizeof(counted.first_error));
    tally_print(&counted, &load->options, seconds);
    free(load->tally.latency_us10);
    return counted.errors == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int
main(int argc, char **argv)
{
    struct load load = {.options = options_parse(argc, argv)};
    int status;

    raise_limit();
    pattern_make();
    load.ctx = client_context(&load);
    load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    load.client = calloc(load.options.clients, sizeof(*load.client));
    /* While those of one turn are stepped, those of the next one queue behind them. */
    load.again = calloc((size_t)2 * load.options.clients, sizeof(*load.again));
    if (load.epoll_fd < 0 || load.client == NULL || load.again == NULL)
        tally_die("start");
    for (unsigned i = 0; i < load.options.clients; i++)
        load.client[i].fd = -1;
    status = run(&load);
    free(load.client);
    free(load.again);
    SSL_CTX_free(load.ctx);
    return status;
}
