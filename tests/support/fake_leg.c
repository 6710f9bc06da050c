/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fake_leg.h"

#include "core/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

unsigned fake_legs;

static unsigned char scratch[FLOW_QUANTUM_MAX];

static bool calling_back;

static unsigned char
byte_at(uint64_t place, bool tls)
{
    uint64_t x = (place + 1) * 0x9e3779b97f4a7c15u + (tls ? 0x1234567u : 0u);

    return (unsigned char)(x >> 56);
}

static void
must_be_open(const struct leg *leg, const char *what)
{
    MUST(leg->closed == FAKE_OPEN, "%s on the closed leg of the %s", what, leg->name);
}

struct leg *
fake_leg_new(const char *name, bool tls, const struct leg_events *events, void *owner)
{
    struct leg *leg = calloc(1, sizeof(*leg));

    ck_assert_ptr_nonnull(leg);
    leg->name = name;
    leg->tls = tls;
    leg->events = events;
    leg->owner = owner;
    fake_legs++;
    return leg;
}

/* ---- the peer and the kernel ---- */

bool
fake_may_speak(const struct leg *leg)
{
    return leg->end == LEG_GOING_ON && leg->rst == 0;
}

void
fake_says(struct leg *leg, size_t len)
{
    leg->said += len;
}

void
fake_dribbles(struct leg *leg, size_t len)
{
    leg->dribbled += len;
    leg->dribble_ready = true;
}

void
fake_ends(struct leg *leg, enum leg_end end)
{
    bool fin = leg->end == LEG_FIN || leg->end == LEG_CUT;

    if (end == LEG_RESET)
        leg->rst = fin ? EPIPE : ECONNRESET;
    if (leg->end == LEG_GOING_ON)
        leg->end = end;
}

static void
meet_reset(struct leg *leg)
{
    leg->rst_consumed = true;
    if (leg->error == 0)
        leg->error = leg->rst;
}

static void
lose_queue(struct leg *leg)
{
    leg->lost += leg->queue - leg->goodbye - leg->head;
    if (leg->goodbye > 0)
        leg->shut_failed = true;
    leg->queue = leg->goodbye = leg->head = leg->ahead = 0;
}

/* The kernel takes what it has room for. */
static void
take(struct leg *leg)
{
    size_t n = leg->queue < leg->room ? leg->queue : leg->room;
    size_t of_head = n < leg->head ? n : leg->head, data;

    leg->room -= n;
    leg->queue -= of_head;
    leg->head -= of_head;
    n -= of_head;
    data = leg->queue - leg->goodbye - leg->head;
    leg->queue -= n;
    leg->flushed += n < data ? n : data;
    leg->goodbye -= n > data ? n - data : 0;
    if (leg->queue == 0)
        leg->largest_read = 0;
}

static void
call_back(struct leg *leg, void (*callback)(void *owner))
{
    calling_back = true;
    callback(leg->owner);
    calling_back = false;
}

void
fake_makes_room(struct leg *leg, size_t len)
{
    size_t before = leg->queue;

    leg->room += len;
    if (leg->closed != FAKE_OPEN || before == 0)
        return;
    if (leg->rst != 0) {
        meet_reset(leg);
        lose_queue(leg);
        leg->dropped = true;
        call_back(leg, leg->events->on_broken);
        return;
    }
    take(leg);
    if (leg->queue == before)
        return;
    call_back(leg, leg->events->on_progress);
    if (leg->queue == 0)
        call_back(leg, leg->events->on_drained);
}

/* Level-triggered, as the socket is: what came behind the handshake is not in it. */
static bool
is_readable(const struct leg *leg)
{
    uint64_t taken = leg->read + leg->discarded;

    if (taken < leg->pending)
        taken = leg->pending;
    return leg->said > taken || leg->end != LEG_GOING_ON || leg->rst != 0 ||
           leg->dribble_ready;
}

bool
fake_deliver_readable(struct leg *leg)
{
    if (leg->closed != FAKE_OPEN || !leg->read_on || !is_readable(leg))
        return false;
    call_back(leg, leg->events->on_readable);
    return true;
}

bool
fake_deliver_hangup(struct leg *leg)
{
    if (leg->closed != FAKE_OPEN || !leg->watched || leg->rst == 0 || leg->rst_consumed ||
        leg->hangup_told)
        return false;
    leg->hangup_told = true;
    call_back(leg, leg->events->on_hangup);
    return true;
}

/* ---- net/leg.h ---- */

void
leg_set_events(struct leg *leg, const struct leg_events *events, void *owner)
{
    leg->events = events;
    leg->owner = owner;
}

void
leg_free(struct leg *leg)
{
    if (leg == NULL)
        return;
    MUST(!calling_back, "the leg of the %s is freed in a callback", leg->name);
    fake_legs--;
    free(leg);
}

uint64_t
leg_received(const struct leg *leg)
{
    return leg->read + leg->discarded + (leg->dribble_ready ? 0 : leg->dribbled);
}

/* How a stream ends that has been read to its end. */
static enum leg_end
end_of_stream(struct leg *leg)
{
    if (leg->end == LEG_RESET)
        meet_reset(leg);
    if (leg->end == LEG_TLS_ERROR && !leg->dropped && !leg->shut) {
        leg->queue += FAKE_GOODBYE;
        leg->goodbye += FAKE_GOODBYE;
        take(leg);
    }
    leg->told = leg->end;
    return leg->end;
}

/* What is pending comes whole and alone; the quantum is about what the socket has. */
static size_t
piece_of(const struct leg *leg, size_t quantum)
{
    size_t max = leg->read_max != 0 && leg->read_max < quantum ? leg->read_max : quantum;
    uint64_t left = leg->said - leg->read;

    if (leg->read < leg->pending)
        return (size_t)(leg->pending - leg->read);
    return left < max ? (size_t)left : max;
}

enum leg_end
leg_read(struct leg *leg, size_t quantum, struct leg_chunk *chunk, struct text *why)
{
    size_t len = piece_of(leg, quantum);
    bool full = len == quantum || leg->read < leg->pending;

    must_be_open(leg, "leg_read");
    MUST(quantum > 0 && quantum <= sizeof(scratch), "a quantum of %zu bytes", quantum);
    MUST(leg->told == LEG_GOING_ON, "the %s is read behind its end", leg->name);
    if (leg->before_read != NULL)
        leg->before_read(leg);
    for (size_t i = 0; i < len; i++)
        scratch[i] = byte_at(leg->read + i, leg->tls);
    leg->read += len;
    leg->dribble_ready = false;
    *chunk = (struct leg_chunk){scratch, len, full};
    if (leg->read < leg->said || leg->end == LEG_GOING_ON)
        return LEG_GOING_ON;
    if (len > 0 && !leg->end_with_bytes)
        return LEG_GOING_ON;
    if (leg->end != LEG_FIN)
        text_add(why, "as the test told it");
    return end_of_stream(leg);
}

enum leg_end
leg_discard(struct leg *leg, size_t *bytes)
{
    uint64_t left = leg->said - leg->read - leg->discarded;

    must_be_open(leg, "leg_discard");
    leg->discarded += left;
    leg->dribble_ready = false;
    *bytes += (size_t)left;
    if (left > 0 || leg->end == LEG_GOING_ON)
        return LEG_GOING_ON;
    if (leg->rst == ECONNRESET) {
        meet_reset(leg);
        leg->told = LEG_RESET;
        return LEG_RESET;
    }
    /* Undecrypted there is nothing but bytes and a FIN; without that it goes on. */
    if (leg->end == LEG_FIN || leg->end == LEG_CUT) {
        leg->told = leg->end;
        return LEG_FIN;
    }
    leg->end = LEG_GOING_ON;
    return LEG_GOING_ON;
}

bool
leg_has_pending(const struct leg *leg)
{
    must_be_open(leg, "leg_has_pending");
    return leg->read + leg->discarded < leg->pending;
}

void
leg_read_on(struct leg *leg)
{
    must_be_open(leg, "leg_read_on");
    leg->read_on = true;
}

void
leg_read_off(struct leg *leg)
{
    must_be_open(leg, "leg_read_off");
    leg->read_on = false;
}

bool
leg_is_read_on(const struct leg *leg)
{
    return leg->read_on;
}

void
leg_watch(struct leg *leg)
{
    must_be_open(leg, "leg_watch");
    leg->watched = true;
}

static void
must_be_writable(const struct leg *leg, const char *what)
{
    must_be_open(leg, what);
    MUST(!leg->fin && !leg->shut, "%s behind the end that the %s was told", what,
         leg->name);
}

/* The bytes have to be those that the source has said, each once, in order. */
static void
must_continue(struct leg *leg, const unsigned char *data, size_t len)
{
    MUST(leg->written + len <= leg->source->read, "the %s is told more than was said",
         leg->name);
    for (size_t i = 0; i < len; i++)
        MUST(data[i] == byte_at(leg->written + i, leg->source->tls),
             "byte %llu towards the %s is not the one that was said",
             (unsigned long long)(leg->written + i), leg->name);
}

/* What was put ahead comes first in the queue. */
static void
queue_ahead(struct leg *leg)
{
    leg->queue += leg->ahead;
    leg->head += leg->ahead;
    leg->ahead = 0;
}

int
leg_send_ahead(struct leg *leg)
{
    must_be_writable(leg, "leg_send_ahead");
    if (leg->ahead == 0)
        return 0;
    MUST(leg->written == 0, "the %s is told its header behind bytes", leg->name);
    if (leg->rst != 0) {
        meet_reset(leg);
        leg->ahead = 0;
        return -1;
    }
    queue_ahead(leg);
    take(leg);
    return 0;
}

int
leg_write(struct leg *leg, const void *data, size_t len)
{
    bool was_empty;

    must_be_writable(leg, "leg_write");
    MUST(!leg->dropped, "written to the %s whose queue was dropped", leg->name);
    MUST(len > 0, "nothing is written to the %s", leg->name);
    must_continue(leg, data, len);
    if (leg->fail_write > 0) {
        leg->fail_write--;
        leg->error = leg->error != 0 ? leg->error : ENOMEM;
        return -1;
    }
    if (leg->queue == 0 && leg->rst != 0) {
        meet_reset(leg);
        leg->ahead = 0;
        MUST(leg->writes_after_reset++ == 0,
             "written to the %s although a write has failed", leg->name);
        return -1;
    }
    if (len > leg->largest_read)
        leg->largest_read = len;
    leg->written += len;
    was_empty = leg->queue == 0;
    queue_ahead(leg);
    leg->queue += len;
    if (was_empty)
        take(leg);
    MUST(leg->queue - leg->head <= leg->largest_read + 2 * FAKE_GOODBYE,
         "more than one read is queued for the %s: %zu bytes", leg->name, leg->queue);
    return 0;
}

size_t
leg_queued(const struct leg *leg)
{
    return leg->dropped ? 0 : leg->queue + leg->ahead;
}

size_t
leg_unacked(const struct leg *leg)
{
    (void)leg;
    return 0;
}

int
leg_error(const struct leg *leg)
{
    return leg->error;
}

void
leg_shut(struct leg *leg, bool last)
{
    (void)last;
    must_be_writable(leg, "leg_shut");
    MUST(leg->lost == 0 && !leg->dropped,
         "an orderly end for the %s, to whom bytes are missing", leg->name);
    MUST(leg->written == leg->source->said, "an end for the %s before the last byte",
         leg->name);
    leg->shut = true;
    if (!leg->tls) {
        MUST(leg_queued(leg) == 0, "an end for the %s in front of its queue", leg->name);
        return;
    }
    if (leg->rst != 0) {
        meet_reset(leg);
        leg->shut_failed = true;
        return;
    }
    leg->queue += FAKE_GOODBYE;
    leg->goodbye += FAKE_GOODBYE;
    take(leg);
}

void
leg_fin(struct leg *leg)
{
    /* Behind close_notify it is the second half of a whole goodbye. */
    must_be_open(leg, "leg_fin");
    MUST(!leg->fin, "two FINs for the %s", leg->name);
    MUST(leg_queued(leg) == 0, "an end for the %s in front of its queue", leg->name);
    leg->fin = true;
}

void
leg_drop(struct leg *leg)
{
    must_be_open(leg, "leg_drop");
    lose_queue(leg);
    leg->dropped = true;
}

void
leg_close(struct leg *leg)
{
    must_be_open(leg, "leg_close");
    lose_queue(leg);
    leg->read_on = false;
    leg->closed = FAKE_CLOSED;
}

void
leg_reset(struct leg *leg)
{
    must_be_open(leg, "leg_reset");
    lose_queue(leg);
    leg->read_on = false;
    leg->closed = FAKE_WAS_RESET;
}
