/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/key_der.h"

#include "base/attr.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

/* ---- DER (X.690): what is needed of it ---- */

#define TAG_INTEGER 0x02
#define TAG_BIT_STRING 0x03
#define TAG_OCTET_STRING 0x04
#define TAG_OID 0x06
#define TAG_SEQUENCE 0x30
#define TAG_0 0xa0
#define TAG_1 0xa1

/* Take the next element if it has that tag. What is no DER has no tag. */
static bool
take(struct key_der_bytes *in, unsigned char tag, struct key_der_bytes *content)
{
    const unsigned char *at = in->at;
    size_t left = in->len, len, bytes;

    if (left < 2 || at[0] != tag)
        return false;
    len = at[1];
    at += 2;
    left -= 2;
    if (len >= 0x80) {
        bytes = len & 0x7f;
        if (bytes == 0 || bytes > 3 || bytes > left)
            return false;
        for (len = 0; bytes > 0; bytes--, left--)
            len = len << 8 | *at++;
    }
    if (len > left)
        return false;
    *content = (struct key_der_bytes){at, len};
    *in = (struct key_der_bytes){at + len, left - len};
    return true;
}

/* A number that is not negative, without the zeros before it. */
static bool
take_number(struct key_der_bytes *in, struct key_der_bytes *number)
{
    if (!take(in, TAG_INTEGER, number) || number->len == 0 || (number->at[0] & 0x80) != 0)
        return false;
    while (number->len > 1 && number->at[0] == 0) {
        number->at++;
        number->len--;
    }
    return true;
}

static bool
is_bytes(const struct key_der_bytes *bytes, const void *other, size_t len)
{
    return bytes->len == len && memcmp(bytes->at, other, len) == 0;
}

/* ---- The usual keys ---- */

static const unsigned char oid_rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                        0x0d, 0x01, 0x01, 0x01};
static const unsigned char oid_ec[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};

static const struct curve {
    const char *group;
    size_t scalar_bytes;
    size_t oid_len;
    unsigned char oid[8];
} curves[] = {
    {"P-256", 32, 8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}},
    {"P-384", 48, 5, {0x2b, 0x81, 0x04, 0x00, 0x22}},
    {"P-521", 66, 5, {0x2b, 0x81, 0x04, 0x00, 0x23}},
};

static const struct curve *
find_curve(const struct key_der_bytes *oid)
{
    for (size_t i = 0; i < COUNT_OF(curves); i++)
        if (is_bytes(oid, curves[i].oid, curves[i].oid_len))
            return &curves[i];
    return NULL;
}

/* An uncompressed point (SEC 1, section 2.3.3): the one form that can be compared. */
static bool
is_point_of(const struct curve *curve, const struct key_der_bytes *point)
{
    return point->len == 1 + 2 * curve->scalar_bytes && point->at[0] == 0x04;
}

/* Behind its version. curve: of the PKCS #8 around it; NULL: it has to say it itself. */
static bool
read_ec(struct key_der *key, struct key_der_bytes in, const struct curve *curve)
{
    struct key_der_bytes outer, oid;

    if (!take(&in, TAG_OCTET_STRING, &key->scalar))
        return false;
    if (take(&in, TAG_0, &outer)) {
        if (!take(&outer, TAG_OID, &oid))
            return false;
        if (curve == NULL)
            curve = find_curve(&oid);
        else if (!is_bytes(&oid, curve->oid, curve->oid_len))
            return false;
    }
    if (curve == NULL || key->scalar.len > curve->scalar_bytes ||
        !take(&in, TAG_1, &outer) || !take(&outer, TAG_BIT_STRING, &key->point) ||
        key->point.len == 0 || key->point.at[0] != 0)
        return false;
    key->point.at++; /* how many bits of the last byte are not used: none */
    key->point.len--;
    key->group = curve->group;
    key->type = KEY_DER_EC;
    return is_point_of(curve, &key->point);
}

/* Behind its version. */
static bool
read_rsa(struct key_der *key, struct key_der_bytes in, size_t numbers)
{
    for (size_t i = 0; i < numbers; i++)
        if (!take_number(&in, &key->number[i]))
            return false;
    key->type = KEY_DER_RSA;
    return in.len == 0; /* else it has more than two primes */
}

/* What follows the version of a PKCS #8. */
static bool
read_pkcs8(struct key_der *key, struct key_der_bytes in)
{
    struct key_der_bytes algorithm, oid, curve_oid, octets, inner, version;
    const struct curve *curve = NULL;
    bool is_rsa;

    if (!take(&in, TAG_SEQUENCE, &algorithm) || !take(&algorithm, TAG_OID, &oid) ||
        !take(&in, TAG_OCTET_STRING, &octets) || !take(&octets, TAG_SEQUENCE, &inner) ||
        !take_number(&inner, &version))
        return false;
    is_rsa = is_bytes(&oid, oid_rsa, sizeof(oid_rsa));
    if (is_rsa)
        return is_bytes(&version, "\0", 1) && read_rsa(key, inner, KEY_DER_NUMBERS);
    if (!is_bytes(&oid, oid_ec, sizeof(oid_ec)) || !take(&algorithm, TAG_OID, &curve_oid))
        return false;
    curve = find_curve(&curve_oid);
    return curve != NULL && read_ec(key, inner, curve);
}

bool
key_der_read(struct key_der *key, const unsigned char *der, size_t len)
{
    struct key_der_bytes in = {der, len}, whole, version;
    bool known = false;

    *key = (struct key_der){0};
    if (take(&in, TAG_SEQUENCE, &whole) && take_number(&whole, &version) && whole.len > 0) {
        if (whole.at[0] == TAG_SEQUENCE)
            known = read_pkcs8(key, whole);
        else if (whole.at[0] == TAG_OCTET_STRING)
            known = read_ec(key, whole, NULL);
        else if (is_bytes(&version, "\0", 1))
            known = read_rsa(key, whole, KEY_DER_NUMBERS);
    }
    if (!known)
        *key = (struct key_der){0};
    return known;
}

static bool
read_x509(struct key_der *key, const X509 *x509)
{
    struct key_der_bytes in, inner, oid;
    X509_ALGOR *algorithm;
    const ASN1_OBJECT *object;
    const void *parameter;
    const struct curve *curve;
    int bytes, type;

    if (X509_PUBKEY_get0_param(NULL, &in.at, &bytes, &algorithm,
                               X509_get_X509_PUBKEY(x509)) != 1)
        return false;
    in.len = (size_t)bytes;
    X509_ALGOR_get0(&object, &type, &parameter, algorithm);
    oid = (struct key_der_bytes){OBJ_get0_data(object), OBJ_length(object)};
    if (is_bytes(&oid, oid_rsa, sizeof(oid_rsa)))
        return take(&in, TAG_SEQUENCE, &inner) && read_rsa(key, inner, 2);
    if (!is_bytes(&oid, oid_ec, sizeof(oid_ec)) || type != V_ASN1_OBJECT)
        return false;
    oid = (struct key_der_bytes){OBJ_get0_data(parameter), OBJ_length(parameter)};
    curve = find_curve(&oid);
    if (curve == NULL || !is_point_of(curve, &in))
        return false;
    key->type = KEY_DER_EC;
    key->group = curve->group;
    key->point = in;
    return true;
}

bool
key_der_read_x509(struct key_der *key, const X509 *x509)
{
    bool known;

    *key = (struct key_der){0};
    known = read_x509(key, x509);
    if (!known)
        *key = (struct key_der){0};
    return known;
}

bool
key_der_match(const struct key_der *a, const struct key_der *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == KEY_DER_EC)
        return strcmp(a->group, b->group) == 0 &&
               is_bytes(&a->point, b->point.at, b->point.len);
    return is_bytes(&a->number[0], b->number[0].at, b->number[0].len) &&
           is_bytes(&a->number[1], b->number[1].at, b->number[1].len);
}

/* ---- To what OpenSSL works with ---- */

#define PARAMS (KEY_DER_NUMBERS + 1)

/* The numbers of a key as OSSL_PARAMs have them: in the machine's own order of bytes. */
struct params {
    OSSL_PARAM param[PARAMS];
    size_t count;
    unsigned char *bytes; /* owned; room for all numbers */
    size_t used, size;
};

static bool
add_number(struct params *p, const char *name, const struct key_der_bytes *number)
{
    unsigned char *to = p->bytes + p->used;

    if (number->len > p->size - p->used)
        return false;
    for (size_t i = 0; i < number->len; i++)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        to[i] = number->at[number->len - 1 - i];
#else
        to[i] = number->at[i];
#endif
    p->param[p->count++] = OSSL_PARAM_construct_BN(name, to, number->len);
    p->used += number->len;
    return true;
}

/* OpenSSL only reads what the parameters point to. */
static bool
add_ec(struct params *p, const struct key_der *key)
{
    p->param[p->count++] = OSSL_PARAM_construct_utf8_string(
        OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)key->group, 0);
    p->param[p->count++] = OSSL_PARAM_construct_octet_string(
        OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)key->point.at, key->point.len);
    return add_number(p, OSSL_PKEY_PARAM_PRIV_KEY, &key->scalar);
}

static bool
add_rsa(struct params *p, const struct key_der *key)
{
    static const char *const names[KEY_DER_NUMBERS] = {
        OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};

    for (size_t i = 0; i < KEY_DER_NUMBERS; i++)
        if (!add_number(p, names[i], &key->number[i]))
            return false;
    return true;
}

static size_t
size_of(const struct key_der *key)
{
    size_t size = key->scalar.len;

    for (size_t i = 0; i < KEY_DER_NUMBERS; i++)
        size += key->number[i].len;
    return size;
}

/* One for each kind, that serves all keys: to look it up takes as long as to use it. */
static EVP_PKEY_CTX *
context_of(enum key_der_type type)
{
    static EVP_PKEY_CTX *contexts[2];
    EVP_PKEY_CTX **ctx = &contexts[type == KEY_DER_EC];

    if (*ctx == NULL) {
        *ctx = EVP_PKEY_CTX_new_from_name(NULL, type == KEY_DER_EC ? "EC" : "RSA", NULL);
        if (*ctx != NULL && EVP_PKEY_fromdata_init(*ctx) != 1) {
            EVP_PKEY_CTX_free(*ctx);
            *ctx = NULL;
        }
    }
    return *ctx;
}

/* pkey NULL: a new one. */
static EVP_PKEY *
make(const struct key_der *key, EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = context_of(key->type);
    struct params p = {.size = size_of(key)};
    bool ok;

    p.bytes = malloc(p.size + 1);
    ok = p.bytes != NULL && ctx != NULL &&
         (key->type == KEY_DER_EC ? add_ec(&p, key) : add_rsa(&p, key));
    p.param[p.count] = OSSL_PARAM_construct_end();
    if (!ok || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, p.param) != 1)
        pkey = NULL;
    OPENSSL_cleanse(p.bytes, p.bytes != NULL ? p.used : 0);
    free(p.bytes);
    return pkey;
}

EVP_PKEY *
key_der_make(const struct key_der *key)
{
    return make(key, NULL);
}

int
key_der_fill(const struct key_der *key, EVP_PKEY *pkey)
{
    return make(key, pkey) == pkey ? 0 : -1;
}

EVP_PKEY *
key_der_decode(const unsigned char *der, size_t len)
{
    const unsigned char *at = der;
    struct key_der key;
    EVP_PKEY *pkey = NULL;

    if (key_der_read(&key, der, len))
        pkey = key_der_make(&key);
    if (pkey == NULL && len > 0 && len <= INT32_MAX) {
        ERR_clear_error();
        pkey = d2i_AutoPrivateKey(NULL, &at, (long)len);
    }
    return pkey;
}
