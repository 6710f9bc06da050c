/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_PEER_TLS_H
#define SUPPORT_PEER_TLS_H

#include "base/addr.h"
#include "support/observe.h"
#include "support/peer_plain.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A scripted TLS client. OpenSSL works on memory; the socket is the peer's own, so
 * that it decides what is on the wire, and when: half a record, a FIN without a
 * close_notify, several records in one segment. It does not verify certificates,
 * and it never answers a close_notify by itself. The functions that act only note
 * what is to be done; it is done in peer_tls_turn(), unless the function says 'at once'.
 */

/* Where the receiving side is within the TLS records on the wire. */
struct peer_tls_frame {
    uint8_t header[5];
    size_t have; /* bytes of the header */
    size_t left; /* bytes of the body that are still to come */
};

struct peer_tls {
    int fd;
    SSL *ssl;
    BIO *in;  /* from the wire to OpenSSL */
    BIO *out; /* from OpenSSL to the wire; what a script holds back waits here */
    struct peer_tls_frame frame;
    struct observed saw;
    bool handshaken;
    bool tls_over;      /* OpenSSL has no more to say: bytes are thrown away */
    uint64_t raw_bytes; /* all that came from the wire */
    enum peer_reading reading;
    struct peer_pace pace;
    size_t record_bytes; /* plaintext per record */
    uint64_t to_send;    /* bytes of the pattern that are still to be sent */
    uint64_t sent;       /* encrypted */
    bool hold;           /* nothing goes to the wire */
    bool want_notify;
    bool notify_sent;
    bool want_fin;
    bool fin_sent;
    uint64_t end_sent_us; /* when its last end (close_notify, FIN, RST) was said */
    uint64_t salt;        /* of what it sends */
};

/* One for all clients: version is TLS1_2_VERSION or TLS1_3_VERSION. NULL: no memory. */
SSL_CTX *peer_tls_context(int version);

/* Nothing yet. It expects the pattern of expect_salt and sends that of send_salt. */
void peer_tls_init(struct peer_tls *p, uint64_t send_salt, uint64_t expect_salt);

/*
 * Begin to connect; the handshake begins as soon as that is done. rcvbuf_bytes: the
 * receive buffer, 0 for the usual one. ctx is borrowed for as long as p lives; with
 * NULL it stays plain TCP, for scripts that break the handshake. Returns 0 or -1.
 */
int peer_tls_start(struct peer_tls *p, SSL_CTX *ctx, const struct addr *to,
                   int rcvbuf_bytes) ATTR_MUST_CHECK;

/* Send `bytes` more bytes of the pattern, in records of at most record_bytes. */
void peer_tls_send(struct peer_tls *p, uint64_t bytes);

/* close_notify behind the last byte; FIN behind everything. */
void peer_tls_notify(struct peer_tls *p);
void peer_tls_fin(struct peer_tls *p);

/*
 * Encrypt, at once, all that was told so far (with the close_notify, if wanted), and
 * keep it; peer_tls_release lets it go in one send(), with the FIN in the same segment.
 */
void peer_tls_hold(struct peer_tls *p);
void peer_tls_release(struct peer_tls *p);

/* Bytes that are no pattern, straight to the wire, behind what was encrypted so far. */
void peer_tls_raw(struct peer_tls *p, const void *bytes, size_t len);

/* A record of `bytes` bytes of the pattern, of which only the first `part` wire bytes go
 * out. */
void peer_tls_cut_record(struct peer_tls *p, uint64_t bytes, size_t part);

/* A record that looks right but cannot be decrypted. */
void peer_tls_forged_record(struct peer_tls *p);

/* A fatal alert, as the client sends it when it could not decrypt a record: bad_record_mac.
 */
void peer_tls_fatal_alert(struct peer_tls *p);

/* The ClientHello as it would go out, the first `part` bytes of it only; then nothing. */
void peer_tls_half_hello(struct peer_tls *p, SSL_CTX *ctx, size_t part);

/* Read at most rate bytes of the wire per second from now on. */
void peer_tls_read_slowly(struct peer_tls *p, uint64_t rate);

/* RST, at once. */
void peer_tls_reset(struct peer_tls *p);

/* Has everything that it was told to send been handed to the kernel? */
bool peer_tls_wrote_all(const struct peer_tls *p);

/*
 * What poll() has to look for: fills *pfd (fd -1: nothing). Returns after how
 * many ms a turn is due in any case, or -1.
 */
int peer_tls_poll(const struct peer_tls *p, struct pollfd *pfd);

/* Read, decrypt, encrypt, write: whatever revents allow and the script says. */
void peer_tls_turn(struct peer_tls *p, short revents);

/* Close it, with RST if it is still there, and free what belongs to it. */
void peer_tls_free(struct peer_tls *p);

#endif
