/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/health.h"

/* Bits of the number, from the lowest. */
#define STATE_BITS 2
#define LEVEL_BITS 5
#define COUNT_BITS 7
#define LEVEL_MAX ((1u << LEVEL_BITS) - 1)

static uint64_t
put(uint64_t number, unsigned bits, uint64_t value)
{
    return number << bits | (value & ((UINT64_C(1) << bits) - 1));
}

static uint64_t
take(uint64_t *number, unsigned bits)
{
    uint64_t value = *number & ((UINT64_C(1) << bits) - 1);

    *number >>= bits;
    return value;
}

/* 40 bits of milliseconds are 34 years of a machine. */
uint64_t
health_pack(const struct health *health)
{
    uint64_t number = health->time_ms;

    number = put(number, COUNT_BITS, health->checks);
    number = put(number, COUNT_BITS, health->fails);
    number = put(number, LEVEL_BITS, health->level);
    number = put(number, 1, health->good);
    number = put(number, 1, health->trial);
    return put(number, STATE_BITS, health->state);
}

struct health
health_unpack(uint64_t number)
{
    struct health health;

    health.state = (enum health_state)take(&number, STATE_BITS);
    health.trial = take(&number, 1) != 0;
    health.good = take(&number, 1) != 0;
    health.level = (unsigned)take(&number, LEVEL_BITS);
    health.fails = (unsigned)take(&number, COUNT_BITS);
    health.checks = (unsigned)take(&number, COUNT_BITS);
    health.time_ms = number;
    return health;
}

/* By rules of a reload a state may have lost its sense. */
static void
settle(struct health *health, const struct health_rules *rules)
{
    if (health->state == HEALTH_DOWN && !rules->checked)
        *health = (struct health){.state = HEALTH_EJECTED};
    if (health->state == HEALTH_EJECTED && rules->eject_after == 0)
        *health = (struct health){.state = HEALTH_UP};
}

uint64_t
health_out_ms(const struct health *health, const struct health_rules *rules)
{
    uint64_t ms = rules->eject_ms;

    for (unsigned i = 1; i < health->level && ms < rules->eject_max_ms; i++)
        ms *= 2;
    return ms < rules->eject_max_ms ? ms : rules->eject_max_ms;
}

static void
eject(struct health *health, const struct health_rules *rules, uint64_t now_ms)
{
    if (health->level < LEVEL_MAX)
        health->level++;
    health->state = HEALTH_EJECTED;
    health->trial = false;
    health->fails = 0;
    health->checks = 0;
    health->time_ms = now_ms + health_out_ms(health, rules);
}

static enum health_change
come_back(struct health *health, uint64_t now_ms)
{
    *health =
        (struct health){.state = HEALTH_UP, .level = health->level, .time_ms = now_ms};
    return HEALTH_CAME_BACK;
}

static enum health_change
on_failed(struct health *health, const struct health_rules *rules, uint64_t now_ms)
{
    if (health->state == HEALTH_EJECTED && health->trial) {
        eject(health, rules, now_ms);
        return HEALTH_STAYS_EJECTED;
    }
    if (health->state != HEALTH_UP || rules->eject_after == 0)
        return HEALTH_SAME;
    if (++health->fails < rules->eject_after)
        return HEALTH_SAME;
    if (health->level > 0 && now_ms - health->time_ms >= health_out_ms(health, rules))
        health->level = 0;
    eject(health, rules, now_ms);
    return HEALTH_GOT_EJECTED;
}

static enum health_change
on_connected(struct health *health, uint64_t now_ms)
{
    health->fails = 0;
    return health->state == HEALTH_EJECTED ? come_back(health, now_ms) : HEALTH_SAME;
}

/* How many checks in a row have had this result. */
static unsigned
count_check(struct health *health, bool good)
{
    if (health->good != good)
        health->checks = 0;
    health->good = good;
    if (health->checks < HEALTH_COUNT_MAX)
        health->checks++;
    return health->checks;
}

static enum health_change
on_check(struct health *health, const struct health_rules *rules, bool good,
         uint64_t now_ms)
{
    if (!rules->checked)
        return HEALTH_SAME; /* one that was under way when it was switched off */
    if (health->state == HEALTH_UP && good) {
        health->checks = 0;
        return HEALTH_SAME;
    }
    if (health->state == HEALTH_DOWN && !good) {
        health->checks = 0;
        return HEALTH_SAME;
    }
    if (count_check(health, good) < (good ? rules->rise : rules->fall))
        return HEALTH_SAME;
    if (good)
        return come_back(health, now_ms);
    *health = (struct health){.state = HEALTH_DOWN, .level = health->level};
    return HEALTH_WENT_DOWN;
}

enum health_change
health_step(struct health *health, const struct health_rules *rules,
            enum health_event event, uint64_t now_ms)
{
    settle(health, rules);
    switch (event) {
    case HEALTH_CONNECTED:
        return on_connected(health, now_ms);
    case HEALTH_FAILED:
        return on_failed(health, rules, now_ms);
    case HEALTH_CHECK_GOOD:
    case HEALTH_CHECK_BAD:
        break;
    }
    return on_check(health, rules, event == HEALTH_CHECK_GOOD, now_ms);
}

enum health_use
health_use(const struct health *health, const struct health_rules *rules, uint64_t now_ms)
{
    struct health now = *health;

    settle(&now, rules);
    if (now.state == HEALTH_UP)
        return HEALTH_YES;
    return now.state == HEALTH_EJECTED && now_ms >= now.time_ms ? HEALTH_TRIAL : HEALTH_NO;
}

void
health_try(struct health *health, const struct health_rules *rules, uint64_t now_ms)
{
    settle(health, rules);
    if (health->state != HEALTH_EJECTED)
        return;
    health->trial = true;
    health->time_ms = now_ms + rules->eject_ms;
}

uint32_t
health_share(const struct health *health, const struct health_rules *rules, uint64_t now_ms)
{
    uint64_t since = now_ms - health->time_ms, share;

    if (health->state != HEALTH_UP || health->time_ms == 0 || health->time_ms > now_ms ||
        since >= rules->slow_start_ms)
        return HEALTH_WHOLE;
    share = since * HEALTH_WHOLE / rules->slow_start_ms;
    return share > 0 ? (uint32_t)share : 1;
}

const char *
health_state_name(enum health_state state)
{
    static const char *const names[] = {
        [HEALTH_UP] = "up",
        [HEALTH_EJECTED] = "ejected",
        [HEALTH_DOWN] = "down",
    };

    return names[state];
}
