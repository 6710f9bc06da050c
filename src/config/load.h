/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "config/config.h"

/*
 * Read the conf file at path, and what it includes. Every mistake in it goes to
 * diag with its place, all in one run: a mistake in one statement does not hide
 * those in the next. Returns the configuration with the defaults filled in, also
 * where there were mistakes (look at diag_errors), for config_free; never NULL.
 * It has not been checked: see config_check. A required setting whose value is a mistake
 * has the text "", so that it does not count as missing.
 */
struct config *config_load_file(const char *path, struct diag *diag);

/*
 * The same from len bytes of memory that are called name in messages: tests, fuzzing. No
 * file is read: include is a mistake there.
 */
struct config *config_load_memory(const char *name, const char *bytes, size_t len,
                                  struct diag *diag);

/*
 * The configuration of the command line's one-liner: one frontend called "main" that
 * listens on listen, leads to backend and has its certificate and key in cert.
 */
struct config *config_from_words(const char *listen, const char *backend, const char *cert);

/*
 * Print the effective configuration as a conf file that means the same, every setting of
 * every frontend spelt out; one that is not set is a comment. There is no secret in
 * it: keys are named, not held.
 */
void config_dump(const struct config *config, FILE *out);

#endif
