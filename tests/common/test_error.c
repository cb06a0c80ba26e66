/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "common/error.h"

static int calls;

static int next_code(void)
{
	calls++;
	errno = EBADF;
	return -EACCES;
}

static void the_value_is_the_code_and_it_is_evaluated_once(void **state)
{
	struct error error = {0};

	(void)state;
	calls = 0;
	assert_int_equal(error_set(&error, next_code(), "a %d", 1), -EACCES);
	assert_int_equal(error_set_user(&error, next_code(), "b"), -EACCES);
	assert_int_equal(error_set_errno(&error, next_code(), "c"), -EACCES);
	assert_int_equal(error_prefix(&error, next_code(), "d"), -EACCES);
	assert_int_equal(calls, 4);
	assert_string_equal(error.text, "d: c: Permission denied");
	/* The number travels where nobody wants words. */
	assert_int_equal(error_set(NULL, next_code(), "a"), -EACCES);
	assert_int_equal(error_set_errno(NULL, next_code(), "c"), -EACCES);
	assert_int_equal(error_prefix(NULL, next_code(), "d"), -EACCES);
	assert_int_equal(error_no_memory(NULL), -ENOMEM);
}

static void the_code_is_taken_before_the_arguments_can_change_it(void **state)
{
	struct error error = {0};

	(void)state;
	errno = ENOSPC;
	assert_int_equal(error_set_errno(&error, -errno, "file %d", next_code()), -ENOSPC);
	assert_string_equal(error.text, "file -13: No space left on device");
}

static void a_later_message_replaces_an_earlier_one(void **state)
{
	struct error error = {0};

	(void)state;
	error_set_user(&error, -EINVAL, "--cores takes numbers");
	assert_true(error.user);
	error_prefix(&error, -EINVAL, "scenario");
	assert_true(error.user);
	assert_string_equal(error.text, "scenario: --cores takes numbers");
	error_set(&error, -EIO, "no");
	assert_false(error.user);
	assert_string_equal(error.text, "no");
}

static void too_little_memory_is_worded_alike_everywhere(void **state)
{
	struct error error = {0};

	(void)state;
	assert_int_equal(error_no_memory(&error), -ENOMEM);
	assert_string_equal(error.text, "out of memory");
	assert_int_equal(error_no_memory(&error, " for %u workers", 3U), -ENOMEM);
	assert_string_equal(error.text, "out of memory for 3 workers");
}

static void an_error_without_a_message_is_what_errno_says(void **state)
{
	struct error error = {0};

	(void)state;
	assert_string_equal(error_text(&error, -ENOENT), "No such file or directory");
	error_set(&error, -ENOENT, "no store here");
	assert_string_equal(error_text(&error, -ENOENT), "no store here");
}

static void a_long_message_is_cut_and_so_is_a_long_prefix(void **state)
{
	struct error error = {0};
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set_errno(&error, -EIO, "%s", text);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	error_prefix(&error, -EIO, "%s", text);
	assert_true(strlen(error.text) < sizeof(error.text));
	assert_non_null(strstr(error.text, "x: x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_value_is_the_code_and_it_is_evaluated_once),
		cmocka_unit_test(the_code_is_taken_before_the_arguments_can_change_it),
		cmocka_unit_test(a_later_message_replaces_an_earlier_one),
		cmocka_unit_test(too_little_memory_is_worded_alike_everywhere),
		cmocka_unit_test(an_error_without_a_message_is_what_errno_says),
		cmocka_unit_test(a_long_message_is_cut_and_so_is_a_long_prefix),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
