/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_SIZE 8192

/* Room for a NUL is always left. realloc would leave a copy of secrets behind. */
static int
grow(struct file *file, size_t *size)
{
    size_t larger = *size == 0 ? FIRST_SIZE : 2 * *size;
    char *bytes = malloc(larger);

    if (bytes == NULL)
        return -1;
    if (file->len > 0)
        memcpy(bytes, file->bytes, file->len);
    if (file->bytes != NULL)
        explicit_bzero(file->bytes, file->len);
    free(file->bytes);
    file->bytes = bytes;
    *size = larger;
    return 0;
}

static int
read_all(int fd, struct file *file, size_t max)
{
    size_t size = 0;

    while (file->len <= max) {
        ssize_t got;

        if (file->len + 1 >= size && grow(file, &size) < 0)
            return -1;
        got = read(fd, file->bytes + file->len, size - file->len - 1);
        if (got == 0) {
            file->bytes[file->len] = '\0';
            return 0;
        }
        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0)
            file->len += (size_t)got;
    }
    errno = EFBIG;
    return -1;
}

int
file_read(struct file *file, const char *path, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), error;

    *file = (struct file){0};
    if (fd < 0)
        return -1;
    if (read_all(fd, file, max) == 0) {
        close(fd);
        return 0;
    }
    error = errno;
    close(fd);
    file_clear(file);
    errno = error;
    return -1;
}

void
file_clear(struct file *file)
{
    if (file->bytes != NULL)
        explicit_bzero(file->bytes, file->len);
    free(file->bytes);
    *file = (struct file){0};
}
