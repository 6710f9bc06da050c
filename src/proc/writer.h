/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_WRITER_H
#define PROC_WRITER_H

#include "base/attr.h"

#include <event2/buffer.h>
#include <stdbool.h>

/* Text that grows in an evbuffer. Out of memory is remembered: ask once, at the end. */
struct writer {
    struct evbuffer *out; /* borrowed */
    bool failed;
};

void writer_add(struct writer *w, const char *string);
void writer_addf(struct writer *w, const char *format, ...) ATTR_PRINTF(2, 3);

/*
 * Add a string that may hold anything: a byte for which escape knows a replacement is
 * replaced by it, and bytes that are no well-formed UTF-8 become U+FFFD. NULL is as good as
 * "".
 */
void writer_add_escaped(struct writer *w, const char *string,
                        const char *(*escape)(unsigned char byte));

#endif
