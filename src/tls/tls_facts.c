/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_facts.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>

/* As HAProxy writes it: "RSA2048", "EC256", "ED25519". */
static void
take_key_alg(struct tls_facts *facts, const EVP_PKEY *key)
{
    int kind = EVP_PKEY_get_base_id(key);

    facts->told.key_alg = facts->key_alg;
    if (kind == EVP_PKEY_RSA || kind == EVP_PKEY_EC)
        snprintf(facts->key_alg, sizeof(facts->key_alg), "%s%d",
                 kind == EVP_PKEY_RSA ? "RSA" : "EC", EVP_PKEY_get_bits(key));
    else
        facts->told.key_alg = EVP_PKEY_get0_type_name(key);
}

/* Of the certificate that the client was shown. */
static void
take_own(struct tls_facts *facts, const SSL *ssl)
{
    const X509 *x509 = SSL_get_certificate(ssl);
    const EVP_PKEY *key = SSL_get_privatekey(ssl);
    int nid = x509 != NULL ? X509_get_signature_nid(x509) : NID_undef;

    if (SSL_session_reused(ssl))
        return;
    if (nid != NID_undef)
        facts->told.sig_alg = OBJ_nid2sn(nid);
    if (key != NULL)
        take_key_alg(facts, key);
}

static void
take_clients(struct tls_facts *facts, const SSL *ssl)
{
    const X509 *x509 = SSL_get0_peer_certificate(ssl);
    const X509_NAME *subject;
    int at, len;

    if (x509 == NULL)
        return;
    facts->told.cert_sess = true;
    facts->told.cert_conn = !SSL_session_reused(ssl);
    facts->told.verified = SSL_get_verify_result(ssl) == X509_V_OK;
    subject = X509_get_subject_name(x509);
    at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0)
        return;
    len = ASN1_STRING_to_UTF8(&facts->cn,
                              X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    facts->told.cn = len > 0 ? (const char *)facts->cn : NULL;
    facts->told.cn_len = len > 0 ? (size_t)len : 0;
}

void
tls_facts_take(struct tls_facts *facts, const SSL *ssl)
{
    *facts = (struct tls_facts){
        .told = {.version = SSL_get_version(ssl), .cipher = SSL_get_cipher_name(ssl)}};
    take_own(facts, ssl);
    take_clients(facts, ssl);
    ERR_clear_error();
}

void
tls_facts_clear(struct tls_facts *facts)
{
    OPENSSL_free(facts->cn);
    *facts = (struct tls_facts){0};
}
