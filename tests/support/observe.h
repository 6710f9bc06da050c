/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_OBSERVE_H
#define SUPPORT_OBSERVE_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What one endpoint saw of the other: how many bytes, whether they were the right
 * ones, how the stream ended, and when. Times are of clock_us(); 0 is 'not seen'.
 */

/* How a stream ended: bits, because a FIN may be followed by a RST. */
enum observed_end {
    OBSERVED_NOTIFY = 1 << 0, /* close_notify */
    OBSERVED_ALERT = 1 << 1,  /* a fatal alert */
    OBSERVED_FIN = 1 << 2,
    OBSERVED_RST = 1 << 3,
    OBSERVED_ERROR = 1 << 4 /* anything else: a record that is not one, ETIMEDOUT */
};

struct observed {
    uint64_t salt;  /* which pattern is expected */
    uint64_t bytes; /* received, of plaintext */
    bool garbled;   /* they were not the pattern, from garbled_at on */
    uint64_t garbled_at;
    uint64_t late_bytes; /* received behind a close_notify, an alert or a FIN */
    uint64_t first_us;   /* when the first and the last byte came */
    uint64_t last_us;
    unsigned ends; /* bits of enum observed_end */
    uint64_t notify_us;
    uint64_t alert_us;
    uint64_t fin_us;
    uint64_t rst_us;
    bool fin_before_rst;      /* a RST came, and the kernel says that a FIN was before it */
    bool fin_in_record;       /* the FIN came inside a TLS record */
    int alert;                /* description of the fatal alert (RFC 8446, 6) */
    int error;                /* errno of OBSERVED_ERROR; 0: not a TLS record */
    uint64_t write_failed_us; /* when a write failed first */
};

/*
 * The stream that both peers send: a byte that depends on its offset and on the
 * salt, so that a lost, doubled or moved byte shows. Fill buf with len bytes from
 * offset on.
 */
void observe_pattern(uint64_t salt, uint64_t offset, uint8_t *buf, size_t len);

/* Begin anew, with nothing seen. */
void observe_init(struct observed *o, uint64_t salt);

/* Bytes came: count them and compare them with the pattern. */
void observe_bytes(struct observed *o, const uint8_t *buf, size_t len);

/* One of the ends was seen, now. A second one of the same kind changes nothing. */
void observe_end(struct observed *o, enum observed_end end);

/*
 * recv() said 0. That is a FIN, but for one case: Linux says 0 as well behind a
 * RST that was noted already. Returns whether it was a FIN.
 */
bool observe_eof(struct observed *o);

/*
 * A call on the socket failed with this errno: EPIPE or ECONNRESET is a RST (a
 * failed write of a socket that has not said FIN itself), anything else an error.
 */
void observe_errno(struct observed *o, int error);

/* Append "1000 bytes, close_notify +0.210ms, FIN +3.001ms"; times since since_us. */
void observe_print(const struct observed *o, uint64_t since_us, struct text *out);

/* Append the names of ends: "close_notify, FIN"; "no end" for 0. */
void observe_print_ends(unsigned ends, struct text *out);

#endif
