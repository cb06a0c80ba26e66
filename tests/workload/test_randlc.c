/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of workload/randlc.h: the numbers are those of the definition, by arithmetic that cannot overflow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workload/randlc.h"

/** x(k+1) = 5^13 x(k) mod 2^46, as it is written. */
static uint64_t defined_next(uint64_t x)
{
	unsigned __int128 a = 1;

	for (int i = 0; i < 13; i++)
		a *= 5;
	return (uint64_t)(a * x % ((unsigned __int128)1 << 46));
}

static void numbers_are_those_of_the_definition(void **state)
{
	static const uint64_t seeds[] = {271828183, 314159265, 1, RANDLC_MASK};

	(void)state;
	for (size_t s = 0; s < sizeof(seeds) / sizeof(seeds[0]); s++) {
		uint64_t x = seeds[s], wanted = seeds[s];

		for (int i = 0; i < 100000; i++) {
			double r = randlc(&x);

			wanted = defined_next(wanted);
			assert_true(x == wanted);
			assert_true(r * 70368744177664.0 == (double)wanted);
			assert_true(r > 0 && r < 1);
		}
	}
}

static void a_skip_is_as_many_steps(void **state)
{
	static const uint64_t lengths[] = {0, 1, 2, 3, 64, 1000, 131072, 131073};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint64_t x = 271828183;

		for (uint64_t k = 0; k < lengths[i]; k++)
			x = defined_next(x);
		assert_true(randlc_skip(271828183, lengths[i]) == x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_those_of_the_definition),
		cmocka_unit_test(a_skip_is_as_many_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
