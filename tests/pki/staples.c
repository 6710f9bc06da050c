/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * OCSP responses for the leaf of ec.pem, in DIR as well:
 *
 *   issuer.pem             the intermediate and its key, for staples_make_short
 *   staple.der             good, signed by the issuer
 *   staple.pem             good, in PEM, signed by a responder that the issuer has
 * certified staple-revoked.der, staple-unknown.der staple-other.der       for the leaf of
 * rsa.pem staple-stale.der       was to be renewed yesterday staple-early.der       is of
 * tomorrow staple-endless.der     does not say how long it is good staple-forged.der signed
 * by the root of all staple-refused.der     the responder says: try later
 *   staple-truncated.der   the first half of staple.der
 */
#include "pki.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400L

/* What a response says. */
struct saying {
    const struct identity *leaf, *issuer; /* of which certificate */
    const struct identity *signer;
    int status;
    long from, until; /* seconds from now; until 0: for ever */
};

static OCSP_RESPONSE *
make_staple(const struct saying *s)
{
    time_t now = time(NULL);
    ASN1_TIME *this_update = ASN1_GENERALIZEDTIME_set(NULL, now + s->from);
    ASN1_TIME *next_update =
        s->until != 0 ? ASN1_GENERALIZEDTIME_set(NULL, now + s->until) : NULL;
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), s->leaf->x509, s->issuer->x509);
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_RESPONSE *response;

    must(id != NULL && basic != NULL && this_update != NULL &&
             OCSP_basic_add1_status(basic, id, s->status, 0, this_update, this_update,
                                    next_update) != NULL &&
             OCSP_basic_sign(basic, s->signer->x509, s->signer->key, EVP_sha256(), NULL,
                             0) == 1,
         "an OCSP response");
    response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    must(response != NULL, "an OCSP response");
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    return response;
}

static void
write_response(const char *name, OCSP_RESPONSE *response)
{
    FILE *file = create(name);
    unsigned char *der = NULL;
    int len = i2d_OCSP_RESPONSE(response, &der);

    must(len > 0 && fwrite(der, 1, (size_t)len, file) == (size_t)len, name);
    OPENSSL_free(der);
    finish(file, name);
    OCSP_RESPONSE_free(response);
}

static void
write_staple(const char *name, struct saying saying)
{
    write_response(name, make_staple(&saying));
}

static void
write_pem(const char *name, struct saying saying)
{
    OCSP_RESPONSE *response = make_staple(&saying);
    FILE *file = create(name);
    unsigned char *der = NULL;
    int len = i2d_OCSP_RESPONSE(response, &der);

    must(len > 0 && PEM_write(file, "OCSP RESPONSE", "", der, len) > 0, name);
    OPENSSL_free(der);
    finish(file, name);
    OCSP_RESPONSE_free(response);
}

static struct identity
make_responder(const struct identity *issuer)
{
    struct identity made = begin("responder", EVP_EC_gen("P-256"), issuer, -1, IN_TIME);

    add_extension(made.x509, issuer->x509, NID_ext_key_usage, "OCSPSigning");
    sign(&made, issuer);
    return made;
}

static void
write_issuer(const struct identity *leaf, const struct identity *issuer)
{
    FILE *file = create("issuer.pem");

    put_cert(file, leaf->x509);
    put_cert(file, issuer->x509);
    put_key(file, issuer->key);
    finish(file, "issuer.pem");
}

static void
truncate_staple(const char *name, struct saying saying)
{
    OCSP_RESPONSE *response = make_staple(&saying);
    unsigned char *der = NULL;
    int len = i2d_OCSP_RESPONSE(response, &der);
    FILE *file = create(name);

    must(len > 0 && fwrite(der, 1, (size_t)len / 2, file) == (size_t)len / 2, name);
    OPENSSL_free(der);
    finish(file, name);
    OCSP_RESPONSE_free(response);
}

void
staples_make(const struct identity *leaf, const struct identity *other,
             const struct identity *issuer, const struct identity *stranger)
{
    struct identity responder = make_responder(issuer);
    const struct saying good = {leaf,  issuer, issuer, V_OCSP_CERTSTATUS_GOOD,
                                -3600, 7 * DAY};
    struct saying s;

    write_issuer(leaf, issuer);
    write_staple("staple.der", good);
    truncate_staple("staple-truncated.der", good);
    s = good, s.signer = &responder, write_pem("staple.pem", s);
    s = good, s.status = V_OCSP_CERTSTATUS_REVOKED, write_staple("staple-revoked.der", s);
    s = good, s.status = V_OCSP_CERTSTATUS_UNKNOWN, write_staple("staple-unknown.der", s);
    s = good, s.leaf = other, write_staple("staple-other.der", s);
    s = good, s.from = -2 * DAY, s.until = -DAY, write_staple("staple-stale.der", s);
    s = good, s.from = DAY, write_staple("staple-early.der", s);
    s = good, s.until = 0, write_staple("staple-endless.der", s);
    s = good, s.signer = stranger, write_staple("staple-forged.der", s);
    write_response("staple-refused.der",
                   OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL));
    X509_free(responder.x509);
    EVP_PKEY_free(responder.key);
}

void
staples_make_short(long seconds)
{
    struct identity leaf, issuer;
    char path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/issuer.pem", directory);
    file = fopen(path, "r");
    must(file != NULL, path);
    leaf.x509 = PEM_read_X509(file, NULL, NULL, NULL);
    issuer.x509 = PEM_read_X509(file, NULL, NULL, NULL);
    issuer.key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    must(leaf.x509 != NULL && issuer.x509 != NULL && issuer.key != NULL, path);
    write_staple("staple.der", (struct saying){&leaf, &issuer, &issuer,
                                               V_OCSP_CERTSTATUS_GOOD, -3600, seconds});
    X509_free(leaf.x509);
    X509_free(issuer.x509);
    EVP_PKEY_free(issuer.key);
}
