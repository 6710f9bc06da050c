/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_ERR_H
#define TLS_TLS_ERR_H

#include "base/text.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/*
 * What a failed SSL_accept, SSL_read or SSL_write means. A FIN is not among it: OpenSSL is
 * not told of one (see tls_bio.h).
 */
enum tls_verdict {
    TLS_WANT_READ, /* no error: more ciphertext is needed */
    TLS_NOTIFY,    /* close_notify has been received (RFC 8446, 6.1) */
    TLS_ALERT,     /* a fatal alert from the peer (RFC 8446, 6.2) */
    TLS_PROTOCOL,  /* everything else that is wrong with what the peer sent */
    TLS_NO_MEMORY
};

/* Empty OpenSSL's error queue, as it has to be before a call on an SSL (SSL_get_error(3)).
 */
void tls_err_clear(void);

/*
 * Judge the result ret of a call on ssl, and empty OpenSSL's error queue (which
 * has to have been empty before that call). If why is not NULL, a plain phrase is
 * appended to it for ALERT, PROTOCOL and NO_MEMORY; see tls_err_phrase.
 * After ALERT, PROTOCOL and NO_MEMORY ssl is of no more use, and a fatal alert may have
 * been gathered for the peer (see tls_bio.h). What a further call on ssl comes to tells
 * nothing new: PROTOCOL ("TLS has failed before").
 */
enum tls_verdict tls_err_judge(SSL *ssl, int ret, struct text *why);

/*
 * The plain phrase for an entry of OpenSSL's queue (ERR_get_error), as the log
 * and sallyport(8) say it. For what is common it is ours:
 * - "no shared cipher", "plain HTTP spoken to a TLS port", "not TLS" (wrong version number,
 *   too short ...), "record too long", "TLS version not supported", "no common group",
 *   "no common signature algorithm", "no common application protocol", "record does not
 *   decrypt", "the client has no certificate", "the client's certificate is refused", "no
 *   certificate for the name that the client asks for", "the client asks for no name",
 *   "renegotiation refused", "end without close_notify", "out of memory";
 * - "client sent alert: certificate unknown" (alerts by their names in RFC 8446, 6, with
 *   spaces for underscores; "number 77" for one without a name);
 * - for all others OpenSSL's reason string.
 */
void tls_err_phrase(unsigned long error, struct text *why);

/* Mistakes of clients that OpenSSL leaves to us; put into its queue for tls_err_judge. */
enum tls_err_own {
    TLS_ERR_UNKNOWN_NAME = 100, /* OpenSSL's first reason of a library's own */
    TLS_ERR_NO_NAME,
    TLS_ERR_NOT_SIGNED /* not the client's, but the keeper's; see key_remote */
};
void tls_err_put(enum tls_err_own error);

/* The same for an alert by its number: "client sent alert: certificate unknown". */
void tls_err_alert(int number, struct text *why);

/*
 * Empty OpenSSL's queue into buf: the phrase for its first entry, or fallback if
 * there was none. Returns buf. For what fails apart from a connection.
 */
const char *tls_err_take(char *buf, size_t size, const char *fallback);

#endif
