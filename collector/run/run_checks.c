/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_checks.h"

#include <math.h>
#include <string.h>

#include "collector/run/run_program.h"
#include "common/cleanup.h"
#include "common/detail_words.h"
#include "common/store_format.h"

static bool was_seen(const struct run_result *r, int lane)
{
	uint64_t not_created = 0;

	for (size_t i = 0; i < r->books.n; i++) {
		const struct account *a = &r->books.accounts[i];

		if (a->lane == lane && a->state == STATE_BLOCKED &&
			strcmp(a->detail, DETAIL_NOT_CREATED) == 0)
			not_created += a->ns;
	}
	return not_created < r->end_ns - r->start_ns;
}

/* Books of lanes that were never there close as well as others, and say nothing. Run time and boot
 * are what they are. */
void run_check_lanes(struct run *run)
{
	struct run_result *r = run->result;
	unsigned lanes = run->request->lanes, missing = 0;
	int last = 0;

	if (run_lanes_are_cpus(run)) /* which need not be used */
		return;

	for (unsigned lane = 0; lane < lanes; lane++) {
		if (was_seen(r, (int)lane))
			continue;
		missing++;
		last = (int)lane;
	}
	if (missing == lanes)
		run_warn(run,
			"the books are empty: no thread was seen that has the name of a lane (%s)",
			run->request->ops->lane_kind == LANES_VCPUS ? "CPU N" : "worker/N");
	else if (missing)
		run_warn(run, "%u of %u lanes never had a thread, the last of them lane %d",
			missing, lanes, last);
}

#define OFFCPU_SHARE    0.05 /* of the time off the CPU */
#define OFFCPU_SLACK_NS 20000000
#define OFFCPU_SIGMAS   5 /* in a storm of switches the stacks' time is an estimate */

/* Time that the lanes with one thread each were off their CPUs, by the books. */
static uint64_t books_off_ns(const struct run *run)
{
	static const unsigned off[] = {
		STATE_PREEMPTED, STATE_WAKEUP, STATE_BLOCKED, STATE_THROTTLED};
	const struct books *b = &run->result->books;
	uint64_t ns = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct account *a = &b->accounts[i];

		if (a->lane < 0 || run->threads[a->lane].several ||
			strcmp(a->detail, DETAIL_NOT_CREATED) == 0 ||
			strcmp(a->detail, DETAIL_EXITED) == 0)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(off); k++)
			ns += a->state == off[k] ? a->ns : 0;
	}
	return ns;
}

/* The same, by the stacks. */
static uint64_t stacks_off_ns(const struct run *run)
{
	const struct profile *p = &run->result->profile;
	uint64_t ns = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct profile_entry *e = p->entries[i];

		if (e->kind == PROFILE_OFFCPU && e->lane >= 0 && !run->threads[e->lane].several)
			ns += e->weight_ns;
	}
	return ns;
}

/* What the off-CPU graph shows has to be what the books say. */
void run_check_offcpu(struct run *run)
{
	uint64_t books = books_off_ns(run), stacks = stacks_off_ns(run);
	uint64_t apart = books > stacks ? books - stacks : stacks - books;

	/* Of a lane that is a CPU, each thread that waits has its own stacks. */
	if (!run->settings->offcpu || run->result->lost_events || run_lanes_are_cpus(run) ||
		(double)apart <= OFFCPU_SHARE * (double)books + OFFCPU_SLACK_NS +
					 OFFCPU_SIGMAS * sqrt(run->offcpu.variance))
		return;
	run_warn(run,
		"off-CPU stacks cover %.3g s, but the lanes were off their CPUs for %.3g s: trust "
		"the books, not the off-CPU graph",
		(double)stacks / 1e9, (double)books / 1e9);
}

/* A share of the program's work that is in no lane makes its books those of another program. */
static void check_unlaned(struct run *run)
{
	uint64_t n = run_lanes_are_cpus(run) ? 0 : run->result->losses.unlaned + run->n_unlaned;
	const char *threads = n == 1 ? "thread" : "threads";

	if (n && run->request->attach)
		run_warn(run,
			"%llu %s of the program started after the collector attached: no lanes, "
			"their time is in helpers",
			(unsigned long long)n, threads);
	else if (n)
		run_warn(run,
			"%llu %s took the name of a lane from %u on, but there are %u lanes: their "
			"time is in helpers; --cores names as many lanes as the program has "
			"workers",
			(unsigned long long)n, threads, run->request->lanes, run->request->lanes);
}

/* What a lane did on its CPU only samples tell, or events of each system call and exit. */
static void check_split(struct run *run)
{
	const struct run_settings *s = run->settings;
	const bool is_vm = run->request->ops->is_vm;

	if (s->oncpu || (is_vm ? run->request->accel == ACCEL_KVM : s->exact_split))
		return;
	run_warn(run,
		"without on-CPU samples (--profile oncpu), %s includes the time of the %s: "
		"nothing else tells them apart",
		is_vm ? "vmm" : "user", is_vm ? "guest and of the host's kernel" : "kernel");
}

static void check_timeline(struct run *run)
{
	const struct run_result *r = run->result;
	const struct timeline *t = r->timeline;
	uint64_t merged = 0;

	for (size_t i = 0; t && i < t->n_blocks; i++)
		merged += t->blocks[i].lane == PROBE_LANE_NONE ? 0 : t->blocks[i].merged;
	if (merged)
		run_warn(run,
			"%llu short intervals are merged in the timeline, to keep within its budget "
			"(table timeline: merged, merged_ns)" STORE_NOTE_END,
			(unsigned long long)merged);
	if (r->profile.times && r->profile.times->missing)
		run_warn(run,
			"of %llu samples the instant is not kept (table sample_time)" STORE_NOTE_END,
			(unsigned long long)r->profile.times->missing);
	if (t && (r->losses.timeline || t->failed))
		run_warn(run,
			"the timeline has gaps: %s (table timeline: lost_ns); the books have none",
			r->losses.timeline ? "its buffer was full, for which --timeline=budget has "
					     "less"
					   : "there was no more memory for it");
}

void run_check_losses(struct run *run)
{
	struct run_result *r = run->result;

	if (r->lost_events)
		run_warn(run,
			"%llu events were lost: %llu found the ring buffer full, %llu the "
			"accounts, %llu the table of threads, %llu the memory of the collector",
			(unsigned long long)r->lost_events, r->losses.ring, r->losses.accounts,
			r->losses.tasks,
			(unsigned long long)r->profile.lost + run->offcpu.lost + run->exits.lost);
	check_unlaned(run);
	check_split(run);
	check_timeline(run);
	if (r->losses.switches)
		run_warn(run,
			"%llu context %s not reported by the kernel and %s reconstructed from the "
			"scheduler's records (sched_info)" STORE_NOTE_END,
			(unsigned long long)r->losses.switches,
			r->losses.switches == 1 ? "switch was" : "switches were",
			r->losses.switches == 1 ? "was" : "were");
	if (run->markers.garbled)
		run_warn(run,
			"%llu marker lines failed their checksum (see MARKERS in mandelbrot(1))",
			(unsigned long long)run->markers.garbled);
}
