# SPDX-License-Identifier: BSD-2-Clause
# One library for each layer, lowest first; see src/LAYERS.

noinst_LIBRARIES += src/libbase.a
src_libbase_a_SOURCES = \
	src/base/addr.c \
	src/base/addr.h \
	src/base/addr_net.c \
	src/base/addr_net.h \
	src/base/arena.c \
	src/base/arena.h \
	src/base/attr.h \
	src/base/clock.c \
	src/base/clock.h \
	src/base/diag.c \
	src/base/diag.h \
	src/base/file.c \
	src/base/file.h \
	src/base/log.c \
	src/base/log.h \
	src/base/pack.c \
	src/base/pack.h \
	src/base/text.c \
	src/base/text.h

noinst_LIBRARIES += src/libcore.a
src_libcore_a_SOURCES = \
	src/core/bucket.c \
	src/core/bucket.h \
	src/core/crc32c.c \
	src/core/crc32c.h \
	src/core/balance.c \
	src/core/balance.h \
	src/core/deadline.c \
	src/core/deadline.h \
	src/core/domains.c \
	src/core/domains.h \
	src/core/flow.c \
	src/core/flow.h \
	src/core/hush.c \
	src/core/hush.h \
	src/core/health.c \
	src/core/health.h \
	src/core/identity.c \
	src/core/identity.h \
	src/core/proxy.h \
	src/core/proxy_read.c \
	src/core/proxy_read.h \
	src/core/proxy_write.c \
	src/core/proxy_write.h \
	src/core/reason.c \
	src/core/reason.h \
	src/core/record.c \
	src/core/record.h \
	src/core/route.c \
	src/core/route.h \
	src/core/sources.c \
	src/core/sources.h \
	src/core/stats.c \
	src/core/stats.h \
	src/core/term.c \
	src/core/term.h \
	src/core/term_names.c

noinst_LIBRARIES += src/libconfig.a
src_libconfig_a_SOURCES = \
	src/config/bundle.c \
	src/config/bundle.h \
	src/config/certs.c \
	src/config/certs.h \
	src/config/check.c \
	src/config/check.h \
	src/config/check_backend.c \
	src/config/check_client.c \
	src/config/check_limits.c \
	src/config/check_nets.c \
	src/config/check_health.c \
	src/config/check_pool.c \
	src/config/check_private.h \
	src/config/check_source.c \
	src/config/config.c \
	src/config/config.h \
	src/config/dump.c \
	src/config/load.c \
	src/config/load.h \
	src/config/load_private.h \
	src/config/load_setting.c \
	src/config/options.c \
	src/config/options.h \
	src/config/options_store.c \
	src/config/parse.c \
	src/config/parse.h

noinst_LIBRARIES += src/libtls.a
src_libtls_a_SOURCES = \
	src/tls/cert.c \
	src/tls/cert.h \
	src/tls/cert_build.c \
	src/tls/cert_cache.c \
	src/tls/cert_cache.h \
	src/tls/cert_file.c \
	src/tls/cert_file.h \
	src/tls/cert_light.c \
	src/tls/cert_light.h \
	src/tls/cert_make.c \
	src/tls/challenge.c \
	src/tls/challenge.h \
	src/tls/client_ca.c \
	src/tls/client_ca.h \
	src/tls/client_ca_load.c \
	src/tls/client_names.c \
	src/tls/client_names.h \
	src/tls/cert_pool.c \
	src/tls/cert_pool.h \
	src/tls/cert_read.c \
	src/tls/cert_read.h \
	src/tls/cert_store.c \
	src/tls/cert_store.h \
	src/tls/cert_store_private.h \
	src/tls/key_der.c \
	src/tls/key_der.h \
	src/tls/cert_token.c \
	src/tls/cert_token.h \
	src/tls/key_keep.c \
	src/tls/key_keep.h \
	src/tls/key_load.c \
	src/tls/key_load.h \
	src/tls/key_remote.c \
	src/tls/key_remote.h \
	src/tls/pem.c \
	src/tls/pem.h \
	src/tls/staple.c \
	src/tls/staple.h \
	src/tls/tls_acme.c \
	src/tls/tls_acme.h \
	src/tls/tls_bio.c \
	src/tls/tls_bio.h \
	src/tls/tls_conf.c \
	src/tls/tls_conf.h \
	src/tls/tls_ctx.c \
	src/tls/tls_ctx.h \
	src/tls/tls_err.c \
	src/tls/tls_err.h \
	src/tls/tls_peer.c \
	src/tls/tls_peer.h \
	src/tls/tls_staple.c \
	src/tls/tls_staple.h \
	src/tls/tls_verify.c \
	src/tls/tls_verify.h \
	src/tls/tls_verify_why.c \
	src/tls/tls_facts.c \
	src/tls/tls_facts.h \
	src/tls/tls_hkdf.c \
	src/tls/tls_hkdf.h \
	src/tls/tls_keylog.c \
	src/tls/tls_keylog.h \
	src/tls/tls_knobs.c \
	src/tls/tls_knobs.h \
	src/tls/tls_schedule.c \
	src/tls/tls_schedule.h \
	src/tls/tls_secret.c \
	src/tls/tls_secret.h \
	src/tls/tls_ticket.c \
	src/tls/tls_ticket.h \
	src/tls/tls_sni.c \
	src/tls/tls_sni.h \
	src/tls/tls_keys.c \
	src/tls/tls_keys.h \
	src/tls/tls_record.c \
	src/tls/tls_record.h \
	src/tls/tls_record_open.c \
	src/tls/tls_record_private.h

noinst_LIBRARIES += src/libnet.a
src_libnet_a_SOURCES = \
	src/net/acceptor.c \
	src/net/acceptor.h \
	src/net/admit.c \
	src/net/admit.h \
	src/net/care.c \
	src/net/care.h \
	src/net/conn.c \
	src/net/conn.h \
	src/net/conn_time.c \
	src/net/conn_time.h \
	src/net/dial.c \
	src/net/dial.h \
	src/net/front.c \
	src/net/front.h \
	src/net/generation.c \
	src/net/generation.h \
	src/net/hangup.c \
	src/net/hangup.h \
	src/net/journal.c \
	src/net/journal.h \
	src/net/leg.c \
	src/net/leg.h \
	src/net/leg_head.c \
	src/net/leg_private.h \
	src/net/leg_record.c \
	src/net/leg_tls.c \
	src/net/loop.c \
	src/net/loop.h \
	src/net/refusal.c \
	src/net/refusal.h \
	src/net/pieces.c \
	src/net/pieces.h \
	src/net/proxy_in.c \
	src/net/proxy_in.h \
	src/net/proxy_out.c \
	src/net/proxy_out.h \
	src/net/pool.c \
	src/net/pool.h \
	src/net/probe.c \
	src/net/probe.h \
	src/net/queue.c \
	src/net/queue.h \
	src/net/relay.c \
	src/net/relay.h \
	src/net/resolver.c \
	src/net/resolver.h \
	src/net/revoke.c \
	src/net/revoke.h \
	src/net/sock.c \
	src/net/sock.h \
	src/net/source.c \
	src/net/source.h

noinst_LIBRARIES += src/libproc.a
src_libproc_a_SOURCES = \
	src/proc/admin.c \
	src/proc/admin.h \
	src/proc/answer.c \
	src/proc/certs.c \
	src/proc/certs.h \
	src/proc/child.c \
	src/proc/child.h \
	src/proc/cpus.c \
	src/proc/cpus.h \
	src/proc/crew.c \
	src/proc/crew.h \
	src/proc/daemon.c \
	src/proc/daemon.h \
	src/proc/demo.c \
	src/proc/demo.h \
	src/proc/drain.c \
	src/proc/expiry.c \
	src/proc/expiry.h \
	src/proc/fdwatch.c \
	src/proc/fdwatch.h \
	src/proc/history.c \
	src/proc/history.h \
	src/proc/ipc.c \
	src/proc/ipc.h \
	src/proc/keeper.c \
	src/proc/keeper.h \
	src/proc/keeping.c \
	src/proc/keylog.c \
	src/proc/keylog.h \
	src/proc/listeners.c \
	src/proc/listeners.h \
	src/proc/logpump.c \
	src/proc/logpump.h \
	src/proc/master.c \
	src/proc/master.h \
	src/proc/metrics.c \
	src/proc/metrics.h \
	src/proc/metrics_private.h \
	src/proc/metrics_server.c \
	src/proc/names.c \
	src/proc/names.h \
	src/proc/page.c \
	src/proc/page.h \
	src/proc/page_endings.c \
	src/proc/page_private.h \
	src/proc/page_style.c \
	src/proc/page_tables.c \
	src/proc/page_words.c \
	src/proc/pidfile.c \
	src/proc/pidfile.h \
	src/proc/prepare.c \
	src/proc/prepare.h \
	src/proc/privdrop.c \
	src/proc/privdrop.h \
	src/proc/reload.c \
	src/proc/sandbox.c \
	src/proc/sandbox.h \
	src/proc/seal.c \
	src/proc/seal.h \
	src/proc/setup.c \
	src/proc/setup.h \
	src/proc/setup_servers.c \
	src/proc/supervise.c \
	src/proc/systemd.c \
	src/proc/systemd.h \
	src/proc/transparent.c \
	src/proc/transparent.h \
	src/proc/trial.c \
	src/proc/upgrade.c \
	src/proc/view.c \
	src/proc/view.h \
	src/proc/watch.c \
	src/proc/watch.h \
	src/proc/worker.c \
	src/proc/worker.h \
	src/proc/writer.c \
	src/proc/writer.h

NET_LIBS = src/libnet.a src/libtls.a src/libconfig.a src/libcore.a src/libbase.a
LIBRARIES_USED = $(EVENT_LIBS) $(SSL_LIBS) $(CAPNG_LIBS) $(SECCOMP_LIBS)

sbin_PROGRAMS += src/sallyport
src_sallyport_SOURCES = src/main.c
src_sallyport_LDADD = src/libproc.a $(NET_LIBS) $(LIBRARIES_USED)

dist_man_MANS += src/sallyport.8 src/sallyport.conf.5 src/sallyport-scaling.7 \
	src/sallyport-transparent.7
