/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions that a worker may send to the keeper, which has keys of P-256 and RSA open:
 * anything at all. Whatever comes: what is answered is a signature, of just these bytes, by
 * the key that was named, and only for a question whose lengths are right.
 */
#include "fuzz.h"
#include "tls/key_keep.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAD offsetof(struct key_remote_request, data)
#define KEYS 2

/* Bits of the first byte. */
enum {
    OTHER_ID = 1 << 0,  /* one is given, else it is that of a key */
    RSA_KEY = 1 << 1,   /* which */
    OTHER_LEN = 1 << 2, /* one is given, else it is the right one */
    PSS = 1 << 3,
    SHORT = 1 << 4, /* the question is cut, to a length that is given */
};

static struct key_keep *keep;
static EVP_PKEY *keys[KEYS];

static void
set_id(unsigned char *id, int key)
{
    memset(id, 'a' + key, KEY_REMOTE_ID);
}

/* ---- The keeper's keys ---- */

static void
add_key(struct pack *list, int key)
{
    unsigned char id[KEY_REMOTE_ID];
    char uri[64];
    int fd = memfd_create("key", 0);
    BIO *bio = BIO_new_fd(fd, BIO_NOCLOSE);

    MUST(fd >= 0 && bio != NULL && keys[key] != NULL);
    MUST(PEM_write_bio_PrivateKey(bio, keys[key], NULL, NULL, 0, NULL, NULL) == 1);
    BIO_free(bio);
    (void)snprintf(uri, sizeof(uri), "file:/proc/self/fd/%d", fd);
    set_id(id, key);
    key_keep_pack(list, id, uri, NULL, 0);
}

static void
open_keys(void)
{
    struct pack list = {0};
    char why[256];

    keys[0] = EVP_EC_gen("P-256");
    keys[1] = EVP_RSA_gen(2048);
    for (int i = 0; i < KEYS; i++)
        add_key(&list, i);
    keep = key_keep_open(list.data, list.len, NULL, why, sizeof(why));
    MUST(keep != NULL);
    pack_clear(&list);
}

/* ---- The input ---- */

struct question {
    struct key_remote_request request;
    size_t len, data_len;
    int key; /* -1: none of them */
};

static void
make_question(struct question *q, struct fuzz_input *in)
{
    unsigned settings = fuzz_byte(in);
    struct key_remote_request *r = &q->request;
    char *digest;

    memset(q, 0, sizeof(*q));
    q->key = settings & RSA_KEY ? 1 : 0;
    set_id(r->id, q->key);
    if (settings & OTHER_ID) {
        r->id[fuzz_byte(in) % KEY_REMOTE_ID] ^= 1;
        q->key = -1;
    }
    r->pss = settings & PSS ? fuzz_byte(in) : 0;
    r->len = settings & OTHER_LEN ? (uint32_t)fuzz_number(in) : 0;
    q->len = settings & SHORT ? (size_t)fuzz_byte(in) << 4 : sizeof(*r);
    digest = fuzz_string(in);
    memcpy(r->digest, digest,
           strlen(digest) < sizeof(r->digest) ? strlen(digest) : sizeof(r->digest));
    free(digest);
    q->data_len = in->size - in->at;
    if (q->data_len > KEY_REMOTE_DATA_MAX)
        q->data_len = KEY_REMOTE_DATA_MAX;
    memcpy(r->data, in->data + in->at, q->data_len);
    if (!(settings & OTHER_LEN))
        r->len = (uint32_t)q->data_len;
    if (q->len > HEAD + q->data_len)
        q->len = HEAD + q->data_len;
}

static bool
is_right(const struct question *q)
{
    return q->key >= 0 && q->len >= HEAD && q->request.len == q->len - HEAD &&
           memchr(q->request.digest, '\0', sizeof(q->request.digest)) != NULL;
}

static bool
is_signature(const struct question *q, const unsigned char *signature, size_t len)
{
    const struct key_remote_request *r = &q->request;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *context = NULL;
    bool good;

    MUST(md != NULL);
    good = EVP_DigestVerifyInit_ex(md, &context, *r->digest != '\0' ? r->digest : NULL,
                                   NULL, NULL, keys[q->key], NULL) == 1 &&
           (r->pss == 0 ||
            (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
           EVP_DigestVerify(md, signature, len, r->data, r->len) == 1;
    EVP_MD_CTX_free(md);
    return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.data = data, .size = size};
    static unsigned char signature[KEY_REMOTE_SIGNATURE_MAX];
    static struct question q;
    unsigned char *copy;
    size_t len;

    if (keep == NULL)
        open_keys();
    make_question(&q, &in);
    /* Of just that size, so that AddressSanitizer sees an overrun. */
    copy = malloc(q.len + 1);
    MUST(copy != NULL);
    memcpy(copy, &q.request, q.len);
    len = key_keep_sign(keep, copy, q.len, signature);
    MUST(len <= sizeof(signature));
    MUST(len == 0 || (is_right(&q) && is_signature(&q, signature, len)));
    MUST(key_keep_sign(NULL, copy, q.len, signature) == 0);
    ERR_clear_error();
    free(copy);
    return 0;
}
