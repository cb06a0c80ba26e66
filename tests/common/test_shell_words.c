/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A shell gives back the very words that were written for it. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_shell_reads_what_was_written)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
