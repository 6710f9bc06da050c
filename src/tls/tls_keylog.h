/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_KEYLOG_H
#define TLS_TLS_KEYLOG_H

#include "base/attr.h"

#include <openssl/ssl.h>

/*
 * Write the secrets of all connections of ctx to fd (lent, for as long as any of them
 * lives; opened for appending), in the format of NSS that Wireshark reads: each line by one
 * write(), so that several processes may share the file. A line that cannot be written is
 * lost; the first time the log says so. Returns 0, or -1 without memory.
 */
int tls_keylog_enable(SSL_CTX *ctx, int fd) ATTR_MUST_CHECK;

#endif
