/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/config.h"

/*
 * The rules between settings, and what has to be looked up before a start:
 * listen and backend addresses parsed, also those of sni-backend and alpn-backend and of
 * servers, listen names resolved (this may block), two frontends on one address, a frontend
 * without listen, cert or backend, tls-min above tls-max, client-cert without ca or with an
 * allow that is none, two frontends or backends of one name, backends without a server that
 * is not a backup or with one twice, backends that nobody uses (a warning), no frontend at
 * all, a place of the log that is none. Fills in listen, pool, backend, route, admin and
 * nameservers. All mistakes go to diag with file
 * and line. Certificates are not looked at: see tls/cert.
 */
void config_check(struct config *config, struct diag *diag);

#endif
