/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TLS client that, once OpenSSL has done the handshake, makes and reads the records
 * itself, with keys from the key log: so that it can say what no library lets one say.
 *
 *     forger PORT 1.2|1.3 STEP...
 *
 *     say TEXT                application data in one record
 *     send TYPE HEX           a record of that content type
 *     repeat COUNT TYPE HEX   many of them
 *     rekey                   the next key for what is sent, after a KeyUpdate (TLS 1.3)
 *     pace BYTES MS           from now on send so many bytes, pause, and so on
 *     flush                   send now what is gathered, which reading steps do as well
 *     hear TEXT               read until TEXT has come; an alert counts as "<alert 2.40>",
 *                             a KeyUpdate as "<update>"
 *     end                     read to the end, and report as client.py does: "bytes=6
 *                             end=notify", end=cut or end=rst
 *
 * What cannot be sent because the peer has reset the connection is thrown away.
 */
#include <arpa/inet.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEADER 5
#define EXPLICIT 8 /* of the nonce in TLS 1.2 (RFC 5288, 3) */
#define TAG 16
#define PLAIN_MAX 16384
#define RECORD_MAX (HEADER + PLAIN_MAX + 2048)
#define PATIENCE_MS 20000
#define LIFETIME_S 100

struct keys {
    unsigned char secret[32], key[16], iv[12];
    uint64_t seq;
};

struct forger {
    int fd;
    bool is13, broken, notified;
    struct keys ours, theirs;
    EVP_CIPHER_CTX *crypt;
    unsigned char out[4 * RECORD_MAX], in[RECORD_MAX];
    size_t out_len, in_len;
    char heard[1 << 16];
    size_t heard_len;
    unsigned long total;
    size_t pace_bytes;
    long pace_ms;
};

/* What the key log has told: hexadecimal digits. */
enum {
    CLIENT,
    SERVER,
    MASTER,
    SECRETS
};
static const char *const secret_labels[SECRETS] = {
    "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "CLIENT_RANDOM"};
static char secrets[SECRETS][129];

static void
die(const char *what)
{
    fprintf(stderr, "forger: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void
check(bool good, const char *what)
{
    if (!good)
        die(what);
}

/* ---- Keys ---- */

static void
on_key_logged(const SSL *ssl, const char *line)
{
    char label[32], secret[129];

    (void)ssl;
    if (sscanf(line, "%31s %*s %128s", label, secret) == 2)
        for (size_t i = 0; i < SECRETS; i++)
            if (strcmp(label, secret_labels[i]) == 0)
                memcpy(secrets[i], secret, sizeof(secret));
}

static size_t
from_hex(const char *hex, unsigned char *out, size_t size)
{
    size_t len = 0;

    if (hex[0] != '\0')
        check(OPENSSL_hexstr2buf_ex(out, size, &len, hex, '\0') == 1, "bad hex");
    return len;
}

static void
derive(const char *kdf_name, const OSSL_PARAM *params, unsigned char *out, size_t len)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, kdf_name, NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

    check(ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1, "no keys");
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

/* HKDF-Expand-Label without a context (RFC 8446, 7.1). */
static void
expand(unsigned char secret[32], char *label, unsigned char *out, size_t len)
{
    char digest[] = "SHA256", prefix[] = "tls13 ";
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, 32),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix, strlen(prefix)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };

    derive("TLS13-KDF", params, out, len);
}

static void
use_secret(struct keys *keys)
{
    char key[] = "key", iv[] = "iv";

    expand(keys->secret, key, keys->key, sizeof(keys->key));
    expand(keys->secret, iv, keys->iv, sizeof(keys->iv));
    keys->seq = 0;
}

static void
rekey(struct keys *keys)
{
    char label[] = "traffic upd";
    unsigned char next[32];

    expand(keys->secret, label, next, sizeof(next));
    memcpy(keys->secret, next, sizeof(next));
    use_secret(keys);
}

/* RFC 5246, 6.3; the Finished messages were the records 0. */
static void
key_block(struct forger *f, const SSL *ssl)
{
    unsigned char master[48], seed[13 + 64] = "key expansion", block[40];
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, sizeof(master)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
        OSSL_PARAM_construct_end(),
    };

    check(from_hex(secrets[MASTER], master, sizeof(master)) == 48, "no master secret");
    SSL_get_server_random(ssl, seed + 13, 32);
    SSL_get_client_random(ssl, seed + 45, 32);
    derive("TLS1-PRF", params, block, sizeof(block));
    memcpy(f->ours.key, block, 16);
    memcpy(f->theirs.key, block + 16, 16);
    memcpy(f->ours.iv, block + 32, 4);
    memcpy(f->theirs.iv, block + 36, 4);
    f->ours.seq = f->theirs.seq = 1;
}

static void
take_keys(struct forger *f, const SSL *ssl)
{
    if (!f->is13) {
        key_block(f, ssl);
        return;
    }
    check(from_hex(secrets[CLIENT], f->ours.secret, 32) == 32 &&
              from_hex(secrets[SERVER], f->theirs.secret, 32) == 32,
          "no traffic secrets");
    use_secret(&f->ours);
    use_secret(&f->theirs);
}

/* ---- Records ---- */

static void
make_nonce(const struct keys *keys, unsigned char nonce[12])
{
    memcpy(nonce, keys->iv, 12);
    for (int i = 0; i < 8; i++)
        nonce[4 + i] ^= (unsigned char)(keys->seq >> (56 - 8 * i));
}

/* Additional data: of TLS 1.3 the header (RFC 8446, 5.2), of 1.2 see RFC 5246, 6.2.3.3. */
static int
make_aad(const struct forger *f, const struct keys *keys, const unsigned char *header,
         size_t len, unsigned char aad[13])
{
    if (f->is13) {
        memcpy(aad, header, HEADER);
        return HEADER;
    }
    for (int i = 0; i < 8; i++)
        aad[i] = (unsigned char)(keys->seq >> (56 - 8 * i));
    memcpy(aad + 8, header, 3);
    aad[11] = (unsigned char)(len >> 8);
    aad[12] = (unsigned char)len;
    return 13;
}

/* Encrypt, or decrypt, len bytes in their place; the tag stands behind them. */
static void
crypt_record(struct forger *f, struct keys *keys, bool encrypt,
             const unsigned char nonce[12], const unsigned char *header,
             unsigned char *data, size_t len)
{
    unsigned char aad[13];
    int aad_len = make_aad(f, keys, header, len, aad), n, rest;

    check(EVP_CipherInit_ex(f->crypt, EVP_aes_128_gcm(), NULL, keys->key, nonce, encrypt) ==
                  1 &&
              EVP_CipherUpdate(f->crypt, NULL, &n, aad, aad_len) == 1 &&
              EVP_CipherUpdate(f->crypt, data, &n, data, (int)len) == 1,
          "cipher");
    if (!encrypt)
        EVP_CIPHER_CTX_ctrl(f->crypt, EVP_CTRL_AEAD_SET_TAG, TAG, data + len);
    check(EVP_CipherFinal_ex(f->crypt, data + len, &rest) == 1, "a record is not genuine");
    if (encrypt)
        EVP_CIPHER_CTX_ctrl(f->crypt, EVP_CTRL_AEAD_GET_TAG, TAG, data + len);
    keys->seq++;
}

static void
flush(struct forger *f)
{
    size_t step = f->pace_bytes > 0 ? f->pace_bytes : sizeof(f->out), len;
    struct timespec pause = {f->pace_ms / 1000, f->pace_ms % 1000 * 1000000};
    ssize_t n;

    for (size_t at = 0; at < f->out_len && !f->broken; at += (size_t)n) {
        len = f->out_len - at < step ? f->out_len - at : step;
        n = send(f->fd, f->out + at, len, MSG_NOSIGNAL);
        f->broken = n < 0;
        (void)nanosleep(&pause, NULL);
    }
    f->out_len = 0;
}

static void
send_record(struct forger *f, unsigned char type, const unsigned char *data, size_t len)
{
    unsigned char *record, *inner, nonce[12];
    size_t size;

    if (sizeof(f->out) - f->out_len < RECORD_MAX)
        flush(f);
    record = f->out + f->out_len;
    inner = record + HEADER + (f->is13 ? 0 : EXPLICIT);
    memcpy(inner, data, len);
    if (f->is13)
        inner[len++] = type;
    size = (size_t)(inner - record) + len + TAG;
    record[0] = f->is13 ? SSL3_RT_APPLICATION_DATA : type;
    record[1] = record[2] = 3;
    record[3] = (unsigned char)((size - HEADER) >> 8);
    record[4] = (unsigned char)(size - HEADER);
    make_nonce(&f->ours, nonce);
    if (!f->is13)
        memcpy(record + HEADER, nonce + 4, EXPLICIT);
    crypt_record(f, &f->ours, true, nonce, record, inner, len);
    f->out_len += size;
}

static void
note(struct forger *f, const void *data, size_t len)
{
    if (sizeof(f->heard) - f->heard_len < len)
        f->heard_len = 0;
    memcpy(f->heard + f->heard_len, data, len);
    f->heard_len += len;
}

static void
take_plain(struct forger *f, unsigned char type, const unsigned char *data, size_t len)
{
    char word[32];

    if (type == SSL3_RT_APPLICATION_DATA) {
        note(f, data, len);
        f->total += len;
    } else if (type == SSL3_RT_ALERT && len == 2) {
        snprintf(word, sizeof(word), "<alert %u.%u>", data[0], data[1]);
        note(f, word, strlen(word));
        f->notified = data[1] == SSL_AD_CLOSE_NOTIFY;
        if (!f->notified)
            puts(word);
    } else if (type == SSL3_RT_HANDSHAKE && len > 0 && data[0] == SSL3_MT_KEY_UPDATE) {
        note(f, "<update>", 8);
        rekey(&f->theirs);
    }
}

static void
take_record(struct forger *f, unsigned char *record, size_t size)
{
    unsigned char nonce[12], type = record[0];
    size_t skip = HEADER + (f->is13 ? 0 : EXPLICIT), len;

    check(size >= skip + TAG, "a record is too short");
    len = size - skip - TAG;
    make_nonce(&f->theirs, nonce);
    if (!f->is13)
        memcpy(nonce + 4, record + HEADER, EXPLICIT);
    crypt_record(f, &f->theirs, false, nonce, record, record + skip, len);
    if (f->is13) { /* the type is the last byte that is not 0 */
        while (len > 0 && record[skip + len - 1] == 0)
            len--;
        check(len > 0, "a record without a type");
        type = record[skip + --len];
    }
    take_plain(f, type, record + skip, len);
}

static void
take_records(struct forger *f)
{
    size_t size;

    while (f->in_len >= HEADER) {
        size = HEADER + ((size_t)f->in[3] << 8 | f->in[4]);
        check(size <= sizeof(f->in), "a record is too long");
        if (f->in_len < size)
            return;
        take_record(f, f->in, size);
        memmove(f->in, f->in + size, f->in_len - size);
        f->in_len -= size;
    }
}

/* Returns NULL, or how the stream has ended. */
static const char *
receive(struct forger *f)
{
    struct pollfd ready = {.fd = f->fd, .events = POLLIN};
    ssize_t n;

    check(poll(&ready, 1, PATIENCE_MS) == 1, "nothing comes");
    n = recv(f->fd, f->in + f->in_len, sizeof(f->in) - f->in_len, 0);
    if (n < 0)
        return "rst";
    if (n == 0)
        return f->notified ? "notify" : "cut";
    f->in_len += (size_t)n;
    take_records(f);
    return NULL;
}

/* ---- Steps ---- */

static void
send_many(struct forger *f, unsigned long count, const char *type, const char *hex)
{
    static unsigned char data[PLAIN_MAX];
    size_t len = from_hex(hex, data, sizeof(data));

    while (count-- > 0 && !f->broken)
        send_record(f, (unsigned char)atoi(type), data, len);
}

static void
hear(struct forger *f, const char *text)
{
    const char *at, *end;

    flush(f);
    while ((at = memmem(f->heard, f->heard_len, text, strlen(text))) == NULL) {
        end = receive(f);
        check(end == NULL, "the end came first");
    }
    at += strlen(text);
    f->heard_len -= (size_t)(at - f->heard);
    memmove(f->heard, at, f->heard_len);
}

static void
hear_all(struct forger *f)
{
    const char *end;

    flush(f);
    do
        end = receive(f);
    while (end == NULL);
    printf("bytes=%lu end=%s\n", f->total, end);
}

/* args ends with a NULL. Returns how many arguments were used. */
static int
run_step(struct forger *f, const char *name, char **args)
{
    int given = 0;

    while (given < 3 && args[given] != NULL)
        given++;
    if (strcmp(name, "rekey") == 0)
        return rekey(&f->ours), 0;
    if (strcmp(name, "flush") == 0)
        return flush(f), 0;
    if (strcmp(name, "end") == 0)
        return hear_all(f), 0;
    if (strcmp(name, "hear") == 0 && given >= 1)
        return hear(f, args[0]), 1;
    if (strcmp(name, "say") == 0 && given >= 1)
        return send_record(f, SSL3_RT_APPLICATION_DATA, (unsigned char *)args[0],
                           strlen(args[0])),
               1;
    if (strcmp(name, "send") == 0 && given >= 2)
        return send_many(f, 1, args[0], args[1]), 2;
    if (strcmp(name, "repeat") == 0 && given >= 3)
        return send_many(f, strtoul(args[0], NULL, 10), args[1], args[2]), 3;
    check(strcmp(name, "pace") == 0 && given >= 2, "no such step");
    f->pace_bytes = strtoul(args[0], NULL, 10);
    f->pace_ms = strtol(args[1], NULL, 10);
    return 2;
}

/* Its receive buffer is small, so that who does not read holds up the peer soon. */
static int
dial(const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(port)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), small = 16384;

    check(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) == 0 &&
              connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0,
          "cannot connect");
    return fd;
}

/* OpenSSL reads not a byte more than the handshake, and takes no part in what follows. */
static void
shake_hands(struct forger *f)
{
    int version = f->is13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl;

    check(SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
              SSL_CTX_set_max_proto_version(ctx, version) == 1 &&
              SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") == 1 &&
              SSL_CTX_set_cipher_list(ctx, "ECDHE+AES128+AESGCM") == 1,
          "TLS");
    SSL_CTX_set_keylog_callback(ctx, on_key_logged);
    ssl = SSL_new(ctx);
    check(ssl != NULL && SSL_set_fd(ssl, f->fd) == 1 && SSL_connect(ssl) == 1, "handshake");
    take_keys(f, ssl);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

int
main(int argc, char **argv)
{
    static struct forger f;

    check(argc > 3, "usage: forger PORT 1.2|1.3 STEP...");
    alarm(LIFETIME_S);
    f.is13 = strcmp(argv[2], "1.3") == 0;
    f.fd = dial(argv[1]);
    f.crypt = EVP_CIPHER_CTX_new();
    check(f.crypt != NULL, "cipher");
    shake_hands(&f);
    for (int i = 3; i < argc;) {
        i++;
        i += run_step(&f, argv[i - 1], argv + i);
    }
    flush(&f);
    close(f.fd);
    EVP_CIPHER_CTX_free(f.crypt);
    return 0;
}
