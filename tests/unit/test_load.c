/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/load.h"

#include "support/check_main.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct diag *diag;
static struct config *config;
static char told[8192];

/* A directory for files that include one another. */
static char dir[PATH_MAX];
static char made[64][PATH_MAX + 64];
static size_t files;

static void
set_up(void)
{
    const char *tmp = getenv("TMPDIR");

    diag = diag_new();
    config = NULL;
    files = 0;
    snprintf(dir, sizeof(dir), "%s/sallyport-[load]-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
tear_down(void)
{
    config_free(config);
    diag_free(diag);
    while (files > 0)
        unlink(made[--files]);
    rmdir(dir);
}

/* Write a file into dir. Returns its path, lent. */
static const char *
make_file(const char *name, const char *text)
{
    char *path = made[files++];
    FILE *out;

    snprintf(path, sizeof(made[0]), "%s/%s", dir, name);
    out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
    return path;
}

static const char *
mistakes(void)
{
    FILE *out = fmemopen(told, sizeof(told), "w");

    told[0] = '\0';
    diag_print(diag, out);
    fclose(out);
    return told;
}

static void
load(const char *text)
{
    config = config_load_memory("t", text, strlen(text), diag);
}

static void
load_well(const char *text)
{
    load(text);
    ck_assert_str_eq(mistakes(), "");
}

START_TEST(the_ten_lines)
{
    const struct config_frontend *f;

    load_well("log { level = debug }\n"
              "defaults { handshake-timeout = 7s }\n"
              "frontend web {\n"
              "    listen  = { \"*:443\", \"[::]:443\" }\n"
              "    cert    = \"/etc/sallyport/web.pem\"\n"
              "    backend = \"127.0.0.1:8080\"\n"
              "}\n");
    ck_assert_int_eq(config->log.level, LOG_LEVEL_DEBUG);
    ck_assert_uint_eq(config->frontends, 1);
    f = config->frontend;
    ck_assert_str_eq(f->name, "web");
    ck_assert_uint_eq(f->pos.line, 3);
    ck_assert_str_eq(f->pos.file, "t");
    ck_assert_uint_eq(f->handshake_timeout_ms, 7000);
    ck_assert_uint_eq(f->connect_timeout_ms, 5000);
    ck_assert_uint_eq(f->listen_text.count, 2);
    ck_assert_str_eq(f->listen_text.item[1].text, "[::]:443");
    ck_assert_uint_eq(f->listen_text.item[1].pos.line, 4);
    ck_assert_str_eq(f->cert.item->text, "/etc/sallyport/web.pem");
    ck_assert_uint_eq(f->cert.item->pos.line, 5);
    ck_assert_uint_eq(f->key.count, 0);
    ck_assert_str_eq(f->backend_text.text, "127.0.0.1:8080");
}
END_TEST

START_TEST(every_setting_has_its_field)
{
    const struct config_frontend *f;

    load_well(
        "drain-timeout = 1m resolver = { 127.0.0.1, \"[::1]:53\" }"
        "log { format = json to = /var/log/x facility = local3 }"
        "frontend \"a b\" { listen = *:1 cert = c key = k backend = b:1 tls-min = 1.3;"
        " tls-max = 1.3 ciphers = C ciphersuites = S groups = G alpn = { h2, x, }"
        " handshake-timeout = 1s connect-timeout = 2s idle-timeout = 3s"
        " half-closed-timeout = off close-wait = 0 linger-timeout = 0 linger-max = 4s"
        " proxy-protocol = v2"
        " on-truncation = eof keepalive = off keepalive-idle = 5s keepalive-interval = 6s"
        " keepalive-count = 7 tcp-user-timeout = 0 backlog = 8 max-connections = 9 }");
    ck_assert_uint_eq(config->drain_timeout_ms, 60000);
    ck_assert_uint_eq(config->resolver.count, 2);
    ck_assert_str_eq(config->resolver.item[0].text, "127.0.0.1");
    ck_assert_int_eq(config->log.format, LOG_JSON);
    ck_assert_str_eq(config->log.to, "/var/log/x");
    ck_assert_uint_eq(config->log_to_pos.line, 1);
    ck_assert_str_eq(config->log.facility, "local3");
    f = config->frontend;
    ck_assert_str_eq(f->name, "a b");
    ck_assert_uint_eq(f->listen_text.count, 1);
    ck_assert_str_eq(f->key.item->text, "k");
    ck_assert_int_eq(f->tls_min, 0x0304);
    ck_assert_int_eq(f->tls_max, 0x0304);
    ck_assert_str_eq(f->ciphers.text, "C");
    ck_assert_str_eq(f->ciphersuites.text, "S");
    ck_assert_str_eq(f->groups.text, "G");
    ck_assert_uint_eq(f->alpn.count, 2);
    ck_assert_str_eq(f->alpn.item[1].text, "x");
    ck_assert_uint_eq(f->handshake_timeout_ms, 1000);
    ck_assert_uint_eq(f->connect_timeout_ms, 2000);
    ck_assert_uint_eq(f->idle_timeout_ms, 3000);
    ck_assert_uint_eq(f->half_closed_timeout_ms, 0);
    ck_assert_uint_eq(f->close_wait_ms, 0);
    ck_assert_uint_eq(f->linger_timeout_ms, 0);
    ck_assert_uint_eq(f->linger_max_ms, 4000);
    ck_assert_int_eq(f->proxy_protocol, PROXY_V2);
    ck_assert_int_eq(f->on_truncation, CONFIG_TRUNCATION_EOF);
    ck_assert(!f->keepalive);
    ck_assert_uint_eq(f->keepalive_idle_ms, 5000);
    ck_assert_uint_eq(f->keepalive_interval_ms, 6000);
    ck_assert_uint_eq(f->keepalive_count, 7);
    ck_assert_uint_eq(f->tcp_user_timeout_ms, 0);
    ck_assert_uint_eq(f->backlog, 8);
    ck_assert_uint_eq(f->max_connections, 9);
}
END_TEST

START_TEST(defaults_hold_wherever_they_stand)
{
    load_well("frontend a { listen = *:1 }\n"
              "defaults { cert = x alpn = { h2, a } }\n"
              "frontend b { cert = y alpn = { } }\n"
              "defaults { backlog = 5 }\n"
              "log { level = error }\nlog { format = json }\n");
    ck_assert_uint_eq(config->frontends, 2);
    ck_assert_str_eq(config->frontend[0].cert.item->text, "x");
    ck_assert_uint_eq(config->frontend[0].alpn.count, 2);
    ck_assert_uint_eq(config->frontend[0].backlog, 5);
    ck_assert_str_eq(config->frontend[1].cert.item->text, "y");
    ck_assert_uint_eq(config->frontend[1].alpn.count, 0);
    ck_assert_uint_eq(config->frontend[1].backlog, 5);
    ck_assert_int_eq(config->log.level, LOG_LEVEL_ERROR);
    ck_assert_int_eq(config->log.format, LOG_JSON);
}
END_TEST

/* One mistake in the text is one line of diag, and no more. */
static const struct {
    const char *text, *mistakes;
} cases[] = {
    /* Blocks in blocks. */
    {"frontend a { client-cert { verify = maybe } }\n"
     "defaults { client-cert { depth = 99 } }",
     "t:1: verify = maybe is not known; it takes off, optional or required\n"
     "t:2: depth = 99 is out of range; it takes 0 to 32\n"},
    {"frontend a { client-cert { listen = *:1 } ca = x }",
     "t:1: ca has no place in frontend a; it belongs in client-cert { }\n"
     "t:1: listen has no place in client-cert of frontend a; it belongs in frontend NAME { "
     "}\n"},
    {"frontend a { client-cert { c = x } }",
     "t:1: unknown setting \"c\" in client-cert of frontend a; did you mean \"ca\"?\n"},
    {"frontend a {\n client-cert { depth = 1 }\n client-cert { ca = x depth = 2 } }",
     "t:3: depth is given twice in client-cert of frontend a; the first is at t:2\n"},
    {"client-cert { verify = off }\nlog { level = info\n client-cert { } }",
     "t:1: client-cert has no place outside of all blocks; it belongs in frontend NAME { "
     "}\n"
     "t:3: client-cert has no place in log; it belongs in frontend NAME { }\n"},
    {"frontend a { client-cert x { } }",
     "t:1: client-cert takes no name; write client-cert { ... }\n"},
    {"frontend a { client-cert\n{ } client-cert = off\n}\n}",
     "t:2: client-cert is followed by \"=\"; a { has to begin the block\n"},
    {"frontend a { client-certs { ca = x } }",
     "t:1: unknown block \"client-certs\"; did you mean \"client-cert\"?\n"},
    {"frontend a {\n client-cert {\n ca = x\n}\nfrontend b { backlog = 0 }",
     "t:5: frontend begins in frontend a, which begins at t:1 and is not closed; a } is "
     "missing\n"
     "t:5: backlog = 0 is out of range; it takes 1 to 65535\n"},
    {"frontend a {\n client-cert {\n ca = x\nclient-cert { }\n}\n}\n}",
     "t:4: client-cert begins in client-cert of frontend a, which begins at t:2 and is not "
     "closed; a } is missing\n"},
    {"frontend a { client-cert {\n ca = x\n }",
     "t:1: the block that begins here is not closed; a } is missing\n"},
    /* Settings. */
    {"frontend web { handshake-timout = 1s }",
     "t:1: unknown setting \"handshake-timout\" in frontend web; did you mean "
     "\"handshake-timeout\"?\n"},
    {"xyzzy = 1", "t:1: unknown setting \"xyzzy\" outside of all blocks\n"},
    {"levl = info", "t:1: unknown setting \"levl\" outside of all blocks; did you mean "
                    "\"level\", in log { }?\n"},
    {"log { drain-timeout = 1s }",
     "t:1: drain-timeout has no place in log; it belongs outside of all blocks\n"},
    {"defaults { listen = *:1 }",
     "t:1: listen has no place in defaults; it belongs in frontend NAME { }\n"},
    {"frontend \"a b\" {\n level = info }",
     "t:2: level has no place in frontend \"a b\"; it belongs in log { }\n"},
    {"log { level = info\n level = info }",
     "t:2: level is given twice in log; the first is at t:1\n"},
    {"log { level = info }\nlog { level = info }",
     "t:2: level is given twice in log; the first is at t:1\n"},
    /* Values. */
    {"defaults { handshake-timeout = 10 }",
     "t:1: handshake-timeout = 10 has no unit; write 10s or 10ms\n"},
    {"defaults { handshake-timeout = 0 }",
     "t:1: handshake-timeout = 0 is out of range; it takes 1ms to 1h\n"},
    {"defaults { handshake-timeout = off }",
     "t:1: handshake-timeout may not be off; it takes 1ms to 1h\n"},
    {"defaults { handshake-timeout = 61m }",
     "t:1: handshake-timeout = 61m is out of range; it takes 1ms to 1h\n"},
    {"defaults { idle-timeout = 25d }",
     "t:1: idle-timeout = 25d is out of range; it takes 1ms to 24d, or off\n"},
    {"defaults { idle-timeout = 99999999999999999999d }",
     "t:1: idle-timeout = 99999999999999999999d is out of range; it takes 1ms to 24d, or "
     "off\n"},
    {"drain-timeout = soon", "t:1: drain-timeout = soon is not a duration; write a whole "
                             "number and a unit: ms, s, m, h or d\n"},
    {"drain-timeout = 1w",
     "t:1: drain-timeout = 1w is not a duration; write a whole number "
     "and a unit: ms, s, m, h or d\n"},
    {"drain-timeout = 25h", "t:1: drain-timeout = 25h is out of range; it takes 0 to 1d\n"},
    {"defaults { keepalive-idle = 1500ms }",
     "t:1: keepalive-idle = 1500ms has to be whole seconds; write 2s\n"},
    {"defaults { backlog = 65536 }",
     "t:1: backlog = 65536 is out of range; it takes 1 to 65535\n"},
    {"defaults { backlog = 99999999999999999999 }",
     "t:1: backlog = 99999999999999999999 is out of range; it takes 1 to 65535\n"},
    {"defaults { backlog = \"1 k\" }",
     "t:1: backlog = \"1 k\" is not a whole number; it takes 1 to 65535\n"},
    {"defaults { on-truncation = fin }",
     "t:1: on-truncation = fin is not known; it takes reset or eof\n"},
    {"defaults { proxy-protocol = on }",
     "t:1: proxy-protocol = on is not known; it takes off, v1 or v2\n"},
    {"log { level = loud }", "t:1: level = loud is not known; it takes error, warning, "
                             "notice, info, probe or debug\n"},
    {"defaults { keepalive = 1 }", "t:1: keepalive = 1 is not known; it takes on or off\n"},
    {"defaults { cert = \"\" }", "t:1: cert is empty; it needs a value\n"},
    {"defaults { alpn = { h2,\n'' } }", "t:2: alpn is empty; it needs a value\n"},
    {"defaults { groups = { a } }", "t:1: groups takes one value, without braces\n"},
    /* Syntax; each is followed by a mistake that has to be found as well. */
    {"log { level =\n format = xml }",
     "t:1: level has no value\n"
     "t:2: format = xml is not known; it takes text or json\n"},
    {"log { level info\n format = xml }",
     "t:1: \"level\" is followed by \"info\"; a setting is written name = value\n"
     "t:2: format = xml is not known; it takes text or json\n"},
    {"log {\n level = info, debug }\n format = xml\n}",
     "t:2: level has several values without braces; write level = { a, b }\n"
     "t:3: format = xml is not known; it takes text or json\n"},
    {"log { level = info debug\n format = xml }",
     "t:1: unexpected \"debug\" behind the value of level; a value with spaces is written "
     "in "
     "double quotes\n"
     "t:2: format = xml is not known; it takes text or json\n"},
    {"frontend a {\n listen { *:1 }\n groups = { x }\n}",
     "t:2: a = is missing between listen and its list\n"
     "t:3: groups takes one value, without braces\n"},
    {"frontend a {\n lisen { *:1 }\n groups = { x }\n}",
     "t:2: a = is missing between lisen and its list\n"
     "t:3: groups takes one value, without braces\n"},
    {"frontend a {\n listen = { *:1 *:2 }\n groups = { x }\n}",
     "t:2: found \"*:2\" in the list of listen; commas separate its values and a } ends "
     "it\n"
     "t:3: groups takes one value, without braces\n"},
    {"frontend a {\n listen = { *:1,\n groups = { x }\n}",
     "t:2: the list of listen is not closed; a } is missing\n"
     "t:3: groups takes one value, without braces\n"},
    {"frontend a {\n listen = { *:1, \"b }\n groups = { x }\n}",
     "t:2: the string that begins here is not closed; a \" is missing\n"
     "t:3: groups takes one value, without braces\n"},
    {"frontend a {\n listen = { \"*:1, \"b\" }\n groups = { x }\n}",
     "t:2: found \"b\" in the list of listen; commas separate its values and a } ends it\n"
     "t:3: groups takes one value, without braces\n"},
    {"log { level = \"info }\nxyzzy = 1",
     "t:1: the string that begins here is not closed; a \" is missing\n"
     "t:2: unknown setting \"xyzzy\" outside of all blocks\n"},
    {"log {\n level = ${HOME}\n format = xml\n}",
     "t:2: unexpected $; a value with such a character is written in double quotes\n"
     "t:3: format = xml is not known; it takes text or json\n"},
    {"log {\n level = info /* x\n}\nxyzzy = 1",
     "t:2: the comment that begins here is not closed; */ is missing\n"},
    {"log {\n level = info\n", "t:1: the block that begins here is not closed; a } is "
                               "missing\n"},
    {"log { level = { info\n", "t:1: the list of level is not closed; a } is missing\n"},
    {"frontend a {\n cert = x\nfrontend b {\n cert = y\n}\nfrontend c { groups = { z } }",
     "t:3: frontend begins in frontend a, which begins at t:1 and is not closed; a } is "
     "missing\n"
     "t:6: groups takes one value, without braces\n"},
    {"frontend a {\n log { level = info }\n cert = x\n}",
     "t:2: log begins in frontend a, which begins at t:1 and is not closed; a } is "
     "missing\n"},
    {"log { }\n}\nxyzzy = 1", "t:2: there is no block that this } could close\n"
                              "t:3: unknown setting \"xyzzy\" outside of all blocks\n"},
    {"frontend a\n groups = { x }\n}",
     "t:1: frontend is followed by \"groups\"; a { has to begin the block\n"
     "t:2: groups takes one value, without braces\n"},
    {"frontend [x {\n groups = { x }\n}",
     "t:1: unexpected [; a value with such a character is written in double quotes\n"
     "t:2: groups takes one value, without braces\n"},
    {"frontend a {\n listen = {\n  *:1 *:2,\n  *:3\n }\n groups = { x }\n}",
     "t:3: found \"*:2\" in the list of listen; commas separate its values and a } ends "
     "it\n"
     "t:6: groups takes one value, without braces\n"},
    {"frontend {\n groups = { x }\n}",
     "t:1: frontend has no name; write frontend NAME { ... }\n"
     "t:2: groups takes one value, without braces\n"},
    {"log x {\n format = xml\n}",
     "t:1: log takes no name; write log { ... }\n"
     "t:2: format = xml is not known; it takes text or json\n"},
    {"frontend a b {\n groups = { x }\n}",
     "t:1: frontend is followed by \"b\"; a { has to begin the block\n"
     "t:2: groups takes one value, without braces\n"},
    {"frontnd a {\n groups = { x }\n}", "t:1: unknown block \"frontnd\"; did you mean "
                                        "\"frontend\"?\n"
                                        "t:2: groups takes one value, without braces\n"},
    {"backend {\n servr = x\n}\nfrontend f { backend { server = x } }",
     "t:1: backend has no name; write backend NAME { ... }\n"
     "t:2: unknown setting \"servr\" in backend; did you mean \"server\"?\n"
     "t:4: backend begins in frontend f, which begins at t:4 and is not closed; a } is "
     "missing\n"
     "t:4: backend has no name; write backend NAME { ... }\n"},
    {"backend d x\nbalance = some\n}\nbackend = d\nfrontend f { backend d server = x }",
     "t:1: backend is followed by \"x\"; a { has to begin the block\n"
     "t:2: balance = some is not known; it takes round-robin, least-connections, source "
     "or first\n"
     "t:4: backend has no place outside of all blocks; it belongs in frontend NAME { }\n"
     "t:5: \"backend\" is followed by \"d\"; a setting is written name = value\n"
     "t:5: server has no place in frontend f; it belongs in backend NAME { }\n"},
    {"listener a {\n x = y\n}\nxyzzy = 1",
     "t:1: unknown block \"listener\"; there are log, admin, defaults, "
     "frontend and backend\n"
     "t:4: unknown setting \"xyzzy\" outside of all blocks\n"},
    {"= 3\nxyzzy = 1",
     "t:1: found \"=\" where the name of a setting or block was expected\n"
     "t:2: unknown setting \"xyzzy\" outside of all blocks\n"},
    {"\"level\" = info\nxyzzy = 1",
     "t:1: found \"level\" where the name of a setting or block was expected\n"
     "t:2: unknown setting \"xyzzy\" outside of all blocks\n"},
    {"level",
     "t:1: \"level\" is followed by the end of the file; a setting is written name = "
     "value\n"},
    {"include = x\nxyzzy = 1", "t:1: include is written include(\"conf.d/*.conf\")\n"
                               "t:2: unknown setting \"xyzzy\" outside of all blocks\n"},
    {"include(\"/dev/null\")", "t:1: include works in a file only\n"},
};

START_TEST(one_sentence_for_each_mistake)
{
    load(cases[_i].text);
    ck_assert_str_eq(mistakes(), cases[_i].mistakes);
}
END_TEST

/* What is given, but wrongly, is not missing: config_check must be able to tell. */
START_TEST(a_mistaken_setting_is_not_missing)
{
    load("frontend a { lisen = *:1 cert = \"x\\y\" backend = { } }\nfrontend b { }");
    ck_assert_uint_eq(diag_errors(diag), 3);
    ck_assert_uint_eq(config->frontend[0].listen_text.count, 1);
    ck_assert_str_eq(config->frontend[0].listen_text.item[0].text, "");
    ck_assert_str_eq(config->frontend[0].cert.item->text, "");
    ck_assert_str_eq(config->frontend[0].backend_text.text, "");
    ck_assert_uint_eq(config->frontend[1].listen_text.count, 0);
    ck_assert_uint_eq(config->frontend[1].cert.count, 0);
}
END_TEST

START_TEST(files_include_files)
{
    make_file("a.inc", "cert = a\n");
    make_file("10.conf", "frontend ten { include(\"a.inc\") backlog = 10 }\n");
    make_file("20.conf", "frontend twenty { backlog = 20 }\n");
    config = config_load_file(make_file("main", "include(\"[0-9]*.conf\")\n"
                                                "include('nothing*')\n"
                                                "drain-timeout = 3s\n"),
                              diag);
    ck_assert_str_eq(mistakes(), "");
    ck_assert_uint_eq(config->frontends, 2);
    ck_assert_str_eq(config->frontend[0].name, "ten");
    ck_assert_str_eq(config->frontend[0].cert.item->text, "a");
    ck_assert_uint_eq(config->frontend[0].backlog, 10);
    ck_assert_str_eq(config->frontend[1].name, "twenty");
    ck_assert_uint_eq(config->drain_timeout_ms, 3000);
    ck_assert_str_eq(config->frontend[0].cert.item->pos.file + strlen(dir), "/a.inc");
}
END_TEST

/* Does what diag holds contain this, with every %s the directory? */
static void
assert_told(const char *format)
{
    static char wanted[8192];

    snprintf(wanted, sizeof(wanted), "%s/main:", dir);
    ck_assert_msg(strncmp(mistakes(), wanted, strlen(wanted)) == 0, "%s", told);
    ck_assert_msg(strstr(told, format) != NULL, "%s", told);
    ck_assert_msg(strchr(told, '\n') == told + strlen(told) - 1, "%s", told);
}

START_TEST(a_missing_include_is_a_mistake)
{
    config = config_load_file(make_file("main", "\ninclude(\"none.conf\")\n"), diag);
    assert_told("none.conf: No such file or directory");
}
END_TEST

START_TEST(a_file_does_not_include_itself)
{
    make_file("b", "include(\"main\")");
    config = config_load_file(make_file("main", "include(\"b\")"), diag);
    ck_assert_uint_eq(diag_errors(diag), 1);
    ck_assert_ptr_nonnull(strstr(mistakes(), "main would be included by itself"));
    ck_assert_ptr_nonnull(strstr(told, "/b:1: "));
}
END_TEST

START_TEST(a_missing_file_is_the_only_mistake)
{
    char path[PATH_MAX + 8], wanted[PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/main", dir);
    snprintf(wanted, sizeof(wanted), "%s: cannot be read: No such file or directory\n",
             path);
    config = config_load_file(path, diag);
    ck_assert_str_eq(mistakes(), wanted);
    ck_assert_uint_eq(config->frontends, 0);
}
END_TEST

START_TEST(a_directory_is_no_file)
{
    config = config_load_file(dir, diag);
    ck_assert_ptr_nonnull(strstr(mistakes(), "cannot be read: Is a directory"));
}
END_TEST

/* A chain of depth files below main. */
static void
load_chain(unsigned depth)
{
    char name[16], text[64];

    for (unsigned i = 1; i <= depth; i++) {
        snprintf(name, sizeof(name), "c%u", i);
        snprintf(text, sizeof(text), i < depth ? "include(\"c%u\")" : "drain-timeout = %us",
                 i + 1);
        make_file(name, text);
    }
    config = config_load_file(make_file("main", "include(\"c1\")"), diag);
}

START_TEST(includes_may_be_16_deep)
{
    load_chain(16);
    ck_assert_str_eq(mistakes(), "");
    ck_assert_uint_eq(config->drain_timeout_ms, 17000);
}
END_TEST

START_TEST(includes_may_not_be_17_deep)
{
    load_chain(17);
    ck_assert_ptr_nonnull(
        strstr(mistakes(), "c17 is included at a depth of 17; 16 is the"));
    ck_assert_uint_eq(diag_errors(diag), 1);
}
END_TEST

START_TEST(a_block_ends_in_its_own_file)
{
    make_file("open", "frontend a {\n");
    make_file("close", "}\n");
    config = config_load_file(
        make_file("main", "include(open)\nlog {\n include(close)\n level = debug }\n"),
        diag);
    ck_assert_uint_eq(diag_errors(diag), 2);
    ck_assert_ptr_nonnull(strstr(mistakes(), "/open:1: the block that begins here is not"));
    ck_assert_ptr_nonnull(strstr(told, "/close:1: there is no block that this }"));
    ck_assert_int_eq(config->log.level, LOG_LEVEL_DEBUG);
}
END_TEST

static char *
dump(const struct config *c)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    config_dump(c, out);
    fclose(out);
    return text;
}

START_TEST(a_dump_loads_to_the_same)
{
    struct config *again;
    char *first, *second;

    load_well("drain-timeout = 1500ms resolver = { 127.0.0.1, ::1 }"
              "log { level = probe format = json to = '/a \"$b' facility = local7 }"
              "defaults { keepalive = off idle-timeout = 90s tcp-user-timeout = off }"
              "frontend \"a\\n\\\"b\\$\" { listen = { *:1, '[::]:1' } cert = c key = k"
              " backend = b alpn = { h2, 'x y' } ciphers = '$C' tls-min = 1.3"
              " on-truncation = eof close-wait = 0 max-connections = 7 }"
              "frontend b { }");
    first = dump(config);
    again = config_load_memory("d", first, strlen(first), diag);
    ck_assert_str_eq(mistakes(), "");
    second = dump(again);
    ck_assert_str_eq(first, second);
    ck_assert_str_eq(again->frontend[0].name, "a\n\"b$");
    ck_assert_str_eq(again->frontend[0].ciphers.text, "$C");
    ck_assert_str_eq(again->frontend[0].alpn.item[1].text, "x y");
    ck_assert_int_eq(again->frontend[0].on_truncation, CONFIG_TRUNCATION_EOF);
    ck_assert_int_eq(again->log.level, LOG_LEVEL_PROBE);
    ck_assert_uint_eq(again->frontend[1].idle_timeout_ms, 90000);
    ck_assert(!again->frontend[1].keepalive);
    ck_assert_ptr_nonnull(strstr(first, "    # groups is not set\n"));
    ck_assert_ptr_nonnull(strstr(first, "    tcp-user-timeout = off\n"));
    ck_assert_ptr_nonnull(strstr(first, "    close-wait = 0\n"));
    free(first);
    free(second);
    config_free(again);
}
END_TEST

START_TEST(one_frontend_from_words)
{
    config = config_from_words("*:443", "127.0.0.1:80", "/c.pem");
    ck_assert_uint_eq(config->frontends, 1);
    ck_assert_str_eq(config->frontend->name, "main");
    ck_assert_str_eq(config->frontend->listen_text.item[0].text, "*:443");
    ck_assert_str_eq(config->frontend->backend_text.text, "127.0.0.1:80");
    ck_assert_str_eq(config->frontend->cert.item->text, "/c.pem");
    ck_assert_uint_eq(config->frontend->handshake_timeout_ms, 10000);
    ck_assert_ptr_null(config->frontend->pos.file);
    ck_assert_uint_eq(config->drain_timeout_ms, 25000);
}
END_TEST

START_TEST(blocks_in_frontends_and_defaults)
{
    const char *path;
    const struct config_frontend *f;

    make_file("rules.inc", "client-cert { depth = 2 }");
    make_file("allow.inc", "allow = \"CN:x\"");
    path = make_file(
        "conf", "frontend a { client-cert { ca = { a, b } include(\"allow.inc\") } tls-min "
                "= 1.3 }\n"
                "frontend b { include(\"rules.inc\") backlog = 7\n"
                "  client-cert { ca = c verify = off } }\n"
                "defaults { client-cert { verify = required } client-cert { depth = 1 } }\n"
                "frontend c { }");
    config = config_load_file(path, diag);
    ck_assert_str_eq(mistakes(), "");
    f = config->frontend;
    ck_assert_int_eq(f[0].client_cert.verify, CONFIG_VERIFY_REQUIRED);
    ck_assert_uint_eq(f[0].client_cert.ca.count, 2);
    ck_assert_uint_eq(f[0].client_cert.depth, 1);
    ck_assert_str_eq(f[0].client_cert.allow.item[0].text, "CN:x");
    ck_assert_int_eq(f[0].tls_min, 0x0304);
    ck_assert_int_eq(f[1].client_cert.verify, CONFIG_VERIFY_OFF);
    ck_assert_uint_eq(f[1].client_cert.depth, 2);
    ck_assert_str_eq(f[1].client_cert.ca.item[0].text, "c");
    ck_assert_uint_eq(f[1].client_cert.allow.count, 0);
    ck_assert_uint_eq(f[1].backlog, 7);
    ck_assert_int_eq(f[2].client_cert.verify, CONFIG_VERIFY_REQUIRED);
    ck_assert_uint_eq(f[2].client_cert.ca.count, 0);
}
END_TEST

static Suite *
load_suite(void)
{
    Suite *suite = suite_create("load");
    TCase *tcase = tcase_create("load");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_ten_lines);
    tcase_add_test(tcase, every_setting_has_its_field);
    tcase_add_test(tcase, defaults_hold_wherever_they_stand);
    tcase_add_loop_test(tcase, one_sentence_for_each_mistake, 0, (int)COUNT_OF(cases));
    tcase_add_test(tcase, a_mistaken_setting_is_not_missing);
    tcase_add_test(tcase, files_include_files);
    tcase_add_test(tcase, a_missing_include_is_a_mistake);
    tcase_add_test(tcase, a_file_does_not_include_itself);
    tcase_add_test(tcase, a_missing_file_is_the_only_mistake);
    tcase_add_test(tcase, a_directory_is_no_file);
    tcase_add_test(tcase, includes_may_be_16_deep);
    tcase_add_test(tcase, includes_may_not_be_17_deep);
    tcase_add_test(tcase, a_block_ends_in_its_own_file);
    tcase_add_test(tcase, a_dump_loads_to_the_same);
    tcase_add_test(tcase, one_frontend_from_words);
    tcase_add_test(tcase, blocks_in_frontends_and_defaults);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(load_suite)
