/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Session tickets that a client may send: anything at all, anything behind the name of a
 * key that is in force, or a real one with changes. Whatever comes: only the real one, as
 * it was given, resumes its session (with TLS 1.3 the client then fails to prove that it
 * has the session's secret); all others are met by a full handshake, without an error.
 */
#include "chance.h"
#include "fuzz.h"
#include "tls/cert.h"
#include "tls/tls_bio.h"
#include "tls/tls_ctx.h"
#include "tls/tls_err.h"
#include "tls/tls_ticket.h"

#include <openssl/err.h>
#include <stdbool.h>

#define TICKET_MAX 2000
#define HELLO_MAX (TICKET_MAX + 512)
#define KEY_NAME 16

/* Bits of the first byte. */
enum {
    TLS_1_2 = 1 << 0,
    REAL = 1 << 1,  /* what follows are changes to a real ticket */
    NAMED = 1 << 2, /* else: behind the name of the present key */
};

struct ticket {
    unsigned char bytes[TICKET_MAX];
    size_t len;
};

static SSL_CTX *server_ctx;
static struct ticket real[2]; /* of TLS 1.2, and of 1.3 */

/* ---- A real ticket ---- */

static void
make_server(void)
{
    static const struct config_frontend frontend = {
        .name = "fuzz",
        .tls_min = TLS1_2_VERSION,
        .tls_max = TLS1_3_VERSION,
        .session_lifetime_ms = 24 * 3600 * 1000,
        .ticket_rotation_ms = 8 * 3600 * 1000,
    };
    static const unsigned char secrets[2][TLS_TICKET_SECRET] = {{1}, {2}};
    struct cert *cert = cert_make_self_signed("localhost", 30);
    struct diag *diag = diag_new();

    MUST(cert != NULL);
    server_ctx = tls_ctx_new(&frontend, cert, diag);
    MUST(server_ctx != NULL);
    MUST(tls_ticket_set_secrets(server_ctx, secrets, sizeof(secrets)) == 0);
    cert_free(cert);
    diag_free(diag);
}

static void
carry(SSL *from, SSL *to)
{
    char *bytes;
    long len = BIO_get_mem_data(SSL_get_wbio(from), &bytes);

    if (len > 0)
        MUST(BIO_write(SSL_get_rbio(to), bytes, (int)len) == (int)len);
    (void)BIO_reset(SSL_get_wbio(from));
}

static struct ticket *where_to;

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
    const unsigned char *bytes;

    (void)ssl;
    SSL_SESSION_get0_ticket(session, &bytes, &where_to->len);
    MUST(where_to->len > 0 && where_to->len <= TICKET_MAX);
    memcpy(where_to->bytes, bytes, where_to->len);
    return 0;
}

static void
get_ticket(struct ticket *ticket, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *client = SSL_new(ctx), *server = SSL_new(server_ctx);
    char byte;

    MUST(client != NULL && server != NULL);
    where_to = ticket;
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    MUST(SSL_set_max_proto_version(client, version) == 1);
    SSL_set_bio(client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_bio(server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    for (int i = 0; i < 4; i++) {
        (void)SSL_read(client, &byte, 1);
        carry(client, server);
        (void)SSL_do_handshake(server);
        carry(server, client);
    }
    MUST(ticket->len > 0);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(ctx);
    ERR_clear_error();
}

/* ---- A hello (RFC 8446, 4.1.2; RFC 5246, 7.4.1.2) ---- */

struct hello {
    unsigned char bytes[HELLO_MAX];
    size_t len;
};

static void
add(struct hello *h, const void *bytes, size_t len)
{
    MUST(len <= sizeof(h->bytes) - h->len);
    memcpy(h->bytes + h->len, bytes, len);
    h->len += len;
}

/* Big-endian. */
static void
add_number(struct hello *h, size_t number, size_t bytes)
{
    for (size_t i = bytes; i-- > 0;)
        add(h, &(unsigned char){(unsigned char)(number >> (8 * i))}, 1);
}

/* The length of all that follows has its place at `at`. */
static void
set_length(struct hello *h, size_t at, size_t bytes)
{
    size_t len = h->len - at - bytes, end = h->len;

    h->len = at;
    add_number(h, len, bytes);
    h->len = end;
}

#define ADD(h, string) add(h, string, sizeof(string) - 1)

static void
add_psk(struct hello *h, const struct ticket *ticket)
{
    static const unsigned char nothing[32];

    ADD(h, "\x00\x2b\x00\x03\x02\x03\x04"             /* supported_versions: 1.3 */
           "\x00\x2d\x00\x02\x01\x01"                 /* psk_key_exchange_modes: dhe */
           "\x00\x33\x00\x26\x00\x24\x00\x1d\x00\x20" /* key_share: X25519 */
           "\x09"
           "0123456789012345678901234567890"
           "\x00\x29"); /* pre_shared_key */
    add_number(h, 2 + 2 + ticket->len + 4 + 2 + 33, 2);
    add_number(h, 2 + ticket->len + 4, 2);
    add_number(h, ticket->len, 2);
    add(h, ticket->bytes, ticket->len);
    ADD(h, "\0\0\0\0"       /* its age */
           "\x00\x21\x20"); /* one binder, a wrong one */
    add(h, nothing, sizeof(nothing));
}

static void
make_hello(struct hello *h, const struct ticket *ticket, bool tls12)
{
    static const unsigned char random[32] = {7};

    h->len = 0;
    ADD(h, "\x16\x03\x01\0\0\x01\0\0\0\x03\x03");
    add(h, random, sizeof(random));
    ADD(h, "\x20");
    add(h, random, sizeof(random)); /* session_id */
    ADD(h, "\x00\x04\xc0\x2b\x13\x01\x01\x00\0\0");
    ADD(h, "\x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17" /* supported_groups: X25519, P-256 */
           "\x00\x0d\x00\x04\x00\x02\x04\x03"         /* ecdsa_secp256r1_sha256 */
           "\x00\x17\x00\x00");                       /* extended_master_secret */
    if (tls12) {
        ADD(h, "\x00\x23");
        add_number(h, ticket->len, 2);
        add(h, ticket->bytes, ticket->len);
    } else {
        add_psk(h, ticket);
    }
    set_length(h, 3, 2);
    set_length(h, 6, 3);
    set_length(h, 9 + 2 + 32 + 33 + 6 + 2, 2);
}

/* ---- The input ---- */

/* Each change is a place (two bytes) and what is xored into it; a place behind the end
 * makes the ticket shorter or longer. */
static void
change(struct ticket *ticket, struct fuzz_input *in)
{
    while (in->at < in->size) {
        size_t place = (size_t)fuzz_byte(in) << 8;
        unsigned char value;

        place |= fuzz_byte(in);
        value = fuzz_byte(in);
        if (place < ticket->len)
            ticket->bytes[place] ^= value;
        else if (value & 1)
            ticket->len = ticket->len > value ? ticket->len - value : 1;
        else if (ticket->len + value <= TICKET_MAX)
            ticket->len += value;
    }
}

static void
make_ticket(struct ticket *ticket, unsigned settings, struct fuzz_input *in)
{
    const struct ticket *given = &real[settings & TLS_1_2 ? 0 : 1];
    size_t left = in->size - in->at, at = 0;

    *ticket = (struct ticket){.len = 0};
    if (settings & REAL) {
        *ticket = *given;
        change(ticket, in);
        return;
    }
    if (settings & NAMED) {
        memcpy(ticket->bytes, given->bytes, KEY_NAME);
        at = KEY_NAME;
    }
    if (left > TICKET_MAX - at)
        left = TICKET_MAX - at;
    memcpy(ticket->bytes + at, in->data + in->at, left);
    ticket->len = at + left;
}

static void
offer(const struct hello *hello, bool is_real, bool tls12)
{
    struct tls_bio state = {.in = hello->bytes, .in_len = hello->len};
    struct tls_gather gather;
    enum tls_verdict verdict;
    SSL *server = SSL_new(server_ctx);
    BIO *bio;

    MUST(server != NULL && tls_gather_init(&gather, 512) == 0);
    state.out = &gather;
    bio = tls_bio_new(&state);
    MUST(bio != NULL);
    SSL_set_bio(server, bio, bio);
    SSL_set_accept_state(server);
    verdict = tls_err_judge(server, SSL_do_handshake(server), NULL);
    MUST(ERR_peek_error() == 0 && gather.len > 0);
    MUST(verdict == (is_real && !tls12 ? TLS_PROTOCOL : TLS_WANT_READ));
    MUST(!tls12 || (SSL_session_reused(server) == 1) == is_real);
    MUST(tls12 || !SSL_session_reused(server));
    SSL_free(server);
    tls_gather_clear(&gather);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hello hello;
    static struct ticket ticket;
    struct fuzz_input in = {data, size, 0};
    unsigned settings = fuzz_byte(&in);
    bool tls12 = settings & TLS_1_2;
    const struct ticket *given = &real[tls12 ? 0 : 1];

    if (server_ctx == NULL) {
        MUST(chance_fix() == 1);
        make_server();
        get_ticket(&real[0], TLS1_2_VERSION);
        get_ticket(&real[1], TLS1_3_VERSION);
    }
    make_ticket(&ticket, settings, &in);
    if (ticket.len == 0) /* TLS 1.3 has no such identity (RFC 8446, 4.2.11) */
        return 0;
    make_hello(&hello, &ticket, tls12);
    offer(&hello,
          ticket.len == given->len && memcmp(ticket.bytes, given->bytes, given->len) == 0,
          tls12);
    return 0;
}
