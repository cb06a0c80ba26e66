/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/calibrator/burn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests/bare/clock.h"
#include "guests/bare/machine.h"
#include "guests/bare/memory.h"
#include "guests/bare/program.h"
#include "tests/calibrator/fake.h"
#include "tests/calibrator/hostile.h"
#include "workload/emit.h"

/* Slices have about this length, from half to one and a half of it: nothing that looks at regular
 * intervals can fall into step with them. */
#define SLICES_PER_S 1000
#define TRIES        8 /* each of a quarter of a slice, to find out how much work is done in one */
#define TURNS_MIN    2 /* so that half of it is some */

#define BODY_MAX 512

/* A thread as a host sees it: where FS points. As on other systems, to its own address. */
struct fake_thread {
	struct fake_thread *self;
	uint64_t ticks;
	char rest[48];
};

/* What one vCPU does and did. */
struct lane {
	unsigned vcpu, nth; /* the nth of those that burn */
	uint32_t random;
	uint64_t slices;
	uint64_t total, ticks[BURN_N_FUNCTIONS]; /* of the time stamp counter */
	uint64_t total_turns, turns[BURN_N_FUNCTIONS];
	unsigned n_threads;
	struct fake_thread *threads;
	unsigned first_thread; /* its number among all */
	_Atomic int done;
};

static struct burn_options options;
static struct lane lanes[VCPUS_MAX];
static _Atomic unsigned n_waiting;
static unsigned n_burning;
uint64_t burn_rbp[VCPUS_MAX];

/* Where the linker put the image's first byte. */
extern const char __ehdr_start[];

#define BURN_NAME(name) #name,
const char *const burn_names[BURN_N_FUNCTIONS] = {BURN_FUNCTIONS(BURN_NAME)};

static uint32_t next_random(struct lane *l)
{
	uint32_t x = l->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return l->random = x;
}

/*
 * The function that is furthest behind its share so far. Shares are of the work done, not of the
 * time gone by: a vCPU that the host stops in mid-slice works no more than its share for that.
 */
static unsigned choose(const struct lane *l, uint64_t sum)
{
	int64_t most = INT64_MIN;
	unsigned best = 0;

	for (unsigned i = 0; i < BURN_N_FUNCTIONS; i++) {
		/* Far below 2^63: a turn takes a µs, and weights sum up to 80,000 at most. */
		int64_t behind = (int64_t)(options.weights[i] * l->total_turns) -
				 (int64_t)(sum * l->turns[i]);

		if (options.weights[i] == 0 || behind <= most)
			continue;
		most = behind;
		best = i;
	}
	return best;
}

/* Both are part of burn_vcpu(): no frame of theirs is in the stacks. */
static inline __attribute__((always_inline)) uint64_t run_slice(
	unsigned function, uint64_t end, uint64_t most)
{
	burn_function_t leaf = options.set->functions[function];

	if (options.depth > 1)
		return options.set->descend(leaf, end, most, (unsigned)options.depth - 1);
	return leaf(end, most);
}

/* Turns in so many @ticks. What the host takes away makes a try slower, none is too fast. */
static inline __attribute__((always_inline)) uint64_t turns_in(unsigned function, uint64_t ticks)
{
	uint64_t most = TURNS_MIN;

	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t turns = 4 * run_slice(function, read_tsc() + ticks / 4, UINT64_MAX);

		if (turns > most)
			most = turns;
	}
	return most;
}

/* Of the fake thread that the slice is for. */
static unsigned number_of(const struct lane *l)
{
	return l->first_thread + (unsigned)(l->slices % l->n_threads);
}

/*
 * The root of all stacks while time is burnt: its only caller is vcpu_root. Every tick from the
 * first slice on is somebody's: a slice ends where the next begins. How much is done in a slice is
 * known before it begins: were it a time, a sample would cost its function work, which that would be
 * given back at once, and fewer of the next samples would hit it.
 */
static BURN_OPAQUE void burn_vcpu(void *argument)
{
	struct lane *l = argument;
	uint64_t sum = 0, slice, now, end;

	for (unsigned i = 0; i < BURN_N_FUNCTIONS; i++)
		sum += options.weights[i];
	slice = turns_in(choose(l, sum), clock_tsc_hz() / SLICES_PER_S);
	n_waiting--;
	while (n_waiting)
		relax();
	exits_cause(&options.exits);
	now = read_tsc();
	end = now + (uint64_t)(options.seconds * (double)clock_tsc_hz());
	if (l->threads)
		fake_begin(l->vcpu, clock_ticks_to_ns(now));
	while (now < end) {
		unsigned function = choose(l, sum);
		struct fake_thread *t = l->threads ? &l->threads[l->slices % l->n_threads] : NULL;
		uint64_t length = slice / 2 + next_random(l) % slice, before = now, turns;

		if (t) {
			write_msr(MSR_FS_BASE, (uint64_t)t);
			fake_run(number_of(l), clock_ticks_to_ns(now));
		}
		hostile_step(l->slices, &burn_rbp[l->vcpu]);
		turns = run_slice(function, end, length);
		now = read_tsc();
		l->ticks[function] += now - before;
		l->total += now - before;
		l->turns[function] += turns;
		l->total_turns += turns;
		if (t) {
			t->ticks += now - before;
			fake_stop(number_of(l), clock_ticks_to_ns(now),
				clock_ticks_to_ns(now - before));
		}
		l->slices++;
	}
	hostile_leave();
	if (l->threads)
		fake_end(l->vcpu, clock_ticks_to_ns(now));
	atomic_store(&l->done, 1);
}

/* The fake threads of all vCPUs, dealt out evenly. */
static int make_threads(struct error *error)
{
	unsigned n = (unsigned)options.threads, first = 0;
	struct fake_thread *all;

	if (n == 0)
		return 0;
	all = calloc(n, sizeof(*all));
	if (!all || fake_init(n, vcpu_count()) < 0)
		return error_no_memory(error, " for %u threads", n);
	for (unsigned i = 0; i < n; i++)
		all[i].self = &all[i];
	for (unsigned i = 0; i < VCPUS_MAX; i++) {
		struct lane *l = &lanes[i];

		if (!options.on[i])
			continue;
		l->threads = all + first;
		l->n_threads = n * (l->nth + 1) / n_burning - first;
		l->first_thread = first;
		if (!l->n_threads)
			l->threads = NULL;
		for (unsigned k = 0; k < l->n_threads; k++)
			fake_deal(first + k, i);
		first += l->n_threads;
	}
	return 0;
}

static int set_up(struct error *error)
{
	int r = options.hostile ? hostile_init(options.hostile) : 0;

	if (r < 0)
		return error_no_memory(error, " for page tables");
	for (unsigned i = 0; i < VCPUS_MAX; i++) {
		burn_rbp[i] = 0x5a5a5a5a5a5a5a58;
		lanes[i].vcpu = i;
		lanes[i].random = 2463534242u + i;
		if (options.on[i])
			lanes[i].nth = n_burning++;
	}
	r = exits_init(&options.exits, error);
	return r < 0 ? r : make_threads(error);
}

static int burn(struct error *error)
{
	char *stack = memory_take(STACK_BYTES, PAGE_BYTES, 1);

	if (!stack)
		return error_no_memory(error, " for a stack");
	n_waiting = n_burning;
	for (unsigned i = 1; i < VCPUS_MAX; i++) {
		int r = options.on[i] ? vcpu_start(i, burn_vcpu, &lanes[i]) : 0;

		if (r < 0)
			return error_set_errno(error, r, "cannot start vCPU %u", i);
	}
	if (options.on[0])
		vcpu_root(&lanes[0], burn_vcpu, stack + STACK_BYTES);
	for (unsigned i = 0; i < VCPUS_MAX; i++)
		while (options.on[i] && !atomic_load(&lanes[i].done))
			relax();
	return 0;
}

/* "KIND vcpu=N total=N alpha=N ...": each value as @convert() makes it. */
static int report_functions(const struct lane *l, const char *kind, const uint64_t *values,
	uint64_t total, uint64_t (*convert)(uint64_t value))
{
	char body[BODY_MAX];
	size_t used = (size_t)snprintf(
		body, sizeof(body), "%s vcpu=%u total=%" PRIu64, kind, l->vcpu, convert(total));

	for (unsigned i = 0; i < BURN_N_FUNCTIONS; i++)
		if (options.weights[i])
			used += (size_t)snprintf(body + used, sizeof(body) - used, " %s=%" PRIu64,
				burn_names[i], convert(values[i]));
	return emit_marker("%s", body);
}

static uint64_t same(uint64_t value)
{
	return value;
}

static int report_lane(const struct lane *l)
{
	int r = emit_marker("worker id=%u cpu=%u busy=%" PRIu64 " tasks=%" PRIu64
			    " steals=0 parks=0",
		l->vcpu, l->vcpu, clock_ticks_to_ns(l->total), l->slices);

	if (r == 0)
		r = report_functions(l, "burned", l->ticks, l->total, clock_ticks_to_ns);
	if (r == 0)
		r = report_functions(l, "burned-turns", l->turns, l->total_turns, same);
	for (unsigned i = 0; i < l->n_threads && r == 0; i++)
		r = emit_marker("burned-thread vcpu=%u fs=%lx total=%" PRIu64, l->vcpu,
			(uint64_t)&l->threads[i], clock_ticks_to_ns(l->threads[i].ticks));
	return r;
}

static void show_lane(const struct lane *l)
{
	printf("vCPU %u: %.3f s in %lu slices:", l->vcpu, (double)clock_ticks_to_ns(l->total) / 1e9,
		l->slices);
	for (unsigned i = 0; i < BURN_N_FUNCTIONS; i++)
		if (options.weights[i])
			printf(" %s %.3f %%", burn_names[i],
				100. * (double)l->turns[i] /
					(double)(l->total_turns ? l->total_turns : 1));
	printf("\n");
}

static uint64_t begin_phase(const char *name)
{
	uint64_t now = emit_now_ns();

	if (options.markers)
		emit_marker("phase name=%s t=%" PRIu64, name, now);
	return now;
}

static void wait_ms(int64_t ms)
{
	uint64_t end = clock_now_ns() + (uint64_t)ms * 1000000;

	while (clock_now_ns() < end)
		relax();
}

void program_boots(int argc, char **argv)
{
	struct burn_options o;

	if (burn_options_parse(argc, argv, &o, NULL) == 0)
		wait_ms(o.wait_kernel_ms);
}

int main(int argc, char **argv)
{
	struct error error = {.text = ""};
	int r = burn_options_parse(argc, argv, &options, &error), status;
	uint64_t begin, end;

	if (options.markers)
		emit_marker("maps base=%" PRIxPTR " text=%" PRIxPTR, (uintptr_t)__ehdr_start,
			(uintptr_t)main);
	wait_ms(options.wait_ms);
	begin = begin_phase("setup");
	if (r == 0)
		r = set_up(&error);
	if (r == 0) {
		begin_phase("burn");
		if (options.crash)
			options.crash();
		r = burn(&error);
	}
	end = emit_now_ns();
	status = r == 0 ? 0 : error.user ? 2 : 1;
	if (options.markers)
		emit_marker(
			"end t=%" PRIu64 " status=%d runtime=%" PRIu64, end, status, end - begin);
	for (unsigned i = 0; i < VCPUS_MAX && r == 0; i++)
		if (options.on[i] && !options.markers)
			show_lane(&lanes[i]);
		else if (options.on[i])
			r = report_lane(&lanes[i]);
	if (options.markers)
		emit_marker("bye");
	if (status)
		fprintf(stderr, "bare: %s\n", error.text);
	return status;
}
