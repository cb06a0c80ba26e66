/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a virtual machine is accelerated: what "auto" finds, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "guests/guest.h"

static void accel_follows_the_rule(void **state)
{
	struct error error = {0};
	const char *reason = NULL;
	enum accel chosen;
	int r;

	(void)state;
	assert_int_equal(accel_resolve(ACCEL_TCG, &chosen, &reason, NULL), 0);
	assert_int_equal(chosen, ACCEL_TCG);
	assert_int_equal(accel_resolve(ACCEL_AUTO, &chosen, &reason, NULL), 0);
	assert_true(chosen == ACCEL_TCG || chosen == ACCEL_KVM);
	assert_non_null(reason);
	/* By name it is either what auto finds too, or refused with the same reason. */
	r = accel_resolve(ACCEL_KVM, &chosen, NULL, &error);
	if (r < 0) {
		assert_int_equal(r, -ENODEV);
		assert_non_null(strstr(error.text, reason));
	}
	assert_string_equal(accel_name(ACCEL_TCG), "tcg");
	assert_string_equal(accel_name((enum accel)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(accel_follows_the_rule)};

	return cmocka_run_group_tests_name("accel", tests, NULL, NULL);
}
