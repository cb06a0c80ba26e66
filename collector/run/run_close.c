/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is left to do when a run is over: close and audit its books, gather counters, rows and
 * stacks. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/books/syscall_names.h"
#include "collector/probes/probe_accounts.h"
#include "collector/run/run_internal.h"
#include "collector/symbols/address_set.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/detail_words.h"
#include "guests/containers/cgroup.h"

/* What a sample of a lane says of its on-CPU time. */
static unsigned classify(
	const struct profile_entry *e, char ret_detail[static DETAIL_SIZE], void *userdata)
{
	struct run *run = userdata;
	struct symbol symbol;

	ret_detail[0] = '\0';
	if (e->mode == SAMPLE_GUEST) {
		run_guest_detail(run, e, ret_detail);
		return STATE_GUEST;
	}
	if (e->mode == SAMPLE_KERNEL) {
		const char *name = e->syscall >= 0 ? syscall_name(e->syscall) : "fault";

		if (name)
			strncpy(ret_detail, name, DETAIL_SIZE - 1);
		return STATE_KERNEL;
	}
	if (!run->request->ops->is_vm)
		return STATE_USER;
	/* TCG keeps the code that it makes of the guest's in memory that belongs to no file. */
	if (symbols_lookup_user(run->settings->names, (pid_t)e->tgid, e->ip, &symbol) < 0)
		return STATE_VMM;
	if (strcmp(symbol.module, "[anon]") == 0) {
		run_guest_detail(run, e, ret_detail);
		return STATE_GUEST;
	}
	snprintf(ret_detail, DETAIL_SIZE, "%s", symbol.name);
	return STATE_VMM;
}

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
				probe_set_lane(run->probes, lane));
			if (q < 0)
				return q;
		}
	}
	return 0;
}

struct cgroup_reading run_read_cgroup(struct run *run)
{
	struct cgroup_reading ret = {0};

	if (!run->guest->ops->cgroup || !run->program_tgid)
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
	for (unsigned phase = 1; phase < r->n_phases; phase++) {
		for (unsigned lane = 0; lane < lanes; lane++) {
			usage.books_ns += books_cpu_ns(&r->books, phase, (int)lane);
			throttled.books_ns +=
				books_state_ns(&r->books, phase, (int)lane, STATE_THROTTLED);
			usage.bound_ns += AUDIT_SWITCH_NS *
					  probe_set_lane(run->probes, lane)->switches[phase];
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

/* A guest's clock that runs at another rate than the host's makes its own times wrong. */
#define GUEST_CLOCK_SHARE 0.005

static int audit_guest_clock(struct run *run)
{
	struct run_result *r = run->result;
	struct audit_row row = {
		.phase = r->n_phases,
		.lane = PROBE_LANE_NONE,
		.what = "guest_clock",
		.books_ns = r->runtime_ns,
		.other_ns = r->guest_runtime_ns,
		/* Markers travel by a console: their delay is not the clock's fault. */
		.bound_ns = (uint64_t)((double)r->runtime_ns * GUEST_CLOCK_SHARE) + 20000000,
	};

	if (!r->has_guest_runtime || !r->has_runtime)
		return 0;
	return audit_add(&r->audit, &row);
}

static void take_counter(unsigned lane, const char *name, const int64_t *value, uint64_t enabled_ns,
	uint64_t running_ns, void *userdata)
{
	struct run_result *r = userdata;
	struct run_counter *c = ARRAY_PUSH(r->counters, r->n_counters);

	if (!c)
		return;
	*c = (struct run_counter){.lane = (int)lane,
		.counted = value != NULL,
		.value = value ? *value : 0,
		.enabled_ns = enabled_ns,
		.running_ns = running_ns};
	strncpy(c->name, name, sizeof(c->name) - 1);
}

void run_take_counters(struct run *run)
{
	if (run->counters)
		counter_set_read(run->counters, take_counter, run->result);
}

static struct run_counter *find_counter(struct run_result *r, unsigned lane, const char *name)
{
	for (size_t i = 0; i < r->n_counters; i++)
		if (r->counters[i].lane == (int)lane && strcmp(r->counters[i].name, name) == 0)
			return &r->counters[i];
	return NULL;
}

static void count_event(const struct counter_info *info, void *userdata)
{
	static const char *const names[EVENT_COUNT] = {
		[EVENT_TASK_CLOCK] = "task-clock",
		[EVENT_SWITCHES] = "context-switches",
		[EVENT_MIGRATIONS] = "cpu-migrations",
		[EVENT_MINOR_FAULTS] = "minor-faults",
		[EVENT_MAJOR_FAULTS] = "major-faults",
	};
	struct run *run = userdata;
	struct run_result *r = run->result;
	unsigned event = 0;

	while (event < EVENT_COUNT && strcmp(names[event], info->name) != 0)
		event++;
	for (unsigned lane = 0; lane < run->request->lanes; lane++) {
		struct run_counter *c = find_counter(r, lane, info->name);

		if (!run->threads[lane].tid || (event == EVENT_COUNT && !c))
			continue;
		if (event == EVENT_COUNT) {
			/* Only its first thread was counted. */
			c->counted &= !run->threads[lane].several;
			continue;
		}
		if (!c) /* that thread was gone before its counters could be opened */
			take_counter(lane, info->name, NULL, 0, 0, r);
		c = find_counter(r, lane, info->name);
		if (!c)
			continue;
		c->counted = true;
		c->value = (int64_t)probe_set_lane(run->probes, lane)->events[event];
		c->enabled_ns = c->running_ns = r->end_ns - r->start_ns;
	}
}

void run_count_lanes(struct run *run)
{
	if (run->counters)
		counter_set_each(run->counters, count_event, run);
}

#define ROW_TIME_MAX_NS (100ULL * 366 * 86400 * 1000000000)

/* The program's times are its own clock's: moved to the host's by the first marker, which has both.
 */
static int translate_rows(struct run *run)
{
	struct run_result *r = run->result;

	if (!run->n_rows)
		return 0;
	r->rows = calloc(run->n_rows, sizeof(*r->rows));
	if (!r->rows)
		return -ENOMEM;
	for (size_t i = 0; i < run->n_rows; i++) {
		const struct reported_rows *from = &run->rows[i];

		/* No clock that can be believed shows a century after its begin. */
		if (from->start_ns < run->guest_begin_ns || from->end_ns < from->start_ns ||
			from->end_ns - run->guest_begin_ns > ROW_TIME_MAX_NS)
			continue;
		r->rows[r->n_rows++] = (struct run_row){
			.task = from->task,
			.lane = from->worker,
			.start_ns = from->start_ns - run->guest_begin_ns + run->host_begin_ns,
			.end_ns = from->end_ns - run->guest_begin_ns + run->host_begin_ns,
		};
	}
	return 0;
}

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
static void check_lanes(struct run *run)
{
	struct run_result *r = run->result;
	unsigned lanes = run->request->lanes, missing = 0;
	int last = 0;

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
static void compare_offcpu(struct run *run)
{
	uint64_t books = books_off_ns(run), stacks = stacks_off_ns(run);
	uint64_t apart = books > stacks ? books - stacks : stacks - books;

	if (!run->settings->offcpu || run->result->lost_events ||
		(double)apart <= OFFCPU_SHARE * (double)books + OFFCPU_SLACK_NS +
					 OFFCPU_SIGMAS * sqrt(run->offcpu.variance))
		return;
	run_warn(run,
		"off-CPU stacks cover %.3g s, but the lanes were off their CPUs for %.3g s: trust "
		"the books, not the off-CPU graph",
		(double)stacks / 1e9, (double)books / 1e9);
}

/* A share of the program's work that is in no lane makes its books those of another program. */
static void warn_unlaned(struct run *run)
{
	uint64_t n = run->result->losses.unlaned + run->n_unlaned;
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

/* Callers by the byte before the one they return to, as store_stacks_put() looks them up. */
static int find_lines_of(struct run *run, pid_t pid)
{
	struct symbol_space *space = symbols_process_space(run->settings->names, pid);
	_cleanup_address_set_ struct address_set set = {0};
	const struct profile *profile = &run->result->profile;
	int r = 0;

	if (!space)
		return 0;
	for (size_t i = 0; i < profile->n; i++) {
		const struct profile_entry *e = profile->entries[i];
		const uint64_t *user = e->frames + e->n_kernel;

		for (uint32_t k = 0; e->tgid == (uint32_t)pid && k < e->n_user && r == 0; k++)
			r = address_set_add(&set, k ? user[k] - 1 : user[k]);
	}
	if (r < 0)
		return r;
	r = symbol_space_find_lines(space, set.addresses, set.n);
	return r < 0 ? r : 0;
}

static int find_lines(struct run *run)
{
	int r = 0;

	for (size_t i = 0; i < run->n_processes && r == 0; i++)
		r = find_lines_of(run, run->processes[i].pid);
	return r;
}

static int close_books(struct run *run)
{
	struct run_result *r = run->result;
	_cleanup_free_ struct counted_account *accounts = NULL;
	struct books_input in = {
		.lanes = probe_set_lane(run->probes, 0),
		.n_lanes = run->request->lanes,
		.phases = r->phases,
		.n_phases = r->n_phases,
		.profile = &r->profile,
		.classify = classify,
		.unsampled = run->request->ops->is_vm ? STATE_VMM : STATE_USER,
		.userdata = run,
	};
	int q = probe_set_accounts(run->probes, &accounts, &in.n_accounts);

	in.accounts = accounts;
	return q < 0 ? q : books_close(&r->books, &in);
}

int run_close(struct run *run)
{
	struct run_result *r = run->result;
	int q;

	run_guest_judge(run);
	run_boot_close(run);
	offcpu_finish(&run->offcpu, &r->profile, r->phases, r->n_phases, r->end_ns);
	q = close_books(run);
	if (q < 0)
		return q;
	r->has_books = true;
	r->losses = probe_set_losses(run->probes);
	r->lost_events = r->losses.ring + r->losses.accounts + r->losses.tasks + r->profile.lost +
			 run->offcpu.lost;
	if (run->ended) {
		q = audit_lanes(run);
		if (q == 0)
			q = audit_guest_clock(run);
		if (q == 0)
			q = audit_cgroup(run);
		if (q < 0)
			return q;
	}
	if (run->guest && run->ended && r->ok && !run->settings->boot_only)
		check_lanes(run);
	if (run->ended && r->ok)
		compare_offcpu(run);
	run_guest_close(run);
	q = run_take_pins(run);
	if (q == 0)
		q = find_lines(run);
	if (q < 0)
		return q;
	if (r->lost_events)
		run_warn(run,
			"%llu events were lost: %llu found the ring buffer full, %llu the "
			"accounts, "
			"%llu the table of threads, %llu the memory of the collector",
			(unsigned long long)r->lost_events, r->losses.ring, r->losses.accounts,
			r->losses.tasks, (unsigned long long)r->profile.lost + run->offcpu.lost);
	warn_unlaned(run);
	if (r->losses.switches)
		run_warn(run, "some context-switch events were missing and were "
			      "reconstructed from the scheduler's records (sched_info)");
	if (run->markers.garbled)
		run_warn(run,
			"%llu marker lines failed their checksum (see MARKERS in mandelbrot(1))",
			(unsigned long long)run->markers.garbled);
	return translate_rows(run);
}

bool run_books_closed(const struct run_result *r)
{
	return r->has_books && r->lost_events == 0 && r->books.worst_residual <= RUN_RESIDUAL_SHARE;
}

void run_result_done(struct run_result *r)
{
	books_done(&r->books);
	audit_done(&r->audit);
	profile_done(&r->profile);
	guest_view_free(r->view);
	free(r->workers);
	free(r->rows);
	free(r->counters);
	free(r->pins);
	free(r->command);
	free(r->note);
	for (size_t i = 0; i < r->n_warnings; i++)
		free(r->warnings[i]);
	free(r->warnings);
	memset(r, 0, sizeof(*r));
}
