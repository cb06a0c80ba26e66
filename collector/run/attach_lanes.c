/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/attach_lanes.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/run/attach_state.h"
#include "common/cleanup.h"

static int vcpu_number(const char *name)
{
	unsigned n;
	char accel[4];

	if (strcmp(name, "ALL CPUs/TCG") == 0) /* thread=single: one for all */
		return 0;
	if (sscanf(name, "CPU %3u/%3s", &n, accel) != 2 || n >= PROBE_LANES_MAX)
		return -1;
	return strcmp(accel, "KVM") == 0 || strcmp(accel, "TCG") == 0 ? (int)n : -1;
}

/* All of it is the number. */
static int plain_number(const char *digits)
{
	unsigned n;
	int length = 0;

	if (sscanf(digits, "%3u%n", &n, &length) != 1 || digits[length] || n >= PROBE_LANES_MAX)
		return -1;
	return (int)n;
}

static int firecracker_number(const char *name)
{
	return strncmp(name, "fc_vcpu ", 8) == 0 ? plain_number(name + 8) : -1;
}

static int cloud_hypervisor_number(const char *name)
{
	return strncmp(name, "vcpu", 4) == 0 ? plain_number(name + 4) : -1;
}

static int crosvm_number(const char *name)
{
	return strncmp(name, "crosvm_vcpu", 11) == 0 ? plain_number(name + 11) : -1;
}

static int worker_number(const char *name)
{
	unsigned n;

	/* What follows the number is the program's, as in "worker/1-render". */
	if (sscanf(name, "worker/%8u", &n) != 1 || n >= PROBE_LANES_MAX)
		return -1;
	return (int)n;
}

static const struct lane_names {
	const char *prefix;
	int (*number)(const char *name);
	const char *monitor; /* the virtual machine's, whose vCPUs they are, or NULL */
} lane_names[] = {
	{"CPU ", vcpu_number, ATTACH_MACHINE},
	{"fc_vcpu ", firecracker_number, "firecracker"},
	{"crosvm_vcpu", crosvm_number, "crosvm"},
	{"vcpu", cloud_hypervisor_number, "cloud-hypervisor"},
	{"worker/", worker_number, NULL},
};

/* All of one process: the first that has any. */
static bool lanes_by_name(struct attach *a, const struct lane_names *names)
{
	for (size_t i = 0; i < a->n_threads; i++) {
		struct attach_thread *t = &a->threads[i];
		int lane = names->number(t->name);

		if (lane < 0 || (a->program_tgid && t->adoption.tgid != a->program_tgid))
			continue;
		a->program_tgid = t->adoption.tgid;
		t->adoption.lane = lane;
		if (names->monitor)
			attach_guess_vcpu(&t->adoption);
		if ((unsigned)lane >= a->lanes)
			a->lanes = (unsigned)lane + 1;
	}
	if (a->lanes) {
		a->lane_prefix = names->prefix;
		a->monitor = names->monitor;
	}
	return a->lanes > 0;
}

/* All CPUs that any of its threads may use, and a container's others. */
static int find_cpus(const struct attach *a, cpu_set_t *ret)
{
	cpu_set_t set;

	CPU_ZERO(ret);
	if (a->unit.group)
		attach_group_cpus(a->unit.pid, ret);
	for (size_t i = 0; i < a->n_threads; i++)
		if (sched_getaffinity(a->threads[i].adoption.tid, sizeof(set), &set) == 0)
			CPU_OR(ret, ret, &set);
	return CPU_COUNT(ret);
}

/* No thread says that it is a lane: lanes are CPUs, and threads float. */
static int lanes_by_cpu(struct attach *a, struct error *error)
{
	cpu_set_t cpus;
	int n = find_cpus(a, &cpus);

	if (n == 0)
		return error_set(error, -ESRCH, "process %d has ended already", a->pid);
	if (n > ATTACH_LANES_MAX)
		return error_set(error, -E2BIG,
			"%s may use %d CPUs, which are the lanes of what names none: at most %d can be "
			"watched",
			a->title, n, ATTACH_LANES_MAX);
	a->lane_prefix = "";
	a->program_tgid = a->pid;
	a->lane_cpus = calloc((size_t)n, sizeof(*a->lane_cpus));
	if (!a->lane_cpus)
		return -ENOMEM;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus))
			a->lane_cpus[a->lanes++] = cpu;
	for (size_t i = 0; i < a->n_threads; i++)
		attach_float(a, &a->threads[i]);
	return 0;
}

size_t attach_count_late(const struct attach *a, size_t first)
{
	size_t n = 0;

	for (size_t i = first; i < a->n_threads; i++) {
		const struct attach_thread *t = &a->threads[i];

		if (t->adoption.tgid != a->program_tgid)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(lane_names); k++)
			n += strcmp(a->lane_prefix, lane_names[k].prefix) == 0 &&
			     lane_names[k].number(t->name) >= 0;
	}
	return n;
}

int attach_choose_lanes(struct attach *a, struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(lane_names); i++)
		if (lanes_by_name(a, &lane_names[i]))
			return 0;
	return lanes_by_cpu(a, error);
}
