/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Promises of reports/statistics/amplify.h: the longest of very many is what closed forms and brute force say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "reports/statistics/amplify.h"
#include "tests/reports/random_numbers.h"

static const double one[] = {1, 1, 1, 1};

static void assert_close(double is, double should, double within, const char *what, double n)
{
	print_message("%s of %g: %.6g, should be %.6g\n", what, n, is, should);
	if (!(fabs(is - should) <= within * fabs(should)))
		fail_msg("%s of %g: %.9g, not %.9g", what, n, is, should);
}

/* Bernoulli: a detour of length d with probability p. E max = d (1 - (1 - p)^N). */
static void bernoulli_noise_is_as_its_closed_form_says(void **unused)
{
	static const double values[] = {0, 7};

	(void)unused;
	for (double p = 1e-7; p < 0.5; p *= 10)
		for (double n = 1; n <= 1e6; n *= 10) {
			const double mass[] = {1 - p, p}, should = -7 * expm1(n * log1p(-p));
			struct amplify_steps steps;
			struct amplify a;

			assert_int_equal(amplify_begin(values, 2, 1, &a), 0);
			amplify_add(&a, 0, mass, 1);
			if (fabs(amplify_expected(&a, one, n) - should) > 1e-9 * should)
				fail_msg("p %g, N %g: %.12g, not %.12g", p, n,
					amplify_expected(&a, one, n), should);
			assert_int_equal(
				amplify_simulate(&a, one, n, 10000, 1, NULL, NULL, &steps), 0);
			/* Five standard deviations of the mean of so many. */
			assert_true(fabs(steps.mean - should) <=
				    5 * sqrt(should * fmax(7 - should, 0) / 10000) + 1e-9);
			assert_true(fabs(amplify_at_top(&a, one, n) - should / 7) < 1e-9);
			amplify_clear(&a);
		}
}

enum { GRID = 200000 };

/* Exponential noise of mean 1: E max is the harmonic number. On a grid from 0 to 40. */
static void exponential_noise_is_the_harmonic_number(void **unused)
{
	static double values[GRID], mass[GRID];
	struct amplify_steps steps;
	struct amplify a;
	double harmonic = 0;
	int k = 0;

	(void)unused;
	for (size_t i = 0; i < GRID; i++) {
		values[i] = 40. * (double)i / GRID;
		mass[i] = exp(-40. * ((double)i - .5) / GRID) - exp(-40. * ((double)i + .5) / GRID);
	}
	mass[0] = -expm1(-40. * .5 / GRID);
	assert_int_equal(amplify_begin(values, GRID, 1, &a), 0);
	amplify_add(&a, 0, mass, 1);
	for (double n = 1; n <= 1e6; n *= 10) {
		for (; k < (int)n; k++)
			harmonic += 1. / (k + 1);
		assert_close(
			amplify_expected(&a, one, n), harmonic, 1e-4, "mean of the longest", n);
		assert_int_equal(amplify_simulate(&a, one, n, 10000, 0, NULL, NULL, &steps), 0);
		/* Its variance is below pi^2 / 6. */
		assert_true(fabs(steps.mean - harmonic) < 5 * sqrt(M_PI * M_PI / 6 / 10000));
		/* The median of the longest: (1 - e^-x)^N = 1/2. */
		assert_true(fabs(steps.p50 + log(-expm1(log(.5) / n))) < 0.05);
	}
	amplify_clear(&a);
}

static void drawing_each_rank_by_itself_gives_the_same(void **unused)
{
	enum { VALUES = 20, RANKS = 300, STEPS = 100000 };
	double values[VALUES], mass[2][VALUES], below[2][VALUES], sum = 0;
	struct amplify_steps steps;
	struct amplify a;

	(void)unused;
	for (size_t i = 0; i < VALUES; i++)
		values[i] = pow(1.2, (double)i) - 1;
	assert_int_equal(amplify_begin(values, VALUES, 2, &a), 0);
	for (size_t s = 0; s < 2; s++) {
		double all = 0, seen = 0;

		for (size_t i = 0; i < VALUES; i++)
			all += mass[s][i] = pow(s ? 0.4 : 0.6, (double)i);
		for (size_t i = 0; i < VALUES; i++)
			below[s][i] = (seen += mass[s][i]) / all;
		amplify_add(&a, s, mass[s], 1);
	}
	/* A third of the ranks are of source 0. */
	for (int step = 0; step < STEPS; step++) {
		size_t longest = 0;

		for (int rank = 0; rank < RANKS; rank++) {
			double u = uniform();
			size_t i = 0;

			while (i + 1 < VALUES && below[rank % 3 != 0][i] < u)
				i++;
			longest = i > longest ? i : longest;
		}
		sum += values[longest];
	}
	assert_close(amplify_expected(&a, (const double[]){1, 2}, RANKS), sum / STEPS, 0.005,
		"brute force", RANKS);
	assert_int_equal(
		amplify_simulate(&a, (const double[]){1, 2}, RANKS, 100000, 2, NULL, NULL, &steps),
		0);
	assert_close(steps.mean, sum / STEPS, 0.005, "drawn", RANKS);
	amplify_clear(&a);
}

/* One lane that is late by 10 in each step, three that never are. A rank is on any of them. */
static void fewer_ranks_than_lanes_are_on_any_of_them(void **unused)
{
	static const double values[] = {0, 10}, never[] = {1, 0}, ever[] = {0, 1};
	struct amplify_steps steps;
	struct amplify a;

	(void)unused;
	assert_int_equal(amplify_begin(values, 2, 2, &a), 0);
	amplify_add(&a, 0, ever, .5);
	amplify_add(&a, 0, never, .5);
	amplify_add(&a, 1, never, .5);
	amplify_add(&a, 1, never, .5);
	for (double n = 1; n < 4; n++) {
		double should = 10 * (1 - pow(.75, n));

		assert_close(amplify_expected(&a, one, n), should, 1e-9, "mean of the longest", n);
		assert_close(amplify_at_top(&a, one, n), should / 10, 1e-9, "at top", n);
		assert_int_equal(amplify_simulate(&a, one, n, 100000, 1, NULL, NULL, &steps), 0);
		assert_close(steps.mean, should, 0.03, "drawn", n);
	}
	/* As many as there are: one is on each. */
	assert_close(amplify_expected(&a, one, 4), 10, 1e-9, "mean of the longest", 4);
	amplify_clear(&a);
}

static void many_steps_are_the_same_on_any_number_of_threads(void **unused)
{
	const double values[] = {0, 1, 2, 4}, mass[] = {90, 9, 1, .01};
	struct amplify_steps first, again;
	struct timespec begin, end;
	struct amplify a;

	(void)unused;
	assert_int_equal(amplify_begin(values, 4, 1, &a), 0);
	amplify_add(&a, 0, mass, 1);
	assert_int_equal(amplify_simulate(&a, one, 100, 5000000, 1, NULL, NULL, &first), 0);
	assert_int_equal(amplify_simulate(&a, one, 100, 5000000, 3, NULL, NULL, &again), 0);
	assert_memory_equal(&first, &again, sizeof(first));
	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(amplify_simulate(&a, one, 1e6, 10000, 0, NULL, NULL, &first), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	print_message("10^6 ranks, 10^4 steps: %.3f ms\n",
		(double)(end.tv_sec - begin.tv_sec) * 1e3 +
			(double)(end.tv_nsec - begin.tv_nsec) / 1e6);
	amplify_clear(&a);
}

static void keep(double share, void *userdata)
{
	double *last = userdata;

	*last = share;
}

static void a_long_simulation_tells_its_end(void **state)
{
	const double values[] = {0, 1}, mass[] = {1, 1};
	struct amplify_steps steps;
	struct amplify a;

	(void)state;
	assert_int_equal(amplify_begin(values, 2, 1, &a), 0);
	amplify_add(&a, 0, mass, 1);
	for (unsigned threads = 1; threads <= 2; threads++) {
		double last = -1;

		assert_int_equal(
			amplify_simulate(&a, one, 1, 3000000, threads, keep, &last, &steps), 0);
		assert_true(last == 1);
	}
	amplify_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bernoulli_noise_is_as_its_closed_form_says),
		cmocka_unit_test(exponential_noise_is_the_harmonic_number),
		cmocka_unit_test(drawing_each_rank_by_itself_gives_the_same),
		cmocka_unit_test(fewer_ranks_than_lanes_are_on_any_of_them),
		cmocka_unit_test(many_steps_are_the_same_on_any_number_of_threads),
		cmocka_unit_test(a_long_simulation_tells_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
