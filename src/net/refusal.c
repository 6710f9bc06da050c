/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/refusal.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/sources.h"
#include "net/front.h"
#include "net/journal.h"
#include "net/loop.h"
#include "net/sock.h"

#include <inttypes.h>

void
refusals_clear(struct refusals *refusals)
{
    if (refusals->timer != NULL)
        event_free(refusals->timer);
    refusals->timer = NULL;
}

static void
say(const struct hush_entry *entry)
{
    char name[SOURCE_TEXT_SIZE];

    log_notice("%" PRIu64 " clients from %s were refused within %d s: %s", entry->refused,
               source_format(entry->key, name), HUSH_MS / 1000, reason_name(entry->reason));
}

static void
on_timer(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct loop *loop = arg;
    struct hush *hush = &loop->refusals.hush;

    for (unsigned i = 0; i < hush->entries; i++)
        if (hush_is_silent_on(&hush->entry[i]))
            say(&hush->entry[i]);
    if (hush->others > 0)
        log_notice("%" PRIu64 " clients from other addresses were refused within %d s",
                   hush->others, HUSH_MS / 1000);
    *hush = (struct hush){.entries = 0};
}

/* Without memory for a timer the log falls silent: clients are refused all the same. */
static void
say_later(struct loop *loop)
{
    struct timeval after = clock_timeval(HUSH_MS);

    if (loop->refusals.timer == NULL)
        loop->refusals.timer = evtimer_new(loop->base, on_timer, loop);
    if (loop->refusals.timer != NULL && !evtimer_pending(loop->refusals.timer, NULL))
        (void)evtimer_add(loop->refusals.timer, &after);
}

bool
refusal_is_said(struct loop *loop, const struct addr *client, enum reason reason)
{
    say_later(loop);
    return hush_note(&loop->refusals.hush, source_key(client), reason,
                     log_wants(LOG_LEVEL_INFO));
}

void
refuse(struct loop *loop, struct front *front, int fd, const struct addr *client,
       const struct addr *local, enum reason reason)
{
    if (reason == REASON_OVERLOAD || reason == REASON_PROXY_UNTRUSTED ||
        reason == REASON_INTERNAL_ERROR)
        sock_close(fd);
    else
        sock_reset(fd);
    front_count_end(front, reason, false);
    if (refusal_is_said(loop, client, reason))
        journal_refusal(loop_next_id(loop), front, client, local, reason);
}
