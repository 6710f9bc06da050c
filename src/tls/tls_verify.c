/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_verify.h"

#include "tls/client_ca.h"
#include "tls/client_names.h"
#include "tls/tls_peer.h"
#include "tls/tls_ticket.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* OpenSSL translates errors into alerts, and has no word for this one: certificate_unknown.
 */
#define ERR_CERTIFICATE_UNKNOWN X509_V_ERR_CRL_PATH_VALIDATION_ERROR

struct tls_verify {
    const struct config_client_cert *rules; /* borrowed */
    struct client_ca ca;
};

static void
verify_free(struct tls_verify *v)
{
    if (v == NULL)
        return;
    client_ca_clear(&v->ca);
    free(v);
}

static void
on_ctx_free(void *parent ATTR_UNUSED, void *ptr, CRYPTO_EX_DATA *ad ATTR_UNUSED,
            int index ATTR_UNUSED, long argl ATTR_UNUSED, void *argp ATTR_UNUSED)
{
    verify_free(ptr);
}

/* The place of a tls_verify in an SSL_CTX; taken once. */
static int
verify_index(void)
{
    static int taken = -1;

    if (taken < 0)
        taken = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_ctx_free);
    return taken;
}

const struct tls_verify *
tls_verify_of(const SSL_CTX *ctx)
{
    int index = verify_index();

    return index >= 0 ? SSL_CTX_get_ex_data(ctx, index) : NULL;
}

/* ---- Revocation ---- */

bool
tls_verify_revokes(const struct tls_verify *v, X509 *x509)
{
    const X509_NAME *issuer = X509_get_issuer_name(x509);
    X509_REVOKED *entry;

    for (int i = 0; i < sk_X509_CRL_num(v->ca.crls); i++) {
        X509_CRL *crl = sk_X509_CRL_value(v->ca.crls, i);

        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), issuer) == 0 &&
            X509_CRL_get0_by_cert(crl, &entry, x509) == 1)
            return true;
    }
    return false;
}

/* Is there a CRL for it, but none that is still good? */
static bool
is_stale(const struct tls_verify *v, X509 *x509)
{
    const X509_NAME *issuer = X509_get_issuer_name(x509);
    bool stale = false;

    for (int i = 0; i < sk_X509_CRL_num(v->ca.crls); i++) {
        const X509_CRL *crl = sk_X509_CRL_value(v->ca.crls, i);
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), issuer) != 0)
            continue;
        if (next == NULL || X509_cmp_current_time(next) > 0)
            return false;
        stale = true;
    }
    return stale;
}

/* ---- A full handshake ---- */

/* The one that is trusted needs no CRL of whoever has issued it. */
static int
on_error(int ok, X509_STORE_CTX *store_ctx)
{
    int depth = X509_STORE_CTX_get_error_depth(store_ctx);
    int top = sk_X509_num(X509_STORE_CTX_get0_chain(store_ctx)) - 1;

    if (!ok && X509_STORE_CTX_get_error(store_ctx) == X509_V_ERR_UNABLE_TO_GET_CRL &&
        depth == top) {
        X509_STORE_CTX_set_error(store_ctx, X509_V_OK);
        return 1;
    }
    return ok;
}

/* The error that OpenSSL makes the right alert of. */
static int
translate(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return X509_V_ERR_CERT_REJECTED; /* bad_certificate */
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
        return ERR_CERTIFICATE_UNKNOWN;
    default:
        return error;
    }
}

static void
note_refusal(X509_STORE_CTX *store_ctx, bool verified)
{
    int index = SSL_get_ex_data_X509_STORE_CTX_idx();
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store_ctx, index);
    struct tls_peer *peer = ssl != NULL ? tls_peer_of(ssl) : NULL;
    char buf[160];
    struct text why;

    if (peer == NULL)
        return;
    text_init(&why, buf, sizeof(buf));
    if (verified) {
        text_add(&why, "allow has no name of the client's certificate: ");
        client_names_show(X509_STORE_CTX_get0_cert(store_ctx), &why);
    } else {
        tls_verify_explain(store_ctx, &why);
    }
    free(peer->refusal);
    peer->refusal = strdup(buf); /* without memory OpenSSL's words have to do */
}

/* A session is good for no longer than any certificate of the chain: only the client's own
 * is in it. */
static void
limit_session(X509_STORE_CTX *store_ctx)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store_ctx);
    int index = SSL_get_ex_data_X509_STORE_CTX_idx();
    SSL *ssl = X509_STORE_CTX_get_ex_data(store_ctx, index);
    SSL_SESSION *session = ssl != NULL ? SSL_get_session(ssl) : NULL;

    for (int i = 0; session != NULL && i < sk_X509_num(chain); i++) {
        const ASN1_TIME *end = X509_get0_notAfter(sk_X509_value(chain, i));
        int days = 0, seconds = 0;
        long left;

        if (ASN1_TIME_diff(&days, &seconds, NULL, end) != 1)
            continue;
        left = days * 86400L + seconds;
        if (left < SSL_SESSION_get_timeout(session))
            (void)SSL_SESSION_set_timeout(session, left > 0 ? left : 0);
    }
}

static int
on_verify(X509_STORE_CTX *store_ctx, void *arg)
{
    const struct tls_verify *v = arg;
    bool verified, allowed;

    X509_STORE_CTX_set_verify_cb(store_ctx, on_error);
    verified = X509_verify_cert(store_ctx) > 0;
    allowed = verified &&
              (v->rules->allow.count == 0 ||
               client_names_allow(&v->rules->allow, X509_STORE_CTX_get0_cert(store_ctx)));
    if (allowed) {
        limit_session(store_ctx);
        return 1;
    }
    note_refusal(store_ctx, verified);
    X509_STORE_CTX_set_error(store_ctx,
                             verified ? ERR_CERTIFICATE_UNKNOWN
                                      : translate(X509_STORE_CTX_get_error(store_ctx)));
    return 0;
}

/* ---- A session ---- */

static bool
is_still_good(const struct tls_verify *v, const SSL_SESSION *session)
{
    X509 *x509 = SSL_SESSION_get0_peer((SSL_SESSION *)(uintptr_t)session);

    if (x509 == NULL)
        return v->rules->verify != CONFIG_VERIFY_REQUIRED;
    return X509_cmp_current_time(X509_get0_notAfter(x509)) > 0 &&
           !tls_verify_revokes(v, x509) && !is_stale(v, x509) &&
           (v->rules->allow.count == 0 || client_names_allow(&v->rules->allow, x509));
}

static bool
may_resume(SSL *ssl, const SSL_SESSION *session)
{
    return is_still_good(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), verify_index()),
                         session);
}

/* ---- A frontend ---- */

static X509_STORE *
make_store(const struct client_ca *ca)
{
    X509_STORE *store = X509_STORE_new();
    bool ok = store != NULL;

    for (int i = 0; ok && i < sk_X509_num(ca->certs); i++)
        ok = X509_STORE_add_cert(store, sk_X509_value(ca->certs, i)) == 1;
    for (int i = 0; ok && i < sk_X509_CRL_num(ca->crls); i++)
        ok = X509_STORE_add_crl(store, sk_X509_CRL_value(ca->crls, i)) == 1;
    if (ok)
        return store;
    X509_STORE_free(store);
    return NULL;
}

/* What the request for a certificate names. */
static int
name_cas(SSL_CTX *ctx, const struct client_ca *ca)
{
    for (int i = 0; i < sk_X509_num(ca->certs); i++)
        if (SSL_CTX_add_client_CA(ctx, sk_X509_value(ca->certs, i)) != 1)
            return -1;
    return 0;
}

static unsigned long
flags_of(const struct client_ca *ca)
{
    unsigned long flags = 0;

    if (sk_X509_CRL_num(ca->crls) > 0)
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    if (client_ca_is_partial(ca))
        flags |= X509_V_FLAG_PARTIAL_CHAIN;
    return flags;
}

static int
set_up(SSL_CTX *ctx, struct tls_verify *v)
{
    bool required = v->rules->verify == CONFIG_VERIFY_REQUIRED;
    X509_STORE *store;

    if (client_ca_unpack(&v->ca, &v->rules->sealed) < 0 || name_cas(ctx, &v->ca) < 0 ||
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), flags_of(&v->ca)) != 1)
        return -1;
    store = make_store(&v->ca);
    /* Apart from the store that our own chain would be made from. */
    if (store == NULL || SSL_CTX_set0_verify_cert_store(ctx, store) != 1) {
        X509_STORE_free(store);
        return -1;
    }
    SSL_CTX_set_verify(
        ctx, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    SSL_CTX_set_verify_depth(ctx, (int)v->rules->depth);
    SSL_CTX_set_cert_verify_callback(ctx, on_verify, v);
    tls_ticket_guard(ctx, may_resume);
    return 0;
}

int
tls_verify_apply(SSL_CTX *ctx, const struct config_frontend *frontend, struct diag *diag)
{
    struct tls_verify *v;

    if (frontend->client_cert.verify == CONFIG_VERIFY_OFF)
        return 0;
    v = calloc(1, sizeof(*v));
    if (v != NULL && verify_index() >= 0 &&
        SSL_CTX_set_ex_data(ctx, verify_index(), v) == 1) {
        v->rules = &frontend->client_cert;
        if (set_up(ctx, v) == 0)
            return 0;
    } else {
        free(v);
    }
    ERR_clear_error();
    if (diag_errors(diag) == 0) /* else diag has said why there are no CAs */
        diag_error(diag, frontend->pos, "frontend %s: client-cert cannot be set up",
                   frontend->name != NULL ? frontend->name : "");
    return -1;
}

static bool
add_number(EVP_MD_CTX *md, uint32_t number)
{
    return EVP_DigestUpdate(md, &number, sizeof(number)) == 1;
}

static bool
add_rules(EVP_MD_CTX *md, const struct config_client_cert *rules)
{
    bool ok = add_number(md, rules->verify);

    if (rules->verify == CONFIG_VERIFY_OFF)
        return ok; /* the others mean nothing */
    ok = ok && add_number(md, rules->depth) && add_number(md, (uint32_t)rules->allow.count);
    for (size_t i = 0; ok && i < rules->allow.count; i++)
        ok = EVP_DigestUpdate(md, rules->allow.item[i].text,
                              strlen(rules->allow.item[i].text) + 1) == 1;
    return ok && EVP_DigestUpdate(md, rules->sealed.data, rules->sealed.len) == 1;
}

int
tls_verify_digest(const struct config_client_cert *rules,
                  unsigned char digest[TLS_VERIFY_DIGEST])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
              add_rules(md, rules) && EVP_DigestFinal_ex(md, digest, NULL) == 1;

    EVP_MD_CTX_free(md);
    ERR_clear_error();
    return ok ? 0 : -1;
}
