/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/cpus.h"

#include "base/attr.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Our control group in one hierarchy, and the fewest processors found so far. */
struct search {
    const char *root;
    bool v2;
    char group[PATH_MAX]; /* as proc/self/cgroup has it */
    unsigned fewest;      /* 0: no limit */
};

static FILE *
open_below(const char *root, const char *path)
{
    char whole[PATH_MAX];
    int len = snprintf(whole, sizeof(whole), "%s/%s", root, path);

    return len >= 0 && (size_t)len < sizeof(whole) ? fopen(whole, "re") : NULL;
}

/* Is word one of those in a list with commas, or ending with a newline? */
static bool
has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    while (*list != '\0') {
        size_t span = strcspn(list, ",\n");

        if (span == len && memcmp(list, word, len) == 0)
            return true;
        list += span + (list[span] != '\0');
    }
    return false;
}

static void
take_quota(struct search *search, long long quota, long long period)
{
    long long count;

    if (quota <= 0 || period <= 0)
        return;
    count = quota / period + (quota % period != 0);
    if (count <= UINT_MAX && (search->fewest == 0 || count < search->fewest))
        search->fewest = (unsigned)count;
}

/* Up to two numbers at the start of a file; returns how many are there. "max" is none. */
static unsigned
read_numbers(const struct search *search, const char *dir, const char *name,
             long long number[2])
{
    char path[PATH_MAX + 32], line[128] = "", *at = line, *end;
    unsigned count = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = open_below(search->root, path);
    if (file == NULL)
        return 0;
    if (fgets(line, sizeof(line), file) == NULL)
        line[0] = '\0';
    fclose(file);
    for (errno = 0; count < 2; count++, at = end) {
        number[count] = strtoll(at, &end, 10);
        if (end == at || errno != 0)
            break;
    }
    return count;
}

static void
look_into(struct search *search, const char *dir)
{
    long long quota[2], period[2];

    if (search->v2) {
        if (read_numbers(search, dir, "cpu.max", quota) == 2)
            take_quota(search, quota[0], quota[1]);
    } else if (read_numbers(search, dir, "cpu.cfs_quota_us", quota) >= 1 &&
               read_numbers(search, dir, "cpu.cfs_period_us", period) >= 1) {
        take_quota(search, quota[0], period[0]);
    }
}

/*
 * Our group, and each above it up to the mount point. A mount that does not contain our
 * group, as when only another's is bound somewhere, says nothing about us.
 */
static void
look_upwards(struct search *search, const char *mount_root, const char *mount_point)
{
    size_t skip = strcmp(mount_root, "/") == 0 ? 0 : strlen(mount_root);
    size_t top = strlen(mount_point);
    const char *below = search->group + skip;
    char dir[PATH_MAX];
    int len;

    if (strncmp(search->group, mount_root, skip) != 0 || (*below != '/' && *below != '\0'))
        return;
    len = snprintf(dir, sizeof(dir), "%s%s", mount_point, below);
    if (len < 0 || (size_t)len >= sizeof(dir))
        return;
    look_into(search, dir);
    while (strlen(dir) > top) {
        *strrchr(dir, '/') = '\0';
        look_into(search, dir);
    }
}

/* A line of mountinfo, see proc_pid_mountinfo(5). */
static void
take_mount(struct search *search, char *line)
{
    char root[PATH_MAX], point[PATH_MAX], type[32], options[1024];
    const char *rest = strstr(line, " - ");

    if (rest == NULL || sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) != 2 ||
        sscanf(rest + 3, "%31s %*s %1023s", type, options) != 2 || point[0] != '/')
        return;
    if (search->v2 ? strcmp(type, "cgroup2") == 0
                   : strcmp(type, "cgroup") == 0 && has_word(options, "cpu"))
        look_upwards(search, root, point);
}

/* A line of proc/self/cgroup: "HIERARCHY:CONTROLLERS:PATH", see cgroups(7). */
static bool
take_group(struct search *search, char *line)
{
    char *controllers = strchr(line, ':');
    char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    size_t len;

    if (path == NULL || path[1] != '/')
        return false;
    *controllers++ = '\0';
    *path++ = '\0';
    len = strcspn(path, "\n");
    if (len >= sizeof(search->group))
        return false;
    search->v2 = strcmp(line, "0") == 0 && controllers[0] == '\0';
    memcpy(search->group, path, len);
    search->group[len] = '\0';
    return search->v2 || has_word(controllers, "cpu");
}

static void
look_at_mounts(struct search *search)
{
    FILE *file = open_below(search->root, "proc/self/mountinfo");
    char *line = NULL;
    size_t size = 0;

    if (file == NULL)
        return;
    while (getline(&line, &size, file) > 0)
        take_mount(search, line);
    free(line);
    fclose(file);
}

unsigned
cpus_quota(const char *root)
{
    struct search search = {.root = root};
    FILE *file = open_below(root, "proc/self/cgroup");
    char *line = NULL;
    size_t size = 0;

    if (file == NULL)
        return 0;
    while (getline(&line, &size, file) > 0)
        if (take_group(&search, line))
            look_at_mounts(&search);
    free(line);
    fclose(file);
    return search.fewest;
}

/*
 * The kernel refuses a set that is smaller than its own, and does not say how large that
 * is.
 */
static unsigned
count_affinity(void)
{
    for (unsigned cpus = CPU_SETSIZE; cpus <= 64 * CPU_SETSIZE; cpus *= 2) {
        size_t size = CPU_ALLOC_SIZE(cpus);
        cpu_set_t *set = CPU_ALLOC(cpus);
        int count = 0;

        if (set == NULL)
            break;
        if (sched_getaffinity(0, size, set) == 0)
            count = CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (count > 0)
            return (unsigned)count;
    }
    return 1;
}

unsigned
cpus_usable(const char *root)
{
    unsigned count = count_affinity(), quota = cpus_quota(root);

    return quota > 0 && quota < count ? quota : count;
}
