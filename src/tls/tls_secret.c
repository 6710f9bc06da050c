/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_secret.h"

#include "base/file.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define BYTES_MAX 4096

/* Of 32 random bytes, 16 in hexadecimal, fewer have never been seen: about 1 in 10^9. */
#define DIFFERENT_MIN 8

/* A file, wiped afterwards. */
struct source {
    const struct config_string *from;
    struct diag *diag;
    struct file file;
};

static int
read_file(struct source *source)
{
    const struct config_string *from = source->from;
    int result = file_read(&source->file, from->text, BYTES_MAX), error = errno;
    mode_t mode = source->file.mode;

    if ((mode & (S_IROTH | S_IWOTH)) != 0)
        diag_warning(source->diag, from->pos,
                     "%s: every user may %s this secret; chmod o= is advised", from->text,
                     mode & S_IROTH ? "read" : "change");
    if (result < 0 && error == EFBIG)
        diag_error(source->diag, from->pos,
                   "%s: this is no secret: it has more than %d bytes", from->text,
                   BYTES_MAX);
    else if (result < 0)
        diag_error(source->diag, from->pos, "%s: cannot be %s: %s", from->text,
                   source->file.opened ? "read" : "opened", strerror(error));
    return result;
}

static bool
looks_random(const struct source *source)
{
    bool seen[256] = {false};
    unsigned different = 0;

    for (size_t i = 0; i < source->file.len; i++) {
        unsigned char byte = (unsigned char)source->file.bytes[i];

        different += !seen[byte];
        seen[byte] = true;
    }
    return different >= DIFFERENT_MIN;
}

static int
check_bytes(const struct source *source)
{
    const struct config_string *from = source->from;

    if (source->file.len < TLS_TICKET_BYTES_MIN)
        diag_error(source->diag, from->pos,
                   "%s: a secret of %zu bytes is too short; %d random ones are the least "
                   "(openssl rand -out %s 64)",
                   from->text, source->file.len, TLS_TICKET_BYTES_MIN, from->text);
    else if (!looks_random(source))
        diag_error(source->diag, from->pos,
                   "%s: this is no secret: its bytes are not random (openssl rand -out %s "
                   "64)",
                   from->text, from->text);
    else
        return 0;
    return -1;
}

static int
load_one(const struct config_string *from, unsigned char secret[TLS_TICKET_SECRET],
         struct diag *diag)
{
    struct source source = {.from = from, .diag = diag};
    int status = -1;

    if (*from->text != '/') {
        diag_error(diag, from->pos, "ticket-secret %s is not an absolute path", from->text);
        return -1;
    }
    if (read_file(&source) == 0 && check_bytes(&source) == 0) {
        status = tls_ticket_extract(secret, source.file.bytes, source.file.len);
        if (status < 0)
            diag_error(diag, from->pos, "%s: OpenSSL cannot derive keys from it (HKDF)",
                       from->text);
    }
    file_clear(&source.file);
    return status;
}

/* Somebody rolls a secret over, and has forgotten to make a new one. */
static int
check_different(const struct config_strings *files,
                unsigned char secrets[][TLS_TICKET_SECRET], size_t last, struct diag *diag)
{
    for (size_t i = 0; i < last; i++)
        if (CRYPTO_memcmp(secrets[i], secrets[last], TLS_TICKET_SECRET) == 0) {
            diag_error(diag, files->item[last].pos, "%s: this is the same secret as in %s",
                       files->item[last].text, files->item[i].text);
            return -1;
        }
    return 0;
}

size_t
tls_secret_load(const struct config_frontend *frontend,
                unsigned char secrets[TLS_TICKET_SECRETS_MAX][TLS_TICKET_SECRET],
                struct diag *diag)
{
    const struct config_strings *files = &frontend->ticket_secret;
    bool failed = false;

    if (files->count > TLS_TICKET_SECRETS_MAX) {
        diag_error(diag, files->item[TLS_TICKET_SECRETS_MAX].pos,
                   "ticket-secret names %zu files; %d are the most", files->count,
                   TLS_TICKET_SECRETS_MAX);
        return 0;
    }
    for (size_t i = 0; i < files->count; i++)
        if (load_one(&files->item[i], secrets[i], diag) < 0)
            failed = true;
        else if (!failed && check_different(files, secrets, i, diag) < 0)
            failed = true;
    return failed ? 0 : files->count;
}
