/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/cpus.h"

#include "base/attr.h"
#include "support/check_main.h"

#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNT \
    "31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"

/* The files of a system below a directory of the test's. */
static char root[32];

static void
begin(void)
{
    strcpy(root, "test_cpus.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void
end(void)
{
    ck_assert_int_eq(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* A file and the directories that lead to it. */
static void
put(const char *path, const char *words)
{
    char whole[512];
    FILE *file;

    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    for (char *at = strchr(whole, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        ck_assert(mkdir(whole, 0755) == 0 || errno == EEXIST);
        *at = '/';
    }
    file = fopen(whole, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(words, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void
put_v2(const char *group)
{
    put("proc/self/cgroup", group);
    put("proc/self/mountinfo", "22 1 8:1 / / rw shared:1 - ext4 /dev/root rw\n" V2_MOUNT);
}

START_TEST(quota_is_rounded_up)
{
    static const struct {
        const char *max;
        unsigned cpus;
    } cases[] = {
        {"max 100000\n", 0},      {"100000 100000\n", 1}, {"100001 100000\n", 2},
        {"150000 100000\n", 2},   {"200000 100000\n", 2}, {"1000 100000\n", 1},
        {"6400000 100000\n", 64}, {"50000 10000\n", 5},
    };

    put_v2("0::/service\n");
    put("sys/fs/cgroup/service/cpu.max", cases[_i].max);
    ck_assert_uint_eq(cpus_quota(root), cases[_i].cpus);
}
END_TEST
#define QUOTAS 8

START_TEST(the_tightest_of_nested_groups_counts)
{
    put_v2("0::/a/b/c\n");
    put("sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/a/b/cpu.max", "350000 100000\n");
    put("sys/fs/cgroup/a/cpu.max", "800000 100000\n");
    ck_assert_uint_eq(cpus_quota(root), 4);
    put("sys/fs/cgroup/a/b/c/cpu.max", "250000 100000\n");
    ck_assert_uint_eq(cpus_quota(root), 3);
    put("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    ck_assert_uint_eq(cpus_quota(root), 2);
    put("sys/fs/cgroup/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(cpus_quota(root), 1);
}
END_TEST

/* A group that has no cpu controller has no file either. */
START_TEST(groups_without_the_file_are_passed_over)
{
    put_v2("0::/a/b/c\n");
    put("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    ck_assert_uint_eq(cpus_quota(root), 2);
}
END_TEST

/* In a container: with a name space of control groups, and without. */
START_TEST(the_mount_may_begin_at_our_group)
{
    put_v2("0::/\n");
    put("sys/fs/cgroup/cpu.max", "150000 100000\n");
    ck_assert_uint_eq(cpus_quota(root), 2);
    put("proc/self/cgroup", "4:cpu,cpuacct:/docker/123\n");
    put("proc/self/mountinfo",
        "31 23 0:27 /docker/123 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "250000\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(cpus_quota(root), 3);
    put("proc/self/cgroup", "4:cpu,cpuacct:/docker/1234\n"); /* the mount is another's */
    put("sys/fs/cgroup/cpu4/cpu.cfs_quota_us", "250000\n");
    put("sys/fs/cgroup/cpu4/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(cpus_quota(root), 0);
}
END_TEST

START_TEST(v1)
{
    put("proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/a/b\n1:name=systemd:/y\n");
    put("proc/self/mountinfo",
        "29 23 0:25 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" V1_MOUNT);
    put("sys/fs/cgroup/cpuset/x/cpu.cfs_quota_us", "100000\n");
    put("sys/fs/cgroup/cpuset/x/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "100000\n");
    put("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(cpus_quota(root), 0);
    put("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "450000\n");
    ck_assert_uint_eq(cpus_quota(root), 0);
    put("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(cpus_quota(root), 5);
}
END_TEST

/* Both are mounted; the cpu controller is in the old hierarchy as a rule, but need not be.
 */
START_TEST(hybrid)
{
    put("proc/self/cgroup", "4:cpu,cpuacct:/a\n0::/b\n");
    put("proc/self/mountinfo",
        V1_MOUNT "32 23 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    put("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "450000\n");
    put("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(cpus_quota(root), 5);
    put("sys/fs/cgroup/unified/b/cpu.max", "300000 100000\n");
    ck_assert_uint_eq(cpus_quota(root), 3);
}
END_TEST

START_TEST(missing_files_are_no_limit)
{
    ck_assert_uint_eq(cpus_quota(root), 0);
    put("proc/self/cgroup", "0::/a\n");
    ck_assert_uint_eq(cpus_quota(root), 0);
    put("proc/self/mountinfo", V2_MOUNT);
    ck_assert_uint_eq(cpus_quota(root), 0);
    ck_assert_uint_eq(cpus_quota("/nonexistent"), 0);
    ck_assert_uint_ge(cpus_usable("/nonexistent"), 1);
}
END_TEST

START_TEST(garbage_is_no_limit)
{
    static const char *const quotas[] = {
        "",
        "\n",
        "max",
        "100000",
        "a b\n",
        "-1 100000",
        "100000 0\n",
        "0 100000",
        "1 -1",
        "100000 x",
        "99999999999999999999 100000",
        "9223372036854775807 1",
        "99999999999999999999 99999999999999999999",
    };
    static const char *const groups[] = {
        "", "\n", "0", "0:", "0::", "0::a\n", ":::::\n", "x:cpu\n", "0::/../a\n", "4::/a\n",
    };
    static const char *const mounts[] = {
        "",
        "\n",
        " - ",
        "- cgroup2 x y\n",
        "1 2 3 / - cgroup2 x y\n",
        "\xff\n",
        "/sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        "30 23 0:26 / sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        "30 23 0:26 / /sys/fs/cgroup rw - cgroup2\n",
    };

    put_v2("0::/a\n");
    for (size_t i = 0; i < COUNT_OF(quotas); i++) {
        put("sys/fs/cgroup/a/cpu.max", quotas[i]);
        ck_assert_msg(cpus_quota(root) == 0, "'%s'", quotas[i]);
    }
    put("sys/fs/cgroup/a/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(cpus_quota(root), 1);
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        put("proc/self/cgroup", groups[i]);
        ck_assert_msg(cpus_quota(root) == 0, "'%s'", groups[i]);
    }
    put("proc/self/cgroup", "0::/a\n");
    for (size_t i = 0; i < COUNT_OF(mounts); i++) {
        put("proc/self/mountinfo", mounts[i]);
        ck_assert_msg(cpus_quota(root) == 0, "'%s'", mounts[i]);
    }
}
END_TEST

START_TEST(what_is_too_long_is_passed_over)
{
    static char group[8192];

    strcpy(group, "0::/");
    memset(group + 4, 'a', 5000);
    strcpy(group + 5004, "\n0::/b\n");
    put_v2(group);
    put("sys/fs/cgroup/b/cpu.max", "150000 100000\n");
    ck_assert_uint_eq(cpus_quota(root), 2);
}
END_TEST

START_TEST(affinity_and_quota_bound_what_is_usable)
{
    cpu_set_t set;
    unsigned all;

    CPU_ZERO(&set);
    ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
    all = (unsigned)CPU_COUNT(&set);
    ck_assert_uint_eq(cpus_usable(root), all);
    put_v2("0::/a\n");
    put("sys/fs/cgroup/a/cpu.max", "9900000 100000\n");
    ck_assert_uint_eq(cpus_usable(root), all < 99 ? all : 99);
    put("sys/fs/cgroup/a/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(cpus_usable(root), 1);
}
END_TEST

START_TEST(one_processor_is_one_worker)
{
    cpu_set_t set, one;
    int cpu = 0;

    ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
    while (!CPU_ISSET(cpu, &set))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    ck_assert_uint_eq(cpus_usable(root), 1);
}
END_TEST

static Suite *
cpus_suite(void)
{
    Suite *suite = suite_create("cpus");
    TCase *tc = tcase_create("cpus");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_loop_test(tc, quota_is_rounded_up, 0, QUOTAS);
    tcase_add_test(tc, the_tightest_of_nested_groups_counts);
    tcase_add_test(tc, groups_without_the_file_are_passed_over);
    tcase_add_test(tc, the_mount_may_begin_at_our_group);
    tcase_add_test(tc, v1);
    tcase_add_test(tc, hybrid);
    tcase_add_test(tc, missing_files_are_no_limit);
    tcase_add_test(tc, garbage_is_no_limit);
    tcase_add_test(tc, what_is_too_long_is_passed_over);
    tcase_add_test(tc, affinity_and_quota_bound_what_is_usable);
    tcase_add_test(tc, one_processor_is_one_worker);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(cpus_suite)
