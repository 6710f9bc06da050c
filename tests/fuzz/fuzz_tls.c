/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TLS server on tls_bio, and what a client may send it. By the first byte of an input
 * either the rest of it is what the client says, raw: mostly hellos; or a real client
 * shakes hands, and each two bytes of the rest make it, the server or an attacker on the
 * wire do something. Whatever comes: what the server hears is what the client said, in
 * order, up to some byte; it takes for an end only what the client said; it can answer
 * until it has failed or ended; what gathers stays bounded, and nothing gathers
 * behind close_notify.
 */
#include "chance.h"
#include "fuzz.h"
#include "tls/cert.h"
#include "tls/tls_bio.h"
#include "tls/tls_ctx.h"
#include "tls/tls_err.h"

#include <openssl/err.h>

#define WIRE_SIZE (256u << 10)
#define GATHER_START 512
#define GATHER_SLACK (16u << 10) /* a flight of the server's, or its answer to a record */
#define STEPS_MAX 200

/* Bits of the first byte. */
enum {
    RAW = 1 << 0,
    TLS_1_2 = 1 << 1,
    OFFER_ALPN = 1 << 2,
    OFFER_OTHER_ALPN = 1 << 3,
    TAMPER_WITH_HELLO = 1 << 4,
};

struct session {
    SSL *server, *client; /* client: NULL if RAW */
    struct tls_bio bio;
    struct tls_gather gather;
    unsigned char *wire; /* on its way from the client */
    size_t wire_len;
    size_t said_up, heard_up, said_down, heard_down; /* bytes of the pattern */
    size_t most_gathered;
    bool tampered; /* raw bytes are, too */
    bool alpn_differs;
    bool client_ended, client_failed;
    bool server_heard_end, server_failed, server_ended;
};

static SSL_CTX *server_ctx, *client_ctx;

/* ---- made once ---- */

/* With fixed dates instead of today's, so that it too is the same in each run. */
static struct cert *
make_cert(void)
{
    struct cert *cert = cert_make_self_signed("localhost", 30);

    MUST(cert != NULL);
    MUST(ASN1_TIME_set_string_X509(X509_getm_notBefore(cert->leaf), "20000101000000Z"));
    MUST(ASN1_TIME_set_string_X509(X509_getm_notAfter(cert->leaf), "20491231235959Z"));
    MUST(X509_sign(cert->leaf, cert->key, EVP_sha256()) > 0);
    return cert;
}

static void
make_contexts(void)
{
    static struct config_string protocols[] = {{.text = "h2"}, {.text = "http/1.1"}};
    static const struct config_frontend frontend = {
        .name = "fuzz",
        .tls_min = TLS1_2_VERSION,
        .tls_max = TLS1_3_VERSION,
        .session_lifetime_ms = 24 * 3600 * 1000,
        .ticket_rotation_ms = 8 * 3600 * 1000,
        .alpn = {protocols, COUNT_OF(protocols)},
    };
    struct diag *diag;
    struct cert *cert;

    MUST(chance_fix() == 1);
    diag = diag_new();
    cert = make_cert();
    server_ctx = tls_ctx_new(&frontend, cert, diag);
    client_ctx = SSL_CTX_new(TLS_client_method());
    MUST(server_ctx != NULL && client_ctx != NULL);
    cert_free(cert);
    diag_free(diag);
}

/* ---- a session ---- */

static void
begin(struct session *s, unsigned settings)
{
    BIO *bio;

    chance_seed(settings);
    *s = (struct session){.wire = malloc(WIRE_SIZE), .tampered = settings & RAW};
    MUST(s->wire != NULL && tls_gather_init(&s->gather, GATHER_START) == 0);
    s->bio.out = &s->gather;
    s->server = SSL_new(server_ctx);
    bio = tls_bio_new(&s->bio);
    MUST(s->server != NULL && bio != NULL);
    SSL_set_bio(s->server, bio, bio);
    SSL_set_accept_state(s->server);
    if (settings & RAW)
        return;
    s->client = SSL_new(client_ctx);
    MUST(s->client != NULL);
    SSL_set_bio(s->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(s->client);
    if (settings & TLS_1_2)
        SSL_set_max_proto_version(s->client, TLS1_2_VERSION);
    if (settings & OFFER_ALPN)
        SSL_set_alpn_protos(s->client, (const unsigned char *)"\x08http/1.1\x02h2", 12);
    s->alpn_differs = settings & OFFER_OTHER_ALPN;
    if (s->alpn_differs)
        SSL_set_alpn_protos(s->client, (const unsigned char *)"\x03h2c", 4);
}

static void
end(struct session *s)
{
    SSL_free(s->client);
    SSL_free(s->server);
    tls_gather_clear(&s->gather);
    free(s->wire);
}

static unsigned char
pattern(size_t i)
{
    return (unsigned char)(i ^ i >> 8);
}

static void
put_on_wire(struct session *s, const void *bytes, size_t len)
{
    MUST(len <= WIRE_SIZE - s->wire_len);
    memcpy(s->wire + s->wire_len, bytes, len);
    s->wire_len += len;
}

/* ---- the server ---- */

/* What has gathered leaves; len: how many bytes the server was fed for it. */
static void
flush(struct session *s, size_t len)
{
    MUST(s->gather.len <= len + GATHER_SLACK && s->gather.len <= s->gather.size);
    if (s->gather.len > s->most_gathered)
        s->most_gathered = s->gather.len;
    MUST(s->gather.size == GATHER_START || s->gather.size / 2 < s->most_gathered);
    if (s->client != NULL && s->gather.len > 0)
        MUST(BIO_write(SSL_get_rbio(s->client), s->gather.data, (int)s->gather.len) ==
             (int)s->gather.len);
    s->gather.len = 0;
}

static void
server_judges(struct session *s, int ret)
{
    char words[128];
    struct text why;
    enum tls_verdict verdict;
    bool shaken = SSL_is_init_finished(s->server);

    text_init(&why, words, sizeof(words));
    verdict = tls_err_judge(s->server, ret, &why);
    MUST(ERR_peek_error() == 0 && !why.cut && verdict != TLS_NO_MEMORY);
    MUST((words[0] == '\0') == (verdict == TLS_WANT_READ || verdict == TLS_NOTIFY));
    if (verdict == TLS_WANT_READ) {
        MUST(s->bio.in_len == 0);
        MUST(s->tampered || s->wire_len > 0 || !tls_bio_in_record(&s->bio));
        return;
    }
    if (verdict == TLS_NOTIFY)
        MUST(s->client_ended || s->client == NULL || (s->tampered && !shaken));
    s->server_heard_end = shaken && verdict == TLS_NOTIFY;
    s->server_failed = !s->server_heard_end;
    MUST(!s->server_failed || s->tampered || s->alpn_differs ||
         (s->client_failed && verdict == TLS_ALERT));
}

static void
server_reads(struct session *s)
{
    unsigned char buf[4096];
    int ret = 1;

    if (!SSL_is_init_finished(s->server))
        ret = SSL_do_handshake(s->server);
    while (ret > 0 && (ret = SSL_read(s->server, buf, sizeof(buf))) > 0) {
        for (int i = 0; i < ret; i++)
            MUST(s->client == NULL || buf[i] == pattern(s->heard_up + (size_t)i));
        s->heard_up += (size_t)ret;
        MUST(s->client == NULL || s->heard_up <= s->said_up);
    }
    server_judges(s, ret);
}

/* One turn: len bytes arrive, as many of them as there are. */
static void
feed(struct session *s, size_t len)
{
    unsigned char *in;

    if (len > s->wire_len)
        len = s->wire_len;
    in = malloc(len > 0 ? len : 1);
    MUST(in != NULL);
    memcpy(in, s->wire, len);
    s->wire_len -= len;
    memmove(s->wire, s->wire + len, s->wire_len);
    if (!s->server_failed && !s->server_heard_end) {
        s->bio.in = in;
        s->bio.in_len = len;
        server_reads(s);
        s->bio.in_len = 0;
        MUST(!s->server_ended || s->gather.len == 0);
        flush(s, len);
    }
    free(in);
}

static bool
server_may_write(const struct session *s)
{
    return SSL_is_init_finished(s->server) && !s->server_failed && !s->server_ended;
}

static void
server_says(struct session *s, size_t len)
{
    unsigned char buf[256];

    if (!server_may_write(s) || len == 0)
        return;
    for (size_t i = 0; i < len; i++)
        buf[i] = pattern(s->said_down + i);
    MUST(SSL_write(s->server, buf, (int)len) == (int)len);
    s->said_down += len;
    flush(s, len);
}

static void
server_ends(struct session *s)
{
    if (!server_may_write(s))
        return;
    MUST(SSL_shutdown(s->server) >= 0);
    s->bio.shut = s->server_ended = true;
    flush(s, 0);
}

/* ---- the client ---- */

static void
client_sends(struct session *s)
{
    char *bytes;
    long len = BIO_get_mem_data(SSL_get_wbio(s->client), &bytes);

    put_on_wire(s, bytes, (size_t)len);
    (void)BIO_reset(SSL_get_wbio(s->client));
    ERR_clear_error();
}

static bool
client_may_write(const struct session *s)
{
    return SSL_is_init_finished(s->client) && !s->client_failed && !s->client_ended &&
           s->wire_len < WIRE_SIZE / 2;
}

static void
client_reads(struct session *s)
{
    unsigned char buf[4096];
    int ret, error;

    if (s->client_failed)
        return;
    while ((ret = SSL_read(s->client, buf, sizeof(buf))) > 0) {
        for (int i = 0; i < ret; i++)
            MUST(buf[i] == pattern(s->heard_down + (size_t)i));
        s->heard_down += (size_t)ret;
        MUST(s->heard_down <= s->said_down);
    }
    error = SSL_get_error(s->client, ret);
    MUST(error != SSL_ERROR_ZERO_RETURN || s->server_ended);
    MUST(error != SSL_ERROR_ZERO_RETURN || s->heard_down == s->said_down);
    s->client_failed = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_ZERO_RETURN;
    client_sends(s);
}

static void
client_says(struct session *s, size_t len)
{
    static unsigned char buf[255 * 64];

    if (!client_may_write(s) || len == 0)
        return;
    for (size_t i = 0; i < len; i++)
        buf[i] = pattern(s->said_up + i);
    if (SSL_write(s->client, buf, (int)len) == (int)len)
        s->said_up += len;
    else
        s->client_failed = true;
    client_sends(s);
}

static void
client_ends(struct session *s)
{
    if (!client_may_write(s))
        return;
    s->client_ended = true;
    (void)SSL_shutdown(s->client);
    client_sends(s);
}

static void
client_updates_keys(struct session *s, bool both)
{
    if (!client_may_write(s) || SSL_version(s->client) != TLS1_3_VERSION)
        return;
    (void)SSL_key_update(s->client,
                         both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
    (void)SSL_do_handshake(s->client);
    client_sends(s);
}

/* It is refused, and the client goes no further; it may say so by an alert. */
static void
client_renegotiates(struct session *s)
{
    if (!client_may_write(s) || SSL_version(s->client) != TLS1_2_VERSION)
        return;
    (void)SSL_renegotiate(s->client);
    (void)SSL_do_handshake(s->client);
    s->client_failed = true;
    client_sends(s);
}

/* ---- the attacker ---- */

static void
flip(struct session *s, size_t where)
{
    if (s->wire_len == 0)
        return;
    s->wire[where * 5 % s->wire_len] ^= (unsigned char)(1 << where % 8);
    s->tampered = true;
}

static void
swallow(struct session *s, size_t len)
{
    if (s->wire_len == 0)
        return;
    s->wire_len -= len < s->wire_len ? len : s->wire_len;
    s->tampered = true;
}

static void
inject(struct session *s, struct fuzz_input *in, size_t len)
{
    for (size_t i = 0; i < len && s->wire_len < WIRE_SIZE / 2; i++) {
        uint8_t byte = fuzz_byte(in);

        put_on_wire(s, &byte, 1);
        s->tampered = true;
    }
}

/* ---- the input ---- */

static void
step(struct session *s, struct fuzz_input *in)
{
    uint8_t action = fuzz_byte(in), amount = fuzz_byte(in);
    bool much = action >= 128;

    switch (action % 10) {
    case 0:
        client_says(s, much ? amount * 64u : amount);
        break;
    case 1:
        client_reads(s);
        break;
    case 2:
        client_updates_keys(s, amount & 1);
        break;
    case 3:
        client_renegotiates(s);
        break;
    case 4:
        client_ends(s);
        break;
    case 5:
        server_says(s, amount);
        break;
    case 6:
        server_ends(s);
        break;
    case 7:
        flip(s, amount);
        break;
    case 8:
        much ? inject(s, in, amount % 32) : swallow(s, amount);
        break;
    default:
        feed(s, amount == 0 ? WIRE_SIZE : amount);
        break;
    }
}

static void
shake_hands(struct session *s, size_t piece, bool tamper)
{
    if (piece == 0)
        piece = WIRE_SIZE;
    for (unsigned round = 0; round < 4; round++) {
        client_reads(s);
        if (tamper && round == 0)
            flip(s, piece);
        do
            feed(s, piece);
        while (s->wire_len > 0);
    }
    MUST(s->tampered || s->alpn_differs || SSL_is_init_finished(s->server));
}

/* In the end all of it arrives, where nobody stood in the way. */
static void
settle(struct session *s)
{
    do
        feed(s, WIRE_SIZE);
    while (s->wire_len > 0);
    if (s->client == NULL || s->tampered || s->server_failed)
        return;
    MUST(s->heard_up == s->said_up);
    MUST(s->server_heard_end == s->client_ended);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size, 0};
    unsigned settings = fuzz_byte(&in);
    size_t piece = fuzz_byte(&in);
    struct session s;

    if (server_ctx == NULL)
        make_contexts();
    begin(&s, settings);
    if (settings & RAW) {
        put_on_wire(&s, data + in.at, size - in.at < WIRE_SIZE ? size - in.at : WIRE_SIZE);
        do
            feed(&s, piece > 0 ? piece : WIRE_SIZE);
        while (s.wire_len > 0);
    } else {
        shake_hands(&s, piece, settings & TAMPER_WITH_HELLO);
        for (unsigned i = 0; i < STEPS_MAX && in.at < in.size; i++)
            step(&s, &in);
    }
    settle(&s);
    end(&s);
    return 0;
}
