/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/probes/tick_cost.h"
#include "common/cleanup.h"

static void the_frequency_is_the_highest_within_the_budget(void **state)
{
	/* 0.3 % of a second are 3 ms. */
	static const struct {
		uint64_t tick_ns;
		unsigned hz;
	} rows[] = {
		{1, 997},     /* no more than the maximum */
		{3000, 997},  /* 2.991 ms */
		{5000, 599},  /* 600 is too many */
		{10000, 299}, /* 300 */
		{20000, 149},
		{25000, 119}, /* 120 */
		{50000, 59},
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
