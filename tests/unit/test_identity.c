/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/identity.h"

#include "base/attr.h"
#include "support/check_main.h"

#include <string.h>

#define KEY "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static const struct {
    const char *pattern, *wrong; /* NULL: it is right */
} patterns[] = {
    {"DNS:app.example", NULL},
    {"DNS:*.app.example", NULL},
    {"DNS:my_app-1", NULL},
    {"CN:alice", NULL},
    {"CN: * anything: at all ", NULL},
    {"URI:spiffe://example/ns/x", NULL},
    {"URI:spiffe://example/ns/*", NULL},
    {"URI:urn:x", NULL},
    {"SPKI:" KEY, NULL},
    {"SPKI:sha256/+/+/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAw=", NULL},
    {"", "has no kind; write DNS:, CN:, URI: or SPKI:sha256/ before the name"},
    {"alice", "has no kind; write DNS:, CN:, URI: or SPKI:sha256/ before the name"},
    {"dns:alice", "has no kind; write DNS:, CN:, URI: or SPKI:sha256/ before the name"},
    {"CN:", "has no name behind its kind"},
    {"DNS:", "has no name behind its kind"},
    {"DNS:*", "may have a * only in front, as in DNS:*.app.example"},
    {"DNS:a.*.b", "may have a * only in front, as in DNS:*.app.example"},
    {"DNS:*.*.b", "may have a * only in front, as in DNS:*.app.example"},
    {"DNS:a*.b", "may have a * only in front, as in DNS:*.app.example"},
    {"DNS:*.", "has an empty label"},
    {"DNS:.a", "has an empty label"},
    {"DNS:a.", "has an empty label"},
    {"DNS:a..b", "has an empty label"},
    {"DNS:a b", "has a character that names do not have"},
    {"URI:example", "has no scheme, as spiffe: is one"},
    {"URI:spiffe://*", NULL},
    {"URI:spiffe://a*",
     "may have a * only as its last segment, as in URI:spiffe://example/ns/*"},
    {"URI:spiffe://*/b",
     "may have a * only as its last segment, as in URI:spiffe://example/ns/*"},
    {"SPKI:AAAA", "names no digest; write SPKI:sha256/ and the digest in base64"},
    {"SPKI:sha1/AAAA", "names no digest; write SPKI:sha256/ and the digest in base64"},
    {"SPKI:sha256/", "has no SHA-256 in base64 (44 characters, the last of them =)"},
    {"SPKI:sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
     "has no SHA-256 in base64 (44 characters, the last of them =)"},
    {"SPKI:sha256/AAAAAAAAAAAAAAAAAAAAA*AAAAAAAAAAAAAAAAAAAAA=",
     "has no SHA-256 in base64 (44 characters, the last of them =)"},
    {"SPKI:sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
     "has no SHA-256 in base64 (44 characters, the last of them =)"},
    {"SPKI:sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
     "has no SHA-256 in base64 (it is cut)"},
};

START_TEST(a_pattern_is_checked)
{
    ck_assert_msg(
        identity_check(patterns[_i].pattern) == patterns[_i].wrong ||
            (identity_check(patterns[_i].pattern) != NULL && patterns[_i].wrong != NULL &&
             strcmp(identity_check(patterns[_i].pattern), patterns[_i].wrong) == 0),
        "%s: %s", patterns[_i].pattern, identity_check(patterns[_i].pattern));
}
END_TEST

static const struct {
    const char *pattern;
    enum identity_kind kind;
    const char *name;
    bool fits;
} matches[] = {
    {"DNS:app.example", IDENTITY_DNS, "app.example", true},
    {"DNS:App.example", IDENTITY_DNS, "aPP.EXAMPLE", true},
    {"DNS:app.example", IDENTITY_DNS, "a.app.example", false},
    {"DNS:app.example", IDENTITY_DNS, "app.example.", false},
    {"DNS:app.example", IDENTITY_CN, "app.example", false},
    {"DNS:*.app.example", IDENTITY_DNS, "a.app.example", true},
    {"DNS:*.app.example", IDENTITY_DNS, "a.APP.example", true},
    {"DNS:*.app.example", IDENTITY_DNS, "a.b.app.example", false},
    {"DNS:*.app.example", IDENTITY_DNS, "app.example", false},
    {"DNS:*.app.example", IDENTITY_DNS, ".app.example", false},
    {"DNS:*.app.example", IDENTITY_DNS, "*.app.example", true},
    {"DNS:*.app.example", IDENTITY_DNS, "a-app.example", false},
    {"DNS:*.app.example", IDENTITY_DNS, "a.app.examplex", false},
    {"DNS:a", IDENTITY_DNS, "", false},
    {"CN:alice", IDENTITY_CN, "alice", true},
    {"CN:alice", IDENTITY_CN, "Alice", false},
    {"CN:alice", IDENTITY_CN, "alice2", false},
    {"CN:alice", IDENTITY_CN, "alic", false},
    {"CN:alice", IDENTITY_DNS, "alice", false},
    {"CN:*", IDENTITY_CN, "alice", false},
    {"URI:spiffe://a/b", IDENTITY_URI, "spiffe://a/b", true},
    {"URI:spiffe://a/b", IDENTITY_URI, "spiffe://a/B", false},
    {"URI:spiffe://a/b", IDENTITY_URI, "spiffe://a/b/c", false},
    {"URI:spiffe://a/*", IDENTITY_URI, "spiffe://a/b", true},
    {"URI:spiffe://a/*", IDENTITY_URI, "spiffe://a/b/c", true},
    {"URI:spiffe://a/*", IDENTITY_URI, "spiffe://a/", false},
    {"URI:spiffe://a/*", IDENTITY_URI, "spiffe://a", false},
    {"URI:spiffe://a/*", IDENTITY_URI, "spiffe://ab/c", false},
    {"SPKI:" KEY, IDENTITY_SPKI, KEY, true},
    {"SPKI:" KEY, IDENTITY_SPKI,
     "sha256/BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false},
    {"SPKI:" KEY, IDENTITY_CN, KEY, false},
};

START_TEST(a_name_is_matched)
{
    const char *name = matches[_i].name;

    ck_assert_msg(identity_match(matches[_i].pattern, matches[_i].kind, name,
                                 strlen(name)) == matches[_i].fits,
                  "%s, %s", matches[_i].pattern, name);
}
END_TEST

/* What a CA was asked to certify may not be what it seems to be. */
START_TEST(a_name_with_a_nul_fits_nothing)
{
    ck_assert(!identity_match("DNS:a.example", IDENTITY_DNS, "a.example\0.evil", 15));
    ck_assert(!identity_match("DNS:*.example", IDENTITY_DNS, "a\0.example", 10));
    ck_assert(!identity_match("CN:alice", IDENTITY_CN, "alice\0", 6));
    ck_assert(!identity_match("URI:x:/*", IDENTITY_URI, "x:/a\0b", 6));
}
END_TEST

/* Only len bytes are looked at. */
START_TEST(a_name_ends_without_a_nul)
{
    ck_assert(identity_match("CN:alice", IDENTITY_CN, "alicexxx", 5));
    ck_assert(identity_match("DNS:*.b", IDENTITY_DNS, "a.bc", 3));
    ck_assert(!identity_match("DNS:a.b", IDENTITY_DNS, "a.b", 2));
}
END_TEST

static Suite *
identity_suite(void)
{
    Suite *suite = suite_create("identity");
    TCase *tc = tcase_create("identity");

    tcase_add_loop_test(tc, a_pattern_is_checked, 0, COUNT_OF(patterns));
    tcase_add_loop_test(tc, a_name_is_matched, 0, COUNT_OF(matches));
    tcase_add_test(tc, a_name_with_a_nul_fits_nothing);
    tcase_add_test(tc, a_name_ends_without_a_nul);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(identity_suite)
