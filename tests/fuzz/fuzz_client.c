/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client sends as its certificate: the bytes are one, in DER. Its names are shown
 * and matched, also by a pattern for each of them; and the CAs and CRLs of a bundle
 * (client_ca) are read from the same bytes, and so are
 * OCSP responses (staple) and ACME challenges.
 */
#include "fuzz.h"
#include "tls/challenge.h"
#include "tls/client_ca.h"
#include "tls/client_names.h"
#include "tls/staple.h"

#include <openssl/err.h>

static void
check_names(X509 *x509)
{
    struct config_string item[] = {
        {.text = "DNS:*.app.example"}, {.text = "CN:alice"}, {.text = "URI:spiffe://a/*"}};
    struct config_strings allow = {item, COUNT_OF(item)};
    char buf[200], small[16];
    struct text t;

    text_init(&t, buf, sizeof(buf));
    client_names_show(x509, &t);
    MUST(t.len > 0 && t.len < sizeof(buf) && buf[t.len] == '\0');
    text_init(&t, small, sizeof(small));
    client_names_show(x509, &t);
    MUST(t.len < sizeof(small));
    (void)client_names_allow(&allow, x509);
    allow.count = 0;
    MUST(!client_names_allow(&allow, x509));
}

static void
check_bundle(const uint8_t *data, size_t size)
{
    struct config_blob blob = {data, size};
    struct client_ca ca;

    if (client_ca_unpack(&ca, &blob) == 0)
        (void)client_ca_is_partial(&ca);
    client_ca_clear(&ca);
}

/* And the OCSP responses of one. */
static void
check_staples(const uint8_t *data, size_t size)
{
    unsigned char key[STAPLE_KEY];
    struct staple staple;
    const char *file;
    struct unpack u;

    unpack_init(&u, data, size);
    while (staple_unpack(&u, key, &staple, &file)) {
        MUST(staple.len == 0 || (staple.der >= data && staple.len <= size &&
                                 staple.der + staple.len <= data + size));
        MUST(file == NULL || strlen(file) < size);
    }
}

/* And the challenges. */
static void
check_challenges(const uint8_t *data, size_t size)
{
    struct config_blob blob = {data, size};
    struct challenge c;
    struct unpack u;

    challenge_unpack(&u, &blob);
    while (challenge_next(&u, &c))
        MUST(strlen(c.name) < size && c.cert_len <= size && c.key_len <= size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned char *der = data;
    X509 *x509 = d2i_X509(NULL, &der, (long)size);

    ERR_clear_error();
    if (x509 != NULL)
        check_names(x509);
    X509_free(x509);
    check_bundle(data, size);
    check_staples(data, size);
    check_challenges(data, size);
    MUST(ERR_peek_error() == 0);
    return 0;
}
