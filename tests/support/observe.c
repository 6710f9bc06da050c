/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/observe.h"

#include "base/attr.h"
#include "base/clock.h"

#include <errno.h>
#include <string.h>

static const struct end_name {
    enum observed_end end;
    const char *name;
} end_names[] = {
    {OBSERVED_NOTIFY, "close_notify"},
    {OBSERVED_ALERT, "fatal alert"},
    {OBSERVED_FIN, "FIN"},
    {OBSERVED_RST, "RST"},
    {OBSERVED_ERROR, "error"},
};

/* Eight bytes of the pattern: a mix in which neighbouring words have nothing in common. */
static uint64_t
pattern_word(uint64_t salt, uint64_t index)
{
    uint64_t x = (index + 1) * 0x9e3779b97f4a7c15u + salt * 0xd1b54a32d192ed03u;

    x ^= x >> 31;
    x *= 0xbf58476d1ce4e5b9u;
    return x ^ (x >> 29);
}

void
observe_pattern(uint64_t salt, uint64_t offset, uint8_t *buf, size_t len)
{
    uint64_t word = pattern_word(salt, offset / 8);

    for (size_t i = 0; i < len; i++, offset++) {
        if (offset % 8 == 0)
            word = pattern_word(salt, offset / 8);
        buf[i] = (uint8_t)(word >> (8 * (offset % 8)));
    }
}

void
observe_init(struct observed *o, uint64_t salt)
{
    memset(o, 0, sizeof(*o));
    o->salt = salt;
}

static void
compare(struct observed *o, const uint8_t *buf, size_t len)
{
    uint8_t expected[4096];

    for (size_t done = 0; done < len && !o->garbled;) {
        size_t n = len - done < sizeof(expected) ? len - done : sizeof(expected);

        observe_pattern(o->salt, o->bytes + done, expected, n);
        if (memcmp(buf + done, expected, n) != 0) {
            o->garbled = true;
            o->garbled_at = o->bytes + done;
        }
        done += n;
    }
}

void
observe_bytes(struct observed *o, const uint8_t *buf, size_t len)
{
    if (len == 0)
        return;
    compare(o, buf, len);
    o->bytes += len;
    o->last_us = clock_us();
    if (o->first_us == 0)
        o->first_us = o->last_us;
    if (o->ends & (OBSERVED_NOTIFY | OBSERVED_ALERT | OBSERVED_FIN))
        o->late_bytes += len;
}

void
observe_end(struct observed *o, enum observed_end end)
{
    uint64_t now = clock_us();

    if (o->ends & (unsigned)end)
        return;
    o->ends |= (unsigned)end;
    if (end == OBSERVED_NOTIFY)
        o->notify_us = now;
    else if (end == OBSERVED_ALERT)
        o->alert_us = now;
    else if (end == OBSERVED_FIN)
        o->fin_us = now;
    else if (end == OBSERVED_RST)
        o->rst_us = now;
}

bool
observe_eof(struct observed *o)
{
    if ((o->ends & OBSERVED_RST) && !o->fin_before_rst)
        return false;
    observe_end(o, OBSERVED_FIN);
    return true;
}

void
observe_errno(struct observed *o, int error)
{
    if (error == EPIPE && !(o->ends & (OBSERVED_FIN | OBSERVED_RST)))
        o->fin_before_rst = true; /* Linux: a RST in CLOSE-WAIT */
    if (error == EPIPE || error == ECONNRESET) {
        observe_end(o, OBSERVED_RST);
        return;
    }
    observe_end(o, OBSERVED_ERROR);
    o->error = error;
}

static void
print_end(const char *name, uint64_t at_us, uint64_t since_us, struct text *out)
{
    if (at_us != 0)
        text_addf(out, ", %s +%.3fms", name, (double)(at_us - since_us) / 1000.0);
}

void
observe_print(const struct observed *o, uint64_t since_us, struct text *out)
{
    text_addf(out, "%llu bytes", (unsigned long long)o->bytes);
    if (o->garbled)
        text_addf(out, " (garbled behind byte %llu)", (unsigned long long)o->garbled_at);
    print_end("close_notify", o->notify_us, since_us, out);
    print_end("fatal alert", o->alert_us, since_us, out);
    if (o->alert_us != 0)
        text_addf(out, " (%d)", o->alert);
    print_end(o->fin_in_record ? "FIN in mid-record" : "FIN", o->fin_us, since_us, out);
    print_end("RST", o->rst_us, since_us, out);
    if (o->ends & OBSERVED_ERROR)
        text_addf(out, ", %s", o->error == 0 ? "not a TLS record" : strerror(o->error));
    if (o->late_bytes != 0)
        text_addf(out, ", %llu bytes behind the end", (unsigned long long)o->late_bytes);
}

void
observe_print_ends(unsigned ends, struct text *out)
{
    const char *separator = "";

    if (ends == 0)
        text_add(out, "no end");
    for (size_t i = 0; i < COUNT_OF(end_names); i++) {
        if ((ends & (unsigned)end_names[i].end) == 0)
            continue;
        text_addf(out, "%s%s", separator, end_names[i].name);
        separator = ", ";
    }
}
