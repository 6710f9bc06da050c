/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert_store.h"

#include "tls/cert_store_private.h"

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

struct cert *
cert_store_decode(const struct cert_store *s, uint32_t number)
{
    struct cert *cert = number < s->certs ? calloc(1, sizeof(*cert)) : NULL;
    const unsigned char *der;
    size_t len;

    if (cert == NULL)
        return NULL;
    cert->leaf = decode_x509(s, record_of(s, number) + STORE_LEAF);
    der = data_at(s, record_of(s, number) + STORE_KEY, &len);
    if (der != NULL)
        cert->key = key_der_decode(der, len);
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
