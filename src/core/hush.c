/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/hush.h"

#include <stddef.h>

static struct hush_entry *
find(struct hush *hush, uint64_t key, enum reason reason)
{
    for (unsigned i = 0; i < hush->entries; i++)
        if (hush->entry[i].key == key && hush->entry[i].reason == reason)
            return &hush->entry[i];
    if (hush->entries == HUSH_SOURCES)
        return NULL;
    hush->entry[hush->entries] = (struct hush_entry){.key = key, .reason = reason};
    return &hush->entry[hush->entries++];
}

bool
hush_note(struct hush *hush, uint64_t key, enum reason reason, bool wanted)
{
    struct hush_entry *entry = find(hush, key, reason);

    if (entry == NULL) {
        hush->others++;
        return false;
    }
    entry->refused++;
    if (!wanted || entry->said == HUSH_LINES)
        return false;
    entry->said++;
    return true;
}

bool
hush_is_silent_on(const struct hush_entry *entry)
{
    return entry->refused > entry->said;
}
