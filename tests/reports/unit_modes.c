/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of reports/statistics/modes.h: dips are those that are published, few false alarms, modes are counted right. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "reports/statistics/modes.h"
#include "tests/reports/random_numbers.h"

/* Hartigan and Hartigan's example, the quality of 63 faculties; its dip is 0.0595. */
static const double faculties[] = {30, 33, 35, 36, 37, 37, 39, 39, 39, 39, 39, 40, 40, 40, 40, 41,
	42, 43, 43, 43, 44, 44, 45, 45, 46, 46, 47, 47, 48, 48, 48, 49, 50, 50, 51, 52, 52, 53, 53,
	53, 53, 53, 54, 54, 57, 57, 59, 60, 60, 60, 61, 61, 61, 61, 62, 62, 62, 62, 63, 66, 70, 72,
	72};

static void dips_are_those_that_are_known(void **state)
{
	double even[20], heaps[20];

	(void)state;
	assert_true(fabs(dip_of(faculties, ARRAY_SIZE(faculties)) - 0.0595) < 0.0001);
	for (size_t i = 0; i < 20; i++) {
		even[i] = (double)i;
		heaps[i] = (i < 10 ? 0 : 1) + 1e-9 * (double)i;
	}
	assert_true(fabs(dip_of(even, 20) - 1.0 / 40) < 1e-9); /* none can be smaller */
	assert_true(fabs(dip_of(heaps, 20) - 1.0 / 4) < 1e-6); /* two points of one half each */
	for (size_t i = 0; i < 20; i++)
		heaps[i] = (i < 4 ? 0 : 1) + 1e-9 * (double)i;
	assert_true(fabs(dip_of(heaps, 20) - 0.1) < 1e-6); /* the lesser one's half */
	assert_true(isnan(dip_of(even, 0)));
	assert_true(dip_of(even, 1) == 0.5);
}

static double normal_time(void)
{
	return 100 + 5 * normal();
}

static double lognormal_time(void)
{
	return 100 + 20 * exp(0.5 * normal());
}

static double exponential_time(void)
{
	return 90 - 10 * log(1 - uniform());
}

static double contaminated_time(void)
{
	return 100 + (uniform() < 0.9 ? 1 : 15) * normal();
}

static double two_sleeps(void)
{
	return (uniform() < 0.5 ? 50 : 80) + normal();
}

static double rare_sleep(void)
{
	return (uniform() < 0.3 ? 50 : 80) + normal();
}

static double three_sleeps(void)
{
	double which = uniform();

	return (which < 1. / 3 ? 50 : which < 2. / 3 ? 65 : 80) + normal();
}

#define SAMPLES(n) ((n) < 50 ? 300U : 100U)

/* In what share of samples are so many modes found? */
static double found(double (*draw)(void), size_t n, size_t modes)
{
	unsigned times = 0;

	random_state = 20261201;
	for (size_t s = 0; s < SAMPLES(n); s++) {
		double values[100];
		struct modes m;

		for (size_t i = 0; i < n; i++)
			values[i] = draw();
		assert_int_equal(find_modes(values, n, &m), 0);
		times += m.n == modes;
	}
	return (double)times / SAMPLES(n);
}

static void one_mode_is_hardly_ever_taken_for_several(void **state)
{
	static double (*const draws[])(void) = {
		normal_time, lognormal_time, exponential_time, contaminated_time};
	static const size_t sizes[] = {8, 20, 100};

	(void)state;
	for (size_t d = 0; d < ARRAY_SIZE(draws); d++)
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			assert_true(found(draws[d], sizes[i], 1) >= 0.95);
}

static void modes_are_found_and_counted(void **state)
{
	(void)state;
	assert_true(found(two_sleeps, 8, 2) >= 0.60);
	assert_true(found(two_sleeps, 20, 2) >= 0.90);
	assert_true(found(two_sleeps, 100, 2) >= 0.95);
	assert_true(found(rare_sleep, 50, 2) >= 0.90);
	assert_true(found(three_sleeps, 50, 3) >= 0.90);
}

static void each_value_is_in_one_mode(void **state)
{
	const double values[] = {80, 51, 79, 50, NAN, 49, 81, 50.5, 80.5, 48, 82, 400};
	struct modes m;

	(void)state;
	assert_int_equal(find_modes(values, ARRAY_SIZE(values), &m), 0);
	assert_int_equal(m.n, 2);
	assert_true(m.p < 0.05);
	assert_int_equal(m.list[0].n, 5);
	assert_int_equal(m.list[1].n, 6); /* with the one that is far off */
	assert_true(m.list[0].median == 50 && m.list[0].low == 48 && m.list[0].high == 51);
	assert_int_equal(modes_index(&m, 51), 0);
	assert_int_equal(modes_index(&m, 79), 1);
	assert_int_equal(modes_index(&m, 400), 1);
	assert_int_equal(modes_index(&m, NAN), 2);
}

static void very_many_values_take_no_longer_than_a_reader_waits(void **state)
{
	static double values[20000];
	struct modes m;

	(void)state;
	random_state = 7;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		values[i] = two_sleeps();
	assert_int_equal(find_modes(values, ARRAY_SIZE(values), &m), 0);
	assert_int_equal(m.n, 2);
	assert_true(m.list[0].n > 9700 && m.list[0].n < 10300);
}

static void of_few_values_or_a_grid_nothing_is_said(void **state)
{
	static const double grid[] = {1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2},
			    few[] = {1, 2, 1.1, 2.1, 1.2, 2.2, 1.3};
	struct modes m;

	(void)state;
	assert_int_equal(find_modes(grid, ARRAY_SIZE(grid), &m), 0);
	assert_int_equal(m.n, 0);
	assert_int_equal(find_modes(few, ARRAY_SIZE(few), &m), 0);
	assert_int_equal(m.n, 0);
	assert_true(isnan(m.p));
	assert_int_equal(find_modes(NULL, 0, &m), 0);
	assert_int_equal(m.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dips_are_those_that_are_known),
		cmocka_unit_test(one_mode_is_hardly_ever_taken_for_several),
		cmocka_unit_test(modes_are_found_and_counted),
		cmocka_unit_test(each_value_is_in_one_mode),
		cmocka_unit_test(very_many_values_take_no_longer_than_a_reader_waits),
		cmocka_unit_test(of_few_values_or_a_grid_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
