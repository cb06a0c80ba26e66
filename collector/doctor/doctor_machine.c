/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/doctor/doctor_internal.h"
#include "collector/machine/machine.h"
#include "collector/machine/topology.h"
#include "common/cleanup.h"
#include "guests/containers/cgroup.h"

static void cleanup_jsonp(json_t **j)
{
	json_decref(*j);
}

static void cleanup_topologyp(struct topology **t)
{
	topology_free(*t);
}

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a variable's name */
#define FACTS(name) _cleanup_(cleanup_jsonp) json_t *name = machine_facts(NULL)

static const char *text(const json_t *facts, const char *key)
{
	return json_string_value(json_object_get(facts, key));
}

static void fix_limits(struct finding *f, const struct topology *t)
{
	static const struct {
		enum topology_set set;
		const char *fix;
	} limits[] = {
		{TOPOLOGY_NOT_IN_CPUSET,
			"the cgroup's cpuset holds back CPUs %s: run outside of it"},
		{TOPOLOGY_NOT_IN_AFFINITY, "taskset holds back CPUs %s: run without it"},
		{TOPOLOGY_BY_NAME, "CPUs %s are isolated (isolcpus): --pin puts lanes on them"},
	};
	char text[sizeof(f->fix)] = "";
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		_cleanup_free_ char *list = topology_list(t, limits[i].set);

		if (!list || used >= sizeof(text))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", used ? "; " : "");
		if (used < sizeof(text))
			used += (size_t)snprintf(
				text + used, sizeof(text) - used, limits[i].fix, list);
	}
	if (used)
		doctor_fix(f, "%s", text);
}

static void check_topology(struct finding *f)
{
	_cleanup_(cleanup_topologyp) struct topology *t = NULL;
	_cleanup_free_ char *line = NULL;
	struct error error = {0};

	if (topology_load(&t, &error) < 0 || !(line = topology_describe(t))) {
		doctor_find(f, DOCTOR_MISSING, "%s", error.text);
		doctor_fix(f, "check what lstopo says (package hwloc)");
		return;
	}
	doctor_find(f,
		topology_counts(t)->pus_allowed < topology_counts(t)->pus ? DOCTOR_LIMITED
									  : DOCTOR_OK,
		"%s; up to %u lanes, more with --overcommit", line,
		topology_counts(t)->pus_allowed);
	fix_limits(f, t);
}

/* Markers are stamped when they are read: who is held back stamps them late. */
static void check_quota(struct finding *f)
{
	double cpus;

	if (cgroup_own_quota(&cpus) < 0) {
		doctor_find(f, DOCTOR_OK, "no CPU quota on the collector's own cgroup");
		return;
	}
	doctor_find(f, DOCTOR_LIMITED,
		"the collector's own cgroup has a quota of %.3g CPUs: while it is used up, markers "
		"are stamped late, and phases with them",
		cpus);
	doctor_fix(f, "run outside of that cgroup (systemd: CPUQuota=; Docker: --cpus)");
}

static void check_smt(struct finding *f)
{
	FACTS(facts);
	const json_t *active = json_object_get(facts, "smt_active");

	if (json_is_true(active)) {
		doctor_find(f, DOCTOR_LIMITED,
			"on: with more lanes than cores, lanes compete inside a core");
		doctor_fix(f, "measure on no more lanes than cores, or: echo off > "
			      "/sys/devices/system/cpu/smt/control");
	} else {
		doctor_find(f, DOCTOR_OK, "%s", active ? "off" : "the machine does not tell");
	}
}

static void check_governor(struct finding *f)
{
	FACTS(facts);
	const json_t *governors = json_object_get(facts, "governor"), *item;
	size_t i;

	if (json_array_size(governors) == 0) {
		doctor_find(f, DOCTOR_OK,
			"no control over the clock speed from here (it may still change)");
		return;
	}
	json_array_foreach (governors, i, item) {
		const char *name = json_string_value(item);

		if (name && strcmp(name, "performance") == 0)
			continue;
		doctor_find(f, DOCTOR_LIMITED,
			"the governor is '%s': the clock speed may differ from "
			"run to run",
			name ? name : "");
		doctor_fix(f, "cpupower frequency-set -g performance");
		return;
	}
	doctor_find(f, DOCTOR_OK, "the governor is 'performance'");
}

static void check_boost(struct finding *f)
{
	FACTS(facts);
	const json_t *boost = json_object_get(facts, "boost");

	if (json_is_true(boost)) {
		doctor_find(f, DOCTOR_LIMITED,
			"on: the clock speed depends on heat and on how many cores are busy");
		doctor_fix(f,
			"echo 0 > /sys/devices/system/cpu/cpufreq/boost (intel_pstate: echo 1 > "
			"/sys/devices/system/cpu/intel_pstate/no_turbo)");
	} else {
		doctor_find(f, DOCTOR_OK, "%s", boost ? "off" : "the machine does not tell");
	}
}

static void check_clock(struct finding *f)
{
	FACTS(facts);
	const char *source = text(facts, "clocksource"), *sources = text(facts, "clocksources");

	if (source && strcmp(source, "tsc") != 0) {
		doctor_find(f, DOCTOR_LIMITED, "'%s': reading the time is slow", source);
		if (sources && strstr(sources, "tsc"))
			doctor_fix(f, "echo tsc > /sys/devices/system/clocksource/clocksource0/"
				      "current_clocksource");
		else
			doctor_fix(f, "boot with tsc=reliable if the processor's TSC is sound");
	} else {
		doctor_find(f, DOCTOR_OK, "%s", source ? source : "the machine does not tell");
	}
}

static void check_hypervisor(struct finding *f)
{
	FACTS(facts);

	if (json_is_true(json_object_get(facts, "hypervisor"))) {
		doctor_find(f, DOCTOR_LIMITED,
			"this machine is itself virtual: its neighbours may show "
			"up in the results");
		doctor_fix(f, "run on hardware for results that matter");
	} else {
		doctor_find(f, DOCTOR_OK, "no hypervisor below");
	}
}

static void check_swap(struct finding *f)
{
	FACTS(facts);
	json_int_t used = json_integer_value(json_object_get(facts, "swap_used_bytes"));

	if (used > 0) {
		doctor_find(f, DOCTOR_LIMITED, "%" JSON_INTEGER_FORMAT " MB of swap in use",
			used / 1000000);
		doctor_fix(f, "swapoff -a");
	} else {
		doctor_find(f, DOCTOR_OK, "no swap in use");
	}
}

const struct doctor_row doctor_machine_rows[] = {
	{"topology", check_topology, true},
	{"CPU quota", check_quota, false},
	{"SMT", check_smt, false},
	{"clock speed", check_governor, false},
	{"turbo boost", check_boost, false},
	{"clock source", check_clock, false},
	{"hypervisor", check_hypervisor, false},
	{"swap", check_swap, false},
};

const size_t doctor_machine_rows_n = ARRAY_SIZE(doctor_machine_rows);
