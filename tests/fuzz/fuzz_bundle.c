/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bundle that workers map (config/bundle). The first byte tells what follows: 0: all of
 * its bytes; else changes to a good one, each of three bytes: where (the high byte first),
 * and what to XOR there, so that an input keeps its sense when the table of options grows.
 * What is taken for a bundle has lent all that it has from its bytes, and packs to one that
 * is the same again.
 */
#include "config/bundle.h"
#include "config/check.h"
#include "config/load.h"
#include "fuzz.h"

static const char conf[] =
    "resolver = 127.0.0.1\n"
    "max-connections-per-source = 5 limits-exempt = '2001:db8::/32'\n"
    "frontend a { listen = { \"127.0.0.1:443\", \"systemd:web\" } cert = c\n"
    "  backend = \"backend.test:80\" alpn = { h2, x }\n"
    "  sni-backend = { 'a.test=[::1]:1', '*.test=b.test:2' } alpn-backend = 'h2=unix:@h' "
    "allow = { 10.0.0.0/8, '::1' } deny = 10.1.0.0/16 "
    "accept-proxy = { 10.0.0.0/8, '::1' } "
    "}\n"
    "frontend b { listen = \"[::1]:443\" cert = d backend = \"unix:@b\" }\n";

static bool
is_within(const struct fuzz_input *in, const void *lent, size_t len)
{
    const uint8_t *at = lent;

    return len == 0 || (at >= in->data && at + len <= in->data + in->size);
}

static void
check_string(const struct fuzz_input *in, const char *string)
{
    if (string != NULL)
        MUST(is_within(in, string, strlen(string) + 1));
}

static void
check_frontend(const struct fuzz_input *in, const struct config *config,
               const struct config_frontend *f)
{
    char text[ADDR_TEXT_SIZE];

    check_string(in, f->name);
    for (size_t i = 0; i < f->cert.count; i++)
        check_string(in, f->cert.item[i].text);
    MUST(is_within(in, f->sealed_cert.data, f->sealed_cert.len));
    MUST(is_within(in, f->ticket_secrets.data, f->ticket_secrets.len));
    for (size_t i = 0; i < f->alpn.count; i++)
        check_string(in, f->alpn.item[i].text);
    for (size_t i = 0; i < f->listens; i++) {
        check_string(in, f->listen[i].systemd);
        (void)addr_format(&f->listen[i].addr, text, sizeof(text));
        (void)config_lets_in(f, &f->listen[i].addr);
    }
    for (size_t i = 0; i < f->routes; i++) {
        check_string(in, f->route[i].key);
        MUST(f->route[i].target < config->pools);
    }
    MUST(config_route(f, "b.test", "h2", 2) < config->pools);
}

static void
check_pool(const struct fuzz_input *in, const struct config_pool *pool)
{
    char text[ADDR_TEXT_SIZE];

    check_string(in, pool->name);
    MUST(pool->servers > 0 && pool->servers <= BALANCE_SERVERS_MAX);
    for (size_t i = 0; i < pool->servers; i++) {
        const struct config_server *server = &pool->server[i];

        check_string(in, server->at.host);
        MUST(server->at.from.text != NULL);
        check_string(in, server->at.from.text);
        (void)addr_format(&server->at.addr, text, sizeof(text));
        MUST(server->weight >= 1 && server->weight <= BALANCE_WEIGHT_MAX);
    }
}

static struct config *
unpack(const void *bytes, size_t len)
{
    struct unpack u;

    unpack_init(&u, bytes, len);
    return bundle_unpack(&u);
}

/* Packed once it is in the one form that there is; packed again it stays as it is. */
static void
check_again(const struct config *config)
{
    struct pack first = {0}, second = {0};
    struct config *again;

    bundle_pack(&first, config);
    MUST(!first.failed);
    again = unpack(first.data, first.len);
    MUST(again != NULL);
    bundle_pack(&second, again);
    MUST(second.len == first.len && memcmp(second.data, first.data, first.len) == 0);
    config_free(again);
    pack_clear(&first);
    pack_clear(&second);
}

/* What lies in memory that ends where the bytes end. */
static void
check_bytes(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.data = data, .size = size};
    struct config *config = unpack(data, size);

    if (config == NULL)
        return;
    for (size_t i = 0; i < config->frontends; i++)
        check_frontend(&in, config, &config->frontend[i]);
    for (size_t i = 0; i < config->pools; i++)
        check_pool(&in, &config->pool[i]);
    check_again(config);
    config_free(config);
}

static void
pack_good_one(struct pack *p)
{
    struct diag *diag = diag_new();
    struct config *config = config_load_memory("conf", conf, strlen(conf), diag);

    config_check(config, diag);
    config->frontend[0].sealed_cert = (struct config_blob){"cert", 4};
    bundle_pack(p, config);
    MUST(diag_errors(diag) == 0 && !p->failed);
    config_free(config);
    diag_free(diag);
}

static void
check_changed(struct fuzz_input *in)
{
    struct pack p = {0};
    uint8_t *bytes;

    pack_good_one(&p);
    bytes = malloc(p.len);
    MUST(bytes != NULL);
    memcpy(bytes, p.data, p.len);
    if (in->at == in->size) {
        struct config *config = unpack(bytes, p.len);

        MUST(config != NULL);
        MUST(unpack(bytes, p.len - 1) == NULL);
        config_free(config);
    }
    while (in->at < in->size) {
        size_t where = (size_t)fuzz_byte(in) << 8;

        where |= fuzz_byte(in);
        bytes[where % p.len] ^= fuzz_byte(in);
    }
    check_bytes(bytes, p.len);
    free(bytes);
    pack_clear(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.data = data, .size = size};

    if (fuzz_byte(&in) != 0)
        check_changed(&in);
    else if (size > 0)
        check_bytes(data + 1, size - 1);
    return 0;
}
