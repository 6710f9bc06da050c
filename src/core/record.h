/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_RECORD_H
#define CORE_RECORD_H

#include "base/text.h"
#include "core/reason.h"
#include "core/term.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The facts of one connection, and the one line about it. Strings are borrowed
 * for the call of record_format only; NULL is 'not known' and is written as "-"
 * (text) or null (JSON). sallyport(8) explains each field under the same name.
 */
struct record {
    uint64_t start_wall_us;  /* when it was accepted: time= */
    uint64_t id;             /* number of the connection in this process: id= */
    const char *client;      /* client=  address and port */
    const char *proxy;       /* proxy=  the address of who told of the client by a PROXY
                                header. NULL: the field is left out */
    const char *frontend;    /* frontend=  its name in the conf file */
    const char *listen;      /* listen=  the local address it came in on */
    const char *backend;     /* backend=  the address dialled, last tried */
    unsigned attempts;       /* attempts=  servers that were tried; left out up to 1 */
    const char *sni;         /* sni=  as the client sent it; hostile */
    const char *alpn;        /* alpn=  the one chosen */
    const char *tls;         /* tls=  "TLSv1.3" */
    const char *cipher;      /* cipher=  OpenSSL's name */
    const char *group;       /* group=  of the key exchange */
    const char *client_cert; /* client-cert=  of a client that has shown one, its name;
                                hostile. NULL: the field is left out */
    const char *error;       /* error=  plain sentence where there is more to say than the
                                reason: "no shared cipher", "connection refused"; or NULL:
                                the field is left out */
    bool handshake_done;     /* resumed= is - before */
    bool resumed;
    uint64_t up_bytes;     /* up=  plaintext bytes that were handed on to the backend */
    uint64_t down_bytes;   /* down=  plaintext bytes encrypted and taken for the client */
    int64_t handshake_us;  /* handshake=  -1: did not finish */
    int64_t connect_us;    /* connect=  -1: did not finish */
    int64_t whole_us;      /* duration= */
    enum reason reason;    /* reason= */
    enum term_party first; /* first=  which endpoint ended first */
    enum term_end client_end;  /* client-end= */
    enum term_end backend_end; /* backend-end= */
    bool truncated; /* truncated=yes only then; the field is left out otherwise */
};

/*
 * Write the record's line, without newline, in the order above beginning with
 * time= and level=:
 *   text: time=2026-01-31T12:00:00.123Z level=info msg=connection id=7 client=...
 *         handshake=1.234ms ... reason=clean ...
 *         (milliseconds with three digits; "-" for -1; resumed yes, no or "-")
 *   JSON: {"time":"...","level":"info","msg":"connection","id":7,...,
 *         "handshake_ms":1.234,...,"reason":"clean",...}
 *         (fields of two words with '_' for '-'; durations as numbers of milliseconds
 *         with "_ms" behind the name, or null; bytes as "up_bytes" and "down_bytes";
 *         resumed true, false or null; truncated true)
 * msg is "connection", or "handshake failed" if reason is handshake-failed or
 * timeout-handshake. level is passed in by the caller as its name. RECORD_LINE_SIZE
 * bytes always suffice for strings of sane length; what does not fit is cut, never torn
 * inside a JSON string: a JSON line that would be cut is written again with the hostile
 * strings (sni, alpn, client-cert, error) left out; should even that not fit, nothing is
 * added and out is cut.
 */
#define RECORD_LINE_SIZE 4095
void record_format_text(const struct record *r, const char *level, struct text *out);
void record_format_json(const struct record *r, const char *level, struct text *out);

/*
 * Is it a health probe: it connected and left (FIN or RST) without a single byte, and so
 * is logged at a level of its own? client_bytes are all the bytes received from it.
 */
bool record_is_probe(const struct record *r, uint64_t client_bytes);

#endif
