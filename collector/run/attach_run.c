/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/attach_run.h"

/* The life cycle of a run on a process that runs already: nothing is started or stopped. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>

#include "collector/counters/counters.h"
#include "collector/probes/probe_follow.h"
#include "collector/probes/probe_phases.h"
#include "collector/probes/probe_set.h"
#include "collector/run/attach.h"
#include "collector/run/attach_state.h"
#include "collector/run/run_audit.h"
#include "collector/run/run_close.h"
#include "collector/run/run_guest.h"
#include "collector/run/run_probes.h"
#include "collector/run/run_processes.h"
#include "collector/run/run_records.h"
#include "collector/run/run_sched.h"
#include "collector/run/run_unwind.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/proc.h"

#define POLL_MS 100
#define MAPS_FIRST_NS                                                                              \
	50000000ULL /* programs start others, which load libraries: look often ...                 \
		     */
#define MAPS_LATER_NS  2000000000ULL /* ... at first, then now and then */
#define NS_PER_S       1000000000ULL
#define ATTACHED_PHASE "attached"
#define COUNTED_MOST                                                                               \
	4096 /* threads by CPUs: each has all counters, which cost memory of the kernel's */

static int adopt(struct run *run, const struct attach_thread *threads, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = probe_set_adopt(run->probes, &threads[i].adoption);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Threads that were born between the look at /proc and the opening of the gate. What is born later
 * the probes see. */
static int adopt_late(struct run *run, struct attach *a)
{
	size_t first;
	int r = attach_find_more(a, &first);

	if (r < 0)
		return r;
	run->n_unlaned = attach_count_late(a, first);
	return adopt(run, a->threads + first, a->n_threads - first);
}

static bool raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return false;
	files.rlim_cur = files.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &files) == 0;
}

/* Counters of each of the threads from index @first on, on each CPU, and of all that it makes from now on. */
static void count_on_cpus(struct run *run, struct attach *a, size_t first)
{
	int r = 0;

	if (!run->counters || !a->lane_cpus || a->uncounted)
		return;
	if (a->n_threads * a->lanes > COUNTED_MOST || !raise_file_limit())
		r = -EMFILE;
	for (size_t i = first; i < a->n_threads && (r == 0 || r == -ESRCH); i++) {
		r = 0;
		for (unsigned lane = 0; lane < a->lanes && r == 0; lane++)
			r = counter_set_open_tree(run->counters, lane, a->threads[i].adoption.tid,
				a->lane_cpus[lane]);
	}
	if (r == 0 || r == -ESRCH) /* it has exited */
		return;
	a->uncounted = true;
	counter_set_close(run->counters);
	run_warn(run, "hardware counters are not read, of %zu threads on %u CPUs: %s", a->n_threads,
		a->lanes, strerror(-r));
}

/* Who comes into a container from outside. A look that fails is followed by others. */
static void adopt_joined(struct run *run, struct attach *a)
{
	size_t first;

	if (!a->unit.group || attach_find_joined(a, &first) < 0)
		return;
	(void)adopt(run, a->threads + first, a->n_threads - first);
	count_on_cpus(run, a, first);
	for (size_t i = first; i < a->n_threads; i++)
		run_know_process(run, a->threads[i].adoption.tgid, a->threads[i].adoption.tgid);
}

/* Who sleeps, or waits for a CPU, has lost its own before the probes could see its stacks. */
static void know_the_absent(struct run *run, const struct attach *a)
{
	for (size_t i = 0; i < a->n_threads && run->settings->offcpu; i++) {
		const struct probe_adoption *t = &a->threads[i].adoption;
		struct profile_entry key = {
			.kind = PROFILE_OFFCPU,
			.lane = t->lane,
			.tgid = (uint32_t)t->tgid,
			.syscall = -1,
		};

		proc_read_thread_name(t->tgid, t->tid, key.thread);
		detail_clean_name(key.thread);
		offcpu_away(&run->offcpu, &key, (uint32_t)t->tid, run->result->start_ns,
			t->state == STATE_BLOCKED);
	}
}

/* A container ends with its last process, whichever was named. */
static bool is_over(const struct attach *a)
{
	return !a->unit.group || a->seen.n == 0;
}

static void watch(struct run *run, struct attach *a)
{
	uint64_t begin = run->result->start_ns, interval = MAPS_FIRST_NS;
	uint64_t end = begin + run->settings->timeout_s * NS_PER_S, maps = begin + interval, now;
	bool gone = false; /* the process that was named */
	struct pollfd fds[] = {
		{.fd = a->pidfd, .events = POLLIN},
		{.fd = probe_set_fd(run->probes), .events = POLLIN},
	};

	while (!*run->settings->interrupted) {
		int glance = run_sched_glance(run);

		if (poll(fds, ARRAY_SIZE(fds), glance < POLL_MS ? glance : POLL_MS) < 0 &&
			errno != EINTR)
			return;
		probe_set_consume(run->probes);
		adopt_joined(run, a);
		run_guest_watch_memory(run);
		if (!run->result->n_scheds) /* as soon as it is known where they are */
			run_sched_take(run, false);
		if (fds[0].revents) {
			gone = true;
			fds[0].fd = -1;
		}
		if (gone && is_over(a))
			return;
		now = clock_ns();
		if (now >= end)
			return;
		if (now < maps)
			continue;
		run_renew_maps(run);
		run_guest_find_program(run);
		interval = 2 * interval < MAPS_LATER_NS ? 2 * interval : MAPS_LATER_NS;
		maps = now + interval;
	}
}

static void end(struct run *run)
{
	struct run_result *r = run->result;

	/* The end is a boundary in the near future: what is charged across it is split there. */
	r->end_ns = probe_set_phase(run->probes);
	if (!r->end_ns)
		r->end_ns = clock_ns();
	r->phases[0].end_ns = r->end_ns;
	r->runtime_ns = r->end_ns - r->start_ns;
	r->has_runtime = true;
	run_sched_take(run, true);
	run->cgroup_end = run_read_cgroup(run);
	run->ended = true;
	run_guest_find_program(run);
	run_guest_find_kernel(run);
	run_finish_probes(run, r->end_ns);
	run_snapshot_maps(run);
}

int attach_execute(struct run *run, struct error *error)
{
	struct attach *a = run->request->attach;
	int r;

	run->result->command = run_argv_json(a->argv);
	run->program_tgid = a->program_tgid;
	run_know_process(run, a->program_tgid, 0);
	if (a->version)
		run->result->note = strdup(a->version);
	run_unwind_expect(run);
	r = run_open_probes(run, error);
	if (r < 0)
		return r;
	run_guest_find_registers(run, true);
	run_guest_find_memory(run);
	r = adopt(run, a->threads, a->n_threads);
	if (r < 0)
		return error_set_errno(error, r, "cannot follow the threads of %s", a->title);
	for (size_t i = 0; i < a->n_threads && !a->lane_cpus; i++)
		run_lane_thread(run, a->threads[i].adoption.lane, a->threads[i].adoption.tgid,
			a->threads[i].adoption.tid);
	count_on_cpus(run, a, 0);
	run_begin(run, ATTACHED_PHASE);
	run->host_begin_ns = run->result->start_ns;
	run->cgroup_begin = run_read_cgroup(run);
	know_the_absent(run, a);
	r = adopt_late(run, a);
	if (r < 0)
		return error_set_errno(error, r, "cannot follow the threads of %s", a->title);
	run_snapshot_maps(run);
	if (run->request->ops->is_vm && a->lane_cpus)
		run_warn(run,
			"no thread of process %d is called \"CPU N/...\", so lanes are the CPUs that it "
			"may use, and not its vCPUs: start QEMU with -name ...,debug-threads=on",
			a->pid);
	run->settings->attached(a->title, run->request, run->settings->timeout_s);
	watch(run, a);
	end(run);
	return run_close(run);
}
