/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/reason.h"

static const struct {
    const char *name;
    const char *sentence;
    enum blame blame;
} reasons[REASONS] = {
    [REASON_NONE] = {"none", "it has not ended yet", BLAME_NOBODY},
    [REASON_CLEAN] = {"clean", "both sides said all that they had to say", BLAME_NOBODY},
    [REASON_CLIENT_TRUNCATED] = {"client-truncated",
                                 "the client's stream ended without close_notify",
                                 BLAME_CLIENT},
    [REASON_CLIENT_RESET] = {"client-reset", "the client reset its connection or vanished",
                             BLAME_CLIENT},
    [REASON_CLIENT_TLS_ERROR] = {"client-tls-error",
                                 "what the client sent is not valid TLS or was forged",
                                 BLAME_CLIENT},
    [REASON_CLIENT_ALERT] = {"client-alert", "the client sent a fatal TLS alert",
                             BLAME_CLIENT},
    [REASON_HANDSHAKE_FAILED] = {"handshake-failed", "the TLS handshake did not succeed",
                                 BLAME_CLIENT},
    [REASON_BACKEND_REFUSED] = {"backend-refused", "the backend refused the connection",
                                BLAME_BACKEND},
    [REASON_BACKEND_UNREACHABLE] = {"backend-unreachable",
                                    "the backend has no address or no route to it",
                                    BLAME_BACKEND},
    [REASON_BACKEND_RESET] = {"backend-reset",
                              "the backend reset its connection or vanished",
                              BLAME_BACKEND},
    [REASON_TIMEOUT_HANDSHAKE] = {"timeout-handshake",
                                  "the TLS handshake took longer than handshake-timeout",
                                  BLAME_CLIENT},
    [REASON_TIMEOUT_CONNECT] = {"timeout-connect",
                                "the backend did not answer within connect-timeout",
                                BLAME_BACKEND},
    [REASON_TIMEOUT_IDLE] = {"timeout-idle", "no byte moved for idle-timeout",
                             BLAME_NOBODY},
    [REASON_TIMEOUT_HALF_CLOSED] = {"timeout-half-closed",
                                    "one side had ended and no byte moved for "
                                    "half-closed-timeout",
                                    BLAME_NOBODY},
    [REASON_TIMEOUT_CLOSE_WAIT] =
        {"timeout-close-wait", "the client did not answer close_notify within close-wait",
         BLAME_CLIENT},
    [REASON_ACME_CHALLENGE] = {"acme-challenge",
                               "a challenge of an ACME server was answered", BLAME_NOBODY},
    [REASON_CLIENT_CERT_EXPIRED] = {"client-cert-expired",
                                    "the client's certificate expired", BLAME_CLIENT},
    [REASON_CLIENT_CERT_REVOKED] = {"client-cert-revoked",
                                    "a new CRL names the client's certificate",
                                    BLAME_CLIENT},
    [REASON_PROXY_UNTRUSTED] = {"proxy-untrusted",
                                "the client's address is not in accept-proxy",
                                BLAME_CLIENT},
    [REASON_PROXY_HEADER_MISSING] = {"proxy-header-missing",
                                     "the connection does not begin with a PROXY header",
                                     BLAME_CLIENT},
    [REASON_PROXY_HEADER_WRONG] = {"proxy-header-wrong",
                                   "the PROXY header is not valid or ends too early",
                                   BLAME_CLIENT},
    [REASON_DRAIN_FORCED] = {"drain-forced", "sallyport was stopped before it had ended",
                             BLAME_SALLYPORT},
    [REASON_OVERLOAD] = {"overload", "a limit on connections was reached", BLAME_SALLYPORT},
    [REASON_DENIED] = {"denied", "allow or deny keeps the client's address out",
                       BLAME_CLIENT},
    [REASON_LIMIT_HANDSHAKES] = {"limit-handshakes",
                                 "max-handshakes were under way already", BLAME_SALLYPORT},
    [REASON_LIMIT_RATE] = {"limit-rate", "more clients came than handshake-rate allows",
                           BLAME_SALLYPORT},
    [REASON_LIMIT_SOURCE_CONNECTIONS] = {"limit-source-connections",
                                         "the client's address had "
                                         "max-connections-per-source already",
                                         BLAME_CLIENT},
    [REASON_LIMIT_SOURCE_HANDSHAKES] =
        {"limit-source-handshakes",
         "the client's address had max-handshakes-per-source "
         "under way already",
         BLAME_CLIENT},
    [REASON_LIMIT_SOURCE_RATE] = {"limit-source-rate",
                                  "the client's address came more often than "
                                  "handshake-rate-per-source allows",
                                  BLAME_CLIENT},
    [REASON_INTERNAL_ERROR] = {"internal-error",
                               "sallyport ran out of memory or of another resource",
                               BLAME_SALLYPORT},
};

const char *
reason_name(enum reason reason)
{
    return reasons[reason].name;
}

const char *
reason_sentence(enum reason reason)
{
    return reasons[reason].sentence;
}

enum blame
reason_blame(enum reason reason)
{
    return reasons[reason].blame;
}

const char *
blame_name(enum blame blame)
{
    static const char *const names[] = {
        [BLAME_NOBODY] = "nobody",
        [BLAME_CLIENT] = "client",
        [BLAME_BACKEND] = "backend",
        [BLAME_SALLYPORT] = "sallyport",
    };

    return names[blame];
}
