/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of reports/text/stack_style.h: a stack has one colour, its variants lighter ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reports/text/stack_style.h"

static unsigned brightness(const char *color)
{
	unsigned red, green, blue;

	assert_int_equal(sscanf(color, "#%2x%2x%2x", &red, &green, &blue), 3);
	return red + green + blue;
}

static void variants_of_a_stack_become_lighter(void **state)
{
	const char *const names[] = {"osv (a)", "native (a)", "osv (b)", "osv (c)", "native (b)",
		"osv (d)", "osv (e)", "osv-new"};
	struct stack_look looks[8];

	(void)state;
	stack_looks(names, 8, looks);
	assert_string_equal(looks[0].color, stack_style(0)->color);
	assert_string_equal(looks[1].color, stack_style(1)->color);
	assert_string_equal(looks[7].color, stack_style(2)->color);
	assert_true(brightness(looks[2].color) > brightness(looks[0].color));
	assert_true(brightness(looks[3].color) > brightness(looks[2].color));
	assert_true(brightness(looks[4].color) > brightness(looks[1].color));
	/* Never so light that nobody sees it. */
	assert_true(brightness(looks[6].color) < 3 * 230);
	for (size_t i = 0; i < 8; i++)
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(looks[i].point, looks[k].point);
}

static void stacks_without_variants_look_as_before(void **state)
{
	const char *const names[] = {"native", "native a", "osv"};
	struct stack_look looks[3];

	(void)state;
	stack_looks(names, 3, looks);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(looks[i].color, stack_style(i)->color);
		assert_int_equal(looks[i].point, stack_style(i)->point);
		assert_int_equal(looks[i].hollow, stack_style(i)->hollow);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variants_of_a_stack_become_lighter),
		cmocka_unit_test(stacks_without_variants_look_as_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
