/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/tls_pair.h"

#include "tls/cert.h"
#include "tls/tls_ctx.h"

#include <check.h>
#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GATHER_BYTES 512

struct config_frontend
tls_pair_frontend(int version)
{
    return (struct config_frontend){
        .name = "test",
        .pos = {"test.conf", 1},
        .tls_min = version != 0 ? version : TLS1_2_VERSION,
        .tls_max = version != 0 ? version : TLS1_3_VERSION,
        .session_lifetime_ms = 24 * 3600 * 1000,
        .ticket_rotation_ms = 8 * 3600 * 1000,
    };
}

SSL_CTX *
tls_pair_server_ctx(const struct config_frontend *frontend)
{
    struct diag *diag = diag_new();
    struct cert *cert = cert_make_self_signed("localhost", 30);
    SSL_CTX *ctx;

    ck_assert_ptr_nonnull(cert);
    ctx = tls_ctx_new(frontend, cert, diag);
    diag_print(diag, stderr);
    ck_assert_ptr_nonnull(ctx);
    cert_free(cert);
    diag_free(diag);
    return ctx;
}

void
tls_pair_init(struct tls_pair *pair, SSL_CTX *server_ctx, int version)
{
    BIO *in, *out, *bio;

    *pair = (struct tls_pair){.client_ctx = SSL_CTX_new(TLS_client_method())};
    ck_assert_ptr_nonnull(pair->client_ctx);
    SSL_CTX_set_min_proto_version(pair->client_ctx,
                                  version != 0 ? version : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(pair->client_ctx, version);
    pair->client = SSL_new(pair->client_ctx);
    in = BIO_new(BIO_s_mem());
    out = BIO_new(BIO_s_mem());
    ck_assert(pair->client != NULL && in != NULL && out != NULL);
    SSL_set_bio(pair->client, in, out);
    SSL_set_connect_state(pair->client);

    ck_assert_int_eq(tls_gather_init(&pair->gather, GATHER_BYTES), 0);
    pair->bio.out = &pair->gather;
    pair->server = SSL_new(server_ctx);
    bio = tls_bio_new(&pair->bio);
    ck_assert(pair->server != NULL && bio != NULL);
    SSL_set_bio(pair->server, bio, bio);
    SSL_set_accept_state(pair->server);
}

void
tls_pair_clear(struct tls_pair *pair)
{
    SSL_free(pair->client);
    SSL_free(pair->server);
    SSL_CTX_free(pair->client_ctx);
    tls_gather_clear(&pair->gather);
    free(pair->up);
}

/* By way of an integer, since OpenSSL's macros cast const away. */
void
tls_pair_client_groups(struct tls_pair *pair, const char *list)
{
    ck_assert_int_eq(SSL_set1_groups_list(pair->client, (uintptr_t)list), 1);
}

void
tls_pair_client_sigalgs(struct tls_pair *pair, const char *list)
{
    ck_assert_int_eq(SSL_set1_sigalgs_list(pair->client, (uintptr_t)list), 1);
}

/* The queue of errors belongs to both ends: what the client has left must not stay. */
static void
settle_client(struct tls_pair *pair)
{
    unsigned long error = ERR_get_error();

    if (error != 0)
        pair->client_error = error;
    ERR_clear_error();
}

enum tls_verdict
tls_pair_handshake(struct tls_pair *pair, struct text *why)
{
    int client = 0, server = 0;

    for (int round = 0; round < 10; round++) {
        if (client != 1)
            client = SSL_do_handshake(pair->client);
        settle_client(pair);
        (void)tls_pair_carry_up(pair);
        if (server != 1 && pair->bio.in_len > 0) {
            enum tls_verdict verdict;

            server = tls_keys_shake(pair->server);
            if (server != 1) {
                verdict = tls_err_judge(pair->server, server, why);
                if (verdict != TLS_WANT_READ)
                    return verdict;
            }
        }
        (void)tls_pair_carry_down(pair);
        if (client == 1 && server == 1)
            return TLS_WANT_READ;
    }
    return TLS_NOTIFY;
}

void
tls_pair_must_shake(struct tls_pair *pair)
{
    ck_assert_int_eq(tls_pair_handshake(pair, NULL), TLS_WANT_READ);
}

unsigned char *
tls_pair_take(struct tls_pair *pair, size_t *len)
{
    BIO *out = SSL_get_wbio(pair->client);
    unsigned char *bytes;

    *len = BIO_ctrl_pending(out);
    bytes = malloc(*len + 1);
    ck_assert_ptr_nonnull(bytes);
    if (*len > 0)
        ck_assert_int_eq(BIO_read(out, bytes, (int)*len), (int)*len);
    return bytes;
}

void
tls_pair_feed(struct tls_pair *pair, const void *bytes, size_t len)
{
    unsigned char *up = malloc(pair->bio.in_len + len + 1);

    ck_assert_ptr_nonnull(up);
    if (pair->bio.in_len > 0)
        memcpy(up, pair->bio.in, pair->bio.in_len);
    memcpy(up + pair->bio.in_len, bytes, len);
    free(pair->up);
    pair->up = up;
    pair->bio.in = up;
    pair->bio.in_len += len;
}

size_t
tls_pair_carry_up(struct tls_pair *pair)
{
    size_t len;
    unsigned char *bytes = tls_pair_take(pair, &len);

    tls_pair_feed(pair, bytes, len);
    free(bytes);
    return len;
}

size_t
tls_pair_carry_down(struct tls_pair *pair)
{
    size_t len = pair->gather.len;

    if (len > 0)
        ck_assert_int_eq(BIO_write(SSL_get_rbio(pair->client), pair->gather.data, (int)len),
                         (int)len);
    pair->gather.len = 0;
    return len;
}

void
tls_pair_client_says(struct tls_pair *pair, const char *words)
{
    int len = (int)strlen(words);

    ck_assert_int_eq(SSL_write(pair->client, words, len), len);
}

void
tls_pair_server_says(struct tls_pair *pair, const char *words)
{
    int len = (int)strlen(words);

    ck_assert_int_eq(SSL_write(pair->server, words, len), len);
}

void
tls_pair_client_ends(struct tls_pair *pair)
{
    ck_assert_int_ge(SSL_shutdown(pair->client), 0);
}

enum tls_verdict
tls_pair_server_hears(struct tls_pair *pair, char *buf, size_t size, size_t *len,
                      struct text *why)
{
    size_t got = 0;
    int ret;

    while ((ret = SSL_read(pair->server, buf + got, (int)(size - 1 - got))) > 0)
        got += (size_t)ret;
    buf[got] = '\0';
    if (len != NULL)
        *len = got;
    return tls_err_judge(pair->server, ret, why);
}

int
tls_pair_client_hears(struct tls_pair *pair, char *buf, size_t size)
{
    size_t got = 0;
    int ret, error;

    while ((ret = SSL_read(pair->client, buf + got, (int)(size - 1 - got))) > 0)
        got += (size_t)ret;
    buf[got] = '\0';
    error = SSL_get_error(pair->client, ret);
    settle_client(pair);
    return error;
}
