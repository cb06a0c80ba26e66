/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of reports/statistics/levels.h: each level's share of the variance is found, and the best number of iterations is
 * the one that costs least. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "reports/statistics/levels.h"
#include "reports/statistics/statistics.h"
#include "tests/reports/random_numbers.h"

#define RUNS 400

/* Runs of @n iterations, whose deviation is @within, themselves @between apart; an iteration takes 1, a run 100 beside. */
static struct levels simulate(double within, double between, size_t n)
{
	struct level_run runs[RUNS];

	random_state = 20261201;
	for (size_t r = 0; r < RUNS; r++) {
		double mean = 1000 + between * normal();
		struct statistic s = {0};

		for (size_t i = 0; i < n; i++)
			statistic_add(&s, mean + within * normal());
		runs[r] = (struct level_run){
			(double)n, s.mean, s.m2 / (double)(n - 1), (double)n, 100};
	}
	return levels_of(runs, RUNS);
}

static void each_level_is_found(void **state)
{
	struct levels l = simulate(20, 5, 10);

	(void)state;
	assert_int_equal(l.runs, RUNS);
	assert_true(fabs(l.iterations - 10) < 1e-9);
	assert_true(fabs(l.within - 20) < 1);
	assert_true(fabs(l.between - 5) < 1);
	assert_true(fabs(l.mean - 1000) < 1);
	/* sqrt(100 / 1) · 20 / 5 = 40 */
	assert_true(fabs(l.best - 40) <= 8);
}

static void runs_that_do_not_differ_need_not_be_repeated(void **state)
{
	struct level_run same[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		same[i] = (struct level_run){50, 1000, 400, 50, 100};
	assert_true(levels_of(same, 3).between == 0);
	assert_true(isinf(levels_of(same, 3).best));
}

/* The variance of the grand mean in a given time, by their formula's terms: T2²/r2 + T1²/(r1 r2). */
static void the_best_number_costs_least(void **state)
{
	struct levels l = simulate(20, 5, 10);
	double best = INFINITY, at = 0;

	(void)state;
	for (double r1 = 1; r1 < 1000; r1++) {
		double cost = (l.overhead_ns + r1 * l.iteration_ns) *
			      (l.between * l.between + l.within * l.within / r1);

		if (cost < best) {
			best = cost;
			at = r1;
		}
	}
	assert_true(fabs(at - l.best) <= 1);
}

static void of_one_run_or_single_iterations_nothing_is_said(void **state)
{
	const struct level_run one = {50, 1000, 400, 50, 100},
			       single[2] = {{1, 5, NAN, 1, 1}, {1, 6, NAN, 1, 1}};

	(void)state;
	assert_int_equal(levels_of(&one, 1).runs, 0);
	assert_int_equal(levels_of(single, 2).runs, 0);
	assert_int_equal(levels_of(NULL, 0).runs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_level_is_found),
		cmocka_unit_test(runs_that_do_not_differ_need_not_be_repeated),
		cmocka_unit_test(the_best_number_costs_least),
		cmocka_unit_test(of_one_run_or_single_iterations_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
