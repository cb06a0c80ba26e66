/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/probes/probe_accounts.h"
#include "collector/probes/probe_phases.h"
#include "collector/probes/probe_set.h"
#include "collector/run/run_audit.h"
#include "collector/run/run_markers.h"
#include "collector/run/run_probes.h"
#include "collector/run/run_processes.h"

/* Natively and in containers; a virtual machine is watched from outside. */
static bool is_watched(const struct run *run)
{
	return run->settings->own && run->guest && !run->request->ops->is_vm;
}

void run_program_prepare(struct run *run, struct probe_options *options)
{
	const struct placement *p = run->request->placement;

	if (run->request->attach)
		options->lane_cpus = run->request->attach->lane_cpus;
	if (!is_watched(run))
		return;
	options->program = true;
	options->program_serves = run->settings->client;
	options->lane_cpus = p ? p->lane_cpus : NULL;
}

bool run_lanes_are_cpus(const struct run *run)
{
	if (run->request->attach)
		return run->request->attach->lane_cpus != NULL;
	return is_watched(run) && !run->marks_itself;
}

/* The probes have the workers first, then the CPUs; of what ran already it is known what they are. */
static unsigned first_lane(const struct run *run)
{
	return run_lanes_are_cpus(run) && !run->request->attach ? run->request->lanes : 0;
}

const struct lane_record *run_lane(const struct run *run, unsigned lane)
{
	return probe_set_lane(run->probes, first_lane(run) + lane);
}

int run_lane_of(const struct run *run, int probes_lane)
{
	int lane = probes_lane - (int)first_lane(run);

	if (probes_lane < 0 || lane < 0 || (unsigned)lane >= run->request->lanes)
		return PROBE_LANE_NONE;
	return lane;
}

/* What it did in the moment since its exec is not counted. */
static void count_on_cpus(struct run *run, pid_t pid)
{
	const struct placement *p = run->request->placement;

	for (unsigned lane = 0; run->counters && p && p->lane_cpus && lane < run->request->lanes;
		lane++)
		(void)counter_set_open_tree(run->counters, lane, pid, p->lane_cpus[lane]);
}

static void begin(struct run *run, const struct probe_program *program)
{
	struct run_result *r = run->result;
	struct phase *phase = &r->phases[1];

	run->program_begun = run->begun = true; /* nothing else is awaited */
	run->program_tgid = run->guest->program = program->tgid;
	run_know_process(run, program->tgid, program->tgid);
	if (run->settings->client) { /* with which the run begins */
		count_on_cpus(run, program->tgid);
		return;
	}
	probe_set_begin_program(run->probes);
	if (!run_end_boot(run, program->begin_ns))
		return;
	phase->start_ns = program->begin_ns;
	snprintf(phase->name, sizeof(phase->name), PROGRAM_PHASE);
	memcpy(phase->reported, phase->name, sizeof(phase->reported));
	r->n_phases = 2;
	count_on_cpus(run, program->tgid);
}

/* A phase that was to begin in a moment never did. */
static void drop_late_phases(struct run_result *r, uint64_t end_ns)
{
	while (r->n_phases > 2 && r->phases[r->n_phases - 1].start_ns >= end_ns)
		r->n_phases--;
}

static void end(struct run *run, uint64_t end_ns)
{
	struct run_result *r = run->result;

	drop_late_phases(r, end_ns);
	r->phases[r->n_phases - 1].end_ns = r->end_ns = end_ns;
	r->runtime_ns = end_ns - run->host_begin_ns;
	r->has_runtime = true;
	run->cgroup_end = run_read_cgroup(run);
	run->ended = true;
	run_finish_probes(run, end_ns);
}

void run_program_look(struct run *run)
{
	struct probe_program program;

	if (!run_lanes_are_cpus(run) || run->ended)
		return;
	program = probe_set_program(run->probes);
	if (program.begin_ns && !run->program_begun)
		begin(run, &program);
	if (run->program_begun && program.end_ns && !run->ended) /* boots alone have, by now */
		end(run, program.end_ns);
}

/* What was taken for the run was its start. */
static void take_back(struct run *run)
{
	struct run_result *r = run->result;

	r->n_phases = 1;
	r->has_boot = false;
	queue_book_done(&r->queues);
	profile_take_back(&r->profile);
	run->guest_begin_ns = 0;
	probe_set_leave_program(run->probes);
}

/* A CPU is one lane. */
static bool is_overcommitted(const struct run *run)
{
	const int *cpus = run->request->placement->lane_cpus;

	for (unsigned i = 0; i < run->request->lanes; i++)
		for (unsigned k = 0; k < i; k++)
			if (cpus[i] == cpus[k])
				return true;
	return false;
}

int run_program_verdict(const struct run *run, struct error *error)
{
	const struct placement *p = run->request->placement;
	const char *option = NULL;

	if (!run_lanes_are_cpus(run))
		return 0;
	if (!p || !p->lane_cpus)
		option = "--pin none";
	else if (is_overcommitted(run))
		option = "--overcommit";
	if (!option)
		return 0;
	return error_set(error, -EINVAL,
		"the program names no workers, so each lane has to be a CPU of its own, which %s "
		"does not give: leave that option out",
		option);
}

void run_program_marked(struct run *run, const char *by)
{
	run_program_look(run);
	if (by || run->marks_itself)
		return;
	if (run->ended) { /* what it did is in the books of its CPUs: that cannot be undone */
		if (run_lanes_are_cpus(run) && !run->settings->client && !run->marked_late)
			run_warn(run,
				"the program ended before its first marker could be heeded: it is "
				"measured as one that writes none");
		run->marked_late = true;
		return;
	}
	if (run->settings->own && run->result->has_boot)
		take_back(run);
	run->marks_itself = true;
}
