/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_CPUS_H
#define PROC_CPUS_H

/*
 * How many workers `workers = auto` means: the processors that this process may run on
 * (sched_getaffinity), but no more than cpus_quota. At least 1.
 *
 * root is "/" but in tests: proc/self/cgroup, proc/self/mountinfo and the cgroup file
 * system are looked up below it.
 */
unsigned cpus_usable(const char *root);

/*
 * How many processors the quotas of our control groups and of those above them are worth,
 * rounded up (cgroup v2: cpu.max; v1: cpu.cfs_quota_us and cpu.cfs_period_us; both where
 * both are mounted). 0: no limit is to be found.
 */
unsigned cpus_quota(const char *root);

#endif
