/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/transparent.h"

#include "net/sock.h"
#include "proc/privdrop.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool
transparent_is_wanted(const struct config *config)
{
    for (size_t i = 0; i < config->frontends; i++)
        if (config->frontend[i].source == CONFIG_SOURCE_CLIENT)
            return true;
    return false;
}

static void
check_capability(const struct config_frontend *f, struct diag *diag)
{
    if (f->source == CONFIG_SOURCE_CLIENT)
        diag_error(diag, f->source_text.pos,
                   "source = client in frontend %s takes the capability CAP_NET_RAW, which "
                   "sallyport has not got here; see sallyport-transparent(7)",
                   f->name);
    else if (f->original)
        diag_warning(diag, f->pos,
                     "frontend %s gets connections by REDIRECT only, not by TPROXY, which "
                     "takes the capability CAP_NET_RAW; see sallyport-transparent(7)",
                     f->name);
}

static void
check_address(const struct config_frontend *f, struct diag *diag)
{
    int fd = sock_bind(&f->source_addr, false);

    if (fd >= 0)
        close(fd);
    else
        diag_warning(diag, f->source_text.pos,
                     "source %s in frontend %s cannot be used now: %s", f->source_text.text,
                     f->name, strerror(errno));
}

void
transparent_check(const struct config *config, struct diag *diag)
{
    bool can = privdrop_can_be_transparent();

    for (size_t i = 0; i < config->frontends; i++) {
        const struct config_frontend *f = &config->frontend[i];

        if (!can)
            check_capability(f, diag);
        if (f->source == CONFIG_SOURCE_ADDR)
            check_address(f, diag);
    }
}
