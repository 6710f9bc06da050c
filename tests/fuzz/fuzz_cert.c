/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates and keys. The first byte tells what the rest is: 0: a PEM file that is
 * loaded as one of an operator's (tls/cert_read); 1: a private key's DER (tls/key_der),
 * which has to be for OpenSSL what it is for us; 2: the bytes of a store (tls/cert_store);
 * else changes to a good store, each of three bytes: where (the high byte first), and what
 * to XOR there. What is loaded can be sealed and used.
 */
#include "fuzz.h"
#include "tls/cert_cache.h"
#include "tls/cert_store.h"
#include "tls/key_der.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- A store ---- */

static void
use(const struct cert *cert)
{
    if (cert == NULL)
        return;
    MUST(cert->leaf != NULL && cert->key != NULL && cert->chain != NULL);
}

/* From memory that ends where the bytes end. */
static void
check_store(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a.test", "x.b.test", "", NULL};
    uint32_t chosen[CERT_STORE_CHOSEN];
    struct cert_cache *cache = cert_cache_new(data, size);

    if (cache == NULL)
        return;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        size_t count =
            cert_store_choose(cert_cache_store(cache), names[i], false, 1000, chosen);

        MUST(count <= CERT_STORE_CHOSEN);
        for (size_t j = 0; j < count; j++) {
            struct cert_facts facts = cert_store_facts(cert_cache_store(cache), chosen[j]);

            MUST(facts.file == NULL || strlen(facts.file) < size);
            MUST(facts.subject == NULL || strlen(facts.subject) < size);
            use(cert_cache_get(cache, chosen[j]));
        }
    }
    cert_cache_free(cache);
}

static void
seal(struct cert_reader *reader, const struct cert_raw *raw, struct pack *p)
{
    struct cert_build *build = cert_build_new(reader);

    MUST(build != NULL && cert_build_add(build, raw) == 0);
    cert_build_pack(build, 0, 2, p);
    MUST(!p->failed);
    cert_build_free(build);
}

static void
check_changed(struct fuzz_input *in)
{
    static struct pack good;
    uint8_t *bytes;

    if (good.len == 0) {
        struct cert *cert = cert_make_self_signed("a.test", 30);
        struct diag *diag = diag_new();
        struct cert_reader reader;
        struct cert_raw *raw;

        MUST(cert != NULL && cert_reader_init(&reader, diag) == 0);
        raw = cert_raw_of(&reader, cert, (struct pos){0});
        MUST(raw != NULL);
        seal(&reader, raw, &good);
        cert_raw_free(raw);
        cert_reader_clear(&reader);
        diag_free(diag);
        cert_free(cert);
    }
    bytes = malloc(good.len);
    MUST(bytes != NULL);
    memcpy(bytes, good.data, good.len);
    while (in->at < in->size) {
        size_t where = (size_t)fuzz_byte(in) << 8;

        where |= fuzz_byte(in);
        bytes[where % good.len] ^= fuzz_byte(in);
    }
    check_store(bytes, good.len);
    free(bytes);
}

/* ---- A file ---- */

static void
check_file(const uint8_t *data, size_t size)
{
    int fd = memfd_create("cert", MFD_CLOEXEC);
    struct diag *diag = diag_new();
    struct config_cert file = {.cert.text = "/"};
    struct cert_reader reader;
    struct cert_raw *raw;
    struct pack p = {0};
    char path[64];

    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    file.cert.text = path;
    MUST(cert_reader_init(&reader, diag) == 0);
    raw = cert_read(&reader, &file);
    MUST((raw == NULL) == (diag_errors(diag) > 0));
    MUST(ERR_peek_error() == 0);
    if (raw != NULL) {
        struct cert_store store;
        struct cert *cert;

        seal(&reader, raw, &p);
        MUST(cert_store_open(&store, p.data, p.len) == 0);
        cert = cert_store_decode_whole(&store, 0);
        use(cert);
        MUST(cert != NULL && X509_check_private_key(cert->leaf, cert->key) == 1);
        cert_free(cert);
    }
    cert_raw_free(raw);
    cert_reader_clear(&reader);
    pack_clear(&p);
    diag_free(diag);
    close(fd);
}

/* ---- A key ---- */

static void
check_key(const uint8_t *data, size_t size)
{
    const unsigned char *at = data;
    struct key_der key;
    EVP_PKEY *ours, *theirs;

    if (!key_der_read(&key, data, size))
        return;
    ours = key_der_make(&key);
    theirs = d2i_AutoPrivateKey(NULL, &at, (long)size);
    if (ours != NULL && theirs != NULL)
        MUST(EVP_PKEY_eq(ours, theirs) == 1);
    EVP_PKEY_free(ours);
    EVP_PKEY_free(theirs);
    ERR_clear_error();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.data = data, .size = size};

    if (size == 0)
        return 0;
    switch (fuzz_byte(&in)) {
    case 0:
        check_file(data + 1, size - 1);
        break;
    case 1:
        check_key(data + 1, size - 1);
        break;
    case 2:
        check_store(data + 1, size - 1);
        break;
    default:
        check_changed(&in);
    }
    return 0;
}
