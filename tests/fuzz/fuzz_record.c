/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log line of a connection (core/record) with hostile strings. As JSON it is one object
 * with the fields in their order, its strings decode to what was given (but for malformed
 * UTF-8), and a line that does not fit is not torn. As text it is printable ASCII, its
 * values decode to what was given, and none can forge a field or a second line.
 */
#include "core/record.h"
#include "fuzz.h"

/* The borrowed strings of a record, in their order; they are the fields from FIRST on. */
#define STRINGS 12
#define FIRST_STRING 4

/* Strings that together have no more bytes are of sane length. */
#define SANE_BYTES 300

struct strings {
    char *string[STRINGS]; /* owned; NULL: not known */
};

/* The fields in their order; one that may be left out begins with '?'. */
#define FIELDS 27
static const char *const text_keys[FIELDS] = {
    "time",       "level",       "msg",          "id",       "client",  "?proxy",
    "frontend",   "listen",      "backend",      "sni",      "alpn",    "tls",
    "cipher",     "group",       "?client-cert", "?error",   "resumed", "up",
    "down",       "handshake",   "connect",      "duration", "reason",  "first",
    "client-end", "backend-end", "?truncated",
};
static const char *const json_keys[FIELDS] = {
    "time",       "level",        "msg",          "id",          "client",  "?proxy",
    "frontend",   "listen",       "backend",      "?sni",        "?alpn",   "tls",
    "cipher",     "group",        "?client_cert", "?error",      "resumed", "up_bytes",
    "down_bytes", "handshake_ms", "connect_ms",   "duration_ms", "reason",  "first",
    "client_end", "backend_end",  "?truncated",
};

/* The number of a field that stands behind number `from`, with none left out between. */
static unsigned
find_field(const char *const *keys, unsigned from, const char *key, size_t len)
{
    for (; from < FIELDS; from++) {
        const char *name = keys[from] + (keys[from][0] == '?');

        if (strlen(name) == len && memcmp(name, key, len) == 0)
            return from;
        MUST(keys[from][0] == '?');
    }
    MUST(from < FIELDS);
    return from;
}

static void
expect_no_more(const char *const *keys, unsigned from)
{
    for (; from < FIELDS; from++)
        MUST(keys[from][0] == '?');
}

static const char *
expect(const char *p, const char *word)
{
    MUST(strncmp(p, word, strlen(word)) == 0);
    return p + strlen(word);
}

/* The value of some hexadecimal digits, in small letters. */
static unsigned
read_hex(const char *p, unsigned digits)
{
    unsigned number = 0;

    for (unsigned i = 0; i < digits; i++) {
        MUST((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f'));
        number = number << 4 | (unsigned)(p[i] <= '9' ? p[i] - '0' : p[i] - 'a' + 10);
    }
    return number;
}

/* ---- UTF-8 (RFC 3629), by its numbers; base/text goes by the table ---- */

/* The character that s begins with. Returns its bytes, or 0 if it is not well-formed. */
static size_t
decode(const unsigned char *s, unsigned *code_point)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    unsigned code = len == 1 ? s[0] : s[0] & (0x7fu >> len);

    if ((s[0] >= 0x80 && s[0] < 0xc0) || s[0] >= 0xf8)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3fu);
    }
    if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *code_point = code;
    return len;
}

/* Take the next character of a string that was given: U+FFFD for a byte that is none. */
static unsigned
take_given(const unsigned char **s)
{
    unsigned code_point = 0xfffd;
    size_t len = decode(*s, &code_point);

    *s += len > 0 ? len : 1;
    return code_point;
}

/* ---- JSON (RFC 8259) ---- */

/* Take the next character of a JSON string, which must not be unwelcome as it is. */
static unsigned
take_json(const char **p)
{
    static const char letters[] = "\"\\nrt", meanings[] = "\"\\\n\r\t";
    unsigned code_point = 0;
    const char *letter;
    size_t len;

    if (**p != '\\') {
        len = decode((const unsigned char *)*p, &code_point);
        MUST(len > 0 && code_point >= ' ');
        MUST((code_point < 0x7f || code_point > 0x9f) && code_point >> 1 != 0x2028 >> 1);
        *p += len;
        return code_point;
    }
    if ((*p)[1] == 'u') {
        code_point = read_hex(*p + 2, 4);
        *p += 6;
        return code_point;
    }
    MUST((*p)[1] != '\0');
    letter = strchr(letters, (*p)[1]);
    MUST(letter != NULL);
    *p += 2;
    return (unsigned char)meanings[letter - letters];
}

static const char *
check_json_string(const char *p, const char *given)
{
    const unsigned char *s = (const unsigned char *)given;

    if (given == NULL)
        return expect(p, "null");
    p = expect(p, "\"");
    while (*s != '\0') {
        MUST(*p != '"');
        MUST(take_json(&p) == take_given(&s));
    }
    return expect(p, "\"");
}

static const char *
check_json_number(const char *p)
{
    const char *start = p;

    p += strspn(p, "0123456789");
    MUST(p > start && (*start != '0' || p == start + 1));
    if (*p == '.') {
        MUST(strspn(p + 1, "0123456789") == 3);
        p += 4;
    }
    return p;
}

/* A value of sallyport's own: a word, a number, or a string without escapes. */
static const char *
check_json_value(const char *p)
{
    switch (*p) {
    case '"':
        p += 1 + strcspn(p + 1, "\"\\");
        return expect(p, "\"");
    case 'n':
        return expect(p, "null");
    case 't':
        return expect(p, "true");
    case 'f':
        return expect(p, "false");
    default:
        return check_json_number(p);
    }
}

static void
check_json(const char *p, const struct strings *given)
{
    unsigned field = 0;
    size_t len;

    p = expect(p, "{");
    do {
        p = expect(p, field == 0 ? "\"" : ",\"");
        len = strspn(p, "abcdefghijklmnopqrstuvwxyz_");
        field = find_field(json_keys, field, p, len);
        p = expect(p + len, "\":");
        if (field >= FIRST_STRING && field < FIRST_STRING + STRINGS)
            p = check_json_string(p, given->string[field - FIRST_STRING]);
        else
            p = check_json_value(p);
        field++;
    } while (*p == ',');
    p = expect(p, "}");
    MUST(*p == '\0');
    expect_no_more(json_keys, field);
}

/* ---- text ---- */

/* Take the next byte of a value within quotes. */
static unsigned char
take_quoted(const char **p)
{
    static const char letters[] = "\"\\nrt", meanings[] = "\"\\\n\r\t";
    const char *letter;

    MUST(**p >= ' ' && **p < 0x7f && **p != '"');
    if (**p != '\\')
        return (unsigned char)*(*p)++;
    if ((*p)[1] == 'x') {
        *p += 4;
        return (unsigned char)read_hex(*p - 2, 2);
    }
    MUST((*p)[1] != '\0');
    letter = strchr(letters, (*p)[1]);
    MUST(letter != NULL);
    *p += 2;
    return (unsigned char)meanings[letter - letters];
}

static const char *
check_text_string(const char *p, const char *given)
{
    if (given == NULL || *given == '\0')
        return expect(p, "-");
    if (*p != '"') {
        MUST(strcspn(given, " \"\\=") == strlen(given));
        return expect(p, given);
    }
    for (p++; *given != '\0'; given++)
        MUST(take_quoted(&p) == (unsigned char)*given);
    return expect(p, "\"");
}

/* A value of sallyport's own: one word, or words in quotes. */
static const char *
check_text_value(const char *p)
{
    size_t len = strcspn(p, " \"\\=");

    if (*p == '"') {
        p += 1 + strcspn(p + 1, "\"\\=");
        return expect(p, "\"");
    }
    MUST(len > 0);
    return p + len;
}

static void
check_text(const char *p, const struct strings *given)
{
    unsigned field = 0;
    size_t len;

    do {
        p = field == 0 ? p : expect(p, " ");
        len = strspn(p, "abcdefghijklmnopqrstuvwxyz-");
        field = find_field(text_keys, field, p, len);
        p = expect(p + len, "=");
        if (field >= FIRST_STRING && field < FIRST_STRING + STRINGS)
            p = check_text_string(p, given->string[field - FIRST_STRING]);
        else
            p = check_text_value(p);
        field++;
    } while (*p == ' ');
    MUST(*p == '\0');
    expect_no_more(text_keys, field);
}

static void
check_printable(const struct text *out)
{
    MUST(strlen(out->buf) == out->len && out->len < out->size);
    for (size_t i = 0; i < out->len; i++)
        MUST(out->buf[i] >= ' ' && out->buf[i] < 0x7f);
}

/* ---- the input ---- */

static void
take_record(struct fuzz_input *in, struct record *r, struct strings *s)
{
    unsigned known = fuzz_byte(in) | (unsigned)fuzz_byte(in) << 8;
    unsigned flags = fuzz_byte(in);

    *r = (struct record){
        .start_wall_us = fuzz_number(in),
        .id = fuzz_number(in),
        .up_bytes = fuzz_number(in),
        .handshake_us = (int64_t)fuzz_number(in),
        .connect_us = -1,
        .handshake_done = flags & 1,
        .resumed = (flags & 2) != 0,
        .truncated = (flags & 4) != 0,
        .reason = (enum reason)(fuzz_byte(in) % REASONS),
        .first = (enum term_party)(flags >> 3 & 3),
        .client_end = (enum term_end)(flags >> 5 & 3),
        .backend_end = (enum term_end)(flags >> 6 & 3),
    };
    r->down_bytes = ~r->up_bytes;
    r->whole_us = r->handshake_us >= 0 ? r->handshake_us : 0;
    for (unsigned i = 0; i < STRINGS; i++)
        s->string[i] = known >> i & 1 ? fuzz_string(in) : NULL;
    r->client = s->string[0];
    r->proxy = s->string[1];
    r->frontend = s->string[2];
    r->listen = s->string[3];
    r->backend = s->string[4];
    r->sni = s->string[5];
    r->alpn = s->string[6];
    r->tls = s->string[7];
    r->cipher = s->string[8];
    r->group = s->string[9];
    /* An input has them the other way round. */
    r->error = s->string[10];
    r->client_cert = s->string[11];
    s->string[10] = s->string[11];
    s->string[11] = (char *)(uintptr_t)r->error;
}

/* Written into size bytes, behind what is there already. */
static void
check_both(const struct record *r, const struct strings *given, size_t size)
{
    char *buf = malloc(size);
    struct text out;

    MUST(buf != NULL);
    text_init(&out, buf, size);
    record_format_text(r, "info", &out);
    check_printable(&out);
    if (!out.cut)
        check_text(buf, given);

    text_init(&out, buf, size);
    text_add(&out, "> ");
    record_format_json(r, "info", &out);
    MUST(strlen(buf) == out.len && out.len < size);
    if (out.cut)
        MUST(strcmp(buf, size >= 3 ? "> " : size == 2 ? ">" : "") == 0);
    else
        check_json(buf + 2, given);
    free(buf);
}

/* With strings of sane length a line is whole; what is hostile may be longer in JSON. */
static void
check_size(const struct record *r, const struct strings *given)
{
    char buf[RECORD_LINE_SIZE];
    struct text out;
    size_t bytes = 0, hostile_bytes = 0;

    for (unsigned i = 0; i < STRINGS; i++) {
        const char *string = given->string[i];
        bool hostile = string == r->sni || string == r->alpn || string == r->error;

        if (string != NULL)
            *(hostile ? &hostile_bytes : &bytes) += strlen(string);
    }
    text_init(&out, buf, sizeof(buf));
    record_format_text(r, "info", &out);
    MUST(!out.cut || bytes + hostile_bytes > SANE_BYTES);
    text_init(&out, buf, sizeof(buf));
    record_format_json(r, "info", &out);
    MUST(!out.cut || bytes > SANE_BYTES);
    MUST(strstr(buf, ",\"sni\":") != NULL || bytes + hostile_bytes > SANE_BYTES);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size, 0};
    size_t room = 1 + (size_t)fuzz_byte(&in) * 16;
    struct strings strings;
    struct record record;

    take_record(&in, &record, &strings);
    check_both(&record, &strings, RECORD_LINE_SIZE);
    check_both(&record, &strings, room);
    check_size(&record, &strings);
    MUST(!record_is_probe(&record, 1));
    for (unsigned i = 0; i < STRINGS; i++)
        free(strings.string[i]);
    return 0;
}
