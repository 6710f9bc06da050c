/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/addr.h"
#include "base/addr_net.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/log.h"
#include "core/balance.h"
#include "core/health.h"
#include "core/proxy.h"
#include "core/route.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The configuration: read and checked once, then never changed. All of it,
 * strings and places included, lives in one arena. Durations are milliseconds, 0 is 'off'.
 */

/* A value that is checked again later, with the place that it came from. */
struct config_string {
    const char *text; /* NULL: not set; "": a mistake, diag has it */
    struct pos pos;
};

struct config_strings {
    struct config_string *item;
    size_t count;
};

/* Bytes that nobody here looks into. */
struct config_blob {
    const void *data;
    size_t len;
};

/* One address to listen on. A listen value may mean several ("localhost:443"). */
struct config_listen {
    struct config_string from; /* as written */
    struct addr addr;          /* len 0 for a socket of systemd's */
    const char *systemd;       /* the name of such a socket ("systemd:NAME"); NULL: none */
};

struct config_addrs {
    struct addr *item;
    size_t count;
};

struct config_nets {
    struct addr_net *item;
    size_t count;
};

enum config_backend_kind {
    CONFIG_BACKEND_ADDR,
    CONFIG_BACKEND_NAME,
    CONFIG_BACKEND_ORIGINAL /* where the client wanted to go, before it was redirected */
};

struct config_backend {
    struct config_string from;
    enum config_backend_kind kind;
    struct addr addr; /* of kind ADDR: IPv4, IPv6 or Unix */
    const char *host; /* of kind NAME */
    uint16_t port; /* of kind NAME; of kind ORIGINAL: instead of the client's, if not 0 */
    struct config_addrs
        known; /* of kind NAME: what the hosts file says; set by proc/names */
};

/* One of the servers of a backend. */
struct config_server {
    struct config_backend at;
    bool backup;              /* only while no other one is usable */
    uint32_t weight;          /* 1 to BALANCE_WEIGHT_MAX */
    uint32_t max_connections; /* 0: no limit */
    uint32_t place;           /* of what is counted, see core/stats; set by proc/setup */
};

/* How servers are checked without connections of clients. */
enum config_check {
    CONFIG_CHECK_OFF,
    CONFIG_CHECK_CONNECT, /* by a connection */
    CONFIG_CHECK_ANSWER   /* and by what they answer */
};

/*
 * Where connections are led to: servers, of which each connection gets one. What frontends
 * name by its address is a pool of one server, without a name.
 */
struct config_pool {
    const char *name; /* of the section; NULL: an address in a frontend */
    struct pos pos;
    struct config_strings server_text; /* as written: an address and words */
    enum balance balance;
    struct health_rules health; /* as written; see config_health_rules */
    uint32_t queue_length; /* who waits while all servers have max_connections; 0: nobody */
    uint32_t queue_timeout_ms;
    int proxy_protocol; /* one more than an enum proxy_version; 0: as the frontend says */
    enum config_check check;
    uint32_t check_interval_ms;
    uint32_t check_timeout_ms;          /* check_interval_ms at most */
    struct config_string check_send;    /* with escapes, see text_unescape; NULL: nothing */
    struct config_strings check_expect; /* likewise: what an answer may begin with */

    struct config_server *server; /* set by config_check */
    size_t servers;
    bool used; /* a frontend leads there; set by config_check */
};

/* Which address connections to backends come from. */
enum config_source {
    CONFIG_SOURCE_OWN, /* the one that the kernel chooses */
    CONFIG_SOURCE_CLIENT,
    CONFIG_SOURCE_ADDR
};

enum config_truncation {
    CONFIG_TRUNCATION_RESET,
    CONFIG_TRUNCATION_EOF
};

/* Who protects records after the handshake, and from when on. */
enum config_own_records {
    CONFIG_OWN_RECORDS_OFF,
    CONFIG_OWN_RECORDS_ON, /* we, where it pays: see leg_release_ssl */
    CONFIG_OWN_RECORDS_AT_ONCE
};

enum config_verify {
    CONFIG_VERIFY_OFF,
    CONFIG_VERIFY_OPTIONAL,
    CONFIG_VERIFY_REQUIRED
};

/* Which certificates of clients are good. */
struct config_client_cert {
    enum config_verify verify;
    struct config_strings ca, crl; /* files */
    uint32_t depth;                /* intermediate certificates at most */
    struct config_strings allow;   /* see core/identity */
    struct config_blob sealed;     /* ca and crl, set by proc/setup; see client_ca */
};

/* Files of a certificate and its key. */
struct config_cert {
    struct config_string cert;
    struct config_string key; /* text NULL: in the file of the certificate, or beside it */
    struct config_string passphrases; /* text NULL: there are none */
};

/* What is let in of all clients, in all frontends and workers; 0: no limit. */
struct config_limits {
    uint32_t connections, connections_per_source;
    uint32_t handshakes, handshakes_per_source; /* under way */
    uint32_t rate, rate_per_source;             /* handshakes a second */
    uint32_t burst, burst_per_source;           /* at once; 0: those of a second */
    struct config_strings exempt_text;
    struct config_nets exempt; /* what has no limits per source; set by config_check */
};

struct config_frontend {
    const char *name;
    struct pos pos;

    struct config_strings listen_text; /* as written */
    struct config_listen *listen;      /* resolved by config_check */
    size_t listens;

    struct config_strings cert;        /* files, patterns and directories, as written */
    struct config_strings key;         /* none: in the files of cert, or beside them */
    struct config_string passphrases;  /* a file; NULL: none */
    struct config_string cert_default; /* one of the files of cert; NULL: the first */
    bool sni_strict;                   /* refuse unknown names */
    struct config_cert *cert_file;     /* what cert and key mean; see config_find_certs */
    size_t cert_files;

    struct config_string ocsp; /* text NULL: beside cert, if there is one */

    struct config_string backend_text;  /* as written */
    uint32_t backend;                   /* a number in config.pool; set by config_check */
    struct config_strings sni_backend;  /* "name=address", as written */
    struct config_strings alpn_backend; /* "protocol=address", as written */
    struct route *route; /* what these mean, sorted, with such numbers; set by
                            config_check */
    size_t routes;       /* of both */

    bool original; /* one of its backends is CONFIG_BACKEND_ORIGINAL; set by
                      config_check */
    struct config_string source_text; /* as written */
    enum config_source source;        /* set by config_check */
    struct addr source_addr;          /* likewise; port 0 */

    struct config_strings accept_proxy; /* networks, as written */
    struct config_nets proxies; /* the same, set by config_check; none: clients come by
                                   themselves */
    enum proxy_version proxy_protocol; /* what backends are told of clients */

    int tls_min, tls_max;         /* 0x0303, 0x0304 (the versions of RFC 8446, 4.2.1) */
    struct config_string ciphers; /* TLS 1.2, OpenSSL's list; NULL: the default */
    struct config_string ciphersuites;   /* TLS 1.3; NULL: the default */
    struct config_string groups;         /* NULL: the default */
    struct config_string sigalgs;        /* NULL: OpenSSL's default */
    int security_level;                  /* one more than OpenSSL's; 0: auto */
    bool dh;                             /* finite-field Diffie-Hellman with TLS 1.2 */
    struct config_strings ssl_conf;      /* commands of SSL_CONF_cmd, with their values */
    uint32_t session_lifetime_ms;        /* whole seconds; 0: sessions are not resumed */
    uint32_t ticket_rotation_ms;         /* whole seconds */
    struct config_strings ticket_secret; /* files; none: a secret of this sallyport's own */
    struct config_strings alpn;          /* in order of preference; none: ALPN is ignored */
    enum config_own_records own_records; /* protect records without OpenSSL's object */
    struct config_client_cert client_cert;
    struct config_string acme_tls_dir; /* text NULL: none */

    uint32_t handshake_timeout_ms;
    uint32_t connect_timeout_ms;
    uint32_t idle_timeout_ms;
    uint32_t half_closed_timeout_ms;
    uint32_t close_wait_ms;
    uint32_t linger_timeout_ms;
    uint32_t linger_max_ms;
    enum config_truncation on_truncation;

    bool keepalive;
    uint32_t keepalive_idle_ms;     /* whole seconds */
    uint32_t keepalive_interval_ms; /* whole seconds */
    uint32_t keepalive_count;
    uint32_t tcp_user_timeout_ms;

    uint32_t backlog;
    uint32_t max_connections; /* 0: no limit of its own */

    struct config_strings allow_text, deny_text;
    struct config_nets allow, deny; /* set by config_check */

    /* Set by proc/setup, for the workers. */
    uint32_t place;                    /* of what is counted, see core/stats */
    struct config_blob sealed_cert;    /* see cert_pack */
    struct config_blob ticket_secrets; /* see tls_ticket_set_secrets */
    struct config_blob staples;        /* see staple_pack; len 0: none */
    struct config_blob challenges; /* see challenge_load_dir; len 0: none are answered */
};

struct config {
    struct arena *arena;
    struct config *root; /* that this is a renewal of; NULL: of none */
    unsigned refs;       /* renewals that need it, and its owner */
    const char *file;    /* that it was read from; NULL: the command line */
    struct log_settings log;
    struct pos log_to_pos;
    uint32_t workers;    /* 0: auto */
    uint32_t cert_cache; /* decoded certificates, in all workers together */
    struct config_string user, group;
    bool sandbox;
    bool watch; /* load certificates that have changed */
    struct config_string pidfile;
    struct config_string openssl_conf; /* NULL: what OpenSSL reads by itself */
    struct config_string key_log;      /* NULL: none */
    struct config_string admin_text;   /* as written */
    struct addr admin;                 /* set by config_check; len 0: there is none */
    struct config_limits limits;
    uint32_t accept_grace_ms;
    uint32_t drain_timeout_ms;
    struct config_strings resolver;  /* addresses of name servers; none: resolv.conf */
    struct config_addrs nameservers; /* set by config_check; by proc/names where that
                                        says nothing */
    struct config_strings search;    /* set by proc/names: domains to look names up in */
    uint32_t ndots;                  /* likewise: dots that make a name be tried as it is */
    struct config_pool *pool;        /* first those with a name */
    size_t pools;
    struct config_frontend *frontend;
    size_t frontends;
};

/* One without frontends, with all settings at their defaults; those of a frontend go
 * into defaults. For config_free. */
struct config *config_new(struct config_frontend *defaults);

/* What a server is called: its address as it is written. */
const char *config_server_name(const struct config_server *server);

/* What a pool is called: its name, or the one address that it stands for. */
const char *config_pool_name(const struct config_pool *pool);

/* What makes one of its servers good or not. One that is alone is never ejected. */
struct health_rules config_health_rules(const struct config_pool *pool);

/*
 * The number of the pool to which a connection leads that asks for that name (NULL:
 * none) and speaks that protocol of len bytes (0: none): see core/route.
 */
uint32_t config_route(const struct config_frontend *f, const char *name,
                      const void *protocol, size_t len);

/* Is the address in one of them? */
bool config_nets_contain(const struct config_nets *nets, const struct addr *a);

/* The header of the PROXY protocol that a connection to that backend begins with; f
 * NULL: a check of its servers. */
enum proxy_version config_proxy_version(const struct config_frontend *f,
                                        const struct config_pool *pool);

/*
 * May a client of that address come in? allow and deny: what the longest prefix says
 * that it is in; or else, whether there is no allow. The address of a Unix socket may.
 */
bool config_lets_in(const struct config_frontend *f, const struct addr *client);

/*
 * A copy of a checked configuration, in which certificates are to be found and sealed
 * anew. All else is shared with the original, which stays as long as it has to, also
 * after config_free. For config_free.
 */
struct config *config_renew(struct config *config);

/* Release the configuration and everything in it. NULL is allowed. */
void config_free(struct config *config);

#endif
