/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/cert_store.h"

#include "base/text.h"
#include "support/check_main.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], cert_path[128], key_path[128];
static char told[4096], expected[4096];
static struct text telling;
static struct cert *made;
static const char *passphrases, *key_uri; /* for load; NULL: none */

/* Once for all, outside of the tests' processes: a failed one leaves nothing behind. */
static void
make_dir(void)
{
    strcpy(dir, "/tmp/test_cert.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", dir);
    snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
}

static void
remove_dir(void)
{
    remove(cert_path);
    remove(key_path);
    ck_assert_int_eq(rmdir(dir), 0);
}

static void
setup(void)
{
    remove(cert_path);
    remove(key_path);
    passphrases = key_uri = NULL;
    made = cert_make_self_signed("localhost", 30);
    ck_assert_ptr_nonnull(made);
}

static void
teardown(void)
{
    cert_free(made);
}

/* ---- files ---- */

static FILE *
create(const char *path)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(chmod(path, 0600), 0);
    return file;
}

static void
write_text(const char *path, const char *text)
{
    FILE *file = create(path);

    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void
put_cert(FILE *file, X509 *x509)
{
    ck_assert_int_eq(PEM_write_X509(file, x509), 1);
}

static void
put_key(FILE *file, EVP_PKEY *key)
{
    ck_assert_int_eq(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
}

/* Leaf and key, in one file. */
static void
write_both(const struct cert *cert)
{
    FILE *file = create(cert_path);

    put_cert(file, cert->leaf);
    put_key(file, cert->key);
    ck_assert_int_eq(fclose(file), 0);
}

static void
write_apart(const struct cert *cert, const struct cert *owner_of_key)
{
    FILE *certs = create(cert_path), *keys = create(key_path);

    put_cert(certs, cert->leaf);
    put_key(keys, owner_of_key->key);
    ck_assert_int_eq(fclose(certs), 0);
    ck_assert_int_eq(fclose(keys), 0);
}

/* ---- cert_load ---- */

static void
on_entry(void *arg, bool is_error, const char *text)
{
    (void)arg;
    text_addf(&telling, "%s %s\n", is_error ? "error" : "warning", text);
}

/* What a worker will make of it. */
static struct cert *
decode(struct cert_reader *reader, const struct cert_raw *raw)
{
    struct cert_build *build = cert_build_new(reader);
    struct pack packed = {0};
    struct cert_store store;
    struct cert *cert;

    ck_assert_int_eq(cert_build_add(build, raw), 0);
    cert_build_pack(build, 0, 1, &packed);
    ck_assert_int_eq(cert_store_open(&store, packed.data, packed.len), 0);
    cert = cert_store_decode_whole(&store, 0);
    ck_assert_ptr_nonnull(cert);
    cert_build_free(build);
    pack_clear(&packed);
    return cert;
}

static struct cert *
load(bool apart)
{
    struct config_cert file = {.cert = {cert_path, {"test.conf", 3}}};
    struct diag *diag = diag_new();
    struct cert_reader reader;
    struct cert_raw *raw;
    struct cert *cert = NULL;

    if (apart)
        file.key =
            (struct config_string){key_uri != NULL ? key_uri : key_path, {"test.conf", 4}};
    file.passphrases = (struct config_string){passphrases, {"test.conf", 5}};
    ck_assert_int_eq(cert_reader_init(&reader, diag), 0);
    raw = cert_read(&reader, &file);
    if (raw != NULL)
        cert = decode(&reader, raw);
    cert_raw_free(raw);
    cert_reader_clear(&reader);
    text_init(&telling, told, sizeof(told));
    diag_each(diag, on_entry, NULL);
    ck_assert_int_eq(cert == NULL, diag_errors(diag) > 0);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    diag_free(diag);
    return cert;
}

/* What is expected in `told`: "error test.conf:LINE: PATH" and the rest, or nothing. */
static void
expect(const char *kind, unsigned line, const char *rest)
{
    snprintf(expected, sizeof(expected), "%s test.conf:%u: %s%s\n", kind, line,
             line == 3 ? cert_path : key_path, rest);
    ck_assert_str_eq(told, expected);
}

static void
refuse(bool apart, unsigned line, const char *rest)
{
    ck_assert_ptr_null(load(apart));
    expect("error", line, rest);
}

START_TEST(cert_and_key_in_one_file)
{
    struct cert *cert;

    write_both(made);
    cert = load(false);
    ck_assert_str_eq(told, "");
    ck_assert_int_eq(X509_cmp(cert->leaf, made->leaf), 0);
    ck_assert_int_eq(EVP_PKEY_eq(cert->key, made->key), 1);
    ck_assert_int_eq(sk_X509_num(cert->chain), 0);
    cert_free(cert);
}
END_TEST

START_TEST(cert_and_key_in_two_files)
{
    struct cert *cert;

    write_apart(made, made);
    cert = load(true);
    ck_assert_str_eq(told, "");
    ck_assert_int_eq(X509_cmp(cert->leaf, made->leaf), 0);
    ck_assert_int_eq(EVP_PKEY_eq(cert->key, made->key), 1);
    cert_free(cert);
}
END_TEST

/* Key first, text and parameters between, CRLF: files as they are found in the wild. */
START_TEST(file_in_an_odd_order)
{
    FILE *file = create(cert_path);
    struct cert *cert;

    fputs("a comment\r\n", file);
    put_key(file, made->key);
    fputs("-----BEGIN EC PARAMETERS-----\r\nBggqhkjOPQMBBw==\r\n"
          "-----END EC PARAMETERS-----  \r\nsubject=CN = localhost\n",
          file);
    put_cert(file, made->leaf);
    fclose(file);
    cert = load(false);
    ck_assert_str_eq(told, "");
    ck_assert_ptr_nonnull(cert);
    cert_free(cert);
}
END_TEST

/* A certificate authority made of a self-signed certificate, by taking its limits away. */
static struct cert *
make_ca(void)
{
    struct cert *ca = cert_make_self_signed("Test CA", 30);

    ck_assert_ptr_nonnull(ca);
    while (X509_get_ext_count(ca->leaf) > 0)
        X509_EXTENSION_free(X509_delete_ext(ca->leaf, 0));
    ck_assert_int_gt(X509_sign(ca->leaf, ca->key, EVP_sha256()), 0);
    return ca;
}

static void
write_chain(const struct cert *ca, const struct cert *leaf, X509 *next)
{
    FILE *file = create(cert_path);

    X509_set_issuer_name(leaf->leaf, X509_get_subject_name(ca->leaf));
    ck_assert_int_gt(X509_sign(leaf->leaf, ca->key, EVP_sha256()), 0);
    put_cert(file, leaf->leaf);
    put_key(file, leaf->key);
    put_cert(file, next);
    fclose(file);
}

START_TEST(chain_follows_the_leaf)
{
    struct cert *ca = make_ca();
    struct cert *cert;

    write_chain(ca, made, ca->leaf);
    cert = load(false);
    ck_assert_str_eq(told, "");
    ck_assert_int_eq(sk_X509_num(cert->chain), 1);
    ck_assert_int_eq(X509_cmp(sk_X509_value(cert->chain, 0), ca->leaf), 0);
    cert_free(cert);
    cert_free(ca);
}
END_TEST

START_TEST(chain_of_strangers_is_warned_of)
{
    struct cert *ca = make_ca();
    struct cert *other = cert_make_self_signed("other", 30);

    write_chain(ca, made, other->leaf);
    cert_free(load(false));
    expect("warning", 3, ": certificate 2 is not the issuer of certificate 1");
    cert_free(other);
    cert_free(ca);
}
END_TEST

START_TEST(leaf_that_is_not_the_first)
{
    struct cert *ca = make_ca();
    FILE *file = create(cert_path);

    put_cert(file, ca->leaf);
    put_cert(file, made->leaf);
    put_key(file, made->key);
    fclose(file);
    refuse(false, 3,
           ": the private key belongs to certificate 2 of the file; the server's own "
           "certificate has to be the first");
    cert_free(ca);
}
END_TEST

START_TEST(missing_file)
{
    refuse(false, 3, ": cannot be opened: No such file or directory");
}
END_TEST

START_TEST(missing_key_file)
{
    write_both(made);
    refuse(true, 4, ": cannot be opened: No such file or directory");
}
END_TEST

START_TEST(both_files_missing)
{
    ck_assert_ptr_null(load(true));
    snprintf(expected, sizeof(expected),
             "error test.conf:3: %s: cannot be opened: No such file or directory\n"
             "error test.conf:4: %s: cannot be opened: No such file or directory\n",
             cert_path, key_path);
    ck_assert_str_eq(told, expected);
}
END_TEST

START_TEST(directory_instead_of_a_file)
{
    ck_assert_int_eq(mkdir(cert_path, 0700), 0);
    refuse(false, 3, ": cannot be read: Is a directory");
}
END_TEST

START_TEST(file_that_is_too_large)
{
    write_both(made);
    ck_assert_int_eq(truncate(cert_path, (1 << 20) + 1), 0);
    refuse(false, 3, ": cannot be read: File too large");
    ck_assert_int_eq(truncate(cert_path, 1 << 20), 0);
    cert_free(load(false));
    ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(file_without_certificate)
{
    write_text(cert_path, "");
    refuse(false, 3, ": there is no certificate (PEM) in it");
}
END_TEST

START_TEST(file_without_key)
{
    FILE *file = create(cert_path);

    put_cert(file, made->leaf);
    fclose(file);
    ck_assert_ptr_null(load(false));
    snprintf(expected, sizeof(expected),
             "error test.conf:3: %s: there is no private key (PEM) in it, and no file "
             "%s/cert.key beside it\n",
             cert_path, dir);
    ck_assert_str_eq(told, expected);
}
END_TEST

START_TEST(block_without_end)
{
    write_both(made);
    ck_assert_int_eq(truncate(cert_path, 300), 0);
    refuse(false, 3, ", line 1: the PEM block \"CERTIFICATE\" that begins here has no end");
}
END_TEST

START_TEST(block_with_broken_content)
{
    write_text(cert_path,
               "\n\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    ck_assert_ptr_null(load(false));
    snprintf(expected, sizeof(expected),
             "error test.conf:3: %s, line 3: the certificate is broken: ", cert_path);
    ck_assert_int_eq(strncmp(told, expected, strlen(expected)), 0);
    ck_assert_uint_gt(strlen(told), strlen(expected) + 1);
}
END_TEST

START_TEST(key_with_broken_content)
{
    FILE *file = create(cert_path);

    fputs("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", file);
    put_cert(file, made->leaf);
    fclose(file);
    ck_assert_ptr_null(load(false));
    snprintf(expected, sizeof(expected),
             "error test.conf:3: %s, line 1: the private key is broken: ", cert_path);
    ck_assert_int_eq(strncmp(told, expected, strlen(expected)), 0);
}
END_TEST

/* PKCS #8 and the older form, which has a header of its own. */
START_TEST(encrypted_key)
{
    FILE *file = create(cert_path);
    struct cert *cert;

    put_cert(file, made->leaf);
    if (_i == 0) {
        ck_assert_int_eq(PEM_write_PKCS8PrivateKey(file, made->key, EVP_aes_128_cbc(),
                                                   "secret", 6, NULL, NULL),
                         1);
    } else {
        BIO *bio = BIO_new_fp(file, BIO_NOCLOSE);

        ck_assert_int_eq(PEM_write_bio_PrivateKey_traditional(
                             bio, made->key, EVP_aes_128_cbc(),
                             (const unsigned char *)"secret", 6, NULL, NULL),
                         1);
        BIO_free(bio);
    }
    fclose(file);
    ck_assert_ptr_null(load(false));
    ck_assert_ptr_nonnull(strstr(told, ": the private key is encrypted, and no "
                                       "key-passphrase-file is set"));
    ck_assert_ptr_null(strstr(told, "broken"));
    write_text(key_path, "wrong\nalso wrong");
    passphrases = key_path;
    ck_assert_ptr_null(load(false));
    ck_assert_ptr_nonnull(strstr(told, ": the private key is encrypted, and no line of "));
    write_text(key_path, "wrong\nsecret\r\n\nmore\n");
    cert = load(false);
    ck_assert_str_eq(told, "");
    ck_assert_int_eq(EVP_PKEY_eq(cert->key, made->key), 1);
    cert_free(cert);
    write_text(key_path, "");
    ck_assert_ptr_null(load(false));
    passphrases = "/nowhere/at/all";
    ck_assert_ptr_null(load(false));
    ck_assert_str_eq(told, "error test.conf:5: /nowhere/at/all: cannot be opened: No such "
                           "file or directory\n");
}
END_TEST

START_TEST(key_behind_a_uri)
{
    char uri[160];
    struct cert *cert;

    write_apart(made, made);
    snprintf(uri, sizeof(uri), "file:%s", key_path);
    key_uri = uri;
    cert = load(true);
    ck_assert_str_eq(told, "");
    ck_assert_int_eq(EVP_PKEY_eq(cert->key, made->key), 1);
    cert_free(cert);
    write_text(key_path, "no key");
    ck_assert_ptr_null(load(true));
    snprintf(expected, sizeof(expected),
             "error test.conf:4: %s: there is no private key to be had: ", uri);
    ck_assert_int_eq(strncmp(told, expected, strlen(expected)), 0);
    key_uri = "nosuchscheme:x";
    ck_assert_ptr_null(load(true));
    ck_assert_ptr_nonnull(
        strstr(told, "nosuchscheme:x: there is no private key to be had"));
}
END_TEST

START_TEST(key_that_does_not_match)
{
    struct cert *other = cert_make_self_signed("localhost", 30);

    write_apart(made, other);
    ck_assert_ptr_null(load(true));
    snprintf(expected, sizeof(expected),
             "error test.conf:4: %s: the private key does not belong to the certificate in "
             "%s\n",
             key_path, cert_path);
    ck_assert_str_eq(told, expected);
    cert_free(other);
}
END_TEST

START_TEST(modes_of_the_key_file)
{
    static const struct {
        mode_t mode;
        bool warned;
    } rows[] = {{0400, false}, {0600, false}, {0640, false}, {0644, true}, {0602, true}};

    write_apart(made, made);
    ck_assert_int_eq(chmod(cert_path, 0644), 0); /* a certificate is no secret */
    ck_assert_int_eq(chmod(key_path, rows[_i].mode), 0);
    cert_free(load(true));
    if (rows[_i].warned)
        expect("warning", 4,
               ": every user may read or change this private key (try chmod o= on it)");
    else
        ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(expired)
{
    struct cert *old = cert_make_self_signed("localhost", -3);

    ck_assert_ptr_nonnull(old);
    write_both(old);
    cert_free(load(false));
    snprintf(expected, sizeof(expected),
             "warning test.conf:3: %s: certificate 1 EXPIRED at 2", cert_path);
    ck_assert_int_eq(strncmp(told, expected, strlen(expected)), 0);
    ck_assert_ptr_nonnull(strstr(told, " UTC\n"));
    cert_free(old);
}
END_TEST

START_TEST(not_yet_valid)
{
    X509_time_adj_ex(X509_getm_notBefore(made->leaf), 2, 0, NULL);
    ck_assert_int_gt(X509_sign(made->leaf, made->key, EVP_sha256()), 0);
    write_both(made);
    cert_free(load(false));
    snprintf(expected, sizeof(expected),
             "warning test.conf:3: %s: certificate 1 is NOT VALID before 2", cert_path);
    ck_assert_int_eq(strncmp(told, expected, strlen(expected)), 0);
}
END_TEST

static Suite *
cert_suite(void)
{
    Suite *suite = suite_create("cert");
    TCase *good = tcase_create("good");
    TCase *bad = tcase_create("bad");

    tcase_add_unchecked_fixture(good, make_dir, remove_dir);
    tcase_add_checked_fixture(good, setup, teardown);
    tcase_add_test(good, cert_and_key_in_one_file);
    tcase_add_test(good, cert_and_key_in_two_files);
    tcase_add_test(good, file_in_an_odd_order);
    tcase_add_test(good, chain_follows_the_leaf);
    tcase_add_test(good, chain_of_strangers_is_warned_of);
    tcase_add_loop_test(good, modes_of_the_key_file, 0, 5);
    tcase_add_test(good, expired);
    tcase_add_test(good, not_yet_valid);
    suite_add_tcase(suite, good);

    tcase_add_unchecked_fixture(bad, make_dir, remove_dir);
    tcase_add_checked_fixture(bad, setup, teardown);
    tcase_add_test(bad, leaf_that_is_not_the_first);
    tcase_add_test(bad, missing_file);
    tcase_add_test(bad, missing_key_file);
    tcase_add_test(bad, both_files_missing);
    tcase_add_test(bad, directory_instead_of_a_file);
    tcase_add_test(bad, file_that_is_too_large);
    tcase_add_test(bad, file_without_certificate);
    tcase_add_test(bad, file_without_key);
    tcase_add_test(bad, block_without_end);
    tcase_add_test(bad, block_with_broken_content);
    tcase_add_test(bad, key_with_broken_content);
    tcase_add_loop_test(bad, encrypted_key, 0, 2);
    tcase_add_test(bad, key_behind_a_uri);
    tcase_add_test(bad, key_that_does_not_match);
    suite_add_tcase(suite, bad);
    return suite;
}

CHECK_MAIN(cert_suite)
