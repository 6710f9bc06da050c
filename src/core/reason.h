/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_REASON_H
#define CORE_REASON_H

/*
 * The vocabulary of endings. Every connection ends with exactly one close
 * reason: clean, or the name of the first abort. The names are the same in the
 * log, in the metrics and in sallyport(8).
 */
enum reason {
    REASON_NONE, /* it has not ended yet */
    REASON_CLEAN,
    REASON_CLIENT_TRUNCATED,
    REASON_CLIENT_RESET,
    REASON_CLIENT_TLS_ERROR,
    REASON_CLIENT_ALERT,
    REASON_HANDSHAKE_FAILED,
    REASON_BACKEND_REFUSED,
    REASON_BACKEND_UNREACHABLE,
    REASON_BACKEND_RESET,
    REASON_TIMEOUT_HANDSHAKE,
    REASON_TIMEOUT_CONNECT,
    REASON_TIMEOUT_IDLE,
    REASON_TIMEOUT_HALF_CLOSED,
    REASON_TIMEOUT_CLOSE_WAIT,
    REASON_ACME_CHALLENGE,
    REASON_CLIENT_CERT_EXPIRED,
    REASON_CLIENT_CERT_REVOKED,
    REASON_PROXY_UNTRUSTED,
    REASON_PROXY_HEADER_MISSING,
    REASON_PROXY_HEADER_WRONG,
    REASON_DRAIN_FORCED,
    REASON_OVERLOAD,
    REASON_DENIED,
    REASON_LIMIT_HANDSHAKES,
    REASON_LIMIT_RATE,
    REASON_LIMIT_SOURCE_CONNECTIONS,
    REASON_LIMIT_SOURCE_HANDSHAKES,
    REASON_LIMIT_SOURCE_RATE,
    REASON_INTERNAL_ERROR,
    REASONS
};

/* Whose doing an ending was. */
enum blame {
    BLAME_NOBODY,
    BLAME_CLIENT,
    BLAME_BACKEND,
    BLAME_SALLYPORT
};

/* "client-truncated": for the log and for labels. Static memory, never NULL. */
const char *reason_name(enum reason reason);

/* "the client's TCP stream ended without close_notify": for people. Static memory. */
const char *reason_sentence(enum reason reason);

enum blame reason_blame(enum reason reason);

/* "nobody", "client", "backend", "sallyport". Static memory. */
const char *blame_name(enum blame blame);

#endif
