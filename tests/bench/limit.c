/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * limit DIRECTORY [SECONDS]: what OpenSSL alone needs for the server's part of the work, in
 * memory, without a socket: processor time of a handshake (the certificates are
 * DIRECTORY/ec.pem and rsa.pem, by make_pki), of a GiB of records of 16 KiB, of a message
 * of 64 bytes each way. Prints one line of JSON: microseconds for "handshakes" and
 * "message", milliseconds for "encrypt" and "decrypt". Each is the least of several
 * batches, as a limit is.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCHES 5
#define RECORD 16384
#define MESSAGE 64
#define ROUNDS 64 /* between two readings of the clock */
#define GIB (1024.0 * 1024 * 1024)

/* Two SSL objects that speak to each other through memory. */
struct pair {
    SSL *server, *client;
    BIO *to_server, *to_client;
    uint64_t server_ns; /* time that the server has had */
};

struct course {
    const char *name;
    const char *pem;
    const char *sigalgs;
    int version;
    bool resume;
};

static const char *directory;
static double seconds = 1;
static SSL_SESSION *kept;

static void
die(const char *what)
{
    fprintf(stderr, "limit: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

static uint64_t
cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(kept);
    kept = session;
    return 1;
}

/* ---- both sides ---- */

static SSL_CTX *
make_context(const SSL_METHOD *method, const struct course *course)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, course->version) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, course->version) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1 ||
        SSL_CTX_set_cipher_list(
            ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256") != 1 ||
        SSL_CTX_set1_groups_list(ctx, "X25519:P-256") != 1)
        die("a context");
    SSL_CTX_set_mode(ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ctx;
}

static SSL_CTX *
make_server(const struct course *course)
{
    SSL_CTX *ctx = make_context(TLS_server_method(), course);
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", directory, course->pem);
    if (SSL_CTX_use_certificate_chain_file(ctx, path) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_set_num_tickets(ctx, 1) != 1 ||
        SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"limit", 5) != 1)
        die(path);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    return ctx;
}

static SSL_CTX *
make_client(const struct course *course)
{
    SSL_CTX *ctx = make_context(TLS_client_method(), course);

    if (SSL_CTX_set1_sigalgs_list(ctx, course->sigalgs) != 1)
        die("signature algorithms");
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    return ctx;
}

static BIO *
make_memory(void)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio == NULL)
        die("memory");
    BIO_set_mem_eof_return(bio, -1);
    return bio;
}

/* What the server needs to begin counts as well. */
static void
open_pair(struct pair *pair, SSL_CTX *server, SSL_CTX *client)
{
    uint64_t before;

    memset(pair, 0, sizeof(*pair));
    pair->to_server = make_memory();
    pair->to_client = make_memory();
    pair->client = SSL_new(client);
    before = cpu_ns();
    pair->server = SSL_new(server);
    if (pair->client == NULL || pair->server == NULL)
        die("an SSL object");
    SSL_set_accept_state(pair->server);
    SSL_set_bio(pair->server, pair->to_server, pair->to_client);
    pair->server_ns += cpu_ns() - before;
    SSL_set_connect_state(pair->client);
    if (BIO_up_ref(pair->to_server) != 1 || BIO_up_ref(pair->to_client) != 1)
        die("memory");
    SSL_set_bio(pair->client, pair->to_client, pair->to_server);
}

static void
close_pair(struct pair *pair)
{
    uint64_t before = cpu_ns();

    SSL_free(pair->server);
    pair->server_ns += cpu_ns() - before;
    SSL_free(pair->client);
}

/* ---- steps ---- */

static bool
shake(SSL *ssl)
{
    int result = SSL_do_handshake(ssl);

    if (result != 1 && SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ)
        die("a handshake");
    return result == 1;
}

static void
shake_hands(struct pair *pair)
{
    bool client = false, server = false;

    while (!client || !server) {
        uint64_t before;

        client = shake(pair->client);
        before = cpu_ns();
        server = shake(pair->server);
        pair->server_ns += cpu_ns() - before;
    }
}

static void
put(SSL *ssl, const void *bytes, size_t len)
{
    if (SSL_write(ssl, bytes, (int)len) != (int)len)
        die("writing");
}

static void
take(SSL *ssl, void *bytes, size_t len)
{
    if (SSL_read(ssl, bytes, (int)len) != (int)len)
        die("reading");
}

/* The client's message, and the answer of the same length. */
static void
exchange(struct pair *pair, size_t len)
{
    unsigned char bytes[MESSAGE] = {0};
    uint64_t before;

    put(pair->client, bytes, len);
    before = cpu_ns();
    take(pair->server, bytes, len);
    put(pair->server, bytes, len);
    pair->server_ns += cpu_ns() - before;
    take(pair->client, bytes, len);
}

/* close_notify of the client and the server's answer. */
static void
part(struct pair *pair)
{
    unsigned char byte;
    uint64_t before;

    (void)SSL_shutdown(pair->client);
    before = cpu_ns();
    if (SSL_read(pair->server, &byte, 1) > 0)
        die("a byte too much");
    (void)SSL_shutdown(pair->server);
    pair->server_ns += cpu_ns() - before;
}

static uint64_t
transact(SSL_CTX *server, SSL_CTX *client, const struct course *course, bool resume)
{
    struct pair pair;

    open_pair(&pair, server, client);
    if (resume) {
        SSL_SESSION *copy = SSL_SESSION_dup(kept);

        if (copy == NULL || SSL_set_session(pair.client, copy) != 1)
            die("a session");
        SSL_SESSION_free(copy);
    }
    shake_hands(&pair);
    if (SSL_session_reused(pair.server) != (resume ? 1 : 0))
        die(course->name);
    exchange(&pair, 1);
    part(&pair);
    close_pair(&pair);
    return pair.server_ns;
}

/* ---- what is measured ---- */

static double
smaller(double a, double b)
{
    return a < b ? a : b;
}

/* Microseconds of the server for handshake, one byte each way, and close_notify. */
static double
measure_handshake(const struct course *course)
{
    SSL_CTX *server = make_server(course);
    SSL_CTX *client = make_client(course);
    double least = 1e9;

    (void)transact(server, client, course, false);
    if (course->resume && kept == NULL)
        die("no ticket came");
    for (int batch = 0; batch < BATCHES; batch++) {
        uint64_t end = cpu_ns() + (uint64_t)(seconds / BATCHES * 1e9);
        uint64_t spent = 0;
        unsigned count = 0;

        for (; cpu_ns() < end; count++)
            spent += transact(server, client, course, course->resume);
        least = smaller(least, (double)spent / 1e3 / count);
    }
    SSL_SESSION_free(kept);
    kept = NULL;
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    return least;
}

/* Forgets what the one side has written, as if it had been sent. */
static void
drop(BIO *bio)
{
    (void)BIO_reset(bio);
}

/* Milliseconds for a GiB. */
static double
encrypt_once(struct pair *pair, unsigned char *bytes)
{
    uint64_t spent = 0;

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t before = cpu_ns();

        put(pair->server, bytes, RECORD);
        spent += cpu_ns() - before;
        drop(pair->to_client);
    }
    return (double)spent / 1e6 / ROUNDS * (GIB / RECORD);
}

static double
decrypt_once(struct pair *pair, unsigned char *bytes)
{
    uint64_t spent = 0;

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t before;

        put(pair->client, bytes, RECORD);
        before = cpu_ns();
        take(pair->server, bytes, RECORD);
        spent += cpu_ns() - before;
    }
    return (double)spent / 1e6 / ROUNDS * (GIB / RECORD);
}

/* Microseconds for a round trip of the server. */
static double
message_once(struct pair *pair, unsigned char *bytes)
{
    uint64_t before = pair->server_ns;

    (void)bytes;
    for (int i = 0; i < ROUNDS; i++)
        exchange(pair, MESSAGE);
    return (double)(pair->server_ns - before) / 1e3 / ROUNDS;
}

/* The least over the time. */
static double
measure_records(const struct course *course, double (*once)(struct pair *, unsigned char *))
{
    static unsigned char bytes[RECORD];
    SSL_CTX *server = make_server(course);
    SSL_CTX *client = make_client(course);
    struct pair pair;
    double least = 1e9;
    uint64_t end;

    open_pair(&pair, server, client);
    shake_hands(&pair);
    exchange(&pair, 1); /* the client has read its ticket */
    end = cpu_ns() + (uint64_t)(seconds * 1e9);
    while (cpu_ns() < end)
        least = smaller(least, once(&pair, bytes));
    close_pair(&pair);
    SSL_SESSION_free(kept);
    kept = NULL;
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    return least;
}

static const struct course courses[] = {
    {"full-1.3", "ec.pem", "ECDSA+SHA256", TLS1_3_VERSION, false},
    {"full-1.3-rsa", "rsa.pem", "RSA-PSS+SHA256", TLS1_3_VERSION, false},
    {"full-1.2", "ec.pem", "ECDSA+SHA256", TLS1_2_VERSION, false},
    {"resumed-1.3", "ec.pem", "ECDSA+SHA256", TLS1_3_VERSION, true},
    {"resumed-1.2", "ec.pem", "ECDSA+SHA256", TLS1_2_VERSION, true},
};

int
main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: limit DIRECTORY [SECONDS]\n");
        return 2;
    }
    directory = argv[1];
    if (argc == 3)
        seconds = strtod(argv[2], NULL);
    printf("{\"openssl\": \"%s\", \"handshake_us\": {",
           OpenSSL_version(OPENSSL_VERSION_STRING));
    for (size_t i = 0; i < sizeof(courses) / sizeof(courses[0]); i++)
        printf("%s\"%s\": %.2f", i > 0 ? ", " : "", courses[i].name,
               measure_handshake(&courses[i]));
    printf("}, \"encrypt_ms\": %.1f", measure_records(&courses[0], encrypt_once));
    printf(", \"decrypt_ms\": %.1f", measure_records(&courses[0], decrypt_once));
    printf(", \"message_us\": %.3f}\n", measure_records(&courses[0], message_once));
    return 0;
}
