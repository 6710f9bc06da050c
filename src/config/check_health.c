/* SPDX-License-Identifier: BSD-2-Clause */
/* When servers of a backend are fit, and how they are checked. */
#include "base/text.h"
#include "config/check_private.h"

#include <string.h>

/* What is expected of an answer is short: see PROBE_ANSWER_MAX in net/probe. */
#define BYTES_MAX 1024

static void
check_times(struct checker *c, const struct config_pool *pool)
{
    char shorter[32], longer[32];
    struct text a, b;

    text_init(&a, shorter, sizeof(shorter));
    text_init(&b, longer, sizeof(longer));
    if (pool->health.eject_max_ms < pool->health.eject_ms) {
        text_add_duration(&a, pool->health.eject_max_ms);
        text_add_duration(&b, pool->health.eject_ms);
        diag_error(c->diag, pool->pos,
                   "backend %s: eject-max is %s, less than eject-time, which is %s",
                   pool->name, shorter, longer);
    } else if (pool->check != CONFIG_CHECK_OFF &&
               pool->check_timeout_ms > pool->check_interval_ms) {
        text_add_duration(&a, pool->check_interval_ms);
        text_add_duration(&b, pool->check_timeout_ms);
        diag_error(c->diag, pool->pos,
                   "backend %s: check-timeout is %s, more than check-interval, which is %s",
                   pool->name, longer, shorter);
    }
}

static void
check_bytes(struct checker *c, const char *setting, const struct config_string *value)
{
    size_t len = value->text != NULL ? strlen(value->text) : 0;

    if (len == 0)
        return;
    if (len > BYTES_MAX)
        diag_error(c->diag, value->pos, "%s has %zu characters; %d is the most", setting,
                   len, BYTES_MAX);
    else if (text_unescape(value->text, arena_alloc(c->config->arena, len)) < 0)
        diag_error(c->diag, value->pos,
                   "%s = %s has an unknown escape; there are \\\\, \\n, \\r, \\t, \\0 and "
                   "\\xHH",
                   setting, check_quote(c, value->text));
}

/* What is said and expected, and whether anybody looks at it. */
static void
check_answer(struct checker *c, const struct config_pool *pool)
{
    bool by_answer = pool->check == CONFIG_CHECK_ANSWER;

    check_bytes(c, "check-send", &pool->check_send);
    for (size_t i = 0; i < pool->check_expect.count; i++)
        check_bytes(c, "check-expect", &pool->check_expect.item[i]);
    if (by_answer && pool->check_expect.count == 0)
        diag_error(c->diag, pool->pos,
                   "backend %s: check = answer needs check-expect, what the answer begins "
                   "with",
                   pool->name);
    if (!by_answer && pool->check_send.text != NULL)
        diag_warning(c->diag, pool->check_send.pos,
                     "check-send has no effect without check = answer");
    if (!by_answer && pool->check_expect.count > 0)
        diag_warning(c->diag, pool->check_expect.item[0].pos,
                     "check-expect has no effect without check = answer");
}

void
check_health(struct checker *c, const struct config_pool *pool)
{
    check_times(c, pool);
    check_answer(c, pool);
}
