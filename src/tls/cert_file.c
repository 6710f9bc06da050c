/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES ((size_t)1 << 20)

void
cert_file_complain(struct cert_file *file, unsigned line, const char *format, ...)
{
    char sentence[512];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    if (line > 0)
        diag_error(file->diag, file->from->pos, "%s, line %u: %s", file->from->text, line,
                   sentence);
    else
        diag_error(file->diag, file->from->pos, "%s: %s", file->from->text, sentence);
    file->failed = true;
}

int
cert_file_open(struct cert_file *file, const struct config_string *from, struct diag *diag)
{
    int result;

    *file = (struct cert_file){.from = from, .diag = diag};
    result = file_read(&file->content, from->text, FILE_MAX_BYTES);
    file->public = (file->content.mode & (S_IROTH | S_IWOTH)) != 0;
    if (result != 0)
        cert_file_complain(file, 0, "cannot be %s: %s",
                           file->content.opened ? "read" : "opened", strerror(errno));
    return result;
}

void
cert_file_close(struct cert_file *file)
{
    file_clear(&file->content);
}
