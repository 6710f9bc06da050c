/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/certs.h"

#include "config/certs.h"
#include "tls/cert_store.h"
#include "tls/key_keep.h"
#include "tls/staple.h"
#include "tls/tls_ctx.h"
#include "tls/tls_err.h"
#include "tls/tls_sni.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Below that a worker would decode all the time what it has just forgotten. */
#define DECODED_MIN 64u

/* What is too weak at a higher security level than this, OpenSSL has to say. */
#define PLAIN_LEVEL 2

/* The certificates of one frontend while they are loaded. */
struct loading {
    struct setup *setup;
    struct config_frontend *frontend;
    struct cert_reader *reader;
    struct cert_build *build; /* owned */
    bool *plain;              /* by their numbers */
    size_t count;
    bool failed;
};

static void
note_cert(struct setup *setup, const char *frontend, const struct cert_facts *facts)
{
    struct arena *arena = setup->config->arena;

    setup->cert[setup->certs++] = (struct setup_cert){
        .frontend = frontend,
        .file = facts->file != NULL ? arena_strdup(arena, facts->file) : "-",
        .subject = arena_strdup(arena, facts->subject != NULL ? facts->subject : "-"),
        .not_after = facts->not_after,
    };
}

static int
by_expiry(const void *a, const void *b)
{
    const struct setup_cert *left = a, *right = b;

    return (left->not_after > right->not_after) - (left->not_after < right->not_after);
}

static void
note_certs(struct setup *setup, const char *frontend, const struct cert_store *store)
{
    struct setup_cert *first = &setup->cert[setup->certs];

    for (uint32_t i = 0; i < store->certs; i++) {
        struct cert_facts facts = cert_store_facts(store, i);

        note_cert(setup, frontend, &facts);
    }
    qsort(first, store->certs, sizeof(*first), by_expiry);
}

/* Takes raw, which may be NULL after an error. */
static void
add(struct loading *l, struct cert_raw *raw)
{
    if (raw == NULL || cert_build_add(l->build, raw) != 0)
        l->failed = true;
    else
        l->plain[l->count++] = raw->plain;
    if (raw != NULL && raw->token.uri != NULL)
        key_keep_pack(&l->setup->key_list, raw->token.id, raw->token.uri,
                      raw->token.passphrase.der, raw->token.passphrase.len);
    cert_raw_free(raw);
}

static uint32_t
count_decoded(const struct setup *setup)
{
    uint32_t many = 0, share;

    for (size_t i = 0; i < setup->config->frontends; i++)
        many += setup->config->frontend[i].cert_files > 1;
    share = setup->config->cert_cache / setup->workers / (many > 0 ? many : 1);
    return share > DECODED_MIN ? share : DECODED_MIN;
}

/* ---- Trying ---- */

static void
try_one(struct loading *l, SSL_CTX *tls, const struct cert_store *store, uint32_t number)
{
    const struct config_string *from = &l->frontend->cert_file[number].cert;
    struct cert *cert = cert_store_decode_whole(store, number);
    char reason[128];

    if (cert == NULL || tls_sni_try(tls, cert) != 0) {
        diag_error(l->reader->diag, from->pos, "OpenSSL refuses the certificate %s: %s",
                   from->text, tls_err_take(reason, sizeof(reason), "refused by OpenSSL"));
        l->failed = true;
    }
    cert_free(cert);
}

/*
 * Has OpenSSL an objection? The SSL_CTX is only tried out: workers make their own, of the
 * same bytes. With a certificate of the plain sort it can have none.
 */
static void
try_all(struct loading *l, const struct cert_store *store)
{
    struct cert *standard = cert_store_decode_whole(store, store->standard);
    SSL_CTX *tls = NULL;

    if (standard != NULL) {
        if (l->frontend->cert_files > 0)
            standard->from = l->frontend->cert_file[store->standard].cert;
        tls = tls_ctx_new(l->frontend, standard, l->reader->diag);
    }
    l->failed |= tls == NULL;
    for (uint32_t i = 0; tls != NULL && i < store->certs; i++)
        if (i != store->standard &&
            (!l->plain[i] || SSL_CTX_get_security_level(tls) > PLAIN_LEVEL))
            try_one(l, tls, store, i);
    SSL_CTX_free(tls);
    cert_free(standard);
}

/* ---- OCSP responses ---- */

static void
note_staple(struct setup *setup, const char *frontend, const struct staple *staple,
            const char *file)
{
    setup->staple[setup->staples++] =
        (struct setup_staple){frontend, file, staple->this_update, staple->next_update};
}

/* That of one certificate: named, or beside it (as in HAProxy). */
static void
load_staple(struct loading *l, const struct cert_store *store, uint32_t number,
            struct pack *p)
{
    const struct config_string *file = &l->frontend->cert_file[number].cert;
    struct config_string from = l->frontend->ocsp;
    bool named = from.text != NULL;
    struct staple staple;
    struct cert *cert;

    if (!named)
        from = (struct config_string){
            arena_printf(l->setup->config->arena, "%s.ocsp", file->text), file->pos};
    if (*from.text == '\0' || (!named && access(from.text, F_OK) != 0 && errno == ENOENT))
        return;
    cert = cert_store_decode_whole(store, number);
    if (cert != NULL &&
        staple_load(&staple, &from, named, cert, l->reader->diag) == STAPLE_GOOD) {
        staple_pack(p, cert->leaf, &staple, from.text);
        note_staple(l->setup, l->frontend->name, &staple, from.text);
        staple_clear(&staple);
    }
    cert_free(cert);
}

static void
load_staples(struct loading *l, const struct cert_store *store)
{
    struct config_frontend *f = l->frontend;
    struct pack p = {0};
    unsigned char *copy;

    if (f->ocsp.text != NULL && f->cert_files > 1) {
        diag_error(
            l->reader->diag, f->ocsp.pos,
            "ocsp names the response of one certificate, but frontend %s has %zu; lay "
            "theirs beside them, as FILE.ocsp",
            f->name, f->cert_files);
        return;
    }
    for (uint32_t i = 0; i < f->cert_files; i++)
        load_staple(l, store, i, &p);
    copy = arena_alloc(l->setup->config->arena, p.len + 1);
    if (p.len > 0)
        memcpy(copy, p.data, p.len);
    f->staples = (struct config_blob){copy, p.len};
    pack_clear(&p);
}

static void
restore_staples(struct setup *setup, const struct config_frontend *f)
{
    unsigned char key[STAPLE_KEY];
    struct staple staple;
    const char *file;
    struct unpack u;

    unpack_init(&u, f->staples.data, f->staples.len);
    while (staple_unpack(&u, key, &staple, &file))
        note_staple(setup, f->name, &staple, file);
}

/* ---- What the files are ---- */

/* FNV-1a. */
static void
stamp_bytes(uint64_t *stamp, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < len; i++)
        *stamp = (*stamp ^ at[i]) * UINT64_C(0x100000001b3);
}

static void
stamp_file(uint64_t *stamp, const char *path)
{
    struct stat status;
    int64_t facts[6] = {0};

    if (path == NULL)
        return;
    if (stat(path, &status) == 0) {
        facts[0] = (int64_t)status.st_dev;
        facts[1] = (int64_t)status.st_ino;
        facts[2] = status.st_size;
        facts[3] = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
        facts[4] = (int64_t)status.st_ctim.tv_sec * 1000000000 + status.st_ctim.tv_nsec;
        facts[5] = 1;
    }
    stamp_bytes(stamp, path, strlen(path));
    stamp_bytes(stamp, facts, sizeof(facts));
}

static void
stamp_files(uint64_t *stamp, const struct config_strings *files)
{
    for (size_t i = 0; i < files->count; i++)
        stamp_file(stamp, files->item[i].text);
}

/* What stands in a directory of ACME challenges. */
static void
stamp_directory(uint64_t *stamp, const char *directory)
{
    char pattern[PATH_MAX];
    glob_t found;

    if (directory == NULL ||
        snprintf(pattern, sizeof(pattern), "%s/*.pem", directory) >= (int)sizeof(pattern))
        return;
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        stamp_file(stamp, found.gl_pathv[i]);
    globfree(&found);
}

/* A certificate's own, and what may lie beside it. */
static void
stamp_cert(uint64_t *stamp, const struct config_cert *file)
{
    char beside[PATH_MAX];

    stamp_file(stamp, file->cert.text);
    stamp_file(stamp, file->key.text);
    if (file->key.text == NULL) {
        cert_name_beside(file->cert.text, beside, sizeof(beside));
        stamp_file(stamp, beside);
    }
    if (snprintf(beside, sizeof(beside), "%s.ocsp", file->cert.text) < (int)sizeof(beside))
        stamp_file(stamp, beside);
}

static uint64_t
stamp_found(const struct config *config)
{
    uint64_t stamp = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < config->frontends; i++) {
        const struct config_frontend *f = &config->frontend[i];

        stamp_file(&stamp, f->passphrases.text);
        for (size_t j = 0; j < f->cert_files; j++)
            stamp_cert(&stamp, &f->cert_file[j]);
        stamp_files(&stamp, &f->client_cert.ca);
        stamp_files(&stamp, &f->client_cert.crl);
        stamp_file(&stamp, f->ocsp.text);
        stamp_directory(&stamp, f->acme_tls_dir.text);
    }
    return stamp;
}

uint64_t
certs_stamp(struct config *config)
{
    struct config *copy = config_renew(config);
    struct diag *diag = diag_new();
    uint64_t stamp;

    for (size_t i = 0; i < copy->frontends; i++)
        config_find_certs(copy, &copy->frontend[i], diag);
    stamp = stamp_found(copy);
    diag_free(diag);
    config_free(copy);
    return stamp;
}

/* ---- Loading ---- */

static void
finish(struct loading *l)
{
    struct config_frontend *f = l->frontend;
    struct cert_store store;
    struct pack p = {0};

    cert_build_pack(l->build, (uint32_t)config_default_cert(f), count_decoded(l->setup),
                    &p);
    if (p.failed || cert_store_open(&store, p.data, p.len) != 0) {
        diag_error(l->reader->diag, f->pos,
                   "the certificates of frontend %s do not fit into 2 GiB of memory",
                   f->name);
        pack_clear(&p);
        return;
    }
    try_all(l, &store);
    if (l->failed) {
        pack_clear(&p);
        return;
    }
    note_certs(l->setup, f->name, &store);
    load_staples(l, &store);
    f->sealed_cert = (struct config_blob){p.data, p.len};
}

static void
load_frontend(struct setup *setup, struct config_frontend *f, struct cert_reader *reader,
              const struct cert *given)
{
    struct loading l = {.setup = setup, .frontend = f, .reader = reader};

    if (f->cert_files == 0 && given == NULL)
        return; /* there is a mistake in diag about it already */
    l.build = cert_build_new(reader);
    l.failed = l.build == NULL;
    l.plain = arena_alloc(setup->config->arena, (f->cert_files + 1) * sizeof(*l.plain));
    if (given != NULL)
        add(&l, cert_raw_of(reader, given, f->pos));
    for (size_t i = 0; given == NULL && i < f->cert_files; i++)
        add(&l, cert_read(reader, &f->cert_file[i]));
    if (!l.failed)
        finish(&l);
    cert_build_free(l.build);
}

static void
make_room(struct setup *setup, size_t certs)
{
    struct arena *arena = setup->config->arena;

    setup->cert = arena_alloc(arena, (certs + 1) * sizeof(*setup->cert));
    setup->staple = arena_alloc(arena, (certs + 1) * sizeof(*setup->staple));
}

void
certs_load(struct setup *setup, const struct cert *given, struct diag *diag)
{
    struct config *config = setup->config;
    struct cert_reader reader;
    size_t count = 0;

    for (size_t i = 0; i < config->frontends; i++) {
        if (given == NULL)
            config_find_certs(config, &config->frontend[i], diag);
        count += config->frontend[i].cert_files + 1;
    }
    make_room(setup, count);
    if (config->watch)
        setup->stamp = stamp_found(config);
    if (cert_reader_init(&reader, diag) != 0)
        diag_error(diag, (struct pos){config->file, 0}, "out of memory");
    else
        for (size_t i = 0; i < config->frontends; i++)
            load_frontend(setup, &config->frontend[i], &reader, given);
    cert_reader_clear(&reader);
}

void
certs_restore(struct setup *setup)
{
    struct config *config = setup->config;
    struct cert_store store;
    size_t count = 0;

    for (size_t i = 0; i < config->frontends; i++) {
        const struct config_blob *sealed = &config->frontend[i].sealed_cert;

        if (cert_store_open(&store, sealed->data, sealed->len) == 0)
            count += store.certs;
    }
    make_room(setup, count);
    for (size_t i = 0; i < config->frontends; i++) {
        const struct config_blob *sealed = &config->frontend[i].sealed_cert;

        if (cert_store_open(&store, sealed->data, sealed->len) == 0)
            note_certs(setup, config->frontend[i].name, &store);
        restore_staples(setup, &config->frontend[i]);
    }
}
