/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/check_private.h"
#include "core/identity.h"

void
check_client_cert(struct checker *c)
{
    const struct config_client_cert *cc = &c->frontend->client_cert;

    if (cc->verify != CONFIG_VERIFY_OFF && cc->ca.count == 0)
        diag_error(c->diag, c->frontend->pos,
                   "frontend %s has a client-cert without ca; write ca = "
                   "\"/etc/sallyport/clients.pem\" there",
                   c->frontend->name);
    for (size_t i = 0; i < cc->allow.count; i++) {
        const struct config_string *allow = &cc->allow.item[i];
        const char *wrong = identity_check(allow->text);

        if (wrong != NULL)
            diag_error(c->diag, allow->pos, "allow %s %s", check_quote(c, allow->text),
                       wrong);
    }
}
