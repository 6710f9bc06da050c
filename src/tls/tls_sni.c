/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_sni.h"

#include "tls/tls_err.h"
#include "tls/tls_peer.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct chosen {
    uint32_t number[CERT_STORE_CHOSEN];
    size_t count;
};

struct tls_sni {
    struct cert_cache *cache;
    bool strict;
    struct chosen standard; /* what the SSL_CTX holds */
};

/* ---- The name that was asked for ---- */

/* Into buf, in the one form; NULL: none, or one that is no name. */
static const char *
name_of(const SSL *ssl, char buf[DOMAINS_LENGTH_MAX + 1])
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    if (name == NULL || domains_normalize(name, strlen(name), false, buf) == 0)
        return NULL;
    return buf;
}

static void
choose(const struct tls_sni *sni, const char *name, struct chosen *chosen)
{
    chosen->count = cert_store_choose(cert_cache_store(sni->cache), name, sni->strict,
                                      time(NULL), chosen->number);
}

/* ---- Callbacks of OpenSSL ---- */

static int
use(SSL *ssl, const struct cert *cert)
{
    return cert != NULL &&
           SSL_use_cert_and_key(ssl, cert->leaf, cert->key, cert->chain, 1) == 1;
}

/* Who has come for a challenge has been shown its certificate: see tls_acme. */
static bool
is_challenged(const SSL *ssl)
{
    const struct tls_peer *peer = tls_peer_of(ssl);

    return peer != NULL && peer->is_challenge;
}

/* In a full handshake, before anything depends on the certificate. 0: it fails. */
static int
on_cert(SSL *ssl, void *arg)
{
    struct tls_sni *sni = arg;
    char buf[DOMAINS_LENGTH_MAX + 1];
    struct chosen chosen;

    if (is_challenged(ssl))
        return 1;
    choose(sni, name_of(ssl, buf), &chosen);
    if (chosen.count == sni->standard.count &&
        memcmp(chosen.number, sni->standard.number,
               chosen.count * sizeof(*chosen.number)) == 0)
        return 1;
    SSL_certs_clear(ssl);
    for (size_t i = 0; i < chosen.count; i++)
        if (!use(ssl, cert_cache_get(sni->cache, chosen.number[i])))
            return 0;
    return 1;
}

/* In every handshake, also in one that resumes a session. */
static int
on_name(SSL *ssl, int *alert, void *arg)
{
    const struct tls_sni *sni = arg;
    char buf[DOMAINS_LENGTH_MAX + 1];
    const char *name = name_of(ssl, buf);
    struct chosen chosen = {.count = 0};

    if (name != NULL)
        choose(sni, name, &chosen);
    if (chosen.count > 0 || is_challenged(ssl))
        return SSL_TLSEXT_ERR_OK;
    if (SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != NULL) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        tls_err_put(TLS_ERR_UNKNOWN_NAME);
    } else {
        *alert = SSL_AD_MISSING_EXTENSION;
        tls_err_put(TLS_ERR_NO_NAME);
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* ---- The rest ---- */

struct tls_sni *
tls_sni_new(const void *bytes, size_t len, bool strict, const struct cert **standard)
{
    struct tls_sni *sni = calloc(1, sizeof(*sni));

    *standard = NULL;
    if (sni == NULL)
        return NULL;
    sni->strict = strict;
    sni->cache = cert_cache_new(bytes, len);
    if (sni->cache != NULL) {
        sni->standard.count = cert_store_choose(cert_cache_store(sni->cache), NULL, false,
                                                time(NULL), sni->standard.number);
        if (sni->standard.count > 0)
            *standard = cert_cache_get(sni->cache, sni->standard.number[0]);
    }
    if (*standard != NULL)
        return sni;
    tls_sni_free(sni);
    return NULL;
}

void
tls_sni_free(struct tls_sni *sni)
{
    if (sni != NULL)
        cert_cache_free(sni->cache);
    free(sni);
}

void
tls_sni_rest(struct tls_sni *sni, struct tls_sni *next)
{
    if (sni != NULL && next != NULL)
        cert_cache_adopt(next->cache, sni->cache);
    else if (sni != NULL)
        cert_cache_flush(sni->cache);
}

int
tls_sni_try(SSL_CTX *ctx, const struct cert *cert)
{
    return SSL_CTX_use_cert_and_key(ctx, cert->leaf, cert->key, cert->chain, 1) == 1 ? 0
                                                                                     : -1;
}

int
tls_sni_attach(struct tls_sni *sni, SSL_CTX *ctx)
{
    for (size_t i = 1; i < sni->standard.count; i++) {
        const struct cert *cert = cert_cache_get(sni->cache, sni->standard.number[i]);

        if (cert == NULL || tls_sni_try(ctx, cert) != 0)
            return -1;
    }
    if (cert_cache_store(sni->cache)->certs > 1)
        SSL_CTX_set_cert_cb(ctx, on_cert, sni);
    if (sni->strict) {
        SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
        SSL_CTX_set_tlsext_servername_arg(ctx, sni);
    }
    return 0;
}
