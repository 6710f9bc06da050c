/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/check.h"

#include "config/load.h"
#include "support/check_main.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

static struct diag *diag;
static struct config *config;
static char told[8192];

static void
set_up(void)
{
    diag = diag_new();
    config = NULL;
}

static void
tear_down(void)
{
    config_free(config);
    diag_free(diag);
}

static const char *
mistakes(void)
{
    FILE *out = fmemopen(told, sizeof(told), "w");

    told[0] = '\0';
    diag_print(diag, out);
    fclose(out);
    return told;
}

static void
check(const char *text)
{
    config = config_load_memory("t", text, strlen(text), diag);
    ck_assert_str_eq(mistakes(), "");
    config_check(config, diag);
}

static void
check_well(const char *text)
{
    check(text);
    ck_assert_str_eq(mistakes(), "");
}

static void
assert_addr(const struct addr *addr, const char *text)
{
    char buf[ADDR_TEXT_SIZE];

    ck_assert_str_eq(addr_format(addr, buf, sizeof(buf)), text);
}

/*
 * In place of the C library's: no test asks a name server. "one.example" has two addresses,
 * one of them twice; no other name has any.
 */
int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
            struct addrinfo **found)
{
    static struct addrinfo info[3];
    static struct addr addr[3];

    ck_assert_int_eq(hints->ai_flags, AI_PASSIVE | AI_NUMERICSERV);
    ck_assert_int_eq(hints->ai_family, AF_UNSPEC);
    ck_assert_int_eq(hints->ai_socktype, SOCK_STREAM);
    if (strcmp(host, "one.example") != 0)
        return EAI_NONAME;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(addr_from_numeric(&addr[i], i == 1 ? "::1" : "127.0.0.1",
                                           (uint16_t)atoi(service)),
                         0);
        info[i] = (struct addrinfo){.ai_addr = &addr[i].u.sa, .ai_addrlen = addr[i].len};
        info[i].ai_next = i < 2 ? &info[i + 1] : NULL;
    }
    *found = info;
    return 0;
}

void
freeaddrinfo(struct addrinfo *found)
{
    ck_assert_ptr_nonnull(found);
}

START_TEST(listening_addresses)
{
    const struct config_listen *l;

    check_well(
        "frontend a { listen = { *:443, '[::]:443', 127.0.0.1:444, '[::1]:0', *:0 }\n"
        "cert = c backend = 127.0.0.1:80 }");
    ck_assert_uint_eq(config->frontend->listens, 5);
    l = config->frontend->listen;
    assert_addr(&l[0].addr, "0.0.0.0:443");
    assert_addr(&l[1].addr, "[::]:443");
    assert_addr(&l[2].addr, "127.0.0.1:444");
    assert_addr(&l[3].addr, "[::1]:0");
    assert_addr(&l[4].addr, "0.0.0.0:0");
    ck_assert_str_eq(l[1].from.text, "[::]:443");
}
END_TEST

START_TEST(listening_names_are_resolved)
{
    const struct config_frontend *f;

    check_well("frontend a { listen = one.example:8443 cert = c backend = 127.0.0.1:80 }");
    f = config->frontend;
    ck_assert_uint_eq(f->listens, 2);
    assert_addr(&f->listen[0].addr, "127.0.0.1:8443");
    assert_addr(&f->listen[1].addr, "[::1]:8443");
    ck_assert_str_eq(f->listen[1].from.text, "one.example:8443");
}
END_TEST

/* Of the only server of the only frontend. */
static const struct config_backend *
backend(void)
{
    const struct config_pool *pool = &config->pool[config->frontend->backend];

    ck_assert_ptr_null(pool->name);
    ck_assert_uint_eq(pool->servers, 1);
    ck_assert_uint_eq(pool->server->weight, 1);
    ck_assert(pool->used);
    return &pool->server->at;
}

START_TEST(addresses_of_backends)
{
    static const struct {
        const char *text;
        enum config_backend_kind kind;
        const char *means;
        uint16_t port;
    } backends[] = {
        {"127.0.0.1:8080", CONFIG_BACKEND_ADDR, "127.0.0.1:8080", 8080},
        {"[::1]:8080", CONFIG_BACKEND_ADDR, "[::1]:8080", 8080},
        {"unix:/run/app.sock", CONFIG_BACKEND_ADDR, "unix:/run/app.sock", 0},
        {"unix:@abstract", CONFIG_BACKEND_ADDR, "unix:@abstract", 0},
        {"app.example:80", CONFIG_BACKEND_NAME, "app.example", 80},
        {"my_app-1:80", CONFIG_BACKEND_NAME, "my_app-1", 80},
    };
    char text[256];

    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        snprintf(text, sizeof(text), "frontend a { listen = *:0 cert = c backend = '%s' }",
                 backends[i].text);
        check_well(text);
        ck_assert_int_eq(backend()->kind, backends[i].kind);
        ck_assert_str_eq(backend()->from.text, backends[i].text);
        if (backends[i].kind == CONFIG_BACKEND_ADDR)
            assert_addr(&backend()->addr, backends[i].means);
        else
            ck_assert_str_eq(backend()->host, backends[i].means);
        ck_assert_uint_eq(backend()->port, backends[i].port);
        config_free(config);
        config = NULL;
    }
}
END_TEST

static const struct config_backend *
route(const char *name, const char *protocol)
{
    uint32_t number = config_route(config->frontend, name, protocol,
                                   protocol != NULL ? strlen(protocol) : 0);

    ck_assert_uint_lt(number, config->pools);
    return &config->pool[number].server->at;
}

START_TEST(routes)
{
    const struct config_frontend *f;

    check_well("frontend a { listen = *:0 cert = c backend = 127.0.0.1:1 alpn = { h2, x }\n"
               "sni-backend = { 'API.example.org=127.0.0.1:2', '*.example.org=app:3' }\n"
               "alpn-backend = 'h2=unix:/run/a=b' }");
    f = config->frontend;
    ck_assert_uint_eq(f->routes, 3);
    ck_assert_uint_eq(config->pools, 4);
    ck_assert_ptr_eq(route(NULL, NULL), backend());
    ck_assert_ptr_eq(route("example.com", "x"), backend());
    assert_addr(&route("api.example.org", NULL)->addr, "127.0.0.1:2");
    ck_assert_str_eq(route("api.example.org", NULL)->from.text, "127.0.0.1:2");
    ck_assert_str_eq(route("b.example.org", "h2")->host, "app");
    assert_addr(&route(NULL, "h2")->addr, "unix:/run/a=b");
}
END_TEST

START_TEST(sections)
{
    const struct config_pool *pool;

    check_well(
        "frontend a { listen = *:0 cert = c backend = db alpn = h2\n"
        "sni-backend = { 'x=127.0.0.1:1', 'y=db' } alpn-backend = 'h2=127.0.0.1:1' }\n"
        "backend db { server = { db1:5432, ' db2:5432\t backup  weight=7 ' }\n"
        "balance = least-connections server = 'unix:@abstract' }\n"
        "frontend b { listen = *:1 cert = c backend = 127.0.0.1:1 }");
    ck_assert_uint_eq(config->pools, 2);
    pool = &config->pool[config->frontend[0].backend];
    ck_assert_str_eq(pool->name, "db");
    ck_assert_str_eq(config_pool_name(pool), "db");
    ck_assert_int_eq(pool->balance, BALANCE_LEAST_CONNECTIONS);
    ck_assert_uint_eq(pool->servers, 3);
    ck_assert_str_eq(pool->server[0].at.host, "db1");
    ck_assert(!pool->server[0].backup && pool->server[1].backup);
    ck_assert_uint_eq(pool->server[0].weight, 1);
    ck_assert_uint_eq(pool->server[1].weight, 7);
    ck_assert_str_eq(config_server_name(&pool->server[1]), "db2:5432");
    assert_addr(&pool->server[2].at.addr, "unix:@abstract");
    ck_assert_ptr_eq(route("y", NULL), &pool->server->at);
    /* What is written alike is the same. */
    ck_assert_ptr_eq(route("x", NULL), route(NULL, "h2"));
    ck_assert_uint_eq(config->frontend[1].backend, 1);
    ck_assert_str_eq(config_pool_name(&config->pool[1]), "127.0.0.1:1");
}
END_TEST

#define D "frontend a { listen = *:0 cert = c backend = d }\n"

START_TEST(too_many_servers)
{
    char text[4096] = "backend d { server = { ";
    size_t len = strlen(text);

    for (int i = 0; i <= BALANCE_SERVERS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "b:%d,\n", i + 1);
    snprintf(text + len, sizeof(text) - len, "} }\n" D);
    check(text);
    ck_assert_str_eq(mistakes(), "t:65: backend d has 65 servers; 64 is the most\n");
}
END_TEST

START_TEST(resolvers)
{
    check_well("resolver = { 127.0.0.1, '127.0.0.1:5353', ::1, '[::1]:5353' }"
               "frontend a { listen = *:0 cert = c backend = b:1 }");
    assert_addr(&config->nameservers.item[0], "127.0.0.1:53");
    assert_addr(&config->nameservers.item[1], "127.0.0.1:5353");
    assert_addr(&config->nameservers.item[2], "[::1]:53");
    assert_addr(&config->nameservers.item[3], "[::1]:5353");
}
END_TEST

START_TEST(networks_of_proxies)
{
    const struct config_nets *nets;
    struct addr addr;

    check_well("defaults { accept-proxy = { 10.0.0.0/8, '::1', 192.0.2.7 } }"
               "frontend a { listen = *:0 cert = c backend = b:1 }"
               "frontend b { listen = *:1 cert = c backend = b:1 accept-proxy = { } }");
    nets = &config->frontend[0].proxies;
    ck_assert_uint_eq(nets->count, 3);
    ck_assert_uint_eq(nets->item[0].prefix, 8);
    assert_addr(&nets->item[1].base, "[::1]:0");
    ck_assert_int_eq(addr_from_numeric(&addr, "192.0.2.7", 1), 0);
    ck_assert(config_nets_contain(nets, &addr));
    ck_assert(!config_nets_contain(&config->frontend[1].proxies, &addr));
    ck_assert_int_eq(addr_from_numeric(&addr, "192.0.2.8", 1), 0);
    ck_assert(!config_nets_contain(nets, &addr));
    ck_assert_uint_eq(config->frontend[1].proxies.count, 0);
}
END_TEST

#define A "frontend a { listen = *:0 cert = c backend = b:1 }\n"

static const struct {
    const char *text, *mistakes;
} cases[] = {
    {"", "t: there is no frontend; write frontend NAME { ... }\n"},
    {"\nfrontend a { }", "t:2: frontend a has no listen; write listen = \"*:443\"\n"
                         "t:2: frontend a has no cert; write cert = "
                         "\"/etc/sallyport/cert.pem\"\n"
                         "t:2: frontend a has no backend; write backend = "
                         "\"127.0.0.1:8080\"\n"},
    {"backend d { server = { b:1,\n'b:1 bakcup',\n'b:2 slow',\n'b:3 weight=257',\n'b:4 "
     "weight',\n'b:5 weight=2 weight=2',\n'b:6 backup=1',\nx,\nB:1 } }\n" D,
     "t:2: server \"b:1 bakcup\" in backend d has the unknown word \"bakcup\"; did you "
     "mean "
     "\"backup\"?\n"
     "t:3: server \"b:2 slow\" in backend d has the unknown word \"slow\"; behind an "
     "address "
     "there may be backup, weight=N and max-connections=N\n"
     "t:4: server \"b:3 weight=257\" in backend d has \"weight=257\"; write weight=N with "
     "a "
     "number from 1 to 256\n"
     "t:5: server \"b:4 weight\" in backend d has \"weight\"; write weight=N with a number "
     "from 1 to 256\n"
     "t:6: server \"b:5 weight=2 weight=2\" in backend d has the word weight twice\n"
     "t:7: server \"b:6 backup=1\" in backend d has a value for backup\n"
     "t:8: server \"x\" in backend d has no port\n"
     "t:9: server \"B:1\" in backend d is there twice; the first is at t:1\n"},
    {"backend d { server = b:1 eject-time = 10s eject-max = 9s\n}\n" D,
     "t:1: backend d: eject-max is 9s, less than eject-time, which is 10s\n"},
    {"backend d { server = b:1 check = connect check-timeout = 6s\n}\n" D,
     "t:1: backend d: check-timeout is 6s, more than check-interval, which is 5s\n"},
    {"backend d { server = b:1 check = answer\n}\n" D,
     "t:1: backend d: check = answer needs check-expect, what the answer begins with\n"},
    {"backend d { server = b:1\ncheck-send = x\ncheck-expect = x }\n" D,
     "t:2: warning: check-send has no effect without check = answer\n"
     "t:3: warning: check-expect has no effect without check = answer\n"},
    {"backend d { server = b:1 check = answer\ncheck-send = 'a\\q'\ncheck-expect = { "
     "'\\r\\x0a',\n'\\x0' } }\n" D,
     "t:2: check-send = \"a\\\\q\" has an unknown escape; there are \\\\, \\n, \\r, \\t, "
     "\\0 "
     "and \\xHH\n"
     "t:4: check-expect = \"\\\\x0\" has an unknown escape; there are \\\\, \\n, \\r, \\t, "
     "\\0 and \\xHH\n"},
    {"backend d { }\n" D, "t:1: backend d has no server; write server = "
                          "\"127.0.0.1:8080\"\n"},
    {"backend d { server = 'b:1 backup' }\n" D,
     "t:1: backend d has only backups; at least one server has to be none\n"},
    {"backend d { server = b:1 }\nbackend d { server = b:1 }\n" D,
     "t:2: there are two backends d; the first is at t:1\n"},
    {"backend 'a:1' { server = b:1 }\nbackend d { server = b:1 }\n" D,
     "t:1: backend \"a:1\" has a colon in its name, by which addresses are told from "
     "names\n"},
    {"backend data { server = b:1 }\n"
     "frontend a { listen = *:0 cert = c backend = dat\n"
     "sni-backend = { 'x=data', 'y=date',\n'z=other' } alpn = h alpn-backend = 'h=d' }",
     "t:2: backend \"dat\" names no backend; did you mean \"data\"?\n"
     "t:3: sni-backend \"y=date\" names no backend; did you mean \"data\"?\n"
     "t:4: sni-backend \"z=other\" has no port, and there is no backend of that name\n"
     "t:4: alpn-backend \"h=d\" has no port, and there is no backend of that name\n"},
    {"backend d { server = b:1 }\nbackend e { server = b:1 }\n" D,
     "t:2: warning: backend e is used by no frontend\n"},
    {"frontend a { listen = { } cert = c backend = b:1 }",
     "t:1: frontend a has no listen; write listen = \"*:443\"\n"},
    {"frontend a { listen = *:0 cert = c backend = b:1 alpn = h2\n"
     "sni-backend = {\n'a.b', '=b:1',\n'a..b=b:1', 'a=b', 'x=b:1',\n'X=b:1' }\n"
     "alpn-backend = {\n'h3=b:1', 'h2', '=b:1', 'h2=*:1',\n'h2=b:1', 'h2=unix:x' } }",
     "t:3: sni-backend \"a.b\" has no =; write \"api.example.org=127.0.0.1:8081\"\n"
     "t:3: sni-backend \"=b:1\" has no name before its =\n"
     "t:4: sni-backend \"a..b=b:1\" has an empty label\n"
     "t:4: sni-backend \"a=b\" has no port\n"
     "t:5: sni-backend has two backends for \"x\"; the first is at t:4\n"
     "t:7: alpn-backend \"h3=b:1\" is for a protocol that alpn does not list\n"
     "t:7: alpn-backend \"h2\" has no =; write \"h2=127.0.0.1:8081\"\n"
     "t:7: alpn-backend \"=b:1\" has no protocol before its =\n"
     "t:7: alpn-backend \"h2=*:1\" names no host; * stands for all addresses in listen "
     "only\n"
     "t:8: alpn-backend \"h2=unix:x\" needs an absolute path, or @ and a name, behind "
     "unix:\n"
     "t:8: alpn-backend has two backends for \"h2\"; the first is at t:7\n"
     "t:8: alpn-backend has two backends for \"h2\"; the first is at t:8\n"},
    {"frontend a { listen = *:0 cert = c backend = b:1\n"
     "client-cert { verify = optional allow = { alice,\n'DNS:*' } } }",
     "t:1: frontend a has a client-cert without ca; write ca = "
     "\"/etc/sallyport/clients.pem\" there\n"
     "t:2: allow \"alice\" has no kind; write DNS:, CN:, URI: or SPKI:sha256/ before the "
     "name\n"
     "t:3: allow \"DNS:*\" may have a * only in front, as in DNS:*.app.example\n"},
    {A "\n" A,
     "t:3: there are two frontends a; the first is at t:1\n"
     "t:3: listen \"*:0\" in frontend a is taken by \"*:0\" in frontend a at t:1\n"},
    {"frontend a { listen = { *:1,\n*:1 } cert = c backend = b:1 }",
     "t:2: listen \"*:1\" in frontend a is taken by \"*:1\" in frontend a at t:1\n"},
    {"frontend a { listen = *:1 cert = c backend = b:1 }\n"
     "frontend b { listen = 0.0.0.0:1 cert = c backend = b:1 }",
     "t:2: listen \"0.0.0.0:1\" in frontend b is taken by \"*:1\" in frontend a at t:1\n"},
    {"frontend a { listen = *:1 cert = c backend = b:1 }\n"
     "frontend b { listen = 127.0.0.1:1 cert = c backend = b:1 }",
     "t:2: listen \"127.0.0.1:1\" in frontend b is taken by \"*:1\" in frontend a at "
     "t:1\n"},
    {"frontend a { listen = '[::1]:1' cert = c backend = b:1 }\n"
     "frontend b { listen = '[::]:1' cert = c backend = b:1 }",
     "t:2: listen \"[::]:1\" in frontend b is taken by \"[::1]:1\" in frontend a at t:1\n"},
    {"frontend a { listen = '*' cert = c backend = b:1 }",
     "t:1: listen \"*\" has no port\n"},
    {"frontend a { listen = none.example:1 cert = c backend = b:1 }",
     "t:1: listen \"none.example:1\" in frontend a cannot be resolved: Name or service not "
     "known\n"},
    {"frontend a { listen = { 127.0.0.1:1,\n one.example:1 } cert = c backend = b:1 }",
     "t:2: listen \"one.example:1\" in frontend a is taken by \"127.0.0.1:1\" in frontend "
     "a "
     "at t:1\n"},
    {"frontend a { listen = 'unix:/x' cert = c backend = b:1 }",
     "t:1: listen \"unix:/x\" is a Unix socket; a frontend listens on TCP\n"},
    {"frontend a { listen = '127.0.0.256:1' cert = c backend = b:1 }",
     "t:1: listen \"127.0.0.256:1\" has neither an address nor a host name before its "
     "port\n"},
    {"frontend a { listen = *:0 cert = c backend = 127.0.0.1 }",
     "t:1: backend \"127.0.0.1\" has no port\n"},
    {"frontend a { listen = *:0 cert = c backend = 127.0.0.1:0 }",
     "t:1: backend \"127.0.0.1:0\" has port 0\n"},
    {"frontend a { listen = *:0 cert = c backend = *:80 }",
     "t:1: backend \"*:80\" names no host; * stands for all addresses in listen only\n"},
    {"frontend a { listen = *:0 cert = c backend = 'a/b:80' }",
     "t:1: backend \"a/b:80\" has neither an address nor a host name before its port\n"},
    {"frontend a { listen = *:0 cert = c backend = unix:run/x }",
     "t:1: backend \"unix:run/x\" needs an absolute path, or @ and a name, behind unix:\n"},
    {"frontend a { listen = *:0 cert = c backend = unix:@ }",
     "t:1: backend \"unix:@\" has no name behind its @\n"},
    {"frontend a { listen = *:0 cert = c backend = b:1 tls-min = 1.3 tls-max = 1.2 }",
     "t:1: frontend a has tls-min 1.3 above tls-max 1.2; no client could connect\n"},
    {"frontend a { listen = *:0 cert = c backend = b:1\n"
     "accept-proxy = { 10.0.0.1/8,\n proxy.test, ::1/129, 10.0.0.0/8 } }",
     "t:2: accept-proxy \"10.0.0.1/8\" has bits behind its prefix that are not 0\n"
     "t:3: accept-proxy \"proxy.test\" is not an address; a network is written 10.0.0.0/8 "
     "or 2001:db8::/32\n"
     "t:3: accept-proxy \"::1/129\" has a prefix above 128\n"},
    {"resolver = dns.example\n" A,
     "t:1: resolver \"dns.example\" has no port; a name server is written as its address, "
     "with or without a port\n"},
    {"resolver = dns.example:53\n" A,
     "t:1: resolver \"dns.example:53\" is not an address; a name server is written as its "
     "address, with or without a port\n"},
    {"log { to = file.log }\n" A,
     "t:1: to = file.log is not known; it takes stderr, syslog or an absolute path\n"},
    {"log { to = /file.log }\n" A, ""},
    {"log { to = syslog }\n" A, ""},
    {"frontend a { listen = { *:1, 127.0.0.1:2, '[::]:1', *:0, 127.0.0.1:0 } cert = c "
     "backend = b:1 }",
     ""},
    {"frontend a { listen = { *:0, *:0 } cert = c backend = b:1 }",
     "t:1: listen \"*:0\" in frontend a is taken by \"*:0\" in frontend a at t:1\n"},
    {"frontend a { listen = { systemd:x, systemd:y, systemd:x } cert = c backend = b:1 }",
     "t:1: listen \"systemd:x\" in frontend a is taken by \"systemd:x\" in frontend a at "
     "t:1\n"},
    {"frontend a { listen = 'systemd:' cert = c backend = b:1 }",
     "t:1: listen \"systemd:\" has no name behind systemd: (see FileDescriptorName= in "
     "systemd.socket(5))\n"},
    {"handshake-burst = 5\n" A,
     "t: handshake-burst is set, but not handshake-rate, which it belongs to\n"},
    {"handshake-rate = 5 handshake-burst-per-source = 5\n" A,
     "t: handshake-burst-per-source is set, but not handshake-rate-per-source, which it "
     "belongs to\n"},
    {"limits-exempt = {\n10.0.0.1/8, x, 10.0.0.0/33 }\n" A,
     "t:2: limits-exempt \"10.0.0.1/8\" has bits behind its prefix that are not 0\n"
     "t:2: limits-exempt \"x\" is not an address; a network is written 10.0.0.0/8 or "
     "2001:db8::/32\n"
     "t:2: limits-exempt \"10.0.0.0/33\" has a prefix above 32\n"},
    {"frontend a { listen = *:0 cert = c backend = b:1\nallow = { 10.0.0.0/8,\nlocalhost "
     "}\n"
     "deny = { 10.1.0.0/16, 10.0.0.0/8, '::1/128' } }",
     "t:3: allow \"localhost\" is not an address; a network is written 10.0.0.0/8 or "
     "2001:db8::/32\n"},
    {"frontend a { listen = *:0 cert = c backend = b:1\n"
     "allow = { 10.0.0.0/8, '::ffff:192.0.2.1' }\ndeny = { 10.1.0.0/16, 10.0.0.0/8 }\n"
     "deny = 192.0.2.1 }",
     "t:3: deny \"10.0.0.0/8\" in frontend a is in allow as well, at t:2\n"
     "t:4: deny \"192.0.2.1\" in frontend a is in allow as well, at t:2\n"},
    {"pidfile = run/pid\n" A, "t:1: pidfile \"run/pid\" is not an absolute path\n"},
    {"admin { listen = localhost:9901 }\n" A,
     "t:1: listen \"localhost:9901\" of admin has no address before its port; names do not "
     "work here\n"},
    {"admin { listen = unix:admin }\n" A,
     "t:1: listen \"unix:admin\" of admin needs an absolute path, or @ and a name, behind "
     "unix:\n"},
    {"admin { listen = '*:9901' }\n" A, ""},
    {"admin { listen = 'unix:/run/a' }\n" A, ""},
};

START_TEST(rules)
{
    check(cases[_i].text);
    ck_assert_str_eq(mistakes(), cases[_i].mistakes);
}
END_TEST

START_TEST(long_values_have_limits)
{
    static char text[1024], path[109], protocol[257];

    memset(path, 'p', sizeof(path) - 1);
    memset(protocol, 'h', sizeof(protocol) - 1);
    snprintf(text, sizeof(text),
             "frontend a { listen = *:0 cert = c backend = unix:/%s\n alpn = { %s, %s } }",
             path, protocol, protocol + 1);
    check(text);
    ck_assert_uint_eq(diag_errors(diag), 2);
    ck_assert_ptr_nonnull(strstr(mistakes(), "is longer than the path of a Unix socket"));
    ck_assert_ptr_nonnull(
        strstr(told, "t:2: a protocol of alpn is 256 bytes long; 255 is"));
}
END_TEST

START_TEST(a_list_of_protocols_has_a_limit)
{
    /* 256 names of 255 bytes, each with its length (RFC 7301, section 3.1): one too many.
     */
    static char text[256 * 258 + 128], name[256];
    int len = snprintf(text, sizeof(text),
                       "frontend a { listen = *:0 cert = c backend = b:1 alpn = {\n");

    memset(name, 'h', sizeof(name) - 1);
    for (int i = 0; i < 256; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "%s,", name);
    snprintf(text + len, sizeof(text) - (size_t)len, "} }");
    check(text);
    ck_assert_str_eq(mistakes(),
                     "t:2: the list of alpn is too long; 65535 bytes is the most\n");
}
END_TEST

START_TEST(what_is_mistaken_is_not_missing)
{
    static const char text[] = "frontend a { lisen = *:1 cert = '' backend = }";

    config = config_load_memory("t", text, strlen(text), diag);
    ck_assert_uint_eq(diag_errors(diag), 3);
    config_check(config, diag);
    ck_assert_uint_eq(diag_errors(diag), 3);
}
END_TEST

START_TEST(words_of_the_command_line)
{
    config = config_from_words("127.0.0.1:0", "nowhere", "/c.pem");
    config_check(config, diag);
    ck_assert_str_eq(mistakes(), "command line: backend \"nowhere\" has no port\n");
    assert_addr(&config->frontend->listen[0].addr, "127.0.0.1:0");
}
END_TEST

static const struct {
    const char *lists, *client;
    bool in;
} clients[] = {
    {"", "192.0.2.1", true},
    {"deny = 192.0.2.0/24", "192.0.2.1", false},
    {"deny = 192.0.2.0/24", "192.0.3.1", true},
    {"deny = 192.0.2.0/24", "::ffff:192.0.2.1", false},
    {"deny = 192.0.2.0/24", "2001:db8::1", true},
    {"allow = 192.0.2.0/24", "192.0.2.1", true},
    {"allow = 192.0.2.0/24", "192.0.3.1", false},
    {"allow = 192.0.2.0/24", "::1", false},
    {"allow = 10.0.0.0/8 deny = { 10.1.0.0/16, 0.0.0.0/0 }", "10.2.0.1", true},
    {"allow = 10.0.0.0/8 deny = { 10.1.0.0/16, 0.0.0.0/0 }", "10.1.0.1", false},
    {"allow = { 10.0.0.0/8, 10.1.1.1 } deny = 10.1.0.0/16", "10.1.1.1", true},
    {"allow = { 10.0.0.0/8, 10.1.1.1 } deny = 10.1.0.0/16", "10.1.1.2", false},
    {"allow = { 10.0.0.0/8, 10.1.1.1 } deny = 10.1.0.0/16", "11.1.1.2", false},
    {"allow = '2001:db8::/32' deny = '2001:db8:0:6::/64'", "2001:db8::1", true},
    {"allow = '2001:db8::/32' deny = '2001:db8:0:6::/64'", "2001:db8:0:6::1", false},
    {"allow = '::/0'", "10.0.0.1", false},
    {"allow = 0.0.0.0/0", "10.0.0.1", true},
};

START_TEST(who_is_let_in)
{
    char text[256];
    struct addr client;

    snprintf(text, sizeof(text), "frontend a { listen = *:0 cert = c backend = b:1\n%s }",
             clients[_i].lists);
    check_well(text);
    ck_assert_int_eq(addr_from_numeric(&client, clients[_i].client, 5), 0);
    ck_assert_int_eq(config_lets_in(config->frontend, &client), clients[_i].in);
    ck_assert_int_eq(addr_from_unix(&client, "@x"), 0);
    ck_assert(config_lets_in(config->frontend, &client));
}
END_TEST

/* What the backend says goes before what the frontend says. */
START_TEST(headers_of_a_backend)
{
    static const struct {
        const char *word;
        enum proxy_version of_clients, of_checks;
    } words[] = {{"frontend", PROXY_V1, PROXY_OFF},
                 {"off", PROXY_OFF, PROXY_OFF},
                 {"v1", PROXY_V1, PROXY_V1},
                 {"v2", PROXY_V2, PROXY_V2}};
    char text[256];

    snprintf(text, sizeof(text),
             "backend b { server = h:1 proxy-protocol = %s }\n"
             "frontend a { listen = *:0 cert = c backend = b proxy-protocol = v1 }",
             words[_i].word);
    check_well(text);
    ck_assert_int_eq(config_proxy_version(config->frontend, &config->pool[0]),
                     words[_i].of_clients);
    ck_assert_int_eq(config_proxy_version(NULL, &config->pool[0]), words[_i].of_checks);
}
END_TEST

static Suite *
check_suite(void)
{
    Suite *suite = suite_create("check");
    TCase *tcase = tcase_create("check");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, listening_addresses);
    tcase_add_test(tcase, listening_names_are_resolved);
    tcase_add_test(tcase, addresses_of_backends);
    tcase_add_test(tcase, routes);
    tcase_add_test(tcase, sections);
    tcase_add_test(tcase, too_many_servers);
    tcase_add_test(tcase, resolvers);
    tcase_add_test(tcase, networks_of_proxies);
    tcase_add_loop_test(tcase, rules, 0, (int)COUNT_OF(cases));
    tcase_add_loop_test(tcase, who_is_let_in, 0, (int)COUNT_OF(clients));
    tcase_add_loop_test(tcase, headers_of_a_backend, 0, 4);
    tcase_add_test(tcase, long_values_have_limits);
    tcase_add_test(tcase, a_list_of_protocols_has_a_limit);
    tcase_add_test(tcase, what_is_mistaken_is_not_missing);
    tcase_add_test(tcase, words_of_the_command_line);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(check_suite)
