/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/options/scenario.h: the paper's scenarios, and the memory that arguments
 * need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "collector/options/scenario.h"

/** The RGBA raster, and half of it for the picture. */
#define NEEDED(width, height) ((uint64_t)(width) * (height)*4 * 3 / 2)

#define MEMORY(...) scenario_memory((char *const[]){__VA_ARGS__, NULL})

static uint64_t memory_of(const char *name)
{
	const struct scenario *s = scenario_find(name);

	assert_non_null(s);
	return scenario_memory((char *const *)(uintptr_t)s->arguments);
}

static void the_papers_scenarios_need_memory_for_their_rasters(void **state)
{
	(void)state;
	assert_int_equal(memory_of("paper-1"), NEEDED(8192, 8000));
	assert_int_equal(memory_of("paper-2"), NEEDED(8192, 16000));
	assert_int_equal(memory_of("quick"), NEEDED(512 * 2, 384 * 2));
}

static void every_scenario_is_found_by_its_name_and_no_other(void **state)
{
	(void)state;
	for (const struct scenario *s = scenario_table; s->name; s++) {
		assert_ptr_equal(scenario_find(s->name), s);
		assert_non_null(s->title);
		assert_non_null(s->arguments);
	}
	assert_null(scenario_find(""));
	assert_null(scenario_find("paper"));
	assert_null(scenario_find("paper-11"));
}

static void without_arguments_the_programs_defaults_count(void **state)
{
	char *const none[] = {NULL};

	(void)state;
	assert_int_equal(scenario_memory(none), NEEDED(1024 * 8, 768 * 8));
}

static void all_four_forms_of_an_option_are_read(void **state)
{
	(void)state;
	assert_int_equal(MEMORY("-width", "10", "-height", "20", "-smoothness", "3"),
		NEEDED(10 * 3, 20 * 3));
	assert_int_equal(MEMORY("-width=10", "-height=20", "-smoothness=3"), NEEDED(30, 60));
	assert_int_equal(
		MEMORY("--width", "10", "--height", "20", "--smoothness", "3"), NEEDED(30, 60));
	assert_int_equal(MEMORY("--width=10", "--height=20", "--smoothness=3"), NEEDED(30, 60));
	assert_int_equal(MEMORY("-width=10", "--height", "20", "-smoothness", "3", "-iteration=9"),
		NEEDED(30, 60));
}

static void the_last_of_two_counts(void **state)
{
	(void)state;
	assert_int_equal(
		MEMORY("-width=1", "-height=8", "-smoothness=1", "-width", "5"), NEEDED(5, 8));
}

static void other_words_are_passed_over(void **state)
{
	(void)state;
	assert_int_equal(MEMORY("-widths", "3", "-heigh=4", "-palette", "Hippi", "-w"),
		NEEDED(1024 * 8, 768 * 8));
	assert_int_equal(MEMORY("-height=8", "-smoothness=1", "-width"), NEEDED(1024, 8));
	/* The value of another option is not an option. */
	assert_int_equal(MEMORY("-file", "width", "-height=8", "-smoothness=1"), NEEDED(1024, 8));
}

static void absurd_sizes_overflow_to_the_largest_number(void **state)
{
	(void)state;
	assert_true(MEMORY("-width", "18446744073709551615") == UINT64_MAX);
	assert_true(MEMORY("-width", "99999999999999999999999") == UINT64_MAX);
	assert_true(MEMORY("-width=4294967296", "-height=4294967296") == UINT64_MAX);
	assert_true(MEMORY("-smoothness=4294967296") == UINT64_MAX);
	assert_true(MEMORY("-width", "-5") == UINT64_MAX);
	/* 2^62 pixels fit into the number, their bytes do not. */
	assert_true(
		MEMORY("-width=4294967296", "-height=1073741824", "-smoothness=1") == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_papers_scenarios_need_memory_for_their_rasters),
		cmocka_unit_test(every_scenario_is_found_by_its_name_and_no_other),
		cmocka_unit_test(without_arguments_the_programs_defaults_count),
		cmocka_unit_test(all_four_forms_of_an_option_are_read),
		cmocka_unit_test(the_last_of_two_counts),
		cmocka_unit_test(other_words_are_passed_over),
		cmocka_unit_test(absurd_sizes_overflow_to_the_largest_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
