/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_acme.h"

#include "base/text.h"
#include "tls/challenge.h"

#include <ctype.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* The challenges of a frontend, sorted by name; a part of its SSL_CTX. */
struct tls_acme {
    size_t count;
    struct challenge challenge[];
};

static int
compare(const void *a, const void *b)
{
    const struct challenge *first = a, *second = b;

    return strcmp(first->name, second->name);
}

static void
on_ctx_free(void *parent ATTR_UNUSED, void *ptr, CRYPTO_EX_DATA *ad ATTR_UNUSED,
            int index ATTR_UNUSED, long argl ATTR_UNUSED, void *argp ATTR_UNUSED)
{
    free(ptr);
}

/* The place of the challenges in an SSL_CTX; taken once. */
static int
acme_index(void)
{
    static int taken = -1;

    if (taken < 0)
        taken = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_ctx_free);
    return taken;
}

static struct tls_acme *
read_all(const struct config_blob *packed)
{
    struct tls_acme *acme;
    struct challenge one;
    struct unpack u;
    size_t count = 0;

    challenge_unpack(&u, packed);
    while (challenge_next(&u, &one))
        count++;
    acme = u.failed ? NULL : calloc(1, sizeof(*acme) + count * sizeof(one));
    if (acme == NULL)
        return NULL;
    challenge_unpack(&u, packed);
    while (acme->count < count && challenge_next(&u, &acme->challenge[acme->count]))
        acme->count++;
    qsort(acme->challenge, acme->count, sizeof(one), compare);
    return acme;
}

int
tls_acme_apply(SSL_CTX *ctx, const struct config_blob *packed)
{
    int index = acme_index();
    struct tls_acme *acme;

    if (packed->len == 0)
        return 0;
    acme = read_all(packed);
    if (acme != NULL && index >= 0 && SSL_CTX_set_ex_data(ctx, index, acme) == 1)
        return 0;
    free(acme);
    ERR_clear_error();
    return -1;
}

/* The list of the extension has two bytes of length in front (RFC 7301, 3.1). */
static bool
offers_acme(SSL *ssl)
{
    const unsigned char *list;
    size_t len;

    return SSL_client_hello_get0_ext(
               ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &list, &len) == 1 &&
           len > 2 && tls_peer_offers(list + 2, len - 2, TLS_ACME_PROTOCOL) != NULL;
}

static const struct challenge *
find(const struct tls_acme *acme, const char *name)
{
    struct challenge wanted;
    const struct challenge *found;
    char *lower = strdup(name != NULL ? name : "");

    if (lower == NULL)
        return NULL;
    for (char *c = lower; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    wanted.name = lower;
    found = bsearch(&wanted, acme->challenge, acme->count, sizeof(wanted), compare);
    free(lower);
    return found;
}

/* It alone, and nothing that is asked of clients otherwise. */
static int
use(SSL *ssl, const struct challenge *challenge)
{
    const unsigned char *cert_der = challenge->cert, *key_der = challenge->key;
    X509 *x509 = d2i_X509(NULL, &cert_der, (long)challenge->cert_len);
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &key_der, (long)challenge->key_len);
    int ok = 0;

    SSL_certs_clear(ssl);
    SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    if (x509 != NULL && key != NULL && SSL_set_num_tickets(ssl, 0) == 1)
        ok = SSL_use_cert_and_key(ssl, x509, key, NULL, 1);
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
    X509_free(x509);
    EVP_PKEY_free(key);
    return ok == 1 ? 0 : -1;
}

static void
note_refusal(struct tls_peer *peer)
{
    char buf[160];
    struct text why;

    text_init(&why, buf, sizeof(buf));
    text_addf(&why, "there is no ACME challenge for %s",
              peer->name != NULL ? peer->name : "a client without a name");
    free(peer->refusal);
    peer->refusal = strdup(buf);
}

int
tls_acme_heed(SSL *ssl, struct tls_peer *peer, int *alert)
{
    int index = acme_index();
    const struct tls_acme *acme =
        index >= 0 ? SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index) : NULL;
    const struct challenge *challenge;

    if (acme == NULL || !offers_acme(ssl))
        return 0;
    challenge = find(acme, peer->name);
    if (challenge == NULL) {
        note_refusal(peer);
        peer->is_unanswered = true;
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return -1;
    }
    peer->is_challenge = true;
    if (use(ssl, challenge) == 0)
        return 0;
    ERR_raise(ERR_LIB_SSL, ERR_R_MALLOC_FAILURE);
    *alert = SSL_AD_INTERNAL_ERROR;
    return -1;
}
