/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's own resolv.conf and hosts are what they are: looked at is what the
 * environment adds to the former (resolver(3)), and localhost in the latter.
 */
#include "proc/names.h"

#include "config/check.h"
#include "config/load.h"
#include "support/check_main.h"

#include <stdio.h>
#include <string.h>

static struct config *config;
static struct diag *diag;

static void
setup(void)
{
    config = NULL;
    diag = diag_new();
    unsetenv("LOCALDOMAIN");
    unsetenv("RES_OPTIONS");
}

static void
teardown(void)
{
    config_free(config);
    diag_free(diag);
}

static void
find(const char *global, const char *backend)
{
    char text[512];

    snprintf(text, sizeof(text),
             "%s frontend a { listen = \"127.0.0.1:0\" cert = c backend = \"%s\" }", global,
             backend);
    config = config_load_memory("t", text, strlen(text), diag);
    config_check(config, diag);
    ck_assert_uint_eq(diag_errors(diag), 0);
    names_find(config);
}

/* Is that one of the addresses? */
static bool
has(const struct config_addrs *addrs, const char *wanted)
{
    char text[ADDR_TEXT_SIZE];

    for (size_t i = 0; i < addrs->count; i++)
        if (strcmp(addr_format(&addrs->item[i], text, sizeof(text)), wanted) == 0)
            return true;
    return false;
}

/* Does a file of the machine have a line that begins with, or holds, these words? */
static bool
file_has(const char *path, const char *first, const char *second)
{
    FILE *file = fopen(path, "r");
    char line[512];
    bool found = false;

    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL)
        found = strncmp(line, first, strlen(first)) == 0 && strstr(line, second) != NULL;
    if (file != NULL)
        fclose(file);
    return found;
}

START_TEST(search_and_ndots)
{
    setenv("LOCALDOMAIN", "one.test two.test", 1);
    setenv("RES_OPTIONS", "ndots:4", 1);
    find("", "nowhere.invalid:80");
    ck_assert_uint_eq(config->ndots, 4);
    ck_assert_uint_eq(config->search.count, 2);
    ck_assert_str_eq(config->search.item[0].text, "one.test");
    ck_assert_str_eq(config->search.item[1].text, "two.test");
}
END_TEST

START_TEST(ndots_is_one_unless_told)
{
    if (file_has("/etc/resolv.conf", "options", "ndots"))
        return;
    find("", "nowhere.invalid:80");
    ck_assert_uint_eq(config->ndots, 1);
}
END_TEST

/* Without a file the C library takes the name server of this machine. */
START_TEST(there_is_a_name_server)
{
    find("", "nowhere.invalid:80");
    ck_assert_uint_gt(config->nameservers.count, 0);
    for (size_t i = 0; i < config->nameservers.count; i++)
        ck_assert_uint_eq(addr_port(&config->nameservers.item[i]), 53);
}
END_TEST

START_TEST(name_servers_of_the_configuration_come_instead)
{
    setenv("LOCALDOMAIN", "one.test", 1);
    find("resolver = { \"127.0.0.3:5353\", ::1 }", "nowhere.invalid:80");
    ck_assert_uint_eq(config->nameservers.count, 2);
    ck_assert(has(&config->nameservers, "127.0.0.3:5353"));
    ck_assert(has(&config->nameservers, "[::1]:53"));
    ck_assert_uint_eq(config->search.count, 1);
}
END_TEST

/* Of the server that a connection leads to that asks for that name. */
static const struct config_addrs *
known(const char *name)
{
    return &config->pool[config_route(config->frontend, name, NULL, 0)].server->at.known;
}

START_TEST(hosts)
{
    if (!file_has("/etc/hosts", "127.0.0.1", "localhost"))
        return;
    find("", "localhost:8080");
    ck_assert(has(known(NULL), "127.0.0.1:8080"));
}
END_TEST

/* Also where only a route leads to a name. */
START_TEST(hosts_of_routes)
{
    if (!file_has("/etc/hosts", "127.0.0.1", "localhost"))
        return;
    find("", "127.0.0.1:1\" sni-backend = \"a=localhost:8081");
    ck_assert(has(known("a"), "127.0.0.1:8081"));
    ck_assert_uint_eq(known(NULL)->count, 0);
}
END_TEST

/* Nobody is asked, and nobody waited for. */
START_TEST(what_is_not_in_hosts_is_not_known)
{
    find("", "nowhere.invalid:8080");
    ck_assert_uint_eq(known(NULL)->count, 0);
}
END_TEST

START_TEST(without_names_nothing_is_read)
{
    setenv("LOCALDOMAIN", "one.test", 1);
    find("", _i == 0 ? "127.0.0.1:80" : "unix:/run/b");
    ck_assert_uint_eq(config->search.count, 0);
    ck_assert_uint_eq(config->nameservers.count, 0);
    ck_assert_uint_eq(known(NULL)->count, 0);
}
END_TEST

static Suite *
names_suite(void)
{
    Suite *suite = suite_create("names");
    TCase *tcase = tcase_create("names");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, search_and_ndots);
    tcase_add_test(tcase, ndots_is_one_unless_told);
    tcase_add_test(tcase, there_is_a_name_server);
    tcase_add_test(tcase, name_servers_of_the_configuration_come_instead);
    tcase_add_test(tcase, hosts);
    tcase_add_test(tcase, hosts_of_routes);
    tcase_add_test(tcase, what_is_not_in_hosts_is_not_known);
    tcase_add_loop_test(tcase, without_names_nothing_is_read, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(names_suite)
