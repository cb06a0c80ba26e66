/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/inside/thread_book.h: readings of threads whose every move is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/inside/thread_book.h"
#include "common/cleanup.h"

#define MS         1000000ULL
#define BEGIN_NS   (1000 * MS)
#define PHASE_MS   400
#define EARLIER_NS (700 * MS) /* the guest's clock is behind ours by that */

static struct sched_cpu cpus[2];
static struct sched_task tasks[4];
static size_t n_tasks;

static struct sched_task *add(uint64_t id, const char *name, const char *state, uint64_t cpu_ns)
{
	struct sched_task *t = &tasks[n_tasks++];

	*t = (struct sched_task){.id = id, .cpu = 0, .flags = SCHED_COUNTS_CPU, .cpu_ns = cpu_ns};
	snprintf(t->name, sizeof(t->name), "%s", name);
	snprintf(t->state, sizeof(t->state), "%s", state);
	return t;
}

static struct sched_snapshot at(uint64_t ms)
{
	return (struct sched_snapshot){.begin_ns = BEGIN_NS + ms * MS,
		.end_ns = BEGIN_NS + ms * MS,
		.tasks = tasks,
		.n_tasks = n_tasks,
		.cpus = cpus,
		.n_cpus = ARRAY_SIZE(cpus)};
}

static void reset(void)
{
	n_tasks = 0;
	memset(cpus, 0, sizeof(cpus));
}

static const struct thread_row *row_of(const struct thread_book *b, const char *name)
{
	const struct thread_phase *p = &b->phases[0];

	for (size_t i = 0; i < p->n_rows; i++)
		if (strcmp(p->rows[i].name, name) == 0)
			return &p->rows[i];
	fail_msg("no %s", name);
	return NULL;
}

static void assert_sums(const struct thread_book *b)
{
	for (size_t i = 0; i < b->n_phases; i++)
		for (size_t k = 0; k < b->phases[i].n_rows; k++) {
			const struct thread_row *r = &b->phases[i].rows[k];

			assert_int_equal(r->running_ns + r->queued_ns + r->waiting_ns +
						 r->absent_ns + r->unknown_ns,
				b->phases[i].end_ns - b->phases[i].begin_ns);
		}
}

/* One thread is given the CPU at 0, 20, 40 ms ... for 10 ms, another one in between; OSv counts when they lose it. */
static void take_turns(struct thread_book *b)
{
	for (unsigned ms = 0; ms <= PHASE_MS; ms += 15) {
		unsigned turn = ms / 10, whole = turn / 2;
		bool second = turn % 2;
		struct sched_snapshot s;

		reset();
		cpus[0].since_ns = BEGIN_NS + turn * 10 * MS - EARLIER_NS;
		add(1, "even", second ? SCHED_QUEUED : SCHED_RUNNING,
			(whole + (second ? 1 : 0)) * 10 * MS);
		add(2, "odd", second ? SCHED_RUNNING : SCHED_QUEUED, whole * 10 * MS);
		add(3, "sleeper", "waiting", 7 * MS);
		s = at(ms);
		if (ms == 0)
			assert_int_equal(thread_book_begin(b, 1, &s), 0);
		else
			assert_int_equal(thread_book_add(b, &s, ms + 15 > PHASE_MS), 0);
	}
}

static void threads_that_take_turns_ran_and_were_queued_half_of_the_time_each(void **state)
{
	struct thread_book b = {0};
	const struct thread_row *even, *odd, *sleeper;

	(void)state;
	take_turns(&b);
	thread_book_close(&b);
	assert_sums(&b);
	/* The last reading is at 390 ms. Those at 30 ms and others are at the very instant that a CPU is given away, by which
	 * the guest's clock is known. */
	even = row_of(&b, "even");
	odd = row_of(&b, "odd");
	sleeper = row_of(&b, "sleeper");
	assert_int_equal(even->running_ns, 200 * MS);
	assert_int_equal(odd->running_ns, 190 * MS);
	assert_int_equal(sleeper->running_ns + sleeper->queued_ns, 0);
	assert_int_equal(sleeper->waiting_ns, 390 * MS);
	assert_true(even->queued_ns > 180 * MS && even->queued_ns <= 190 * MS);
	assert_true(odd->queued_ns > 180 * MS && odd->queued_ns <= 200 * MS);
	assert_int_equal(even->readings, 25);
	assert_int_equal(even->queued_readings + odd->queued_readings, 25);
	assert_false(even->exact);
	thread_book_done(&b);
}

static void a_stretch_on_the_cpu_that_goes_on_counts(void **state)
{
	struct thread_book b = {0};
	struct sched_snapshot s;

	(void)state;
	/* It has had its CPU since 100 ms before the phase, and is counted only in its end. */
	for (unsigned ms = 0; ms <= 200; ms += 50) {
		reset();
		cpus[0].since_ns = BEGIN_NS - 100 * MS - EARLIER_NS;
		cpus[1].since_ns = BEGIN_NS + ms * MS - EARLIER_NS;
		add(1, "burner", SCHED_RUNNING, 5 * MS);
		s = at(ms);
		assert_int_equal(
			ms ? thread_book_add(&b, &s, ms == 200) : thread_book_begin(&b, 1, &s), 0);
	}
	thread_book_close(&b);
	assert_sums(&b);
	assert_int_equal(row_of(&b, "burner")->running_ns, 200 * MS);
	thread_book_done(&b);
}

static void one_that_begins_and_ends_in_the_phase_is_there_for_so_long(void **state)
{
	struct thread_book b = {0};
	const struct thread_row *r;
	struct sched_snapshot s;

	(void)state;
	for (unsigned ms = 0; ms <= 200; ms += 20) {
		reset();
		add(1, "always", "waiting", 0);
		if (ms >= 60 && ms <= 120)
			add(9, "young", "waiting", (ms - 50) * MS)->switches = ms;
		s = at(ms);
		assert_int_equal(
			ms ? thread_book_add(&b, &s, ms == 200) : thread_book_begin(&b, 1, &s), 0);
	}
	thread_book_close(&b);
	assert_sums(&b);
	r = row_of(&b, "young");
	/* It began between 40 and 60 ms, and ended between 120 and 140 ms: in the middle, as far as is known. What it did
	 * since it was last seen is not. */
	assert_int_equal(r->absent_ns, (50 + 70) * MS);
	assert_int_equal(r->unknown_ns, 10 * MS);
	assert_int_equal(r->running_ns, 70 * MS);
	assert_int_equal(r->switches, 120);
	thread_book_done(&b);
}

static void what_the_kernel_counts_itself_is_exact(void **state)
{
	struct thread_book b = {0};
	const struct thread_row *r;
	struct sched_snapshot s;

	(void)state;
	for (unsigned ms = 0; ms <= 100; ms += 50) {
		struct sched_task *t;

		reset();
		cpus[0].clock_ns = 90 * MS + ms * MS;
		/* Queued since 20 ms before the begin; for 30 ms of the phase, then it runs. */
		t = add(1, "task", ms ? SCHED_RUNNING : SCHED_QUEUED, ms ? (ms - 30) * MS : 0);
		t->flags |= SCHED_COUNTS_DELAY;
		t->delay_ns = (ms ? 57 : 7) * MS;
		t->queued_since_ns = ms ? 0 : 70 * MS;
		t = add(0, "swapper/0", SCHED_QUEUED, 0);
		t->flags = SCHED_IS_IDLE;
		s = at(ms);
		assert_int_equal(
			ms ? thread_book_add(&b, &s, ms == 100) : thread_book_begin(&b, 1, &s), 0);
	}
	thread_book_close(&b);
	assert_sums(&b);
	r = row_of(&b, "task");
	assert_true(r->exact);
	assert_int_equal(r->queued_ns, 30 * MS);
	assert_int_equal(r->running_ns, 70 * MS);
	assert_int_equal(r->waiting_ns, 0);
	/* Linux does not count what its idle threads take: that is said, and is not 0. */
	assert_int_equal(row_of(&b, "swapper/0")->unknown_ns, 100 * MS);
	thread_book_done(&b);
}

static void of_one_that_no_reading_met_it_is_not_known_whether_it_was_queued(void **state)
{
	struct thread_book b = {0};
	const struct thread_row *r;
	struct sched_snapshot s;

	(void)state;
	for (unsigned ms = 0; ms <= 100; ms += 100) {
		reset();
		add(1, "task", "waiting", ms / 4 * MS);
		s = at(ms);
		assert_int_equal(
			ms ? thread_book_add(&b, &s, true) : thread_book_begin(&b, 1, &s), 0);
	}
	thread_book_close(&b);
	assert_sums(&b);
	r = row_of(&b, "task");
	assert_int_equal(r->running_ns, 25 * MS);
	assert_int_equal(r->queued_ns + r->waiting_ns, 0);
	assert_int_equal(r->unknown_ns, 75 * MS);
	thread_book_done(&b);
}

static void more_than_there_is_is_told_apart_and_spoilt_readings_are_counted(void **state)
{
	struct thread_book b = {0};
	struct sched_snapshot s;

	(void)state;
	for (unsigned ms = 0; ms <= 100; ms += 50) {
		reset();
		add(1, "liar", "waiting", ms * 3 * MS);
		s = at(ms);
		if (ms == 50)
			s.trouble = "its list leads nowhere";
		assert_int_equal(
			ms ? thread_book_add(&b, &s, ms == 100) : thread_book_begin(&b, 1, &s), 0);
	}
	thread_book_close(&b);
	assert_sums(&b);
	assert_int_equal(row_of(&b, "liar")->running_ns, 100 * MS);
	assert_int_equal(row_of(&b, "liar")->over_ns, 200 * MS);
	assert_int_equal(b.phases[0].spoilt, 1);
	thread_book_done(&b);
}

static void a_reading_ends_one_phase_and_begins_the_next(void **state)
{
	struct thread_book b = {0};
	struct sched_snapshot s;

	(void)state;
	for (unsigned phase = 1; phase <= 2; phase++) {
		reset();
		add(1, "task", "waiting", phase * 10 * MS);
		s = at(100 * phase);
		assert_int_equal(thread_book_begin(&b, phase, &s), 0);
	}
	add(2, "late", "waiting", 5 * MS);
	s = at(300);
	assert_int_equal(thread_book_add(&b, &s, true), 0);
	thread_book_close(&b);
	assert_int_equal(b.n_phases, 2);
	assert_sums(&b);
	assert_int_equal(b.phases[0].rows[0].running_ns, 10 * MS);
	assert_int_equal(b.phases[1].rows[0].running_ns, 0);
	/* One that is there before the program's own first phase is none of it. */
	s = at(400);
	assert_int_equal(thread_book_begin(&b, 1, &s), 0);
	assert_int_equal(b.n_phases, 1);
	assert_int_equal(b.phases[0].begin_ns, s.end_ns);
	thread_book_done(&b);
}

/* Whatever the guest says of its clock: the books hold, and the sanitizer is content. */
static void clocks_that_cannot_be_are_not_believed(void **state)
{
	static const uint64_t words[] = {
		1, BEGIN_NS, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX};
	struct sched_snapshot s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words) * ARRAY_SIZE(words); i++) {
		struct thread_book b = {0};

		for (unsigned ms = 0; ms <= 100; ms += 50) {
			reset();
			cpus[0].since_ns = words[(i + ms / 50) % ARRAY_SIZE(words)];
			cpus[1].since_ns = words[i / ARRAY_SIZE(words)];
			add(1, "liar", SCHED_RUNNING, words[i % ARRAY_SIZE(words)]);
			s = at(ms);
			assert_int_equal(ms ? thread_book_add(&b, &s, ms == 100)
					    : thread_book_begin(&b, 1, &s),
				0);
		}
		thread_book_close(&b);
		assert_sums(&b);
		assert_true(row_of(&b, "liar")->over_ns <= INT64_MAX);
		assert_true(row_of(&b, "liar")->within_ns <= INT64_MAX);
		thread_book_done(&b);
	}
}

/* One CPU says that the guest's clock is a second ahead of what another one says. */
static void cpus_that_contradict_each_other_tell_no_clock(void **state)
{
	struct thread_book b = {0};
	struct sched_snapshot s;

	(void)state;
	for (unsigned ms = 0; ms <= 100; ms += 50) {
		reset();
		cpus[0].since_ns = BEGIN_NS + ms * MS - EARLIER_NS;
		cpus[1].since_ns = BEGIN_NS + ms * MS - EARLIER_NS + 1000 * MS;
		add(1, "task", SCHED_RUNNING, 0);
		s = at(ms);
		assert_int_equal(
			ms ? thread_book_add(&b, &s, ms == 100) : thread_book_begin(&b, 1, &s), 0);
	}
	assert_false(b.clock_known);
	assert_true(b.clock_denied);
	thread_book_done(&b);
}

/* The guest's clock runs fast, by a millisecond in each of 50: so well its running threads are known. */
static void a_clock_that_drifts_is_known_to_what_it_drifted(void **state)
{
	struct thread_book b = {0};
	struct sched_snapshot s;

	(void)state;
	for (unsigned ms = 0; ms <= 400; ms += 50) {
		reset();
		cpus[0].since_ns = BEGIN_NS + ms * MS + ms / 50 * MS - EARLIER_NS;
		cpus[1].since_ns = ms ? BEGIN_NS + (ms - 50) * MS - EARLIER_NS + ms / 50 : 1;
		add(1, "task", SCHED_RUNNING, 0);
		s = at(ms);
		assert_int_equal(
			ms ? thread_book_add(&b, &s, ms == 400) : thread_book_begin(&b, 1, &s), 0);
	}
	thread_book_close(&b);
	assert_true(b.clock_known);
	assert_true(row_of(&b, "task")->within_ns >= 8 * MS);
	thread_book_done(&b);
}

static void more_threads_than_there_is_room_for_spoil_their_reading_once(void **state)
{
	enum { MANY = 20003, IN_FIRST = 20000 };
	struct sched_task *many = calloc(MANY, sizeof(*many));
	struct thread_book b = {0};
	struct sched_snapshot s;

	(void)state;
	assert_non_null(many);
	for (size_t i = 0; i < MANY; i++)
		many[i] = (struct sched_task){.id = i, .cpu = -1, .flags = SCHED_COUNTS_CPU};
	for (unsigned ms = 0; ms <= 100; ms += 50) {
		s = at(ms);
		s.tasks = many;
		s.n_tasks = ms == 100 ? MANY : IN_FIRST;
		assert_int_equal(
			ms ? thread_book_add(&b, &s, false) : thread_book_begin(&b, 1, &s), 0);
	}
	assert_int_equal(b.phases[0].spoilt, 1);
	assert_int_equal(b.phases[0].readings, 1);
	assert_int_equal(b.phases[0].n_rows, IN_FIRST);
	/* The room is that of all phases. */
	s = at(150);
	s.tasks = many;
	s.n_tasks = 2;
	assert_int_equal(thread_book_begin(&b, 2, &s), 0);
	assert_int_equal(b.phases[1].n_rows, 0);
	assert_int_equal(b.phases[1].spoilt, 1);
	/* What is dropped makes room. */
	s = at(200);
	s.tasks = many;
	s.n_tasks = 2;
	assert_int_equal(thread_book_begin(&b, 1, &s), 0);
	assert_int_equal(b.phases[0].n_rows, 2);
	assert_int_equal(b.phases[0].spoilt, 0);
	thread_book_done(&b);
	free(many);
}

static void a_book_that_was_stopped_takes_no_more_readings(void **state)
{
	struct thread_book b = {0};
	struct sched_snapshot s;

	(void)state;
	reset();
	add(1, "task", "waiting", 0);
	s = at(0);
	assert_int_equal(thread_book_begin(&b, 1, &s), 0);
	s = at(50);
	assert_int_equal(thread_book_add(&b, &s, false), 0);
	thread_book_stop(&b);
	s = at(100);
	assert_int_equal(thread_book_add(&b, &s, false), 0);
	assert_int_equal(b.phases[0].end_ns, BEGIN_NS + 50 * MS);
	/* The next phase begins with its own reading, and the one before has no part in it. */
	assert_int_equal(thread_book_begin(&b, 2, &s), 0);
	assert_int_equal(b.phases[0].end_ns, BEGIN_NS + 50 * MS);
	assert_int_equal(b.phases[1].begin_ns, BEGIN_NS + 100 * MS);
	thread_book_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_that_take_turns_ran_and_were_queued_half_of_the_time_each),
		cmocka_unit_test(a_stretch_on_the_cpu_that_goes_on_counts),
		cmocka_unit_test(one_that_begins_and_ends_in_the_phase_is_there_for_so_long),
		cmocka_unit_test(what_the_kernel_counts_itself_is_exact),
		cmocka_unit_test(of_one_that_no_reading_met_it_is_not_known_whether_it_was_queued),
		cmocka_unit_test(more_than_there_is_is_told_apart_and_spoilt_readings_are_counted),
		cmocka_unit_test(a_reading_ends_one_phase_and_begins_the_next),
		cmocka_unit_test(clocks_that_cannot_be_are_not_believed),
		cmocka_unit_test(cpus_that_contradict_each_other_tell_no_clock),
		cmocka_unit_test(a_clock_that_drifts_is_known_to_what_it_drifted),
		cmocka_unit_test(more_threads_than_there_is_room_for_spoil_their_reading_once),
		cmocka_unit_test(a_book_that_was_stopped_takes_no_more_readings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
