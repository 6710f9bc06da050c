/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of core/term: for the log, and for whoever debugs. */
#include "core/term.h"

const char *
term_end_name(enum term_end end)
{
    static const char *const names[] = {"none", "notify", "fin", "rst"};

    return names[end];
}

const char *
term_party_name(enum term_party party)
{
    static const char *const names[] = {"none", "client", "backend", "sallyport"};

    return names[party];
}

const char *
term_dir_name(enum term_dir dir)
{
    static const char *const names[TERM_DIRS] = {"open", "draining", "flushed", "ended",
                                                 "aborted"};

    return names[dir];
}

const char *
term_event_name(enum term_event event)
{
    static const char *const names[TERM_EVENTS] = {
        [TERM_CLIENT_NOTIFY] = "client-notify",
        [TERM_CLIENT_FIN] = "client-fin",
        [TERM_CLIENT_CUT] = "client-cut",
        [TERM_CLIENT_RESET] = "client-reset",
        [TERM_CLIENT_TLS_ERROR] = "client-tls-error",
        [TERM_CLIENT_ALERT] = "client-alert",
        [TERM_BACKEND_CONNECTED] = "backend-connected",
        [TERM_BACKEND_FIN] = "backend-fin",
        [TERM_BACKEND_RESET] = "backend-reset",
        [TERM_BACKEND_BROKEN] = "backend-broken",
        [TERM_BACKEND_REFUSED] = "backend-refused",
        [TERM_BACKEND_UNREACHABLE] = "backend-unreachable",
        [TERM_UP_FLUSHED] = "up-flushed",
        [TERM_UP_END_SENT] = "up-end-sent",
        [TERM_DOWN_FLUSHED] = "down-flushed",
        [TERM_DOWN_END_SENT] = "down-end-sent",
        [TERM_HANDSHAKE_FAILED] = "handshake-failed",
        [TERM_TIMEOUT_HANDSHAKE] = "timeout-handshake",
        [TERM_TIMEOUT_CONNECT] = "timeout-connect",
        [TERM_TIMEOUT_IDLE] = "timeout-idle",
        [TERM_TIMEOUT_HALF_CLOSED] = "timeout-half-closed",
        [TERM_TIMEOUT_CLOSE_WAIT] = "timeout-close-wait",
        [TERM_TIMEOUT_LINGER] = "timeout-linger",
        [TERM_TIMEOUT_GRACE] = "timeout-grace",
        [TERM_ACME_ANSWERED] = "acme-answered",
        [TERM_CLIENT_CERT_EXPIRED] = "client-cert-expired",
        [TERM_CLIENT_CERT_REVOKED] = "client-cert-revoked",
        [TERM_PROXY_MISSING] = "proxy-missing",
        [TERM_PROXY_WRONG] = "proxy-wrong",
        [TERM_DENIED] = "denied",
        [TERM_SOURCE_CONNECTIONS] = "source-connections",
        [TERM_SOURCE_HANDSHAKES] = "source-handshakes",
        [TERM_SOURCE_RATE] = "source-rate",
        [TERM_DRAIN_FORCED] = "drain-forced",
        [TERM_OVERLOAD] = "overload",
        [TERM_INTERNAL_ERROR] = "internal-error",
    };

    return names[event];
}
