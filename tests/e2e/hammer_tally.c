/* SPDX-License-Identifier: BSD-2-Clause */
#include "e2e/hammer_tally.h"

#include "base/clock.h"

#include <inttypes.h>
#include <openssl/bn.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

static unsigned
bucket_of(uint64_t us)
{
    unsigned power = 0;

    while (us >> power > 15)
        power++;
    return us < 8 ? (unsigned)us : 8 * power + (unsigned)(us >> power);
}

/* The upper end of a bucket. */
static uint64_t
bucket_end(unsigned place)
{
    if (place < 16)
        return place;
    return ((uint64_t)(place % 8 + 9) << (place / 8 - 1)) - 1;
}

/* Of so many in a thousand durations none is longer. */
static uint64_t
quantile(const struct tally *tally, uint64_t thousandths)
{
    uint64_t wanted = (tally->handshakes * thousandths + 999) / 1000;
    uint64_t seen = 0;

    for (unsigned i = 0; i < TALLY_BUCKETS; i++) {
        seen += tally->bucket[i];
        if (seen >= wanted)
            return bucket_end(i) < tally->slowest_us ? bucket_end(i) : tally->slowest_us;
    }
    return tally->slowest_us;
}

static void
describe(const X509 *x509, struct tally_cert *cert)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
    char *hex = number == NULL ? NULL : BN_bn2hex(number);

    memset(cert, 0, sizeof(*cert));
    snprintf(cert->serial, sizeof(cert->serial), "%s", hex == NULL ? "?" : hex);
    X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName, cert->name,
                              sizeof(cert->name));
    OPENSSL_free(hex);
    BN_free(number);
}

static void
note_certificate(struct tally *tally, const X509 *x509)
{
    struct tally_cert cert;
    unsigned place = 0;

    describe(x509, &cert);
    while (place < tally->certs && strcmp(tally->cert[place].serial, cert.serial) != 0)
        place++;
    if (place == TALLY_CERTS || (tally->certs != 0 && place == tally->last))
        return;
    if (place == tally->certs)
        tally->cert[tally->certs++] = cert;
    tally->last = place;
    printf("cert CN=%s serial=%s\n", cert.name, cert.serial);
}

void
tally_handshake(struct tally *tally, SSL *ssl, uint64_t us)
{
    X509 *x509;

    tally->handshakes++;
    tally->bucket[bucket_of(us)]++;
    if (us > tally->slowest_us)
        tally->slowest_us = us;
    if (SSL_session_reused(ssl)) {
        tally->resumed++;
        return;
    }
    x509 = SSL_get1_peer_certificate(ssl);
    if (x509 != NULL)
        note_certificate(tally, x509);
    X509_free(x509);
}

void
tally_report(const struct tally *tally)
{
    const struct tally_cert *last = &tally->cert[tally->last];
    double seconds = (double)(clock_us() - tally->start_us) / 1e6;

    printf("connections=%" PRIu64 " failed=%" PRIu64 " resumed=%" PRIu64,
           tally->connections, tally->failed, tally->resumed);
    printf(" certs=%u cn=%s serial=%s", tally->certs, tally->certs != 0 ? last->name : "-",
           tally->certs != 0 ? last->serial : "-");
    printf(" held=%u broken=%u download=%s", tally->held, tally->broken, tally->download);
    printf(" seconds=%.2f p50_us=%" PRIu64 " p99_us=%" PRIu64 " max_us=%" PRIu64 "\n",
           seconds, quantile(tally, 500), quantile(tally, 990), tally->slowest_us);
}
