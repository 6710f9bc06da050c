/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/check.h"

#include "base/text.h"
#include "config/check_private.h"
#include "config/options.h"
#include "config/parse.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>

#define DNS_PORT 53
#define ALPN_NAME_MAX 255 /* RFC 7301, section 3.1 */
#define ALPN_LIST_MAX 65535
#define TICKET_PERIODS_MAX 24 /* see tls/tls_ticket.h */
#define SYSTEMD "systemd:"

const char *
check_quote(const struct checker *c, const char *text)
{
    return parse_quote(c->config->arena, text);
}

bool
check_is_host_name(const char *host)
{
    const char *last = strrchr(host, '.');

    for (const char *h = host; *h != '\0'; h++) {
        bool alnum = (*h >= 'a' && *h <= 'z') || (*h >= 'A' && *h <= 'Z') ||
                     (*h >= '0' && *h <= '9');

        if (!alnum && (h == host || strchr("-._", *h) == NULL))
            return false;
    }
    /* What ends in a number is an address, and one that is wrong. */
    last = last == NULL ? host : last + 1;
    return last[strspn(last, "0123456789")] != '\0' || *last == '\0';
}

/* addr NULL: a socket of systemd's. */
static struct config_listen *
add_listen(struct checker *c, const struct config_string *from, const struct addr *addr)
{
    struct config_frontend *f = c->frontend;
    struct config_listen *grown;

    if ((f->listens & (f->listens - 1)) == 0) { /* full: its room is a power of two */
        grown = arena_alloc(c->config->arena, 2 * (f->listens + 1) * sizeof(*grown));
        if (f->listens > 0)
            memcpy(grown, f->listen, f->listens * sizeof(*grown));
        f->listen = grown;
    }
    f->listen[f->listens].from = *from;
    if (addr != NULL)
        f->listen[f->listens].addr = *addr;
    return &f->listen[f->listens++];
}

/* A name may come with one address several times: once is enough. */
static void
add_resolved(struct checker *c, const struct config_string *from,
             const struct addrinfo *found)
{
    size_t first = c->frontend->listens, i;
    struct addr addr;

    for (; found != NULL; found = found->ai_next) {
        addr_from_sockaddr(&addr, found->ai_addr, found->ai_addrlen);
        for (i = first; i < c->frontend->listens; i++)
            if (addr_equal(&c->frontend->listen[i].addr, &addr))
                break;
        if (i == c->frontend->listens)
            (void)add_listen(c, from, &addr);
    }
}

static void
resolve_listen(struct checker *c, const struct config_string *from, const char *host,
               uint16_t port)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[8];
    struct text t;
    int rc;

    text_init(&t, service, sizeof(service));
    text_addf(&t, "%u", (unsigned)port);
    rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0) {
        diag_error(c->diag, from->pos, "listen %s in frontend %s cannot be resolved: %s",
                   check_quote(c, from->text), c->frontend->name,
                   rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
        return;
    }
    add_resolved(c, from, found);
    freeaddrinfo(found);
}

/* "systemd:NAME"; whether there is such a socket is found out when it is taken. */
static void
check_systemd_listen(struct checker *c, const struct config_string *from)
{
    const char *name = from->text + strlen(SYSTEMD);

    if (*name == '\0')
        diag_error(c->diag, from->pos,
                   "listen %s has no name behind systemd: (see FileDescriptorName= in "
                   "systemd.socket(5))",
                   check_quote(c, from->text));
    else
        add_listen(c, from, NULL)->systemd = name;
}

static void
check_listen(struct checker *c, const struct config_string *from)
{
    char host[CHECK_HOST_SIZE];
    struct addr addr;
    uint16_t port;
    const char *wrong;

    if (strncmp(from->text, SYSTEMD, strlen(SYSTEMD)) == 0) {
        check_systemd_listen(c, from);
        return;
    }
    if (strncmp(from->text, "unix:", 5) == 0)
        wrong = "is a Unix socket; a frontend listens on TCP";
    else
        wrong = addr_split(from->text, true, host, sizeof(host), &port);
    if (wrong == NULL &&
        addr_from_numeric(&addr, strcmp(host, "*") == 0 ? "0.0.0.0" : host, port) == 0) {
        (void)add_listen(c, from, &addr);
        return;
    }
    if (wrong == NULL && !check_is_host_name(host))
        wrong = "has neither an address nor a host name before its port";
    if (wrong == NULL)
        resolve_listen(c, from, host, port);
    else
        diag_error(c->diag, from->pos, "listen %s %s", check_quote(c, from->text), wrong);
}

const char *
check_unix(struct addr *addr, const char *path)
{
    if (*path != '/' && *path != '@')
        return "needs an absolute path, or @ and a name, behind unix:";
    if (strcmp(path, "@") == 0)
        return "has no name behind its @";
    if (addr_from_unix(addr, path) != 0)
        return "is longer than the path of a Unix socket may be (107 bytes)";
    return NULL;
}

static void
check_required(struct checker *c)
{
    static const char *const examples[] = {"listen = \"*:443\"",
                                           "cert = \"/etc/sallyport/cert.pem\"",
                                           "backend = \"127.0.0.1:8080\""};
    const struct config_frontend *f = c->frontend;
    bool missing[] = {f->listen_text.count == 0, f->cert.count == 0,
                      f->backend_text.text == NULL};

    for (size_t i = 0; i < COUNT_OF(examples); i++)
        if (missing[i])
            diag_error(c->diag, f->pos, "frontend %s has no %.*s; write %s", f->name,
                       (int)strcspn(examples[i], " "), examples[i], examples[i]);
}

static void
check_alpn(struct checker *c)
{
    const struct config_strings *alpn = &c->frontend->alpn;
    size_t total = 0;

    for (size_t i = 0; i < alpn->count; i++) {
        size_t len = strlen(alpn->item[i].text);

        total += len + 1;
        if (len > ALPN_NAME_MAX)
            diag_error(c->diag, alpn->item[i].pos,
                       "a protocol of alpn is %zu bytes long; %d is the most", len,
                       ALPN_NAME_MAX);
    }
    if (total > ALPN_LIST_MAX)
        diag_error(c->diag, alpn->item[0].pos,
                   "the list of alpn is too long; %d bytes is "
                   "the most",
                   ALPN_LIST_MAX);
}

/* The key of a ticket is kept for as long as a session may last. */
static void
check_tickets(struct checker *c)
{
    const struct config_frontend *f = c->frontend;
    char lifetime[32], rotation[32];
    struct text t;

    if (f->session_lifetime_ms / TICKET_PERIODS_MAX <= f->ticket_rotation_ms)
        return;
    text_init(&t, lifetime, sizeof(lifetime));
    text_add_duration(&t, f->session_lifetime_ms);
    text_init(&t, rotation, sizeof(rotation));
    text_add_duration(&t, f->ticket_rotation_ms);
    diag_error(c->diag, f->pos,
               "frontend %s has session-lifetime %s, which is more than %d times its "
               "ticket-rotation of %s",
               f->name, lifetime, TICKET_PERIODS_MAX, rotation);
}

static void
check_frontend(struct checker *c)
{
    struct config_frontend *f = c->frontend;

    check_required(c);
    f->listen = NULL;
    f->listens = 0;
    for (size_t i = 0; i < f->listen_text.count; i++)
        if (*f->listen_text.item[i].text != '\0')
            check_listen(c, &f->listen_text.item[i]);
    check_backends(c);
    check_nets(c, "accept-proxy", &f->accept_proxy, &f->proxies);
    check_source(c);
    check_alpn(c);
    check_client_cert(c);
    check_tickets(c);
    check_access(c);
    if (f->tls_min > f->tls_max)
        diag_error(c->diag, f->pos,
                   "frontend %s has tls-min 1.3 above tls-max 1.2; no client "
                   "could connect",
                   f->name);
}

static void
check_names(struct checker *c)
{
    const struct config_frontend *f = c->frontend, *first = c->config->frontend;

    while (first < f && strcmp(first->name, f->name) != 0)
        first++;
    if (first < f && *f->name != '\0')
        diag_error(c->diag, f->pos, "there are two frontends %s; the first is at %s:%u",
                   f->name, first->pos.file, first->pos.line);
}

/*
 * Would the kernel let only one of two sockets listen? A wildcard takes its port on all
 * addresses of its family.
 */
static bool
overlap(const struct config_listen *first, const struct config_listen *second)
{
    const struct addr *a = &first->addr, *b = &second->addr;

    if (first->systemd != NULL || second->systemd != NULL)
        return first->systemd != NULL && second->systemd != NULL &&
               strcmp(first->systemd, second->systemd) == 0;
    if (addr_equal(a, b)) /* also with port 0: which is whose could not be told */
        return true;
    return a->u.sa.sa_family == b->u.sa.sa_family && addr_port(a) == addr_port(b) &&
           addr_port(a) != 0 && (addr_is_wildcard(a) || addr_is_wildcard(b));
}

/* The first of all the listening addresses before `end` that stands in its way. */
static const struct config_listen *
find_listen(const struct config *config, const struct config_listen *end, size_t *frontend)
{
    for (*frontend = 0; *frontend < config->frontends; ++*frontend) {
        const struct config_frontend *f = &config->frontend[*frontend];

        for (size_t i = 0; i < f->listens; i++) {
            if (&f->listen[i] == end)
                return NULL;
            if (overlap(&f->listen[i], end))
                return &f->listen[i];
        }
    }
    return NULL;
}

/* Two on one address. */
static void
check_conflicts(struct checker *c)
{
    const struct config_frontend *f = c->frontend;

    for (size_t i = 0; i < f->listens; i++) {
        const struct config_listen *listen = &f->listen[i], *first;
        size_t other;

        first = find_listen(c->config, listen, &other);
        if (first != NULL)
            diag_error(c->diag, listen->from.pos,
                       "listen %s in frontend %s is taken by %s in frontend %s at %s:%u",
                       check_quote(c, listen->from.text), f->name,
                       check_quote(c, first->from.text), c->config->frontend[other].name,
                       first->from.pos.file, first->from.pos.line);
    }
}

/* "127.0.0.1:53", "[::1]:53", or without a port "127.0.0.1", "::1". */
static void
check_resolver(struct checker *c, const struct config_string *from, struct addr *addr)
{
    char host[CHECK_HOST_SIZE];
    uint16_t port;
    const char *wrong;

    if (addr_from_numeric(addr, from->text, DNS_PORT) == 0)
        return;
    wrong = addr_split(from->text, false, host, sizeof(host), &port);
    if (wrong == NULL && addr_from_numeric(addr, host, port) != 0)
        wrong = "is not an address";
    if (wrong != NULL)
        diag_error(c->diag, from->pos,
                   "resolver %s %s; a name server is written as its address, with or "
                   "without a port",
                   check_quote(c, from->text), wrong);
}

/* "127.0.0.1:9901", "*:9901", "unix:/run/sallyport/admin.sock". */
static void
check_admin(struct checker *c)
{
    struct config *config = c->config;
    const struct config_string *from = &config->admin_text;
    char host[CHECK_HOST_SIZE];
    uint16_t port;
    const char *wrong;

    if (from->text == NULL)
        return;
    if (strncmp(from->text, "unix:", 5) == 0) {
        wrong = check_unix(&config->admin, from->text + 5);
    } else {
        wrong = addr_split(from->text, false, host, sizeof(host), &port);
        if (wrong == NULL &&
            addr_from_numeric(&config->admin, strcmp(host, "*") == 0 ? "0.0.0.0" : host,
                              port) != 0)
            wrong = "has no address before its port; names do not work here";
    }
    if (wrong != NULL)
        diag_error(c->diag, from->pos, "listen %s of admin %s", check_quote(c, from->text),
                   wrong);
}

static void
check_path(struct checker *c, const char *setting, const struct config_string *path)
{
    if (path->text != NULL && *path->text != '/')
        diag_error(c->diag, path->pos, "%s %s is not an absolute path", setting,
                   check_quote(c, path->text));
}

static void
check_global(struct checker *c)
{
    struct config *config = c->config;
    const char *to = config->log.to;

    config->nameservers.count = config->resolver.count;
    config->nameservers.item =
        arena_alloc(config->arena, (config->resolver.count + 1) * sizeof(struct addr));
    for (size_t i = 0; i < config->resolver.count; i++)
        check_resolver(c, &config->resolver.item[i], &config->nameservers.item[i]);
    check_admin(c);
    check_limits(c);
    check_path(c, "pidfile", &config->pidfile);
    check_path(c, "openssl-conf", &config->openssl_conf);
    check_path(c, "key-log", &config->key_log);
    if (strcmp(to, "stderr") != 0 && strcmp(to, "syslog") != 0 && *to != '/')
        diag_error(c->diag, config->log_to_pos,
                   "to = %s is not known; it takes stderr, syslog or an absolute path",
                   parse_is_word(to) ? to : check_quote(c, to));
}

void
config_check(struct config *config, struct diag *diag)
{
    struct checker c = {.config = config, .diag = diag};

    check_global(&c);
    check_sections(&c);
    for (size_t i = 0; i < config->frontends; i++) {
        c.frontend = &config->frontend[i];
        check_frontend(&c);
        check_names(&c);
    }
    for (size_t i = 0; i < config->frontends; i++) {
        c.frontend = &config->frontend[i];
        check_conflicts(&c);
    }
    check_unused(&c);
    /* With other mistakes there may be one that could not be read. */
    if (config->frontends == 0 && diag_errors(diag) == 0)
        diag_error(diag, (struct pos){config->file, 0},
                   "there is no frontend; write frontend NAME { ... }");
}
