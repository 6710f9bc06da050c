/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef E2E_CLOSING_STAGE_H
#define E2E_CLOSING_STAGE_H

#include "base/addr.h"
#include "base/attr.h"
#include "support/observe.h"
#include "support/peer_plain.h"
#include "support/peer_tls.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The stage of one case of closing-test: a client and a backend, the terminator
 * under test between them, and one loop that moves both. A case is a script in
 * straight lines: tell a peer what to do, await what must follow, say what each
 * must have seen. After the first failure every further await and expect is
 * passed over, so that a script needs no branch for it.
 */

/* What the terminator under test is configured with; 0: not known. */
struct closing_settings {
    struct addr front;
    struct addr backend;
    uint32_t close_wait_ms;
    uint32_t idle_ms;
    uint32_t half_closed_ms;
    uint32_t linger_ms;
    uint32_t linger_max_ms;
    uint32_t handshake_ms;
    uint32_t connect_ms;
    uint32_t vanish_ms;   /* within which a vanished peer is found */
    uint32_t patience_ms; /* how long to wait for what must come */
    uint32_t slow_bytes;  /* what the slow reader reads */
    uint32_t round_trips;
    uint32_t max_connections;
    uint32_t terminator; /* to be told to stop; 0: not known */
    bool proxy;          /* clients begin with a PROXY header, and backends get one */
};

struct stage {
    const struct closing_settings *settings;
    SSL_CTX *ctx;
    int version; /* TLS1_2_VERSION or TLS1_3_VERSION */
    bool is_unix;
    struct peer_tls client;
    struct peer_plain backend;
    uint64_t start_us;
    bool failed;
    char why[768];  /* what was expected, at the first failure */
    char note[256]; /* what else is worth a word: times */
    uint64_t patience_ms;
};

/* Set the stage for a case, and clear it away. */
void stage_init(struct stage *s, const struct closing_settings *settings, SSL_CTX *ctx,
                int version);
void stage_clear(struct stage *s);

/* The same stage with new peers, for a case that plays several connections. */
void stage_again(struct stage *s);

/*
 * Let the backend listen and the client begin. stage_open awaits the handshake and
 * the backend's connection as well. rcvbuf_bytes: the client's receive buffer.
 */
void stage_listen(struct stage *s);
void stage_start(struct stage *s, int rcvbuf_bytes);
void stage_start_plain(struct stage *s);
void stage_open(struct stage *s);
void stage_open_narrow(struct stage *s, int rcvbuf_bytes);

/* The client sends and the backend gets it; the backend sends and the client gets it. */
void stage_request(struct stage *s, uint64_t bytes);
void stage_answer(struct stage *s, uint64_t bytes);

/* Conditions to be awaited. */
typedef bool stage_condition(const struct stage *s);
bool client_is_handshaken(const struct stage *s);
bool client_wrote_all(const struct stage *s);
bool client_saw_notify(const struct stage *s);
bool client_saw_tcp_end(const struct stage *s); /* FIN, RST or error */
bool client_saw_rst(const struct stage *s);     /* or had a write fail */
bool backend_is_there(const struct stage *s);
bool backend_wrote_all(const struct stage *s);
bool backend_acked_all(const struct stage *s);
bool backend_has_unread(const struct stage *s);
bool backend_saw_end(const struct stage *s); /* FIN, RST or error */
bool backend_saw_rst(const struct stage *s); /* a Unix socket has none: any end */

/* Move both peers until it holds. `what` says it in words, for the report. */
void stage_await(struct stage *s, stage_condition *holds, const char *what);
void stage_await_client_bytes(struct stage *s, uint64_t bytes);
void stage_await_backend_bytes(struct stage *s, uint64_t bytes);

/* Move both peers for this long. */
void stage_pass(struct stage *s, uint64_t ms);

/* Move both peers until it holds or the time is over; returns whether it holds. */
bool stage_try(struct stage *s, stage_condition *holds, uint64_t ms);

/*
 * What a peer must have seen: exactly so many bytes of the pattern (or any number),
 * all the ends of `must`, and no other end than those of `must` and `may`. No
 * byte may have come behind an end, and no RST before the last byte.
 */
#define STAGE_ANY_BYTES UINT64_MAX
void expect_client(struct stage *s, uint64_t bytes, unsigned must, unsigned may);
void expect_backend(struct stage *s, uint64_t bytes, unsigned must, unsigned may);

/* All that the backend sent and the terminator's kernel took (`least`), or more of it. */
void expect_client_at_least(struct stage *s, uint64_t least, unsigned must, unsigned may);

/* A RST to the backend, no FIN, behind exactly so many bytes. A Unix socket: any end. */
void expect_backend_reset(struct stage *s, uint64_t bytes);

/* It holds, or the case has failed: `what` was expected. */
void expect_that(struct stage *s, bool holds, const char *what);

/* From one moment to the other less than 1 s; noted as "what 0.123ms". */
void expect_prompt(struct stage *s, uint64_t from_us, uint64_t to_us, const char *what);

/* From one moment to the other about `ms`: not earlier (but a tenth), at most 1 s later. */
void expect_after(struct stage *s, uint64_t from_us, uint64_t to_us, uint64_t ms,
                  const char *what);

/* Add words to the note. */
void stage_note(struct stage *s, const char *format, ...) ATTR_PRINTF(2, 3);

#endif
