/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/experiment/output_folder.h: one collector at a time, and no lock outlives
 * its holder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/experiment/output_folder.h"
#include "tests/collector/temporary.h"

static char path[128];

/** A process that holds the folder until it is killed. */
static pid_t another_collector(void)
{
	int end[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(end), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct output_folder f;

		if (output_folder_make(path, &f, NULL) < 0 || write(end[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(end[1]);
	assert_int_equal(read(end[0], &byte, 1), 1);
	close(end[0]);
	return pid;
}

static void the_folder_is_made_with_all_above_it(void **state)
{
	struct output_folder f;
	struct error error = {0};
	char lock[160];

	(void)state;
	snprintf(path, sizeof(path), "%s/a/b/c", temporary_dir);
	assert_int_equal(output_folder_make(path, &f, &error), 0);
	assert_int_equal(access(path, W_OK), 0);
	assert_int_equal(access(f.log_path, W_OK), 0);
	snprintf(lock, sizeof(lock), "%s", f.lock_path);
	assert_int_equal(access(lock, F_OK), 0);
	output_folder_release(&f);
	assert_int_equal(access(lock, F_OK), -1);
}

static void who_comes_second_is_told_of_the_first(void **state)
{
	struct output_folder f;
	struct error error = {0};
	pid_t pid = another_collector();
	char number[32];

	(void)state;
	assert_int_equal(output_folder_take(path, &f, &error), -EBUSY);
	snprintf(number, sizeof(number), "process %d", pid);
	assert_non_null(strstr(error.text, number));
	assert_non_null(strstr(error.text, path));
	error = (struct error){0};
	assert_int_equal(output_folder_check(path, &error), -EBUSY);
	assert_non_null(strstr(error.text, number));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(output_folder_check(path, &error), 0);
	/* What it left behind keeps nobody out. */
	assert_int_equal(output_folder_take(path, &f, &error), 0);
	output_folder_release(&f);
}

static void a_child_does_not_hold_what_its_parent_did(void **state)
{
	struct output_folder f;
	pid_t pid;

	(void)state;
	assert_int_equal(output_folder_take(path, &f, NULL), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		for (;;)
			pause();
	output_folder_release(&f);
	assert_int_equal(output_folder_take(path, &f, NULL), 0);
	output_folder_release(&f);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_folder_to_go_on_in_has_to_be_there(void **state)
{
	struct output_folder f;
	struct error error = {0};

	(void)state;
	assert_int_equal(output_folder_take("/no/such/folder", &f, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/no/such/folder"));
	assert_int_equal(output_folder_take("/dev/null", &f, &error), -ENOTDIR);
	assert_non_null(strstr(error.text, "/dev/null"));
}

static void a_check_makes_nothing_and_says_what_making_would(void **state)
{
	char below[160];
	struct error error = {0};

	(void)state;
	snprintf(below, sizeof(below), "%s/new/er/est/", temporary_dir);
	assert_int_equal(output_folder_check(below, &error), 0);
	snprintf(below, sizeof(below), "%s/new", temporary_dir);
	assert_int_equal(access(below, F_OK), -1);
	assert_int_equal(output_folder_check(temporary_dir, &error), 0);
	assert_int_equal(output_folder_check("relative-to-here", &error), 0);
	assert_int_equal(output_folder_check("/dev/null", &error), -ENOTDIR);
	assert_non_null(strstr(error.text, "/dev/null"));
	assert_int_equal(output_folder_check("/dev/null/x/y", &error), -ENOTDIR);
	assert_non_null(strstr(error.text, "/dev/null/x/y"));
	assert_int_equal(output_folder_check("", &error), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_folder_is_made_with_all_above_it),
		cmocka_unit_test(who_comes_second_is_told_of_the_first),
		cmocka_unit_test(a_child_does_not_hold_what_its_parent_did),
		cmocka_unit_test(a_folder_to_go_on_in_has_to_be_there),
		cmocka_unit_test(a_check_makes_nothing_and_says_what_making_would),
	};

	return cmocka_run_group_tests(tests, temporary_make, temporary_remove);
}
