/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_peer.h"

#include "base/text.h"
#include "tls/cert.h"
#include "tls/client_names.h"
#include "tls/tls_acme.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define HEADER 5 /* bytes of server_name before the name (RFC 6066, section 3) */

/* The place of a tls_peer in an SSL object; taken once. */
static int
peer_index(void)
{
    static int taken = -1;

    if (taken < 0)
        taken = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return taken;
}

int
tls_peer_attach(struct tls_peer *peer, SSL *ssl)
{
    int index = peer_index();

    return index >= 0 && SSL_set_ex_data(ssl, index, peer) == 1 ? 0 : -1;
}

struct tls_peer *
tls_peer_of(const SSL *ssl)
{
    int index = peer_index();

    return index >= 0 ? SSL_get_ex_data(ssl, index) : NULL;
}

void
tls_peer_clear(struct tls_peer *peer)
{
    free(peer->name);
    free(peer->refusal);
    free(peer->identity);
    *peer = (struct tls_peer){0};
}

/*
 * The only name in the list. What is malformed is left to OpenSSL, which looks at it after
 * this and refuses it.
 */
static int
note_name(struct tls_peer *peer, const unsigned char *list, size_t len)
{
    size_t name_len;

    if (len <= HEADER || list[2] != TLSEXT_NAMETYPE_host_name)
        return 0;
    name_len = (size_t)list[3] << 8 | list[4];
    if (name_len != len - HEADER || memchr(list + HEADER, '\0', name_len) != NULL)
        return 0;
    free(peer->name); /* of a hello before a HelloRetryRequest */
    peer->name = strndup((const char *)list + HEADER, name_len);
    return peer->name != NULL ? 0 : -1;
}

static int
on_hello(SSL *ssl, int *alert, void *arg)
{
    struct tls_peer *peer = tls_peer_of(ssl);
    const unsigned char *list;
    size_t len;

    (void)arg;
    if (peer == NULL)
        return SSL_CLIENT_HELLO_SUCCESS;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &list, &len) == 1 &&
        note_name(peer, list, len) < 0) {
        ERR_raise(ERR_LIB_SSL, ERR_R_MALLOC_FAILURE);
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return tls_acme_heed(ssl, peer, alert) == 0 ? SSL_CLIENT_HELLO_SUCCESS
                                                : SSL_CLIENT_HELLO_ERROR;
}

const unsigned char *
tls_peer_offers(const unsigned char *list, size_t len, const char *name)
{
    size_t name_len = strlen(name);

    for (size_t at = 0; at < len; at += 1 + (size_t)list[at]) {
        if (list[at] == name_len && name_len < len - at &&
            memcmp(list + at + 1, name, name_len) == 0)
            return list + at + 1;
    }
    return NULL;
}

/* The log would cut a longer one. */
#define IDENTITY_SIZE 512

int
tls_peer_note_cert(struct tls_peer *peer, const SSL *ssl)
{
    X509 *x509 = SSL_get0_peer_certificate(ssl);
    char buf[IDENTITY_SIZE];
    struct text t;

    if (x509 == NULL)
        return 0;
    text_init(&t, buf, sizeof(buf));
    client_names_show(x509, &t);
    peer->not_after = cert_time(X509_get0_notAfter(x509));
    peer->identity = strdup(buf);
    return peer->identity != NULL ? 0 : -1;
}

void
tls_peer_watch(SSL_CTX *ctx)
{
    SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
}
