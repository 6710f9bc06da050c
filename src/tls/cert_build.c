/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert_store.h"
#include "tls/cert_store_private.h"

#include "base/arena.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECT_SIZE 256

struct cert_build {
    struct cert_reader *reader;
    struct arena *arena; /* of names */
    struct pack records, links, data;
    struct domains_entry *entry; /* owned */
    size_t entries;
    uint32_t certs, links_len;
    bool failed;
};

struct cert_build *
cert_build_new(struct cert_reader *reader)
{
    struct cert_build *build = calloc(1, sizeof(*build));

    if (build == NULL)
        return NULL;
    build->reader = reader;
    build->arena = arena_new();
    return build;
}

void
cert_build_free(struct cert_build *build)
{
    if (build == NULL)
        return;
    pack_clear(&build->records);
    pack_clear(&build->links);
    pack_clear(&build->data);
    arena_free(build->arena);
    free(build->entry);
    free(build);
}

static void
add_entry(struct cert_build *build, const char *name, uint32_t number)
{
    struct domains_entry *grown;

    if ((build->entries & (build->entries - 1)) == 0) { /* full: a power of two */
        grown = realloc(build->entry, 2 * (build->entries + 1) * sizeof(*grown));
        if (grown == NULL) {
            build->failed = true;
            return;
        }
        build->entry = grown;
    }
    build->entry[build->entries++] =
        (struct domains_entry){arena_strdup(build->arena, name), number};
}

static void
on_name(void *arg, const char *name)
{
    struct cert_build *build = arg;

    add_entry(build, name, build->certs);
}

/* Where it is, and how long: two numbers in the record. */
static void
add_data(struct cert_build *build, const void *bytes, size_t len)
{
    pack_u32(&build->records, (uint32_t)build->data.len);
    pack_u32(&build->records, (uint32_t)len);
    pack_bytes(&build->data, bytes, len);
}

static void
add_string(struct cert_build *build, const char *string)
{
    add_data(build, string, string == NULL ? 0 : strlen(string) + 1);
}

/* EVP_PKEY_get_base_id of the public key, which is not decoded. */
static uint32_t
type_of(const X509 *x509)
{
    ASN1_OBJECT *object = NULL;

    X509_PUBKEY_get0_param(&object, NULL, NULL, NULL, X509_get_X509_PUBKEY(x509));
    return (uint32_t)OBJ_obj2nid(object);
}

int
cert_build_add(struct cert_build *build, const struct cert_raw *raw)
{
    char subject[SUBJECT_SIZE];

    cert_each_name(raw->x509, on_name, build);
    pack_u64(&build->records, (uint64_t)raw->not_before);
    pack_u64(&build->records, (uint64_t)raw->not_after);
    pack_u32(&build->records, type_of(raw->x509));
    pack_u32(&build->records, build->links_len);
    pack_u32(&build->records, (uint32_t)raw->chain_len);
    add_data(build, raw->leaf.der, raw->leaf.len);
    add_data(build, raw->key.der, raw->key.len);
    add_string(build, raw->from.text);
    add_string(build, cert_subject(raw->x509, subject, sizeof(subject)));
    for (size_t i = 0; i < raw->chain_len; i++)
        pack_u32(&build->links, raw->chain[i]);
    build->links_len += (uint32_t)raw->chain_len;
    build->certs++;
    build->failed |= build->records.failed || build->links.failed || build->data.failed ||
                     build->data.len > INT32_MAX;
    return build->failed ? -1 : 0;
}

/* The standard certificate goes by no name; so do those for its first name. */
static void
add_standard(struct cert_build *build, uint32_t standard)
{
    size_t entries = build->entries, first = 0;

    add_entry(build, "", standard);
    while (first < entries && build->entry[first].value != standard)
        first++;
    for (size_t i = 0; first < entries && i < entries; i++)
        if (strcmp(build->entry[i].name, build->entry[first].name) == 0)
            add_entry(build, "", build->entry[i].value);
}

void
cert_build_pack(struct cert_build *build, uint32_t standard, uint32_t most, struct pack *p)
{
    const struct cert_pool *pool = &build->reader->chain;
    struct pack domains = {0};

    add_standard(build, standard);
    domains_build(build->entry, build->entries, &domains);
    for (size_t i = 0; i < pool->items; i++)
        add_data(build, pool->item[i].der, pool->item[i].len);
    pack_u32(p, build->certs);
    pack_u32(p, (uint32_t)pool->items);
    pack_u32(p, build->links_len);
    pack_u32(p, standard);
    pack_u32(p, most);
    pack_u32(p, (uint32_t)domains.len);
    pack_u32(p, (uint32_t)build->data.len);
    pack_bytes(p, build->records.data, build->records.len);
    pack_bytes(p, build->links.data, build->links.len);
    pack_bytes(p, domains.data, domains.len);
    pack_bytes(p, build->data.data, build->data.len);
    p->failed |= build->failed || domains.failed || build->records.failed ||
                 build->data.failed || build->data.len > INT32_MAX;
    pack_clear(&domains);
}
