/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/books/detours.h: each detour has one cause, and no nanosecond is lost or counted twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/books/detours.h"

#define US 1000

enum { TIMER = DETOUR_FIXED, RIVAL, STOPPED, BURN, CAUSES };

static struct detour_causes causes;
static struct detour_sum sums[CAUSES];

static int set_up(void **state)
{
	(void)state;
	memset(sums, 0, sizeof(sums));
	return detour_causes_new(&causes) == 0 &&
			       detour_cause_number(&causes, "interrupt", "local timer", NULL) ==
				       TIMER &&
			       detour_cause_number(&causes, "preempted", "rival", "other") ==
				       RIVAL &&
			       detour_cause_number(&causes, "blocked", "stopped", NULL) ==
				       STOPPED &&
			       detour_cause_number(&causes, "function", "burn", NULL) == BURN
		       ? 0
		       : -1;
}

static int tear_down(void **state)
{
	(void)state;
	detour_causes_done(&causes);
	return 0;
}

static uint64_t sum_of_all(void)
{
	uint64_t all = 0;

	for (size_t i = 0; i < CAUSES; i++) {
		assert_true(sums[i].around_ns + sums[i].sampled_ns <= sums[i].ns);
		all += sums[i].ns;
	}
	return all;
}

static struct explained_detour explain(struct detour_span *spans, size_t n,
	const struct detour_hint *hints, size_t n_hints, uint64_t begin, uint64_t end)
{
	const struct detour_lane lane = {spans, n, hints, n_hints};
	struct explained_detour d = {.begin_ns = begin, .end_ns = end};

	assert_int_equal(detours_explain(&lane, &causes, &d, 1, sums), 0);
	assert_int_equal(sum_of_all(), end - begin);
	return d;
}

static void an_interrupt_has_the_way_to_it_and_back(void **state)
{
	struct detour_span spans[] = {{0, 100 * US, DETOUR_ONCPU, 0},
		{100 * US, 102 * US, TIMER, 0}, {102 * US, 300 * US, DETOUR_ONCPU, 0}};
	struct explained_detour d = explain(spans, 3, NULL, 0, 99 * US, 106 * US);

	(void)state;
	assert_int_equal(d.cause, TIMER);
	assert_int_equal(d.cause_ns, 7 * US);
	assert_int_equal(sums[TIMER].around_ns, 5 * US);
	assert_int_equal(sums[TIMER].detours, 1);
}

static void what_nothing_explains_is_unmatched(void **state)
{
	struct detour_span spans[] = {{0, 100 * US, DETOUR_ONCPU, 0},
		{100 * US, 102 * US, TIMER, 0}, {102 * US, 300 * US, DETOUR_ONCPU, 0}};
	struct explained_detour d = explain(spans, 3, NULL, 0, 99 * US, 200 * US);

	(void)state;
	assert_int_equal(d.cause, DETOUR_UNMATCHED);
	assert_int_equal(
		sums[TIMER].ns, 13 * US); /* before, itself, and after it no more than that */
	assert_int_equal(sums[DETOUR_UNMATCHED].ns, 88 * US);
}

static void the_largest_of_several_is_the_cause(void **state)
{
	struct detour_span spans[] = {{0, 10 * US, DETOUR_ONCPU, 0}, {10 * US, 12 * US, TIMER, 0},
		{12 * US, 40 * US, RIVAL, 0}, {40 * US, 50 * US, STOPPED, 0},
		{50 * US, 90 * US, DETOUR_ONCPU, 0}};
	struct explained_detour d = explain(spans, 5, NULL, 0, 9 * US, 51 * US);

	(void)state;
	assert_int_equal(d.cause, RIVAL);
	assert_int_equal(d.cause_ns, 28 * US);
	assert_int_equal(sums[STOPPED].ns, 11 * US);
	assert_int_equal(sums[TIMER].ns, 3 * US);
	assert_int_equal(sums[RIVAL].detours, 1);
	assert_int_equal(sums[STOPPED].detours, 0);
}

static void samples_explain_time_on_the_cpu(void **state)
{
	struct detour_span spans[] = {{0, 1000 * US, DETOUR_ONCPU, 0},
		{1000 * US, 1002 * US, TIMER, 0}, {1002 * US, 2000 * US, DETOUR_ONCPU, 0},
		{2000 * US, 2002 * US, TIMER, 0}, {2002 * US, 3000 * US, DETOUR_ONCPU, 0}};
	/* The first hits the loop, before the detour; the second what holds it up. */
	const struct detour_hint hints[] = {{1001 * US, DETOUR_LOOP}, {2001 * US, BURN}};
	struct explained_detour d = explain(spans, 5, hints, 2, 999 * US, 2500 * US);

	(void)state;
	assert_int_equal(d.cause, BURN);
	assert_true(sums[BURN].ns > 1470 * US);
	assert_int_equal(sums[DETOUR_UNMATCHED].ns, 0);
	assert_int_equal(sums[BURN].sampled_ns, sums[BURN].ns);
}

static void a_sample_of_the_loop_explains_nothing(void **state)
{
	struct detour_span spans[] = {{0, 1000 * US, DETOUR_ONCPU, 0},
		{1000 * US, 1002 * US, TIMER, 0}, {1002 * US, 3000 * US, DETOUR_ONCPU, 0}};
	const struct detour_hint hints[] = {{1001 * US, DETOUR_LOOP}};
	struct explained_detour d = explain(spans, 3, hints, 1, 500 * US, 1005 * US);

	(void)state;
	assert_int_equal(d.cause, DETOUR_UNMATCHED);
}

/* Between the interrupt and the time on the CPU is a time of which nothing is known. */
static void what_lies_beyond_a_hole_is_not_beside(void **state)
{
	struct detour_span spans[] = {{0, 10 * US, TIMER, 0}, {20 * US, 100 * US, DETOUR_ONCPU, 0}};
	struct explained_detour d = explain(spans, 2, NULL, 0, 5 * US, 40 * US);

	(void)state;
	assert_int_equal(d.cause, DETOUR_UNMATCHED);
	assert_int_equal(sums[TIMER].ns, 5 * US);
	assert_int_equal(sums[TIMER].around_ns, 0);
	assert_int_equal(sums[DETOUR_UNMATCHED].ns, 30 * US);
}

static void each_cause_has_one_number_however_many_there_are(void **state)
{
	enum { MANY = 50000 };
	char name[DETAIL_SIZE];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < MANY; i++) {
			snprintf(name, sizeof(name), "thread %d", i);
			assert_int_equal(detour_cause_number(&causes, "guest thread", name, NULL),
				CAUSES + i);
		}
	assert_int_equal(causes.n, CAUSES + MANY);
	/* What is fixed is no cause of that name. */
	assert_int_equal(detour_cause_number(&causes, "unmatched", "", NULL), CAUSES + MANY);
}

static void merged_intervals_are_used_once(void **state)
{
	/* 2 us of interrupts are somewhere in these 100 us. */
	struct detour_span spans[] = {{0, 98 * US, DETOUR_ONCPU, 1}, {98 * US, 100 * US, TIMER, 0}};
	const struct detour_lane lane = {spans, 2, NULL, 0};
	struct explained_detour d[] = {{10 * US, 13 * US, 0, 0}, {50 * US, 60 * US, 0, 0}};

	(void)state;
	assert_int_equal(detours_explain(&lane, &causes, d, 2, sums), 0);
	assert_int_equal(d[0].cause, TIMER);
	assert_int_equal(d[1].cause, DETOUR_UNMATCHED);
	assert_int_equal(sums[TIMER].ns, 2 * US);
	assert_int_equal(sum_of_all(), 13 * US);
}

static void time_of_which_nothing_is_known_is_unmatched(void **state)
{
	struct explained_detour d = explain(NULL, 0, NULL, 0, 5, 17);

	(void)state;
	assert_int_equal(d.cause, DETOUR_UNMATCHED);
	assert_int_equal(d.cause_ns, 12);
}

/* Whatever is seen, in whatever order: sums are the detours' length to the nanosecond. */
static void no_nanosecond_is_lost_or_counted_twice(void **state)
{
	enum { SPANS = 400, DETOURS = 300, HINTS = 100 };
	struct detour_span spans[SPANS];
	struct explained_detour d[DETOURS];
	struct detour_hint hints[HINTS];

	(void)state;
	srand(12);
	for (int round = 0; round < 200; round++) {
		struct detour_lane lane = {spans, SPANS, hints, HINTS};
		uint64_t at = 0, whole = 0, by_cause = 0;
		size_t n = 0;

		memset(sums, 0, sizeof(sums));
		for (size_t i = 0; i < SPANS; i++) {
			uint64_t ns = (uint64_t)rand() % 30000;
			uint32_t more = i + 4 < SPANS && !n && rand() % 8 == 0
						? 1 + (uint32_t)rand() % 3
						: 0;

			at += rand() % 10 ? 0 : 700; /* a gap */
			if (n)
				n--;
			else
				n = more;
			spans[i] = (struct detour_span){
				at, at + ns, DETOUR_ONCPU + (uint32_t)rand() % 5, more};
			if (spans[i].cause == DETOUR_LOOP)
				spans[i].cause = DETOUR_UNMATCHED;
			at += ns;
		}
		at = 0;
		for (size_t i = 0; i < DETOURS; i++) {
			at += (uint64_t)rand() % 20000;
			d[i] = (struct explained_detour){.begin_ns = at};
			at += (uint64_t)rand() % 40000;
			d[i].end_ns = at;
			whole += at - d[i].begin_ns;
		}
		at = 0;
		for (size_t i = 0; i < HINTS; i++)
			hints[i] = (struct detour_hint){at += (uint64_t)rand() % 90000,
				DETOUR_LOOP + (uint32_t)rand() % (CAUSES - DETOUR_LOOP)};
		assert_int_equal(detours_explain(&lane, &causes, d, DETOURS, sums), 0);
		assert_int_equal(sum_of_all(), whole);
		for (size_t i = 0; i < CAUSES; i++)
			by_cause += sums[i].detours;
		assert_int_equal(by_cause, DETOURS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_interrupt_has_the_way_to_it_and_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_nothing_explains_is_unmatched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_largest_of_several_is_the_cause, set_up, tear_down),
		cmocka_unit_test_setup_teardown(samples_explain_time_on_the_cpu, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_sample_of_the_loop_explains_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_lies_beyond_a_hole_is_not_beside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			each_cause_has_one_number_however_many_there_are, set_up, tear_down),
		cmocka_unit_test_setup_teardown(merged_intervals_are_used_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			time_of_which_nothing_is_known_is_unmatched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			no_nanosecond_is_lost_or_counted_twice, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
