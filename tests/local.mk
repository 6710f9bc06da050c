# SPDX-License-Identifier: BSD-2-Clause
# What `make check` builds and runs; see HACKING, section 4.

EXTRA_DIST += tests/lint

AM_TESTS_ENVIRONMENT = \
	SALLYPORT='$(abs_builddir)/src/sallyport'; export SALLYPORT; \
	MAKE_PKI='$(abs_builddir)/tests/make-pki'; export MAKE_PKI; \
	CLOSING_TEST='$(abs_builddir)/tests/closing-test'; export CLOSING_TEST; \
	CK_DEFAULT_TIMEOUT=120; export CK_DEFAULT_TIMEOUT;

lint:
	$(srcdir)/tests/lint/run $(srcdir)
.PHONY: lint

TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
TEST_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

# Check programs, each with the layers that it needs.
CHECKS =
if HAVE_CHECK
check_PROGRAMS += $(CHECKS)
TESTS += $(CHECKS)
endif

CHECKS += tests/unit/test_text
tests_unit_test_text_SOURCES = tests/unit/test_text.c tests/support/check_main.h
tests_unit_test_text_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_text_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_text_LDADD = src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_arena
tests_unit_test_arena_SOURCES = tests/unit/test_arena.c tests/support/check_main.h
tests_unit_test_arena_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_arena_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_arena_LDADD = src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_diag
tests_unit_test_diag_SOURCES = tests/unit/test_diag.c tests/support/check_main.h
tests_unit_test_diag_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_diag_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_diag_LDADD = src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_addr
tests_unit_test_addr_SOURCES = tests/unit/test_addr.c tests/support/check_main.h
tests_unit_test_addr_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_addr_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_addr_LDADD = src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_log
tests_unit_test_log_SOURCES = tests/unit/test_log.c tests/support/check_main.h
tests_unit_test_log_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_log_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_log_LDADD = src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_log_syslog
tests_unit_test_log_syslog_SOURCES = tests/unit/test_log_syslog.c tests/support/check_main.h
tests_unit_test_log_syslog_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_log_syslog_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_log_syslog_LDADD = src/libbase.a $(CHECK_LIBS)
