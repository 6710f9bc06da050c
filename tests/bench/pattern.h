/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SALLYPORT_BENCH_PATTERN_H
#define SALLYPORT_BENCH_PATTERN_H

/*
 * The bytes that load and backend send, and compare what they get with: byte i of a stream
 * is byte i % PATTERN_PERIOD of a fixed noise. The period is a prime, so that a piece that
 * is lost, doubled or put elsewhere shows, whatever power of two it is long.
 */
#include <stdint.h>

#define PATTERN_PERIOD 8191
/* So much can be taken at once from any place. */
#define PATTERN_RUN (256 * 1024)
/* The first byte of a connection, for the backend. A stream begins with PATTERN_ECHO. */
#define PATTERN_ECHO 'e'
#define PATTERN_DOWNLOAD 'd'
#define PATTERN_UPLOAD 'u'

/* Once, before anything else. */
void pattern_make(void);
/* PATTERN_RUN bytes of a stream, from its byte `at` on. */
const unsigned char *pattern_at(uint64_t at);

#endif
