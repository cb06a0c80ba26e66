/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/experiment/own_program.h: what the options of a user's own program mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/experiment/own_program.h"
#include "common/cleanup.h"
#include "tests/collector/temporary.h"

static char *words[8];

static char **list(size_t n, const char *const *texts)
{
	for (size_t i = 0; i < n; i++)
		words[i] = (char *)(uintptr_t)texts[i];
	words[n] = NULL;
	return words;
}

#define LIST(...)                                                                                  \
	list(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),                          \
		(const char *const[]){__VA_ARGS__})

/* In a folder of its own, with some files. */
static int set_up(void **state)
{
	if (temporary_make(state) < 0 || chdir(temporary_dir) < 0)
		return -1;
	*state = temporary_dir;
	write_text("file", "text");
	return mkdir("folder", 0755);
}

static int tear_down(void **state)
{
	return chdir("/") < 0 ? -1 : temporary_remove(state);
}

static void runtimes_are_told_the_cores_unless_the_user_does(void **state)
{
	struct options o = {.environment = LIST("A=b", "GOMAXPROCS=7", "OMP_NUM_THREADS2=1")};
	struct own_program p = {0};

	(void)state;
	assert_int_equal(own_program_open(&o, &p, NULL), 0);
	assert_string_equal(p.environment[0], "A=b");
	assert_string_equal(p.environment[1], "GOMAXPROCS=7");
	assert_string_equal(p.environment[2], "OMP_NUM_THREADS2=1");
	assert_string_equal(p.environment[3], "OMP_NUM_THREADS={cores}");
	assert_null(p.environment[4]);
	own_program_done(&p);
}

static void the_folder_is_whole_and_need_not_be_there(void **state)
{
	static const char *const folders[][2] = {
		{"/a/./b//../c/", "/a/c"}, {"/..", "/"}, {"/", "/"}};
	struct own_program p = {0};
	struct options o = {0};
	char expected[256];

	assert_int_equal(own_program_open(&o, &p, NULL), 0);
	assert_string_equal(p.cwd, *state);
	own_program_done(&p);
	o.cwd = "folder/../no/such";
	snprintf(expected, sizeof(expected), "%s/no/such", (char *)*state);
	assert_int_equal(own_program_open(&o, &p, NULL), 0);
	assert_string_equal(p.cwd, expected);
	own_program_done(&p);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		o.cwd = folders[i][0];
		assert_int_equal(own_program_open(&o, &p, NULL), 0);
		assert_string_equal(p.cwd, folders[i][1]);
		own_program_done(&p);
	}
}

static void assert_with(const struct own_program *p, size_t i, const char *top, const char *source,
	const char *path)
{
	char text[256];

	snprintf(text, sizeof(text), "%s/%s", top, source);
	assert_string_equal(p->with[i].source, text);
	if (path[0] != '/') {
		snprintf(text, sizeof(text), "%s/%s", top, path);
		path = text;
	}
	assert_string_equal(p->with[i].path, path);
}

static void files_lie_where_they_are_or_where_it_is_said(void **state)
{
	struct options o = {
		.with = LIST("file", "./folder/../file:/a/../b", "odd:/name"), .n_with = 3};
	struct own_program p = {0}, again = {0};

	write_text("odd:/name", "text");
	assert_int_equal(own_program_open(&o, &p, NULL), 0);
	assert_int_equal(p.n_with, 3);
	assert_with(&p, 0, *state, "file", "file");
	assert_with(&p, 1, *state, "file", "/b");
	assert_with(&p, 2, *state, "odd:/name", "odd:/name");
	own_program_done(&p);
	o.with = LIST("file", "folder:/y");
	o.n_with = 2;
	assert_int_equal(own_program_open(&o, &p, NULL), 0);
	/* As the plan has them, from any folder. */
	o.with = p.words;
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(own_program_open(&o, &again, NULL), 0);
	assert_int_equal(chdir(*state), 0);
	assert_with(&again, 0, *state, "file", "file");
	assert_with(&again, 1, *state, "folder", "/y");
	own_program_done(&p);
	own_program_done(&again);
}

static void what_is_not_there_is_named(void **state)
{
	struct options o = {.with = LIST("file", "no/such:/x"), .n_with = 2};
	struct own_program p = {0};
	struct error error = {0};

	(void)state;
	assert_int_equal(own_program_open(&o, &p, &error), -ENOENT);
	assert_non_null(strstr(error.text, "no/such"));
	assert_false(error.user);
	own_program_done(&p);
	o.with = LIST("file:/");
	o.n_with = 1;
	assert_int_equal(own_program_open(&o, &p, &error), -EINVAL);
	assert_true(error.user);
	own_program_done(&p);
}

static char *digest(const struct own_program *p, const char *path)
{
	json_t *digests = json_object();
	char *text;

	assert_int_equal(own_program_digest(p, digests, NULL), 0);
	text = strdup(json_string_value(json_object_get(digests, path)));
	json_decref(digests);
	return text;
}

static void what_is_in_files_and_folders_has_a_digest(void **state)
{
	struct options o = {.with = LIST("file:/f", "folder:/g"), .n_with = 2};
	_cleanup_free_ char *file = NULL, *folder = NULL, *file_2 = NULL, *folder_2 = NULL;
	struct own_program p = {0};

	(void)state;
	assert_int_equal(own_program_open(&o, &p, NULL), 0);
	write_text("folder/data", "1234");
	file = digest(&p, "/f");
	folder = digest(&p, "/g");
	write_text("file", "TEXT");
	write_text("folder/data", "12345");
	file_2 = digest(&p, "/f");
	folder_2 = digest(&p, "/g");
	assert_string_not_equal(file, file_2);
	assert_string_not_equal(folder, folder_2);
	own_program_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runtimes_are_told_the_cores_unless_the_user_does),
		cmocka_unit_test(the_folder_is_whole_and_need_not_be_there),
		cmocka_unit_test(files_lie_where_they_are_or_where_it_is_said),
		cmocka_unit_test(what_is_not_there_is_named),
		cmocka_unit_test(what_is_in_files_and_folders_has_a_digest),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
