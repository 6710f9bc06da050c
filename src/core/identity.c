/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/identity.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define SHA256 "sha256/"
#define DIGEST_LEN 44 /* 32 bytes in base64, the = at the end included */

static const char *const prefixes[IDENTITY_KINDS] = {
    [IDENTITY_DNS] = "DNS:",
    [IDENTITY_CN] = "CN:",
    [IDENTITY_URI] = "URI:",
    [IDENTITY_SPKI] = "SPKI:",
};

/* The part behind the prefix, or NULL: a pattern of another kind, or none. */
static const char *
strip(const char *pattern, enum identity_kind kind)
{
    size_t len = strlen(prefixes[kind]);

    return strncmp(pattern, prefixes[kind], len) == 0 ? pattern + len : NULL;
}

static const char *
check_dns(const char *name)
{
    if (strncmp(name, "*.", 2) == 0)
        name += 2;
    if (*name == '\0' || *name == '.' || name[strlen(name) - 1] == '.' ||
        strstr(name, "..") != NULL)
        return "has an empty label";
    for (; *name != '\0'; name++) {
        if (*name == '*')
            return "may have a * only in front, as in DNS:*.app.example";
        if (!isalnum((unsigned char)*name) && strchr("-._", *name) == NULL)
            return "has a character that names do not have";
    }
    return NULL;
}

static const char *
check_uri(const char *uri)
{
    const char *star = strchr(uri, '*');

    if (strchr(uri, ':') == NULL)
        return "has no scheme, as spiffe: is one";
    if (star != NULL && (star[1] != '\0' || star[-1] != '/'))
        return "may have a * only as its last segment, as in URI:spiffe://example/ns/*";
    return NULL;
}

/* 32 bytes leave two bits of the last character unused: they are 0. */
static const char *
check_key(const char *key)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789+/";
    const char *digest = key + strlen(SHA256), *last;

    if (strncmp(key, SHA256, strlen(SHA256)) != 0)
        return "names no digest; write SPKI:sha256/ and the digest in base64";
    if (strlen(digest) != DIGEST_LEN || strspn(digest, alphabet) != DIGEST_LEN - 1 ||
        digest[DIGEST_LEN - 1] != '=')
        return "has no SHA-256 in base64 (44 characters, the last of them =)";
    last = strchr(alphabet, digest[DIGEST_LEN - 2]);
    return (last - alphabet) % 4 == 0 ? NULL : "has no SHA-256 in base64 (it is cut)";
}

const char *
identity_check(const char *pattern)
{
    const char *rest = NULL;
    unsigned kind;

    for (kind = 0; kind < IDENTITY_KINDS && rest == NULL; kind++)
        rest = strip(pattern, (enum identity_kind)kind);
    if (rest == NULL)
        return "has no kind; write DNS:, CN:, URI: or SPKI:sha256/ before the name";
    if (*rest == '\0')
        return "has no name behind its kind";
    switch ((enum identity_kind)(kind - 1)) {
    case IDENTITY_DNS:
        return check_dns(rest);
    case IDENTITY_URI:
        return check_uri(rest);
    case IDENTITY_SPKI:
        return check_key(rest);
    default:
        return NULL;
    }
}

static bool
match_dns(const char *pattern, const char *name, size_t len)
{
    const char *dot;

    if (strncmp(pattern, "*.", 2) == 0) {
        dot = memchr(name, '.', len);
        if (dot == NULL || dot == name)
            return false;
        len -= (size_t)(dot - name);
        name = dot;
        pattern++;
    }
    return len == strlen(pattern) && strncasecmp(pattern, name, len) == 0;
}

/* A * stands for at least one byte. */
static bool
match_uri(const char *pattern, const char *uri, size_t len)
{
    size_t fixed = strlen(pattern) - 1;

    if (pattern[fixed] == '*')
        return len > fixed && memcmp(pattern, uri, fixed) == 0;
    return len == fixed + 1 && memcmp(pattern, uri, len) == 0;
}

bool
identity_match(const char *pattern, enum identity_kind kind, const void *name, size_t len)
{
    const char *rest = strip(pattern, kind);

    if (rest == NULL || *rest == '\0' || len == 0 || memchr(name, '\0', len) != NULL)
        return false;
    if (kind == IDENTITY_DNS)
        return match_dns(rest, name, len);
    if (kind == IDENTITY_URI)
        return match_uri(rest, name, len);
    return len == strlen(rest) && memcmp(rest, name, len) == 0;
}
