/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/books/offcpu.h: from losing a CPU to having one again, split where phases
 * meet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "collector/books/offcpu.h"

static const struct phase phases[] = {
	{"boot", 1000, 2000},
	{"render", 2000, 5000},
	{"encode", 5000, 6000},
};

static const uint64_t frames[] = {0x10, 0x20, 0x30};

static void off_of(struct offcpu *o, int lane, uint32_t pid, uint64_t time_ns, int weight)
{
	struct record_sample record = {
		.type = RECORD_OFF,
		.lane = lane,
		.pid = pid,
		.tgid = 77,
		.time_ns = time_ns,
		.weight = (uint32_t)weight,
		.n_kernel = 2,
		.n_user = 1,
		.name = "worker/1",
	};

	offcpu_off(o, &record, frames);
}

static void off(struct offcpu *o, uint32_t pid, uint64_t time_ns, int weight)
{
	off_of(o, 1, pid, time_ns, weight);
}

static void on(struct offcpu *o, struct profile *p, uint32_t pid, uint64_t time_ns)
{
	offcpu_on(o, p, phases, 3, pid, time_ns);
}

/** All the time of @phase. */
static uint64_t time_in(const struct profile *p, unsigned phase)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->entries[i]->phase == phase)
			ns += p->entries[i]->weight_ns;
	return ns;
}

static void off_to_on_is_the_time_away(void **state)
{
	struct offcpu o = {0};
	struct profile p = {0};
	const struct profile_entry *e;

	(void)state;
	off(&o, 5, 1100, 1);
	on(&o, &p, 5, 1350);
	assert_int_equal(p.n, 1);
	e = p.entries[0];
	assert_int_equal(e->kind, PROFILE_OFFCPU);
	assert_int_equal(e->weight_ns, 250);
	assert_int_equal(e->count, 1);
	assert_int_equal(e->lane, 1);
	assert_int_equal(e->tgid, 77);
	assert_int_equal(e->syscall, -1);
	assert_string_equal(e->thread, "worker/1");
	assert_int_equal(e->n_kernel, 2);
	assert_int_equal(e->n_user, 1);
	assert_memory_equal(e->frames, frames, sizeof(frames));
	profile_done(&p);
	offcpu_done(&o);
}

static void an_absence_is_split_exactly_where_phases_meet(void **state)
{
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	off(&o, 5, 1900, 1);
	on(&o, &p, 5, 5001);
	assert_int_equal(p.n, 3);
	assert_int_equal(time_in(&p, 0), 100);
	assert_int_equal(time_in(&p, 1), 3000);
	assert_int_equal(time_in(&p, 2), 1);
	profile_done(&p);
	offcpu_done(&o);
}

static void an_absence_that_ends_with_its_phase_does_not_touch_the_next(void **state)
{
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	off(&o, 5, 1500, 1);
	on(&o, &p, 5, 2000);
	off(&o, 5, 2000, 1);
	on(&o, &p, 5, 2001);
	assert_int_equal(p.n, 2);
	assert_int_equal(time_in(&p, 0), 500);
	assert_int_equal(time_in(&p, 1), 1);
	profile_done(&p);
	offcpu_done(&o);
}

static void who_is_still_away_at_the_end_counts_up_to_it(void **state)
{
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	off(&o, 5, 4000, 1);
	off(&o, 6, 4500, 1);
	on(&o, &p, 6, 4600);
	off(&o, 7, 6500, 1); /* after the end: of no phase */
	offcpu_finish(&o, &p, phases, 3, 6000);
	assert_int_equal(time_in(&p, 1), 1000 + 100);
	assert_int_equal(time_in(&p, 2), 1000);
	offcpu_finish(&o, &p, phases, 3, 6000);
	assert_int_equal(time_in(&p, 2), 1000);
	profile_done(&p);
	offcpu_done(&o);
}

static void who_was_away_before_counts_from_the_begin(void **state)
{
	const struct profile_entry key = {
		.kind = PROFILE_OFFCPU, .lane = 1, .tgid = 77, .thread = "worker/1"};
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	offcpu_away(&o, &key, 5, 1000, true);
	offcpu_away(&o, &key, 6, 1000, true);
	offcpu_away(&o, &key, 7, 1000, false);
	offcpu_away(&o, &key, 8, 1000, false);
	off(&o, 6, 1500, 1); /* it ran after all: nothing is known of the time before */
	on(&o, &p, 5, 1400);
	on(&o, &p, 6, 1700);
	on(&o, &p, 8, 1010);                    /* it waited */
	offcpu_finish(&o, &p, phases, 3, 6000); /* 7 ran all the time */
	assert_int_equal(time_in(&p, 0), 400 + 200 + 10);
	assert_int_equal(time_in(&p, 1), 0);
	assert_int_equal(p.entries[0]->n_kernel + p.entries[0]->n_user, 0);
	assert_int_equal(p.entries[0]->lane, 1);
	profile_done(&p);
	offcpu_done(&o);
}

static void a_sampled_absence_counts_as_many_times_as_it_stands_for(void **state)
{
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	off(&o, 5, 2100, 7);
	on(&o, &p, 5, 2200);
	assert_int_equal(p.entries[0]->weight_ns, 700);
	assert_int_equal(p.entries[0]->count, 7);
	/* Taken one in 7 times, it counts as 700 ns. */
	assert_true(o.variance == 100.0 * 100 * 7 * 6);
	profile_done(&p);
	offcpu_done(&o);
}

static void equal_absences_are_one_entry(void **state)
{
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	for (uint64_t t = 2000; t < 3000; t += 100) {
		off(&o, 5, t, 1);
		on(&o, &p, 5, t + 10);
	}
	assert_int_equal(p.n, 1);
	assert_int_equal(p.entries[0]->weight_ns, 100);
	assert_int_equal(p.entries[0]->count, 10);
	profile_done(&p);
	offcpu_done(&o);
}

/* Stacks of one in four were taken; of a long interval the length is known at its end. */
static void a_long_interval_counts_once_whether_its_stack_was_taken_or_not(void **state)
{
	const struct phase phase[] = {{"run", 0, 100 * OFFCPU_LONG_NS}};
	const struct record_long not_taken = {.type = RECORD_LONG,
		.lane = 1,
		.begin_ns = 10 * OFFCPU_LONG_NS,
		.time_ns = 13 * OFFCPU_LONG_NS};
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	off(&o, 5, 1000, 4);
	offcpu_on(&o, &p, phase, 1, 5, 1000 + OFFCPU_LONG_NS);
	assert_int_equal(p.entries[0]->weight_ns, OFFCPU_LONG_NS);
	assert_int_equal(p.entries[0]->count, 1);
	assert_true(o.variance == 0);
	off(&o, 5, 2 * OFFCPU_LONG_NS, 4);
	offcpu_on(&o, &p, phase, 1, 5, 2 * OFFCPU_LONG_NS + 100);
	assert_int_equal(p.entries[0]->weight_ns, OFFCPU_LONG_NS + 400);
	assert_true(o.variance == 100. * 100 * 4 * 3);
	/* Helpers' are told by those that were taken alone. */
	off_of(&o, -1, 6, 1000, 4);
	offcpu_on(&o, &p, phase, 1, 6, 1000 + OFFCPU_LONG_NS);
	assert_int_equal(p.entries[1]->weight_ns, 4 * OFFCPU_LONG_NS);
	/* What was missed is like the one that was taken in its stead, ... */
	offcpu_long(&o, &not_taken);
	offcpu_finish(&o, &p, phase, 1, 12 * OFFCPU_LONG_NS);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.entries[0]->weight_ns, 3 * OFFCPU_LONG_NS + 400);
	assert_int_equal(p.entries[0]->count, 1 + 4 + 1);
	/* ... and of another lane none was. */
	o.missed[0].lane = 2;
	offcpu_finish(&o, &p, phase, 1, 20 * OFFCPU_LONG_NS);
	assert_int_equal(p.entries[2]->weight_ns, 3 * OFFCPU_LONG_NS);
	assert_int_equal(p.entries[2]->lane, 2);
	assert_int_equal(p.entries[2]->n_kernel + p.entries[2]->n_user, 0);
	profile_done(&p);
	offcpu_done(&o);
}

static void a_return_without_a_leave_is_nothing(void **state)
{
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	on(&o, &p, 5, 2100);
	off(&o, 5, 2200, 1);
	on(&o, &p, 6, 2300);
	on(&o, &p, 5, 2400);
	on(&o, &p, 5, 2500);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.entries[0]->weight_ns, 200);
	profile_done(&p);
	offcpu_done(&o);
}

static void a_deeper_stack_of_the_same_thread_fits(void **state)
{
	struct record_sample record = {.pid = 5, .time_ns = 2000, .syscall = 1};
	uint64_t deep[2 * PROBE_STACK_DEPTH];
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	for (size_t i = 0; i < 2 * PROBE_STACK_DEPTH; i++)
		deep[i] = i;
	for (uint16_t n = 0; n <= PROBE_STACK_DEPTH; n += PROBE_STACK_DEPTH / 4) {
		record.n_kernel = record.n_user = n;
		record.time_ns += 10;
		offcpu_off(&o, &record, deep);
		on(&o, &p, 5, record.time_ns + 5);
	}
	assert_int_equal(o.n, 1);
	assert_int_equal(p.n, 5);
	assert_memory_equal(p.entries[4]->frames, deep, sizeof(deep));
	profile_done(&p);
	offcpu_done(&o);
}

static void no_thread_is_forgotten_when_the_table_grows(void **state)
{
	enum { N = 3000 };
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	for (uint32_t pid = 1; pid <= N; pid++)
		off(&o, pid, 2000, 1);
	assert_int_equal(o.n, N);
	for (uint32_t pid = 1; pid <= N; pid++)
		on(&o, &p, pid, 2000 + pid);
	assert_int_equal(time_in(&p, 1), (uint64_t)N * (N + 1) / 2);
	assert_int_equal(o.lost, 0);
	profile_done(&p);
	offcpu_done(&o);
	assert_int_equal(o.n, 0);
}

/* Of all entries: exits for @cause, of @part. */
static const struct profile_entry *exit_of(
	const struct profile *p, uint64_t cause, enum profile_part part)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->entries[i]->cause == cause && p->entries[i]->part == part)
			return p->entries[i];
	return NULL;
}

static void an_exit_has_its_guests_stack_and_its_time_by_what_it_is(void **state)
{
	const struct record_sample exit = {
		.type = RECORD_EXIT, .pid = 5, .time_ns = 2100, .weight = 4, .guest.n_frames = 3};
	const struct record_entry entry = {.pid = 5,
		.begin_ns = 2150,
		.time_ns = 2450,
		.own_ns = 50,
		.irq_ns = 100,
		.cause = 7};
	const struct profile_entry *itself, *interrupts, *own;
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	offcpu_exit(&o, &exit, frames);
	offcpu_entry(&o, &p, phases, 3, &entry, true);
	itself = exit_of(&p, 7, PART_ITSELF);
	interrupts = exit_of(&p, 7, PART_INTERRUPTS);
	own = exit_of(&p, 7, PART_OWN);
	assert_int_equal(p.n, 3);
	assert_true(itself && interrupts && own);
	assert_int_equal(itself->kind, PROFILE_EXITS);
	assert_int_equal(itself->phase, 1);
	assert_int_equal(itself->n_guest, 3);
	assert_memory_equal(itself->guest, frames, sizeof(frames));
	assert_int_equal(itself->weight_ns, 4 * 200);
	assert_int_equal(interrupts->weight_ns, 4 * 100);
	assert_int_equal(own->weight_ns, 50);
	assert_int_equal(itself->count, 4);
	assert_int_equal(interrupts->count + own->count, 0);
	assert_int_equal(o.n_exits, 1);
	assert_int_equal(o.exits[0].stacks, 1);
	assert_float_equal(o.exits[0].variance, 300. * 300 * 4 * 3, 0.1);
	profile_done(&p);
	offcpu_done(&o);
}

static void an_exit_without_its_entry_is_nothing(void **state)
{
	const struct record_sample exit = {
		.type = RECORD_EXIT, .pid = 5, .time_ns = 2100, .weight = 1, .guest.n_frames = 3};
	const struct record_entry entry = {.pid = 6, .begin_ns = 2150, .time_ns = 2450};
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	offcpu_exit(&o, &exit, frames);
	offcpu_entry(&o, &p, phases, 3, &entry, true);
	offcpu_finish(&o, &p, phases, 3, 6000);
	assert_int_equal(p.n, 0);
	offcpu_done(&o);
}

static void of_a_thread_that_joins_a_lane_asleep_only_the_rest_is_the_lanes(void **state)
{
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	off_of(&o, PROBE_LANE_NONE, 5, 1100, 1);
	offcpu_join(&o, &p, phases, 3, 5, 2, 1400);
	on(&o, &p, 5, 1900);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.entries[0]->lane, PROBE_LANE_NONE);
	assert_int_equal(p.entries[0]->weight_ns, 300);
	assert_int_equal(p.entries[1]->lane, 2);
	assert_int_equal(p.entries[1]->weight_ns, 500);
	assert_int_equal(p.entries[0]->count + p.entries[1]->count, 1);
	profile_done(&p);
	offcpu_done(&o);
}

static void a_lane_that_is_on_a_CPU_or_not_known_has_nothing_to_join(void **state)
{
	struct offcpu o = {0};
	struct profile p = {0};

	(void)state;
	offcpu_join(&o, &p, phases, 3, 5, 2, 1400);
	off(&o, 5, 1100, 1);
	on(&o, &p, 5, 1200);
	offcpu_join(&o, &p, phases, 3, 5, 2, 1400);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.entries[0]->weight_ns, 100);
	profile_done(&p);
	offcpu_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_to_on_is_the_time_away),
		cmocka_unit_test(of_a_thread_that_joins_a_lane_asleep_only_the_rest_is_the_lanes),
		cmocka_unit_test(a_lane_that_is_on_a_CPU_or_not_known_has_nothing_to_join),
		cmocka_unit_test(an_absence_is_split_exactly_where_phases_meet),
		cmocka_unit_test(an_absence_that_ends_with_its_phase_does_not_touch_the_next),
		cmocka_unit_test(who_is_still_away_at_the_end_counts_up_to_it),
		cmocka_unit_test(who_was_away_before_counts_from_the_begin),
		cmocka_unit_test(a_sampled_absence_counts_as_many_times_as_it_stands_for),
		cmocka_unit_test(equal_absences_are_one_entry),
		cmocka_unit_test(a_long_interval_counts_once_whether_its_stack_was_taken_or_not),
		cmocka_unit_test(a_return_without_a_leave_is_nothing),
		cmocka_unit_test(a_deeper_stack_of_the_same_thread_fits),
		cmocka_unit_test(no_thread_is_forgotten_when_the_table_grows),
		cmocka_unit_test(an_exit_has_its_guests_stack_and_its_time_by_what_it_is),
		cmocka_unit_test(an_exit_without_its_entry_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
