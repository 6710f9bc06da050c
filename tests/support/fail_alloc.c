/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fail_alloc.h"

#include <check.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static unsigned long counted, failing;
static bool paused = true, failing_all;

static bool
fails(void)
{
    if (paused)
        return false;
    counted++;
    return failing != 0 && (counted == failing || (failing_all && counted > failing));
}

void *
__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

static void *
crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return __wrap_malloc(size);
}

static void *
crypto_realloc(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return __wrap_realloc(memory, size);
}

static void
crypto_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

void
fail_alloc_install(void)
{
    ck_assert_int_eq(CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free),
                     1);
    event_set_mem_functions(__wrap_malloc, __wrap_realloc, free);
}

void
fail_alloc_arm(unsigned long nth, bool all)
{
    counted = 0;
    failing = nth;
    failing_all = all;
}

void
fail_alloc_pause(void)
{
    paused = true;
}

void
fail_alloc_resume(void)
{
    paused = false;
}

unsigned long
fail_alloc_count(void)
{
    return counted;
}
