/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_pins.h"

/*
 * The lanes' CPUs: that what runs is the plan, and what the kernel says of it.
 *
 * A lane's thread is bound when it takes its name, whatever it knows of the plan. Threads that it
 * makes inherit that, which nobody asked for: where they are no lanes, they get the CPUs of all
 * lanes again. A program may bind its threads itself, later; so each phase begins with a look, and
 * what had gone elsewhere is told and put back.
 */

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/run/run_program.h"
#include "common/proc.h"

/* Looking at a thread costs a microsecond; who makes more of them has no use for CPUs of their own.
 */
#define OTHERS_MAX 1024

static int planned_cpu(const struct run *run, unsigned lane)
{
	const struct placement *p = run->request->placement;

	return p && p->lane_cpus ? p->lane_cpus[lane] : -1;
}

static bool is_only(const cpu_set_t *set, int cpu)
{
	return CPU_COUNT(set) == 1 && CPU_ISSET(cpu, set);
}

/* 0 if it is there now, or has ended; -errno. */
static int bind_thread(pid_t tid, int cpu)
{
	cpu_set_t set;

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(tid, sizeof(set), &set) == 0 || errno == ESRCH)
		return 0;
	return -errno;
}

void run_pin_lane(struct run *run, unsigned lane, pid_t tid)
{
	int cpu = planned_cpu(run, lane), r;
	cpu_set_t now;

	if (cpu < 0 || sched_getaffinity(tid, sizeof(now), &now) < 0 || is_only(&now, cpu))
		return;
	r = bind_thread(tid, cpu);
	if (r < 0)
		run_warn(run, "lane %u cannot be bound to CPU %d: %s", lane, cpu, strerror(-r));
}

/* "0-3,7" */
static void list_cpus(const cpu_set_t *set, char *ret, size_t size)
{
	size_t used = 0;

	ret[0] = '\0';
	for (int cpu = 0; cpu < CPU_SETSIZE && used < size; cpu++) {
		int last = cpu;

		if (!CPU_ISSET(cpu, set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		used += (size_t)snprintf(ret + used, size - used, "%s%d", used ? "," : "", cpu);
		if (last > cpu && used < size)
			used += (size_t)snprintf(ret + used, size - used, "-%d", last);
		cpu = last;
	}
}

static void look_at_lane(struct run *run, unsigned lane, const char *phase)
{
	struct lane_thread *t = &run->threads[lane];
	int cpu = planned_cpu(run, lane);
	cpu_set_t now;

	if (!t->tid || sched_getaffinity(t->tid, sizeof(now), &now) < 0)
		return;
	list_cpus(&now, t->cpus, sizeof(t->cpus));
	if (cpu >= 0 && !is_only(&now, cpu)) {
		run_warn(run,
			"lane %u was on CPU %s when phase %s began, not on CPU %d as planned: its "
			"program had moved it",
			lane, t->cpus, phase, cpu);
		run_pin_lane(run, lane, t->tid);
	} else if (cpu < 0 && run->request->placement && CPU_COUNT(&now) == 1 &&
		   run->request->placement->cpus_allowed > 1) {
		run_warn(run,
			"lane %u is bound to CPU %s, though the plan binds none (--pin none): its "
			"program did that",
			lane, t->cpus);
	}
}

static bool is_lane(const struct run *run, pid_t tid)
{
	for (unsigned lane = 0; lane < run->request->lanes; lane++)
		if (run->threads[lane].tid == tid)
			return true;
	return false;
}

/* A thread of the program that has nothing but the CPU of lane 0, whose child it may be. */
static void free_other(pid_t tgid, pid_t tid, const cpu_set_t *lanes, int cpu)
{
	char name[PROC_NAME_SIZE];
	cpu_set_t now;

	if (sched_getaffinity(tid, sizeof(now), &now) < 0 || !is_only(&now, cpu))
		return;
	proc_read_thread_name(tgid, tid, name);
	if (name[0] && strncmp(name, "worker/", 7) != 0)
		(void)sched_setaffinity(tid, sizeof(*lanes), lanes);
}

static void free_others(struct run *run)
{
	int first = planned_cpu(run, 0);
	struct dirent *e;
	char path[64];
	cpu_set_t lanes;
	DIR *d;

	if (first < 0 || run->request->ops->lane_kind != LANES_WORKERS || !run->program_tgid)
		return;
	CPU_ZERO(&lanes);
	for (unsigned i = 0; i < run->request->lanes; i++)
		CPU_SET(planned_cpu(run, i), &lanes);
	snprintf(path, sizeof(path), "/proc/%d/task", run->program_tgid);
	d = opendir(path);
	for (unsigned n = 0; d && n < OTHERS_MAX && (e = readdir(d)); n++) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

		if (tid > 0 && !is_lane(run, tid))
			free_other(run->program_tgid, tid, &lanes, first);
	}
	if (d)
		closedir(d);
}

void run_check_pins(struct run *run, const char *phase)
{
	/* What it does before its first phase is done is nobody's surprise. */
	bool settled = run->result->n_phases > 2;

	if (run_lanes_are_cpus(run))
		return;

	for (unsigned lane = 0; lane < run->request->lanes; lane++) {
		if (settled)
			look_at_lane(run, lane, phase);
		else if (run->threads[lane].tid)
			run_pin_lane(run, lane, run->threads[lane].tid);
	}
	free_others(run);
}

int run_take_pins(struct run *run)
{
	struct run_result *r = run->result;

	r->pins = calloc(run->request->lanes, sizeof(*r->pins));
	if (!r->pins)
		return -ENOMEM;
	for (unsigned lane = 0; lane < run->request->lanes; lane++) {
		struct run_pin *pin = &r->pins[r->n_pins];

		pin->lane = lane;
		pin->planned_cpu = planned_cpu(run, lane);
		if (run->request->attach && run->request->attach->lane_cpus)
			snprintf(pin->cpus, sizeof(pin->cpus), "%d",
				run->request->attach->lane_cpus[lane]);
		else if (run_lanes_are_cpus(run) && pin->planned_cpu >= 0)
			snprintf(pin->cpus, sizeof(pin->cpus), "%d", pin->planned_cpu);
		else
			snprintf(pin->cpus, sizeof(pin->cpus), "%s", run->threads[lane].cpus);
		r->n_pins += pin->planned_cpu >= 0 || pin->cpus[0];
	}
	return 0;
}
