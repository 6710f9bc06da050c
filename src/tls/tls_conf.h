/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_TLS_CONF_H
#define TLS_TLS_CONF_H

#include "base/attr.h"

#include <openssl/provider.h>
#include <stddef.h>

/*
 * Have OpenSSL read a file of its own (config(5ssl)): providers, default properties,
 * defaults for TLS. It does that once in the life of a process, so that this has to come
 * before everything else that is asked of OpenSSL. path NULL: the file that OpenSSL takes
 * by itself (OPENSSL_CONF in the environment, or the system's), at its own time. Child
 * processes follow by the environment (OPENSSL_CONF is set to path).
 *
 * Unlike OpenSSL by itself, takes no file with mistakes: one that is not there, a provider
 * that cannot be loaded. Returns 0, or -1 with a phrase in why, also when another path has
 * been loaded before.
 */
int tls_conf_load(const char *path, char *why, size_t size) ATTR_MUST_CHECK;

/*
 * The default provider, loaded for good, where something of ours may stand in for a part of
 * it. NULL where it is not there, or the FIPS provider is: nothing may slip in before what
 * somebody has chosen.
 */
OSSL_PROVIDER *tls_conf_default_provider(void);

#endif
