/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_keylog.h"

#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* The longest label, 32 bytes and 48 bytes in hexadecimal, and some. */
#define LINE_SIZE 512

/* The place of descriptors, one more than their numbers, in SSL_CTXs; -1 without memory. */
static int
place(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return index;
}

static void
complain(const char *why)
{
    static bool said;

    if (!said)
        log_error("the key log cannot be written: %s", why);
    said = true;
}

static void
on_line(const SSL *ssl, const char *line)
{
    int fd = (int)(intptr_t)SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), place()) - 1;
    char buf[LINE_SIZE];
    struct text text;
    ssize_t written;

    text_init(&text, buf, sizeof(buf));
    text_addf(&text, "%s\n", line);
    if (text.cut)
        return;
    written = write(fd, buf, text.len);
    if (written != (ssize_t)text.len)
        complain(written < 0 ? strerror(errno) : "no space for a whole line");
    OPENSSL_cleanse(buf, sizeof(buf));
}

int
tls_keylog_enable(SSL_CTX *ctx, int fd)
{
    if (SSL_CTX_set_ex_data(ctx, place(), (void *)(intptr_t)(fd + 1)) != 1)
        return -1;
    SSL_CTX_set_keylog_callback(ctx, on_line);
    return 0;
}
