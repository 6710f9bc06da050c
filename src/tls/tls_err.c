/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_err.h"

#include "base/attr.h"

#include <openssl/err.h>
#include <stddef.h>
#include <string.h>

/* The names of RFC 8446, section 6, and those that RFC 5246 had before it. */
static const struct alert {
    int number;
    const char *name;
} alerts[] = {
    {0, "close notify"},
    {10, "unexpected message"},
    {20, "bad record mac"},
    {21, "decryption failed"},
    {22, "record overflow"},
    {30, "decompression failure"},
    {40, "handshake failure"},
    {41, "no certificate"},
    {42, "bad certificate"},
    {43, "unsupported certificate"},
    {44, "certificate revoked"},
    {45, "certificate expired"},
    {46, "certificate unknown"},
    {47, "illegal parameter"},
    {48, "unknown ca"},
    {49, "access denied"},
    {50, "decode error"},
    {51, "decrypt error"},
    {60, "export restriction"},
    {70, "protocol version"},
    {71, "insufficient security"},
    {80, "internal error"},
    {86, "inappropriate fallback"},
    {90, "user canceled"},
    {100, "no renegotiation"},
    {109, "missing extension"},
    {110, "unsupported extension"},
    {111, "certificate unobtainable"},
    {112, "unrecognized name"},
    {113, "bad certificate status response"},
    {114, "bad certificate hash value"},
    {115, "unknown psk identity"},
    {116, "certificate required"},
    {117, "general error"},
    {120, "no application protocol"},
    {121, "ech required"},
};

static const struct phrase {
    int reason;
    const char *words;
} phrases[] = {
    {SSL_R_NO_SHARED_CIPHER, "no shared cipher"},
    {SSL_R_HTTP_REQUEST, "plain HTTP spoken to a TLS port"},
    {SSL_R_HTTPS_PROXY_REQUEST, "plain HTTP spoken to a TLS port"},
    {SSL_R_WRONG_VERSION_NUMBER, "not TLS"},
    {SSL_R_WRONG_SSL_VERSION, "not TLS"},
    {SSL_R_BAD_RECORD_TYPE, "not TLS"},
    {SSL_R_RECORD_LENGTH_MISMATCH, "not TLS"},
    {SSL_R_LENGTH_TOO_SHORT, "not TLS"},
    {SSL_R_PACKET_LENGTH_TOO_LONG, "record too long"},
    {SSL_R_ENCRYPTED_LENGTH_TOO_LONG, "record too long"},
    {SSL_R_DATA_LENGTH_TOO_LONG, "record too long"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "TLS version not supported"},
    {SSL_R_UNSUPPORTED_SSL_VERSION, "TLS version not supported"},
    {SSL_R_UNKNOWN_PROTOCOL, "TLS version not supported"},
    {SSL_R_VERSION_TOO_LOW, "TLS version not supported"},
    {SSL_R_VERSION_TOO_HIGH, "TLS version not supported"},
    {SSL_R_NO_SUITABLE_KEY_SHARE, "no common group"},
    {SSL_R_NO_SUITABLE_GROUPS, "no common group"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "no common signature algorithm"},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, "no common signature algorithm"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "no common application protocol"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "record does not decrypt"},
    {SSL_R_DECRYPTION_FAILED, "record does not decrypt"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "the client has no certificate"},
    {SSL_R_CERTIFICATE_VERIFY_FAILED, "the client's certificate is refused"},
    {SSL_R_NO_RENEGOTIATION, "renegotiation refused"},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, "end without close_notify"},
};

static bool
is_ssl(unsigned long error)
{
    return !ERR_SYSTEM_ERROR(error) && ERR_GET_LIB(error) == ERR_LIB_SSL;
}

/* OpenSSL reports alert n of the peer as reason SSL_AD_REASON_OFFSET + n, n below 256. */
static bool
is_alert(unsigned long error)
{
    int reason = ERR_GET_REASON(error);

    return is_ssl(error) && reason >= SSL_AD_REASON_OFFSET &&
           reason < SSL_AD_REASON_OFFSET + 256;
}

static bool
is_no_memory(unsigned long error)
{
    return !ERR_SYSTEM_ERROR(error) && ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
}

void
tls_err_alert(int number, struct text *why)
{
    for (size_t i = 0; i < COUNT_OF(alerts); i++) {
        if (alerts[i].number == number) {
            text_addf(why, "client sent alert: %s", alerts[i].name);
            return;
        }
    }
    text_addf(why, "client sent alert: number %d", number);
}

static const char *
find_own(unsigned long error)
{
    switch (ERR_GET_REASON(error)) {
    case TLS_ERR_UNKNOWN_NAME:
        return "no certificate for the name that the client asks for";
    case TLS_ERR_NO_NAME:
        return "the client asks for no name";
    case TLS_ERR_NOT_SIGNED:
        return "the token of the private key has not signed";
    default:
        return NULL;
    }
}

/* Our words for an error, or NULL where OpenSSL's have to do. */
static const char *
find_phrase(unsigned long error)
{
    if (!ERR_SYSTEM_ERROR(error) && ERR_GET_LIB(error) == ERR_LIB_USER)
        return find_own(error);
    if (!is_ssl(error))
        return NULL;
    for (size_t i = 0; i < COUNT_OF(phrases); i++) {
        if (phrases[i].reason == ERR_GET_REASON(error))
            return phrases[i].words;
    }
    return NULL;
}

void
tls_err_put(enum tls_err_own error)
{
    ERR_raise(ERR_LIB_USER, error);
}

void
tls_err_phrase(unsigned long error, struct text *why)
{
    const char *words;

    if (is_alert(error)) {
        tls_err_alert(ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET, why);
        return;
    }
    words = is_no_memory(error) ? "out of memory" : find_phrase(error);
    if (words == NULL)
        words = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
                                        : ERR_reason_error_string(error);
    if (words != NULL)
        text_add(why, words);
    else
        text_addf(why, "OpenSSL error %lx", error);
}

const char *
tls_err_take(char *buf, size_t size, const char *fallback)
{
    unsigned long error = ERR_get_error();
    struct text text;

    text_init(&text, buf, size);
    if (error != 0)
        tls_err_phrase(error, &text);
    else
        text_add(&text, fallback);
    ERR_clear_error();
    return buf;
}

/* How much an entry of the queue says about the cause; 0: nothing. */
static int
weigh(unsigned long error)
{
    if (is_no_memory(error))
        return 5;
    if (is_alert(error))
        return 4;
    if (find_phrase(error) != NULL)
        return 3;
    return is_ssl(error) ? 2 : 1;
}

/*
 * Empty the queue; return the entry that says most about the cause, the first of
 * several. It need not be the first of all: providers may have put theirs before, and
 * libssl a general one behind. 0 if the queue was empty.
 */
static unsigned long
take_cause(void)
{
    unsigned long cause = 0, error;

    while ((error = ERR_get_error()) != 0) {
        if (cause == 0 || weigh(error) > weigh(cause))
            cause = error;
    }
    return cause;
}

static enum tls_verdict
judge_cause(unsigned long cause)
{
    if (is_no_memory(cause))
        return TLS_NO_MEMORY;
    return is_alert(cause) ? TLS_ALERT : TLS_PROTOCOL;
}

/* It is empty nearly always, and ERR_clear_error would go through all its places. */
void
tls_err_clear(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

enum tls_verdict
tls_err_judge(SSL *ssl, int ret, struct text *why)
{
    int error = SSL_get_error(ssl, ret);
    unsigned long cause = take_cause();
    enum tls_verdict verdict;

    if (error == SSL_ERROR_WANT_READ)
        return TLS_WANT_READ;
    if (error == SSL_ERROR_ZERO_RETURN)
        return TLS_NOTIFY;
    if (cause == 0) {
        if (why != NULL)
            text_add(why, "TLS has failed before");
        return TLS_PROTOCOL;
    }
    verdict = judge_cause(cause);
    if (why != NULL)
        tls_err_phrase(cause, why);
    return verdict;
}
