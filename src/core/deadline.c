/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/deadline.h"

static uint64_t
later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Take the deadline at + after_ms if it is earlier than what is there; 0 is 'off'. */
static void
consider(struct deadline *d, uint64_t since, uint32_t after_ms, enum term_event event)
{
    if (after_ms == 0 || (d->at != 0 && d->at <= since + after_ms))
        return;
    d->at = since + after_ms;
    d->event = event;
}

/* Silence and the whole are both bounded; with a setting of 0 it is over at once. */
static void
consider_linger(struct deadline *d, const struct deadline_limits *limits, uint64_t since,
                uint64_t last_client_byte)
{
    uint64_t silence = later(since, last_client_byte) + limits->linger_ms;
    uint64_t whole = since + limits->linger_max_ms;

    d->at = silence < whole ? silence : whole;
    d->event = TERM_TIMEOUT_LINGER;
}

/* The time-outs of the settings. */
static struct deadline
next_timeout(const struct term *t, const struct deadline_limits *limits,
             const struct deadline_times *times)
{
    struct deadline d = {0};
    unsigned clocks = term_clocks(t);
    bool close_wait = (clocks & TERM_CLOCK_CLOSE_WAIT) != 0;

    if (clocks & TERM_CLOCK_LINGER) {
        consider_linger(&d, limits, times->linger, times->last_client_byte);
        return d;
    }
    if (times->acked != 0) {
        if (clocks & TERM_CLOCK_LINGER_ACKED) {
            consider_linger(&d, limits, times->acked, times->last_client_byte);
            return d;
        }
        if (clocks & TERM_CLOCK_GRACE) {
            consider(&d, times->acked, DEADLINE_GRACE_MS, TERM_TIMEOUT_GRACE);
            return d;
        }
        if (close_wait && !times->up_blocked) {
            d.at = later(times->acked, times->last_client_byte) + limits->close_wait_ms;
            d.event = TERM_TIMEOUT_CLOSE_WAIT;
            return d;
        }
    } else {
        d.poll_acked = (clocks & (TERM_CLOCK_LINGER_ACKED | TERM_CLOCK_GRACE |
                                  TERM_CLOCK_CLOSE_WAIT)) != 0;
    }
    if (clocks & TERM_CLOCK_IDLE)
        consider(&d, times->last_byte, limits->idle_ms, TERM_TIMEOUT_IDLE);
    if ((clocks & TERM_CLOCK_HALF_CLOSED) && (!close_wait || times->up_blocked))
        consider(&d, times->last_byte, limits->half_closed_ms, TERM_TIMEOUT_HALF_CLOSED);
    return d;
}

/* Until it lingers, a certificate that expires ends it. */
struct deadline
deadline_next(const struct term *t, const struct deadline_limits *limits,
              const struct deadline_times *times)
{
    struct deadline d = next_timeout(t, limits, times);

    if ((term_clocks(t) & TERM_CLOCK_IDLE) && times->expires != 0 &&
        (d.at == 0 || times->expires < d.at)) {
        d.at = times->expires;
        d.event = TERM_CLIENT_CERT_EXPIRED;
    }
    return d;
}

uint32_t
deadline_poll_ms(const struct deadline_limits *limits)
{
    uint32_t ms = limits->close_wait_ms / 8;

    if (ms < 10)
        return 10;
    return ms > 250 ? 250 : ms;
}
