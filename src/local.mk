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
