/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Decisions about the ratio of two means. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "reports/statistics/statistics.h"
#include "tests/reports/random_numbers.h"

static void assert_near(double value, double truth, double within)
{
	if (!(fabs(value - truth) <= within))
		fail_msg("%.12g is not %.12g", value, truth);
}

/** With two degrees of freedom Student's distribution has a closed form: 1/2 + t / (2 √(2 + t²)). */
static void one_sided_p_equal_their_closed_form(void **unused)
{
	const double a[] = {9, 11}, b[] = {7, 9}; /* means 10 and 8, variances of the means 1 */
	const double bounds[] = {0.5, 1, 1.02, 1.25, 2};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		double t = (10 - bounds[i] * 8) / sqrt(1 + bounds[i] * bounds[i]);
		double below = 0.5 + t / (2 * sqrt(2 + t * t));
		struct comparison c;
		struct ratio_test test;

		assert_int_equal(compare(a, 2, b, 2, &c), 0);
		assert_near(c.welch_freedom, 2, 1e-12);
		ratio_test(&c, bounds[i], &test);
		assert_near(test.p_below, below, 1e-9);
		assert_near(test.p_above, 1 - below, 1e-9);
		assert_near(test.ratio.value, 1.25, 1e-12);
	}
}

static void sample(double *values, size_t n, double mean, double spread)
{
	for (size_t i = 0; i < n; i++)
		values[i] = mean * (1 + spread * normal());
}

/** In thousands of families: a limit is beyond the bound just where its test says so, corrected or not. */
static void limits_say_what_their_tests_say(void **unused)
{
	int sides[3] = {};

	(void)unused;
	for (int turn = 0; turn < 4000; turn++) {
		struct comparison c[3];
		struct ratio_test tests[3];
		double room[6];
		size_t family = 1 + (size_t)turn % 3;

		for (size_t i = 0; i < family; i++) {
			double a[8], b[8];
			size_t n = 2 + (size_t)turn % 7;

			sample(a, n, 10 + 0.1 * (turn % 11), 0.02);
			sample(b, n, 10, 0.01);
			assert_int_equal(compare(a, n, b, n, &c[i]), 0);
			ratio_test(&c[i], 1.05, &tests[i]);
		}
		assert_int_equal(ratio_tests_correct(c, tests, family, room), 0);
		for (size_t i = 0; i < family; i++) {
			enum ratio_side side = ratio_test_side(&tests[i]);

			sides[side]++;
			assert_int_equal(tests[i].ratio.range.low > 1.05, side == RATIO_ABOVE);
			assert_int_equal(tests[i].ratio.range.high < 1.05, side == RATIO_BELOW);
			assert_true(tests[i].p_above_holm >= tests[i].p_above);
		}
	}
	for (size_t i = 0; i < 3; i++)
		assert_true(sides[i] > 500);
}

/** Of what is just at the bound neither is shown more often than 5 times in 100. */
static void at_the_bound_errors_are_as_rare_as_promised(void **unused)
{
	(void)unused;
	for (size_t n = 3; n <= 8; n += 5) {
		int above = 0, below = 0, turns = 4000;

		for (int turn = 0; turn < turns; turn++) {
			double a[8], b[8];
			struct comparison c;
			struct ratio_test test;

			sample(a, n, 1.02, 0.01);
			sample(b, n, 1, 0.01);
			assert_int_equal(compare(a, n, b, n, &c), 0);
			ratio_test(&c, 1.02, &test);
			above += ratio_test_side(&test) == RATIO_ABOVE;
			below += ratio_test_side(&test) == RATIO_BELOW;
		}
		print_message("n = %zu: %.1f %% above, %.1f %% below\n", n, 100.0 * above / turns,
			100.0 * below / turns);
		/* 5 % of 4000 are 200; four standard deviations are 55. */
		assert_true(above > 120 && above < 256 && below > 120 && below < 256);
	}
}

/** Equivalence is two tests, whichever of the two comes first; its least bound is where both just hold. */
static void equivalence_is_the_same_both_ways(void **unused)
{
	(void)unused;
	for (int turn = 0; turn < 1000; turn++) {
		double a[6], b[6], within;
		struct comparison ab, ba;
		struct ratio_test upper, lower;

		sample(a, 6, 1 + 0.01 * (turn % 5), 0.02);
		sample(b, 6, 1, 0.01);
		assert_int_equal(compare(a, 6, b, 6, &ab), 0);
		assert_int_equal(compare(b, 6, a, 6, &ba), 0);
		within = ab.equivalent;
		assert_near(within, ba.equivalent, 1e-9);
		ratio_test(&ab, 1 + within, &upper);
		ratio_test(&ab, 1 / (1 + within), &lower);
		assert_near(fmax(upper.p_below, lower.p_above), 0.05, 1e-6);
		assert_true(equivalent_within(&ab, 10) > within);
	}
}

static void what_cannot_be_known_is_not_decided(void **unused)
{
	const double a[] = {1.0, 1.1}, none[] = {-1, 0}, same[] = {3, 3, 3}, more[] = {4, 4, 4};
	struct comparison c;
	struct ratio_test test;

	(void)unused;
	assert_int_equal(compare(a, 1, a, 2, &c), 0);
	ratio_test(&c, 1.02, &test);
	assert_true(isnan(test.p_above) && ratio_test_side(&test) == RATIO_UNKNOWN);
	assert_true(isnan(test.ratio.range.low) && isnan(c.equivalent));
	assert_int_equal(compare(a, 2, none, 2, &c), 0);
	ratio_test(&c, 1.02, &test);
	assert_true(ratio_test_side(&test) == RATIO_UNKNOWN && isnan(test.ratio.value));
	/* What does not vary is what it is. */
	assert_int_equal(compare(more, 3, same, 3, &c), 0);
	ratio_test(&c, 1.02, &test);
	assert_int_equal(ratio_test_side(&test), RATIO_ABOVE);
	assert_near(test.ratio.range.low, 4.0 / 3, 1e-12);
	ratio_test(&c, 4.0 / 3, &test);
	assert_int_equal(ratio_test_side(&test), RATIO_UNKNOWN);
	assert_int_equal(compare(same, 3, more, 3, &c), 0);
	ratio_test(&c, 1.02, &test);
	assert_int_equal(ratio_test_side(&test), RATIO_BELOW);
}

/** So many runs decide four times in five, and one less does so less often. */
static void runs_to_decide_are_the_fewest_that_do(void **unused)
{
	size_t n = runs_to_decide(0.02, 0.02, 0.02, 1);
	int decided = 0, turns = 2000;

	(void)unused;
	assert_true(n > 8 && n < 20);
	assert_true(runs_to_decide(0.02, 0.02, 0.02, 8) > n);
	assert_int_equal(runs_to_decide(0, 0, 0.02, 1), 0);
	assert_int_equal(runs_to_decide(NAN, 0.1, 0.02, 1), 0);
	for (int turn = 0; turn < turns; turn++) {
		double a[20], b[20];
		struct comparison c;
		struct ratio_test test;

		sample(a, n, 1, 0.02);
		sample(b, n, 1, 0.02);
		assert_int_equal(compare(a, n, b, n, &c), 0);
		ratio_test(&c, 1.02, &test);
		decided += ratio_test_side(&test) == RATIO_BELOW;
	}
	print_message("%zu runs: %.1f %% decided\n", n, 100.0 * decided / turns);
	assert_true(decided > 1520 && decided < 1720);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_sided_p_equal_their_closed_form),
		cmocka_unit_test(limits_say_what_their_tests_say),
		cmocka_unit_test(at_the_bound_errors_are_as_rare_as_promised),
		cmocka_unit_test(equivalence_is_the_same_both_ways),
		cmocka_unit_test(what_cannot_be_known_is_not_decided),
		cmocka_unit_test(runs_to_decide_are_the_fewest_that_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
