/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/expiry.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "proc/master.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define TOLD_MAX 10 /* of one frontend, each with a line of its own */
#define LOOK_MS 3600000
#define DAYS_MAX 3650

int
expiry_parse(const char *text, int64_t *seconds)
{
    char digits[8];
    size_t len;
    uint64_t days;
    uint32_t ms;

    *seconds = (int64_t)EXPIRY_DAYS * EXPIRY_DAY;
    if (text == NULL)
        return 0;
    len = strspn(text, "0123456789");
    /* Durations of the conf file end at 24 days. */
    if (len > 0 && len < sizeof(digits) && strcmp(text + len, "d") == 0) {
        memcpy(digits, text, len);
        digits[len] = '\0';
        if (text_parse_number(digits, &days) != 0 || days > DAYS_MAX)
            return -1;
        *seconds = (int64_t)days * EXPIRY_DAY;
        return 0;
    }
    if (text_parse_duration(text, &ms) != 0)
        return -1;
    *seconds = ms / 1000;
    return 0;
}

/* "expires in 5 days, at 2026-12-01 12:00:00 UTC". */
static void
add_when(struct text *t, int64_t not_after, int64_t now)
{
    bool past = not_after < now;
    int64_t days = (past ? now - not_after : not_after - now) / EXPIRY_DAY;
    time_t when = (time_t)not_after;
    char date[32] = "?";
    struct tm tm;

    if (gmtime_r(&when, &tm) != NULL)
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &tm);
    text_add(t, past ? "has expired " : "expires ");
    if (days == 0)
        text_add(t, past ? "just now" : "within a day");
    else
        text_addf(t, "%s%" PRId64 " day%s%s", past ? "" : "in ", days, days == 1 ? "" : "s",
                  past ? " ago" : "");
    text_addf(t, ", at %s", date);
}

static void
describe(struct text *t, const struct setup_cert *cert, int64_t now)
{
    text_addf(t, "certificate %s (%s) in frontend %s ", cert->file, cert->subject,
              cert->frontend);
    add_when(t, cert->not_after, now);
}

size_t
expiry_print(const struct setup *setup, int64_t now, int64_t within, FILE *out)
{
    size_t count = 0;

    for (size_t i = 0; i < setup->certs; i++) {
        char line[4096];
        struct text t;

        if (setup->cert[i].not_after > now + within)
            continue;
        text_init(&t, line, sizeof(line));
        describe(&t, &setup->cert[i], now);
        fprintf(out, "%s\n", line);
        count++;
    }
    return count;
}

static void
tell_rest(const char *frontend, size_t more, void (*each)(void *arg, const char *sentence),
          void *arg)
{
    char line[512];
    struct text t;

    if (more == 0)
        return;
    text_init(&t, line, sizeof(line));
    text_addf(&t,
              "%zu more certificate%s in frontend %s expire%s within %d days; see "
              "sallyport --check-certs",
              more, more == 1 ? "" : "s", frontend, more == 1 ? "s" : "", EXPIRY_DAYS);
    each(arg, line);
}

void
expiry_each(const struct setup *setup, int64_t now, bool expired,
            void (*each)(void *arg, const char *sentence), void *arg)
{
    const char *frontend = "";
    size_t told = 0, more = 0;

    for (size_t i = 0; i < setup->certs; i++) {
        const struct setup_cert *cert = &setup->cert[i];
        char line[1024];
        struct text t;

        if (strcmp(cert->frontend, frontend) != 0) {
            tell_rest(frontend, more, each, arg);
            frontend = cert->frontend;
            told = more = 0;
        }
        if (cert->not_after > now + (int64_t)EXPIRY_DAYS * EXPIRY_DAY ||
            (cert->not_after < now && !expired))
            continue;
        if (told == TOLD_MAX) {
            more++;
            continue;
        }
        told++;
        text_init(&t, line, sizeof(line));
        describe(&t, cert, now);
        each(arg, line);
    }
    tell_rest(frontend, more, each, arg);
}

bool
expiry_is_due(int64_t last, int64_t now)
{
    return now >= last + EXPIRY_DAY || now < last; /* somebody has set the clock back */
}

/* ---- In the master ---- */

static void
warn(void *arg ATTR_UNUSED, const char *sentence)
{
    log_warning("%s", sentence);
}

static int64_t
wall_seconds(void)
{
    return (int64_t)(clock_wall_us() / 1000000);
}

/* Often, by the wall clock: a machine may have slept. */
static void
on_look(evutil_socket_t fd ATTR_UNUSED, short what ATTR_UNUSED, void *arg)
{
    struct master *m = arg;
    int64_t now = wall_seconds();

    if (!expiry_is_due(m->expiry.told, now))
        return;
    m->expiry.told = now;
    expiry_each(m->setup, now, true, warn, NULL);
}

void
expiry_begin(struct master *m)
{
    struct timeval period = clock_timeval(LOOK_MS);

    /* Those that have expired have been warned of while they were loaded. */
    m->expiry.told = wall_seconds();
    expiry_each(m->setup, m->expiry.told, false, warn, NULL);
    if (m->expiry.timer == NULL)
        m->expiry.timer = event_new(m->base, -1, EV_PERSIST, on_look, m);
    if (m->expiry.timer != NULL)
        (void)event_add(m->expiry.timer, &period);
}

void
expiry_clear(struct master *m)
{
    if (m->expiry.timer != NULL)
        event_free(m->expiry.timer);
    m->expiry.timer = NULL;
}
