/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/history.h"

#include <stdlib.h>

/* A timer may fire a little early. */
#define STEP_LEAST_MS (HISTORY_STEP_MS - 1000)

/* So many that the oldest is never younger than HISTORY_MINUTES once all are taken. */
#define SAMPLES (HISTORY_MINUTES * 60000 / STEP_LEAST_MS + 2)

/* Differences of counters are right also with the lower half of their bits. */
struct samples {
    uint32_t ended[SAMPLES][REASONS];
};

struct history {
    uint64_t taken; /* samples so far; number n is at n % SAMPLES */
    uint64_t at_ms[SAMPLES];
    struct samples *of[STATS_FRONTS]; /* NULL: none has ended there by the last sample */
};

struct history *
history_new(void)
{
    return calloc(1, sizeof(struct history));
}

void
history_free(struct history *history)
{
    for (unsigned place = 0; history != NULL && place < STATS_FRONTS; place++)
        free(history->of[place]);
    free(history);
}

static bool
has_ended_one(const struct stats_front *front)
{
    for (unsigned reason = 0; reason < REASONS; reason++)
        if (front->ended[reason] != 0)
            return true;
    return false;
}

/* Memory that is zeroed is right for the samples before: nothing had ended then. */
static void
sample_front(struct history *history, unsigned place, const struct stats_front *front)
{
    struct samples *samples = history->of[place];

    if (samples == NULL && has_ended_one(front))
        samples = history->of[place] = calloc(1, sizeof(*samples));
    for (unsigned reason = 0; samples != NULL && reason < REASONS; reason++)
        samples->ended[history->taken % SAMPLES][reason] = (uint32_t)front->ended[reason];
}

void
history_sample(struct history *history, uint64_t now_ms, const struct stats_page *sum)
{
    if (history->taken > 0 &&
        now_ms < history->at_ms[(history->taken - 1) % SAMPLES] + STEP_LEAST_MS)
        return;
    for (unsigned place = 0; place < STATS_FRONTS; place++)
        sample_front(history, place, &sum->front[place]);
    history->at_ms[history->taken % SAMPLES] = now_ms;
    history->taken++;
}

/* The newest sample that is at least that old, or NULL: none is. */
static const uint32_t *
find_sample(const struct history *history, const struct samples *samples, uint64_t now_ms,
            uint64_t age_ms)
{
    uint64_t n = history->taken, oldest = n > SAMPLES ? n - SAMPLES : 0;

    while (n-- > oldest)
        if (history->at_ms[n % SAMPLES] + age_ms <= now_ms)
            return samples->ended[n % SAMPLES];
    return NULL;
}

uint64_t
history_recent(const struct history *history, uint64_t now_ms, unsigned minutes,
               const struct stats_page *sum, unsigned place, enum reason reason)
{
    const struct samples *samples = history != NULL ? history->of[place] : NULL;
    uint64_t ended = sum->front[place].ended[reason];
    const uint32_t *then = NULL;

    if (samples != NULL)
        then = find_sample(history, samples, now_ms, (uint64_t)minutes * 60000);
    return then != NULL ? (uint32_t)ended - then[reason] : ended;
}
