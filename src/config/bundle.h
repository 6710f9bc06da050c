/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONFIG_BUNDLE_H
#define CONFIG_BUNDLE_H

#include "base/pack.h"
#include "config/config.h"

/*
 * A checked configuration as bytes, for the workers: every setting of the table of options,
 * what config_check and the master have found out about addresses and names, and the blobs
 * of certificates, keys and ticket secrets. Places in files (struct pos) stay behind: the
 * worker has nothing to complain of.
 */
void bundle_pack(struct pack *p, const struct config *config);

/*
 * Back to a configuration, for config_free. Its strings and blobs are lent by the bytes,
 * which have to stay as long: they are one copy for all workers. Returns NULL if the bytes
 * are none of bundle_pack's.
 */
struct config *bundle_unpack(struct unpack *u);

#endif
