/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_audit.h"

#include <string.h>

#include "collector/run/run_program.h"
#include "collector/run/run_threads.h"
#include "common/clock.h"
#include "common/guest_clock.h"
#include "guests/containers/cgroup.h"

static int audit_lanes(struct run *run)
{
	struct run_result *r = run->result;
	unsigned lanes = run->request->lanes;

	for (unsigned phase = 0; phase < r->n_phases; phase++) {
		for (unsigned lane = 0; lane < lanes; lane++) {
			int q;

			if (run->threads[lane].several)
				continue;
			q = audit_lane(&r->audit, &r->books, &r->phases[phase], phase, (int)lane,
				run_lane(run, lane));
			if (q < 0)
				return q;
		}
	}
	return 0;
}

/* The container's own groups, whichever process of it was named. */
static bool find_attached(struct run *run)
{
	const struct attach_unit *u = &run->request->attach->unit;

	if (!u->cpu_group || !u->usage_group)
		return false;
	if (!run->cgroup_cpu)
		run->cgroup_cpu = strdup(u->cpu_group);
	if (!run->cgroup_usage)
		run->cgroup_usage = strdup(u->usage_group);
	return run->cgroup_cpu && run->cgroup_usage;
}

struct cgroup_reading run_read_cgroup(struct run *run)
{
	struct cgroup_reading ret = {0};

	if (run->request->attach ? !find_attached(run)
				 : !run->guest->ops->cgroup || !run->program_tgid)
		return ret;
	if (!run->cgroup_cpu)
		guest_cgroup_of_pid(run->program_tgid, "cpu", &run->cgroup_cpu, NULL);
	if (!run->cgroup_usage)
		guest_cgroup_of_pid(run->program_tgid, "cpuacct", &run->cgroup_usage, NULL);
	ret.valid = run->cgroup_cpu && run->cgroup_usage &&
		    cgroup_read_usage_ns(run->cgroup_usage, &ret.usage_ns) == 0 &&
		    cgroup_read_throttled_ns(run->cgroup_cpu, &ret.throttled_ns) == 0;
	ret.time_ns = clock_ns();
	return ret;
}

/* The control group's clocks of a lane that runs are as old as its last tick; at 100 Hz: */
#define CGROUP_TICK_NS 10000000
/** The kernel counts a throttled queue, the books the lane that was on it. */
#define CGROUP_THROTTLED_SHARE 0.05

static int audit_cgroup(struct run *run)
{
	struct run_result *r = run->result;
	unsigned lanes = run->request->lanes;
	uint64_t slack = (uint64_t)((double)r->runtime_ns * AUDIT_SHARE) + CGROUP_TICK_NS;
	/* The collector may itself have waited for a CPU between a marker and the reading. */
	uint64_t late = run->cgroup_begin.time_ns - run->host_begin_ns + run->cgroup_end.time_ns -
			r->end_ns;
	struct audit_row usage = {.phase = r->n_phases, .lane = -1, .what = "cgroup_usage"};
	struct audit_row throttled = {.phase = r->n_phases, .lane = -1, .what = "cgroup_throttled"};
	int q;

	if (!run->cgroup_begin.valid || !run->cgroup_end.valid)
		return 0;
	for (unsigned phase = run_first_phase(run); phase < r->n_phases; phase++) {
		for (unsigned lane = 0; lane < lanes; lane++) {
			const struct lane_record *l = run_lane(run, lane);

			usage.books_ns += books_cpu_ns(&r->books, phase, (int)lane);
			throttled.books_ns +=
				books_state_ns(&r->books, phase, (int)lane, STATE_THROTTLED);
			usage.bound_ns +=
				AUDIT_SWITCH_NS * l->switches[phase] + audit_gap_ns(l, phase);
		}
		usage.books_ns += books_state_ns(&r->books, phase, PROBE_LANE_NONE, STATE_ONCPU);
	}
	usage.other_ns = run->cgroup_end.usage_ns - run->cgroup_begin.usage_ns;
	usage.bound_ns += (2 * slack + late) * lanes;
	q = audit_add(&r->audit, &usage);
	if (q < 0)
		return q;
	throttled.other_ns = run->cgroup_end.throttled_ns - run->cgroup_begin.throttled_ns;
	if (!throttled.other_ns && !throttled.books_ns)
		return 0;
	throttled.bound_ns =
		2 * slack + late + (uint64_t)((double)throttled.other_ns * CGROUP_THROTTLED_SHARE);
	return audit_add(&r->audit, &throttled);
}

static int audit_guest_clock(struct run *run)
{
	struct run_result *r = run->result;
	struct audit_row row = {
		.phase = r->n_phases,
		.lane = PROBE_LANE_NONE,
		.what = "guest_clock",
		.books_ns = r->runtime_ns,
		.other_ns = r->guest_runtime_ns,
		.bound_ns = (uint64_t)guest_clock_bound_ns((double)r->runtime_ns),
	};

	if (!r->has_guest_runtime || !r->has_runtime)
		return 0;
	return audit_add(&r->audit, &row);
}

int run_audit(struct run *run)
{
	int r = audit_lanes(run);

	if (r == 0)
		r = audit_guest_clock(run);
	if (r == 0)
		r = run_audit_threads(run);
	return r < 0 ? r : audit_cgroup(run);
}
