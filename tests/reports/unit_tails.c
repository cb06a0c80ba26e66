/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of reports/statistics/tails.h: quantiles where so many values allow them, in intervals that hold. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "reports/statistics/tails.h"
#include "tests/reports/random_numbers.h"

static void too_few_values_have_no_tail(void **state)
{
	static const size_t enough[TAILS_MAX] = {36, 72, 368}; /* ln 0.025 / ln q, rounded up */
	double values[400];
	struct tails t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		values[i] = (double)i;
	for (size_t k = 0; k < TAILS_MAX; k++) {
		assert_int_equal(find_tails(values, enough[k] - 1, &t), 0);
		assert_int_equal(t.n, k);
		assert_int_equal(find_tails(values, enough[k], &t), 0);
		assert_int_equal(t.n, k + 1);
		assert_true(t.list[k].estimate.range.high == values[enough[k] - 1]);
	}
	assert_int_equal(find_tails(NULL, 0, &t), 0);
	assert_int_equal(t.n, 0);
}

static void an_interval_is_between_order_statistics_as_in_tables(void **state)
{
	double values[100];
	struct tails t;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		values[i] = (double)(100 - i); /* 100 to 1 */
	assert_int_equal(find_tails(values, 100, &t), 0);
	assert_int_equal(t.n, 2);
	/* Of 100 values the 90th, between the 84th and the 96th: P(84 <= B < 96) with B ~ Bin(100, 0.9) is 95.6 %. */
	assert_true(t.list[0].estimate.value == 90);
	assert_true(t.list[0].estimate.range.low == 84);
	assert_true(t.list[0].estimate.range.high == 96);
}

static double normal_value(void)
{
	return normal();
}

static double skewed_value(void)
{
	return -log(1 - uniform());
}

static double bimodal_value(void)
{
	return (uniform() < 0.5 ? 50 : 80) + normal();
}

static void intervals_hold_whatever_the_distribution(void **state)
{
	static const struct {
		double (*draw)(void);
		double quantiles[2]; /* at 90 %, 95 % */
	} rows[] = {
		{normal_value, {1.2816, 1.6449}}, {skewed_value, {2.302585, 2.995732}},
		{bimodal_value,
			{80.8416, 81.2816}}, /* of the upper heap the 80th and 90th percentile */
	};

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		unsigned held[2] = {0};

		random_state = 20261201;
		for (size_t s = 0; s < 4000; s++) {
			double values[80];
			struct tails t;

			for (size_t i = 0; i < 80; i++)
				values[i] = rows[r].draw();
			assert_int_equal(find_tails(values, 80, &t), 0);
			assert_int_equal(t.n, 2);
			for (size_t k = 0; k < 2; k++)
				held[k] += t.list[k].estimate.range.low <= rows[r].quantiles[k] &&
					   t.list[k].estimate.range.high >= rows[r].quantiles[k];
		}
		print_message("%zu: %.1f %% %.1f %%\n", r, held[0] / 40., held[1] / 40.);
		assert_true(
			held[0] >= 3780 && held[1] >= 3780); /* 95 % less three standard errors */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_few_values_have_no_tail),
		cmocka_unit_test(an_interval_is_between_order_statistics_as_in_tables),
		cmocka_unit_test(intervals_hold_whatever_the_distribution),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
