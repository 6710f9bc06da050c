# SPDX-License-Identifier: BSD-2-Clause
# What `make check` builds and runs; see HACKING, section 4.

EXTRA_DIST += tests/lint

AM_TESTS_ENVIRONMENT = \
	SALLYPORT='$(abs_builddir)/src/sallyport'; export SALLYPORT; \
	MAKE_PKI='$(abs_builddir)/tests/make-pki'; export MAKE_PKI; \
	FUZZ_CORPUS='$(abs_top_srcdir)/tests/fuzz/corpus'; export FUZZ_CORPUS; \
	CLOSING_TEST='$(abs_builddir)/tests/closing-test'; export CLOSING_TEST; \
	HAMMER='$(abs_builddir)/tests/hammer'; export HAMMER; \
	ECHOD='$(abs_builddir)/tests/echod'; export ECHOD; \
	SHOW_VIEW='$(abs_builddir)/tests/show-view'; export SHOW_VIEW; \
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

CHECKS += tests/unit/test_pack
tests_unit_test_pack_SOURCES = tests/unit/test_pack.c tests/support/check_main.h
tests_unit_test_pack_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_pack_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_pack_LDADD = src/libbase.a $(CHECK_LIBS)

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

CHECKS += tests/unit/test_addr_net
tests_unit_test_addr_net_SOURCES = tests/unit/test_addr_net.c tests/support/check_main.h
tests_unit_test_addr_net_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_addr_net_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_addr_net_LDADD = src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_file
tests_unit_test_file_SOURCES = tests/unit/test_file.c tests/support/check_main.h
tests_unit_test_file_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_file_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_file_LDADD = src/libbase.a $(CHECK_LIBS)

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

CHECKS += tests/unit/test_identity
tests_unit_test_identity_SOURCES = tests/unit/test_identity.c tests/support/check_main.h
tests_unit_test_identity_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_identity_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_identity_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_reason
tests_unit_test_reason_SOURCES = tests/unit/test_reason.c tests/support/check_main.h
tests_unit_test_reason_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_reason_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_reason_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_term
tests_unit_test_term_SOURCES = tests/unit/test_term.c tests/support/check_main.h \
	tests/unit/term_laws.c tests/unit/term_laws.h \
	tests/unit/term_oracle.c tests/unit/term_oracle.h \
	tests/unit/term_table.c tests/unit/term_table.h
tests_unit_test_term_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_term_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_term_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_deadline
tests_unit_test_deadline_SOURCES = tests/unit/test_deadline.c tests/support/check_main.h
tests_unit_test_deadline_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_deadline_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_deadline_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_flow
tests_unit_test_flow_SOURCES = tests/unit/test_flow.c tests/support/check_main.h
tests_unit_test_flow_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_flow_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_flow_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_bucket
tests_unit_test_bucket_SOURCES = tests/unit/test_bucket.c tests/support/check_main.h
tests_unit_test_bucket_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_bucket_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_bucket_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_sources
tests_unit_test_sources_SOURCES = tests/unit/test_sources.c tests/support/check_main.h
tests_unit_test_sources_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_sources_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_sources_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_hush
tests_unit_test_hush_SOURCES = tests/unit/test_hush.c tests/support/check_main.h
tests_unit_test_hush_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_hush_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_hush_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_record
tests_unit_test_record_SOURCES = tests/unit/test_record.c tests/support/check_main.h
tests_unit_test_record_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_record_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_record_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_route
tests_unit_test_route_SOURCES = tests/unit/test_route.c tests/support/check_main.h
tests_unit_test_route_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_route_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_route_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)
CHECKS += tests/unit/test_balance
tests_unit_test_balance_SOURCES = tests/unit/test_balance.c tests/support/check_main.h
tests_unit_test_balance_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_balance_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_balance_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)
CHECKS += tests/unit/test_health
tests_unit_test_health_SOURCES = tests/unit/test_health.c tests/support/check_main.h
tests_unit_test_health_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_health_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_health_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)
CHECKS += tests/unit/test_domains
tests_unit_test_domains_SOURCES = tests/unit/test_domains.c tests/support/check_main.h
tests_unit_test_domains_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_domains_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_domains_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_crc32c
tests_unit_test_crc32c_SOURCES = tests/unit/test_crc32c.c tests/support/check_main.h
tests_unit_test_crc32c_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_crc32c_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_crc32c_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_proxy_write
tests_unit_test_proxy_write_SOURCES = tests/unit/test_proxy_write.c tests/support/check_main.h \
	tests/support/proxy_vectors.h
tests_unit_test_proxy_write_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_proxy_write_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_proxy_write_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_proxy_read
tests_unit_test_proxy_read_SOURCES = tests/unit/test_proxy_read.c tests/support/check_main.h \
	tests/support/proxy_vectors.h
tests_unit_test_proxy_read_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_proxy_read_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_proxy_read_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_stats
tests_unit_test_stats_SOURCES = tests/unit/test_stats.c tests/support/check_main.h
tests_unit_test_stats_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_stats_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_stats_LDADD = src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_bundle
tests_unit_test_bundle_SOURCES = tests/unit/test_bundle.c tests/support/check_main.h
tests_unit_test_bundle_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_bundle_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_bundle_LDADD = src/libconfig.a src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_options
tests_unit_test_options_SOURCES = tests/unit/test_options.c tests/support/check_main.h
tests_unit_test_options_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_options_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_options_LDADD = src/libconfig.a src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_parse
tests_unit_test_parse_SOURCES = tests/unit/test_parse.c tests/support/check_main.h
tests_unit_test_parse_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_parse_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_parse_LDADD = src/libconfig.a src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_load
tests_unit_test_load_SOURCES = tests/unit/test_load.c tests/support/check_main.h
tests_unit_test_load_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_load_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_load_LDADD = src/libconfig.a src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_check
tests_unit_test_check_SOURCES = tests/unit/test_check.c tests/support/check_main.h
tests_unit_test_check_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_check_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_check_LDADD = src/libconfig.a src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_tls_bio
tests_unit_test_tls_bio_SOURCES = tests/unit/test_tls_bio.c tests/support/check_main.h \
	tests/support/tls_pair.c tests/support/tls_pair.h
tests_unit_test_tls_bio_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_tls_bio_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_tls_bio_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_tls_err
tests_unit_test_tls_err_SOURCES = tests/unit/test_tls_err.c tests/support/check_main.h \
	tests/support/tls_pair.c tests/support/tls_pair.h
tests_unit_test_tls_err_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_tls_err_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_tls_err_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_tls_ctx
tests_unit_test_tls_ctx_SOURCES = tests/unit/test_tls_ctx.c tests/support/check_main.h \
	tests/support/tls_pair.c tests/support/tls_pair.h
tests_unit_test_tls_ctx_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_tls_ctx_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_tls_ctx_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_tls_keys
tests_unit_test_tls_keys_SOURCES = tests/unit/test_tls_keys.c tests/support/check_main.h \
	tests/support/tls_pair.c tests/support/tls_pair.h
tests_unit_test_tls_keys_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_tls_keys_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_tls_keys_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_tls_schedule
tests_unit_test_tls_schedule_SOURCES = tests/unit/test_tls_schedule.c tests/support/check_main.h
tests_unit_test_tls_schedule_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_tls_schedule_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_tls_schedule_LDADD = src/libtls.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_tls_record
tests_unit_test_tls_record_SOURCES = tests/unit/test_tls_record.c tests/support/check_main.h \
	tests/support/tls_pair.c tests/support/tls_pair.h
tests_unit_test_tls_record_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_tls_record_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_tls_record_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_tls_session
tests_unit_test_tls_session_SOURCES = tests/unit/test_tls_session.c tests/support/check_main.h \
	tests/support/tls_pair.c tests/support/tls_pair.h
tests_unit_test_tls_session_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_tls_session_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_tls_session_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_tls_verify
tests_unit_test_tls_verify_SOURCES = tests/unit/test_tls_verify.c tests/support/check_main.h \
	tests/support/client_cert.c tests/support/client_cert.h \
	tests/support/tls_pair.c tests/support/tls_pair.h
tests_unit_test_tls_verify_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_tls_verify_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_tls_verify_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_tls_knobs
tests_unit_test_tls_knobs_SOURCES = tests/unit/test_tls_knobs.c tests/support/check_main.h \
	tests/support/tls_pair.c tests/support/tls_pair.h
tests_unit_test_tls_knobs_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_tls_knobs_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_tls_knobs_LDADD = src/libtls.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_tls_ticket
tests_unit_test_tls_ticket_SOURCES = tests/unit/test_tls_ticket.c tests/support/check_main.h
tests_unit_test_tls_ticket_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_tls_ticket_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_tls_ticket_LDADD = src/libtls.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_pem
tests_unit_test_pem_SOURCES = tests/unit/test_pem.c tests/support/check_main.h
tests_unit_test_pem_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_pem_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_pem_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_cert
tests_unit_test_cert_SOURCES = tests/unit/test_cert.c tests/support/check_main.h
tests_unit_test_cert_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_cert_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_cert_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_cert_make
tests_unit_test_cert_make_SOURCES = tests/unit/test_cert_make.c tests/support/check_main.h
tests_unit_test_cert_make_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_cert_make_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_cert_make_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_key_remote
tests_unit_test_key_remote_SOURCES = tests/unit/test_key_remote.c tests/support/check_main.h
tests_unit_test_key_remote_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_key_remote_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_key_remote_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_cert_store
tests_unit_test_cert_store_SOURCES = tests/unit/test_cert_store.c tests/support/check_main.h \
	tests/support/seal_cert.c tests/support/seal_cert.h
tests_unit_test_cert_store_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_cert_store_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_cert_store_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_history
tests_unit_test_history_SOURCES = tests/unit/test_history.c tests/support/check_main.h
tests_unit_test_history_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_history_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_history_LDADD = src/libproc.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_ipc
tests_unit_test_ipc_SOURCES = tests/unit/test_ipc.c tests/support/check_main.h \
	tests/support/watched.h
tests_unit_test_ipc_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_ipc_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_ipc_LDADD = src/libproc.a src/libbase.a $(CHECK_LIBS)
CHECKS += tests/unit/test_expiry
tests_unit_test_expiry_SOURCES = tests/unit/test_expiry.c tests/support/check_main.h
tests_unit_test_expiry_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_expiry_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_expiry_LDADD = src/libproc.a $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/unit/test_cpus
tests_unit_test_cpus_SOURCES = tests/unit/test_cpus.c tests/support/check_main.h
tests_unit_test_cpus_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_cpus_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_cpus_LDADD = src/libproc.a $(CHECK_LIBS)

CHECKS += tests/unit/test_daemon
tests_unit_test_daemon_SOURCES = tests/unit/test_daemon.c tests/support/check_main.h
tests_unit_test_daemon_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_daemon_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_daemon_LDADD = src/libproc.a $(CHECK_LIBS)

CHECKS += tests/unit/test_pidfile
tests_unit_test_pidfile_SOURCES = tests/unit/test_pidfile.c tests/support/check_main.h
tests_unit_test_pidfile_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_pidfile_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_pidfile_LDADD = src/libproc.a $(CHECK_LIBS)

CHECKS += tests/unit/test_listeners
tests_unit_test_listeners_SOURCES = tests/unit/test_listeners.c tests/support/check_main.h
tests_unit_test_listeners_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_listeners_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_listeners_LDADD = src/libproc.a $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/unit/test_logpump
tests_unit_test_logpump_SOURCES = tests/unit/test_logpump.c tests/support/check_main.h
tests_unit_test_logpump_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_logpump_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_logpump_LDADD = src/libproc.a $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/unit/test_names
tests_unit_test_names_SOURCES = tests/unit/test_names.c tests/support/check_main.h
tests_unit_test_names_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_names_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_names_LDADD = src/libproc.a $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/unit/test_privdrop
tests_unit_test_privdrop_SOURCES = tests/unit/test_privdrop.c tests/support/check_main.h \
	tests/support/watched.h
tests_unit_test_privdrop_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_privdrop_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_privdrop_LDADD = src/libproc.a src/libbase.a $(CAPNG_LIBS) $(SECCOMP_LIBS) $(CHECK_LIBS)

CHECKS += tests/unit/test_sandbox
tests_unit_test_sandbox_SOURCES = tests/unit/test_sandbox.c tests/support/check_main.h \
	tests/support/tls_pair.c tests/support/tls_pair.h tests/support/watched.h
tests_unit_test_sandbox_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_sandbox_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_sandbox_LDADD = src/libproc.a $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/unit/test_seal
tests_unit_test_seal_SOURCES = tests/unit/test_seal.c tests/support/check_main.h
tests_unit_test_seal_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_seal_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_seal_LDADD = src/libproc.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_setup_servers
tests_unit_test_setup_servers_SOURCES = tests/unit/test_setup_servers.c tests/support/check_main.h
tests_unit_test_setup_servers_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_setup_servers_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_setup_servers_LDADD = src/libproc.a src/libconfig.a src/libcore.a \
	src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_systemd
tests_unit_test_systemd_SOURCES = tests/unit/test_systemd.c tests/support/check_main.h
tests_unit_test_systemd_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_systemd_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_systemd_LDADD = src/libproc.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/unit/test_metrics
tests_unit_test_metrics_SOURCES = tests/unit/test_metrics.c tests/support/check_main.h \
	tests/support/sample_view.c tests/support/sample_view.h
tests_unit_test_metrics_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_metrics_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_metrics_LDADD = src/libproc.a src/libcore.a src/libbase.a \
	$(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/unit/test_page
tests_unit_test_page_SOURCES = tests/unit/test_page.c tests/support/check_main.h \
	tests/support/sample_view.c tests/support/sample_view.h
tests_unit_test_page_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_page_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_page_LDADD = src/libproc.a src/libcore.a src/libbase.a \
	$(LIBRARIES_USED) $(CHECK_LIBS)

# Below the program: relay over legs in memory, the real leg over sockets, failing allocations.

CHECKS += tests/property/test_relay
tests_property_test_relay_SOURCES = tests/property/test_relay.c tests/support/check_main.h \
	tests/support/fake_leg.c tests/support/fake_leg.h \
	src/net/relay.c
tests_property_test_relay_CPPFLAGS = $(TEST_CPPFLAGS)
tests_property_test_relay_CFLAGS = $(TEST_CFLAGS)
tests_property_test_relay_LDADD = src/libcore.a src/libbase.a $(CHECK_LIBS)

CHECKS += tests/loop/test_crew
tests_loop_test_crew_SOURCES = tests/loop/test_crew.c tests/support/check_main.h
tests_loop_test_crew_CPPFLAGS = $(TEST_CPPFLAGS)
tests_loop_test_crew_CFLAGS = $(TEST_CFLAGS)
tests_loop_test_crew_LDADD = src/libproc.a $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)
CHECKS += tests/loop/test_source
tests_loop_test_source_SOURCES = tests/loop/test_source.c tests/support/check_main.h
tests_loop_test_source_CPPFLAGS = $(TEST_CPPFLAGS)
tests_loop_test_source_CFLAGS = $(TEST_CFLAGS)
tests_loop_test_source_LDADD = $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)
CHECKS += tests/loop/test_admin
tests_loop_test_admin_SOURCES = tests/loop/test_admin.c tests/support/check_main.h \
	src/proc/admin.c
tests_loop_test_admin_CPPFLAGS = $(TEST_CPPFLAGS) \
	-DADMIN_ANSWER_MS=3000 -DADMIN_IDLE_S=1 -DADMIN_LIFE_MS=4000
tests_loop_test_admin_CFLAGS = $(TEST_CFLAGS)
tests_loop_test_admin_LDADD = src/libproc.a $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/loop/test_care
tests_loop_test_care_SOURCES = tests/loop/test_care.c tests/support/check_main.h \
	tests/loop/loop_support.c tests/loop/loop_support.h
tests_loop_test_care_CPPFLAGS = $(TEST_CPPFLAGS)
tests_loop_test_care_CFLAGS = $(TEST_CFLAGS)
tests_loop_test_care_LDADD = $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)
CHECKS += tests/loop/test_dial
tests_loop_test_dial_SOURCES = tests/loop/test_dial.c tests/support/check_main.h \
	tests/loop/loop_support.c tests/loop/loop_support.h
tests_loop_test_dial_CPPFLAGS = $(TEST_CPPFLAGS)
tests_loop_test_dial_CFLAGS = $(TEST_CFLAGS)
tests_loop_test_dial_LDADD = $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)
CHECKS += tests/loop/test_probe
tests_loop_test_probe_SOURCES = tests/loop/test_probe.c tests/support/check_main.h \
	tests/loop/loop_support.c tests/loop/loop_support.h
tests_loop_test_probe_CPPFLAGS = $(TEST_CPPFLAGS)
tests_loop_test_probe_CFLAGS = $(TEST_CFLAGS)
tests_loop_test_probe_LDADD = $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/loop/test_generation
tests_loop_test_generation_SOURCES = tests/loop/test_generation.c tests/support/check_main.h \
	tests/support/seal_cert.c tests/support/seal_cert.h \
	tests/loop/loop_support.c tests/loop/loop_support.h
tests_loop_test_generation_CPPFLAGS = $(TEST_CPPFLAGS)
tests_loop_test_generation_CFLAGS = $(TEST_CFLAGS)
tests_loop_test_generation_LDADD = $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/loop/test_keeper
tests_loop_test_keeper_SOURCES = tests/loop/test_keeper.c tests/support/check_main.h
tests_loop_test_keeper_CPPFLAGS = $(TEST_CPPFLAGS)
tests_loop_test_keeper_CFLAGS = $(TEST_CFLAGS)
tests_loop_test_keeper_LDADD = src/libproc.a $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/loop/test_pieces
tests_loop_test_pieces_SOURCES = tests/loop/test_pieces.c tests/support/check_main.h
tests_loop_test_pieces_CPPFLAGS = $(TEST_CPPFLAGS)
tests_loop_test_pieces_CFLAGS = $(TEST_CFLAGS)
tests_loop_test_pieces_LDADD = $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/loop/test_hangup
tests_loop_test_hangup_SOURCES = tests/loop/test_hangup.c tests/support/check_main.h \
	tests/loop/loop_support.c tests/loop/loop_support.h
tests_loop_test_hangup_CPPFLAGS = $(TEST_CPPFLAGS)
tests_loop_test_hangup_CFLAGS = $(TEST_CFLAGS)
tests_loop_test_hangup_LDADD = $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/loop/test_leg
tests_loop_test_leg_SOURCES = tests/loop/test_leg.c tests/support/check_main.h \
	tests/loop/loop_support.c tests/loop/loop_support.h
tests_loop_test_leg_CPPFLAGS = $(TEST_CPPFLAGS)
tests_loop_test_leg_CFLAGS = $(TEST_CFLAGS)
tests_loop_test_leg_LDADD = $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/loop/test_leg_head
tests_loop_test_leg_head_SOURCES = tests/loop/test_leg_head.c tests/support/check_main.h \
	tests/loop/loop_support.c tests/loop/loop_support.h
tests_loop_test_leg_head_CPPFLAGS = $(TEST_CPPFLAGS)
tests_loop_test_leg_head_CFLAGS = $(TEST_CFLAGS)
tests_loop_test_leg_head_LDADD = $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)

CHECKS += tests/alloc/test_alloc
tests_alloc_test_alloc_SOURCES = tests/alloc/test_alloc.c tests/support/check_main.h \
	tests/loop/loop_support.c tests/loop/loop_support.h \
	tests/support/client_cert.c tests/support/client_cert.h \
	tests/support/fail_alloc.c tests/support/fail_alloc.h
tests_alloc_test_alloc_CPPFLAGS = $(TEST_CPPFLAGS)
tests_alloc_test_alloc_CFLAGS = $(TEST_CFLAGS)
tests_alloc_test_alloc_LDADD = $(NET_LIBS) $(LIBRARIES_USED) $(CHECK_LIBS)
tests_alloc_test_alloc_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

# The built program, with scripted peers and with real ones. A script that misses a program of
# others is skipped (exit status 77).
check_PROGRAMS += tests/closing-test tests/make-pki tests/forger tests/hammer tests/echod
check_PROGRAMS += tests/closing-test tests/make-pki tests/forger tests/show-view
tests_closing_test_SOURCES = \
	tests/e2e/closing_cases.h \
	tests/e2e/closing_cases_backend.c \
	tests/e2e/closing_cases_client.c \
	tests/e2e/closing_cases_last.c \
	tests/e2e/closing_cases_orderly.c \
	tests/e2e/closing_cases_prompt.c \
	tests/e2e/closing_cases_story.c \
	tests/e2e/closing_cases_time.c \
	tests/e2e/closing_options.c \
	tests/e2e/closing_options.h \
	tests/e2e/closing_stage.c \
	tests/e2e/closing_stage.h \
	tests/e2e/closing_test.c \
	tests/support/observe.c \
	tests/support/observe.h \
	tests/support/netns.c \
	tests/support/netns.h \
	tests/support/peer_plain.c \
	tests/support/peer_plain.h \
	tests/support/peer_tls.c \
	tests/support/peer_tls.h
tests_closing_test_CPPFLAGS = $(TEST_CPPFLAGS)
tests_closing_test_LDADD = src/libbase.a $(SSL_LIBS)
tests_make_pki_SOURCES = tests/pki/make_pki.c tests/pki/clients.c \
	tests/pki/pki.h tests/pki/staples.c
tests_make_pki_LDADD = $(SSL_LIBS)
tests_show_view_SOURCES = tests/support/show_view.c \
	tests/support/sample_view.c tests/support/sample_view.h
tests_show_view_CPPFLAGS = $(TEST_CPPFLAGS)
tests_show_view_LDADD = src/libproc.a src/libcore.a src/libbase.a $(LIBRARIES_USED)
tests_forger_SOURCES = tests/e2e/forger.c
tests_forger_LDADD = $(SSL_LIBS)
tests_echod_SOURCES = tests/e2e/echod.c
tests_hammer_SOURCES = \
	tests/e2e/hammer.c \
	tests/e2e/hammer_client.c \
	tests/e2e/hammer_client.h \
	tests/e2e/hammer_tally.c \
	tests/e2e/hammer_tally.h
tests_hammer_CPPFLAGS = $(TEST_CPPFLAGS)
tests_hammer_LDADD = src/libbase.a $(SSL_LIBS)

# The program itself, whose workers try what they may not do: tests/e2e/sandbox.
check_PROGRAMS += tests/sallyport-hooked
tests_sallyport_hooked_SOURCES = src/main.c tests/e2e/hook.c
tests_sallyport_hooked_CPPFLAGS = $(AM_CPPFLAGS) -DWORKER_HOOK=hook_try
tests_sallyport_hooked_LDADD = src/libproc.a $(NET_LIBS) $(LIBRARIES_USED)

# A module that OpenSSL loads: tests/e2e/token.
check_PROGRAMS += tests/token.so
tests_token_so_SOURCES = tests/support/token.c
tests_token_so_CFLAGS = $(AM_CFLAGS) -fPIC
tests_token_so_LDFLAGS = -shared
tests_token_so_LDADD = $(SSL_LIBS)

E2E_TESTS = \
	tests/e2e/acme \
	tests/e2e/admin \
	tests/e2e/certs \
	tests/e2e/cli \
	tests/e2e/client-cert \
	tests/e2e/client-cert-live \
	tests/e2e/conf-errors \
	tests/e2e/conformance-default \
	tests/e2e/conformance-eof \
	tests/e2e/conformance-keepalive \
	tests/e2e/conformance-limits \
	tests/e2e/conformance-openssl \
	tests/e2e/conformance-proxy \
	tests/e2e/conformance-records \
	tests/e2e/conformance-timeouts \
	tests/e2e/conformance-unix \
	tests/e2e/container \
	tests/e2e/crash \
	tests/e2e/curl-nginx \
	tests/e2e/drain \
	tests/e2e/examples \
	tests/e2e/expiry \
	tests/e2e/floods \
	tests/e2e/gnutls \
	tests/e2e/grpc \
	tests/e2e/h2 \
	tests/e2e/health \
	tests/e2e/health-load \
	tests/e2e/hostile \
	tests/e2e/knobs \
	tests/e2e/leaks \
	tests/e2e/limits \
	tests/e2e/limits-ipv6 \
	tests/e2e/limits-proxy \
	tests/e2e/limits-source \
	tests/e2e/log \
	tests/e2e/log-workers \
	tests/e2e/ocsp \
	tests/e2e/pages \
	tests/e2e/peak \
	tests/e2e/pools \
	tests/e2e/pools-load \
	tests/e2e/pools-names \
	tests/e2e/pkcs11 \
	tests/e2e/progress \
	tests/e2e/python \
	tests/e2e/proxy-in \
	tests/e2e/proxy-others \
	tests/e2e/proxy-out \
	tests/e2e/queue \
	tests/e2e/redis \
	tests/e2e/reload \
	tests/e2e/reload-bad \
	tests/e2e/reload-who \
	tests/e2e/resolver \
	tests/e2e/routes \
	tests/e2e/s-client \
	tests/e2e/sandbox \
	tests/e2e/scanners \
	tests/e2e/slow \
	tests/e2e/systemd-verify \
	tests/e2e/tickets \
	tests/e2e/transparent \
	tests/e2e/transparent-closing \
	tests/e2e/token \
	tests/e2e/upgrade \
	tests/e2e/upgrade-back \
	tests/e2e/watch \
	tests/e2e/watch-others
TESTS += $(E2E_TESTS)
EXTRA_DIST += $(E2E_TESTS) \
	tests/e2e/backend.py \
	tests/e2e/client.py \
	tests/e2e/flood.py \
	tests/e2e/conformance.sh \
	tests/e2e/examples.py \
	tests/e2e/grpc_calls.py \
	tests/e2e/lib.sh \
	tests/e2e/metrics.py \
	tests/e2e/proxy_peer.py \
	tests/e2e/hosts.sh \
	tests/e2e/token.sh

# Fuzz targets. Without libFuzzer they replay their corpora.
FUZZ_TARGETS = \
	tests/fuzz/fuzz_addr \
	tests/fuzz/fuzz_bundle \
	tests/fuzz/fuzz_client \
	tests/fuzz/fuzz_cert \
	tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_identity \
	tests/fuzz/fuzz_keep \
	tests/fuzz/fuzz_domains \
	tests/fuzz/fuzz_open \
	tests/fuzz/fuzz_pem \
	tests/fuzz/fuzz_proxy \
	tests/fuzz/fuzz_record \
	tests/fuzz/fuzz_route \
	tests/fuzz/fuzz_term \
	tests/fuzz/fuzz_ticket \
	tests/fuzz/fuzz_tls
FUZZ_COMMON = tests/fuzz/fuzz.h
LIBFUZZER =
if FUZZING
noinst_PROGRAMS += $(FUZZ_TARGETS)
LIBFUZZER += -fsanitize=fuzzer
else
check_PROGRAMS += $(FUZZ_TARGETS)
FUZZ_COMMON += tests/fuzz/replay.c
TESTS += $(FUZZ_TARGETS)
endif
tests_fuzz_fuzz_addr_SOURCES = tests/fuzz/fuzz_addr.c $(FUZZ_COMMON)
tests_fuzz_fuzz_addr_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_addr_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_addr_LDADD = src/libbase.a
tests_fuzz_fuzz_bundle_SOURCES = tests/fuzz/fuzz_bundle.c $(FUZZ_COMMON)
tests_fuzz_fuzz_bundle_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_bundle_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_bundle_LDADD = src/libconfig.a src/libcore.a src/libbase.a
tests_fuzz_fuzz_client_SOURCES = tests/fuzz/fuzz_client.c $(FUZZ_COMMON)
tests_fuzz_fuzz_client_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_client_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_client_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS)
tests_fuzz_fuzz_cert_SOURCES = tests/fuzz/fuzz_cert.c $(FUZZ_COMMON)
tests_fuzz_fuzz_cert_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_cert_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_cert_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS)
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c $(FUZZ_COMMON)
tests_fuzz_fuzz_conf_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_conf_LDADD = src/libconfig.a src/libcore.a src/libbase.a
tests_fuzz_fuzz_identity_SOURCES = tests/fuzz/fuzz_identity.c $(FUZZ_COMMON)
tests_fuzz_fuzz_identity_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_identity_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_identity_LDADD = src/libcore.a src/libbase.a
tests_fuzz_fuzz_keep_SOURCES = tests/fuzz/fuzz_keep.c $(FUZZ_COMMON)
tests_fuzz_fuzz_keep_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_keep_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_keep_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS)
tests_fuzz_fuzz_domains_SOURCES = tests/fuzz/fuzz_domains.c $(FUZZ_COMMON)
tests_fuzz_fuzz_domains_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_domains_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_domains_LDADD = src/libcore.a src/libbase.a
tests_fuzz_fuzz_open_SOURCES = tests/fuzz/fuzz_open.c $(FUZZ_COMMON)
tests_fuzz_fuzz_open_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_open_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_open_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS)
tests_fuzz_fuzz_pem_SOURCES = tests/fuzz/fuzz_pem.c $(FUZZ_COMMON)
tests_fuzz_fuzz_pem_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_pem_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_pem_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS)
tests_fuzz_fuzz_proxy_SOURCES = tests/fuzz/fuzz_proxy.c $(FUZZ_COMMON)
tests_fuzz_fuzz_proxy_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_proxy_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_proxy_LDADD = src/libcore.a src/libbase.a
tests_fuzz_fuzz_record_SOURCES = tests/fuzz/fuzz_record.c $(FUZZ_COMMON)
tests_fuzz_fuzz_record_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_record_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_record_LDADD = src/libcore.a src/libbase.a
tests_fuzz_fuzz_route_SOURCES = tests/fuzz/fuzz_route.c $(FUZZ_COMMON)
tests_fuzz_fuzz_route_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_route_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_route_LDADD = src/libcore.a src/libbase.a
tests_fuzz_fuzz_term_SOURCES = tests/fuzz/fuzz_term.c $(FUZZ_COMMON)
tests_fuzz_fuzz_term_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_term_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_term_LDADD = src/libcore.a src/libbase.a
tests_fuzz_fuzz_ticket_SOURCES = tests/fuzz/fuzz_ticket.c tests/fuzz/chance.c tests/fuzz/chance.h $(FUZZ_COMMON)
tests_fuzz_fuzz_ticket_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_ticket_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_ticket_LDADD = src/libtls.a src/libcore.a src/libbase.a $(SSL_LIBS)
tests_fuzz_fuzz_tls_SOURCES = tests/fuzz/fuzz_tls.c tests/fuzz/chance.c tests/fuzz/chance.h $(FUZZ_COMMON)
tests_fuzz_fuzz_tls_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_tls_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_tls_LDADD = src/libtls.a src/libconfig.a src/libcore.a src/libbase.a $(SSL_LIBS)
EXTRA_DIST += tests/fuzz/corpus

# Never part of check: the model (Spin), the Check programs and corpora alone, and under valgrind.
EXTRA_DIST += tests/model
model:
	$(srcdir)/tests/model/run
	$(srcdir)/tests/model/run --mutants
check-programs:
	$(MAKE) check TESTS='$(CHECKS) $(FUZZ_TARGETS)'
check-valgrind: $(CHECKS)
	$(srcdir)/tests/unit/valgrind $(CHECKS)
.PHONY: model check-programs check-valgrind
EXTRA_DIST += tests/unit/valgrind

# Figures, for README and docs.
EXTRA_DIST += tests/bench/certs tests/bench/workers
# Figures, for README and docs; see tests/bench/README. Built only when they are asked for.
EXTRA_DIST += \
	tests/bench/README \
	tests/bench/RESULTS.md \
	tests/bench/results.svg \
	tests/bench/bench \
	tests/bench/contenders.py \
	tests/bench/debian13 \
	tests/bench/flood \
	tests/bench/instructions \
	tests/bench/limits \
	tests/bench/processes.py \
	tests/bench/report.py \
	tests/bench/results \
	tests/bench/stage.py \
	tests/bench/syscalls \
	tests/bench/workers \
	tests/bench/workloads.py
EXTRA_PROGRAMS = \
	tests/bench/backend \
	tests/bench/limit \
	tests/bench/load \
	tests/bench/relay \
	tests/bench/sallyport-through
CLEANFILES += $(EXTRA_PROGRAMS) bench.json bench-flood.json bench-limit.json
tests_bench_load_SOURCES = \
	tests/bench/load.c \
	tests/bench/load.h \
	tests/bench/load_client.c \
	tests/bench/load_options.c \
	tests/bench/load_tally.c \
	tests/bench/load_work.c \
	tests/bench/pattern.c \
	tests/bench/pattern.h
tests_bench_load_LDADD = $(SSL_LIBS)
tests_bench_backend_SOURCES = tests/bench/backend.c tests/bench/pattern.c tests/bench/pattern.h
tests_bench_limit_SOURCES = tests/bench/limit.c
tests_bench_limit_LDADD = $(SSL_LIBS)
tests_bench_relay_SOURCES = tests/bench/relay.c
tests_bench_relay_LDADD = $(SSL_LIBS)
tests_bench_sallyport_through_SOURCES = src/main.c tests/bench/exec_through.c
tests_bench_sallyport_through_LDADD = src/libproc.a $(NET_LIBS) $(LIBRARIES_USED)
tests_bench_sallyport_through_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=execve
BENCH_NEEDS = src/sallyport tests/make-pki tests/bench/load tests/bench/backend
bench: $(BENCH_NEEDS)
	$(srcdir)/tests/bench/bench $(BENCH_OPTIONS)
bench-limit: tests/make-pki tests/bench/load tests/bench/backend tests/bench/limit tests/bench/relay
	$(srcdir)/tests/bench/limits $(BENCH_OPTIONS)
bench-instructions: $(BENCH_NEEDS) tests/bench/sallyport-through
	$(srcdir)/tests/bench/instructions $(BENCH_OPTIONS)
bench-syscalls: $(BENCH_NEEDS)
	$(srcdir)/tests/bench/syscalls $(BENCH_OPTIONS)
bench-flood: $(BENCH_NEEDS)
	$(srcdir)/tests/bench/flood $(BENCH_OPTIONS)
bench-workers: src/sallyport tests/hammer tests/echod tests/make-pki
	$(srcdir)/tests/bench/workers
bench-certs: src/sallyport tests/hammer tests/echod tests/make-pki
	$(srcdir)/tests/bench/certs
.PHONY: bench-certs bench-workers
.PHONY: bench bench-flood bench-limit bench-instructions bench-syscalls bench-workers
