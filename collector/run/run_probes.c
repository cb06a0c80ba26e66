/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_probes.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "collector/probes/probe_accounts.h"
#include "collector/probes/probe_phases.h"
#include "collector/probes/probe_set.h"
#include "collector/run/run_boot.h"
#include "collector/run/run_counters.h"
#include "collector/run/run_guest.h"
#include "collector/run/run_program.h"
#include "collector/run/run_records.h"
#include "collector/run/run_unwind.h"
#include "common/proc.h"
#include "guests/containers/cgroup.h"

static const char *lane_prefix(const struct run_request *q)
{
	if (q->attach)
		return q->attach->lane_prefix;
	return q->ops->lane_kind == LANES_VCPUS ? "CPU " : "worker/";
}

int run_open_probes(struct run *run, struct error *error)
{
	const struct run_settings *s = run->settings;
	const struct guest_ops *ops = run->request->ops;
	struct probe_options options = {
		.lanes = run->request->lanes,
		.lane_prefix = lane_prefix(run->request),
		.exec_path = run->guest ? run->guest->program_path : NULL,
		.exact_split = s->exact_split && !ops->is_vm,
		.vcpus = ops->is_vm,
		.kvm = ops->is_vm && run->request->accel == ACCEL_KVM,
		.throttling = true,
		/* QEMU and the C library of most distributions are built without frame pointers. */
		.user_stacks = !ops->is_vm,
		.oncpu = s->oncpu,
		.offcpu = s->offcpu,
		.exits = s->exits,
		.timeline = s->timeline,
		.frequency_hz = s->frequency_hz,
		.log_dir = s->log_dir,
	};
	const struct probe_callbacks callbacks = run_callbacks(run);
	int r = run_guest_prepare(run, &options, error);

	run_unwind_prepare(run, &options);
	run_program_prepare(run, &options);
	if (r == 0)
		r = run_boot_prepare(run, &options);
	if (r == 0)
		r = probe_set_open(&options, &callbacks, &run->probes, error);
	if (r == 0)
		run_unwind_kernel(run);
	return r;
}

/* The CPUs of the plan: of those that are bound to none, all. */
static size_t planned_cpus(const struct run *run, const int **ret)
{
	const struct placement *p = run->request->placement;

	*ret = p ? p->lane_cpus : NULL;
	return *ret ? p->lanes : 0;
}

static uint64_t stolen_ns(const struct run *run)
{
	const int *cpus;
	size_t n = planned_cpus(run, &cpus);

	return proc_read_stolen_ns("/proc/stat", cpus, n);
}

void run_begin(struct run *run, const char *phase)
{
	struct run_result *r = run->result;
	time_t now = time(NULL);
	struct tm utc;

	strftime(r->start_utc, sizeof(r->start_utc), "%FT%TZ", gmtime_r(&now, &utc));
	run->own_throttled_ns = cgroup_own_throttled_ns();
	run->stolen_ns = stolen_ns(run);
	r->start_ns = probe_set_start(run->probes);
	snprintf(r->phases[0].name, sizeof(r->phases[0].name), "%s", phase);
	snprintf(r->phases[0].reported, sizeof(r->phases[0].reported), "%s", phase);
	r->phases[0].start_ns = r->start_ns;
	r->n_phases = 1;
	r->ok = true;
}

/* Markers are stamped when they are read, and who is held back reads late. */
static void warn_of_quota(struct run *run)
{
	uint64_t ns = cgroup_own_throttled_ns() - run->own_throttled_ns;

	if (ns)
		run_warn(run,
			"the collector itself was held back by the CPU quota of its cgroup, for "
			"%llu ms in this run (added up over CPUs): phases may have begun that much "
			"earlier than they say; run the collector outside of that cgroup",
			(unsigned long long)(ns / 1000000));
}

#define STOLEN_SHARE 0.02 /* of the CPUs' time */

/* Without a number: equal warnings of several runs are shown as one. */
static void warn_of_stolen_time(struct run *run, uint64_t end_ns)
{
	const int *cpus;
	size_t planned = planned_cpus(run, &cpus);
	double n = planned ? (double)planned : (double)sysconf(_SC_NPROCESSORS_ONLN);
	double wall = (double)(end_ns - run->result->start_ns) * n;

	if ((double)(stolen_ns(run) - run->stolen_ns) > STOLEN_SHARE * wall)
		run_warn(run,
			"stolen time: the hypervisor below this machine took the lanes' CPUs "
			"away for more than 2 %% of the run; the books cannot see that: it is "
			"in the state that a lane was in");
}

void run_finish_probes(struct run *run, uint64_t end_ns)
{
	if (run->finished)
		return;
	run->finished = true;
	run_take_counters(run);
	warn_of_quota(run);
	warn_of_stolen_time(run, end_ns);
	probe_set_finish(run->probes, end_ns);
	run_count_lanes(run);
}
