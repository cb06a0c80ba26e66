/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/experiment/variant.h: what a variant's words make of the command line, and one
 * line for each mistake in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/experiment/variant.h"
#include "common/cleanup.h"

#define WORDS_MAX 16

static struct options parse(const char *const *words)
{
	static char *argv[WORDS_MAX + 1];
	struct options o;
	struct error error = {0};
	int argc = 1;

	argv[0] = (char *)(uintptr_t) "collector";
	for (; *words; words++)
		argv[argc++] = (char *)(uintptr_t)*words;
	argv[argc] = NULL;
	if (options_parse(argc, argv, &o, &error) < 0)
		fail_msg("%s", error.text);
	return o;
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

#define ASSERT_WORDS(list, ...)                                                                    \
	do {                                                                                       \
		const char *const _w[] = {__VA_ARGS__, NULL};                                      \
		size_t _i = 0;                                                                     \
		for (; _w[_i] && (list)[_i]; _i++)                                                 \
			assert_string_equal((list)[_i], _w[_i]);                                   \
		assert_true(!_w[_i] && !(list)[_i]);                                               \
	} while (0)

static void without_variants_there_is_one_without_a_name(void **state)
{
	struct options o = PARSE("--guest=native");
	struct variant *list;
	size_t n;

	(void)state;
	assert_int_equal(variants_make(&o, &list, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_null(list[0].name);
	assert_ptr_equal(list[0].o.arguments, o.arguments);
	variants_free(list, n);
	options_done(&o);
}

static void words_are_added_to_the_arguments(void **state)
{
	struct options o = PARSE(
		"--program=/p", "--variant=plain=", "--variant=two=-n '2 3' {cores}", "--", "-x");
	struct variant *list;
	size_t n;

	(void)state;
	assert_int_equal(variants_make(&o, &list, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].name, "plain");
	ASSERT_WORDS(list[0].o.arguments, "-x");
	assert_string_equal(list[1].name, "two");
	assert_string_equal(list[1].text, "-n '2 3' {cores}");
	ASSERT_WORDS(list[1].o.arguments, "-x", "-n", "2 3", "{cores}");
	variants_free(list, n);
	options_done(&o);
}

static void options_before_two_dashes_are_of_this_variant_alone(void **state)
{
	static const char own[] =
		"--variant=z=--env A=9 --env=C=3 --memory 1G --kernel /k --pin none "
		"--container-option --cpus=0.5 -- -y";
	struct options o = PARSE("--guest=docker,linux", "--program=/p", "--env=A=1", "--env=B=2",
		"--container-option=--read-only", "--memory=256M", "--variant=x=-y", own, "--",
		"-x");
	struct variant *list;
	size_t n;

	(void)state;
	assert_int_equal(variants_make(&o, &list, &n, NULL), 0);
	ASSERT_WORDS(list[0].o.environment, "A=1", "B=2");
	ASSERT_WORDS(list[0].o.container_args, "--read-only");
	assert_int_equal(list[0].o.ram_bytes, 256ULL << 20);
	assert_null(list[0].o.kernel);
	ASSERT_WORDS(list[1].o.environment, "B=2", "A=9", "C=3");
	ASSERT_WORDS(list[1].environment, "B=2", "A=9", "C=3", "OMP_NUM_THREADS={cores}",
		"GOMAXPROCS={cores}");
	ASSERT_WORDS(list[1].o.container_args, "--read-only", "--cpus=0.5");
	assert_int_equal(list[1].o.ram_bytes, 1ULL << 30);
	assert_string_equal(list[1].o.kernel, "/k");
	assert_string_equal(list[1].o.pin, "none");
	ASSERT_WORDS(list[1].o.arguments, "-x", "-y");
	/* The others' and the experiment's stay what they are. */
	assert_null(o.kernel);
	assert_int_equal(o.n_environment, 2);
	variants_free(list, n);
	options_done(&o);
}

static void what_is_written_down_makes_the_same_from_another_folder(void **state)
{
	_cleanup_free_ char *here = getcwd(NULL, 0), *text = NULL, *expected = NULL;
	char name[] = "variant-kernel-XXXXXX";
	char words[128];
	int fd = mkstemp(name);
	struct variant *list;
	struct options o;
	size_t n;

	(void)state;
	assert_true(fd >= 0);
	snprintf(words, sizeof(words), "--variant=v=--kernel %s --memory=1G -- 'a b' %s", name,
		name);
	o = PARSE("--guest=osv", words);
	assert_int_equal(variants_make(&o, &list, &n, NULL), 0);
	text = variant_write_out(&list[0]);
	assert_non_null(text);
	assert_true(asprintf(&expected, "v=--kernel %s/%s --memory=1G -- 'a b' %s", here, name,
			    name) > 0);
	assert_string_equal(text, expected);
	variants_free(list, n);
	options_done(&o);
	close(fd);
	unlink(name);
}

static void each_mistake_is_the_users_and_named_in_one_line(void **state)
{
	static const struct {
		const char *arguments[3];
		const char *named, *explained;
	} mistakes[] = {
		{{"--variant=v=--cores 2 --"}, "v: --cores", "--env, "},
		{{"--variant=v=--variant w= --"}, "v: --variant", "same for all"},
		{{"--variant=v=--nothing 2 --"}, "v: ", "no option --nothing"},
		{{"--variant=v=word --"}, "v: ", "no option word"},
		{{"--guest=osv", "--variant=v=--kernel --"}, "v: --kernel", "value"},
		{{"--guest=osv", "--variant=v=--memory 5 --"}, "v: --memory", "128M"},
		{{"--variant=v=--memory 1G --"}, "v: --memory", "virtual machines"},
		{{"--variant=v=--env A=1 --"}, "v: --env", "--program"},
		{{"--variant=v=--program /p --"}, "v: --program", "there is none"},
		{{"--guest=docker", "--variant=v=--image i --"}, "v: --image", "there is none"},
		{{"--variant=v=-width 9 -cores 2"}, "v: -cores", "--cores"},
		{{"--variant=v=a | b"}, "v: ", "'|'"},
		{{"--variant=v='a"}, "v: ", "no end"},
		{{"--program=/p", "--variant=v=--env A --"}, "v: --env", "NAME=VALUE"},
		{{"--guest=docker", "--variant=v=--container-option --cpuset-cpus=1 --"},
			"v: --container-option", "--pin"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		struct options o = parse((const char *const[]){mistakes[i].arguments[0],
			mistakes[i].arguments[1], mistakes[i].arguments[2], NULL});
		struct error error = {0};
		struct variant *list;
		size_t n;

		print_message("%s %s\n", mistakes[i].arguments[0],
			mistakes[i].arguments[1] ? mistakes[i].arguments[1] : "");
		assert_int_equal(variants_make(&o, &list, &n, &error), -EINVAL);
		assert_true(error.user);
		assert_non_null(strstr(error.text, mistakes[i].named));
		assert_non_null(strstr(error.text, mistakes[i].explained));
		assert_null(strchr(error.text, '\n'));
		options_done(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_variants_there_is_one_without_a_name),
		cmocka_unit_test(words_are_added_to_the_arguments),
		cmocka_unit_test(options_before_two_dashes_are_of_this_variant_alone),
		cmocka_unit_test(what_is_written_down_makes_the_same_from_another_folder),
		cmocka_unit_test(each_mistake_is_the_users_and_named_in_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
