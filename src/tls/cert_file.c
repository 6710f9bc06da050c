/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* To the end, or to one byte more than there should be. 0, or -1 with errno. */
static int
read_all(int fd, struct cert_file *file, size_t size)
{
    file->bytes = malloc(size + 2);
    if (file->bytes == NULL)
        return -1;
    while (file->len <= size) {
        ssize_t got = read(fd, file->bytes + file->len, size + 1 - file->len);

        if (got < 0 && errno != EINTR)
            return -1;
        file->len += got > 0 ? (size_t)got : 0;
        if (got == 0) {
            file->bytes[file->len] = '\0';
            return 0;
        }
    }
    errno = size < FILE_MAX_BYTES ? EAGAIN : EFBIG;
    return -1;
}

/*
 * There are thousands of these files, and they are small: memory for as much as the file
 * says to have. What is no plain file does not say it; nor does one that grows just now.
 */
static int
read_file(int fd, const struct stat *status, struct cert_file *file)
{
    bool plain = S_ISREG(status->st_mode) && status->st_size < (off_t)FILE_MAX_BYTES;

    if (plain && read_all(fd, file, (size_t)status->st_size) == 0)
        return 0;
    if (plain && errno != EAGAIN)
        return -1;
    cert_file_close(file);
    if (lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
        return -1;
    return read_all(fd, file, FILE_MAX_BYTES);
}

int
cert_file_open(struct cert_file *file, const struct config_string *from, struct diag *diag)
{
    int fd = open(from->text, O_RDONLY | O_CLOEXEC);
    struct stat status;
    int result;

    *file = (struct cert_file){.from = from, .diag = diag};
    if (fd == -1) {
        cert_file_complain(file, 0, "cannot be opened: %s", strerror(errno));
        return -1;
    }
    result = fstat(fd, &status);
    if (result == 0) {
        file->public = (status.st_mode & (S_IROTH | S_IWOTH)) != 0;
        result = read_file(fd, &status, file);
    }
    if (result != 0)
        cert_file_complain(file, 0, "cannot be read: %s", strerror(errno));
    close(fd);
    return result;
}

void
cert_file_close(struct cert_file *file)
{
    if (file->bytes != NULL)
        explicit_bzero(file->bytes, file->len);
    free(file->bytes);
    file->bytes = NULL;
    file->len = 0;
}
