/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_processes.h"

/* The processes of the stack, and when their maps are read: while a run lasts that takes CPU time,
 * of which the stack may be in want. */

#include <stdlib.h>
#include <string.h>

#include "collector/run/run_unwind.h"
#include "collector/symbols/symbol_process.h"
#include "common/array.h"

/* A stack of many more processes is none whose functions one looks at. */
#define PROCESSES_MAX 1024

#define CODE_ASKED_NS 100000000ULL /* not more often */

/* Where @pid is among the processes, which are sorted, or would be. */
static size_t place_of(const struct run *run, pid_t pid)
{
	return ARRAY_BISECT(run->processes, run->n_processes, p, p->pid < pid);
}

static struct run_process *find_process(const struct run *run, pid_t pid)
{
	size_t at = place_of(run, pid);

	return at < run->n_processes && run->processes[at].pid == pid ? &run->processes[at] : NULL;
}

static struct run_process *add_process(struct run *run, pid_t pid)
{
	struct run_process *p;
	size_t at = place_of(run, pid);

	if (pid <= 0 || run->n_processes == PROCESSES_MAX)
		return NULL;
	if (ARRAY_MORE(run->processes, run->n_processes, 1) < 0)
		return NULL;
	p = &run->processes[at];
	memmove(p + 1, p, (run->n_processes++ - at) * sizeof(*p));
	*p = (struct run_process){.pid = pid};
	return p;
}

/* Sizes first: what is mapped meanwhile changes them, which the next look sees. */
static int take_maps(struct run *run, struct run_process *p)
{
	int r;

	if (proc_maps_sizes(p->pid, &p->sizes) < 0)
		p->sizes = (struct proc_maps_sizes){0};
	r = symbols_process_add_maps(run->settings->names, p->pid);
	if (r == 0)
		p->makes_code = run_unwind_process(run, p->pid);
	return r;
}

/* A process that was forked and has mapped nothing since has what its origin has. */
static bool shares_maps(struct run *run, struct run_process *p)
{
	const struct run_process *from = p->origin == p->pid ? NULL : find_process(run, p->origin);
	struct proc_maps_sizes sizes;

	if (!from || proc_maps_sizes(p->pid, &sizes) < 0 ||
		!proc_maps_same_sizes(&sizes, &from->sizes) ||
		symbols_process_copy(run->settings->names, p->origin, p->pid) < 0)
		return false;
	p->sizes = sizes;
	return true;
}

void run_know_process(struct run *run, pid_t pid, pid_t origin)
{
	struct run_process *p = find_process(run, pid);

	if (p && (!origin || p->origin == origin))
		return;
	if (!p)
		p = add_process(run, pid);
	if (!p)
		return;
	p->origin = origin;
	if (shares_maps(run, p))
		return;
	if (take_maps(run, p) < 0 && origin != pid)
		symbols_process_copy(run->settings->names, origin, pid);
}

void run_snapshot_maps(struct run *run)
{
	if (run->guest)
		run_know_process(run, run->guest->pid, 0);
	for (size_t i = 0; i < run->n_processes; i++)
		take_maps(run, &run->processes[i]);
}

static void renew(struct run *run, struct run_process *p)
{
	struct proc_maps_sizes sizes;

	if (proc_maps_sizes(p->pid, &sizes) < 0 || !proc_maps_same_sizes(&sizes, &p->sizes))
		take_maps(run, p);
}

void run_renew_maps(struct run *run)
{
	for (size_t i = 0; i < run->n_processes; i++)
		renew(run, &run->processes[i]);
}

void run_renew_process(struct run *run, pid_t pid)
{
	struct run_process *p = find_process(run, pid);

	if (p)
		renew(run, p);
}

void run_renew_code(struct run *run, pid_t pid, uint64_t now)
{
	struct run_process *p = find_process(run, pid);

	if (!p || !p->makes_code || now < p->asked_ns + CODE_ASKED_NS)
		return;
	p->asked_ns = now;
	take_maps(run, p);
}
