/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/options.h"

#include "base/text.h"
#include "config/parse.h"

#include <assert.h>
#include <string.h>

#define SECOND UINT32_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define LONGEST (24 * DAY) /* what text_parse_duration takes at most */

#define GLOBAL(field) OPTION_GLOBAL, offsetof(struct config, field)
#define LOG(field) OPTION_LOG, offsetof(struct config, log.field)
#define FRONTEND(field) OPTION_FRONTEND, offsetof(struct config_frontend, field)

/* OPTION_WORD stores through an int. */
_Static_assert(sizeof(enum log_level) == sizeof(int), "enum log_level");
_Static_assert(sizeof(enum log_format) == sizeof(int), "enum log_format");
_Static_assert(sizeof(enum config_truncation) == sizeof(int), "enum config_truncation");

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

static const struct option_word switches[] = {{"on", true}, {"off", false}, {NULL, 0}};

/* tests/lint/options reads this too: a row begins a line, and its default follows its type.
 */
const struct option option_table[] = {
    {"workers", GLOBAL(workers), OPTION_NUMBER, "auto", OPTION_AUTO, .min = 1, .max = 256,
     .help = "processes that serve clients; auto: as many as there are processors for us"},
    {"user", GLOBAL(user), OPTION_STRING, NULL,
     .help = "whom workers run as under root; not set: the user sallyport, or nobody"},
    {"group", GLOBAL(group), OPTION_STRING, NULL,
     .help = "the group of workers; not set: the user's own"},
    {"sandbox", GLOBAL(sandbox), OPTION_SWITCH, "on", .words = switches,
     .help = "a filter of system calls in workers"},
    {"pidfile", GLOBAL(pidfile), OPTION_STRING, NULL,
     .help = "file that holds the number of the master process"},
    {"accept-grace", GLOBAL(accept_grace_ms), OPTION_DURATION, "0s", .max = HOUR,
     .help = "how long a shutdown goes on accepting clients while it says it is not ready"},
    {"drain-timeout", GLOBAL(drain_timeout_ms), OPTION_DURATION, "25s", .max = DAY,
     .help = "how long a shutdown waits for live connections before it cuts them"},
    {"resolver", GLOBAL(resolver), OPTION_LIST, NULL,
     .help = "addresses of name servers; none: those of /etc/resolv.conf"},

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
    {"cert", FRONTEND(cert), OPTION_STRING, NULL, OPTION_REQUIRED,
     .help = "PEM file with the certificate, its chain and, without key, the private key"},
    {"key", FRONTEND(key), OPTION_STRING, NULL,
     .help = "PEM file with the private key; not set: it is in the file of cert"},
    {"backend", FRONTEND(backend_text), OPTION_STRING, NULL, OPTION_REQUIRED,
     .help = "address of the plaintext service"},

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
    {"alpn", FRONTEND(alpn), OPTION_LIST, NULL,
     .help = "application protocols, in order of preference; none: ALPN is ignored"},

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
     .help = "connections at one time; 0: no limit"},

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
    [OPTION_BLOCKS] = "an unknown block",
};

/* Where a setting of each block belongs, in words. */
static const char *const homes[OPTION_BLOCKS] = {
    [OPTION_GLOBAL] = "outside of all blocks",
    [OPTION_LOG] = "in log { }",
    [OPTION_ADMIN] = "in admin { }",
    [OPTION_DEFAULTS] = "in defaults { }",
    [OPTION_FRONTEND] = "in frontend NAME { }",
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

/* How far off a name may be to count as misspelt: short names are soon like one another. */
static unsigned
reach(const char *name)
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

        if (distance <= reach(name) && rank < best) {
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

const char *
option_block_name(enum option_block block)
{
    return block_names[block];
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

    while (block < OPTION_BLOCKS && text_distance(name, block_names[block]) > reach(name))
        block++;
    return block;
}

/* ---- Values ---- */

/* How messages show a value: as the file would write it. */
static const char *
show(const struct option_input *in, const char *value)
{
    return parse_is_word(value) ? value : parse_quote(in->arena, value);
}

static const char *
range_of(const struct option *o, struct arena *arena)
{
    struct text t;
    char buf[64];

    text_init(&t, buf, sizeof(buf));
    if (o->type == OPTION_NUMBER) {
        text_addf(&t, "%u to %u%s", (unsigned)o->min, (unsigned)o->max,
                  o->flags & OPTION_AUTO ? ", or auto" : "");
    } else {
        text_add_duration(&t, o->min);
        text_add(&t, " to ");
        text_add_duration(&t, o->max);
        text_add(&t, o->flags & OPTION_OFF ? ", or off" : "");
    }
    return arena_strdup(arena, buf);
}

/* Is it one, but for a number that is too large? */
static bool
has_unit(const char *value)
{
    const char *unit = value + strspn(value, "0123456789");
    uint32_t ms;
    char one[4];

    if (unit == value || strlen(unit) > 2)
        return false;
    one[0] = '1';
    memcpy(one + 1, unit, strlen(unit) + 1);
    return text_parse_duration(one, &ms) == 0 && ms != 0 && *unit != '\0';
}

static int
refuse_duration(const struct option *o, const struct option_input *in,
                const struct config_string *value)
{
    const char *text = value->text, *range = range_of(o, in->arena);
    bool digits = text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';

    if (strcmp(text, "off") == 0)
        diag_error(in->diag, value->pos, "%s may not be off; it takes %s", o->name, range);
    else if (digits)
        diag_error(in->diag, value->pos, "%s = %s has no unit; write %ss or %sms", o->name,
                   text, text, text);
    else if (has_unit(text))
        diag_error(in->diag, value->pos, "%s = %s is out of range; it takes %s", o->name,
                   text, range);
    else
        diag_error(
            in->diag, value->pos,
            "%s = %s is not a duration; write a whole number and a unit: ms, s, m, h "
            "or d",
            o->name, show(in, text));
    return -1;
}

static int
store_duration(const struct option *o, const struct option_input *in,
               const struct config_string *value, uint32_t *field)
{
    uint32_t ms = 0;
    bool off = strcmp(value->text, "off") == 0;

    if (off ? !(o->flags & OPTION_OFF) : text_parse_duration(value->text, &ms) != 0)
        return refuse_duration(o, in, value);
    if ((ms < o->min && !(ms == 0 && (o->flags & OPTION_OFF))) || ms > o->max) {
        diag_error(in->diag, value->pos, "%s = %s is out of range; it takes %s", o->name,
                   value->text, range_of(o, in->arena));
        return -1;
    }
    if ((o->flags & OPTION_SECONDS) && ms % SECOND != 0) {
        diag_error(in->diag, value->pos, "%s = %s has to be whole seconds; write %us",
                   o->name, value->text, (unsigned)(ms / SECOND + 1));
        return -1;
    }
    *field = ms;
    return 0;
}

static int
store_number(const struct option *o, const struct option_input *in,
             const struct config_string *value, uint32_t *field)
{
    uint64_t number;

    if ((o->flags & OPTION_AUTO) && strcmp(value->text, "auto") == 0) {
        *field = 0;
        return 0;
    }
    if (value->text[0] == '\0' || value->text[strspn(value->text, "0123456789")] != '\0') {
        diag_error(in->diag, value->pos, "%s = %s is not a whole number; it takes %s",
                   o->name, show(in, value->text), range_of(o, in->arena));
        return -1;
    }
    if (text_parse_number(value->text, &number) != 0 || number < o->min ||
        number > o->max) {
        diag_error(in->diag, value->pos, "%s = %s is out of range; it takes %s", o->name,
                   value->text, range_of(o, in->arena));
        return -1;
    }
    *field = (uint32_t)number;
    return 0;
}

static const struct option_word *
find_word(const struct option *o, const struct option_input *in,
          const struct config_string *value)
{
    const struct option_word *w;
    const char *list = "";

    for (w = o->words; w->name != NULL; w++) {
        if (strcmp(w->name, value->text) == 0)
            return w;
        list = arena_printf(in->arena, "%s%s%s", list,
                            w == o->words       ? ""
                            : w[1].name == NULL ? " or "
                                                : ", ",
                            w->name);
    }
    diag_error(in->diag, value->pos, "%s = %s is not known; it takes %s", o->name,
               show(in, value->text), list);
    return NULL;
}

static int
store_value(const struct option *o, const struct option_input *in, void *field)
{
    const struct config_string *value = in->values.item;
    static const struct option_word anything = {"", 0};
    const struct option_word *w = o->words == NULL ? &anything : find_word(o, in, value);

    if (w == NULL)
        return -1;
    switch (o->type) {
    case OPTION_DURATION:
        return store_duration(o, in, value, field);
    case OPTION_NUMBER:
        return store_number(o, in, value, field);
    case OPTION_WORD:
        *(int *)field = w->value;
        return 0;
    case OPTION_SWITCH:
        *(bool *)field = w->value != 0;
        return 0;
    case OPTION_TEXT:
        *(const char **)field = value->text;
        return 0;
    case OPTION_STRING:
        *(struct config_string *)field = *value;
        return 0;
    case OPTION_LIST:
        *(struct config_strings *)field = in->values;
        return 0;
    }
    return -1;
}

static int
store(const struct option *option, const struct option_input *in)
{
    if (in->list && option->type != OPTION_LIST) {
        diag_error(in->diag, in->pos, "%s takes one value, without braces", option->name);
        return -1;
    }
    for (size_t i = 0; i < in->values.count; i++) {
        if (*in->values.item[i].text == '\0') {
            diag_error(in->diag, in->values.item[i].pos, "%s is empty; it needs a value",
                       option->name);
            return -1;
        }
    }
    return store_value(option, in, (char *)in->base + option->offset);
}

/* A required setting that was given wrongly is not missing as well. */
static void
store_mistaken(const struct option *o, const struct option_input *in)
{
    struct config_string *mistaken = arena_alloc(in->arena, sizeof(*mistaken));
    struct option_input blank = *in;

    if (!(o->flags & OPTION_REQUIRED))
        return;
    *mistaken = (struct config_string){"", in->pos};
    blank.values = (struct config_strings){mistaken, 1};
    (void)store_value(o, &blank, (char *)in->base + o->offset);
}

static const struct option *
find_misspelt(const struct option_input *in, enum option_block block, const char *where)
{
    const struct option *nearest = option_nearest(in->name, block);
    const char *name = parse_quote(in->arena, in->name);

    if (in->broken)
        ; /* its name may be no name at all */
    else if (nearest == NULL)
        diag_error(in->diag, in->pos, "unknown setting %s %s", name, where);
    else if (option_allowed(nearest, block))
        diag_error(in->diag, in->pos, "unknown setting %s %s; did you mean \"%s\"?", name,
                   where, nearest->name);
    else
        diag_error(in->diag, in->pos, "unknown setting %s %s; did you mean \"%s\", %s?",
                   name, where, nearest->name, homes[nearest->block]);
    return nearest != NULL && option_allowed(nearest, block) ? nearest : NULL;
}

void
option_apply(const struct option_input *in, enum option_block block, const char *where,
             struct pos *seen)
{
    const struct option *o = option_find(in->name, block);
    struct pos *first;

    if (o == NULL) {
        o = find_misspelt(in, block, where);
        if (o != NULL)
            store_mistaken(o, in);
        return;
    }
    if (!option_allowed(o, block)) {
        if (!in->broken)
            diag_error(in->diag, in->pos, "%s has no place %s; it belongs %s", o->name,
                       where, homes[o->block]);
        return;
    }
    first = &seen[o - option_table];
    if (first->line != 0) {
        diag_error(in->diag, in->pos, "%s is given twice %s; the first is at %s:%u",
                   o->name, where, first->file, first->line);
        return;
    }
    *first = in->pos;
    if (in->broken || store(o, in) != 0)
        store_mistaken(o, in);
}

void
option_store_initial(struct config *config, struct config_frontend *frontend)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        struct config_string value = {.text = o->initial};
        struct option_input in = {.values = {&value, 1}, .arena = config->arena};
        int stored = 0;

        in.base = o->block == OPTION_FRONTEND ? (void *)frontend : config;
        if (o->initial != NULL)
            stored = store(o, &in);
        assert(stored == 0);
        (void)stored;
    }
}
