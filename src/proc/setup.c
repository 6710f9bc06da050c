/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/setup.h"

#include "base/clock.h"
#include "config/bundle.h"
#include "config/check.h"
#include "config/load.h"
#include "proc/certs.h"
#include "proc/cpus.h"
#include "proc/keylog.h"
#include "proc/names.h"
#include "proc/seal.h"
#include "proc/transparent.h"
#include "tls/challenge.h"
#include "tls/client_ca.h"
#include "tls/tls_conf.h"
#include "tls/tls_ctx.h"
#include "tls/tls_secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct config_blob
copy_bytes(struct setup *setup, const struct pack *p)
{
    unsigned char *copy = arena_alloc(setup->config->arena, p->len);

    memcpy(copy, p->data, p->len);
    return (struct config_blob){copy, p->len};
}

/* What client-cert names. */
static void
load_client_ca(struct setup *setup, struct config_frontend *f, struct diag *diag)
{
    struct pack p = {0};

    if (f->client_cert.verify == CONFIG_VERIFY_OFF || f->client_cert.ca.count == 0)
        return;
    if (client_ca_load(&f->client_cert, &p, diag) == 0)
        f->client_cert.sealed = copy_bytes(setup, &p);
    pack_clear(&p);
}

/* What acme-tls-dir names. */
static void
load_challenges(struct setup *setup, struct config_frontend *f, struct diag *diag)
{
    struct pack p = {0};

    if (f->acme_tls_dir.text == NULL || *f->acme_tls_dir.text == '\0')
        return;
    if (challenge_load_dir(&f->acme_tls_dir, &p, diag) == 0)
        f->challenges = copy_bytes(setup, &p);
    pack_clear(&p);
}

static bool
leads_to_file(const struct config_pool *pool)
{
    bool does = false;

    for (size_t i = 0; pool->used && i < pool->servers; i++)
        does |= addr_is_file(&pool->server[i].at.addr);
    return does;
}

/* What several frontends have from defaults { } is read once. */
static void
load_secrets(struct setup *setup, size_t index, struct diag *diag)
{
    unsigned char secrets[TLS_TICKET_SECRETS_MAX][TLS_TICKET_SECRET];
    struct config_frontend *f = &setup->config->frontend[index],
                           *first = setup->config->frontend;
    size_t len;
    void *copy;

    if (f->ticket_secret.count == 0)
        return;
    while (first->ticket_secret.item != f->ticket_secret.item)
        first++;
    if (first < f) {
        f->ticket_secrets = first->ticket_secrets;
        return;
    }
    len = tls_secret_load(f, secrets, diag) * TLS_TICKET_SECRET;
    copy = arena_alloc(setup->config->arena, len + 1);
    memcpy(copy, secrets, len);
    f->ticket_secrets = (struct config_blob){copy, len};
    OPENSSL_cleanse(secrets, sizeof(secrets));
}

/* A wrong user is only wrong where we would become it. */
static void
find_who(struct setup *setup, struct diag *diag)
{
    const struct config *config = setup->config;
    const char *wrong = privdrop_find(&setup->who, config->user.text, config->group.text);
    const struct config_string *at = config->user.text != NULL || config->group.text == NULL
                                         ? &config->user
                                         : &config->group;

    setup->who.filter = config->sandbox;
    setup->who.transparent = transparent_is_wanted(config);
    for (size_t i = 0; i < config->pools; i++)
        setup->who.no_chroot |= leads_to_file(&config->pool[i]);
    if (wrong != NULL)
        diag_error(diag, at->text != NULL ? at->pos : (struct pos){config->file, 0}, "%s",
                   wrong);
}

static struct setup *
new_setup(struct config *config)
{
    struct setup *setup = calloc(1, sizeof(*setup));

    if (setup == NULL)
        abort();
    setup->config = config;
    setup->bundle = setup->keys = setup->key_log = -1;
    setup->loaded_us = clock_wall_us();
    setup->workers = config->workers > 0 ? config->workers : cpus_usable("/");
    return setup;
}

/* Before anything else is asked of OpenSSL. */
static bool
load_openssl_conf(const struct config *config, struct diag *diag)
{
    const struct config_string *from = &config->openssl_conf;
    char why[512];

    if (tls_conf_load(from->text, why, sizeof(why)) == 0)
        return true;
    diag_error(diag, from->text != NULL ? from->pos : (struct pos){config->file, 0},
               "openssl-conf%s%s: %s", from->text != NULL ? " " : "",
               from->text != NULL ? from->text : "", why);
    return false;
}

static void
load_files(struct setup *setup, const struct setup_source *source, struct diag *diag)
{
    struct config *config = setup->config;

    for (size_t i = 0; i < config->frontends; i++) {
        load_client_ca(setup, &config->frontend[i], diag);
        load_challenges(setup, &config->frontend[i], diag);
        load_secrets(setup, i, diag);
    }
    certs_load(setup, source->cert, diag); /* tries all of the above out */
}

struct setup *
setup_load(const struct setup_source *source, struct diag *diag)
{
    struct config *config;
    struct setup *setup;

    if (source->conf != NULL)
        config = config_load_file(source->conf, diag);
    else
        config = config_from_words(source->listen, source->backend, source->file);
    setup = new_setup(config);
    config_check(config, diag);
    keylog_check(config, diag);
    find_who(setup, diag);
    if (setup->who.root) /* else who runs -t need not be who serves: see prepare_setup */
        transparent_check(config, diag);
    if (!load_openssl_conf(config, diag))
        return setup; /* everything else would look wrong as well */
    load_files(setup, source, diag);
    return setup;
}

struct setup *
setup_restore(const struct setup_source *source, int *bundle, int *keys, struct diag *diag)
{
    struct config *config = NULL;
    struct setup *setup;
    struct unpack u;
    size_t len = 0;
    void *map = seal_map(*bundle, &len);

    unpack_init(&u, map, len);
    if (map != NULL)
        config = bundle_unpack(&u);
    if (config == NULL)
        abort(); /* it was ours */
    config->file = source->conf;
    setup = new_setup(config);
    setup->map = map;
    setup->map_len = len;
    setup->bundle = *bundle;
    *bundle = -1;
    setup->keys = *keys;
    *keys = -1;
    (void)load_openssl_conf(config, diag);
    setup->key_log = keylog_open(config, diag);
    find_who(setup, diag);
    certs_restore(setup);
    for (size_t i = 0; i < config->frontends; i++) /* lent: not ours to wipe */
        config->frontend[i].sealed_cert = config->frontend[i].ticket_secrets =
            config->frontend[i].challenges = (struct config_blob){0};
    return setup;
}

struct setup *
setup_renew(const struct setup_source *source, struct setup *old, struct diag *diag)
{
    struct setup *setup;

    if (old->map != NULL) /* its settings lie in a bundle that goes with it */
        return setup_load(source, diag);
    setup = new_setup(config_renew(old->config));
    find_who(setup, diag);
    load_files(setup, source, diag);
    return setup;
}

/* ---- The bundle ---- */

/* The place of that name, or the first free one, or NULL. */
static struct setup_place *
find_place(struct setup_places *places, const char *name)
{
    for (size_t i = STATS_OTHER + 1; i < STATS_FRONTS; i++)
        if (places->item[i].name == NULL || strcmp(places->item[i].name, name) == 0)
            return &places->item[i];
    return NULL;
}

struct setup_place *
setup_place(struct setup_places *places, const char *name)
{
    struct setup_place *place = find_place(places, name);

    if (place != NULL && place->name == NULL) {
        if (tls_ticket_make_secret(place->ticket_secret) == 0)
            place->name = strdup(name);
        if (place->name == NULL)
            return NULL;
    }
    return place;
}

int
setup_place_restore(struct setup_places *places, const char *name, const void *secret,
                    size_t len)
{
    struct setup_place *place = find_place(places, name);

    if (place == NULL || place->name != NULL || len != sizeof(place->ticket_secret))
        return -1;
    memcpy(place->ticket_secret, secret, len);
    place->name = strdup(name);
    return place->name != NULL ? 0 : -1;
}

/* Without a place of its own it is counted with others, and its sessions end with a reload.
 */
static int
take_place(struct setup *setup, struct setup_places *places, struct config_frontend *f)
{
    const struct setup_place *place = setup_place(places, f->name);
    unsigned char *secret;

    f->place = place != NULL ? (uint32_t)(place - places->item) : STATS_OTHER;
    if (f->ticket_secrets.len > 0) /* from files */
        return 0;
    secret = arena_alloc(setup->config->arena, TLS_TICKET_SECRET);
    f->ticket_secrets = (struct config_blob){secret, TLS_TICKET_SECRET};
    if (place == NULL)
        return tls_ticket_make_secret(secret);
    memcpy(secret, place->ticket_secret, TLS_TICKET_SECRET);
    return 0;
}

static void
wipe(struct config_blob *blob)
{
    if (blob->len > 0)
        explicit_bzero((void *)(uintptr_t)blob->data, blob->len);
    *blob = (struct config_blob){0};
}

/* What is in the bundle is not needed here any more. */
static void
wipe_secrets(struct config *config)
{
    for (size_t i = 0; i < config->frontends; i++) {
        void *sealed = (void *)(uintptr_t)config->frontend[i].sealed_cert.data;

        wipe(&config->frontend[i].sealed_cert);
        free(sealed);
        wipe(&config->frontend[i].ticket_secrets);
        wipe(&config->frontend[i].challenges);
    }
}

void
setup_seal(struct setup *setup, struct setup_places *places, struct diag *diag)
{
    struct config *config = setup->config;
    struct pack p = {0};
    int failed = 0;

    names_find(config);
    for (size_t i = 0; i < config->frontends; i++)
        failed |= take_place(setup, places, &config->frontend[i]);
    setup_place_servers(places, config);
    bundle_pack(&p, config);
    if (!failed && !p.failed)
        setup->bundle = seal_make("sallyport-bundle", p.data, p.len);
    if (setup->key_list.len > 0) {
        setup->keys =
            seal_make("sallyport-keys", setup->key_list.data, setup->key_list.len);
        failed |= setup->keys < 0 || setup->key_list.failed;
    }
    pack_clear(&setup->key_list);
    setup->key_log = keylog_open(config, diag);
    pack_clear(&p);
    wipe_secrets(config);
    if (setup->bundle < 0 || failed)
        diag_error(diag, (struct pos){config->file, 0},
                   "the configuration cannot be handed to workers: %s", strerror(errno));
}

void
setup_free(struct setup *setup)
{
    if (setup == NULL)
        return;
    wipe_secrets(setup->config);
    if (setup->bundle >= 0)
        close(setup->bundle);
    if (setup->keys >= 0)
        close(setup->keys);
    if (setup->key_log >= 0)
        close(setup->key_log);
    pack_clear(&setup->key_list);
    config_free(setup->config);
    if (setup->map != NULL)
        (void)munmap(setup->map, setup->map_len);
    free(setup);
}

void
setup_places_clear(struct setup_places *places)
{
    for (size_t i = 0; i < STATS_FRONTS; i++)
        free(places->item[i].name);
    for (size_t i = 0; i < STATS_SERVERS; i++)
        free(places->server[i]);
    explicit_bzero(places, sizeof(*places));
}
