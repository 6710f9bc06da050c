/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/writer.h"

#include "base/text.h"

#include <stdarg.h>
#include <string.h>

static void
add_bytes(struct writer *w, const char *bytes, size_t len)
{
    if (evbuffer_add(w->out, bytes, len) < 0)
        w->failed = true;
}

void
writer_add(struct writer *w, const char *string)
{
    add_bytes(w, string, strlen(string));
}

void
writer_addf(struct writer *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (evbuffer_add_vprintf(w->out, format, args) < 0)
        w->failed = true;
    va_end(args);
}

void
writer_add_escaped(struct writer *w, const char *string,
                   const char *(*escape)(unsigned char byte))
{
    size_t plain = 0; /* bytes before string that are to be added as they are */

    for (; string != NULL && *string != '\0';) {
        size_t len = text_utf8_length(string);
        const char *instead = len == 0 ? "\xef\xbf\xbd" : escape((unsigned char)*string);

        if (instead != NULL) {
            add_bytes(w, string - plain, plain);
            writer_add(w, instead);
            plain = 0;
        } else {
            plain += len;
        }
        string += len == 0 ? 1 : len;
    }
    if (string != NULL)
        add_bytes(w, string - plain, plain);
}
