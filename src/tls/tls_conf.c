/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/tls_conf.h"

#include "base/attr.h"
#include "base/text.h"

#include <errno.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define VARIABLE "OPENSSL_CONF"
#define BEFORE "SALLYPORT_OPENSSL_CONF" /* what VARIABLE was before we set it */

/* For children, and for the program that takes over in an upgrade. */
static int
set_variable(const char *path)
{
    const char *before = getenv(VARIABLE);

    if (setenv(BEFORE, before != NULL ? before : "", 0) != 0)
        return -1;
    return setenv(VARIABLE, path, 1);
}

/* The program of before an upgrade may have set it. */
static void
restore_variable(void)
{
    const char *before = getenv(BEFORE);

    if (before == NULL)
        return;
    if (*before == '\0')
        (void)unsetenv(VARIABLE);
    else
        (void)setenv(VARIABLE, before, 1);
    (void)unsetenv(BEFORE);
}

/* The entry that says the most: the first one with details, or else the first. */
static void
take_reason(struct text *why)
{
    unsigned long first = ERR_peek_error(), error;
    size_t begin = why->len;
    const char *data, *reason;
    int flags;

    while ((error = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        if ((flags & ERR_TXT_STRING) == 0 || *data == '\0')
            continue;
        reason = ERR_reason_error_string(error);
        text_addf(why, "%s: %s", reason != NULL ? reason : "OpenSSL refuses it", data);
        break;
    }
    reason = ERR_reason_error_string(first);
    if (why->len == begin)
        text_add(why, reason != NULL ? reason : "OpenSSL refuses it");
    ERR_clear_error();
}

/* ---- Providers: OpenSSL 3.0 passes over those that it cannot load ---- */

static bool
is_to_be_activated(const CONF *conf, const char *section)
{
    static const char *const yes[] = {"1", "yes", "on", "true"};
    const char *value = NCONF_get_string(conf, section, "activate");

    for (size_t i = 0; value != NULL && i < COUNT_OF(yes); i++)
        if (strcasecmp(value, yes[i]) == 0)
            return true;
    return false;
}

static int
check_provider(const CONF *conf, const CONF_VALUE *entry, struct text *why)
{
    const char *dot = strrchr(entry->name, '.'); /* a number before it makes it unique */
    const char *name = NCONF_get_string(conf, entry->value, "identity");
    OSSL_PROVIDER *again;

    if (name == NULL)
        name = dot != NULL ? dot + 1 : entry->name;
    if (!is_to_be_activated(conf, entry->value) || OSSL_PROVIDER_available(NULL, name))
        return 0;
    ERR_clear_error();
    again = OSSL_PROVIDER_load(NULL, name); /* once more, to hear why not */
    if (again != NULL)
        return 0;
    text_addf(why, "there is no provider %s: ", name);
    take_reason(why);
    return -1;
}

static int
check_providers(const char *path, struct text *why)
{
    CONF *conf = NCONF_new(NULL);
    STACK_OF(CONF_VALUE) *entries = NULL;
    const char *section = NULL;
    int status = 0;

    if (conf != NULL && NCONF_load(conf, path, NULL) > 0)
        section = NCONF_get_string(conf, NULL, "openssl_conf");
    if (section != NULL)
        section = NCONF_get_string(conf, section, "providers");
    if (section != NULL)
        entries = NCONF_get_section(conf, section);
    for (int i = 0; status == 0 && i < sk_CONF_VALUE_num(entries); i++)
        status = check_provider(conf, sk_CONF_VALUE_value(entries, i), why);
    NCONF_free(conf);
    ERR_clear_error();
    return status;
}

/* ---- All of it ---- */

static int
load(const char *path, struct text *why)
{
    OPENSSL_INIT_SETTINGS *settings;
    int ok;

    if (access(path, R_OK) != 0) {
        text_addf(why, "cannot be opened: %s", strerror(errno));
        return -1;
    }
    settings = OPENSSL_INIT_new();
    if (settings == NULL || set_variable(path) != 0) {
        OPENSSL_INIT_free(settings);
        text_add(why, "out of memory");
        return -1;
    }
    /* Without CONF_MFLAGS_IGNORE_RETURN_CODES and IGNORE_MISSING_FILE. */
    OPENSSL_INIT_set_config_file_flags(settings, CONF_MFLAGS_DEFAULT_SECTION);
    ok = OPENSSL_INIT_set_config_filename(settings, path) == 1 &&
         OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, settings) == 1;
    OPENSSL_INIT_free(settings);
    if (ok)
        return check_providers(path, why);
    take_reason(why);
    return -1;
}

int
tls_conf_load(const char *path, char *why, size_t size)
{
    static bool called;
    static char *loaded; /* NULL: nothing */
    struct text text;

    text_init(&text, why, size);
    if (called) {
        if (strcmp(path != NULL ? path : "", loaded != NULL ? loaded : "") == 0)
            return 0;
        text_add(&text, "it cannot change while sallyport runs; a restart, or an upgrade "
                        "(SIGUSR2), takes it over");
        return -1;
    }
    if (path == NULL)
        restore_variable();
    else if (load(path, &text) != 0)
        return -1;
    called = true;
    loaded = path != NULL ? strdup(path) : NULL;
    return 0;
}

/* Loaded by name: else it would no longer be there by itself beside another one. */
OSSL_PROVIDER *
tls_conf_default_provider(void)
{
    if (OSSL_PROVIDER_available(NULL, "default") != 1 ||
        OSSL_PROVIDER_available(NULL, "fips") == 1)
        return NULL;
    return OSSL_PROVIDER_load(NULL, "default");
}
