/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of guests/guest_program.h: what a program is told, in every stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "guests/guest_program.h"
#include "guests/process/command.h"

static char *words[8];

static struct guest_spec spec_of(bool own, char *const *arguments, char *const *environment)
{
	return (struct guest_spec){.lanes = 3,
		.own = own,
		.arguments = arguments,
		.environment = environment,
		.run = 12,
		.seed = UINT64_MAX};
}

static char *const *list(size_t n, const char *const *texts)
{
	for (size_t i = 0; i < n; i++)
		words[i] = (char *)(uintptr_t)texts[i];
	words[n] = NULL;
	return words;
}

#define LIST(...)                                                                                  \
	list(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),                          \
		(const char *const[]){__VA_ARGS__})

static void assert_words(char **found, size_t n, const char *const *expected)
{
	for (size_t i = 0; i < n; i++) {
		assert_non_null(found[i]);
		assert_string_equal(found[i], expected[i]);
	}
	assert_null(found[n]);
}

#define ASSERT_WORDS(found, ...)                                                                   \
	assert_words(found, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),           \
		(const char *const[]){__VA_ARGS__})

static void the_workload_gets_our_options_and_words_replaced(void **state)
{
	struct guest_spec spec = spec_of(false, LIST("-x", "{cores}"), NULL);
	_cleanup_(strv_freep) char **argv = NULL, **environment = NULL;

	(void)state;
	assert_int_equal(guest_program_argv(&spec, "/p", "/o.png", &argv), 0);
	ASSERT_WORDS(argv, "/p", "-cores", "3", "-markers", "-rows", "-x", "3", "-file", "/o.png");
	assert_int_equal(guest_program_environment(&spec, &environment), 0);
	assert_null(environment[0]);
}

static void a_program_of_the_users_gets_its_arguments_alone(void **state)
{
	struct guest_spec spec = spec_of(true,
		LIST("{cores}", "--n={cores}x{run}", "{seed}", "{core}", "{}", "{cores", ""), NULL);
	_cleanup_(strv_freep) char **argv = NULL;

	(void)state;
	assert_int_equal(guest_program_argv(&spec, "/p", "/o.png", &argv), 0);
	ASSERT_WORDS(
		argv, "/p", "3", "--n=3x12", "18446744073709551615", "{core}", "{}", "{cores", "");
}

static void words_are_replaced_in_its_environment(void **state)
{
	struct guest_spec spec =
		spec_of(true, NULL, LIST("A={run}", "OMP_NUM_THREADS={cores}", "B="));
	_cleanup_(strv_freep) char **argv = NULL, **environment = NULL;

	(void)state;
	assert_int_equal(guest_program_argv(&spec, "/p", "/o.png", &argv), 0);
	ASSERT_WORDS(argv, "/p");
	assert_int_equal(guest_program_environment(&spec, &environment), 0);
	ASSERT_WORDS(environment, "A=12", "OMP_NUM_THREADS=3", "B=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_workload_gets_our_options_and_words_replaced),
		cmocka_unit_test(a_program_of_the_users_gets_its_arguments_alone),
		cmocka_unit_test(words_are_replaced_in_its_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
