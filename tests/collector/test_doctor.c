/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/doctor/doctor.h: every check says what it found and how to fix it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/doctor/doctor.h"
#include "guests/guest.h"
#include "guests/stacks/stacks.h"

struct seen {
	unsigned checks, stacks;
	int essential_missing;
};

static void see(const struct doctor_check *c, void *userdata)
{
	struct seen *seen = userdata;

	assert_true(strlen(c->name) > 0);
	assert_true(strlen(c->finding) > 0);
	assert_null(strchr(c->finding, '\n'));
	if (c->fix)
		assert_true(strlen(c->fix) > 0);
	seen->checks++;
	seen->stacks += strncmp(c->name, "stack ", 6) == 0;
	seen->essential_missing += c->essential && c->status == DOCTOR_MISSING;
}

static void every_check_and_stack_is_told_of(void **state)
{
	struct seen seen = {0};
	unsigned stacks = 0;
	int missing = doctor_run(see, &seen);

	(void)state;
	while (guest_table[stacks])
		stacks++;
	assert_int_equal(seen.stacks, stacks);
	assert_true(seen.checks > stacks + 10);
	assert_int_equal(missing, seen.essential_missing);
}

static void the_document_says_whether_anything_can_be_measured(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_t *document;
	int status;

	(void)state;
	assert_non_null(out);
	status = doctor_print(out, true, NULL);
	fclose(out);
	document = json_loads(text, 0, NULL);
	assert_non_null(document);
	assert_true(json_array_size(json_object_get(document, "checks")) > 10);
	assert_int_equal(status, json_is_true(json_object_get(document, "usable")) ? 0 : 3);
	json_decref(document);
	free(text);
}

static void the_table_has_a_fix_for_what_is_missing(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	assert_true(doctor_print(out, false, NULL) >= 0);
	fclose(out);
	assert_non_null(strstr(text, "privileges"));
	assert_non_null(strstr(text, "hardware counters"));
	free(text);
}

static void a_full_disk_is_an_error(void **state)
{
	FILE *out = fopen("/dev/full", "w");
	struct error error = {0};

	(void)state;
	assert_non_null(out);
	assert_true(doctor_print(out, false, &error) < 0);
	assert_true(strlen(error.text) > 0);
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_check_and_stack_is_told_of),
		cmocka_unit_test(the_document_says_whether_anything_can_be_measured),
		cmocka_unit_test(the_table_has_a_fix_for_what_is_missing),
		cmocka_unit_test(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
