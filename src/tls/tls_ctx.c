/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_ctx.h"

#include "base/attr.h"
#include "tls/tls_acme.h"
#include "tls/tls_err.h"
#include "tls/tls_knobs.h"
#include "tls/tls_peer.h"
#include "tls/tls_schedule.h"
#include "tls/tls_staple.h"
#include "tls/tls_ticket.h"
#include "tls/tls_verify.h"

#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>
#include <string.h>

/* The lowest level without security-level. */
#define SECURITY_LEVEL 2

#define ALPN_NAME_MAX 255 /* RFC 7301, 3.1 */

/* What is the same for every frontend, whatever the host's openssl.cnf says. */
static void
apply_policy(SSL_CTX *ctx, const struct config_frontend *frontend)
{
    SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ENABLE_KTLS |
                                   SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_clear_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(ctx, 0); /* tls_bio reads from memory: nothing is gained */
    SSL_CTX_set_quiet_shutdown(ctx, 0);
    SSL_CTX_set_dh_auto(ctx, frontend->dh ? 1 : 0);
    if (frontend->security_level > 0)
        SSL_CTX_set_security_level(ctx, frontend->security_level - 1);
    else if (SSL_CTX_get_security_level(ctx) < SECURITY_LEVEL)
        SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
}

static int
apply_sessions(SSL_CTX *ctx, const struct config_frontend *frontend)
{
    unsigned char context[TLS_TICKET_CONTEXT], rules[TLS_VERIFY_DIGEST];
    bool any = frontend->client_cert.verify != CONFIG_VERIFY_OFF;

    if ((any && tls_verify_digest(&frontend->client_cert, rules) != 0) ||
        tls_ticket_context(context, frontend->name, rules, any ? sizeof(rules) : 0) != 0)
        return -1;
    return tls_ticket_enable(ctx, context, frontend->session_lifetime_ms / 1000,
                             frontend->ticket_rotation_ms / 1000);
}

static int
apply_protocol(SSL_CTX *ctx, const struct config_frontend *frontend, struct diag *diag)
{
    char reason[128];

    if (SSL_CTX_set_min_proto_version(ctx, frontend->tls_min) == 1 &&
        SSL_CTX_set_max_proto_version(ctx, frontend->tls_max) == 1 &&
        SSL_CTX_set_max_early_data(ctx, 0) == 1 && apply_sessions(ctx, frontend) == 0)
        return 0;
    diag_error(diag, frontend->pos, "TLS cannot be set up: %s",
               tls_err_take(reason, sizeof(reason), "refused by OpenSSL"));
    return -1;
}

static int
apply_cert(SSL_CTX *ctx, const struct cert *cert, struct diag *diag)
{
    char reason[128];

    if (SSL_CTX_use_cert_and_key(ctx, cert->leaf, cert->key, cert->chain, 1) == 1)
        return 0;
    diag_error(diag, cert->from.pos, "OpenSSL refuses the certificate %s: %s",
               cert->from.text != NULL ? cert->from.text : "",
               tls_err_take(reason, sizeof(reason), "refused by OpenSSL"));
    return -1;
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
        const unsigned char *list, unsigned len, void *arg)
{
    const struct config_frontend *frontend = arg;
    const struct tls_peer *peer = tls_peer_of(ssl);

    if (peer != NULL && peer->is_challenge) {
        *out = tls_peer_offers(list, len, TLS_ACME_PROTOCOL);
        *out_len = (unsigned char)strlen(TLS_ACME_PROTOCOL);
        return *out != NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    if (frontend->alpn.count == 0)
        return SSL_TLSEXT_ERR_NOACK;
    for (size_t i = 0; i < frontend->alpn.count; i++) {
        const char *name = frontend->alpn.item[i].text;

        *out = tls_peer_offers(list, len, name);
        if (*out != NULL) {
            *out_len = (unsigned char)strlen(name);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int
apply_alpn(SSL_CTX *ctx, const struct config_frontend *frontend, struct diag *diag)
{
    int status = 0;

    for (size_t i = 0; i < frontend->alpn.count; i++) {
        const struct config_string *item = &frontend->alpn.item[i];
        size_t len = strlen(item->text);

        if (len == 0 || len > ALPN_NAME_MAX) {
            diag_error(diag, item->pos, "alpn: a name has 1 to %d bytes", ALPN_NAME_MAX);
            status = -1;
        }
    }
    /* OpenSSL hands the argument back as it is; on_alpn only reads it. */
    if (frontend->alpn.count > 0 || frontend->challenges.len > 0)
        SSL_CTX_set_alpn_select_cb(ctx, on_alpn, (void *)(uintptr_t)frontend);
    return status;
}

static int
apply_files(SSL_CTX *ctx, const struct config_frontend *frontend, struct diag *diag)
{
    if (tls_staple_apply(ctx, &frontend->staples) == 0 &&
        tls_acme_apply(ctx, &frontend->challenges) == 0)
        return 0;
    diag_error(diag, frontend->pos, "OCSP responses or ACME challenges cannot be taken");
    return -1;
}

SSL_CTX *
tls_ctx_new(const struct config_frontend *frontend, const struct cert *cert,
            struct diag *diag)
{
    SSL_CTX *ctx = SSL_CTX_new_ex(NULL, tls_schedule_properties(), TLS_server_method());
    int status = 0;

    if (ctx == NULL) {
        ERR_clear_error();
        diag_error(diag, frontend->pos, "no memory for TLS");
        return NULL;
    }
    apply_policy(ctx, frontend);
    status |= apply_protocol(ctx, frontend, diag);
    status |= tls_knobs_apply_lists(ctx, frontend, diag);
    status |= apply_cert(ctx, cert, diag);
    status |= apply_alpn(ctx, frontend, diag);
    status |= tls_verify_apply(ctx, frontend, diag);
    status |= apply_files(ctx, frontend, diag);
    status |= tls_knobs_apply_conf(ctx, frontend, diag);
    tls_peer_watch(ctx);
    if (status == 0)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

const char *
tls_group_name(SSL *ssl)
{
    static const struct {
        int nid;
        const char *name;
    } names[] = {
        {NID_X25519, "X25519"},   {NID_X9_62_prime256v1, "P-256"},
        {NID_secp384r1, "P-384"}, {NID_secp521r1, "P-521"},
        {NID_X448, "X448"},
    };
    int nid = NID_undef;

    /* OpenSSL 3.0 looks into the session without asking whether there is one. */
    if (SSL_get_session(ssl) != NULL)
        nid = (int)SSL_get_negotiated_group(ssl);
    if (nid == NID_undef)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (names[i].nid == nid)
            return names[i].name;
    }
    return SSL_group_to_name(ssl, nid);
}
