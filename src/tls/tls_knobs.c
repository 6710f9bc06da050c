/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_knobs.h"

#include "base/attr.h"
#include "tls/tls_ctx.h"
#include "tls/tls_err.h"

#include <openssl/err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Lists ---- */

/*
 * The first that the library takes: the post-quantum group is known from 3.5 on, and a
 * provider for FIPS has no X25519. Separated by ':', not by the '/' of 3.5: a client that
 * sends a key share of one of them is not asked for another one (HelloRetryRequest costs a
 * round trip); those that mean X25519MLKEM768 send a share of it.
 */
static const char *const default_groups[] = {
    "X25519MLKEM768:X25519:P-256:P-384",
    "X25519:P-256:P-384",
    "P-256:P-384",
};

/* A setting that is one of OpenSSL's lists, and how one is given to OpenSSL. */
struct list {
    const char *setting;
    const char *separators;
    const char *operators; /* an element that begins with one of these selects nothing */
    const char *kind;      /* what an element is a name of */
    int (*set)(SSL_CTX *ctx, const char *list);
};

static int
set_groups(SSL_CTX *ctx, const char *list)
{
    /* A macro that casts const away: the list is only read. */
    return (int)SSL_CTX_set1_groups_list(ctx, (uintptr_t)list);
}

static int
set_sigalgs(SSL_CTX *ctx, const char *list)
{
    return (int)SSL_CTX_set1_sigalgs_list(ctx, (uintptr_t)list); /* likewise */
}

static const struct list ciphers_list = {
    "ciphers", ": ,;", "!-+@", "cipher of TLS 1.2", SSL_CTX_set_cipher_list,
};
static const struct list ciphersuites_list = {
    "ciphersuites", ":", "", "cipher suite of TLS 1.3", SSL_CTX_set_ciphersuites,
};
static const struct list groups_list = {
    "groups", ":/", "-", "group", set_groups,
};
static const struct list sigalgs_list = {
    "sigalgs", ":", "", "signature algorithm", set_sigalgs,
};

/* Does OpenSSL take the element alone? Changes ctx. Without memory: yes. */
static bool
is_known(SSL_CTX *ctx, const struct list *list, const char *element, size_t len)
{
    char *copy = strndup(element, len);
    bool known = copy == NULL || list->set(ctx, copy) == 1;

    free(copy);
    ERR_clear_error();
    return known;
}

/*
 * Tell of each element of the list that means nothing to OpenSSL: an error if it
 * refuses the list as a whole, else a warning, since OpenSSL passes over it in silence.
 * Returns how many there were.
 */
static size_t
report_unknown(SSL_CTX *ctx, const struct list *list, const struct config_string *value,
               bool refused, struct diag *diag)
{
    const char *at = value->text;
    size_t count = 0;

    while (*at != '\0') {
        size_t len = strcspn(at, list->separators);
        int shown = len < 80 ? (int)len : 80;

        if (len > 0 && strchr(list->operators, *at) == NULL &&
            !is_known(ctx, list, at, len)) {
            count++;
            if (refused)
                diag_error(diag, value->pos, "%s: \"%.*s\" names no %s that OpenSSL knows",
                           list->setting, shown, at, list->kind);
            else
                diag_warning(diag, value->pos,
                             "%s: \"%.*s\" names no %s that OpenSSL knows and is ignored",
                             list->setting, shown, at, list->kind);
        }
        at += len;
        at += strspn(at, list->separators);
    }
    return count;
}

/* Which elements of a list are wrong is tried out on an SSL_CTX of its own. */
static size_t
try_elements(const struct list *list, const struct config_string *value, bool refused,
             struct diag *diag)
{
    SSL_CTX *scratch = SSL_CTX_new(TLS_server_method());
    size_t count;

    if (scratch == NULL)
        return 0;
    count = report_unknown(scratch, list, value, refused, diag);
    SSL_CTX_free(scratch);
    return count;
}

static int
apply_list(SSL_CTX *ctx, const struct list *list, const struct config_string *value,
           struct diag *diag)
{
    char reason[128];

    if (value->text[0] != '\0' && list->set(ctx, value->text) == 1) {
        (void)try_elements(list, value, false, diag);
        ERR_clear_error();
        return 0;
    }
    (void)tls_err_take(reason, sizeof(reason), "refused by OpenSSL");
    if (value->text[0] == '\0')
        diag_error(diag, value->pos, "%s: the list is empty", list->setting);
    else if (try_elements(list, value, true, diag) == 0)
        diag_error(diag, value->pos, "%s: \"%.200s\": %s", list->setting, value->text,
                   reason);
    return -1;
}

static int
apply_default_groups(SSL_CTX *ctx)
{
    size_t i = 0;

    while (i < COUNT_OF(default_groups) && set_groups(ctx, default_groups[i]) != 1)
        i++;
    ERR_clear_error();
    return i < COUNT_OF(default_groups) ? 0 : -1;
}

int
tls_knobs_apply_lists(SSL_CTX *ctx, const struct config_frontend *frontend,
                      struct diag *diag)
{
    int status = 0;

    if (SSL_CTX_set_cipher_list(ctx, TLS_CTX_CIPHERS) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, TLS_CTX_CIPHERSUITES) != 1 ||
        apply_default_groups(ctx) != 0) {
        diag_error(diag, frontend->pos, "OpenSSL lacks the default ciphers or groups");
        return -1;
    }
    if (frontend->ciphers.text != NULL)
        status |= apply_list(ctx, &ciphers_list, &frontend->ciphers, diag);
    if (frontend->ciphersuites.text != NULL)
        status |= apply_list(ctx, &ciphersuites_list, &frontend->ciphersuites, diag);
    if (frontend->groups.text != NULL)
        status |= apply_list(ctx, &groups_list, &frontend->groups, diag);
    if (frontend->sigalgs.text != NULL)
        status |= apply_list(ctx, &sigalgs_list, &frontend->sigalgs, diag);
    return status;
}

/* ---- ssl-conf ---- */

#define BLANK " \t"

/* Commands that are not for ssl-conf, and why. */
static const struct {
    const char *name, *why;
} refused_commands[] = {
    {"Certificate", "cert and key are for that"},
    {"PrivateKey", "cert and key are for that"},
    {"ServerInfoFile", "workers open no files"},
    {"DHParameters", "workers open no files; dh = on takes parameters of OpenSSL's"},
    {"ChainCAFile", "workers open no files; put the chain behind the certificate"},
    {"ChainCAPath", "workers open no files; put the chain behind the certificate"},
    {"ChainCAStore", "workers open no files; put the chain behind the certificate"},
    {"VerifyCAFile", "who may be a client is not decided here"},
    {"VerifyCAPath", "who may be a client is not decided here"},
    {"VerifyCAStore", "who may be a client is not decided here"},
    {"RequestCAFile", "who may be a client is not decided here"},
    {"RequestCAPath", "who may be a client is not decided here"},
    {"RequestCAStore", "who may be a client is not decided here"},
    {"ClientCAFile", "who may be a client is not decided here"},
    {"ClientCAPath", "who may be a client is not decided here"},
    {"ClientCAStore", "who may be a client is not decided here"},
    {"VerifyMode", "who may be a client is not decided here"},
    {"Protocol", "tls-min and tls-max are for that"},
    {"MinProtocol", "tls-min and tls-max are for that"},
    {"MaxProtocol", "tls-min and tls-max are for that"},
    {"NumTickets", "session-lifetime is for that"},
};

/* What stays as it is, by whatever spelling, and why. */
static const struct {
    uint64_t option;
    const char *why;
} guarantees[] = {
    {SSL_OP_IGNORE_UNEXPECTED_EOF, "a truncated stream has to differ from one that ended"},
    {SSL_OP_NO_RENEGOTIATION, "renegotiation is always refused"},
    {SSL_OP_ALLOW_CLIENT_RENEGOTIATION, "renegotiation is always refused"},
    {SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION, "renegotiation is always refused"},
    {SSL_OP_NO_COMPRESSION, "compression would tell of what is encrypted"},
    {SSL_OP_ENABLE_KTLS, "TLS works on memory here, not on sockets"},
    {SSL_OP_NO_TICKET, "session-lifetime is for that"},
    {SSL_OP_ALLOW_NO_DHE_KEX, "resumed sessions of TLS 1.3 keep their forward secrecy"},
};

/* A line of ssl-conf, taken apart. */
struct command {
    const struct config_string *from;
    char *name; /* owned; the whole line, cut behind the name */
    const char *value;
};

static int
split(const struct config_string *from, struct command *c, struct diag *diag)
{
    size_t begin = strspn(from->text, BLANK), name, gap;

    *c = (struct command){.from = from, .name = strdup(from->text + begin)};
    if (c->name == NULL)
        abort();
    name = strcspn(c->name, BLANK);
    gap = strspn(c->name + name, BLANK);
    c->value = c->name + name + gap;
    if (*c->value == '\0') {
        diag_error(diag, from->pos,
                   "ssl-conf: \"%.80s\" has no value; write \"Command value\"", from->text);
        return -1;
    }
    c->name[name] = '\0';
    return 0;
}

static const char *
find_refusal(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(refused_commands); i++)
        if (strcasecmp(refused_commands[i].name, name) == 0)
            return refused_commands[i].why;
    return NULL;
}

/* What is different now and may not be; or NULL. */
static const char *
find_breach(uint64_t before, uint64_t after)
{
    for (size_t i = 0; i < COUNT_OF(guarantees); i++)
        if (((before ^ after) & guarantees[i].option) != 0)
            return guarantees[i].why;
    return NULL;
}

/* OpenSSL has not taken it. */
static void
complain(const struct command *c, int result, struct diag *diag)
{
    char reason[128];

    if (result == -2)
        diag_error(diag, c->from->pos,
                   "ssl-conf: OpenSSL knows no command \"%.80s\" for servers (see "
                   "SSL_CONF_cmd(3ssl))",
                   c->name);
    else
        diag_error(diag, c->from->pos,
                   "ssl-conf: %s does not take the value \"%.200s\": %s", c->name, c->value,
                   tls_err_take(reason, sizeof(reason), "refused by OpenSSL"));
    ERR_clear_error();
}

static int
apply_command(SSL_CONF_CTX *conf, SSL_CTX *ctx, const struct command *c, struct diag *diag)
{
    uint64_t before = SSL_CTX_get_options(ctx);
    const char *why = find_refusal(c->name);
    int result;

    if (why == NULL) {
        result = SSL_CONF_cmd(conf, c->name, c->value);
        if (result <= 0) {
            complain(c, result, diag);
            return -1;
        }
        why = find_breach(before, SSL_CTX_get_options(ctx));
    }
    if (why == NULL)
        return 0;
    diag_error(diag, c->from->pos, "ssl-conf: \"%.200s\" is not allowed: %s", c->from->text,
               why);
    return -1;
}

int
tls_knobs_apply_conf(SSL_CTX *ctx, const struct config_frontend *frontend,
                     struct diag *diag)
{
    const struct config_strings *lines = &frontend->ssl_conf;
    SSL_CONF_CTX *conf;
    int status = 0;

    if (lines->count == 0)
        return 0;
    conf = SSL_CONF_CTX_new();
    if (conf == NULL)
        abort();
    (void)SSL_CONF_CTX_set_flags(conf, SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SERVER |
                                           SSL_CONF_FLAG_SHOW_ERRORS);
    SSL_CONF_CTX_set_ssl_ctx(conf, ctx);
    for (size_t i = 0; i < lines->count; i++) {
        struct command c;

        if (split(&lines->item[i], &c, diag) != 0 ||
            apply_command(conf, ctx, &c, diag) != 0)
            status = -1;
        free(c.name);
    }
    if (SSL_CONF_CTX_finish(conf) != 1)
        status = -1;
    SSL_CONF_CTX_free(conf);
    ERR_clear_error();
    return status;
}
