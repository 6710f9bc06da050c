/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_bio.h"

#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One for the whole program: an index of BIO types is never given back. */
static BIO_METHOD *method;

int
tls_gather_init(struct tls_gather *gather, size_t size)
{
    gather->len = 0;
    gather->size = size;
    gather->data = malloc(size > 0 ? size : 1);
    return gather->data == NULL ? -1 : 0;
}

void
tls_gather_clear(struct tls_gather *gather)
{
    free(gather->data);
    *gather = (struct tls_gather){0};
}

int
tls_gather_reserve(struct tls_gather *gather, size_t add)
{
    size_t size = gather->size > 0 ? gather->size : 1;
    unsigned char *data;

    if (add <= gather->size - gather->len)
        return 0;
    if (gather->len > SIZE_MAX / 4 || add > SIZE_MAX / 4)
        return -1;
    while (size < gather->len + add)
        size *= 2;
    data = realloc(gather->data, size);
    if (data == NULL)
        return -1;
    gather->data = data;
    gather->size = size;
    return 0;
}

static void
begin_record(struct tls_place *place)
{
    place->body_left = (size_t)place->header[3] << 8 | place->header[4];
    place->header_len = place->nonce_len = 0;
    if (place->header[0] == SSL3_RT_CHANGE_CIPHER_SPEC)
        place->count = 0;
    else
        place->count++;
}

static size_t
fill(unsigned char *to, unsigned *have, size_t size, const unsigned char *bytes, size_t len)
{
    size_t step = size - *have < len ? size - *have : len;

    memcpy(to + *have, bytes, step);
    *have += (unsigned)step;
    return step;
}

/* Follow the records in what OpenSSL takes or gives. */
static void
follow(struct tls_place *place, const unsigned char *bytes, size_t len)
{
    while (len > 0) {
        size_t step;

        if (place->body_left > 0) {
            step = place->body_left < len ? place->body_left : len;
            (void)fill(place->nonce, &place->nonce_len, sizeof(place->nonce), bytes, step);
            place->body_left -= step;
        } else {
            step =
                fill(place->header, &place->header_len, sizeof(place->header), bytes, len);
            if (place->header_len == sizeof(place->header))
                begin_record(place);
        }
        bytes += step;
        len -= step;
    }
}

static int
on_write(BIO *bio, const char *bytes, int len)
{
    struct tls_bio *state = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (len <= 0 || state->shut)
        return len;
    if (tls_gather_reserve(state->out, (size_t)len) != 0) {
        ERR_raise(ERR_LIB_BIO, ERR_R_MALLOC_FAILURE);
        return -1;
    }
    memcpy(state->out->data + state->out->len, bytes, (size_t)len);
    follow(&state->written, state->out->data + state->out->len, (size_t)len);
    state->out->len += (size_t)len;
    return len;
}

bool
tls_bio_in_record(const struct tls_bio *state)
{
    return state->read.header_len > 0 || state->read.body_left > 0;
}

static int
on_read(BIO *bio, char *buf, int size)
{
    struct tls_bio *state = BIO_get_data(bio);
    size_t len;

    BIO_clear_retry_flags(bio);
    if (size <= 0)
        return 0;
    if (state->in_len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    len = state->in_len < (size_t)size ? state->in_len : (size_t)size;
    memcpy(buf, state->in, len);
    follow(&state->read, state->in, len);
    state->in += len;
    state->in_len -= len;
    return (int)len;
}

static long
on_ctrl(BIO *bio, int command, long number, void *argument)
{
    const struct tls_bio *state = BIO_get_data(bio);

    (void)number;
    (void)argument;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_PENDING:
        return (long)state->in_len;
    default:
        return 0; /* also "not at its end" and "no kernel TLS" */
    }
}

/* Sets `method`. Returns 0, or -1 without memory. */
static int
make_method(void)
{
    static int index; /* OpenSSL has 127 of them and takes none back */

    if (index <= 0)
        index = BIO_get_new_index();
    if (index <= 0)
        return -1;
    method = BIO_meth_new(index | BIO_TYPE_SOURCE_SINK, "sallyport");
    if (method == NULL)
        return -1;
    if (BIO_meth_set_write(method, on_write) == 1 &&
        BIO_meth_set_read(method, on_read) == 1 && BIO_meth_set_ctrl(method, on_ctrl) == 1)
        return 0;
    tls_bio_cleanup();
    return -1;
}

BIO *
tls_bio_new(struct tls_bio *state)
{
    BIO *bio;

    if (method == NULL && make_method() != 0)
        return NULL;
    bio = BIO_new(method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, state);
    BIO_set_init(bio, 1);
    return bio;
}

void
tls_bio_cleanup(void)
{
    BIO_meth_free(method);
    method = NULL;
}
