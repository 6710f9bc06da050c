/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/seal_cert.h"

#include <check.h>

void
seal_certs(struct pack *p, struct cert *const *cert, size_t certs, uint32_t standard,
           uint32_t most)
{
    struct diag *diag = diag_new();
    struct cert_reader reader;
    struct cert_build *build;

    ck_assert_int_eq(cert_reader_init(&reader, diag), 0);
    build = cert_build_new(&reader);
    ck_assert_ptr_nonnull(build);
    for (size_t i = 0; i < certs; i++) {
        struct cert_raw *raw = cert_raw_of(&reader, cert[i], (struct pos){0});

        ck_assert_ptr_nonnull(raw);
        ck_assert_int_eq(cert_build_add(build, raw), 0);
        cert_raw_free(raw);
    }
    cert_build_pack(build, standard, most, p);
    ck_assert_uint_eq(diag_errors(diag), 0);
    cert_build_free(build);
    cert_reader_clear(&reader);
    diag_free(diag);
}

void
seal_cert(struct pack *p, struct cert *cert)
{
    seal_certs(p, &cert, 1, 0, 1);
}
