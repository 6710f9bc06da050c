/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_SIZE 8192

/* Room for a NUL is always left. realloc would leave a copy of secrets behind. */
static int
grow(struct file *file, size_t *size, size_t larger)
{
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

/* expected: as many bytes as it says to have; it need not be true. */
static int
read_all(int fd, struct file *file, size_t expected, size_t max)
{
    size_t size = 0;

    if (grow(file, &size, expected + 2 > FIRST_SIZE ? expected + 2 : FIRST_SIZE) < 0)
        return -1;
    while (file->len <= max) {
        ssize_t got;

        if (file->len + 1 >= size && grow(file, &size, 2 * size) < 0)
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

static int
read_opened(int fd, struct file *file, size_t max)
{
    struct stat status;
    size_t expected = 0;

    if (fstat(fd, &status) < 0)
        return -1;
    file->mode = status.st_mode;
    if (S_ISREG(status.st_mode) && (uintmax_t)status.st_size <= max)
        expected = (size_t)status.st_size;
    return read_all(fd, file, expected, max);
}

int
file_read(struct file *file, const char *path, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), error;

    *file = (struct file){.opened = fd >= 0};
    if (fd < 0)
        return -1;
    if (read_opened(fd, file, max) == 0) {
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
    file->bytes = NULL;
    file->len = 0;
}
