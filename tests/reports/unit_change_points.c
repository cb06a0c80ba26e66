/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Change points in series of samples whose changes are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "reports/statistics/change_points.h"
#include "tests/reports/random_numbers.h"

enum { SAMPLES = 20, RUNS = 8 };

struct series {
	double values[SAMPLES * RUNS];
	size_t sizes[SAMPLES];
	struct change_point points[SAMPLES];
	size_t n;
};

/** Levels by sample; 1 % of spread. */
static void search(struct series *s, const double *levels)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		s->sizes[i] = RUNS;
		for (size_t k = 0; k < RUNS; k++)
			s->values[i * RUNS + k] = levels[i] * (1 + 0.01 * normal());
	}
	assert_int_equal(
		change_points_find(s->values, s->sizes, SAMPLES, 0.05, s->points, &s->n), 0);
}

static void levels_from(double *levels, size_t at, double level)
{
	for (size_t i = at; i < SAMPLES; i++)
		levels[i] = level;
}

static void changes_are_found_where_they_are(void **unused)
{
	struct series s;
	double levels[SAMPLES];

	(void)unused;
	levels_from(levels, 0, 60);
	levels_from(levels, 7, 63);
	levels_from(levels, 8, 60);
	levels_from(levels, 15, 58);
	search(&s, levels);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.points[0].at, 7);
	assert_int_equal(s.points[1].at, 8);
	assert_int_equal(s.points[2].at, 15);
	for (size_t i = 0; i < s.n; i++)
		assert_true(s.points[i].p < 0.05);
}

/** The last one is what a history is asked about most. */
static void a_change_at_either_end_is_found(void **unused)
{
	struct series s;
	double levels[SAMPLES];

	(void)unused;
	levels_from(levels, 0, 60);
	levels_from(levels, SAMPLES - 1, 62);
	search(&s, levels);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.points[0].at, SAMPLES - 1);
	levels_from(levels, 1, 62);
	search(&s, levels);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.points[0].at, 1);
}

/** 5 in 100 series without a change are said to have one. */
static void noise_has_changes_as_rarely_as_promised(void **unused)
{
	int alarms = 0, turns = 200;
	struct series s;
	double levels[SAMPLES];

	(void)unused;
	levels_from(levels, 0, 60);
	for (int turn = 0; turn < turns; turn++) {
		search(&s, levels);
		alarms += s.n > 0;
	}
	print_message("%d of %d series of noise have a change\n", alarms, turns);
	/* 10 are expected; four standard deviations are 12. */
	assert_true(alarms <= 22);
}

static void the_same_values_give_the_same_answer(void **unused)
{
	struct series s, again;
	double levels[SAMPLES];

	(void)unused;
	levels_from(levels, 0, 60);
	levels_from(levels, 10, 60.5);
	search(&s, levels);
	again = s;
	assert_int_equal(change_points_find(
				 again.values, again.sizes, SAMPLES, 0.05, again.points, &again.n),
		0);
	assert_int_equal(again.n, s.n);
	for (size_t i = 0; i < s.n; i++)
		assert_true(
			again.points[i].at == s.points[i].at && again.points[i].p == s.points[i].p);
}

static void few_values_and_equal_ones_have_no_change(void **unused)
{
	const double equal[] = {3, 3, 3, 3, 3, 3, 3, 3}, few[] = {1, 2, 3},
		     step[] = {1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2};
	const size_t fours[] = {4, 4}, ones[] = {1, 1, 1}, empty[] = {0, 0}, sixes[] = {6, 0, 6};
	struct change_point points[3];
	size_t n;

	(void)unused;
	assert_int_equal(change_points_find(equal, fours, 2, 0.05, points, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(change_points_find(few, ones, 3, 0.05, points, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(change_points_find(few, empty, 2, 0.05, points, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(change_points_find(few, ones, 0, 0.05, points, &n), 0);
	assert_int_equal(n, 0);
	/* A step without noise; the sample between has no values. */
	assert_int_equal(change_points_find(step, sixes, 3, 0.05, points, &n), 0);
	assert_int_equal(n, 1);
	assert_true(points[0].at == 1 || points[0].at == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_found_where_they_are),
		cmocka_unit_test(a_change_at_either_end_is_found),
		cmocka_unit_test(noise_has_changes_as_rarely_as_promised),
		cmocka_unit_test(the_same_values_give_the_same_answer),
		cmocka_unit_test(few_values_and_equal_ones_have_no_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
