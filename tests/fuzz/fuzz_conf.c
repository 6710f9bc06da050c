/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parser of the conf file: config_load_memory with config/parse and config/options,
 * and config_dump. What loads without a mistake has to load again, from its dump, to the
 * same dump. No file is read and no name is looked up.
 */
#include "config/load.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
dump(const struct config *config, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    if (out == NULL)
        abort();
    config_dump(config, out);
    fclose(out);
    return text;
}

static void
load_again(const char *text, size_t len)
{
    struct diag *diag = diag_new();
    struct config *config = config_load_memory("dump", text, len, diag);
    size_t again_len;
    char *again = dump(config, &again_len);

    if (diag_errors(diag) != 0 || again_len != len || memcmp(again, text, len) != 0)
        abort();
    free(again);
    config_free(config);
    diag_free(diag);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag *diag = diag_new();
    struct config *config = config_load_memory("fuzz", (const char *)data, size, diag);
    size_t len;
    char *text = dump(config, &len);

    if (diag_errors(diag) == 0)
        load_again(text, len);
    free(text);
    config_free(config);
    diag_free(diag);
    return 0;
}
