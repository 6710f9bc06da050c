# SPDX-License-Identifier: BSD-2-Clause
# One library for each layer, lowest first; see src/LAYERS.

noinst_LIBRARIES += src/libbase.a
src_libbase_a_SOURCES = \
	src/base/addr.c \
	src/base/addr.h \
	src/base/arena.c \
	src/base/arena.h \
	src/base/attr.h \
	src/base/clock.c \
	src/base/clock.h \
	src/base/diag.c \
	src/base/diag.h \
	src/base/log.c \
	src/base/log.h \
	src/base/text.c \
	src/base/text.h

noinst_LIBRARIES += src/libcore.a
src_libcore_a_SOURCES = \
	src/core/deadline.c \
	src/core/deadline.h \
	src/core/flow.c \
	src/core/flow.h \
	src/core/reason.c \
	src/core/reason.h \
	src/core/record.c \
	src/core/record.h \
	src/core/term.c \
	src/core/term.h \
	src/core/term_names.c

noinst_LIBRARIES += src/libconfig.a
src_libconfig_a_SOURCES = \
	src/config/check.c \
	src/config/check.h \
	src/config/config.h \
	src/config/dump.c \
	src/config/load.c \
	src/config/load.h \
	src/config/options.c \
	src/config/options.h \
	src/config/parse.c \
	src/config/parse.h

noinst_LIBRARIES += src/libtls.a
src_libtls_a_SOURCES = \
	src/tls/cert.c \
	src/tls/cert.h \
	src/tls/cert_make.c \
	src/tls/pem.c \
	src/tls/pem.h \
	src/tls/tls_bio.c \
	src/tls/tls_bio.h \
	src/tls/tls_ctx.c \
	src/tls/tls_ctx.h \
	src/tls/tls_err.c \
	src/tls/tls_err.h
