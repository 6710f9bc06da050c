/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record layer after the handshake, and what a client may send it. The first byte of an
 * input says which version and suite; what follows are steps: records that the client
 * protects with its key, whatever is in them, bytes as they are, and what we say. All goes
 * to the record layer in pieces. Whatever comes: what is heard is what was said, in order;
 * nothing but what the client said counts as its end; what we say is what the client hears;
 * an end and a failure are final; what gathers stays bounded.
 */
#include "fuzz.h"
#include "tls/tls_record.h"
#include "tls/tls_record_private.h"

#include <openssl/err.h>

#define WIRE_SIZE (256u << 10)
#define STEPS_MAX 300
#define CHUNK_MAX 4096

enum step {
    SEAL,   /* type, length, bytes */
    SAY,    /* length: of the pattern */
    PAD,    /* length: the pattern, and zeros */
    RAW,    /* length, bytes: not protected */
    UPDATE, /* a KeyUpdate, and the next key */
    ANSWER, /* length: we write the pattern */
    END,    /* we say close_notify */
    STEPS
};

struct session {
    struct tls_record *server, *client;
    struct tls_gather up, down;
    unsigned char *wire, *plain; /* wire: not opened yet */
    size_t wire_len;
    size_t said_up, heard_up, said_down, heard_down; /* bytes of the pattern */
    bool own_words; /* the client has sealed data that is not the pattern */
    bool may_end;   /* it has sealed an alert */
    bool deaf;      /* raw bytes, or a key that we do not follow: it may fail */
    bool over;      /* reading is over */
    bool ended;     /* by us */
};

static unsigned char
pattern(size_t at)
{
    return (unsigned char)(at * 167 + (at >> 8));
}

static void
begin(struct session *s, unsigned settings)
{
    struct tls_keys keys = {.version = settings & 1 ? TLS1_2_VERSION : TLS1_3_VERSION,
                            .suite = (enum tls_suite)((settings >> 1) % TLS_SUITES),
                            .client = {.secret = "a", .seq = 1},
                            .server = {.secret = "b", .seq = 2}};
    struct tls_keys swapped;

    memset(s, 0, sizeof(*s));
    MUST(tls_keys_derive(keys.suite, &keys.client) == 0);
    MUST(tls_keys_derive(keys.suite, &keys.server) == 0);
    swapped = keys;
    swapped.client = keys.server;
    swapped.server = keys.client;
    s->server = tls_record_new(&keys);
    s->client = tls_record_new(&swapped);
    MUST(s->server != NULL && s->client != NULL);
    MUST(tls_gather_init(&s->up, 512) == 0 && tls_gather_init(&s->down, 512) == 0);
    if (settings & 8)
        s->server->key_limit = 3;
    s->wire = malloc(WIRE_SIZE);
    s->plain = malloc(WIRE_SIZE);
    MUST(s->wire != NULL && s->plain != NULL);
}

static void
end(struct session *s)
{
    tls_record_free(s->server);
    tls_record_free(s->client);
    tls_gather_clear(&s->up);
    tls_gather_clear(&s->down);
    free(s->wire);
    free(s->plain);
}

/* The client opens what we have written. */
static void
carry_down(struct session *s)
{
    char words[160];
    struct text why;
    struct tls_opening o = {.in = s->down.data,
                            .in_len = s->down.len,
                            .out = s->plain,
                            .gather = &s->up,
                            .why = &why};
    size_t before = s->up.len;
    enum tls_verdict verdict;

    text_init(&why, words, sizeof(words));
    verdict = tls_record_open(s->client, &o);
    for (size_t i = 0; i < o.out_len; i++)
        MUST(s->plain[i] == pattern(s->heard_down + i));
    s->heard_down += o.out_len;
    MUST(verdict != TLS_NOTIFY || s->ended);
    MUST(verdict != TLS_NO_MEMORY);
    /* More warnings than a client takes are a reason to leave; all else is a mistake of
     * ours. */
    MUST(verdict != TLS_PROTOCOL || s->deaf);
    s->client->shut = false;
    if (verdict == TLS_PROTOCOL)
        s->client->failed = false;
    s->up.len = before;
    s->down.len = 0;
}

static void
open_some(struct session *s, const unsigned char *bytes, size_t len)
{
    char words[160];
    struct text why;
    struct tls_opening o = {.out = s->plain, .gather = &s->down, .why = &why};
    enum tls_verdict verdict;

    text_init(&why, words, sizeof(words));
    MUST(s->wire_len + len <= WIRE_SIZE);
    memcpy(s->wire + s->wire_len, bytes, len);
    o.in = s->wire;
    o.in_len = s->wire_len + len;
    verdict = tls_record_open(s->server, &o);
    MUST(o.out_len <= s->wire_len + len);
    MUST(o.in_len < TLS_RECORD_MAX_BYTES);
    if (s->over)
        MUST(verdict != TLS_WANT_READ && o.out_len == 0);
    memmove(s->wire, o.in, o.in_len);
    s->wire_len = o.in_len;
    for (size_t i = 0; i < o.out_len && !s->own_words; i++)
        MUST(s->plain[i] == pattern(s->heard_up + i));
    s->heard_up += o.out_len;
    MUST(s->own_words || s->heard_up <= s->said_up);
    MUST((verdict != TLS_NOTIFY && verdict != TLS_ALERT) || s->may_end);
    MUST(verdict != TLS_PROTOCOL || s->deaf);
    MUST(verdict != TLS_NO_MEMORY);
    MUST((verdict == TLS_PROTOCOL || verdict == TLS_ALERT) == (why.len > 0));
    s->over = verdict != TLS_WANT_READ;
    if (s->ended)
        MUST(s->down.len == 0);
    carry_down(s);
}

static void
carry_up(struct session *s, size_t piece)
{
    for (size_t at = 0; at < s->up.len;) {
        size_t step = piece < s->up.len - at ? piece : s->up.len - at;

        open_some(s, s->up.data + at, step);
        at += step;
    }
    s->up.len = 0;
}

static size_t
make_pattern(unsigned char *buf, size_t len, size_t from)
{
    for (size_t i = 0; i < len; i++)
        buf[i] = pattern(from + i);
    return len;
}

static size_t
take_bytes(struct fuzz_input *in, unsigned char *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf[i] = fuzz_byte(in);
    return len;
}

static size_t
take_length(struct fuzz_input *in)
{
    size_t len = fuzz_byte(in);

    return len < 250 ? len : (len - 249) * 5000;
}

static void
seal(struct session *s, struct fuzz_input *in)
{
    unsigned char buf[256];
    unsigned type = fuzz_byte(in) % 32;
    size_t len = take_bytes(in, buf, fuzz_byte(in));

    s->deaf = true;
    s->own_words = true;
    s->may_end = true;
    MUST(record_put(s->client, type, buf, len, &s->up) == 0);
}

static void
say(struct session *s, size_t len, bool pad)
{
    unsigned char *buf = calloc(1, 2 * len + 1);
    size_t whole = len;
    unsigned type = SSL3_RT_APPLICATION_DATA;

    MUST(buf != NULL);
    make_pattern(buf, len, s->said_up);
    if (pad && s->client->is13) {
        buf[len] = (unsigned char)type;
        type = 0;
        whole = 2 * len + 1;
    }
    if (len == 0 || whole > RECORD_PLAIN_MAX)
        s->deaf = true;
    MUST(record_put(s->client, type, buf, whole, &s->up) == 0);
    s->said_up += len;
    free(buf);
}

static void
update(struct session *s, struct fuzz_input *in)
{
    unsigned char message[] = {SSL3_MT_KEY_UPDATE, 0, 0, 1, fuzz_byte(in) & 1};

    if (!s->client->is13)
        s->deaf = true;
    MUST(record_put(s->client, SSL3_RT_HANDSHAKE, message, sizeof(message), &s->up) == 0);
    if (s->client->is13)
        MUST(record_next_key(s->client, &s->client->server) == 0);
}

static void
answer(struct session *s, size_t len)
{
    unsigned char *buf = malloc(len + 1);
    bool no_memory;

    MUST(buf != NULL);
    make_pattern(buf, len, s->said_down);
    if (tls_record_seal(s->server, buf, len, &s->down, &no_memory) == 0) {
        MUST(!s->ended);
        s->said_down += len;
        carry_down(s);
        MUST(s->deaf || s->heard_down == s->said_down);
    } else {
        MUST(!no_memory && (s->ended || s->over || s->deaf));
        MUST(s->down.len == 0);
    }
    free(buf);
}

static void
say_end(struct session *s)
{
    bool no_memory;

    if (tls_record_notify(s->server, &s->down, &no_memory) != 0)
        return;
    s->ended = true;
    carry_down(s);
}

static void
step(struct session *s, struct fuzz_input *in)
{
    unsigned char buf[256];
    size_t len;

    switch (fuzz_byte(in) % STEPS) {
    case SEAL:
        seal(s, in);
        break;
    case SAY:
        say(s, take_length(in), false);
        break;
    case PAD:
        say(s, take_length(in) / 2, true);
        break;
    case RAW:
        s->deaf = true;
        len = take_bytes(in, buf, fuzz_byte(in));
        open_some(s, buf, len);
        break;
    case UPDATE:
        update(s, in);
        break;
    case ANSWER:
        answer(s, take_length(in));
        break;
    case END:
        say_end(s);
        break;
    }
    carry_up(s, fuzz_byte(in) % 64 == 0 ? 1 : CHUNK_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size, 0};
    struct session s;

    begin(&s, fuzz_byte(&in));
    for (unsigned i = 0; i < STEPS_MAX && in.at < in.size; i++)
        step(&s, &in);
    MUST(s.over || s.deaf || s.heard_up == s.said_up);
    MUST(ERR_peek_error() == 0);
    end(&s);
    return 0;
}
