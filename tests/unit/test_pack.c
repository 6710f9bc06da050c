/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/pack.h"

#include "support/check_main.h"

#include <string.h>

static struct pack packed;
static struct addr v4, v6, path, none;
static struct addr_net net4, net6;

static void
setup(void)
{
    packed = (struct pack){0};
    memset(&none, 0, sizeof(none));
    ck_assert_int_eq(addr_from_numeric(&v4, "192.0.2.1", 443), 0);
    ck_assert_int_eq(addr_from_numeric(&v6, "2001:db8::1", 8443), 0);
    ck_assert_int_eq(addr_from_unix(&path, "@a/name"), 0);
    ck_assert_ptr_null(addr_net_parse(&net4, "10.0.0.0/8"));
    ck_assert_ptr_null(addr_net_parse(&net6, "2001:db8::/126"));
}

static void
teardown(void)
{
    pack_clear(&packed);
    ck_assert_ptr_null(packed.data);
    ck_assert_uint_eq(packed.len, 0);
}

static void
pack_everything(void)
{
    pack_u32(&packed, UINT32_MAX);
    pack_u64(&packed, UINT64_C(0x0123456789abcdef));
    pack_blob(&packed, "a\0b", 3);
    pack_blob(&packed, NULL, 0);
    pack_string(&packed, "words");
    pack_string(&packed, "");
    pack_string(&packed, NULL);
    pack_addr(&packed, &v4);
    pack_addr(&packed, &v6);
    pack_addr(&packed, &path);
    pack_addr(&packed, &none);
    pack_net(&packed, &net4);
    pack_net(&packed, &net6);
    pack_u32(&packed, 7);
    ck_assert(!packed.failed);
}

static void
assert_addr(struct unpack *u, const struct addr *expected)
{
    struct addr addr;

    memset(&addr, 0xff, sizeof(addr));
    unpack_addr(u, &addr);
    ck_assert_uint_eq(addr.len, expected->len);
    ck_assert_int_eq(memcmp(&addr.u, &expected->u, expected->len), 0);
}

static void
assert_net(struct unpack *u, const struct addr_net *expected)
{
    struct addr_net net;

    memset(&net, 0xff, sizeof(net));
    unpack_net(u, &net);
    ck_assert(addr_equal(&net.base, &expected->base));
    ck_assert_uint_eq(net.prefix, expected->prefix);
}

START_TEST(what_goes_in_comes_out)
{
    struct unpack u;
    const void *blob;
    size_t len;

    pack_everything();
    unpack_init(&u, packed.data, packed.len);
    ck_assert_uint_eq(unpack_u32(&u), UINT32_MAX);
    ck_assert_uint_eq(unpack_u64(&u), UINT64_C(0x0123456789abcdef));
    blob = unpack_blob(&u, &len);
    ck_assert_uint_eq(len, 3);
    ck_assert_int_eq(memcmp(blob, "a\0b", 3), 0);
    (void)unpack_blob(&u, &len);
    ck_assert_uint_eq(len, 0);
    ck_assert_str_eq(unpack_string(&u), "words");
    ck_assert_str_eq(unpack_string(&u), "");
    ck_assert_ptr_null(unpack_string(&u));
    assert_addr(&u, &v4);
    assert_addr(&u, &v6);
    assert_addr(&u, &path);
    assert_addr(&u, &none);
    assert_net(&u, &net4);
    assert_net(&u, &net6);
    ck_assert_uint_eq(unpack_count(&u, 1), 0); /* 7, but nothing follows */
    ck_assert(u.failed);
    ck_assert_ptr_eq(u.at, u.end);
}
END_TEST

/* What is lent lies within the bytes: it is not copied. */
START_TEST(strings_and_blobs_are_lent)
{
    struct unpack u;
    const unsigned char *string, *blob;
    size_t len;

    pack_string(&packed, "words");
    pack_blob(&packed, "abc", 3);
    unpack_init(&u, packed.data, packed.len);
    string = (const unsigned char *)unpack_string(&u);
    blob = unpack_blob(&u, &len);
    ck_assert(string >= packed.data && string < packed.data + packed.len);
    ck_assert_ptr_eq(blob + len, packed.data + packed.len);
}
END_TEST

/* Everything that there is, from memory that ends with the bytes. */
static bool
unpack_everything(const void *bytes, size_t size)
{
    struct unpack u;
    struct addr addr;
    struct addr_net net;
    size_t len;

    unpack_init(&u, bytes, size);
    (void)unpack_u32(&u);
    (void)unpack_u64(&u);
    (void)unpack_blob(&u, &len);
    (void)unpack_blob(&u, &len);
    for (int i = 0; i < 3; i++)
        (void)unpack_string(&u);
    for (int i = 0; i < 4; i++)
        unpack_addr(&u, &addr);
    for (int i = 0; i < 2; i++)
        unpack_net(&u, &net);
    (void)unpack_u32(&u);
    return !u.failed;
}

START_TEST(every_truncation_is_noticed)
{
    pack_everything();
    ck_assert(unpack_everything(packed.data, packed.len));
    for (size_t len = 0; len < packed.len; len++) {
        unsigned char *bytes = malloc(len);

        if (len > 0)
            memcpy(bytes, packed.data, len);
        ck_assert_msg(!unpack_everything(bytes, len), "%zu bytes were enough", len);
        free(bytes);
    }
}
END_TEST

START_TEST(after_a_failure_everything_is_empty)
{
    struct unpack u;
    struct addr addr;
    size_t len = 1;

    pack_u64(&packed, UINT64_MAX); /* the length of a blob that is not there */
    for (uint32_t i = 1; i < 20; i++)
        pack_u32(&packed, i);
    unpack_init(&u, packed.data, packed.len);
    ck_assert_ptr_null(unpack_blob(&u, &len));
    ck_assert_uint_eq(len, 0);
    ck_assert(u.failed);
    ck_assert_uint_eq(unpack_u32(&u), 0);
    ck_assert_uint_eq(unpack_u64(&u), 0);
    ck_assert_ptr_null(unpack_string(&u));
    ck_assert_uint_eq(unpack_count(&u, 1), 0);
    unpack_addr(&u, &addr);
    ck_assert_uint_eq(addr.len, 0);
    ck_assert(u.failed);
}
END_TEST

START_TEST(a_string_has_its_nul)
{
    struct unpack u;

    pack_blob(&packed, "words", 5);
    unpack_init(&u, packed.data, packed.len);
    ck_assert_ptr_null(unpack_string(&u));
    ck_assert(u.failed);
}
END_TEST

START_TEST(an_address_is_not_longer_than_its_place)
{
    static const char long_one[sizeof(v4.u) + 1];
    struct unpack u;
    struct addr addr;

    pack_blob(&packed, long_one, sizeof(long_one));
    pack_u32(&packed, 1);
    unpack_init(&u, packed.data, packed.len);
    unpack_addr(&u, &addr);
    ck_assert_uint_eq(addr.len, 0);
    ck_assert(u.failed);
}
END_TEST

/* Nobody is to compare bits behind the address. */
START_TEST(a_prefix_is_not_longer_than_its_address)
{
    struct addr_net long4 = net4, long6 = net6, net;
    struct unpack u;

    long4.prefix = 33;
    long6.prefix = 129;
    pack_net(&packed, &long4);
    unpack_init(&u, packed.data, packed.len);
    unpack_net(&u, &net);
    ck_assert(u.failed && net.prefix == 0);
    packed.len = 0;
    pack_net(&packed, &long6);
    unpack_init(&u, packed.data, packed.len);
    unpack_net(&u, &net);
    ck_assert(u.failed && net.prefix == 0);
}
END_TEST

START_TEST(a_count_is_bounded_by_the_bytes)
{
    struct unpack u;

    pack_u32(&packed, 2);
    pack_u64(&packed, 1);
    pack_u64(&packed, 2);
    unpack_init(&u, packed.data, packed.len);
    ck_assert_uint_eq(unpack_count(&u, sizeof(uint64_t)), 2);
    ck_assert(!u.failed);
    unpack_init(&u, packed.data, packed.len);
    ck_assert_uint_eq(unpack_count(&u, sizeof(uint64_t) + 1), 0);
    ck_assert(u.failed);
}
END_TEST

/* Beyond the first piece of memory, several times over. */
START_TEST(it_grows)
{
    static unsigned char big[5000];
    struct unpack u;

    for (uint32_t i = 0; i < 3000; i++)
        pack_u32(&packed, i);
    memset(big, 'x', sizeof(big));
    pack_blob(&packed, big, sizeof(big));
    ck_assert(!packed.failed);
    unpack_init(&u, packed.data, packed.len);
    for (uint32_t i = 0; i < 3000; i++)
        ck_assert_uint_eq(unpack_u32(&u), i);
    for (size_t i = 0, len; i < 1; i++) {
        const void *blob = unpack_blob(&u, &len);

        ck_assert_uint_eq(len, sizeof(big));
        ck_assert_int_eq(memcmp(blob, big, len), 0);
    }
    ck_assert(!u.failed);
    ck_assert_ptr_eq(u.at, u.end);
}
END_TEST

START_TEST(nothing_at_all)
{
    struct unpack u;

    unpack_init(&u, NULL, 0);
    ck_assert_uint_eq(unpack_u32(&u), 0);
    ck_assert(u.failed);
}
END_TEST

static Suite *
pack_suite(void)
{
    Suite *suite = suite_create("pack");
    TCase *tcase = tcase_create("pack");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_goes_in_comes_out);
    tcase_add_test(tcase, strings_and_blobs_are_lent);
    tcase_add_test(tcase, every_truncation_is_noticed);
    tcase_add_test(tcase, after_a_failure_everything_is_empty);
    tcase_add_test(tcase, a_string_has_its_nul);
    tcase_add_test(tcase, an_address_is_not_longer_than_its_place);
    tcase_add_test(tcase, a_prefix_is_not_longer_than_its_address);
    tcase_add_test(tcase, a_count_is_bounded_by_the_bytes);
    tcase_add_test(tcase, it_grows);
    tcase_add_test(tcase, nothing_at_all);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(pack_suite)
