/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert_store.h"

#include "tls/cert_light.h"
#include "tls/cert_store_private.h"
#include "tls/key_remote.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
number_at(const unsigned char *at)
{
    uint32_t number;

    memcpy(&number, at, sizeof(number));
    return number;
}

static int64_t
time_at(const unsigned char *at)
{
    int64_t time;

    memcpy(&time, at, sizeof(time));
    return time;
}

int
cert_store_open(struct cert_store *s, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t records, links, before;
    uint32_t index;

    *s = (struct cert_store){0};
    if (len < STORE_HEAD)
        return -1;
    s->certs = number_at(at);
    s->issuers = number_at(at + 4);
    s->links = number_at(at + 8);
    s->standard = number_at(at + 12);
    s->most = number_at(at + 16);
    index = number_at(at + 20);
    records = (uint64_t)s->certs * STORE_RECORD + (uint64_t)s->issuers * STORE_ISSUER;
    links = (uint64_t)s->links * sizeof(uint32_t);
    before = STORE_HEAD + records + links + index;
    if (s->standard >= s->certs || before + number_at(at + 24) != len)
        return -1;
    s->record = at + STORE_HEAD;
    s->link = s->record + records;
    s->data = s->link + links + index;
    s->data_len = len - (size_t)before;
    return domains_open(&s->domains, s->link + links, index);
}

static const unsigned char *
record_of(const struct cert_store *s, uint32_t number)
{
    return s->record + (size_t)number * STORE_RECORD;
}

/* The bytes that two numbers tell of; NULL if they lead out of the data, or to nothing. */
static const unsigned char *
data_at(const struct cert_store *s, const unsigned char *at, size_t *len)
{
    size_t where = number_at(at);

    *len = number_at(at + 4);
    if (*len == 0 || where > s->data_len || *len > s->data_len - where)
        return NULL;
    return s->data + where;
}

static const char *
string_at(const struct cert_store *s, const unsigned char *at)
{
    size_t len;
    const unsigned char *string = data_at(s, at, &len);

    return string != NULL && string[len - 1] == '\0' ? (const char *)string : NULL;
}

struct cert_facts
cert_store_facts(const struct cert_store *s, uint32_t number)
{
    const unsigned char *at;

    if (number >= s->certs)
        return (struct cert_facts){0};
    at = record_of(s, number);
    return (struct cert_facts){
        .not_before = time_at(at + STORE_NOT_BEFORE),
        .not_after = time_at(at + STORE_NOT_AFTER),
        .type = number_at(at + STORE_TYPE),
        .file = string_at(s, at + STORE_FILE),
        .subject = string_at(s, at + STORE_SUBJECT),
    };
}

static X509 *
decode_x509(const struct cert_store *s, const unsigned char *at)
{
    size_t len;
    const unsigned char *der = data_at(s, at, &len);

    return der != NULL ? d2i_X509(NULL, &der, (long)len) : NULL;
}

/* In the short way if there is one, else in OpenSSL's. */
static void
decode_pair(const struct cert_store *s, const unsigned char *record, struct cert *cert)
{
    size_t leaf_len, key_len;
    const unsigned char *leaf = data_at(s, record + STORE_LEAF, &leaf_len);
    const unsigned char *der = data_at(s, record + STORE_KEY, &key_len);
    struct key_der key;

    if (leaf == NULL || der == NULL)
        return;
    if (key_der_read(&key, der, key_len))
        cert->leaf = cert_light_decode(leaf, leaf_len, &key);
    if (cert->leaf != NULL) {
        cert->key = X509_get_pubkey(cert->leaf);
        return;
    }
    cert->leaf = decode_x509(s, record + STORE_LEAF);
    if (!key_remote_is_mark(der, key_len))
        cert->key = key_der_decode(der, key_len);
    else if (cert->leaf != NULL)
        cert->key = key_remote_make(der, cert->leaf);
}

struct cert *
cert_store_decode(const struct cert_store *s, uint32_t number)
{
    struct cert *cert = number < s->certs ? calloc(1, sizeof(*cert)) : NULL;

    if (cert == NULL)
        return NULL;
    decode_pair(s, record_of(s, number), cert);
    cert->chain = sk_X509_new_null();
    ERR_clear_error();
    if (cert->leaf != NULL && cert->key != NULL && cert->chain != NULL)
        return cert;
    cert_free(cert);
    return NULL;
}

size_t
cert_store_chain_len(const struct cert_store *s, uint32_t number)
{
    uint32_t first = number_at(record_of(s, number) + STORE_LINK);
    uint32_t len = number_at(record_of(s, number) + STORE_LINKS);

    return first <= s->links && len <= s->links - first ? len : 0;
}

uint32_t
cert_store_chain(const struct cert_store *s, uint32_t number, size_t i)
{
    size_t first = number_at(record_of(s, number) + STORE_LINK);

    return number_at(s->link + (first + i) * sizeof(uint32_t));
}

X509 *
cert_store_issuer(const struct cert_store *s, uint32_t issuer)
{
    X509 *x509 = NULL;

    if (issuer < s->issuers)
        x509 = decode_x509(s, record_of(s, s->certs) + (size_t)issuer * STORE_ISSUER);
    ERR_clear_error();
    return x509;
}

struct cert *
cert_store_decode_whole(const struct cert_store *s, uint32_t number)
{
    struct cert *cert = cert_store_decode(s, number);

    for (size_t i = 0; cert != NULL && i < cert_store_chain_len(s, number); i++) {
        X509 *issuer = cert_store_issuer(s, cert_store_chain(s, number, i));

        if (issuer == NULL || sk_X509_push(cert->chain, issuer) <= 0) {
            X509_free(issuer);
            cert_free(cert);
            cert = NULL;
        }
    }
    return cert;
}

/* ---- Comparing ---- */

static bool
is_same_data(const struct cert_store *a, const unsigned char *at,
             const struct cert_store *b, const unsigned char *other)
{
    size_t a_len, b_len;
    const unsigned char *a_data = data_at(a, at, &a_len);
    const unsigned char *b_data = data_at(b, other, &b_len);

    return a_data != NULL && b_data != NULL && a_len == b_len &&
           memcmp(a_data, b_data, a_len) == 0;
}

static const unsigned char *
issuer_of(const struct cert_store *s, uint32_t number, size_t i)
{
    uint32_t issuer = cert_store_chain(s, number, i);

    return issuer < s->issuers ? record_of(s, s->certs) + (size_t)issuer * STORE_ISSUER
                               : NULL;
}

bool
cert_store_same(const struct cert_store *a, uint32_t number, const struct cert_store *b,
                uint32_t other)
{
    size_t len;

    if (number >= a->certs || other >= b->certs ||
        !is_same_data(a, record_of(a, number) + STORE_LEAF, b,
                      record_of(b, other) + STORE_LEAF) ||
        !is_same_data(a, record_of(a, number) + STORE_KEY, b,
                      record_of(b, other) + STORE_KEY))
        return false;
    len = cert_store_chain_len(a, number);
    if (len != cert_store_chain_len(b, other))
        return false;
    for (size_t i = 0; i < len; i++) {
        const unsigned char *at = issuer_of(a, number, i), *to = issuer_of(b, other, i);

        if (at == NULL || to == NULL || !is_same_data(a, at, b, to))
            return false;
    }
    return true;
}

/* ---- Choosing ---- */

static bool
is_valid(const struct cert_facts *facts, int64_t now)
{
    return facts->not_before <= now && now <= facts->not_after;
}

/* One more is chosen, unless there is one of its type. */
static size_t
add_chosen(const struct cert_store *s, uint32_t number, uint32_t *chosen, size_t count)
{
    uint32_t type = cert_store_facts(s, number).type;

    for (size_t i = 0; i < count; i++)
        if (cert_store_facts(s, chosen[i]).type == type)
            return count;
    if (count < CERT_STORE_CHOSEN && number < s->certs)
        chosen[count++] = number;
    return count;
}

/* Those of the values that are valid, or that are not. first goes before all others. */
static size_t
choose_of(const struct cert_store *s, struct domains_values values, uint32_t first,
          bool valid, int64_t now, uint32_t *chosen)
{
    size_t count = 0;

    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < values.count; i++) {
            uint32_t number = domains_value(&s->domains, values, i);
            struct cert_facts facts = cert_store_facts(s, number);

            if ((round == 0) == (number == first) && is_valid(&facts, now) == valid)
                count = add_chosen(s, number, chosen, count);
        }
    }
    return count;
}

size_t
cert_store_choose(const struct cert_store *s, const char *name, bool strict, int64_t now,
                  uint32_t chosen[CERT_STORE_CHOSEN])
{
    struct domains_values values[2] = {{0}};
    uint32_t first = UINT32_MAX;
    size_t count = 0;

    if (name != NULL) {
        values[0] = domains_exact(&s->domains, name);
        values[1] = domains_wildcard(&s->domains, name);
    }
    if (values[0].count == 0 && values[1].count == 0 && !strict) {
        values[0] = domains_exact(&s->domains, "");
        first = s->standard;
    }
    for (int i = 0; i < 4 && count == 0; i++)
        count = choose_of(s, values[i % 2], first, i < 2, now, chosen);
    return count;
}
