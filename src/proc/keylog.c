/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS (O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* Whoever reads it reads the connections. Returns what is wrong, or NULL. */
static const char *
find_fault(int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return strerror(errno);
    if (!S_ISREG(status.st_mode))
        return "it is no regular file";
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "others than its owner may read or change it; chmod 600 is needed";
    return NULL;
}

/* There is no such file: could one be made? As find_fault. */
static const char *
find_directory_fault(const char *path)
{
    size_t len = (size_t)(strrchr(path, '/') - path);
    char *directory = strndup(path, len > 0 ? len : 1);
    const char *fault = NULL;

    if (directory == NULL || access(directory, W_OK | X_OK) < 0)
        fault = strerror(errno);
    free(directory);
    return fault;
}

static int
try_open(const struct config *config, int more, struct diag *diag)
{
    const struct config_string *from = &config->key_log;
    int fd = open(from->text, FLAGS | more, 0600);
    const char *fault = fd < 0 ? strerror(errno) : find_fault(fd);

    if (fd < 0 && errno == ENOENT && (more & O_CREAT) == 0)
        fault = find_directory_fault(from->text);
    if (fault == NULL)
        return fd;
    diag_error(diag, from->pos, "key-log %s cannot be opened: %s", from->text, fault);
    if (fd >= 0)
        close(fd);
    return -1;
}

void
keylog_check(const struct config *config, struct diag *diag)
{
    const struct config_string *from = &config->key_log;
    int fd;

    if (from->text == NULL || *from->text != '/')
        return; /* config_check has said so */
    diag_warning(diag, from->pos,
                 "key-log: the secrets of ALL connections are written to %s; whoever reads "
                 "that file can read them; take the setting out as soon as you are done",
                 from->text);
    fd = try_open(config, 0, diag);
    if (fd >= 0)
        close(fd);
}

int
keylog_open(const struct config *config, struct diag *diag)
{
    return config->key_log.text != NULL ? try_open(config, O_CREAT, diag) : -1;
}
