/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/options.h"

#include "base/text.h"

#include <string.h>

#define SECOND UINT32_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define LONGEST (24 * DAY) /* what text_parse_duration takes at most */

#define GLOBAL(field) OPTION_GLOBAL, offsetof(struct config, field)
#define LOG(field) OPTION_LOG, offsetof(struct config, log.field)
#define LIMIT(field) OPTION_GLOBAL, offsetof(struct config, limits.field)
#define FRONTEND(field) OPTION_FRONTEND, offsetof(struct config_frontend, field)
#define BACKEND(field) OPTION_BACKEND, offsetof(struct config_pool, field)
#define CLIENT_CERT(field) \
    OPTION_CLIENT_CERT, offsetof(struct config_frontend, client_cert.field)

/* OPTION_WORD stores through an int. */
_Static_assert(sizeof(enum log_level) == sizeof(int), "enum log_level");
_Static_assert(sizeof(enum log_format) == sizeof(int), "enum log_format");
_Static_assert(sizeof(enum config_truncation) == sizeof(int), "enum config_truncation");
_Static_assert(sizeof(enum config_own_records) == sizeof(int), "enum config_own_records");
_Static_assert(sizeof(enum proxy_version) == sizeof(int), "enum proxy_version");
_Static_assert(sizeof(enum config_verify) == sizeof(int), "enum config_verify");
_Static_assert(sizeof(enum balance) == sizeof(int), "enum balance");
_Static_assert(sizeof(enum config_check) == sizeof(int), "enum config_check");

static const struct option_word levels[] = {{"error", LOG_LEVEL_ERROR},
                                            {"warning", LOG_LEVEL_WARNING},
                                            {"notice", LOG_LEVEL_NOTICE},
                                            {"info", LOG_LEVEL_INFO},
                                            {"probe", LOG_LEVEL_PROBE},
                                            {"debug", LOG_LEVEL_DEBUG},
                                            {NULL, 0}};

static const struct option_word formats[] = {
    {"text", LOG_TEXT}, {"json", LOG_JSON}, {NULL, 0}};

/* The values mean nothing: log_open looks the names up. */
static const struct option_word facilities[] = {
    {"daemon", 0},   {"user", 0},   {"mail", 0},   {"auth", 0},
    {"authpriv", 0}, {"syslog", 0}, {"cron", 0},   {"local0", 0},
    {"local1", 0},   {"local2", 0}, {"local3", 0}, {"local4", 0},
    {"local5", 0},   {"local6", 0}, {"local7", 0}, {NULL, 0}};

static const struct option_word versions[] = {{"1.2", 0x0303}, {"1.3", 0x0304}, {NULL, 0}};

static const struct option_word truncations[] = {
    {"reset", CONFIG_TRUNCATION_RESET}, {"eof", CONFIG_TRUNCATION_EOF}, {NULL, 0}};

static const struct option_word proxies[] = {
    {"off", PROXY_OFF}, {"v1", PROXY_V1}, {"v2", PROXY_V2}, {NULL, 0}};

static const struct option_word verifies[] = {{"off", CONFIG_VERIFY_OFF},
                                              {"optional", CONFIG_VERIFY_OPTIONAL},
                                              {"required", CONFIG_VERIFY_REQUIRED},
                                              {NULL, 0}};

static const struct option_word balances[] = {
    {"round-robin", BALANCE_ROUND_ROBIN},
    {"least-connections", BALANCE_LEAST_CONNECTIONS},
    {"source", BALANCE_SOURCE},
    {"first", BALANCE_FIRST},
    {NULL, 0}};

static const struct option_word checks[] = {{"off", CONFIG_CHECK_OFF},
                                            {"connect", CONFIG_CHECK_CONNECT},
                                            {"answer", CONFIG_CHECK_ANSWER},
                                            {NULL, 0}};

static const struct option_word yes_or_no[] = {
    {"on", true}, {"off", false}, {"yes", true}, {"no", false}, {NULL, 0}};

static const struct option_word own_records[] = {{"on", CONFIG_OWN_RECORDS_ON},
                                                 {"off", CONFIG_OWN_RECORDS_OFF},
                                                 {"at-once", CONFIG_OWN_RECORDS_AT_ONCE},
                                                 {NULL, 0}};
/* One more than the enum: 0 is what the frontend says. */
static const struct option_word pool_versions[] = {{"frontend", 0},
                                                   {"off", PROXY_OFF + 1},
                                                   {"v1", PROXY_V1 + 1},
                                                   {"v2", PROXY_V2 + 1},
                                                   {NULL, 0}};

static const struct option_word switches[] = {{"on", true}, {"off", false}, {NULL, 0}};

/* One more than OpenSSL's number: 0 is nothing set. */
static const struct option_word security_levels[] = {
    {"auto", 0}, {"0", 1}, {"1", 2}, {"2", 3}, {"3", 4}, {"4", 5}, {"5", 6}, {NULL, 0}};

/* tests/lint/options reads this too: a row begins a line, and its default follows its type.
 */
const struct option option_table[] = {
    {"workers", GLOBAL(workers), OPTION_NUMBER, "auto", OPTION_AUTO, .min = 1, .max = 256,
     .help = "processes that serve clients; auto: as many as there are processors for us"},
    {"cert-cache", GLOBAL(cert_cache), OPTION_NUMBER, "2400", .min = 64, .max = 1000000,
     .help = "certificates that all workers together keep decoded; each takes 7 KiB"},
    {"user", GLOBAL(user), OPTION_STRING, NULL,
     .help = "whom workers run as under root; not set: the user sallyport, or nobody"},
    {"group", GLOBAL(group), OPTION_STRING, NULL,
     .help = "the group of workers; not set: the user's own"},
    {"sandbox", GLOBAL(sandbox), OPTION_SWITCH, "on", .words = switches,
     .help = "a filter of system calls in workers"},
    {"watch", GLOBAL(watch), OPTION_SWITCH, "off", .words = yes_or_no,
     .help = "load certificates and keys that have changed by themselves"},
    {"pidfile", GLOBAL(pidfile), OPTION_STRING, NULL,
     .help = "file that holds the number of the master process"},
    {"openssl-conf", GLOBAL(openssl_conf), OPTION_STRING, NULL,
     .help = "configuration of OpenSSL, for its providers; not set: the system's"},
    {"key-log", GLOBAL(key_log), OPTION_STRING, NULL,
     .help = "DANGEROUS: file that the secrets of all connections are written to"},
    {"accept-grace", GLOBAL(accept_grace_ms), OPTION_DURATION, "0s", .max = HOUR,
     .help = "how long a shutdown goes on accepting clients while it says it is not ready"},
    {"drain-timeout", GLOBAL(drain_timeout_ms), OPTION_DURATION, "25s", .max = DAY,
     .help = "how long a shutdown waits for live connections before it cuts them"},
    {"resolver", GLOBAL(resolver), OPTION_LIST, NULL,
     .help = "addresses of name servers; none: those of /etc/resolv.conf"},

    {"max-connections", LIMIT(connections), OPTION_NUMBER, "0", .max = 1000000,
     .help = "connections of all frontends at one time; 0: no limit"},
    {"max-connections-per-source", LIMIT(connections_per_source), OPTION_NUMBER, "0",
     .max = 1000000,
     .help = "the same of one IPv4 address, or of one /64 of IPv6; 0: no limit"},
    {"max-handshakes", LIMIT(handshakes), OPTION_NUMBER, "0", .max = 1000000,
     .help = "TLS handshakes under way at one time; 0: no limit"},
    {"max-handshakes-per-source", LIMIT(handshakes_per_source), OPTION_NUMBER, "0",
     .max = 1000000, .help = "the same of one source; 0: no limit"},
    {"handshake-rate", LIMIT(rate), OPTION_NUMBER, "0", .max = 1000000,
     .help = "TLS handshakes in a second; 0: no limit"},
    {"handshake-burst", LIMIT(burst), OPTION_NUMBER, "auto", OPTION_AUTO, .min = 1,
     .max = 1000000, .help = "how many of these at once; auto: those of a second"},
    {"handshake-rate-per-source", LIMIT(rate_per_source), OPTION_NUMBER, "0",
     .max = 1000000, .help = "TLS handshakes of one source in a second; 0: no limit"},
    {"handshake-burst-per-source", LIMIT(burst_per_source), OPTION_NUMBER, "auto",
     OPTION_AUTO, .min = 1, .max = 1000000,
     .help = "how many of one source at once; auto: those of a second"},
    {"limits-exempt", LIMIT(exempt_text), OPTION_LIST, NULL, OPTION_REPEAT,
     .help = "networks whose addresses have no limits per source"},

    {"level", LOG(level), OPTION_WORD, "info", .words = levels,
     .help = "the least important lines that are still written"},
    {"format", LOG(format), OPTION_WORD, "text", .words = formats,
     .help = "key=value pairs, or one JSON object a line"},
    {"to", LOG(to), OPTION_TEXT, "stderr",
     .help = "stderr, syslog, or the absolute path of a file"},
    {"facility", LOG(facility), OPTION_TEXT, "daemon", .words = facilities,
     .help = "the facility of lines that go to syslog"},

    {"listen", FRONTEND(listen_text), OPTION_LIST, NULL, OPTION_OWN | OPTION_REQUIRED,
     .help = "addresses to accept TLS connections on"},
    {"cert", FRONTEND(cert), OPTION_LIST, NULL, OPTION_REQUIRED | OPTION_REPEAT,
     .help = "PEM files with a certificate, its chain and its key; patterns, directories"},
    {"key", FRONTEND(key), OPTION_LIST, NULL, OPTION_REPEAT,
     .help = "PEM files with the private keys; none: in the files of cert, or beside them"},
    {"key-passphrase-file", FRONTEND(passphrases), OPTION_STRING, NULL,
     .help = "file with the passphrases of encrypted keys, one in a line"},
    {"cert-default", FRONTEND(cert_default), OPTION_STRING, NULL,
     .help = "the file of cert for clients that ask for no known name; not set: the first"},
    {"sni-strict", FRONTEND(sni_strict), OPTION_SWITCH, "off", .words = yes_or_no,
     .help = "refuse clients that ask for no name, or for one without a certificate"},
    {"ocsp", FRONTEND(ocsp), OPTION_STRING, NULL,
     .help =
         "file with an OCSP response for cert; not set: that of cert with .ocsp behind"},
    {"backend", FRONTEND(backend_text), OPTION_STRING, NULL, OPTION_REQUIRED,
     .help = "address of the plaintext service, or the name of a backend section"},
    {"sni-backend", FRONTEND(sni_backend), OPTION_LIST, NULL,
     .help =
         "other backends by server name, each as name=backend; none: backend serves all"},
    {"alpn-backend", FRONTEND(alpn_backend), OPTION_LIST, NULL,
     .help = "the same by application protocol, where no name has decided"},
    {"source", FRONTEND(source_text), OPTION_STRING, NULL,
     .help = "address that backends are connected to from: own, client or an address"},

    {"accept-proxy", FRONTEND(accept_proxy), OPTION_LIST, NULL,
     .help =
         "networks of proxies that tell who the client is; none: clients come directly"},
    {"proxy-protocol", FRONTEND(proxy_protocol), OPTION_WORD, "off", .words = proxies,
     .help = "the header that tells backends who the client is: off, v1 or v2"},

    {"tls-min", FRONTEND(tls_min), OPTION_WORD, "1.2", .words = versions,
     .help = "the lowest version of TLS that is accepted"},
    {"tls-max", FRONTEND(tls_max), OPTION_WORD, "1.3", .words = versions,
     .help = "the highest version of TLS that is accepted"},
    {"ciphers", FRONTEND(ciphers), OPTION_STRING, NULL,
     .help = "cipher suites of TLS 1.2, as a list of OpenSSL's"},
    {"ciphersuites", FRONTEND(ciphersuites), OPTION_STRING, NULL,
     .help = "cipher suites of TLS 1.3"},
    {"groups", FRONTEND(groups), OPTION_STRING, NULL,
     .help = "groups of the key exchange, in order of preference"},
    {"sigalgs", FRONTEND(sigalgs), OPTION_STRING, NULL,
     .help = "signature algorithms, in order of preference; not set: OpenSSL's"},
    {"security-level", FRONTEND(security_level), OPTION_WORD, "auto",
     .words = security_levels, .help = "what OpenSSL holds for too weak; auto: 2 at least"},
    {"dh", FRONTEND(dh), OPTION_SWITCH, "off", .words = switches,
     .help = "key exchange by DHE with TLS 1.2, for ciphers that name it"},
    {"ssl-conf", FRONTEND(ssl_conf), OPTION_LIST, NULL,
     .help = "other commands for OpenSSL, see SSL_CONF_cmd(3ssl)"},
    {"session-lifetime", FRONTEND(session_lifetime_ms), OPTION_DURATION, "24h",
     OPTION_OFF | OPTION_SECONDS, .min = SECOND, .max = 7 * DAY,
     .help = "how long after its full handshake a session may be resumed; off: never"},
    {"ticket-rotation", FRONTEND(ticket_rotation_ms), OPTION_DURATION, "8h", OPTION_SECONDS,
     .min = SECOND, .max = 7 * DAY,
     .help = "how long session tickets are encrypted by the same key"},
    {"ticket-secret", FRONTEND(ticket_secret), OPTION_LIST, NULL,
     .help = "files with the secret of session tickets, for replicas; the first encrypts"},
    {"alpn", FRONTEND(alpn), OPTION_LIST, NULL,
     .help = "application protocols, in order of preference; none: ALPN is ignored"},
    {"own-records", FRONTEND(own_records), OPTION_WORD, "on", .words = own_records,
     .help = "protect records without OpenSSL's object: less memory for each connection"},

    {"acme-tls-dir", FRONTEND(acme_tls_dir), OPTION_STRING, NULL,
     .help = "directory with NAME.pem for each challenge of an ACME server; not set: none"},

    {"handshake-timeout", FRONTEND(handshake_timeout_ms), OPTION_DURATION, "10s", .min = 1,
     .max = HOUR, .help = "time for the TLS handshake; may not be off"},
    {"connect-timeout", FRONTEND(connect_timeout_ms), OPTION_DURATION, "5s", .min = 1,
     .max = HOUR, .help = "time to reach the backend; may not be off"},
    {"idle-timeout", FRONTEND(idle_timeout_ms), OPTION_DURATION, "off", OPTION_OFF,
     .min = 1, .max = LONGEST,
     .help = "cut a connection on which no byte has moved for so long"},
    {"half-closed-timeout", FRONTEND(half_closed_timeout_ms), OPTION_DURATION, "1h",
     OPTION_OFF, .min = 1, .max = LONGEST, .help = "the same once one side has ended"},
    {"close-wait", FRONTEND(close_wait_ms), OPTION_DURATION, "10s", .max = DAY,
     .help = "how long to wait for a silent client's close_notify after ours"},
    {"linger-timeout", FRONTEND(linger_timeout_ms), OPTION_DURATION, "5s", .max = HOUR,
     .help = "stop discarding what a client still sends after so much silence"},
    {"linger-max", FRONTEND(linger_max_ms), OPTION_DURATION, "30s", .max = HOUR,
     .help = "stop discarding what a client still sends after so long in all"},
    {"on-truncation", FRONTEND(on_truncation), OPTION_WORD, "reset", .words = truncations,
     .help = "what the backend gets when a client leaves without close_notify"},

    {"keepalive", FRONTEND(keepalive), OPTION_SWITCH, "on", .words = switches,
     .help = "TCP keepalive probes on both sides"},
    {"keepalive-idle", FRONTEND(keepalive_idle_ms), OPTION_DURATION, "60s", OPTION_SECONDS,
     .min = SECOND, .max = 9 * HOUR, .help = "silence before the first probe"},
    {"keepalive-interval", FRONTEND(keepalive_interval_ms), OPTION_DURATION, "10s",
     OPTION_SECONDS, .min = SECOND, .max = 9 * HOUR, .help = "time between two probes"},
    {"keepalive-count", FRONTEND(keepalive_count), OPTION_NUMBER, "6", .min = 1, .max = 127,
     .help = "unanswered probes after which the peer counts as gone"},
    {"tcp-user-timeout", FRONTEND(tcp_user_timeout_ms), OPTION_DURATION, "5m", OPTION_OFF,
     .min = 1, .max = LONGEST, .help = "how long sent bytes may stay unacknowledged"},

    {"backlog", FRONTEND(backlog), OPTION_NUMBER, "1024", .min = 1, .max = 65535,
     .help = "connections that wait in the kernel to be accepted"},
    {"max-connections", FRONTEND(max_connections), OPTION_NUMBER, "0", .max = 1000000,
     .help = "connections of a frontend at one time; 0: no limit"},
    {"allow", FRONTEND(allow_text), OPTION_LIST, NULL, OPTION_REPEAT,
     .help = "networks of clients that may come in; none: all but those of deny"},
    {"deny", FRONTEND(deny_text), OPTION_LIST, NULL, OPTION_REPEAT,
     .help = "networks of clients that may not; the longest prefix of both decides"},

    {"verify", CLIENT_CERT(verify), OPTION_WORD, "off", .words = verifies,
     .help = "ask clients for a certificate: off, optional or required"},
    {"ca", CLIENT_CERT(ca), OPTION_LIST, NULL,
     .help = "PEM files with the CAs that may have issued it"},
    {"crl", CLIENT_CERT(crl), OPTION_LIST, NULL,
     .help = "files with their revocation lists; none: nothing is revoked"},
    {"depth", CLIENT_CERT(depth), OPTION_NUMBER, "4", .max = 32,
     .help = "the most intermediate certificates between it and a CA of ca"},
    {"allow", CLIENT_CERT(allow), OPTION_LIST, NULL,
     .help =
         "who may come in, as DNS:, CN:, URI: or SPKI:sha256/; none: all whom ca knows"},

    {"server", BACKEND(server_text), OPTION_LIST, NULL, OPTION_REQUIRED | OPTION_REPEAT,
     .help = "the servers: each an address, and words behind it (backup, weight=N)"},
    {"balance", BACKEND(balance), OPTION_WORD, "round-robin", .words = balances,
     .help = "which server a connection gets"},
    {"proxy-protocol", BACKEND(proxy_protocol), OPTION_WORD, "frontend",
     .words = pool_versions,
     .help = "what it is told of clients: off, v1 or v2, or as the frontend says"},
    {"queue-length", BACKEND(queue_length), OPTION_NUMBER, "100", .max = 100000,
     .help = "connections that wait while all servers have their max-connections"},
    {"queue-timeout", BACKEND(queue_timeout_ms), OPTION_DURATION, "5s", .min = 1,
     .max = HOUR, .help = "how long they wait, within connect-timeout"},
    {"eject-after", BACKEND(health.eject_after), OPTION_NUMBER, "3",
     .max = HEALTH_COUNT_MAX,
     .help = "failed connections in a row that take a server out; 0: none does"},
    {"eject-time", BACKEND(health.eject_ms), OPTION_DURATION, "10s", .min = 1, .max = HOUR,
     .help = "for how long, the first time; then twice as long each time"},
    {"eject-max", BACKEND(health.eject_max_ms), OPTION_DURATION, "5m", .min = 1, .max = DAY,
     .help = "for how long at most"},
    {"slow-start", BACKEND(health.slow_start_ms), OPTION_DURATION, "off", OPTION_OFF,
     .min = 1, .max = HOUR,
     .help = "how long the share of a server grows that has come back"},
    {"check", BACKEND(check), OPTION_WORD, "off", .words = checks,
     .help = "how servers are checked: off, by a connection, or by what they answer"},
    {"check-interval", BACKEND(check_interval_ms), OPTION_DURATION, "5s", .min = 10,
     .max = HOUR, .help = "time between two checks of a server"},
    {"check-timeout", BACKEND(check_timeout_ms), OPTION_DURATION, "2s", .min = 1,
     .max = HOUR, .help = "time for a check"},
    {"rise", BACKEND(health.rise), OPTION_NUMBER, "2", .min = 1, .max = HEALTH_COUNT_MAX,
     .help = "good checks in a row that bring a server back"},
    {"fall", BACKEND(health.fall), OPTION_NUMBER, "3", .min = 1, .max = HEALTH_COUNT_MAX,
     .help = "failed checks in a row that take a server out"},
    {"check-send", BACKEND(check_send), OPTION_STRING, NULL,
     .help = "what check = answer sends; not set: nothing, the server speaks first"},
    {"check-expect", BACKEND(check_expect), OPTION_LIST, NULL,
     .help = "what the answer has to begin with, one of these"},

    {"listen", OPTION_ADMIN, offsetof(struct config, admin_text), OPTION_STRING, NULL,
     .help = "address for metrics, probes and the status page; not set: there are none"},
};

const size_t option_count = COUNT_OF(option_table);

static const char *const block_names[OPTION_BLOCKS + 1] = {
    [OPTION_GLOBAL] = "outside of all blocks",
    [OPTION_LOG] = "log",
    [OPTION_ADMIN] = "admin",
    [OPTION_DEFAULTS] = "defaults",
    [OPTION_FRONTEND] = "frontend",
    [OPTION_BACKEND] = "backend",
    [OPTION_CLIENT_CERT] = "client-cert",
    [OPTION_BLOCKS] = "an unknown block",
};

/* Where a setting of each block belongs, in words. */
static const char *const homes[OPTION_BLOCKS] = {
    [OPTION_GLOBAL] = "outside of all blocks",
    [OPTION_LOG] = "in log { }",
    [OPTION_ADMIN] = "in admin { }",
    [OPTION_DEFAULTS] = "in defaults { }",
    [OPTION_FRONTEND] = "in frontend NAME { }",
    [OPTION_BACKEND] = "in backend NAME { }",
    [OPTION_CLIENT_CERT] = "in client-cert { }",
};

const struct option *
option_find(const char *name, enum option_block block)
{
    const struct option *found = NULL;

    for (size_t i = 0; i < option_count; i++)
        if (strcmp(option_table[i].name, name) == 0 &&
            (found == NULL || option_allowed(&option_table[i], block)))
            found = &option_table[i];
    return found;
}

/* Short names are soon like one another. */
unsigned
option_reach(const char *name)
{
    size_t len = strlen(name);

    if (len < 4)
        return 1;
    return len < 9 ? 2 : 3;
}

const struct option *
option_nearest(const char *name, enum option_block block)
{
    const struct option *nearest = NULL;
    unsigned best = UINT32_MAX;

    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        unsigned distance = text_distance(name, o->name);
        unsigned rank = 2 * distance + (option_allowed(o, block) ? 0 : 1);

        if (distance <= option_reach(name) && rank < best) {
            nearest = o;
            best = rank;
        }
    }
    return nearest;
}

bool
option_allowed(const struct option *option, enum option_block block)
{
    if (block == OPTION_DEFAULTS)
        return option->block == OPTION_FRONTEND && !(option->flags & OPTION_OWN);
    return option->block == block;
}

enum option_block
option_base(const struct option *option)
{
    if (option->block == OPTION_BACKEND)
        return OPTION_BACKEND;
    return option->block == OPTION_FRONTEND || option->block == OPTION_CLIENT_CERT
               ? OPTION_FRONTEND
               : OPTION_GLOBAL;
}

const char *
option_block_name(enum option_block block)
{
    return block_names[block];
}

const char *
option_home(enum option_block block)
{
    return homes[block];
}

enum option_block
option_block_find(const char *name)
{
    enum option_block block = OPTION_LOG;

    while (block < OPTION_BLOCKS && strcmp(block_names[block], name) != 0)
        block++;
    return block;
}

enum option_block
option_block_nearest(const char *name)
{
    enum option_block block = OPTION_LOG;

    while (block < OPTION_BLOCKS &&
           text_distance(name, block_names[block]) > option_reach(name))
        block++;
    return block;
}
