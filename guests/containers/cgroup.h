/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Control groups, version 1, 2 or both mounted: where a process is, and what the group counted.
 * The counts are clocks that the probes did not use, so the books are audited against them. In
 * version 1 the folders differ by controller: ask for "cpuacct" to read usage, for "cpu" to read
 * throttling.
 */

#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

/**
 * The folder of the group that @pid is in for @controller ("cpu", "cpuacct", "cpuset" ...): that of
 * the version 1 hierarchy which has it, else that of version 2. *ret_folder is malloced. -ESRCH (no
 * such process), -ENODEV (no such hierarchy is mounted, or the group is outside what is).
 */
int guest_cgroup_of_pid(pid_t pid, const char *controller, char **ret_folder, struct error *error);

/**
 * CPU time of all processes of the group and of those below it, in ns, by cpuacct.usage in
 * @folder (version 1) or usage_usec of its cpu.stat (version 2: a multiple of 1000). -ENODATA if it
 * has neither.
 */
int cgroup_read_usage_ns(const char *folder, uint64_t *ret);

/**
 * How long the group was held back by its quota, in ns, added up over CPUs: throttled_time of
 * cpu.stat in
 * @folder (version 1) or throttled_usec (version 2). -ENODATA if there is none.
 */
int cgroup_read_throttled_ns(const char *folder, uint64_t *ret);

/**
 * The tightest CPU quota of the groups that this process is in, from its own to the outermost that
 * can be seen, in CPUs. 0, or -ENODATA: there is none.
 */
int cgroup_own_quota(double *ret_cpus);

/**
 * How long these groups have been held back by their quotas so far, in ns, added up over groups and
 * CPUs; 0 where none is.
 */
uint64_t cgroup_own_throttled_ns(void);
