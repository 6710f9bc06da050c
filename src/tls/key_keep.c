/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/key_keep.h"

#include "base/text.h"
#include "tls/key_load.h"
#include "tls/tls_err.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    unsigned char id[KEY_REMOTE_ID];
    char *uri;
    EVP_PKEY *pkey;
};

struct key_keep {
    struct kept *item; /* owned */
    size_t count;
};

void
key_keep_pack(struct pack *p, const unsigned char id[KEY_REMOTE_ID], const char *uri,
              const void *passphrase, size_t len)
{
    pack_blob(p, id, KEY_REMOTE_ID);
    pack_string(p, uri);
    pack_blob(p, passphrase, len);
}

void
key_keep_free(struct key_keep *keep)
{
    if (keep == NULL)
        return;
    for (size_t i = 0; i < keep->count; i++) {
        EVP_PKEY_free(keep->item[i].pkey);
        free(keep->item[i].uri);
    }
    free(keep->item);
    free(keep);
}

static const struct kept *
find(const struct key_keep *keep, const unsigned char *id)
{
    for (size_t i = 0; keep != NULL && i < keep->count; i++)
        if (memcmp(keep->item[i].id, id, KEY_REMOTE_ID) == 0)
            return &keep->item[i];
    return NULL;
}

static EVP_PKEY *
get_key(const struct key_keep *old, const unsigned char *id, const char *uri,
        const void *passphrase, size_t len)
{
    const struct kept *known = find(old, id);

    if (known != NULL && strcmp(known->uri, uri) == 0 && EVP_PKEY_up_ref(known->pkey) == 1)
        return known->pkey;
    return key_load_open(uri, passphrase, len);
}

static int
add(struct key_keep *keep, struct unpack *u, const struct key_keep *old, struct text *why)
{
    size_t id_len, len;
    const void *id = unpack_blob(u, &id_len);
    const char *uri = unpack_string(u);
    const void *passphrase = unpack_blob(u, &len);
    struct kept *grown = realloc(keep->item, (keep->count + 1) * sizeof(*grown));
    struct kept *kept;
    char reason[128];

    if (grown != NULL)
        keep->item = grown;
    if (grown == NULL || uri == NULL || id_len != KEY_REMOTE_ID)
        return -1;
    if (find(keep, id) != NULL) /* for another frontend */
        return 0;
    kept = &keep->item[keep->count];
    *kept = (struct kept){.uri = strdup(uri)};
    memcpy(kept->id, id, KEY_REMOTE_ID);
    keep->count++;
    ERR_clear_error();
    kept->pkey = get_key(old, kept->id, uri, passphrase, len);
    if (kept->pkey == NULL)
        text_addf(why,
                  "%s: there is no private key to be had for the user of the workers: %s",
                  uri, tls_err_take(reason, sizeof(reason), "its provider finds none"));
    return kept->pkey != NULL && kept->uri != NULL ? 0 : -1;
}

struct key_keep *
key_keep_open(const void *list, size_t len, const struct key_keep *old, char *why,
              size_t why_size)
{
    struct key_keep *keep = calloc(1, sizeof(*keep));
    struct unpack u;
    struct text text;

    text_init(&text, why, why_size);
    unpack_init(&u, list, len);
    while (keep != NULL && u.at < u.end) {
        if (add(keep, &u, old, &text) != 0) {
            key_keep_free(keep);
            keep = NULL;
        }
    }
    if (keep == NULL && text.len == 0)
        text_add(&text, "out of memory");
    return keep;
}

static int
set_padding(EVP_PKEY_CTX *context, const struct key_remote_request *request)
{
    if (request->pss == 0)
        return 0;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
                   EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1
               ? 0
               : -1;
}

size_t
key_keep_sign(const struct key_keep *keep, const void *question, size_t len,
              unsigned char *signature)
{
    static struct key_remote_request request; /* big, and of no alignment there */
    const size_t head = offsetof(struct key_remote_request, data);
    size_t signature_len = KEY_REMOTE_SIGNATURE_MAX;
    EVP_PKEY_CTX *context = NULL;
    const struct kept *kept;
    EVP_MD_CTX *md;
    bool good;

    if (len < head || len > sizeof(request))
        return 0;
    memcpy(&request, question, len);
    if (request.len != len - head ||
        memchr(request.digest, '\0', sizeof(request.digest)) == NULL)
        return 0;
    kept = find(keep, request.id);
    md = kept != NULL ? EVP_MD_CTX_new() : NULL;
    good =
        md != NULL &&
        EVP_DigestSignInit_ex(md, &context, *request.digest != '\0' ? request.digest : NULL,
                              NULL, NULL, kept->pkey, NULL) == 1 &&
        set_padding(context, &request) == 0 &&
        EVP_DigestSign(md, signature, &signature_len, request.data, request.len) == 1;
    EVP_MD_CTX_free(md);
    return good ? signature_len : 0;
}
