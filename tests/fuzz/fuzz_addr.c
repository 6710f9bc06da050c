/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses (base/addr) and the values of settings (base/text): what is parsed, printed and
 * parsed again is the same; what is printed fits, is cut where it must be, and
 * has no control characters.
 */
#include "base/addr.h"
#include "base/text.h"
#include "fuzz.h"

#include <strings.h>

#define HOST_SIZE 256

static bool
is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

/* Print into all of a small buffer's sizes: a prefix of the whole, ended by NUL. */
static void
check_cut(const struct addr *a, const char *whole)
{
    size_t len = strlen(whole);

    for (size_t size = 1; size <= len + 1; size += 1 + size / 4) {
        char *small = malloc(size);

        MUST(small != NULL && addr_format(a, small, size) == small);
        MUST(strlen(small) == (size <= len ? size - 1 : len));
        MUST(strncmp(small, whole, strlen(small)) == 0);
        free(small);
    }
}

static void
check_format(const struct addr *a, char *text)
{
    struct addr copy;

    MUST(addr_format(a, text, ADDR_TEXT_SIZE) == text);
    MUST(text[0] != '\0' && strlen(text) < ADDR_TEXT_SIZE - 1 && is_printable(text));
    check_cut(a, text);
    addr_from_sockaddr(&copy, &a->u.sa, a->len);
    MUST(addr_equal(a, &copy) && addr_equal(&copy, a) && addr_equal(a, a));
}

/* A numeric host: printed with its port, it leads back to the same address. */
static void
check_numeric(const char *host, uint16_t port)
{
    char text[ADDR_TEXT_SIZE], again_host[HOST_SIZE];
    struct addr a, again;
    uint16_t again_port;

    if (addr_from_numeric(&a, host, port) != 0)
        return;
    MUST(a.u.sa.sa_family == AF_INET || a.u.sa.sa_family == AF_INET6);
    MUST(addr_port(&a) == port);
    check_format(&a, text);
    MUST(addr_split(text, true, again_host, sizeof(again_host), &again_port) == NULL);
    MUST(again_port == port);
    MUST(addr_from_numeric(&again, again_host, again_port) == 0);
    MUST(a.len == again.len && addr_equal(&a, &again));
}

static void
check_split(const char *string)
{
    char *host = malloc(HOST_SIZE), *strict_host = malloc(HOST_SIZE);
    uint16_t port = 1, strict_port = 1;
    const char *wrong, *strict_wrong;

    MUST(host != NULL && strict_host != NULL);
    wrong = addr_split(string, true, host, HOST_SIZE, &port);
    strict_wrong = addr_split(string, false, strict_host, HOST_SIZE, &strict_port);
    MUST(wrong == NULL || (*wrong != '\0' && strict_wrong != NULL));
    if (wrong == NULL) {
        MUST(host[0] != '\0' && strlen(host) < HOST_SIZE && is_printable(host));
        MUST(strchr(host, ' ') == NULL && strstr(string, host) != NULL);
        MUST((strict_wrong == NULL) == (port != 0));
        check_numeric(host, port);
    }
    if (strict_wrong == NULL)
        MUST(strcmp(host, strict_host) == 0 && port == strict_port);
    free(host);
    free(strict_host);
}

static void
check_unix(const char *path)
{
    char text[ADDR_TEXT_SIZE];
    struct addr a;

    if (addr_from_unix(&a, path) != 0) {
        MUST(strlen(path) == 0 || strcmp(path, "@") == 0 || strlen(path) > 107);
        return;
    }
    MUST(strlen(path) <= 107 && addr_port(&a) == 0);
    check_format(&a, text);
    MUST(strncmp(text, "unix:", 5) == 0 && strlen(text) == strlen(path) + 5);
}

/* What accept() never gives, but could. */
static void
check_raw(const uint8_t *data, size_t size)
{
    struct sockaddr_storage storage = {0};
    size_t len = size < sizeof(storage) ? size : sizeof(storage);
    char text[ADDR_TEXT_SIZE];
    struct addr a;

    if (len > 0)
        memcpy(&storage, data, len);
    addr_from_sockaddr(&a, (const struct sockaddr *)&storage, (socklen_t)len);
    MUST(a.len <= sizeof(a.u));
    check_format(&a, text);
}

/* Is it the number at the beginning of string times the unit behind? */
static void
check_product(const char *string, uint64_t product)
{
    static const struct {
        const char *unit;
        uint64_t factor;
    } units[] = {
        {"ms", 1}, {"s", 1000},    {"m", 60000},   {"h", 3600000}, {"d", 86400000},
        {"b", 1},  {"k", 1 << 10}, {"M", 1 << 20}, {"g", 1 << 30}, {"", 1},
    };
    char *unit;
    uint64_t number = strtoull(string, &unit, 10);
    bool fits = false;

    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (strcasecmp(unit, units[i].unit) == 0 && product % units[i].factor == 0)
            fits = fits || product / units[i].factor == number;
    }
    MUST(fits);
}

static void
check_duration(const char *string)
{
    char buf[32];
    struct text text;
    uint32_t ms, again;

    if (text_parse_duration(string, &ms) != 0)
        return;
    MUST(ms <= 24u * 24 * 60 * 60 * 1000);
    check_product(string, ms);
    text_init(&text, buf, sizeof(buf));
    text_add_duration(&text, ms);
    MUST(!text.cut && text_parse_duration(buf, &again) == 0 && again == ms);
}

static void
check_size(const char *string)
{
    char buf[32];
    struct text text;
    uint64_t bytes, again;

    if (text_parse_size(string, &bytes) != 0)
        return;
    check_product(string, bytes);
    text_init(&text, buf, sizeof(buf));
    text_add_size(&text, bytes);
    MUST(!text.cut && text_parse_size(buf, &again) == 0 && again == bytes);
}

/* All digits, and not too many, is a number; nothing else is. */
static void
check_number(const char *string)
{
    const char *digits = string + strspn(string, "0");
    bool is_digits = string[0] != '\0' && string[strspn(string, "0123456789")] == '\0';
    char buf[32];
    uint64_t number;

    if (text_parse_number(string, &number) != 0) {
        MUST(!is_digits || strlen(digits) >= strlen("18446744073709551616"));
        return;
    }
    snprintf(buf, sizeof(buf), "%llu", (unsigned long long)number);
    MUST(is_digits && strcmp(buf, *digits == '\0' ? "0" : digits) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size, 0};

    check_raw(data, size);
    do {
        char *string = fuzz_string(&in);

        check_split(string);
        check_numeric(string, 443);
        check_unix(string);
        check_duration(string);
        check_size(string);
        check_number(string);
        free(string);
    } while (in.at < in.size);
    return 0;
}
