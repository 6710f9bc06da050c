/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/bundle.h"

#include "config/check.h"
#include "config/load.h"
#include "config/options.h"
#include "support/check_main.h"

#include <stdio.h>
#include <string.h>

/* Every setting is something else than its default. */
static const char rich[] =
    "workers = 3 cert-cache = 100 user = somebody group = some sandbox = off watch = on "
    "pidfile = /run/p\n"
    "accept-grace = 2s drain-timeout = 1500ms resolver = { 127.0.0.1, \"[::1]:5353\" }\n"
    "openssl-conf = /o key-log = /k\n"
    "max-connections = 20 max-connections-per-source = 21 max-handshakes = 22\n"
    "max-handshakes-per-source = 23 handshake-rate = 24 handshake-burst = 25\n"
    "handshake-rate-per-source = 26 handshake-burst-per-source = 27\n"
    "limits-exempt = { 192.0.2.0/24, \"2001:db8::/32\" }\n"
    "log { level = probe format = json to = '/a \"$b' facility = local7 }\n"
    "admin { listen = \"unix:/run/admin.sock\" }\n"
    "backend db { server = { \"db1:5432 weight=3 max-connections=9\", \"unix:@x backup\", "
    "'unix:/y' }\n"
    "  proxy-protocol = v1 queue-length = 7 queue-timeout = 7s balance = source "
    "eject-after = 4 eject-time = "
    "1s eject-max = 2s slow-start = 3s\n"
    "  check = answer check-interval = 6s check-timeout = 1s rise = 5 fall = 6\n"
    "  check-send = 'a' check-expect = { b, 'c d' } }\n"
    "backend other { server = \"db1:5432\" }\n"
    "frontend \"a\\n\\\"b\\$\" {\n"
    "  listen = { \"127.0.0.1:0\", \"[::1]:8443\", \"systemd:web\" } cert = c key = k ocsp "
    "= o\n"
    "  sni-backend = { \"B.test=192.0.2.7:1\", \"*.test=other.test:2\" }\n"
    "  alpn-backend = { \"h2=unix:@h2\", \"x y=db\" }\n"
    "  client-cert { verify = optional ca = { ca1, ca2 } crl = crl depth = 7\n"
    "    allow = \"CN:x\" }\n"
    "  cert-default = c key-passphrase-file = p sni-strict = on own-records = off\n"
    "  backend = \"backend.test:8080\" tls-min = 1.3 ciphers = '$C'\n"
    "  ciphersuites = S groups = G alpn = { h2, 'x y' } session-lifetime = 2h\n"
    "  sigalgs = A security-level = 3 dh = on ssl-conf = { 'A b', 'C d' }\n"
    "  ticket-rotation = 14m ticket-secret = { /s, '/t u' }\n"
    "  acme-tls-dir = a allow = { 10.0.0.0/8, \"::1\" } deny = 10.1.0.0/16\n"
    "  handshake-timeout = 1s connect-timeout = 2s idle-timeout = 3s\n"
    "  half-closed-timeout = 4s close-wait = 5s linger-timeout = 6s linger-max = 7s\n"
    "  source = own proxy-protocol = v2 accept-proxy = { 10.0.0.0/8, \"::1\" }\n"
    "  on-truncation = eof keepalive = off keepalive-idle = 8s keepalive-interval = 9s\n"
    "  keepalive-count = 3 tcp-user-timeout = 11s backlog = 12 max-connections = 13\n"
    "}\n"
    "frontend b {\n"
    "  listen = \"192.0.2.1:443\" cert = d backend = \"unix:@b\" tls-max = 1.2 }\n"
    "frontend c { listen = \"192.0.2.2:443\" cert = d backend = \"[2001:db8::1]:80\"\n"
    "  source = \"2001:db8::9\" sni-backend = \"o.test=original:8\" }\n";

static struct config *config, *again;
static struct pack packed;
static struct diag *diag;

static void
print_mistake(void *arg, bool is_error, const char *text)
{
    (void)arg;
    if (is_error)
        fprintf(stderr, "%s\n", text);
}

/* What the master finds out, beyond config_check. */
static void
find_out(void)
{
    static struct addr known[2];
    static struct config_string search[] = {{.text = "one.test"}, {.text = "two.test"}};
    struct config_frontend *f = config->frontend;

    ck_assert_int_eq(addr_from_numeric(&known[0], "192.0.2.9", 8080), 0);
    ck_assert_int_eq(addr_from_numeric(&known[1], "2001:db8::9", 8080), 0);
    config->pool[f[0].backend].server[0].at.known = (struct config_addrs){known, 2};
    config->pool[config_route(f, "a.test", NULL, 0)].server[0].at.known =
        (struct config_addrs){known, 1};
    config->pool[0].server[1].place = 17;
    f[0].place = 1;
    f[1].place = 511;
    f[0].sealed_cert = (struct config_blob){"cert\0key", 8};
    f[1].sealed_cert = (struct config_blob){"x", 1};
    f[0].ticket_secrets = (struct config_blob){"secret\0s", 8};
    f[0].challenges = (struct config_blob){"ac\0me", 5};
    f[0].staples = (struct config_blob){"st\0ple", 6};
    f[0].client_cert.sealed = (struct config_blob){"ca\0crl", 6};
    config->search = (struct config_strings){search, COUNT_OF(search)};
    config->ndots = 5;
}

static void
setup(void)
{
    struct unpack u;

    diag = diag_new();
    config = config_load_memory("t", rich, strlen(rich), diag);
    config_check(config, diag);
    diag_each(diag, print_mistake, NULL);
    ck_assert_uint_eq(diag_errors(diag), 0);
    find_out();
    bundle_pack(&packed, config);
    ck_assert(!packed.failed);
    unpack_init(&u, packed.data, packed.len);
    again = bundle_unpack(&u);
    ck_assert_ptr_nonnull(again);
    ck_assert_ptr_eq(u.at, u.end);
}

static void
teardown(void)
{
    config_free(config);
    config_free(again);
    pack_clear(&packed);
    diag_free(diag);
}

static char *
dump(const struct config *c)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    config_dump(c, out);
    fclose(out);
    return text;
}

START_TEST(its_dump_is_the_same)
{
    char *before = dump(config), *after = dump(again);

    ck_assert_str_eq(before, after);
    free(before);
    free(after);
}
END_TEST

/* Else a setting that is lost might have the same value by chance. */
static bool
is_default(const struct option *o, const void *field, const void *default_field)
{
    switch (o->type) {
    case OPTION_TEXT:
        return strcmp(*(const char *const *)field, *(const char *const *)default_field) ==
               0;
    case OPTION_STRING:
        return ((const struct config_string *)field)->text == NULL;
    case OPTION_LIST:
        return ((const struct config_strings *)field)->count == 0;
    case OPTION_SWITCH:
        return *(const bool *)field == *(const bool *)default_field;
    default:
        return *(const uint32_t *)field == *(const uint32_t *)default_field;
    }
}

/* In the global part, or in one of the frontends. */
static bool
is_set(const struct option *o, const struct config *defaults)
{
    const char *base = (const char *)config, *default_base = (const char *)defaults;

    if (option_base(o) == OPTION_BACKEND)
        return !is_default(o, (const char *)config->pool + o->offset,
                           (const char *)defaults->pool + o->offset);
    if (option_base(o) == OPTION_GLOBAL)
        return !is_default(o, base + o->offset, default_base + o->offset);
    default_base = (const char *)defaults->frontend;
    for (size_t i = 0; i < config->frontends; i++) {
        base = (const char *)&config->frontend[i];
        if (!is_default(o, base + o->offset, default_base + o->offset))
            return true;
    }
    return false;
}

START_TEST(the_example_sets_every_option)
{
    static const char least[] = "frontend x { } backend y { }";
    struct config *defaults = config_load_memory("t", least, strlen(least), diag);

    for (size_t i = 0; i < option_count; i++)
        ck_assert_msg(is_set(&option_table[i], defaults), "%s has its default",
                      option_table[i].name);
    config_free(defaults);
}
END_TEST

static void
assert_addrs(const struct config_addrs *a, const struct config_addrs *b)
{
    ck_assert_uint_eq(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        ck_assert(addr_equal(&a->item[i], &b->item[i]));
}

static void
assert_blob(const struct config_blob *a, const struct config_blob *b)
{
    ck_assert_uint_eq(a->len, b->len);
    ck_assert_int_eq(memcmp(a->data, b->data, a->len), 0);
}

static void
assert_strings(const struct config_strings *a, const struct config_strings *b)
{
    ck_assert_uint_eq(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        ck_assert_str_eq(a->item[i].text, b->item[i].text);
}

START_TEST(what_was_found_out_globally)
{
    char text[ADDR_TEXT_SIZE];

    ck_assert_str_eq(addr_format(&again->admin, text, sizeof(text)),
                     "unix:/run/admin.sock");
    ck_assert_uint_eq(again->nameservers.count, 2);
    ck_assert_uint_eq(addr_port(&again->nameservers.item[1]), 5353);
    assert_addrs(&again->nameservers, &config->nameservers);
    ck_assert_uint_eq(again->search.count, 2);
    assert_strings(&again->search, &config->search);
    ck_assert_uint_eq(again->ndots, 5);
    ck_assert_uint_eq(again->frontends, 3);
}
END_TEST

static void
assert_listens(const struct config_frontend *a, const struct config_frontend *b)
{
    ck_assert_uint_eq(a->listens, b->listens);
    for (size_t i = 0; i < a->listens; i++) {
        ck_assert_uint_eq(a->listen[i].addr.len, b->listen[i].addr.len);
        ck_assert(addr_equal(&a->listen[i].addr, &b->listen[i].addr));
        ck_assert_pstr_eq(a->listen[i].systemd, b->listen[i].systemd);
    }
}

static void
assert_backend(const struct config_backend *a, const struct config_backend *b)
{
    ck_assert_pstr_eq(a->from.text, b->from.text);
    ck_assert_int_eq(a->kind, b->kind);
    ck_assert(addr_equal(&a->addr, &b->addr));
    ck_assert_pstr_eq(a->host, b->host);
    ck_assert_uint_eq(a->port, b->port);
    assert_addrs(&a->known, &b->known);
}

static void
assert_pool(const struct config_pool *a, const struct config_pool *b)
{
    ck_assert_pstr_eq(a->name, b->name);
    ck_assert_int_eq(a->used, b->used);
    ck_assert_uint_eq(a->servers, b->servers);
    for (size_t i = 0; i < b->servers; i++) {
        assert_backend(&a->server[i].at, &b->server[i].at);
        ck_assert_int_eq(a->server[i].backup, b->server[i].backup);
        ck_assert_uint_eq(a->server[i].weight, b->server[i].weight);
        ck_assert_uint_eq(a->server[i].place, b->server[i].place);
    }
}

START_TEST(what_was_found_out_of_backends)
{
    ck_assert_uint_eq(again->pools, config->pools);
    for (size_t i = 0; i < config->pools; i++)
        assert_pool(&again->pool[i], &config->pool[i]);
    ck_assert_uint_eq(again->pools, 2 + 7);
    ck_assert(again->pool[0].used && !again->pool[1].used);
    ck_assert_uint_eq(again->pool[0].server[0].weight, 3);
    ck_assert_uint_eq(again->pool[0].server[0].max_connections, 9);
    ck_assert(again->pool[0].server[1].backup);
    ck_assert_uint_eq(again->pool[0].server[1].place, 17);
    ck_assert_int_eq(again->pool[0].balance, BALANCE_SOURCE);
}
END_TEST

static void
assert_routes(const struct config_frontend *a, const struct config_frontend *b)
{
    ck_assert_uint_eq(a->routes, b->routes);
    for (size_t i = 0; i < b->routes; i++) {
        ck_assert(route_is_same(&a->route[i], &b->route[i]));
        ck_assert_uint_eq(a->route[i].target, b->route[i].target);
    }
}

static void
assert_nets(const struct config_nets *a, const struct config_nets *b)
{
    ck_assert_uint_eq(a->count, b->count);
    for (size_t i = 0; i < b->count; i++) {
        ck_assert_uint_eq(a->item[i].prefix, b->item[i].prefix);
        ck_assert(addr_equal(&a->item[i].base, &b->item[i].base));
    }
}

START_TEST(networks)
{
    assert_nets(&again->limits.exempt, &config->limits.exempt);
    for (size_t i = 0; i < config->frontends; i++) {
        assert_nets(&again->frontend[i].allow, &config->frontend[i].allow);
        assert_nets(&again->frontend[i].deny, &config->frontend[i].deny);
    }
    ck_assert_uint_eq(again->limits.exempt.count, 2);
    ck_assert_uint_eq(again->frontend[0].allow.count, 2);
    ck_assert_uint_eq(again->frontend[0].deny.count, 1);
}
END_TEST

START_TEST(what_was_found_out_of_frontends)
{
    const struct config_backend *backend;

    for (size_t i = 0; i < config->frontends; i++) {
        const struct config_frontend *a = &again->frontend[i], *b = &config->frontend[i];

        ck_assert_str_eq(a->name, b->name);
        assert_listens(a, b);
        ck_assert_uint_eq(a->backend, b->backend);
        assert_routes(a, b);
        ck_assert_int_eq(a->source, b->source);
        ck_assert_int_eq(a->source, i == 2 ? CONFIG_SOURCE_ADDR : CONFIG_SOURCE_OWN);
        if (i == 2)
            ck_assert(addr_equal(&a->source_addr, &b->source_addr));
        ck_assert_int_eq(a->original, i == 2);
        ck_assert_uint_eq(a->proxies.count, i == 0 ? 2 : 0);
        for (size_t k = 0; k < a->proxies.count; k++) {
            ck_assert(addr_equal(&a->proxies.item[k].base, &b->proxies.item[k].base));
            ck_assert_uint_eq(a->proxies.item[k].prefix, b->proxies.item[k].prefix);
        }
        ck_assert_uint_eq(a->place, b->place);
        if (i < 2)
            assert_blob(&a->sealed_cert, &b->sealed_cert);
        ck_assert_uint_eq(a->client_cert.sealed.len, b->client_cert.sealed.len);
        ck_assert_uint_eq(a->ticket_secrets.len, b->ticket_secrets.len);
    }
    assert_blob(&again->frontend[0].ticket_secrets, &config->frontend[0].ticket_secrets);
    assert_blob(&again->frontend[0].challenges, &config->frontend[0].challenges);
    assert_blob(&again->frontend[0].staples, &config->frontend[0].staples);
    assert_blob(&again->frontend[0].client_cert.sealed,
                &config->frontend[0].client_cert.sealed);
    ck_assert_str_eq(again->frontend[0].listen[2].systemd, "web");
    backend = &again->pool[again->frontend[0].backend].server[0].at;
    ck_assert_int_eq(backend->kind, CONFIG_BACKEND_NAME);
    ck_assert_str_eq(backend->host, "backend.test");
    ck_assert_uint_eq(backend->known.count, 2);
    ck_assert_uint_eq(again->frontend[0].routes, 4);
    backend = &again->pool[config_route(again->frontend, "a.test", NULL, 0)].server[0].at;
    ck_assert_uint_eq(backend->known.count, 1);
    ck_assert_uint_eq(config_route(again->frontend, NULL, "x y", 3), 0);
    ck_assert_uint_eq(again->frontend[1].sealed_cert.len, 1);
    ck_assert_uint_eq(again->frontend[2].sealed_cert.len, 0);
}
END_TEST

/* From memory of exactly that size: a sanitizer sees the first byte too many. */
static struct config *
unpack_copy(const void *bytes, size_t len)
{
    unsigned char *copy = malloc(len);
    struct config *got;
    struct unpack u;

    if (len > 0)
        memcpy(copy, bytes, len);
    unpack_init(&u, copy, len);
    got = bundle_unpack(&u);
    if (got != NULL && len < packed.len) {
        config_free(got);
        free(copy);
        ck_abort_msg("%zu of %zu bytes are taken for all of them", len, packed.len);
    }
    config_free(got);
    free(copy);
    return got;
}

START_TEST(every_truncation_is_refused)
{
    for (size_t len = 0; len < packed.len; len++)
        ck_assert_ptr_null(unpack_copy(packed.data, len));
    ck_assert_ptr_nonnull(unpack_copy(packed.data, packed.len));
}
END_TEST

START_TEST(no_bit_does_harm)
{
    for (size_t bit = 0; bit < packed.len * 8; bit++) {
        unsigned char mask = (unsigned char)(1 << bit % 8);

        packed.data[bit / 8] ^= mask;
        (void)unpack_copy(packed.data, packed.len);
        packed.data[bit / 8] ^= mask;
    }
    ck_assert_ptr_nonnull(unpack_copy(packed.data, packed.len));
}
END_TEST

START_TEST(other_bytes_are_refused)
{
    static const unsigned char zeros[4096];

    ck_assert_ptr_null(unpack_copy(zeros, packed.len < 4096 ? packed.len : 4096));
    packed.data[0] ^= 1; /* how it begins */
    ck_assert_ptr_null(unpack_copy(packed.data, packed.len));
    packed.data[0] ^= 1;
    packed.data[packed.len - 1] ^= 1; /* how it ends */
    ck_assert_ptr_null(unpack_copy(packed.data, packed.len));
}
END_TEST

/* Neither strings nor blobs are copied: the bytes are one copy for all workers. */
START_TEST(strings_are_lent)
{
    const unsigned char *name = (const unsigned char *)again->frontend[0].name;
    const unsigned char *cert = again->frontend[0].sealed_cert.data;

    ck_assert(name > packed.data && name < packed.data + packed.len);
    ck_assert(cert > packed.data && cert < packed.data + packed.len);
}
END_TEST

static Suite *
bundle_suite(void)
{
    Suite *suite = suite_create("bundle");
    TCase *tcase = tcase_create("bundle");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, its_dump_is_the_same);
    tcase_add_test(tcase, the_example_sets_every_option);
    tcase_add_test(tcase, what_was_found_out_globally);
    tcase_add_test(tcase, networks);
    tcase_add_test(tcase, what_was_found_out_of_backends);
    tcase_add_test(tcase, what_was_found_out_of_frontends);
    tcase_add_test(tcase, every_truncation_is_refused);
    tcase_add_test(tcase, no_bit_does_harm);
    tcase_add_test(tcase, other_bytes_are_refused);
    tcase_add_test(tcase, strings_are_lent);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(bundle_suite)
