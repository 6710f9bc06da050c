/* SPDX-License-Identifier: BSD-2-Clause */
#include "load.h"
#include "pattern.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What one connection may move before it is the turn of the others. */
#define QUANTUM (512 * 1024)
#define RECORD 16384

static unsigned char scratch[128 * 1024];

static enum load_step
fail(struct load *load, struct client *client, const char *what)
{
    errno = 0;
    client_fail(load, client, what);
    return STEP_FAILED;
}

/* Bytes of the stream that came and are right, at most so many; 0: later; -1: failed. */
static ssize_t
read_pattern(struct load *load, struct client *client, uint64_t most)
{
    size_t len = most < sizeof(scratch) ? (size_t)most : sizeof(scratch);
    ssize_t got = client_read(load, client, scratch, len);

    if (got <= 0)
        return got;
    if (memcmp(scratch, pattern_at(client->got), (size_t)got) != 0) {
        (void)fail(load, client, "wrong bytes");
        return -1;
    }
    client->got += (uint64_t)got;
    return got;
}

static ssize_t
write_pattern(struct load *load, struct client *client, uint64_t most)
{
    size_t len = most < RECORD ? (size_t)most : RECORD;
    ssize_t sent = client_write(load, client, pattern_at(client->sent), len);

    if (sent > 0)
        client->sent += (uint64_t)sent;
    return sent;
}

/* One round trip. After the last write an event is waited for: the answer is not there yet.
 */
static enum load_step
exchange(struct load *load, struct client *client, uint64_t size)
{
    uint64_t end = (client->rounds + 1) * size;
    bool wrote = client->sent < end;
    ssize_t moved;

    while (client->sent < end) {
        moved = write_pattern(load, client, end - client->sent);
        if (moved <= 0)
            return moved == 0 ? STEP_WAIT : STEP_FAILED;
    }
    if (wrote)
        return STEP_WAIT;
    while (client->got < end) {
        moved = read_pattern(load, client, end - client->got);
        if (moved <= 0)
            return moved == 0 ? STEP_WAIT : STEP_FAILED;
    }
    client->rounds++;
    return STEP_DONE;
}

static enum load_step
exchange_once(struct load *load, struct client *client)
{
    return exchange(load, client, load->options.size);
}

static enum load_step
ask(struct load *load, struct client *client, char what, uint64_t number)
{
    char line[24];
    int len = snprintf(line, sizeof(line), "%c%llu\n", what, (unsigned long long)number);
    ssize_t sent = client->asked ? len : client_write(load, client, line, (size_t)len);

    if (sent == 0)
        return STEP_WAIT;
    if (sent < 0)
        return STEP_FAILED;
    if (sent != len)
        return fail(load, client, "the request went out in pieces");
    client->asked = true;
    return STEP_DONE;
}

/* ---- handshake, idle, no-reader: exchange_once, and ---- */

static enum load_step
ask_for_all(struct load *load, struct client *client)
{
    return ask(load, client, PATTERN_DOWNLOAD, 0);
}

/* ---- ping-pong ---- */

static enum load_step
run_pingpong(struct load *load, struct client *client)
{
    const struct load_options *options = &load->options;
    enum load_step step = STEP_DONE;

    if (client->sent == client->got) /* the first of this phase */
        client->began_ns = tally_now_ns();
    while ((step = exchange(load, client, options->size)) == STEP_DONE) {
        uint64_t now = tally_now_ns();

        tally_latency(&load->tally, now - client->began_ns);
        load->tally.units++;
        load->tally.bytes += options->size;
        client->began_ns = now;
        /* One more was done when the connection was opened. */
        if (load->stopping || (options->count != 0 && client->rounds > options->count))
            return STEP_DONE;
    }
    return step;
}

/* ---- download ---- */

static enum load_step
run_download(struct load *load, struct client *client)
{
    uint64_t size = load->options.count;
    enum load_step asked = ask(load, client, PATTERN_DOWNLOAD, size);
    uint64_t quantum = QUANTUM;

    if (asked != STEP_DONE)
        return asked;
    while (!load->stopping || size != 0) {
        uint64_t left = size != 0 ? size - client->got : UINT64_MAX;
        ssize_t got = left == 0 ? 0 : read_pattern(load, client, left);

        if (left == 0)
            return STEP_DONE;
        if (got <= 0)
            return got == 0 ? STEP_WAIT : STEP_FAILED;
        load->tally.bytes += (uint64_t)got;
        if (quantum < (uint64_t)got)
            return STEP_AGAIN;
        quantum -= (uint64_t)got;
    }
    return STEP_DONE;
}

/* ---- upload ---- */

static uint64_t
ack_interval(const struct load *load)
{
    return load->options.count != 0 ? load->options.count : LOAD_ACK_BYTES;
}

/* Counts in the order of their coming; STEP_WAIT: there is none yet. */
static enum load_step
take_acks(struct load *load, struct client *client)
{
    for (;;) {
        ssize_t got = client_read(load, client, client->ack + client->ack_len,
                                  sizeof(client->ack) - client->ack_len);
        uint64_t count;

        if (got <= 0)
            return got == 0 ? STEP_WAIT : STEP_FAILED;
        client->ack_len += (size_t)got;
        if (client->ack_len < sizeof(client->ack))
            continue;
        client->ack_len = 0;
        memcpy(&count, client->ack, sizeof(count));
        if (be64toh(count) != client->acked + ack_interval(load))
            return fail(load, client, "a wrong acknowledgement");
        client->acked = be64toh(count);
    }
}

/* How much of the stream is still to be sent: once it is to stop, up to where it is
 * acknowledged. */
static uint64_t
left_to_send(const struct load *load, const struct client *client)
{
    if (load->options.count != 0)
        return load->options.count - client->sent;
    if (load->stopping)
        return (LOAD_ACK_BYTES - client->sent % LOAD_ACK_BYTES) % LOAD_ACK_BYTES;
    return UINT64_MAX;
}

static enum load_step
run_upload(struct load *load, struct client *client)
{
    enum load_step step = ask(load, client, PATTERN_UPLOAD, ack_interval(load));
    uint64_t quantum = QUANTUM;

    if (step == STEP_DONE)
        step = take_acks(load, client);
    while (step == STEP_WAIT && left_to_send(load, client) != 0) {
        ssize_t sent = write_pattern(load, client, left_to_send(load, client));

        if (sent <= 0)
            return sent == 0 ? STEP_WAIT : STEP_FAILED;
        load->tally.bytes += (uint64_t)sent;
        if (quantum < (uint64_t)sent)
            return STEP_AGAIN;
        quantum -= (uint64_t)sent;
    }
    if (step == STEP_WAIT && client->acked == client->sent)
        return STEP_DONE;
    return step;
}

/* ---- all of them ---- */

static const struct load_work works[] = {
    {.name = "handshake", .reconnects = true, .run = exchange_once},
    {.name = "pingpong", .open = exchange_once, .run = run_pingpong},
    {.name = "download", .is_bulk = true, .run = run_download},
    {.name = "upload", .is_bulk = true, .run = run_upload},
    {.name = "idle", .only_holds = true, .open = exchange_once},
    {.name = "noreader", .only_holds = true, .open = ask_for_all},
};

const struct load_work *
work_find(const char *name)
{
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        if (strcmp(works[i].name, name) == 0)
            return &works[i];
    }
    return NULL;
}

void
work_check(struct load *load, struct client *client)
{
    unsigned char byte;

    if (client->state != CLIENT_PARKED || load->options.work->open != exchange_once)
        return;
    if (client_read(load, client, &byte, 1) > 0)
        (void)fail(load, client, "a byte that nobody asked for");
}
