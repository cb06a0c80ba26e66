/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/run/tick_cost.h"
#include "common/cleanup.h"

static void the_frequency_is_the_highest_within_the_budget(void **state)
{
	/* 0.5 % of a second are 5 ms. */
	static const struct {
		uint64_t tick_ns;
		unsigned hz;
	} rows[] = {
		{1, 997},      /* no more than the maximum */
		{5000, 997},   /* 4.985 ms */
		{10000, 499},  /* 500 is too many */
		{20000, 247},  /* 249 is 3 x 83, 248 is even */
		{25000, 199},  /* 200 */
		{50000, 97},   /* 99 is a multiple of 3, 98 even */
		{1000000, 49}, /* the minimum, whatever it costs */
		{UINT64_MAX, 49},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(tick_cost_frequency(rows[i].tick_ns), rows[i].hz);
}

static void no_frequency_marches_with_a_kernels_tick(void **state)
{
	static const unsigned ticks[] = {100, 250, 300, 1000};

	(void)state;
	for (uint64_t ns = 1; ns < 200000; ns += 97) {
		unsigned hz = tick_cost_frequency(ns);

		assert_true(hz >= TICK_HZ_MIN && hz <= TICK_HZ_MAX);
		assert_true(hz == TICK_HZ_MIN || tick_cost_percent(ns, hz) < TICK_BUDGET_PERCENT);
		for (size_t i = 0; i < ARRAY_SIZE(ticks); i++)
			assert_true(ticks[i] % hz != 0 && hz % ticks[i] != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_frequency_is_the_highest_within_the_budget),
		cmocka_unit_test(no_frequency_marches_with_a_kernels_tick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
