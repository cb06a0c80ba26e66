/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A shell gives back the very words that were written for it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/shell_words.h"

static void a_shell_reads_what_was_written(void **state)
{
	static char *const argv[] = {"plain-1.2/3", "", "two words", "it's", "''", "a\nb", "$HOME",
		"`id`", "\\", "\"", "~", "*", "\303\251", "-x=1;true", NULL};
	_cleanup_free_ char *command = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&command, &size), *shell;
	char said[512];
	size_t n, at = 0;

	(void)state;
	fputs("printf '%s\\001' ", f);
	shell_words(f, argv);
	fclose(f);
	shell = popen(command, "r");
	assert_non_null(shell);
	n = fread(said, 1, sizeof(said), shell);
	assert_int_equal(pclose(shell), 0);
	for (size_t i = 0; argv[i]; i++) {
		size_t length = strlen(argv[i]);

		assert_true(at + length < n);
		assert_memory_equal(said + at, argv[i], length);
		assert_int_equal(said[at + length], 1);
		at += length + 1;
	}
	assert_int_equal(at, n);
}

static void free_words(char ***words)
{
	for (char **p = *words; p && *p; p++)
		free(*p);
	free(*words);
}

/* The words of @text, as a real shell has them. */
static void what_a_shell_reads_is_read_the_same(void **state)
{
	static const char *const texts[] = {"a b", "  a\t'b c'\n", "a'b'\"c\"d", "'' \"\" x",
		"\"a\\\"b\\\\c\\d\"", "a\\ b\\\\", "'a|b' \"c;d\" e\\>f g#h",
		"-n 1000 -t get,set {port} --x='$1'"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(free_words) char **words = NULL;
		_cleanup_free_ char *command = NULL;
		char said[512];
		size_t n, at = 0;
		FILE *shell;

		assert_int_equal(shell_split(texts[i], &words, NULL), 0);
		assert_true(
			asprintf(&command, "set -- %s\nprintf '%%s\\001' \"$@\"", texts[i]) > 0);
		shell = popen(command, "r");
		assert_non_null(shell);
		n = fread(said, 1, sizeof(said), shell);
		assert_int_equal(pclose(shell), 0);
		for (char **word = words; *word; at += strlen(*word) + 1, word++) {
			assert_true(at + strlen(*word) < n);
			assert_memory_equal(said + at, *word, strlen(*word));
			assert_int_equal(said[at + strlen(*word)], 1);
		}
		assert_int_equal(at, n);
	}
}

static void what_asks_something_of_a_shell_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {{"", "no word"}, {" \n", "no word"}, {"a 'b", "a ' has no end"},
		{"a \"b\\\"", "a \" has no end"}, {"a\\", "is the last sign"}, {"a | b", "'|'"},
		{"a > b", "'>'"}, {"a; b", "';'"}, {"a $HOME", "'$'"}, {"a \"$HOME\"", "'$'"},
		{"a `id`", "'`'"}, {"a #b", "'#'"}, {"(a)", "'('"}, {"a &", "'&'"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error error = {0};
		char **words = NULL;

		assert_int_equal(shell_split(rows[i].text, &words, &error), -EINVAL);
		assert_null(words);
		assert_non_null(strstr(error.text, rows[i].says));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_shell_reads_what_was_written),
		cmocka_unit_test(what_a_shell_reads_is_read_the_same),
		cmocka_unit_test(what_asks_something_of_a_shell_is_refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
